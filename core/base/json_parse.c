#include "core/base/json_parse.h"

#include <pthread.h>
#include <stdlib.h>

static pthread_once_t parse_once = PTHREAD_ONCE_INIT;
static _Thread_local bool parse_failed;

static void *parse_malloc(size_t size)
{
	void *memory = malloc(size);

	parse_failed |= memory == NULL;
	return memory;
}

static void parse_watch(void)
{
	json_set_alloc_funcs(parse_malloc, free);
}

json_t *json_parse(const char *text, size_t len, size_t flags, json_error_t *error, bool *no_memory)
{
	json_t *json;

	pthread_once(&parse_once, parse_watch);
	parse_failed = false;
	json = json_loadb(text, len, flags, error);
	if (parse_failed) {
		json_decref(json);
		json = NULL;
	}
	if (no_memory != NULL)
		*no_memory = parse_failed;
	return json;
}
