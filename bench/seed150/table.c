/* The seed's table, as it printed it, with its own figures beside ours. */
#include "bench/seed150/seed150.h"
#include "bench/seed150/reference.h"

#include <string.h>

#define TABLE_CELL 24 /* room for a number */

/* "12.34", or "-" for a figure that there is not. */
static const char *table_ms(char cell[TABLE_CELL], double ms)
{
	if (ms < 0)
		return "-";
	snprintf(cell, TABLE_CELL, "%.2f", ms);
	return cell;
}

static void table_print_times(FILE *out, const struct seed_times *times)
{
	char avg[TABLE_CELL], min[TABLE_CELL], max[TABLE_CELL];

	fprintf(out, " | %7s %7s %7s", table_ms(avg, times->avg), table_ms(min, times->min),
		table_ms(max, times->max));
}

static void table_print_row(FILE *out, const struct seed150_result *result, size_t row,
			    const struct seed_reference *references)
{
	enum seed150_operation operation = (enum seed150_operation)row;
	struct bench_summary summary = seed150_summarize(result, operation);
	struct seed_times ours = {bench_summary_average(&summary), summary.min, summary.max};
	size_t i;

	if (summary.count == 0)
		ours = (struct seed_times){-1, -1, -1};
	fprintf(out, "%-12s %4zu", seed_reference_rows[row], seed150_tried(result, operation));
	table_print_times(out, &ours);
	for (i = 0; i < SEED_REFERENCE_DATABASES; i++)
		table_print_times(out, &references[i].rows[row]);
	fputc('\n', out);
}

static void table_print_success(FILE *out, const struct seed150_result *result,
				const struct seed_reference *references)
{
	struct bench_summary summary = seed150_summarize(result, SEED150_OPERATIONS);
	char cell[TABLE_CELL];
	size_t i;

	snprintf(cell, sizeof(cell), "%zu of %d, %.1f %%", summary.count, SEED150_TOTAL,
		 100.0 * (double)summary.count / SEED150_TOTAL);
	fprintf(out, "%-17s | %23s", "success", cell);
	for (i = 0; i < SEED_REFERENCE_DATABASES; i++) {
		snprintf(cell, sizeof(cell), "%d of %d", references[i].success, SEED150_TOTAL);
		fprintf(out, " | %23s", cell);
	}
	fputc('\n', out);
}

bool seed150_print_table(FILE *out, const struct seed150_result *result)
{
	struct seed_reference references[SEED_REFERENCE_DATABASES];
	size_t row;

	if (seed_reference_load(references) != 0)
		return false;
	fprintf(out, "seed150 of %s (%s), %s\n\n", result->url, result->name,
		result->keep_alive ? "one kept connection" : "a new TCP connection each operation");
	fprintf(out, "%-17s | %-23s | %-23s | %s\n", "", "here", "the seed, MySQL",
		"the seed, DynamoDB");
	fprintf(out, "%-12s %4s", "operation", "n");
	for (row = 0; row < SEED_REFERENCE_DATABASES + 1; row++)
		fprintf(out, " | %7s %7s %7s", "avg ms", "min", "max");
	fprintf(out, "\n%s\n",
		"------------------+-------------------------+"
		"-------------------------+-------------------------");
	for (row = 0; row < SEED_REFERENCE_ROWS; row++)
		table_print_row(out, result, row, references);
	table_print_success(out, result, references);
	return ferror(out) == 0;
}

void seed150_print_caveat(FILE *out)
{
	fputs("\nThe seed's figures (DynamoDB analysis of 1 November 2025) were taken through a "
	      "load\n"
	      "balancer to another region, us-west-2: the absolute figures are not comparable "
	      "with\n"
	      "those taken here. \"-\" was not published.\n",
	      out);
}
