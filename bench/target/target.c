#include "bench/target/target.h"

#include <jansson.h>
#include <string.h>

/* The name becomes part of a file's, so it must not be more than a name. */
static int target_set_database(struct bench_target *target, const char *name,
			       struct cart_error *error)
{
	size_t len = strlen(name);

	if (len == 0 || len > BENCH_DATABASE_MAX ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != len)
		return cart_error_set(error, "GET /health names no database that a file could be "
					     "named after");
	memcpy(target->database, name, len + 1);
	return 0;
}

static int target_check_health(struct bench_target *target, struct cart_error *error)
{
	struct bench_client_answer answer;
	const char *status = NULL, *database = NULL;
	int failed = -1;
	json_t *health;

	if (bench_client_request(target->client, "GET", "/health", NULL, &answer, error) != 0)
		return -1;
	health = json_loadb(answer.body, answer.body_len, JSON_REJECT_DUPLICATES, NULL);
	if (json_unpack(health, "{s:s}", "status", &status) != 0 ||
	    (answer.status != 200 && answer.status != 503))
		cart_error_set(error, "not a cartd: GET /health answers %d without a status",
			       answer.status);
	else if (answer.status == 503 || strcmp(status, "ok") != 0)
		cart_error_set(error, "its database is down: GET /health answers %d, \"%.40s\"",
			       answer.status, status);
	else if (json_unpack(health, "{s:s}", "database", &database) != 0)
		cart_error_set(error, "not a cartd: GET /health names no database");
	else
		failed = target_set_database(target, database, error);
	json_decref(health);
	return failed;
}

int bench_target_open(struct bench_target *target, const char *text, int timeout_ms,
		      bool keep_alive, struct cart_error *error)
{
	struct bench_client_config config = {.timeout_ms = timeout_ms, .keep_alive = keep_alive};

	*target = (struct bench_target){.text = text};
	if (bench_url_parse(&config.url, text, error) != 0 ||
	    bench_client_open(&target->client, &config, error) != 0)
		return -1;
	if (target_check_health(target, error) != 0) {
		bench_target_close(target);
		return -1;
	}
	return 0;
}

void bench_target_close(struct bench_target *target)
{
	bench_client_close(&target->client);
}
