#include "bench/target/calls.h"

#include "bench/target/client.h"
#include "core/base/buf.h"

#include <stdlib.h>
#include <string.h>

/* The names under which backends count, whichever it is; half units are two of a unit. */
static const struct {
	const char *series;
	size_t at; /* the member of struct bench_calls */
	double parts;
} calls_series[] = {
	{"cart_mysql_batches_total", offsetof(struct bench_calls, calls), 1},
	{"cart_dynamodb_calls_total", offsetof(struct bench_calls, calls), 1},
	{"cart_mysql_statements_total", offsetof(struct bench_calls, statements), 1},
	{"cart_dynamodb_half_read_units_total", offsetof(struct bench_calls, read_units), 2},
	{"cart_dynamodb_half_write_units_total", offsetof(struct bench_calls, write_units), 2},
};

double bench_calls_sum(const char *metrics, const char *series)
{
	size_t len = strlen(series);
	double sum = 0;

	for (const char *line = metrics; line != NULL && *line != '\0';) {
		const char *value, *end = strchr(line, '\n');

		if (strncmp(line, series, len) == 0 && (line[len] == '{' || line[len] == ' ')) {
			/* A label's value may hold any sign but a line's end. */
			value = memrchr(line, ' ',
					end != NULL ? (size_t)(end - line) : strlen(line));
			if (value != NULL)
				sum += strtod(value, NULL);
		}
		line = end != NULL ? end + 1 : NULL;
	}
	return sum;
}

/* Adds sign times what is counted now. */
static int calls_count(struct bench_calls *calls, struct bench_drive *drive, double sign,
		       struct cart_error *error)
{
	struct buf text = {0};
	int failed = bench_drive_metrics(drive, &text, error);

	for (size_t i = 0; i < sizeof(calls_series) / sizeof(*calls_series) && failed == 0; i++) {
		double *sum = (double *)((char *)calls + calls_series[i].at);

		if (strstr(buf_string(&text), calls_series[i].series) == NULL)
			continue;
		*sum += sign * bench_calls_sum(buf_string(&text), calls_series[i].series) /
			BENCH_CALLS_EACH / calls_series[i].parts;
		calls->counted = calls->counted || sum == &calls->calls;
		calls->has_units = calls->has_units || sum == &calls->read_units;
	}
	buf_free(&text);
	return failed;
}

static int calls_ask(struct bench_client *client, struct bench_op *op, struct cart_error *error)
{
	bench_client_run(client, op);
	if (op->outcome == BENCH_OK)
		return 0;
	return cart_error_set(error, "counting calls: %s: %d %s", bench_op_type_name(op->type),
			      op->status, op->error);
}

static int calls_run(struct bench_client *client, enum bench_op_type type, enum bench_read read,
		     struct bench_drive *drive, struct bench_calls *calls, struct cart_error *error)
{
	struct bench_op made = {.type = BENCH_CREATE, .customer_id = 1};
	int result = calls_ask(client, &made, error);

	if (result == 0)
		result = calls_count(calls, drive, -1, error);
	for (int i = 0; result == 0 && i < BENCH_CALLS_EACH; i++) {
		struct bench_op op = {.type = type,
				      .id = made.id,
				      .customer_id = 1,
				      .product_id = 1 + i % 3,
				      .quantity = 1 + i,
				      .read = read};

		result = calls_ask(client, &op, error);
		bench_op_clear(&op);
	}
	if (result == 0)
		result = calls_count(calls, drive, 1, error);
	bench_op_clear(&made);
	return result;
}

int bench_calls_measure(struct bench_calls *calls, struct bench_drive *drive,
			enum bench_op_type type, enum bench_read read, struct cart_error *error)
{
	struct bench_client client;
	int result;

	*calls = (struct bench_calls){0};
	result = bench_client_open(&client, drive, error);
	if (result == 0)
		result = calls_run(&client, type, read, drive, calls, error);
	bench_client_close(&client);
	return result;
}
