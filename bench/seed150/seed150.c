#include "bench/seed150/seed150.h"

#include "bench/seed150/reference.h"
#include "bench/target/client.h"
#include "core/base/clock.h"

/* The values of the protocol's i-th operation. */
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
	struct bench_client client;
	struct seed150_result *result;
	struct cart_id ids[SEED150_EACH];
	bool created[SEED150_EACH], added[SEED150_EACH];
	int unanswered; /* in a row */
};

/* Says why there was no success, for a person. */
static void seed150_explain(struct seed150_run *run, const struct seed150_sample *sample,
			    const struct bench_op *op, int want)
{
	struct cart_error *error = &run->result->error;
	const char *what = seed_reference_rows[sample->operation];

	if (op->status == 0)
		cart_error_set(error, "%s got no answer: %s", what, op->error);
	else if (op->status != want)
		cart_error_set(error, "%s answered %d, not %d", what, op->status, want);
	else
		cart_error_set(error, "%s answered %d without the cart it should hold", what,
			       op->status);
	run->result->why[sample->operation] = *error;
}

/* One line, the one that was added. */
static bool seed150_is_cart(const struct seed150_run *run, const struct cart *cart, size_t i)
{
	if (cart_id_compare(&cart->id, &run->ids[i]) != 0)
		return false;
	return !run->added[i] ||
	       (cart->line_count == 1 &&
		shop_id_number(&cart->lines[0].product_id) == seed150_product(i) &&
		cart->lines[0].quantity == seed150_quantity(i));
}

/* Runs one operation of the protocol, timed from before its connection is opened to the last byte
 * of its answer, and judges the answer. */
static void seed150_run_one(struct seed150_run *run, enum seed150_operation operation, size_t i)
{
	static const enum bench_op_type types[] = {BENCH_CREATE, BENCH_ADD, BENCH_GET};
	static const int wanted[] = {201, 204, 200};
	struct seed150_sample *sample = &run->result->samples[run->result->sample_count++];
	struct bench_op op = {.type = types[operation],
			      .id = run->ids[i],
			      .customer_id = seed150_customer(i),
			      .product_id = seed150_product(i),
			      .quantity = seed150_quantity(i),
			      .want_cart = operation != SEED150_ADD};

	*sample = (struct seed150_sample){.operation = operation,
					  .wall_ms = clock_wall_ms(&cart_clock_system)};
	bench_client_run(&run->client, &op);
	sample->response_ms = (double)(op.done_ns - op.sent_ns) / CLOCK_NS_PER_MS;
	sample->status = op.status;
	sample->success = op.outcome == BENCH_OK && op.status == wanted[operation];
	if (operation == SEED150_CREATE) {
		run->ids[i] = op.id;
		run->created[i] = sample->success;
	} else if (operation == SEED150_ADD) {
		run->added[i] = sample->success;
	} else if (sample->success) {
		sample->success = seed150_is_cart(run, &op.cart, i);
	}
	if (run->created[i])
		cart_id_format(&run->ids[i], sample->cart_id);
	run->unanswered = op.status != 0 ? 0 : run->unanswered + 1;
	if (!sample->success)
		seed150_explain(run, sample, &op, wanted[operation]);
	bench_op_clear(&op);
}

void seed150_measure(struct seed150_result *result, struct bench_drive *drive)
{
	struct seed150_run run = {.result = result};

	result->sample_count = 0;
	result->error.text[0] = '\0';
	if (bench_client_open(&run.client, drive, &result->error) != 0)
		return;
	for (size_t step = 0; step < SEED150_TOTAL && run.unanswered < SEED150_GIVE_UP; step++) {
		enum seed150_operation operation = (enum seed150_operation)(step / SEED150_EACH);
		size_t i = step % SEED150_EACH;

		/* An add or a get of a cart whose creation failed cannot be sent: it counts as
		 * tried and failed. */
		if (operation != SEED150_CREATE && !run.created[i])
			result->samples[result->sample_count++] = (struct seed150_sample){
				.operation = operation,
				.wall_ms = clock_wall_ms(&cart_clock_system)};
		else
			seed150_run_one(&run, operation, i);
	}
	bench_client_close(&run.client);
}

const char *seed150_why(const struct seed150_result *result, enum seed150_operation operation)
{
	struct seed150_row row = seed150_row(result, operation);

	if (row.times.count > 0)
		return "";
	if (row.tried == 0 && result->sample_count > 0)
		return "it was not asked, because others before it got no answer";
	if (operation == SEED150_OPERATIONS || result->sample_count == 0)
		return result->error.text;
	return result->why[operation].text[0] != '\0' ? result->why[operation].text
						      : "no cart was created for it";
}

struct seed150_row seed150_row(const struct seed150_result *result,
			       enum seed150_operation operation)
{
	struct seed150_row row = {0};

	for (size_t i = 0; i < result->sample_count; i++) {
		const struct seed150_sample *sample = &result->samples[i];

		if (operation != SEED150_OPERATIONS && sample->operation != operation)
			continue;
		row.tried++;
		if (sample->success)
			bench_summary_add(&row.times, sample->response_ms);
	}
	return row;
}
