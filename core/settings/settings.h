/*
 * Settings: one table a component, one value a key, four places that can say it.
 *
 * Precedence: flag, environment, file, default. A key "mysql.host" is --mysql.host VALUE or
 * --set mysql.host=VALUE on the command line, CART_MYSQL_HOST in the environment and host under
 * [mysql] in the INI file; a key without a dot stands before the first section. From the same
 * tables come --help, --print-config, the sample file and docs/settings.md.
 *
 * One thread loads them, before others run. From then on any thread may read values; only
 * settings_reload_secrets() changes something, and only what settings_secret_copy() reads.
 */
#ifndef CORE_SETTINGS_SETTINGS_H
#define CORE_SETTINGS_SETTINGS_H

#include "core/base/attr.h"
#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum setting_type {
	SETTING_STRING,
	SETTING_SECRET,	  /* a string that is never printed; KEY_file names a file that holds it */
	SETTING_LIST,	  /* strings separated by commas, min ... max of them; given twice by one
			     source,     it adds */
	SETTING_INTEGER,  /* min ... max */
	SETTING_BOOL,	  /* true | false (also yes/no, on/off, 1/0) */
	SETTING_DURATION, /* 250ms, 30s, 10m, 24h, 30d, 0; held in milliseconds; min ... max
			     likewise */
	SETTING_SIZE,	  /* 512B, 64KiB, 16MiB, 1GiB, 0; held in bytes; min ... max likewise */
	SETTING_CHOICE	  /* one of choices */
};

/* One line of a component's table; the table ends with a zeroed one. */
struct setting {
	const char *key;
	enum setting_type type;
	const char *fallback;	    /* the default, as a person would write it */
	int64_t min, max;	    /* INTEGER, DURATION, SIZE; LIST (max 0: any number) */
	const char *const *choices; /* CHOICE: NULL-terminated */
	const char *help;	    /* one line, no full stop */
};

struct settings;

/* Where a value came from, weakest first. */
enum setting_source { SETTING_DEFAULT, SETTING_FILE, SETTING_ENVIRONMENT, SETTING_FLAG };

/* NULL: no memory. settings_free() takes NULL and sets the pointer to it; secrets are wiped. */
struct settings *settings_new(void);
void settings_free(struct settings **settings);

/*
 * Adds a component's table, which must outlive the settings, under a heading for people ("HTTP",
 * "SQLite backend"). A key that is already known, or a default out of its own range, is a bug and
 * aborts.
 */
void settings_add(struct settings *settings, const char *heading, const struct setting *table);

/*
 * Sets one value; one that a stronger source has set stays. Returns 0, or -1 with error naming key
 * and value, and for an unknown key the nearest known; nothing is changed then. A secret and its
 * KEY_file count as one: the stronger source wins, both from one source are an error. The file is
 * read by settings_reload_secrets(), not here.
 */
CART_MUST_CHECK int settings_set(struct settings *settings, const char *key, const char *value,
				 enum setting_source source, struct cart_error *error);

/* Reads an INI file. The error names file and line. */
CART_MUST_CHECK int settings_load_file(struct settings *settings, const char *path,
				       struct cart_error *error);

/*
 * Takes CART_* from an environment (NAME=VALUE, NULL-terminated). A CART_ name that is no setting
 * is not an error, because orchestrators inject such names (CART_PORT, CART_SERVICE_HOST for a
 * service called "cart"); unknown() is called with each.
 */
CART_MUST_CHECK int settings_load_environment(struct settings *settings, char *const *environment,
					      void (*unknown)(const char *name, void *user),
					      void *user, struct cart_error *error);

/*
 * Takes --KEY VALUE, --KEY=VALUE and --set KEY=VALUE out of argv and --config PATH with it,
 * applying file, environment, flags in their order of precedence whatever their order on the line,
 * and reads the files of secrets. CART_CONFIG names the file where --config does not. Other
 * arguments stay, in order, and *argc is lowered; "--" ends the settings and stays. Overwrites the
 * values of secrets in argv and environment. Returns 0 or -1 with one line that names the argument.
 */
CART_MUST_CHECK int settings_load(struct settings *settings, int *argc, char **argv,
				  char *const *environment,
				  void (*unknown)(const char *name, void *user), void *user,
				  struct cart_error *error);

/* For an option that settings_load() left and the program does not know either: says so, with the
 * nearest known. Returns -1. */
int settings_unknown_option(const struct settings *settings, const char *argument,
			    struct cart_error *error);

/*
 * Reads the KEY_file of every secret anew; a newline at its end is not part of the secret. On
 * failure nothing changes and error names the file. One thread at a time.
 */
CART_MUST_CHECK int settings_reload_secrets(struct settings *settings, struct cart_error *error);

/*
 * Values. Asking for a key that is in no table, or as the wrong type, is a bug and aborts. Strings
 * belong to the settings and live until the next set of the same key.
 */
const char *settings_string(const struct settings *settings, const char *key); /* STRING, CHOICE */
int64_t settings_integer(const struct settings *settings,
			 const char *key); /* INTEGER, DURATION (ms), SIZE (bytes) */
bool settings_bool(const struct settings *settings, const char *key);
/* LIST: NULL-terminated; *count may be NULL. */
const char *const *settings_list(const struct settings *settings, const char *key, size_t *count);
/* SECRET: a copy, because a reload on another thread may change it. NULL: no memory. To be given to
 * settings_secret_free(), which wipes it and takes NULL. */
char *settings_secret_copy(const struct settings *settings, const char *key);
void settings_secret_free(char *secret);
/* Reads a file that holds a secret, without the newline at its end. NULL: error says why. For
 * settings_secret_free(). */
char *settings_read_secret(const char *path, struct cart_error *error);
enum setting_source settings_source(const struct settings *settings, const char *key);
bool settings_known(const struct settings *settings, const char *key);
/* False for one that is not known too. */
bool settings_is_secret(const struct settings *settings, const char *key);

/* Prints the effective values as an INI file that can be read back, with a comment where a value is
 * not the default's; a secret is a comment too, masked as "***". */
void settings_print(const struct settings *settings, FILE *out);
/* The same with defaults, each commented out and with its help: the sample file. */
void settings_print_sample(const struct settings *settings, FILE *out);
/* For --help: key, type, default, help, a line each. */
void settings_print_help(const struct settings *settings, FILE *out);
/* For docs/settings.md: a Markdown table a component. */
void settings_print_markdown(const struct settings *settings, FILE *out);

#endif
