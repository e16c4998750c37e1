#include "bench/load/workload.h"

#include "bench/stats/alloc.h"
#include "core/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define WORKLOAD_ZIPF_EXPONENT 0.99 /* YCSB's */

static bool workload_type_uses_up(int type)
{
	return type == BENCH_CHECKOUT || type == BENCH_DELETE || type == BENCH_REMOVE;
}

void workload_init(struct workload *workload, const struct workload_config *config)
{
	*workload = (struct workload){.config = *config};
	if (config->sessions)
		workload->config.carts = 0;
	for (int i = 0; i < BENCH_OP_TYPES; i++) {
		workload->total += config->weights[i];
		workload->uses_up =
			workload->uses_up || (workload_type_uses_up(i) && config->weights[i] > 0);
	}
	if (workload->config.carts == 0)
		return;
	workload->carts = bench_alloc(config->carts, sizeof(*workload->carts));
	workload->ledger = ledger_new(config->seed);
	if (config->keys == WORKLOAD_ZIPFIAN)
		bench_zipf_init(&workload->zipf, config->carts, config->exponent);
}

void workload_free(struct workload *workload)
{
	free(workload->carts);
	ledger_free(&workload->ledger);
	*workload = (struct workload){0};
}

/* Text up to stop is a number of 0 ... max and nothing else. */
static bool workload_number(const char *text, size_t len, double max, double *number)
{
	char digits[32], *end;

	if (len == 0 || len >= sizeof(digits) || strspn(text, "0123456789.") < len)
		return false;
	memcpy(digits, text, len);
	digits[len] = '\0';
	*number = strtod(digits, &end);
	return *end == '\0' && *number <= max;
}

int workload_parse_mix(struct workload_config *config, const char *text, struct cart_error *error)
{
	double weights[BENCH_OP_TYPES] = {0}, total = 0;

	for (const char *at = text; *at != '\0';) {
		size_t len = strcspn(at, ","), name = strcspn(at, "=,");
		enum bench_op_type type;

		if (!bench_op_type_find(at, name, &type))
			return cart_error_set(error, "no operation is called \"%.*s\"", (int)name,
					      at);
		if (name == len ||
		    !workload_number(at + name + 1, len - name - 1, 1e6, &weights[type]))
			return cart_error_set(error, "%s wants a weight, as %s=4",
					      bench_op_type_name(type), bench_op_type_name(type));
		total += weights[type];
		at += len;
		at += *at == ',';
	}
	if (total <= 0)
		return cart_error_set(error, "no operation has a weight");
	memcpy(config->weights, weights, sizeof(weights));
	return 0;
}

int workload_parse_keys(struct workload_config *config, const char *text, struct cart_error *error)
{
	config->exponent = WORKLOAD_ZIPF_EXPONENT;
	if (strcmp(text, "uniform") == 0) {
		config->keys = WORKLOAD_UNIFORM;
	} else if (strcmp(text, "hot") == 0) {
		config->keys = WORKLOAD_HOT;
	} else if (strncmp(text, "zipfian", 7) == 0 && (text[7] == '\0' || text[7] == ':')) {
		config->keys = WORKLOAD_ZIPFIAN;
		if (text[7] == ':' && !workload_number(text + 8, strlen(text + 8),
						       BENCH_ZIPF_EXPONENT_MAX, &config->exponent))
			return cart_error_set(error, "zipfian:S takes 0 to %d, not \"%s\"",
					      BENCH_ZIPF_EXPONENT_MAX, text + 8);
	} else {
		return cart_error_set(
			error, "keys are uniform, zipfian, zipfian:S or hot, not \"%s\"", text);
	}
	return 0;
}

static json_t *workload_types_json(const struct workload_config *config)
{
	json_t *mix;

	if (config->sessions)
		return json_pack("{s:s, s:I, s:I, s:f, s:I}", "kind", "sessions", "adds",
				 (json_int_t)config->adds, "gets", (json_int_t)config->gets,
				 "checkouts", config->checkouts, "think_ms",
				 (json_int_t)config->think_ms);
	mix = json_pack("{s:s}", "kind", "mix");
	for (int i = 0; i < BENCH_OP_TYPES; i++)
		if (config->weights[i] > 0)
			json_object_set_new(mix, bench_op_type_name((enum bench_op_type)i),
					    json_real(config->weights[i]));
	return mix;
}

