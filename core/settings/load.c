/* Settings out of the environment and the command line, and all sources in their order. */
#include "core/settings/internal.h"

#include <stdlib.h>
#include <string.h>

#define SETTINGS_PREFIX	     "CART_"
#define SETTINGS_CONFIG_NAME "CART_CONFIG"

int settings_load_environment(struct settings *settings, char *const *environment,
			      void (*unknown)(const char *name, void *user), void *user,
			      struct cart_error *error)
{
	for (; *environment != NULL; environment++) {
		const char *equals = strchr(*environment, '=');
		struct settings_entry *entry;
		char name[SETTINGS_QUOTED_TEXT];

		if (strncmp(*environment, SETTINGS_PREFIX, strlen(SETTINGS_PREFIX)) != 0 ||
		    equals == NULL)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(equals - *environment), *environment);
		entry = settings_find_variable(settings, name);
		if (entry != NULL) {
			if (settings_assign(entry, name, equals + 1, SETTING_ENVIRONMENT, error) !=
			    0)
				return -1;
		} else if (strcmp(name, SETTINGS_CONFIG_NAME) != 0 && unknown != NULL) {
			unknown(name, user);
		}
	}
	return 0;
}

static char *settings_config_of(char *const *environment)
{
	size_t len = strlen(SETTINGS_CONFIG_NAME);

	for (; *environment != NULL; environment++)
		if (strncmp(*environment, SETTINGS_CONFIG_NAME "=", len + 1) == 0 &&
		    (*environment)[len + 1] != '\0')
			return *environment + len + 1;
	return NULL;
}

/* The command line while it is read: what is taken is applied once file and environment are. */
struct settings_line {
	struct settings *settings;
	char **argv;
	int count, at; /* arguments, and the next one to read */
	char *config;
	struct settings_flag {
		struct settings_entry *entry;
		char *name;  /* "--threads", for errors */
		char *value; /* in argv, but for a flag without one */
	} * flags;
	size_t flag_count;
	struct cart_error *error;
};

/* The value of an option: after its "=", or the next argument; a flag needs none. NULL: there is
 * none. */
static char *settings_line_value(struct settings_line *line, const char *option, char *equals,
				 bool flag)
{
	static char yes[] = "true";
	char *next;

	if (equals != NULL)
		return equals + 1;
	next = line->at < line->count ? line->argv[line->at] : NULL;
	if (next == NULL || strncmp(next, "--", 2) == 0) {
		if (flag)
			return yes;
		cart_error_set(line->error, "%s needs a value", option);
		return NULL;
	}
	line->at++;
	return next;
}

static int settings_line_flag(struct settings_line *line, struct settings_entry *entry, char *value)
{
	struct settings_flag *flag = &line->flags[line->flag_count];

	flag->entry = entry;
	flag->value = value;
	if (asprintf(&flag->name, "--%s", entry->key) < 0)
		return cart_error_set(line->error, "out of memory");
	line->flag_count++;
	return 0;
}

/* --set KEY=VALUE */
static int settings_line_set(struct settings_line *line, char *pair)
{
	char *equals = strchr(pair, '=');
	char key[SETTINGS_QUOTED_TEXT], quoted[SETTINGS_QUOTED_TEXT];
	struct settings_entry *entry;

	if (equals == NULL)
		return cart_error_set(line->error, "--set: %s is not KEY=VALUE",
				      settings_quote(pair, quoted));
	snprintf(key, sizeof(key), "%.*s", (int)(equals - pair), pair);
	entry = settings_require(line->settings, key, line->error);
	return entry == NULL ? -1 : settings_line_flag(line, entry, equals + 1);
}

static int settings_line_config(struct settings_line *line, char *path)
{
	if (line->config != NULL)
		return cart_error_set(line->error, "--config is given twice");
	line->config = path;
	return 0;
}

