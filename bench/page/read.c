/*
 * Reads results files and checks the parts that the sections use: that lists are lists of objects
 * and that every histogram parses. A file that fails a check is refused with one line, because a
 * chart of an incomplete file would look complete.
 *
 * Unknown members are ignored here; the schema refuses them.
 */
#include "bench/page/report.h"
#include "bench/stats/alloc.h"
#include "core/base/units.h"

#include <string.h>
#include <stdio.h>

#define READ_DEPTH 16

const char *const report_kind_names[REPORT_KINDS + 1] = {"run", "h2h", "sweep", "consistency"};

/* The lists that each kind's results must have. */
static const char *const read_lists[REPORT_KINDS] = {"operations", "operations", "points",
						     "probes"};

/* Every "buckets" below json, wherever it stands. */
static int read_check_hists(const json_t *json, size_t depth, struct cart_error *error)
{
	const json_t *value;
	const char *key;

	if (depth == 0)
		return cart_error_set(error, "nested too deeply for a results file");
	member_each(i, value, json)
		if (read_check_hists(value, depth - 1, error) != 0)
			return -1;
	json_object_foreach((json_t *)json, key, value)
	{
		struct bench_hdr *hdr;
		struct cart_error why;

		if (strcmp(key, "buckets") == 0 && json_is_string(value)) {
			hdr = bench_hdr_parse(json_string_value(value), &why);
			if (hdr == NULL)
				return cart_error_set(error, "a histogram: %s", why.text);
			bench_hdr_free(&hdr);
		} else if (read_check_hists(value, depth - 1, error) != 0) {
			return -1;
		}
	}
	return 0;
}

static int read_sides(struct report_doc *doc, struct cart_error *error)
{
	const json_t *sides = json_object_get(doc->json, "sides"), *json;

	if (json_array_size(sides) > REPORT_SIDES_MAX)
		return cart_error_set(error, "has more than %d \"sides\"", REPORT_SIDES_MAX);
	member_each(i, json, sides) {
		struct report_side *side = &doc->sides[i];

		side->doc = doc;
		side->json = json;
		side->name = member_text(json, "name");
		side->label = member_text(json, "label");
		side->about = member_text(json, "about");
		side->target = member_text(json, "target");
		side->database = member_text(json, "database");
		side->server = member_text(json, "server");
		side->durability = member_text(json, "durability");
		side->stand_in = member_true(json, "stand_in");
		side->settings = json_object_get(json, "settings");
		if (!json_is_object(side->settings))
			side->settings = NULL;
		if (*side->label == '\0')
			side->label = *side->database != '\0' ? side->database : side->name;
		doc->stand_in = doc->stand_in || side->stand_in;
	}
	doc->side_count = json_array_size(sides);
	if (doc->kind == REPORT_H2H && doc->side_count != 2)
		return cart_error_set(error, "a head-to-head of %zu sides", doc->side_count);
	return 0;
}

static int read_check_list(const struct report_doc *doc, struct cart_error *error)
{
	const char *name = read_lists[doc->kind];
	const json_t *list = json_object_get(doc->results, name), *entry;

	if (!json_is_array(list))
		return cart_error_set(error, "has no list results.%s, which a \"%s\" has", name,
				      report_kind_names[doc->kind]);
	member_each(i, entry, list)
		if (!json_is_object(entry))
			return cart_error_set(error, "results.%s[%zu] is not an object", name, i);
	return 0;
}

int report_doc_read(struct report_doc *doc, const char *path, struct cart_error *error)
{
	*doc = (struct report_doc){.path = path,
				   .json = bench_result_read(path, report_kind_names, error)};
	if (doc->json == NULL)
		return -1;
	while (strcmp(member_text(doc->json, "kind"), report_kind_names[doc->kind]) != 0)
		doc->kind++;
	doc->results = json_object_get(doc->json, "results");
	if (read_check_list(doc, error) == 0 && read_sides(doc, error) == 0 &&
	    read_check_hists(doc->results, READ_DEPTH, error) == 0)
		return 0;
	report_doc_free(doc);
	return -1;
}

void report_doc_free(struct report_doc *doc)
{
	json_decref(doc->json);
	doc->json = NULL;
}

/* The sides of comparisons come first, so that A and B have the first two styles even where both
 * have one label. Styles count from 1 meanwhile: 0 is a side that has none yet. */
static void read_styles(struct report *report, size_t *used, bool compared)
{
	for (size_t i = 0; i < report->side_count; i++) {
		struct report_side *side = report->sides[i];

		if ((side->doc->kind == REPORT_H2H) != compared)
			continue;
		for (size_t k = 0; k < report->side_count && side->style == 0; k++) {
			const struct report_side *known = report->sides[k];

			if (known->style > 0 && strcmp(known->label, side->label) == 0 &&
			    (!compared || strcmp(known->name, side->name) == 0))
				side->style = known->style;
		}
		if (side->style == 0)
			side->style = ++*used;
	}
}

void report_docs_settle(struct report *report)
{
	const json_t *first = json_object_get(report->docs[0].json, "machine"), *machine;
	size_t used = 0;

	report->sides = bench_alloc(report->doc_count, REPORT_SIDES_MAX * sizeof(*report->sides));
	for (size_t d = 0; d < report->doc_count; d++) {
		struct report_doc *doc = &report->docs[d];

		for (size_t s = 0; s < doc->side_count; s++)
			report->sides[report->side_count++] = &doc->sides[s];
		machine = json_object_get(doc->json, "machine");
		if (strcmp(member_text(machine, "id"), member_text(first, "id")) != 0)
			report->other_machines = true;
	}
	read_styles(report, &used, true);
	read_styles(report, &used, false);
	for (size_t i = 0; i < report->side_count; i++)
		report->sides[i]->style--;
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
	const char *name = member_text(entry, "side");

	for (size_t i = 0; i < doc->side_count; i++)
		if (strcmp(doc->sides[i].name, name) == 0)
			return i;
	return 0;
}

const char *report_file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

const char *report_file_of(const struct report *report, const struct report_doc *doc)
{
	size_t same = 0;

	for (size_t i = 0; i < report->doc_count; i++)
		same += report->docs[i].kind == doc->kind;
	return same > 1 ? report_file_name(doc->path) : "";
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
	for (size_t i = 0; i < report->doc_count; i++)
		if (report->docs[i].kind == kind)
			return &report->docs[i];
	return NULL;
}