json_t *workload_mix_json(const struct workload_config *config)
{
	json_t *mix = workload_types_json(config);

	json_object_set_new(mix, "consistency", json_string(bench_read_name(config->read)));
	return mix;
}

json_t *workload_keys_json(const struct workload_config *config)
{
	static const char *const names[] = {"uniform", "zipfian", "hot"};
	json_t *keys;

	if (config->sessions)
		return json_pack("{s:s}", "kind", "own");
	keys = json_pack("{s:s, s:I}", "kind", names[config->keys], "carts",
			 (json_int_t)config->carts);
	if (config->keys == WORKLOAD_ZIPFIAN)
		json_object_set_new(keys, "exponent", json_real(config->exponent));
	return keys;
}

void workload_client_init(struct workload_client *client, const struct workload *workload,
			  uint64_t index)
{
	*client = (struct workload_client){.workload = workload};
	bench_rng_init(&client->rng, workload->config.seed, index);
}

static size_t workload_draw_key(struct workload_client *client)
{
	const struct workload *workload = client->workload;

	switch (workload->config.keys) {
	case WORKLOAD_ZIPFIAN:
		return (size_t)bench_zipf_draw(&workload->zipf, &client->rng) - 1;
	case WORKLOAD_UNIFORM:
		return (size_t)bench_rng_below(&client->rng, workload->config.carts);
	case WORKLOAD_HOT:
		break;
	}
	return 0;
}

static enum bench_op_type workload_draw_type(struct workload_client *client)
{
	const struct workload *workload = client->workload;
	double at = bench_rng_unit(&client->rng) * workload->total;
	int type = 0, last = 0;

	for (; type < BENCH_OP_TYPES; type++) {
		if (workload->config.weights[type] <= 0)
			continue;
		last = type;
		at -= workload->config.weights[type];
		if (at < 0)
			break;
	}
	return (enum bench_op_type)last;
}

static void workload_ask_create(struct workload_client *client, struct bench_op *op)
{
	op->type = BENCH_CREATE;
	op->customer_id =
		bench_rng_between(&client->rng, WORKLOAD_CUSTOMER_FIRST, WORKLOAD_CUSTOMER_LAST);
}

static void workload_draw_line(struct workload_client *client, struct bench_op *op)
{
	op->product_id = bench_rng_between(&client->rng, 1, client->workload->config.products);
	op->quantity = bench_rng_between(&client->rng, 1, WORKLOAD_QUANTITY_MAX);
}

/* The newest cart of the client's own with lines, or without. own_count: none. */
static size_t workload_find_own(const struct workload_client *client, bool with_lines)
{
	for (size_t i = client->own_count; i > 0; i--)
		if ((client->own[i - 1].lines > 0) == with_lines)
			return i - 1;
	return client->own_count;
}

static bool workload_add_to_own(struct workload_client *client, struct bench_op *op)
{
	client->at = workload_find_own(client, false);
	if (client->at == client->own_count)
		return false;
	op->type = BENCH_ADD;
	op->id = client->own[client->at].id;
	op->product_id = 1;
	op->quantity = bench_rng_between(&client->rng, 1, WORKLOAD_QUANTITY_MAX);
	return true;
}

/* A checkout, a removal, a delete, or what must come before it. */
static void workload_use_up(struct workload_client *client, struct bench_op *op)
{
	client->at = workload_find_own(client, true);
	if (client->at == client->own_count && op->type == BENCH_DELETE)
		client->at = workload_find_own(client, false);
	if (client->at < client->own_count) {
		op->id = client->own[client->at].id;
		op->product_id = client->own[client->at].lines;
	} else if (!workload_add_to_own(client, op)) {
		workload_ask_create(client, op);
	}
}

