#include "tests/lib/dynalite_fixture.h"

#include "core/base/clock.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"
#include "tests/lib/raw_dynamodb.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FIXTURE_START_MS 120000 /* the first time it is installed */
#define FIXTURE_KILL_MS	 10000

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

bool dynalite_fixture_available(void)
{
	if (fixture_on_path("node") && fixture_on_path("npm"))
		return true;
	print_message("not tested: node and npm, which run dynalite, are not installed (Debian: "
		      "nodejs, npm)\n");
	return false;
}

static void nothing_is_tested(void **state)
{
	(void)state;
	skip();
}

int dynalite_fixture_skip_all(void)
{
	const struct CMUnitTest none[] = {cmocka_unit_test(nothing_is_tested)};

	return cmocka_run_group_tests(none, NULL, NULL);
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
		execl("/usr/bin/env", "env", "-u", "CART_TEST_DYNAMODB_ENDPOINT", tool,
		      "--table-ms", ms, "sh", "-c",
		      "echo $TEST_DYNAMODB_PID $CART_DYNAMODB_ENDPOINT; exec cat >/dev/null",
		      (char *)NULL);
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
	int in[2], out[2], pid = 0;
	char line[128];

	*f = (struct dynalite_fixture){0};
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	f->keeper = fixture_spawn(table_ms, in[0], out[1]);
	f->lifeline = in[1];
	close(in[0]);
	close(out[1]);
	fixture_read_line(out[0], line, sizeof(line));
	close(out[0]);
	if (sscanf(line, "%d http://127.0.0.1:%d", &pid, &f->port) != 2)
		fail_msg("tools/with-dynalite could not start dynalite");
	f->pid = pid;
	snprintf(f->endpoint, sizeof(f->endpoint), "http://127.0.0.1:%d", f->port);
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

/* It is its keeper's child, not ours: gone is when its files are closed, its process a zombie. */
static bool fixture_is_gone(pid_t pid)
{
	char path[64], text[256];
	const char *state;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	state = strrchr(text, ')');
	return state == NULL || state[2] == 'Z';
}

void dynalite_fixture_kill(struct dynalite_fixture *f)
{
	int64_t end = patience_ns() + FIXTURE_KILL_MS * CLOCK_NS_PER_MS;
	const struct timespec nap = {.tv_nsec = CLOCK_NS_PER_MS};

	if (f->pid == 0)
		return;
	kill(f->pid, SIGKILL);
	while (!fixture_is_gone(f->pid)) {
		if (patience_ns() >= end)
			fail_msg("dynalite is there %d ms after SIGKILL", FIXTURE_KILL_MS);
		nanosleep(&nap, NULL);
	}
	f->pid = 0;
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
