/* The contract for machines against the service: openapi.py does it, over a cartd started here. */
#include "tests/lib/api_client.h"
#include "tests/lib/cmocka.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PYTHON "/usr/bin/python3"

/* build/VARIANT/tests/server/test_openapi -> tests/server/openapi.py */
static void find_script(char path[PATH_MAX])
{
	char self[PATH_MAX - 32];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(len > 0);
	self[len] = '\0';
	for (int up = 0; up < 5; up++) {
		char *slash = strrchr(self, '/');

		assert_non_null(slash);
		*slash = '\0';
	}
	snprintf(path, PATH_MAX, "%s/tests/server/openapi.py", self);
}

/* Runs a command, its output as diagnostics where it is worth it; returns its exit status. */
static int run(const char *command, size_t *passed)
{
	FILE *output = popen(command, "r"); /* NOLINT(cert-env33-c): fixed words and our own path */
	char line[4096];
	int status;

	assert_non_null(output);
	*passed = 0;
	while (fgets(line, sizeof(line), output) != NULL) {
		if (strncmp(line, "ok ", 3) == 0 && strstr(line, "# SKIP") == NULL)
			(*passed)++;
		else if (strncmp(line, "1..", 3) != 0)
			printf("# %s", line);
	}
	status = pclose(output);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void check_contract(const char *const *settings)
{
	char script[PATH_MAX], command[PATH_MAX + 128];
	struct api_server server;
	size_t passed;
	int status;

	if (run(PYTHON " -c 'import jsonschema, yaml' 2>&1", &passed) != 0) {
		printf("# not tested: openapi.yaml against the service; it needs python3-yaml and "
		       "python3-jsonschema\n");
		skip();
	}
	find_script(script);
	api_server_start(&server, settings);
	snprintf(command, sizeof(command), PYTHON " '%s' http://127.0.0.1:%d 2>&1", script,
		 server.cartd.port);
	status = run(command, &passed);
	printf("# %zu checks of the contract passed\n", passed);
	api_server_stop(&server);
	assert_int_equal(status, 0);
	assert_true(passed > 100);
}

static void every_example_and_every_answer_follows_the_contract(void **state)
{
	const char *const settings[] = {api_has_feed() ? "feed=on" : "feed=off", NULL};

	(void)state;
	check_contract(settings);
}

static void so_do_they_where_ids_are_strings(void **state)
{
	static const char *const settings[] = {"cart.id_type=string", NULL};

	(void)state;
	check_contract(settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_example_and_every_answer_follows_the_contract),
		cmocka_unit_test(so_do_they_where_ids_are_strings),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
