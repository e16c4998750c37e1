#include "tests/lib/dynalite_fixture.h"

#include "tests/lib/cmocka.h"
#include "tests/lib/raw_dynamodb.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIXTURE_START_MS 120000 /* the first time it is installed */

static bool fixture_on_path(const char *program)
{
	const char *path = getenv("PATH");
	char *folders = strdup(path != NULL ? path : "/usr/bin:/bin");
	char *rest = folders, file[PATH_MAX];
	bool found = false;

	for (const char *folder; !found && (folder = strsep(&rest, ":")) != NULL;) {
		snprintf(file, sizeof(file), "%s/%s", folder, program);
		found = access(file, X_OK) == 0;
	}
	free(folders);
	return found;
}

/* The server that whoever runs the tests has named; NULL: none. */
static const char *fixture_given(void)
{
	const char *given = getenv("CART_TEST_DYNAMODB_ENDPOINT");

	return given != NULL && *given != '\0' ? given : NULL;
}

bool dynalite_fixture_available(void)
{
	if (fixture_given() != NULL)
		return true;
	if (fixture_on_path("node") && fixture_on_path("npm"))
		return true;
	print_message("not tested: node and npm, which run dynalite, are not installed (Debian: "
		      "nodejs, npm)\n");
	return false;
}

/* build/VARIANT/tests/FOLDER/test_x -> tools/with-dynalite */
static void fixture_find_tool(char path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(len > 0);
	self[len] = '\0';
	for (int up = 0; up < 5; up++) {
		char *slash = strrchr(self, '/');

		assert_non_null(slash);
		*slash = '\0';
	}
	assert_true(snprintf(path, PATH_MAX, "%s/tools/with-dynalite", self) < PATH_MAX);
}

/* Its command says where the server is, then reads until we, or our end, close the lifeline. */
static pid_t fixture_spawn(unsigned table_ms, int in, int out)
{
	char tool[PATH_MAX], ms[16];
	pid_t pid;

	fixture_find_tool(tool);
	snprintf(ms, sizeof(ms), "%u", table_ms);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* Not among those whom the terminal or the runner ends with us: it sees to that
		 * itself, in order. */
		setsid();
		dup2(in, STDIN_FILENO);
		dup2(out, STDOUT_FILENO);
		close_range(STDERR_FILENO + 1, ~0u, 0);
		execl(tool, tool, "--table-ms", ms, "sh", "-c",
		      "echo $CART_DYNAMODB_ENDPOINT; exec cat >/dev/null", (char *)NULL);
		_exit(127);
	}
	return pid;
}

/* The line that the command says; it has ended where there is none. */
static void fixture_read_line(int fd, char *line, size_t room)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	size_t len = 0;

	while (len < room - 1 && memchr(line, '\n', len) == NULL) {
		ssize_t got;

		if (poll(&poll_fd, 1, FIXTURE_START_MS) != 1)
			fail_msg("dynalite is not ready after %d ms", FIXTURE_START_MS);
		got = read(fd, line + len, room - 1 - len);
		if (got <= 0)
			break;
		len += (size_t)got;
	}
	line[len] = '\0';
}

void dynalite_fixture_start(struct dynalite_fixture *f, unsigned table_ms)
{
	int in[2], out[2];
	char line[128];

	*f = (struct dynalite_fixture){0};
	if (fixture_given() != NULL) {
		snprintf(f->endpoint, sizeof(f->endpoint), "%s", fixture_given());
		return;
	}
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	f->keeper = fixture_spawn(table_ms, in[0], out[1]);
	f->lifeline = in[1];
	close(in[0]);
	close(out[1]);
	fixture_read_line(out[0], line, sizeof(line));
	close(out[0]);
	if (sscanf(line, "%120s", f->endpoint) != 1)
		fail_msg("tools/with-dynalite could not start dynalite");
}

void dynalite_fixture_start_if_any(struct dynalite_fixture *f, unsigned table_ms)
{
	*f = (struct dynalite_fixture){0};
	if (dynalite_fixture_available())
		dynalite_fixture_start(f, table_ms);
}

void dynalite_fixture_need(const struct dynalite_fixture *f)
{
	if (f->endpoint[0] != '\0')
		return;
	print_message("not tested: it needs dynalite\n");
	skip();
}

void dynalite_fixture_free(struct dynalite_fixture *f)
{
	if (f->keeper > 0) {
		close(f->lifeline);
		waitpid(f->keeper, NULL, 0);
	}
	*f = (struct dynalite_fixture){0};
}

json_t *dynalite_fixture_call(struct dynalite_fixture *f, const char *operation, const char *body)
{
	long status;
	json_t *answer = raw_dynamodb_call(f->endpoint, operation, body, &status);

	if (status != 200) {
		print_error("%s: %ld %s\n", operation, status, raw_dynamodb_error(answer));
		json_decref(answer);
		fail();
	}
	return answer;
}
