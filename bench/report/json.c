/* Small accessors of the documents. */
#include "bench/report/report.h"
#include "core/base/units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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
	const char *name = member_text(entry, "side");
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
	const char *made = member_text(json, "made_at");
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
