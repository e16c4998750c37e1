#include "bench/load/run_report.h"

#include <inttypes.h>
#include <string.h>

static const char *const run_quantiles[] = {"0.5", "0.9", "0.99", "0.999"};
#define RUN_QUANTILES (sizeof(run_quantiles) / sizeof(*run_quantiles))
static const char *const run_times[] = {"response", "service", "lag"};

static const char *run_text(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text != NULL ? text : "";
}

static double run_number(const json_t *object, const char *member)
{
	return json_number_value(json_object_get(object, member));
}

static json_int_t run_count(const json_t *object, const char *member)
{
	return json_integer_value(json_object_get(object, member));
}

static void run_print_head(FILE *out, const json_t *result, const json_t *results)
{
	const json_t *side = json_array_get(json_object_get(result, "sides"), 0);
	bool open = strcmp(run_text(results, "mode"), "open") == 0;

	fprintf(out, "%s at %s", run_text(side, "label"), run_text(side, "target"));
	if (*run_text(side, "version") != '\0')
		fprintf(out, " (%s)", run_text(side, "version"));
	if (json_is_true(json_object_get(side, "stand_in")))
		fputs(", on a local server that stands in for DynamoDB", out);
	if (open)
		fprintf(out,
			"\nopen loop, %.6g operations a second intended, %s arrivals, at most ",
			run_number(results, "rate"), run_text(results, "arrivals"));
	else
		fputs("\nclosed loop, ", out);
	fprintf(out,
		"%" JSON_INTEGER_FORMAT
		" clients, %.1f s after %.1f s of warm-up, seed %" JSON_INTEGER_FORMAT "\n",
		run_count(results, "clients"), run_number(results, "duration_s"),
		run_number(results, "warmup_s"), run_count(result, "seed"));
}

static void run_print_success(FILE *out, const json_t *operation)
{
	const json_t *success = json_object_get(operation, "success");

	fprintf(out, "%10" JSON_INTEGER_FORMAT " %9.4g %%", run_count(operation, "tried"),
		run_number(success, "share") * 100);
}

/* A quantile that too few samples support is a dash. */
static void run_print_times(FILE *out, const json_t *hist)
{
	const json_t *quantiles = json_object_get(hist, "quantiles");

	for (size_t i = 0; i < RUN_QUANTILES; i++) {
		const json_t *ns = json_object_get(quantiles, run_quantiles[i]);

		if (ns != NULL)
			fprintf(out, " %9.3f", json_number_value(ns) / 1e6);
		else
			fprintf(out, " %9s", "-");
	}
	if (run_count(hist, "count") > 0)
		fprintf(out, " %9.3f\n", run_number(hist, "max") / 1e6);
	else
		fprintf(out, " %9s\n", "-");
}

static void run_print_operations(FILE *out, const json_t *operations)
{
	const json_t *operation;
	size_t i;

	fprintf(out, "\n%-9s %-8s %10s %11s %9s %9s %9s %9s %9s\n", "operation", "ms", "tried",
		"success", "p50", "p90", "p99", "p99.9", "max");
	json_array_foreach(operations, i, operation)
	{
		const char *name = run_text(operation, "operation");

		for (size_t t = 0; t < sizeof(run_times) / sizeof(*run_times); t++) {
			const json_t *hist = json_object_get(operation, run_times[t]);

			if (!json_is_object(hist))
				continue;
			fprintf(out, "%-9s %-8s ", name, run_times[t]);
			if (*name != '\0')
				run_print_success(out, operation);
			else
				fprintf(out, "%22s", "");
			run_print_times(out, hist);
			name = "";
		}
	}
}

static void run_print_errors(FILE *out, const json_t *operations)
{
	const json_t *operation, *count;
	const char *error;
	size_t i;

	json_array_foreach(operations, i, operation)
	{
		json_object_foreach(json_object_get(operation, "errors"), error, count)
		{
			fprintf(out, "%s failed %" JSON_INTEGER_FORMAT " times with %s\n",
				run_text(operation, "operation"), json_integer_value(count), error);
		}
		if (run_count(operation, "unknown") > 0)
			fprintf(out,
				"%s: of %" JSON_INTEGER_FORMAT
				" it is not known whether they were applied\n",
				run_text(operation, "operation"), run_count(operation, "unknown"));
	}
}

/* Where the time went: means, which add up. */
static void run_print_split(FILE *out, const json_t *operations)
{
	const json_t *operation;
	bool any = false;
	size_t i;

	json_array_foreach(operations, i, operation)
	{
		const json_t *mean = json_object_get(json_object_get(operation, "split"), "mean");

		if (mean == NULL)
			continue;
		if (!any)
			fprintf(out, "\n%-9s %-8s %21s %9s %9s %9s\n", "operation", "mean ms",
				"client + network", "queue", "database", "service");
		any = true;
		fprintf(out, "%-9s %-8s %21.3f %9.3f %9.3f %9.3f\n",
			run_text(operation, "operation"), "", run_number(mean, "client") / 1e6,
			run_number(mean, "queue") / 1e6, run_number(mean, "db") / 1e6,
			run_number(mean, "service") / 1e6);
	}
}

void run_report_print(FILE *out, const json_t *result)
{
	const json_t *results = json_object_get(result, "results");
	const json_t *operations = json_object_get(results, "operations");
	const json_t *generator = json_object_get(results, "generator");

	run_print_head(out, result, results);
	run_print_operations(out, operations);
	run_print_errors(out, operations);
	run_print_split(out, operations);
	fprintf(out, "\n%.6g operations a second succeeded; cartbench used %.0f %% of its cores",
		run_number(results, "throughput_per_s"), run_number(generator, "cpu") * 100);
	if (json_is_real(json_object_get(generator, "lag_p99_ms")))
		fprintf(out, ", 99 %% were sent within %.3f ms of their time",
			run_number(generator, "lag_p99_ms"));
	putc('\n', out);
	if (strcmp(run_text(results, "mode"), "closed") == 0)
		fputs("coordinated omission: service times only\n", out);
}

void run_report_csv(struct buf *out, const json_t *result)
{
	const json_t *operations =
		json_object_get(json_object_get(result, "results"), "operations");
	const json_t *operation, *ns;
	const char *quantile;
	size_t i;

	buf_add_string(out, "operation,time,quantile,ms,tried,ok\n");
	json_array_foreach(operations, i, operation)
	{
		for (size_t t = 0; t < sizeof(run_times) / sizeof(*run_times); t++) {
			const json_t *hist = json_object_get(operation, run_times[t]);

			json_object_foreach(json_object_get(hist, "quantiles"), quantile, ns)
			{
				buf_printf(out,
					   "%s,%s,%s,%.6f,%" JSON_INTEGER_FORMAT
					   ",%" JSON_INTEGER_FORMAT "\n",
					   run_text(operation, "operation"), run_times[t], quantile,
					   json_number_value(ns) / 1e6,
					   run_count(operation, "tried"),
					   run_count(operation, "ok"));
			}
		}
	}
}
