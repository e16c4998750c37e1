/*
 * Files under schemas/ that the programs carry inside, so that they need none of them at run time.
 * The Makefile makes the definitions with tools/embed.
 */
#ifndef CORE_EMBED_H
#define CORE_EMBED_H

#include <stddef.h>

/* A text file: its name without folders, its text NUL-terminated, len without the NUL. */
struct embed_file {
	const char *name;
	const char *text;
	size_t len;
};

/* schemas/openapi.yaml */
extern const char embed_openapi_yaml[];
extern const size_t embed_openapi_yaml_len;
/* The same where ids are strings, by tools/openapi-strings. */
extern const char embed_openapi_strings_yaml[];
extern const size_t embed_openapi_strings_yaml_len;

/* schemas/sqlite/NNNN-*.sql, sorted by name; a zeroed one ends it. */
extern const struct embed_file embed_sqlite_migrations[];

/* schemas/mysql/NNN_*.sql, likewise. */
extern const struct embed_file embed_mysql_migrations[];

/* schemas/dynamodb/NAME.json, likewise. */
extern const struct embed_file embed_dynamodb_tables[];

#endif
