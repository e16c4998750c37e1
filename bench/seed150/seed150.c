#include "bench/seed150/seed150.h"

#include "bench/seed150/reference.h"
#include "core/base/clock.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

/* What the protocol says of its i-th operation. */
static int64_t seed150_customer(size_t i)
{
	return 1000 + (int64_t)i;
}

static int64_t seed150_product(size_t i)
{
	return 100 + (int64_t)i % 10;
}

static int64_t seed150_quantity(size_t i)
{
	return (int64_t)i % 5 + 1;
}

struct seed150_run {
	struct bench_target *target;
	struct seed150_result *result;
	char ids[SEED150_EACH][CART_ID_TEXT + 1]; /* of the carts created; "": failed */
	int unanswered;				  /* in a row */
};

/* Sends one operation, timed; what success means beyond the answer's coming is the caller's. */
static struct seed150_sample *seed150_send(struct seed150_run *run,
					   enum seed150_operation operation, const char *path,
					   const char *body, struct bench_client_answer *answer)
{
	static const char *const methods[] = {"POST", "POST", "GET"};
	struct seed150_result *result = run->result;
	struct seed150_sample *sample = &result->samples[result->sample_count++];
	int64_t began_ns;
	int failed;

	*sample = (struct seed150_sample){.operation = operation};
	sample->wall_ms = clock_wall_ms(&cart_clock_system);
	began_ns = clock_monotonic_ns(&cart_clock_system);
	failed = bench_client_request(run->target->client, methods[operation], path, body, answer,
				      &result->error);
	sample->response_ms =
		(double)(clock_monotonic_ns(&cart_clock_system) - began_ns) / CLOCK_NS_PER_MS;
	sample->status = answer->status;
	run->unanswered = failed == 0 ? 0 : run->unanswered + 1;
	return sample;
}

static void seed150_judge(struct seed150_run *run, struct seed150_sample *sample, int want,
			  bool body_is_right)
{
	sample->success = sample->status == want && body_is_right;
	if (sample->success || sample->status == 0)
		return; /* without an answer the client has said why */
	if (sample->status != want)
		cart_error_set(&run->result->error, "%s answered %d, not %d",
			       seed_reference_rows[sample->operation], sample->status, want);
	else
		cart_error_set(&run->result->error,
			       "%s answered %d without the cart it should hold",
			       seed_reference_rows[sample->operation], sample->status);
}

static bool seed150_create(struct seed150_run *run, size_t i)
{
	struct bench_client_answer answer;
	struct seed150_sample *sample;
	const char *text = NULL;
	struct cart_id id;
	json_t *cart;
	char body[64];
	bool right;

	snprintf(body, sizeof(body), "{\"customer_id\": %" PRId64 "}", seed150_customer(i));
	sample = seed150_send(run, SEED150_CREATE, "/shopping-carts", body, &answer);
	cart = json_loadb(answer.body, answer.body_len, 0, NULL);
	right = json_unpack(cart, "{s:s}", "shopping_cart_id", &text) == 0 &&
		cart_id_parse(&id, text, strlen(text));
	seed150_judge(run, sample, 201, right);
	if (sample->success) {
		cart_id_format(&id, sample->cart_id);
		memcpy(run->ids[i], sample->cart_id, sizeof(run->ids[i]));
	}
	json_decref(cart);
	return sample->success;
}

static bool seed150_add(struct seed150_run *run, size_t i)
{
	struct bench_client_answer answer;
	struct seed150_sample *sample;
	char path[80], body[64];

	snprintf(path, sizeof(path), "/shopping-carts/%s/items", run->ids[i]);
	snprintf(body, sizeof(body), "{\"product_id\": %" PRId64 ", \"quantity\": %" PRId64 "}",
		 seed150_product(i), seed150_quantity(i));
	sample = seed150_send(run, SEED150_ADD, path, body, &answer);
	memcpy(sample->cart_id, run->ids[i], sizeof(sample->cart_id));
	seed150_judge(run, sample, 204, true);
	return sample->success;
}

/* One line, the one that was added. */
static bool seed150_is_cart(const struct bench_client_answer *answer, const char *id, size_t i,
			    bool added)
{
	json_t *cart = json_loadb(answer->body, answer->body_len, 0, NULL);
	json_int_t product = 0, quantity = 0;
	const char *text = NULL;
	bool right;

	right = json_unpack(cart, "{s:s}", "shopping_cart_id", &text) == 0 && strcmp(text, id) == 0;
	if (right && added)
		right = json_unpack(cart, "{s:[{s:I, s:I}!]}", "items", "product_id", &product,
				    "quantity", &quantity) == 0 &&
			product == seed150_product(i) && quantity == seed150_quantity(i);
	json_decref(cart);
	return right;
}

static void seed150_get(struct seed150_run *run, size_t i, bool added)
{
	struct bench_client_answer answer;
	struct seed150_sample *sample;
	char path[80];

	snprintf(path, sizeof(path), "/shopping-carts/%s", run->ids[i]);
	sample = seed150_send(run, SEED150_GET, path, NULL, &answer);
	memcpy(sample->cart_id, run->ids[i], sizeof(sample->cart_id));
	seed150_judge(run, sample, 200, seed150_is_cart(&answer, run->ids[i], i, added));
}

/* An add or a get of a cart whose creation failed cannot be sent: it counts as tried and failed. */
static void seed150_skip(struct seed150_run *run, enum seed150_operation operation)
{
	struct seed150_result *result = run->result;

	result->samples[result->sample_count++] = (struct seed150_sample){
		.operation = operation,
		.wall_ms = clock_wall_ms(&cart_clock_system),
	};
}

void seed150_measure(struct seed150_result *result, struct bench_target *target)
{
	struct seed150_run run = {.target = target, .result = result};
	bool added[SEED150_EACH] = {false};
	size_t step;

	result->sample_count = 0;
	result->error.text[0] = '\0';
	for (step = 0; step < SEED150_TOTAL && run.unanswered < SEED150_GIVE_UP; step++) {
		enum seed150_operation operation = (enum seed150_operation)(step / SEED150_EACH);
		size_t i = step % SEED150_EACH;

		if (operation == SEED150_CREATE)
			seed150_create(&run, i);
		else if (run.ids[i][0] == '\0')
			seed150_skip(&run, operation);
		else if (operation == SEED150_ADD)
			added[i] = seed150_add(&run, i);
		else
			seed150_get(&run, i, added[i]);
	}
}

static bool seed150_is_of(const struct seed150_sample *sample, enum seed150_operation operation)
{
	return operation == SEED150_OPERATIONS || sample->operation == operation;
}

struct bench_summary seed150_summarize(const struct seed150_result *result,
				       enum seed150_operation operation)
{
	struct bench_summary summary = {0};
	size_t i;

	for (i = 0; i < result->sample_count; i++)
		if (seed150_is_of(&result->samples[i], operation) && result->samples[i].success)
			bench_summary_add(&summary, result->samples[i].response_ms);
	return summary;
}

size_t seed150_tried(const struct seed150_result *result, enum seed150_operation operation)
{
	size_t tried = 0, i;

	for (i = 0; i < result->sample_count; i++)
		tried += seed150_is_of(&result->samples[i], operation);
	return tried;
}