/* Takes the argument at line->at and its value. 1: taken. 0: not ours. -1: error. */
static int settings_line_take(struct settings_line *line)
{
	char *argument = line->argv[line->at];
	char *equals = strchr(argument, '=');
	char option[SETTINGS_QUOTED_TEXT];
	struct settings_entry *entry = NULL;
	bool config, set;
	char *value;

	if (strncmp(argument, "--", 2) != 0)
		return 0;
	snprintf(option, sizeof(option), "%.*s",
		 (int)(equals == NULL ? strlen(argument) : (size_t)(equals - argument)), argument);
	config = strcmp(option, "--config") == 0;
	set = strcmp(option, "--set") == 0;
	if (!config && !set) {
		entry = settings_find(line->settings, option + 2);
		if (entry == NULL)
			return 0;
	}
	line->at++;
	value = settings_line_value(line, option, equals,
				    entry != NULL && entry->type == SETTING_BOOL);
	if (value == NULL)
		return -1;
	if ((config ? settings_line_config(line, value)
	     : set  ? settings_line_set(line, value)
		    : settings_line_flag(line, entry, value)) != 0)
		return -1;
	return 1;
}

/* Takes what is ours, closes the gaps and returns how many arguments are left; -1: error. */
static int settings_line_read(struct settings_line *line)
{
	int kept = 1;

	line->at = 1;
	while (line->at < line->count && strcmp(line->argv[line->at], "--") != 0) {
		int taken = settings_line_take(line);

		if (taken < 0)
			return -1;
		if (taken == 0)
			line->argv[kept++] = line->argv[line->at++];
	}
	while (line->at < line->count)
		line->argv[kept++] = line->argv[line->at++];
	line->argv[kept] = NULL;
	return kept;
}

static int settings_line_apply(struct settings_line *line)
{
	for (size_t i = 0; i < line->flag_count; i++) {
		const struct settings_flag *flag = &line->flags[i];

		if (settings_assign(flag->entry, flag->name, flag->value, SETTING_FLAG,
				    line->error) != 0)
			return -1;
	}
	return 0;
}

static void settings_overwrite(char *text)
{
	memset(text, '*', strlen(text));
}

/* The kernel shows the command line to everybody and the environment to the same user; children get
 * a copy of the environment. */
static void settings_hide_secrets(struct settings_line *line, char *const *environment)
{
	for (size_t i = 0; i < line->flag_count; i++)
		if (line->flags[i].entry->type == SETTING_SECRET)
			settings_overwrite(line->flags[i].value);
	for (; *environment != NULL; environment++) {
		char *equals = strchr(*environment, '=');
		const struct settings_entry *entry;
		char name[SETTINGS_QUOTED_TEXT];

		if (equals == NULL)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(equals - *environment), *environment);
		entry = settings_find_variable(line->settings, name);
		if (entry != NULL && entry->type == SETTING_SECRET)
			settings_overwrite(equals + 1);
	}
}

int settings_load(struct settings *settings, int *argc, char **argv, char *const *environment,
		  void (*unknown)(const char *name, void *user), void *user,
		  struct cart_error *error)
{
	struct settings_line line = {
		.settings = settings,
		.argv = argv,
		.count = *argc,
		.error = error,
		.flags = calloc((size_t)*argc + 1, sizeof(*line.flags)),
	};
	int kept, rc = -1;

	if (line.flags == NULL)
		return cart_error_set(error, "out of memory");
	kept = settings_line_read(&line);
	if (kept < 0)
		goto out;
	*argc = kept;
	if (line.config == NULL)
		line.config = settings_config_of(environment);
	if (line.config != NULL && settings_load_file(settings, line.config, error) != 0)
		goto out;
	if (settings_load_environment(settings, environment, unknown, user, error) != 0)
		goto out;
	if (settings_line_apply(&line) != 0)
		goto out;
	rc = settings_reload_secrets(settings, error);
out:
	settings_hide_secrets(&line, environment);
	for (size_t i = 0; i < line.flag_count; i++)
		free(line.flags[i].name);
	free(line.flags);
	return rc;
}

int settings_unknown_option(const struct settings *settings, const char *argument,
			    struct cart_error *error)
{
	char key[SETTINGS_QUOTED_TEXT];
	size_t dashes = strncmp(argument, "--", 2) == 0 ? 2 : 0;

	snprintf(key, sizeof(key), "%.*s", (int)strcspn(argument + dashes, "="), argument + dashes);
	return settings_unknown(settings, "option", dashes == 0 ? "" : "--", key, error);
}
