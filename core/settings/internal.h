/* What the files of settings share; nobody else includes it. */
#ifndef CORE_SETTINGS_INTERNAL_H
#define CORE_SETTINGS_INTERNAL_H

#include "core/settings/settings.h"

#include <pthread.h>

/* A value, parsed. text is what a person would write for it; what else is set depends on the type.
 */
struct settings_value {
	char *text;
	int64_t integer; /* INTEGER, BOOL, DURATION, SIZE */
	char **list;	 /* LIST: NULL-terminated */
	size_t list_count;
};

/*
 * A key. A secret makes two, itself and the path of the file that may hold it, each other's
 * partner. While a secret comes from its file, its own source stays SETTING_DEFAULT.
 */
struct settings_entry {
	const struct setting *setting; /* of the secret, for the path of its file */
	const char *heading;
	char *key;
	char *variable;		/* CART_... */
	enum setting_type type; /* STRING for the path of a secret's file */
	struct settings_entry *partner;
	enum setting_source source;
	struct settings_value value;
	unsigned line; /* of the file that set it */
};

struct settings {
	struct settings_entry **entries;
	size_t count;
	pthread_mutex_t *secrets; /* over the values of secrets; apart, so that readers can lock it
				     in const settings */
};

struct settings_entry *settings_find(const struct settings *settings, const char *key);
/* As settings_find(), but an unknown key is an error that names the nearest known. */
struct settings_entry *settings_require(const struct settings *settings, const char *key,
					struct cart_error *error);
struct settings_entry *settings_find_variable(const struct settings *settings,
					      const char *variable);

/* Sets an entry as settings_set() does; name is what the error calls it ("--threads"). */
int settings_assign(struct settings_entry *entry, const char *name, const char *text,
		    enum setting_source source, struct cart_error *error);

/* True where the second entry of a secret: the path of its file. */
bool settings_is_secret_file(const struct settings_entry *entry);
/* True if somebody gave this entry a value that is not empty. */
bool settings_is_given(const struct settings_entry *entry);

/* Parses text as the type of the entry says, into a value that holds nothing. */
int settings_value_parse(struct settings_value *value, const struct settings_entry *entry,
			 const char *name, const char *text, struct cart_error *error);
/* Adds the members of one list to another, for good or not at all. -1: no memory, or too many. */
int settings_value_join(struct settings_value *list, const struct settings_value *more,
			const struct settings_entry *entry, const char *name,
			struct cart_error *error);
/* Wipes and frees. */
void settings_value_clear(struct settings_value *value);
/* A limit of the entry as a person would write it. */
#define SETTINGS_LIMIT_TEXT 32
const char *settings_format_limit(enum setting_type type, int64_t limit,
				  char text[SETTINGS_LIMIT_TEXT]);

/* Text for an error line: in quotes, control characters as '?', cut where it is long. */
#define SETTINGS_QUOTED_TEXT 80
const char *settings_quote(const char *text, char quoted[SETTINGS_QUOTED_TEXT]);

/* The entry whose key a person most likely meant, or NULL. */
const struct settings_entry *settings_nearest(const struct settings *settings, const char *key);
/* An error for an unknown key. what: "setting", "option"; prefix: "" or "--". Returns -1. */
int settings_unknown(const struct settings *settings, const char *what, const char *prefix,
		     const char *key, struct cart_error *error);

#endif
