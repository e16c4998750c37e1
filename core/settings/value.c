/* From the text of a setting to its value. */
#include "core/settings/internal.h"

#include "core/base/units.h"

#include <stdlib.h>
#include <string.h>

const char *settings_quote(const char *text, char quoted[SETTINGS_QUOTED_TEXT])
{
	size_t n = 0;
	size_t room = SETTINGS_QUOTED_TEXT - sizeof("\"\"...");

	quoted[n++] = '"';
	for (; *text != '\0' && n <= room; text++) {
		unsigned char c = (unsigned char)*text;

		quoted[n++] = (char)(c < 0x20 || c == 0x7f ? '?' : c);
	}
	if (*text != '\0') {
		/* Not in the middle of a character. */
		while (n > 1 && ((unsigned char)*text & 0xc0) == 0x80) {
			text--;
			n--;
		}
		memcpy(quoted + n, "...", 3);
		n += 3;
	}
	quoted[n++] = '"';
	quoted[n] = '\0';
	return quoted;
}

const char *settings_format_limit(enum setting_type type, int64_t limit,
				  char text[SETTINGS_LIMIT_TEXT])
{
	_Static_assert(SETTINGS_LIMIT_TEXT >= UNITS_TEXT, "a limit is a duration or a size");
	if (type == SETTING_DURATION)
		return units_format_duration(limit, text);
	if (type == SETTING_SIZE)
		return units_format_size(limit, text);
	snprintf(text, SETTINGS_LIMIT_TEXT, "%lld", (long long)limit);
	return text;
}

void settings_secret_free(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void settings_value_clear(struct settings_value *value)
{
	for (size_t i = 0; i < value->list_count; i++)
		free(value->list[i]);
	free(value->list);
	settings_secret_free(value->text);
	*value = (struct settings_value){0};
}

static bool settings_parse_integer(const char *text, int64_t *value)
{
	const char *digits = *text == '-' ? text + 1 : text;
	int64_t number = 0;

	if (*digits == '\0')
		return false;
	for (const char *p = digits; *p != '\0'; p++)
		if (*p < '0' || *p > '9' || __builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, *p - '0', &number))
			return false;
	*value = digits == text ? number : -number;
	return true;
}

static bool settings_parse_bool(const char *text, int64_t *value)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(text, words[i]) == 0) {
			*value = i % 2;
			return true;
		}
	return false;
}

static int settings_no_memory(struct cart_error *error)
{
	return cart_error_set(error, "out of memory");
}

/* A number of some kind, within its limits. */
static int settings_parse_number(struct settings_value *value, const struct settings_entry *entry,
				 const char *name, const char *text, struct cart_error *error)
{
	const struct setting *setting = entry->setting;
	char limit[SETTINGS_LIMIT_TEXT], quoted[SETTINGS_QUOTED_TEXT];
	const char *kind;
	bool good;

	if (entry->type == SETTING_DURATION) {
		good = units_parse_duration(text, &value->integer);
		kind = "a duration such as 250ms, 30s, 10m, 24h or 30d";
	} else if (entry->type == SETTING_SIZE) {
		good = units_parse_size(text, &value->integer);
		kind = "a size such as 64KiB";
	} else {
		good = settings_parse_integer(text, &value->integer);
		kind = "a whole number";
	}
	if (!good)
		return cart_error_set(error, "%s: %s is not %s", name, settings_quote(text, quoted),
				      kind);
	if (value->integer < setting->min)
		return cart_error_set(error, "%s: %s is below the minimum of %s", name,
				      settings_quote(text, quoted),
				      settings_format_limit(entry->type, setting->min, limit));
	if (value->integer > setting->max)
		return cart_error_set(error, "%s: %s is above the maximum of %s", name,
				      settings_quote(text, quoted),
				      settings_format_limit(entry->type, setting->max, limit));
	return 0;
}

static int settings_check_choice(const struct settings_entry *entry, const char *name,
				 const char *text, struct cart_error *error)
{
	char known[256] = "", quoted[SETTINGS_QUOTED_TEXT];
	size_t len = 0;

	for (const char *const *choice = entry->setting->choices; *choice != NULL; choice++) {
		if (strcmp(text, *choice) == 0)
			return 0;
		if (len < sizeof(known))
			len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s",
						len == 0 ? "" : ", ", *choice);
	}
	return cart_error_set(error, "%s: %s is none of %s", name, settings_quote(text, quoted),
			      known);
}

static int settings_check_count(size_t count, const struct settings_entry *entry, const char *name,
				struct cart_error *error)
{
	const struct setting *setting = entry->setting;

