#include "tests/lib/cred_fixture.h"

#include "core/base/units.h"
#include "tests/lib/cmocka.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *cred_fixture_variable(const char *name, void *user)
{
	const struct cred_fixture *f = user;

	for (int i = 0; i < f->count; i++)
		if (strcmp(f->variables[i].name, name) == 0)
			return f->variables[i].value;
	return NULL;
}

void cred_fixture_start(struct cred_fixture *f)
{
	*f = (struct cred_fixture){
		.config = {.service = &aws_dynamodb,
			   .clock = &cart_clock_system,
			   .profile = "",
			   .region = "eu-central-1",
			   .environment = cred_fixture_variable,
			   .user = f},
	};
	scratch_make_folder(f->folder, "cart-cred");
	http_stub_start(&f->stub);
	/* Whatever this machine is: nothing of it is found. */
	cred_fixture_set(f, "HOME", f->folder);
	cred_fixture_set(f, "AWS_EC2_METADATA_DISABLED", "true");
}

void cred_fixture_stop(struct cred_fixture *f)
{
	char command[SCRATCH_PATH_MAX + 32];

	http_stub_stop(&f->stub);
	snprintf(command, sizeof(command), "rm -rf %s", f->folder);
	assert_int_equal(system(command), 0);
}

void cred_fixture_set(struct cred_fixture *f, const char *name, const char *value)
{
	int i = 0;

	while (i < f->count && strcmp(f->variables[i].name, name) != 0)
		i++;
	assert_true((size_t)i < sizeof(f->variables) / sizeof(f->variables[0]));
	assert_true(strlen(value) < sizeof(f->variables[i].value));
	snprintf(f->variables[i].name, sizeof(f->variables[i].name), "%s", name);
	snprintf(f->variables[i].value, sizeof(f->variables[i].value), "%s", value);
	if (i == f->count)
		f->count++;
}

void cred_fixture_set_url(struct cred_fixture *f, const char *name, const char *path)
{
	char url[200];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", f->stub.port, path);
	cred_fixture_set(f, name, url);
}

const char *cred_fixture_file(struct cred_fixture *f, const char *name, const char *text)
{
	static char paths[4][200];
	static int turn;
	char new[240];
	char *path;
	FILE *file;

	turn = (turn + 1) % 4;
	path = paths[turn];
	snprintf(path, sizeof(paths[0]), "%s/%s", f->folder, name);
	snprintf(new, sizeof(new), "%s.new", path);
	file = fopen(new, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
	assert_int_equal(rename(new, path), 0);
	return path;
}

void cred_fixture_set_file(struct cred_fixture *f, const char *variable, const char *text)
{
	cred_fixture_set(f, variable, cred_fixture_file(f, variable, text));
}

char *cred_fixture_json(const char *id, const char *token_name, const char *extra, int64_t life_ms)
{
	char when[UNITS_TIME_TEXT + 1];
	char *json = NULL;

	units_format_time(clock_wall_ms(&cart_clock_system) + life_ms, when);
	if (asprintf(&json,
		     "{%s\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"" CRED_FIXTURE_SECRET
		     "\",\"%s\":\"" CRED_FIXTURE_TOKEN "\",\"Expiration\":\"%s\"}",
		     extra, id, token_name, when) < 0)
		return NULL;
	return json;
}

void cred_fixture_check_line(const char *text)
{
	assert_true(text[0] != '\0');
	assert_null(strpbrk(text, "\r\n"));
	if (strstr(text, "HUSH") != NULL)
		fail_msg("a secret: %s", text);
}
