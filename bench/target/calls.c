#include "bench/target/calls.h"

#include "bench/target/client.h"
#include "core/base/buf.h"

#include <stdlib.h>
#include <string.h>

/* The names under which backends count, whichever it is. */
static const char *const calls_of_trips[] = {"cart_mysql_batches_total",
					     "cart_dynamodb_calls_total", NULL};
static const char *const calls_of_statements[] = {"cart_mysql_statements_total", NULL};
static const char *const calls_of_half_reads[] = {"cart_dynamodb_half_read_units_total", NULL};
static const char *const calls_of_half_writes[] = {"cart_dynamodb_half_write_units_total", NULL};

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

static bool calls_add(const char *metrics, const char *const *series, double *sum)
{
	bool found = false;

	for (; *series != NULL; series++) {
		found = found || strstr(metrics, *series) != NULL;
		*sum += bench_calls_sum(metrics, *series);
	}
	return found;
}

/* Adds sign times what is counted now. */
static int calls_count(struct bench_calls *calls, struct bench_drive *drive, double sign,
		       struct cart_error *error)
{
	struct bench_calls now = {0};
	struct buf text = {0};

	if (bench_drive_metrics(drive, &text, error) != 0) {
		buf_free(&text);
		return -1;
	}
	buf_add_char(&text, '\0');
	if (text.data != NULL) {
		now.counted = calls_add(text.data, calls_of_trips, &now.calls);
		calls_add(text.data, calls_of_statements, &now.statements);
		now.has_units = calls_add(text.data, calls_of_half_reads, &now.read_units);
		calls_add(text.data, calls_of_half_writes, &now.write_units);
	}
	buf_free(&text);
	calls->counted = now.counted;
	calls->has_units = now.has_units;
	calls->calls += sign * now.calls / BENCH_CALLS_EACH;
	calls->statements += sign * now.statements / BENCH_CALLS_EACH;
	calls->read_units += sign * now.read_units / BENCH_CALLS_EACH / 2;
	calls->write_units += sign * now.write_units / BENCH_CALLS_EACH / 2;
	return 0;
}

static int calls_ask(struct bench_client *client, struct bench_op *op, struct cart_error *error)
{
	bench_client_run(client, op);
	if (op->outcome == BENCH_OK)
		return 0;
	return cart_error_set(error, "counting calls: %s: %d %s", bench_op_type_name(op->type),
			      op->status, op->error);
}

static int calls_run(struct bench_client *client, enum bench_op_type type,
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
				      .quantity = 1 + i};

		result = calls_ask(client, &op, error);
		bench_op_clear(&op);
	}
	if (result == 0)
		result = calls_count(calls, drive, 1, error);
	bench_op_clear(&made);
	return result;
}

int bench_calls_measure(struct bench_calls *calls, struct bench_drive *drive,
			enum bench_op_type type, struct cart_error *error)
{
	struct bench_client client;
	int result;

	*calls = (struct bench_calls){0};
	result = bench_client_open(&client, drive, error);
	if (result == 0)
		result = calls_run(&client, type, drive, calls, error);
	bench_client_close(&client);
	return result;
}