	if ((int64_t)count < setting->min)
		return cart_error_set(error, "%s: needs at least %lld value%s", name,
				      (long long)setting->min, setting->min == 1 ? "" : "s");
	if (setting->max > 0 && (int64_t)count > setting->max)
		return cart_error_set(error, "%s: takes at most %lld value%s", name,
				      (long long)setting->max, setting->max == 1 ? "" : "s");
	return 0;
}

static char *settings_list_text(const struct settings_value *value)
{
	size_t len = 1;
	char *text, *at;

	for (char *const *item = value->list; *item != NULL; item++)
		len += strlen(*item) + 2;
	text = at = calloc(1, len);
	if (text == NULL)
		return NULL;
	for (char *const *item = value->list; *item != NULL; item++)
		at = stpcpy(stpcpy(at, item == value->list ? "" : ", "), *item);
	return text;
}

static int settings_parse_list(struct settings_value *value, const struct settings_entry *entry,
			       const char *name, const char *text, struct cart_error *error)
{
	size_t room = 2;

	for (const char *p = text; *p != '\0'; p++)
		room += *p == ',';
	value->list = calloc(room, sizeof(*value->list));
	if (value->list == NULL)
		return settings_no_memory(error);
	for (const char *from = text; text[strspn(text, " ")] != '\0';) {
		from += strspn(from, " ");
		size_t whole = strcspn(from, ",");
		size_t len = whole;

		while (len > 0 && from[len - 1] == ' ')
			len--;
		if (len == 0)
			return cart_error_set(error,
					      "%s: nothing between two commas, or after "
					      "the last",
					      name);
		value->list[value->list_count] = strndup(from, len);
		if (value->list[value->list_count] == NULL)
			return settings_no_memory(error);
		value->list_count++;
		if (from[whole] == '\0')
			break;
		from += whole + 1;
	}
	value->text = settings_list_text(value);
	if (value->text == NULL)
		return settings_no_memory(error);
	return settings_check_count(value->list_count, entry, name, error);
}

static int settings_parse_typed(struct settings_value *value, const struct settings_entry *entry,
				const char *name, const char *text, struct cart_error *error)
{
	char quoted[SETTINGS_QUOTED_TEXT];

	switch (entry->type) {
	case SETTING_STRING:
	case SETTING_SECRET:
		return 0;
	case SETTING_LIST:
		return settings_parse_list(value, entry, name, text, error);
	case SETTING_INTEGER:
	case SETTING_DURATION:
	case SETTING_SIZE:
		return settings_parse_number(value, entry, name, text, error);
	case SETTING_BOOL:
		if (settings_parse_bool(text, &value->integer))
			return 0;
		return cart_error_set(error, "%s: %s is not true or false", name,
				      settings_quote(text, quoted));
	case SETTING_CHOICE:
		return settings_check_choice(entry, name, text, error);
	}
	abort();
}

int settings_value_parse(struct settings_value *value, const struct settings_entry *entry,
			 const char *name, const char *text, struct cart_error *error)
{
	/* A control character cannot be written in a line of the file, and is invisible in a
	 * message. */
	for (const char *p = text; *p != '\0' && entry->type != SETTING_SECRET; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return cart_error_set(error, "%s: holds a control character", name);
	if (settings_parse_typed(value, entry, name, text, error) != 0) {
		settings_value_clear(value);
		return -1;
	}
	if (entry->type == SETTING_BOOL)
		text = value->integer ? "true" : "false";
	if (value->text == NULL)
		value->text = strdup(text);
	if (value->text == NULL) {
		settings_value_clear(value);
		return settings_no_memory(error);
	}
	return 0;
}

int settings_value_join(struct settings_value *list, const struct settings_value *more,
			const struct settings_entry *entry, const char *name,
			struct cart_error *error)
{
	struct settings_value joined = {0};
	const struct settings_value *parts[] = {list, more};

	joined.list = calloc(list->list_count + more->list_count + 1, sizeof(*joined.list));
	if (joined.list == NULL)
		return settings_no_memory(error);
	for (size_t part = 0; part < 2; part++)
		for (size_t i = 0; i < parts[part]->list_count; i++) {
			char *copy = strdup(parts[part]->list[i]);

			if (copy == NULL)
				goto no_memory;
			joined.list[joined.list_count++] = copy;
		}
	joined.text = settings_list_text(&joined);
	if (joined.text == NULL)
		goto no_memory;
	if (settings_check_count(joined.list_count, entry, name, error) != 0) {
		settings_value_clear(&joined);
		return -1;
	}
	settings_value_clear(list);
	*list = joined;
	return 0;
no_memory:
	settings_value_clear(&joined);
	return settings_no_memory(error);
}
