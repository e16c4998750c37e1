#include "tests/lib/cartd.h"

#include "tests/lib/http_client.h"
#include "tests/lib/patience.h"
#include "tests/lib/scratch.h"
#include "tests/lib/tls_client.h"
#include "tests/lib/tls_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define CARTD_START_MS 20000 /* a sanitizer build on a busy machine */
#define CARTD_STOP_MS  20000
#define CARTD_ARGS_MAX 64

static int64_t cartd_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t cartd_now_ms(void)
{
	return cartd_now_us() / 1000;
}

static void cartd_pause(void)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	nanosleep(&ms, NULL);
}

/* build/VARIANT/tests/server/test_x -> build/VARIANT/bin/NAME */
static void cartd_find_program(char path[PATH_MAX], const char *name)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(len > 0);
	self[len] = '\0';
	for (int up = 0; up < 3; up++) {
		char *slash = strrchr(self, '/');

		assert_non_null(slash);
		*slash = '\0';
	}
	int n = snprintf(path, PATH_MAX, "%s/bin/%s", self, name);

	assert_true(n > 0 && n < PATH_MAX);
	if (access(path, X_OK) != 0)
		fail_msg("%s is not built", path);
}

static int cartd_output_file(void)
{
	int fd = memfd_create("cartd-output", 0);

	assert_true(fd >= 0);
	/* Appending, so that what we read never moves where it writes. */
	assert_int_equal(fcntl(fd, F_SETFL, O_APPEND), 0);
	return fd;
}

/* In the child, between fork and exec: only what is safe there. */
static void cartd_exec(const char *program, char *const *argv, int output, unsigned long nofile)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	if (nofile > 0) {
		struct rlimit limit = {.rlim_cur = nofile, .rlim_max = nofile};

		setrlimit(RLIMIT_NOFILE, &limit);
	}
	execv(program, argv);
	_exit(127);
}

static pid_t cartd_spawn(const char *program, char *const *argv, int output, unsigned long nofile)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		cartd_exec(program, argv, output, nofile);
	return pid;
}

char *cartd_output(const struct cartd *cartd)
{
	struct stat status;
	char *text;
	ssize_t len;

	assert_int_equal(fstat(cartd->output, &status), 0);
	text = malloc((size_t)status.st_size + 1);
	assert_non_null(text);
	len = pread(cartd->output, text, (size_t)status.st_size, 0);
	assert_true(len >= 0);
	text[len] = '\0';
	return text;
}

/* A small file; "" while it is not there. */
static char *cartd_read(const char *path)
{
	char *text = calloc(1, 65536);
	FILE *file = fopen(path, "r");

	assert_non_null(text);
	if (file != NULL) {
		text[fread(text, 1, 65535, file)] = '\0';
		fclose(file);
	}
	return text;
}

static bool cartd_output_holds(const struct cartd *cartd, const char *text)
{
	char *output = cartd_output(cartd);
	bool holds = strstr(output, text) != NULL;

	free(output);
	return holds;
}

void cartd_await_output(const struct cartd *cartd, const char *text, int timeout_ms)
{
	int64_t end = patience_ms() + timeout_ms;

	while (!cartd_output_holds(cartd, text)) {
		if (patience_ms() > end) {
			char *output = cartd_output(cartd);

			print_error("cartd wrote:\n%s\n", output);
			free(output);
			fail_msg("\"%s\" did not come", text);
		}
		cartd_pause();
	}
}

/* The port in "listening address=127.0.0.1:PORT ..." (or the same as JSON); 0: not yet there. */
static int cartd_parse_port(const struct cartd *cartd)
{
	char *output = cartd->log_file == NULL ? cartd_output(cartd) : cartd_read(cartd->log_file);
	const char *line = strstr(output, "listening");
	const char *address = line == NULL ? NULL : strstr(line, "127.0.0.1:");
	int port = 0;

	if (address != NULL && strchr(address, '\n') != NULL)
		port = (int)strtol(address + strlen("127.0.0.1:"), NULL, 10);
	free(output);
	return port;
}

static void cartd_await_ready(struct cartd *cartd, int64_t started_us)
{
	int64_t end = patience_ms() + CARTD_START_MS;

	while ((cartd->port = cartd_parse_port(cartd)) == 0) {
		int status = cartd_wait(cartd, 0);

		if (status >= 0 || patience_ms() > end) {
			char *output = cartd_output(cartd);

			print_error("cartd wrote:\n%s\n", output);
			free(output);
			cartd_kill(cartd);
			fail_msg("cartd did not start (status %d)", status);
		}
		cartd_pause();
	}
	cartd->ready_us = cartd_now_us() - started_us;
}