static void workload_next_of_mix(struct workload_client *client, struct bench_op *op)
{
	const struct workload *workload = client->workload;
	size_t key;

	client->at = WORKLOAD_OWN_MAX;
	op->type = workload_draw_type(client);
	if (op->type == BENCH_CREATE) {
		workload_ask_create(client, op);
		return;
	}
	if (workload_type_uses_up((int)op->type)) {
		workload_use_up(client, op);
		return;
	}
	/* Own carts must get lines, or no checkout would ever be ready. */
	if (op->type == BENCH_ADD && workload->uses_up && workload_add_to_own(client, op))
		return;
	key = workload_draw_key(client);
	op->id = workload->carts[key];
	op->customer_id = (int64_t)key + 1;
	workload_draw_line(client, op);
}

static void workload_next_of_session(struct workload_client *client, struct bench_op *op)
{
	const struct workload_config *config = &client->workload->config;

	op->id = client->cart;
	if (client->began && client->adds_left > 0) {
		op->type = BENCH_ADD;
		client->adds_left--;
		workload_draw_line(client, op);
	} else if (client->began && client->gets_left > 0) {
		op->type = BENCH_GET;
		client->gets_left--;
	} else if (client->began && client->checks_out) {
		op->type = BENCH_CHECKOUT;
		client->checks_out = false;
	} else {
		client->began = false;
		client->adds_left = bench_rng_between(&client->rng, 1, 2 * config->adds - 1);
		client->gets_left = bench_rng_between(&client->rng, 0, 2 * config->gets);
		client->checks_out = bench_rng_unit(&client->rng) < config->checkouts;
		workload_ask_create(client, op);
	}
}

void workload_next(struct workload_client *client, struct bench_op *op)
{
	op->read = client->workload->config.read;
	if (client->workload->config.sessions)
		workload_next_of_session(client, op);
	else
		workload_next_of_mix(client, op);
}

static void workload_forget_own(struct workload_client *client, size_t at)
{
	client->own_count--;
	memmove(&client->own[at], &client->own[at + 1],
		(client->own_count - at) * sizeof(client->own[0]));
}

static void workload_learn_of_mix(struct workload_client *client, const struct bench_op *op)
{
	struct workload_own *own = &client->own[client->at < WORKLOAD_OWN_MAX ? client->at : 0];

	if (!client->workload->uses_up)
		return;
	if (op->type == BENCH_CREATE && op->outcome == BENCH_OK) {
		if (client->own_count == WORKLOAD_OWN_MAX)
			workload_forget_own(client, 0);
		client->own[client->own_count++] = (struct workload_own){.id = op->id};
	}
	if (client->at >= client->own_count || op->type == BENCH_CREATE)
		return;
	/* In doubt it is left alone: what it holds is not known any more. */
	if (op->type == BENCH_CHECKOUT || op->type == BENCH_DELETE || op->outcome == BENCH_UNKNOWN)
		workload_forget_own(client, client->at);
	else if (op->type == BENCH_ADD && op->outcome == BENCH_OK)
		own->lines++;
	else if (op->type == BENCH_REMOVE && op->outcome == BENCH_OK)
		own->lines--;
}

void workload_learn(struct workload_client *client, const struct bench_op *op)
{
	if (!client->workload->config.sessions) {
		workload_learn_of_mix(client, op);
		return;
	}
	if (op->type == BENCH_CREATE) {
		client->began = op->outcome == BENCH_OK;
		client->cart = op->id;
	} else if (op->status == 404 || op->status == 409) {
		client->began = false; /* gone, or closed by somebody: a new one */
	} else if (op->type == BENCH_ADD && op->outcome != BENCH_OK && client->adds_left == 0) {
		client->checks_out = false; /* it may be empty */
	}
}

int64_t workload_think_ns(struct workload_client *client)
{
	int64_t mean_ms = client->workload->config.think_ms;

	if (mean_ms == 0)
		return 0;
	return (int64_t)bench_rng_exponential(&client->rng, (double)(mean_ms * CLOCK_NS_PER_MS));
}
