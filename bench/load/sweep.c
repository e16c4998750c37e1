#include "bench/load/sweep.h"

double sweep_power(const struct sweep_point *point)
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

json_t *sweep_json(const struct sweep_point *points, size_t count, const char *side,
		   const char *axis)
{
	json_t *array = json_array();
	int knee = sweep_knee(points, count);

	for (size_t i = 0; i < count; i++) {
		const struct sweep_point *point = &points[i];
		json_t *at =
			axis[0] == 'c' ? json_integer((json_int_t)point->at) : json_real(point->at);

		json_array_append_new(
			array,
			json_pack("{s:o, s:f, s:f, s:o, s:I, s:b, s:o}", axis, at,
				  "throughput_per_s", point->throughput, "p50_ms", point->p50_ms,
				  "p99_ms",
				  point->p99_ms > 0 ? json_real(point->p99_ms) : json_null(),
				  "failed", (json_int_t)point->failed, "valid", point->valid, "why",
				  point->valid ? json_null() : json_string(point->why)));
	}
	return json_pack("{s:s, s:s, s:o, s:o}", "side", side, "axis", axis, "points", array,
			 "knee", knee >= 0 ? json_integer(knee) : json_null());
}

void sweep_print_head(FILE *out, const char *axis)
{
	fprintf(out, "%10s %12s %10s %10s %10s\n", axis, "ok/s", "p50 ms", "p99 ms", "failed");
}

void sweep_print_point(FILE *out, const struct sweep_point *point)
{
	fprintf(out, "%10.6g %12.6g %10.3f ", point->at, point->throughput, point->p50_ms);
	if (point->p99_ms > 0)
		fprintf(out, "%10.3f", point->p99_ms);
	else
		fprintf(out, "%10s", "-");
	fprintf(out, " %10llu", (unsigned long long)point->failed);
	if (!point->valid)
		fprintf(out, "  invalid: %s", point->why);
	putc('\n', out);
	fflush(out);
}