/*
 * With TEST_OVER_TLS=1 in the environment every cartd speaks TLS, and every http_client too: tests
 * of connections run once more over TLS. The certificates are made once a program.
 */
static char cartd_tls_folder[SCRATCH_PATH_MAX];

static void cartd_tls_remove(void)
{
	cartd_remove_directory(cartd_tls_folder);
}

static size_t cartd_tls_settings(const char **argv, size_t n)
{
	static char cert[SCRATCH_PATH_MAX + 40], key[SCRATCH_PATH_MAX + 40];
	const char *wanted = getenv("TEST_OVER_TLS");
	char ca[SCRATCH_PATH_MAX + 40];

	if (wanted == NULL || strcmp(wanted, "1") != 0)
		return n;
	if (cartd_tls_folder[0] == '\0') {
		scratch_make_folder(cartd_tls_folder, "tls");
		atexit(cartd_tls_remove);
		tls_fixture_make(cartd_tls_folder);
		snprintf(ca, sizeof(ca), "%s/ca.pem", cartd_tls_folder);
		snprintf(cert, sizeof(cert), "http.tls_cert=%s/server.pem", cartd_tls_folder);
		snprintf(key, sizeof(key), "http.tls_key=%s/server-key.pem", cartd_tls_folder);
		tls_client_use(ca, NULL, NULL);
	}
	argv[n++] = "--set";
	argv[n++] = cert;
	argv[n++] = "--set";
	argv[n++] = key;
	return n;
}

void cartd_start_with(struct cartd *cartd, const char *const *settings,
		      const struct cartd_options *options)
{
	/* Without core_dumps only root could count its descriptors. */
	static const char *const defaults[] = {"listen=127.0.0.1:0", "backend=memory", "threads=1",
					       "core_dumps=true"};
	const size_t default_count = sizeof(defaults) / sizeof(defaults[0]);
	const char *argv[CARTD_ARGS_MAX] = {"cartd"};
	const char *program = options->program != NULL ? options->program : getenv("CARTD");
	char found[PATH_MAX];
	size_t n = 1;

	if (program == NULL) {
		cartd_find_program(found, "cartd-test");
		program = found;
	}
	for (size_t i = 0; i < default_count; i++) {
		bool said = false;

		for (size_t j = 0; settings != NULL && settings[j] != NULL; j++)
			if (strncmp(settings[j], defaults[i], strcspn(defaults[i], "=") + 1) == 0)
				said = true;
		if (said)
			continue;
		argv[n++] = "--set";
		argv[n++] = defaults[i];
	}
	for (size_t i = 0; settings != NULL && settings[i] != NULL; i++) {
		assert_true(n + 7 < CARTD_ARGS_MAX);
		argv[n++] = "--set";
		argv[n++] = settings[i];
	}
	n = cartd_tls_settings(argv, n);
	argv[n] = NULL;

	*cartd = (struct cartd){.output = cartd_output_file(), .log_file = options->log_file};
	int64_t started_us = cartd_now_us();

	cartd->pid = cartd_spawn(program, (char *const *)(uintptr_t)argv, cartd->output,
				 options->nofile);
	cartd_await_ready(cartd, started_us);
}

void cartd_start(struct cartd *cartd, const char *const *settings)
{
	cartd_start_with(cartd, settings, &(struct cartd_options){0});
}

static int cartd_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int cartd_wait_pid(pid_t pid, int timeout_ms)
{
	int64_t end = patience_ms() + timeout_ms;
	int status;

	for (;;) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			return cartd_status(status);
		assert_true(got == 0 || errno == EINTR);
		if (patience_ms() >= end)
			return -1;
		cartd_pause();
	}
}

int cartd_wait(struct cartd *cartd, int timeout_ms)
{
	int status;

	assert_true(cartd->pid > 0);
	status = cartd_wait_pid(cartd->pid, timeout_ms);
	if (status >= 0)
		cartd->pid = 0;
	return status;
}

bool cartd_is_running(struct cartd *cartd)
{
	return cartd->pid > 0 && cartd_wait(cartd, 0) < 0;
}

static void cartd_close_output(struct cartd *cartd)
{
	if (cartd->output > 0)
		close(cartd->output);
	cartd->output = 0;
}

