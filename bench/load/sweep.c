#include "bench/load/sweep.h"

#include <string.h>

/* Throughput / p50; 0 of a point that is not valid or where nothing succeeded. */
static double sweep_power(const struct sweep_point *point)
{
	return point->valid && point->p50_ms > 0 ? point->throughput / point->p50_ms : 0;
}

int sweep_knee(const struct sweep_point *points, size_t count)
{
	size_t best = count, beyond = 0;

	for (size_t i = 0; i < count; i++) {
		double power = sweep_power(&points[i]);

		if (power <= 0)
			continue;
		if (best == count || power > sweep_power(&points[best])) {
			best = i;
			beyond = 0;
		} else {
			beyond++;
		}
	}
	return best < count && beyond >= SWEEP_BEYOND ? (int)best : -1;
}

bool sweep_is_over(const struct sweep_point *points, size_t count)
{
	double best = 0;
	int idle = 0;

	for (size_t i = 0; i < count; i++) {
		if (!points[i].valid)
			continue;
		idle = points[i].throughput < SWEEP_IDLE_GAIN * best ? idle + 1 : 0;
		if (points[i].throughput > best)
			best = points[i].throughput;
	}
	return idle >= SWEEP_IDLE && sweep_knee(points, count) >= 0;
}

/* Why a point is not valid, or that it is the knee. */
static const char *sweep_get_note(const struct table_row *row, char text[TABLE_TEXT])
{
	const json_t *knee = json_object_get(json_object_get(row->document, "results"), "knee");

	if (json_is_false(table_member(row, "valid"))) {
		snprintf(text, TABLE_TEXT, "not valid: %.300s", table_string(row, "why"));
		return text;
	}
	return json_is_integer(knee) && (size_t)json_integer_value(knee) == row->at ? TABLE_STRONG
		       "knee"
										    : "";
}

#define SWEEP_COLUMNS                                                                              \
	COLUMN("throughput_per_s", "done, operations/s", DIGITS, EVERYWHERE),                      \
		COLUMN("p50_ms", "median", MS, EVERYWHERE),                                        \
		COLUMN("p99_ms", "p99", MS, EVERYWHERE),                                           \
		COLUMN("failed", NULL, COUNT, EVERYWHERE), COLUMN("valid", NULL, TEXT, IN_CSV),    \
		COLUMN("why", NULL, TEXT, IN_CSV),                                                 \
		COLUMN_GET(sweep_get_note, "note", NULL, TEXT, FOR_PEOPLE),                        \
	{                                                                                          \
		0                                                                                  \
	}

static const struct table_column sweep_clients_columns[] = {
	COLUMN("clients", NULL, COUNT, EVERYWHERE), SWEEP_COLUMNS};
static const struct table_column sweep_rate_columns[] = {
	COLUMN("rate", "rate, operations/s", COUNT, EVERYWHERE), SWEEP_COLUMNS};

const struct table_column *sweep_columns(const char *axis)
{
	return strcmp(axis, "rate") == 0 ? sweep_rate_columns : sweep_clients_columns;
}

json_t *sweep_point_json(const struct sweep_point *point, const char *axis)
{
	bool clients = strcmp(axis, "clients") == 0;

	return json_pack("{s:o, s:f, s:f, s:o, s:I, s:b, s:o}", axis,
			 clients ? json_integer((json_int_t)point->at) : json_real(point->at),
			 "throughput_per_s", point->throughput, "p50_ms", point->p50_ms, "p99_ms",
			 point->p99_ms > 0 ? json_real(point->p99_ms) : json_null(), "failed",
			 (json_int_t)point->failed, "valid", point->valid, "why",
			 point->valid ? json_null() : json_string(point->why));
}

json_t *sweep_json(const struct sweep_point *points, size_t count, const char *side,
		   const char *axis)
{
	json_t *array = json_array();
	int knee = sweep_knee(points, count);

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, sweep_point_json(&points[i], axis));
	return json_pack("{s:s, s:s, s:o, s:o}", "side", side, "axis", axis, "points", array,
			 "knee", knee >= 0 ? json_integer(knee) : json_null());
}
