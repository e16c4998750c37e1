/* The table of settings and their values. */
#include "core/settings/internal.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* A bug of the program, not a mistake of its user: it cannot go on. */
CART_PRINTF(1, 2) static _Noreturn void settings_bug(const char *format, ...)
{
	va_list args;

	fputs("settings: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

static void *settings_need(void *memory)
{
	if (memory == NULL)
		settings_bug("out of memory at start");
	return memory;
}

struct settings *settings_new(void)
{
	struct settings *settings = calloc(1, sizeof(*settings));

	if (settings == NULL)
		return NULL;
	settings->secrets = malloc(sizeof(pthread_mutex_t));
	if (settings->secrets == NULL) {
		free(settings);
		return NULL;
	}
	pthread_mutex_init(settings->secrets, NULL);
	return settings;
}

void settings_free(struct settings **settings_at)
{
	struct settings *settings = *settings_at;

	*settings_at = NULL;
	if (settings == NULL)
		return;
	for (size_t i = 0; i < settings->count; i++) {
		struct settings_entry *entry = settings->entries[i];

		settings_value_clear(&entry->value);
		free(entry->key);
		free(entry->variable);
		free(entry);
	}
	free(settings->entries);
	pthread_mutex_destroy(settings->secrets);
	free(settings->secrets);
	free(settings);
}

/* "mysql.host" to "CART_MYSQL_HOST". */
static char *settings_make_variable(const char *key)
{
	char *variable = NULL;

	if (asprintf(&variable, "CART_%s", key) < 0)
		variable = NULL;
	variable = settings_need(variable);
	for (char *p = variable; *p != '\0'; p++)
		*p = (char)(*p == '.' ? '_' : toupper((unsigned char)*p));
	return variable;
}

/* Takes the key. */
static struct settings_entry *settings_add_entry(struct settings *settings, char *key,
						 enum setting_type type, const char *heading,
						 const struct setting *setting)
{
	struct settings_entry *entry = settings_need(calloc(1, sizeof(*entry)));

	*entry = (struct settings_entry){
		.setting = setting,
		.heading = heading,
		.key = key,
		.variable = settings_make_variable(key),
		.type = type,
	};
	if (settings_find_variable(settings, entry->variable) != NULL)
		settings_bug("%s is in two tables, or looks so in the environment", key);
	settings->entries = settings_need(
		reallocarray(settings->entries, settings->count + 1, sizeof(*settings->entries)));
	settings->entries[settings->count++] = entry;
	return entry;
}

void settings_add(struct settings *settings, const char *heading, const struct setting *table)
{
	for (const struct setting *setting = table; setting->key != NULL; setting++) {
		struct settings_entry *entry, *file;
		struct cart_error error;
		char *path_key = NULL;

		entry = settings_add_entry(settings, settings_need(strdup(setting->key)),
					   setting->type, heading, setting);
		if (settings_value_parse(&entry->value, entry, setting->key, setting->fallback,
					 &error) != 0)
			settings_bug("default of %s", error.text);
		if (setting->type != SETTING_SECRET)
			continue;
		if (asprintf(&path_key, "%s_file", setting->key) < 0)
			path_key = NULL;
		file = settings_add_entry(settings, settings_need(path_key), SETTING_STRING,
					  heading, setting);
		file->value.text = settings_need(strdup(""));
		file->partner = entry;
		entry->partner = file;
	}
}

struct settings_entry *settings_find(const struct settings *settings, const char *key)
{
	for (size_t i = 0; i < settings->count; i++)
		if (strcmp(settings->entries[i]->key, key) == 0)
			return settings->entries[i];
	return NULL;
}

struct settings_entry *settings_find_variable(const struct settings *settings, const char *variable)
{
	for (size_t i = 0; i < settings->count; i++)
		if (strcmp(settings->entries[i]->variable, variable) == 0)
			return settings->entries[i];
	return NULL;
}

struct settings_entry *settings_require(const struct settings *settings, const char *key,
					struct cart_error *error)
{
	struct settings_entry *entry = settings_find(settings, key);

	if (entry == NULL)
		settings_unknown(settings, "setting", "", key, error);
	return entry;
}

bool settings_is_secret_file(const struct settings_entry *entry)
{
	return entry->partner != NULL && entry->type != SETTING_SECRET;
}

bool settings_is_given(const struct settings_entry *entry)
{
	return entry->source != SETTING_DEFAULT && entry->value.text[0] != '\0';
}

/* 1: the partner's source is stronger. 0: go on. -1: one source gave both. */
static int settings_check_partner(const struct settings_entry *entry, const char *text,
				  enum setting_source source, struct cart_error *error)
{
	const struct settings_entry *partner = entry->partner;

	if (partner == NULL || *text == '\0' || !settings_is_given(partner))
		return 0;
	if (partner->source == source)
		return cart_error_set(error, "%s and %s are both given: one is enough",
				      partner->key, entry->key);
	return partner->source > source;
}

/* A weaker partner has lost. */
static void settings_drop_partner(struct settings_entry *entry)
{
	struct settings_entry *partner = entry->partner;

	if (partner == NULL || !settings_is_given(partner) || !settings_is_given(entry))
		return;
	partner->source = SETTING_DEFAULT;
	explicit_bzero(partner->value.text, strlen(partner->value.text));
}

int settings_assign(struct settings_entry *entry, const char *name, const char *text,
		    enum setting_source source, struct cart_error *error)
{
	struct settings_value value = {0};
	int partner;

	if (settings_value_parse(&value, entry, name, text, error) != 0)
		return -1;
	partner = settings_check_partner(entry, text, source, error);
	if (partner != 0 || source < entry->source) {
		settings_value_clear(&value);
		return partner < 0 ? -1 : 0;
	}
	if (entry->type == SETTING_LIST && source == entry->source && source != SETTING_DEFAULT) {
		int rc = settings_value_join(&entry->value, &value, entry, name, error);

		settings_value_clear(&value);
		return rc;
	}
	settings_value_clear(&entry->value);
	entry->value = value;
	entry->source = source;
	settings_drop_partner(entry);
	return 0;
}

int settings_set(struct settings *settings, const char *key, const char *value,
		 enum setting_source source, struct cart_error *error)
{
	struct settings_entry *entry = settings_require(settings, key, error);

	return entry == NULL ? -1 : settings_assign(entry, key, value, source, error);
}

/* The entry of a key whose type is one of a set of bits. */
static const struct settings_entry *settings_typed(const struct settings *settings, const char *key,
						   unsigned types)
{
	const struct settings_entry *entry = settings_find(settings, key);

	if (entry == NULL)
		settings_bug("%s is in no table", key);
	if ((types & 1u << entry->type) == 0)
		settings_bug("%s is asked for as another type than it has", key);
	return entry;
}

const char *settings_string(const struct settings *settings, const char *key)
{
	return settings_typed(settings, key, 1u << SETTING_STRING | 1u << SETTING_CHOICE)
		->value.text;
}

int64_t settings_integer(const struct settings *settings, const char *key)
{
	return settings_typed(settings, key,
			      1u << SETTING_INTEGER | 1u << SETTING_DURATION | 1u << SETTING_SIZE)
		->value.integer;
}

bool settings_bool(const struct settings *settings, const char *key)
{
	return settings_typed(settings, key, 1u << SETTING_BOOL)->value.integer != 0;
}

const char *const *settings_list(const struct settings *settings, const char *key, size_t *count)
{
	const struct settings_entry *entry = settings_typed(settings, key, 1u << SETTING_LIST);

	if (count != NULL)
		*count = entry->value.list_count;
	return (const char *const *)entry->value.list;
}

char *settings_secret_copy(const struct settings *settings, const char *key)
{
	const struct settings_entry *entry = settings_typed(settings, key, 1u << SETTING_SECRET);
	char *copy;

	pthread_mutex_lock(settings->secrets);
	copy = strdup(entry->value.text);
	pthread_mutex_unlock(settings->secrets);
	return copy;
}

enum setting_source settings_source(const struct settings *settings, const char *key)
{
	const struct settings_entry *entry = settings_typed(settings, key, ~0u);

	/* A secret out of a file comes from whoever named the file. */
	if (entry->type == SETTING_SECRET && settings_is_given(entry->partner))
		return entry->partner->source;
	return entry->source;
}

bool settings_known(const struct settings *settings, const char *key)
{
	return settings_find(settings, key) != NULL;
}

bool settings_is_secret(const struct settings *settings, const char *key)
{
	const struct settings_entry *entry = settings_find(settings, key);

	return entry != NULL && entry->type == SETTING_SECRET;
}
