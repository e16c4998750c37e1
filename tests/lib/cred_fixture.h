/*
 * What tests of AWS's credentials need: an environment of their own, a folder for files, and a
 * server. Every secret that they use holds the word HUSH, which no error and no log line may.
 */
#ifndef TESTS_LIB_CRED_FIXTURE_H
#define TESTS_LIB_CRED_FIXTURE_H

#include "aws/credentials.h"
#include "tests/lib/http_stub.h"
#include "tests/lib/scratch.h"

#define CRED_FIXTURE_SECRET "HUSHsecret/key+of=40"
#define CRED_FIXTURE_TOKEN  "HUSHtoken//////////wEaCXVzLWVhc3QtMSJHMEUCIQ=="

struct cred_fixture {
	struct http_stub stub;
	char folder[SCRATCH_PATH_MAX];
	struct {
		char name[64];
		char value[512];
	} variables[24];
	int count;
	struct aws_credentials_config config; /* that has this environment */
};

void cred_fixture_start(struct cred_fixture *f);
void cred_fixture_stop(struct cred_fixture *f);

/* Before a source is started: its thread reads the variables. */
void cred_fixture_set(struct cred_fixture *f, const char *name, const char *value);
/* A variable that holds a path in the stub. */
void cred_fixture_set_url(struct cred_fixture *f, const char *name, const char *path);
/* Writes a file of the folder, moved into place; its path lasts until the fourth next call. */
const char *cred_fixture_file(struct cred_fixture *f, const char *name, const char *text);
/* A variable that holds the path of such a file. */
void cred_fixture_set_file(struct cred_fixture *f, const char *variable, const char *text);
/* Credentials in JSON, the token under its name, that expire that long from now; to be freed. extra
 * is "\"Code\":\"Success\"," or the like. */
char *cred_fixture_json(const char *id, const char *token_name, const char *extra, int64_t life_ms);
/* Asserts that there is text, in one line, and no secret in it. */
void cred_fixture_check_line(const char *text);

#endif
