#include "bench/result/ini_json.h"

#include <ini.h>
#include <stdio.h>

/* libinih's callback: 1 is success. */
static int ini_take(void *user, const char *section, const char *name, const char *value)
{
	json_t *object = user;
	char key[256];

	snprintf(key, sizeof(key), "%s%s%s", section, *section != '\0' ? "." : "", name);
	return json_object_set_new(object, key, json_string(value)) == 0;
}

json_t *bench_ini_json(FILE *file, struct cart_error *error)
{
	json_t *object = json_object();
	int failed = object != NULL ? ini_parse_file(file, ini_take, object) : -1;

	if (failed == 0 && json_object_size(object) > 0)
		return object;
	json_decref(object);
	if (failed > 0)
		cart_error_set(error, "line %d is no setting", failed);
	else
		cart_error_set(error, failed < 0 ? "cannot be read" : "has no settings");
	return NULL;
}
