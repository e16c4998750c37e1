/* Settings for people: the effective ones, the sample file, --help and docs/settings.md. */
#include "core/settings/internal.h"

#include <string.h>

/* How long the part before the last dot is: the section in the file. */
static size_t settings_section(const struct settings_entry *entry)
{
	const char *dot = strrchr(entry->key, '.');

	return dot == NULL ? 0 : (size_t)(dot - entry->key);
}

static bool settings_same_section(const struct settings_entry *a, const struct settings_entry *b)
{
	size_t len = settings_section(a);

	return len == settings_section(b) && strncmp(a->key, b->key, len) == 0;
}

/* The name inside the section. */
static const char *settings_short_key(const struct settings_entry *entry)
{
	size_t len = settings_section(entry);

	return entry->key + (len == 0 ? 0 : len + 1);
}

/* One entry in the file's notation. */
typedef void settings_print_fn(const struct settings_entry *entry, FILE *out);

/* Keys without a section come first: in the file they would belong to the section before. */
static void settings_print_sections(const struct settings *settings, settings_print_fn *print,
				    FILE *out)
{
	for (size_t i = 0; i < settings->count; i++)
		if (settings_section(settings->entries[i]) == 0)
			print(settings->entries[i], out);
	for (size_t i = 0; i < settings->count; i++) {
		const struct settings_entry *first = settings->entries[i];
		size_t len = settings_section(first), before = 0;

		while (!settings_same_section(settings->entries[before], first))
			before++;
		if (len == 0 || before < i)
			continue;
		fprintf(out, "\n[%.*s]\n", (int)len, first->key);
		for (size_t j = i; j < settings->count; j++)
			if (settings_same_section(settings->entries[j], first))
				print(settings->entries[j], out);
	}
}

static void settings_print_value(const char *key, const char *text, FILE *out)
{
	size_t len = strlen(text);
	bool quoted = len > 0 && (text[0] == ' ' || text[len - 1] == ' ' ||
				  (len > 1 && text[0] == '"' && text[len - 1] == '"'));

	if (len == 0)
		fprintf(out, "%s =\n", key);
	else
		fprintf(out, quoted ? "%s = \"%s\"\n" : "%s = %s\n", key, text);
}

static void settings_print_effective(const struct settings_entry *entry, FILE *out)
{
	static const char *const sources[] = {
		[SETTING_FILE] = "file",
		[SETTING_ENVIRONMENT] = "environment",
		[SETTING_FLAG] = "command line",
	};

	if (entry->source != SETTING_DEFAULT)
		fprintf(out, "# from the %s\n", sources[entry->source]);
	if (entry->type == SETTING_SECRET)
		fprintf(out, "# %s =%s\n", settings_short_key(entry),
			entry->value.text[0] == '\0' ? "" : " ***");
	else if (!settings_is_secret_file(entry) || settings_is_given(entry))
		settings_print_value(settings_short_key(entry), entry->value.text, out);
}

void settings_print(const struct settings *settings, FILE *out)
{
	settings_print_sections(settings, settings_print_effective, out);
}

/* "1 ... 256", "auto | check | off": the values allowed; nothing where any is. */
static void settings_print_range(const struct settings_entry *entry, const char *separator,
				 FILE *out)
{
	const struct setting *setting = entry->setting;
	char min[SETTINGS_LIMIT_TEXT], max[SETTINGS_LIMIT_TEXT];

	switch (entry->type) {
	case SETTING_CHOICE:
		for (const char *const *choice = setting->choices; *choice != NULL; choice++)
			fprintf(out, "%s%s", choice == setting->choices ? "" : separator, *choice);
		break;
	case SETTING_BOOL:
		fprintf(out, "true%sfalse", separator);
		break;
	case SETTING_INTEGER:
	case SETTING_DURATION:
	case SETTING_SIZE:
		settings_format_limit(entry->type, setting->min, min);
		settings_format_limit(entry->type, setting->max, max);
		fprintf(out, "%s ... %s", min, max);
		break;
	case SETTING_LIST:
		fprintf(out, "separated by commas");
		break;
	case SETTING_STRING:
	case SETTING_SECRET:
		break;
	}
}

