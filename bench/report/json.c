/* Reading what may be missing. */
#include "bench/report/report.h"
#include "core/base/units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

double report_number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

const char *report_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

bool report_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

const json_t *report_item(const json_t *object, const char *key, size_t i)
{
	return json_array_get(json_object_get(object, key), i);
}

struct bench_hdr *report_hist(const json_t *hist)
{
	const char *text = report_text(hist, "buckets");
	struct bench_hdr *hdr;
	struct cart_error error;

	if (*text == '\0')
		return NULL;
	hdr = bench_hdr_parse(text, &error);
	if (hdr != NULL && hdr->count == 0)
		bench_hdr_free(&hdr);
	return hdr;
}

/* From the histogram where there is one, else what the writer has put beside it. */
double report_quantile(const json_t *hist, double quantile)
{
	struct bench_hdr *hdr = report_hist(hist);
	double count = report_number(hist, "count"), value = NAN;
	char key[32];

	if (hdr != NULL) {
		if (bench_hdr_quantile_holds(hdr, quantile))
			value = (double)bench_hdr_quantile(hdr, quantile);
		bench_hdr_free(&hdr);
		return value;
	}
	snprintf(key, sizeof(key), "%g", quantile);
	if (count * (1 - quantile) < BENCH_HDR_BEYOND_MIN - 1e-6)
		return NAN;
	return report_number(json_object_get(hist, "quantiles"), key);
}

const char *report_side_title(const struct report_doc *doc, size_t side, char *text, size_t size)
{
	const struct report_side *of = &doc->sides[side < doc->side_count ? side : 0];

	if (doc->side_count > 1 && *of->name != '\0')
		snprintf(text, size, "%s: %s", of->name, of->label);
	else
		snprintf(text, size, "%s", of->label);
	return text;
}

size_t report_side_of(const struct report_doc *doc, const json_t *entry)
{
	const char *name = report_text(entry, "side");
	size_t i;

	for (i = 0; i < doc->side_count; i++)
		if (strcmp(doc->sides[i].name, name) == 0)
			return i;
	return 0;
}

const char *report_file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

const char *report_when(const json_t *json, char text[32])
{
	const char *made = report_text(json, "made_at");
	char utc[UNITS_TIME_TEXT + 1];
	int64_t ms;

	if (units_parse_time(made, strlen(made), &ms)) {
		units_format_time(ms, utc);
		snprintf(text, 32, "%.10s %.8s UTC", utc, utc + 11);
	} else {
		snprintf(text, 32, "%.31s", made);
	}
	return text;
}

const struct report_doc *report_first(const struct report *report, enum report_kind kind)
{
	size_t i;

	for (i = 0; i < report->doc_count; i++)
		if (report->docs[i].kind == kind)
			return &report->docs[i];
	return NULL;
}
