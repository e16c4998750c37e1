/* The settings of the sides and the machines: what is needed to repeat the measurement. */
#include "bench/result/number.h"
#include "bench/page/page.h"

#include <string.h>

#define SETTINGS_SIDES 4 /* columns of one table */

/* Whether an earlier side has the same label and the same settings. */
static bool settings_seen(const struct report *report, size_t at)
{
	const struct report_side *mine = report->sides[at];

	for (size_t i = 0; i < at; i++) {
		const struct report_side *other = report->sides[i];

		if (other->settings != NULL && strcmp(other->label, mine->label) == 0 &&
		    json_equal(other->settings, mine->settings))
			return true;
	}
	return false;
}

static void settings_value(struct page_table *table, const json_t *value)
{
	char text[NUMBER_TEXT];

	if (value == NULL)
		page_cell(table, "\xe2\x80\x93");
	else if (json_is_string(value))
		page_cell(table, "%s",
			  *json_string_value(value) != '\0' ? json_string_value(value) : "(empty)");
	else if (json_is_number(value))
		page_cell(table, "%s", number_plain(json_number_value(value), text));
	else
		page_cell(table, "%s", json_is_true(value) ? "true" : "false");
}

static bool settings_equal(const struct report_side *const *sides, size_t count, const char *key)
{
	for (size_t i = 1; i < count; i++) {
		const json_t *a = json_object_get(sides[0]->settings, key);
		const json_t *b = json_object_get(sides[i]->settings, key);

		if (a != b && (a == NULL || b == NULL || !json_equal(a, b)))
			return false;
	}
	return true;
}

/* Settings that differ come first: they are what was compared. */
static void settings_rows(struct page_table *table, const struct report_side *const *sides,
			  size_t count, bool equal)
{
	const json_t *value;
	const char *key;
	size_t i;

	for (i = 0; i < count; i++) {
		json_object_foreach((json_t *)sides[i]->settings, key, value)
		{
			bool shown = false;

			for (size_t k = 0; k < i; k++)
				shown = shown || json_object_get(sides[k]->settings, key) != NULL;
			if (shown || (count > 1 && settings_equal(sides, count, key) != equal))
				continue;
			page_cell(table, "%s", key);
			for (size_t k = 0; k < count; k++)
				settings_value(table, json_object_get(sides[k]->settings, key));
			if (count > 1)
				page_cell(table, equal ? "" : PAGE_STRONG "differs");
		}
	}
}

static void settings_table(struct report *report, const struct report_side *const *sides,
			   size_t count)
{
	struct page_table table;

	page_table_begin(&table, report, "Settings of cartd");
	page_column(&table, 'l', "setting");
	for (size_t i = 0; i < count; i++)
		page_column(&table, 'l', "%s", sides[i]->label);
	if (count > 1)
		page_column(&table, 'l', "differs?");
	if (count > 1)
		settings_rows(&table, sides, count, false);
	settings_rows(&table, sides, count, count > 1);
	page_table_end(&table, PAGE_FOLDED);
}

static void settings_all(struct report *report)
{
	const struct report_side *sides[SETTINGS_SIDES];
	size_t count = 0;

	for (size_t i = 0; i < report->side_count; i++) {
		const struct report_side *side = report->sides[i];

		if (side->settings == NULL)
			page_say(report, PAGE_HTML, "%s: the settings of %s are not known.",
				 report_file_name(side->doc->path), side->label);
		else if (!settings_seen(report, i))
			sides[count++] = side;
		if (count == SETTINGS_SIDES) {
			settings_table(report, sides, count);
			count = 0;
		}
	}
	if (count > 0)
		settings_table(report, sides, count);
}

static void settings_machines(struct report *report)
{
	char cores[NUMBER_TEXT], memory[NUMBER_TEXT];
	struct page_table table;
	size_t e;

	page_table_begin(&table, report, "Machines");
	page_heads(&table,
		   "l machine|l processor|r cores|l cores of the generator|r memory|l kernel");
	for (size_t d = 0; d < report->doc_count; d++) {
		const json_t *machine = json_object_get(report->docs[d].json, "machine"), *core;
		struct buf pinned = {0};

		for (e = 0; e < d; e++)
			if (json_equal(json_object_get(report->docs[e].json, "machine"), machine))
				break;
		if (e < d || machine == NULL)
			continue;
		member_each(i, core, json_object_get(machine, "generator_cores"))
			buf_printf(&pinned, "%s%" JSON_INTEGER_FORMAT, i > 0 ? ", " : "",
				   json_integer_value(core));
		page_cell(&table, "%s", member_text(machine, "id"));
		page_cell(&table, "%s", member_text(machine, "cpu"));
		page_cell(&table, "%s", number_count(member_number(machine, "cores"), cores));
		page_cell(&table, "%s", pinned.len > 0 ? buf_string(&pinned) : "not pinned");
		page_cell(&table, "%s GiB",
			  number_digits(member_number(machine, "memory_bytes") / (1 << 30), 3,
					memory));
		page_cell(&table, "%s", member_text(machine, "kernel"));
		buf_free(&pinned);
	}
	page_table_end(&table, PAGE_HTML);
}

static void settings_files(struct report *report)
{
	char when[32];
	struct page_table table;
	const json_t *word;

	page_table_begin(&table, report, "Results files");
	page_heads(&table, "l file|l kind|l made at|l cartbench|r seed|l machine|l command");
	for (size_t d = 0; d < report->doc_count; d++) {
		const json_t *json = report->docs[d].json, *tool = json_object_get(json, "tool");
		struct buf command = {0};

		member_each(i, word, json_object_get(json, "command"))
			if (json_is_string(word))
				buf_printf(&command, "%s%s", i > 0 ? " " : "",
					   json_string_value(word));
		page_cell(&table, "%s", report_file_name(report->docs[d].path));
		page_cell(&table, "%s", report_kind_names[report->docs[d].kind]);
		page_cell(&table, "%s", report_when(json, when));
		page_cell(&table, "%s (%s)", member_text(tool, "version"),
			  member_text(tool, "revision"));
		page_cell(&table, "%" JSON_INTEGER_FORMAT,
			  json_integer_value(json_object_get(json, "seed")));
		page_cell(&table, "%s", member_text(json_object_get(json, "machine"), "id"));
		page_cell(&table, "%s", buf_string(&command));
		buf_free(&command);
	}
	page_table_end(&table, PAGE_HTML);
}

static void settings_show(struct report *report)
{
	settings_machines(report);
	settings_all(report);
	settings_files(report);
}

const struct page_section section_settings = {
	.id = "settings",
	.heading = "Settings and machines",
	.where = PAGE_HTML,
	.intro = "A result without its settings is no result: durability, consistency, pool and "
		 "layout decide more than the database's name.",
	.before = settings_show,
};