static bool settings_has_range(const struct settings_entry *entry)
{
	return entry->type != SETTING_STRING && entry->type != SETTING_SECRET;
}

static void settings_print_purpose(const struct settings_entry *entry, FILE *out)
{
	if (settings_is_secret_file(entry))
		fprintf(out, "File that holds %s; read again on SIGHUP", entry->setting->key);
	else
		fputs(entry->setting->help, out);
}

static const char *settings_fallback(const struct settings_entry *entry)
{
	return settings_is_secret_file(entry) ? "" : entry->setting->fallback;
}

static void settings_print_sample_entry(const struct settings_entry *entry, FILE *out)
{
	fputs("# ", out);
	settings_print_purpose(entry, out);
	if (settings_has_range(entry)) {
		fputs(" (", out);
		settings_print_range(entry, " | ", out);
		fputc(')', out);
	}
	fputs("\n#", out);
	settings_print_value(settings_short_key(entry), settings_fallback(entry), out);
}

void settings_print_sample(const struct settings *settings, FILE *out)
{
	settings_print_sections(settings, settings_print_sample_entry, out);
}

static const char *settings_type_name(const struct settings_entry *entry)
{
	static const char *const names[] = {
		[SETTING_STRING] = "string", [SETTING_SECRET] = "secret",
		[SETTING_LIST] = "list",     [SETTING_INTEGER] = "integer",
		[SETTING_BOOL] = "bool",     [SETTING_DURATION] = "duration",
		[SETTING_SIZE] = "size",     [SETTING_CHOICE] = "choice",
	};

	return settings_is_secret_file(entry) ? "path" : names[entry->type];
}

/* True for the first entry under its heading. */
static bool settings_starts_heading(const struct settings *settings, size_t i)
{
	return i == 0 ||
	       strcmp(settings->entries[i - 1]->heading, settings->entries[i]->heading) != 0;
}

void settings_print_help(const struct settings *settings, FILE *out)
{
	for (size_t i = 0; i < settings->count; i++) {
		const struct settings_entry *entry = settings->entries[i];
		const char *fallback = settings_fallback(entry);
		char left[SETTINGS_QUOTED_TEXT];

		if (settings_starts_heading(settings, i))
			fprintf(out, "%s%s:\n", i == 0 ? "" : "\n", entry->heading);
		snprintf(left, sizeof(left), "--%s %s", entry->key, settings_type_name(entry));
		fprintf(out, "  %-32s  ", left);
		settings_print_purpose(entry, out);
		if (settings_has_range(entry) && entry->type != SETTING_LIST) {
			fputs(" (", out);
			settings_print_range(entry, "|", out);
			fputc(')', out);
		}
		fprintf(out, *fallback == '\0' ? "%s\n" : " [%s]\n", fallback);
	}
}

/* A cell of a table: a bar would end it. */
static void settings_print_cell(const char *text, FILE *out)
{
	for (; *text != '\0'; text++)
		fprintf(out, *text == '|' ? "\\|" : "%c", *text);
}

void settings_print_markdown(const struct settings *settings, FILE *out)
{
	for (size_t i = 0; i < settings->count; i++) {
		const struct settings_entry *entry = settings->entries[i];
		const char *fallback = settings_fallback(entry);

		if (settings_starts_heading(settings, i))
			fprintf(out,
				"%s## %s\n\n| Key | Type | Default | Meaning "
				"|\n|---|---|---|---|\n",
				i == 0 ? "" : "\n", entry->heading);
		fprintf(out, "| `%s` | %s", entry->key, settings_type_name(entry));
		if (settings_has_range(entry) && entry->type != SETTING_LIST) {
			fputs(entry->type == SETTING_CHOICE || entry->type == SETTING_BOOL ? ": "
											   : ", ",
			      out);
			settings_print_range(entry, ", ", out);
		}
		fputs(*fallback == '\0' ? " | none | " : " | `", out);
		settings_print_cell(fallback, out);
		fputs(*fallback == '\0' ? "" : "` | ", out);
		if (settings_is_secret_file(entry))
			settings_print_purpose(entry, out);
		else
			settings_print_cell(entry->setting->help, out);
		fputs(" |\n", out);
	}
}