void cartd_stop(struct cartd *cartd)
{
	if (cartd->pid > 0) {
		cartd_signal(cartd, SIGTERM);
		int status = cartd_wait(cartd, CARTD_STOP_MS);

		if (status != 0) {
			char *output = cartd_output(cartd);

			print_error("cartd wrote:\n%s\n", output);
			free(output);
			cartd_kill(cartd);
			fail_msg("cartd ended with %d in place of 0", status);
		}
	}
	cartd_close_output(cartd);
}

void cartd_kill(struct cartd *cartd)
{
	if (cartd->pid > 0) {
		kill(cartd->pid, SIGKILL);
		waitpid(cartd->pid, NULL, 0);
		cartd->pid = 0;
	}
	cartd_close_output(cartd);
}

void cartd_signal(const struct cartd *cartd, int signal)
{
	assert_true(cartd->pid > 0);
	assert_int_equal(kill(cartd->pid, signal), 0);
}

/* Reads a small file of /proc/PID. */
static void cartd_read_proc(const struct cartd *cartd, const char *name, char *text, size_t room)
{
	char path[64];
	FILE *file;
	size_t len;

	assert_true(cartd->pid > 0);
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)cartd->pid, name);
	file = fopen(path, "r");
	assert_non_null(file);
	len = fread(text, 1, room - 1, file);
	text[len] = '\0';
	fclose(file);
}

static size_t cartd_status_kib(const struct cartd *cartd, const char *field)
{
	char text[4096];
	const char *at;

	cartd_read_proc(cartd, "status", text, sizeof(text));
	at = strstr(text, field);
	assert_non_null(at);
	return (size_t)strtoul(at + strlen(field), NULL, 10);
}

size_t cartd_rss_kib(const struct cartd *cartd)
{
	return cartd_status_kib(cartd, "VmRSS:");
}

size_t cartd_peak_rss_kib(const struct cartd *cartd)
{
	return cartd_status_kib(cartd, "VmHWM:");
}

/* Three numbers of /proc/PID/stat (proc(5)). */
static void cartd_read_stat(const struct cartd *cartd, unsigned long *faults, unsigned long *user,
			    unsigned long *system)
{
	char text[1024];
	const char *at;

	cartd_read_proc(cartd, "stat", text, sizeof(text));
	at = strrchr(text, ')');
	assert_non_null(at);
	assert_int_equal(sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %lu %*u %*u %*u %lu %lu",
				faults, user, system),
			 3);
}

int64_t cartd_cpu_ms(const struct cartd *cartd)
{
	unsigned long faults, user, system;

	cartd_read_stat(cartd, &faults, &user, &system);
	return (int64_t)(user + system) * 1000 / sysconf(_SC_CLK_TCK);
}

unsigned long cartd_page_faults(const struct cartd *cartd)
{
	unsigned long faults, user, system;

	cartd_read_stat(cartd, &faults, &user, &system);
	return faults;
}

size_t cartd_fds(const struct cartd *cartd)
{
	char path[64];
	size_t count = 0;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)cartd->pid);
	directory = opendir(path);
	assert_non_null(directory);
	for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
		if (entry->d_name[0] != '.')
			count++;
	closedir(directory);
	return count;
}

double cartd_metric(const struct cartd *cartd, const char *series)
{
	struct http_response response = {0};
	struct http_client client;
	double value = 0;

	http_client_open(&client, cartd->port);
	http_client_call(&client, &response, "GET", "/metrics", NULL, NULL);
	assert_int_equal(response.status, 200);
	for (const char *line = response.body; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, series, strlen(series)) == 0 && line[strlen(series)] == ' ')
			value = strtod(line + strlen(series), NULL);
	}
	http_response_clear(&response);
	http_client_close(&client);
	return value;
}

void cartd_start_program(struct cartd *run, const char *const *argv)
{
	char program[PATH_MAX];

	*run = (struct cartd){.output = cartd_output_file()};
	cartd_find_program(program, argv[0]);
	run->pid = cartd_spawn(program, (char *const *)(uintptr_t)argv, run->output, 0);
}

int cartd_run_program(const char *const *argv, char **output, int timeout_ms)
{
	struct cartd run;
	int status;

	cartd_start_program(&run, argv);
	status = cartd_wait(&run, timeout_ms);
	*output = cartd_output(&run);
	cartd_kill(&run);
	if (status < 0)
		fail_msg("%s did not end within %d ms", argv[0], timeout_ms);
	return status;
}

void cartd_make_directory(char path[256])
{
	scratch_make_folder(path, "cart-test");
}

void cartd_remove_directory(const char *path)
{
	DIR *directory = opendir(path);

	assert_non_null(directory);
	for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(dirfd(directory), entry->d_name, 0);
	closedir(directory);
	rmdir(path);
}
