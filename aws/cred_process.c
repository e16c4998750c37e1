/*
 * credential_process: a command that prints credentials as JSON. It runs as a process group of its
 * own, so that it can be ended with its children: after a time limit, or when the service stops.
 *
 * Source: "Process credential provider" (AWS SDKs and tools reference guide).
 */
#include "aws/cred.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CRED_PROCESS_LOOK_MS                                                                       \
	20 /* between two checks whether it has ended, once its output is closed */

struct cred_process {
	pid_t pid; /* 0: it has ended */
	int fd;	   /* its output */
	int64_t limit_ms;
	int64_t until_ns;
	int cancel_fd;
};

extern char **environ;

static int cred_process_actions(posix_spawn_file_actions_t *actions, int out)
{
	int rc = posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);

	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY,
						      0);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY,
						      0);
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
	/* Some libraries open descriptors without O_CLOEXEC. */
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
#endif
	return rc;
}

/* Our thread blocks all signals and the service ignores some; the command gets the defaults. */
static int cred_process_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	rc = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
							  POSIX_SPAWN_SETSIGDEF);
	if (rc == 0)
		rc = posix_spawnattr_setsigmask(attributes, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attributes, &all);
	return rc;
}

static int cred_process_spawn(pid_t *pid, const char *command, int out)
{
	char *arguments[] = {"sh", "-c", (char *)(uintptr_t)command, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int rc = posix_spawn_file_actions_init(&actions);

	if (rc != 0)
		return rc;
	rc = posix_spawnattr_init(&attributes);
	if (rc == 0) {
		rc = cred_process_actions(&actions, out);
		if (rc == 0)
			rc = cred_process_attributes(&attributes);
		if (rc == 0)
			rc = posix_spawn(pid, "/bin/sh", &actions, &attributes, arguments, environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

static int cred_process_start(struct cred_process *process, const struct cred_context *context,
			      const char *command, struct cart_error *error)
{
	int pipes[2], rc;

	*process = (struct cred_process){
		.limit_ms = context->process_limit_ms,
		.until_ns = clock_monotonic_ns(&cart_clock_system) +
			    context->process_limit_ms * CLOCK_NS_PER_MS,
		.cancel_fd = context->cancel_fd,
	};
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return cart_error_set(error, "credential_process: %s", strerror(errno));
	rc = cred_process_spawn(&process->pid, command, pipes[1]);
	close(pipes[1]);
	if (rc == 0) {
		process->fd = pipes[0];
		return 0;
	}
	close(pipes[0]);
	return cart_error_set(error, "credential_process: cannot run /bin/sh: %s", strerror(rc));
}

/* Waits for output; with fd -1 for CRED_PROCESS_LOOK_MS. False: the time is over or the service
 * stops, as error says. */
static bool cred_process_wait(const struct cred_process *process, int fd, struct cart_error *error)
{
	struct pollfd polled[] = {{.fd = fd, .events = POLLIN},
				  {.fd = process->cancel_fd, .events = POLLIN}};
	int64_t left_ms =
		(process->until_ns - clock_monotonic_ns(&cart_clock_system)) / CLOCK_NS_PER_MS;

	if (left_ms <= 0) {
		cart_error_set(error, "credential_process has not ended within %lld ms",
			       (long long)process->limit_ms);
		return false;
	}
	if (fd < 0 && left_ms > CRED_PROCESS_LOOK_MS)
		left_ms = CRED_PROCESS_LOOK_MS;
	poll(polled, 2, (int)left_ms);
	if (polled[1].revents == 0)
		return true;
	cart_error_set(error, "credential_process was stopped");
	return false;
}

static int cred_process_read(struct cred_process *process, struct cred_text *output,
			     struct cart_error *error)
{
	int flags = fcntl(process->fd, F_GETFL);

	/* poll() also returns for other reasons. */
	if (flags < 0 || fcntl(process->fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return cart_error_set(error, "credential_process: %s", strerror(errno));
	while (cred_process_wait(process, process->fd, error)) {
		ssize_t got = read(process->fd, output->data + output->len,
				   output->room + 1 - output->len);

		if (got == 0)
			return 0;
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			return cart_error_set(error, "credential_process: %s", strerror(errno));
		if (got < 0)
			continue;
		if ((size_t)got > output->room - output->len) {
			output->len = output->room;
			return cart_error_set(error, "credential_process says more than %d bytes",
					      CRED_ANSWER_MAX);
		}
		output->len += (size_t)got;
		output->data[output->len] = '\0';
	}
	return -1;
}

static int cred_process_end(struct cred_process *process, struct cart_error *error)
{
	int status = 0;
	pid_t ended;

	while ((ended = waitpid(process->pid, &status, WNOHANG)) == 0 ||
	       (ended < 0 && errno == EINTR))
		if (!cred_process_wait(process, -1, error))
			return -1;
	process->pid = 0;
	if (ended < 0) /* a program that ignores SIGCHLD never learns how its children end */
		return 0;
	if (WIFSIGNALED(status))
		return cart_error_set(error, "credential_process was ended by signal %d",
				      WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return cart_error_set(error, "credential_process ended with status %d",
				      WEXITSTATUS(status));
	return 0;
}

static void cred_process_stop(struct cred_process *process)
{
	close(process->fd);
	if (process->pid == 0)
		return;
	kill(-process->pid, SIGKILL);
	while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int cred_process_check(const json_t *object, struct cart_error *error)
{
	const json_t *version = json_object_get(object, "Version");

	if (json_is_integer(version) && json_integer_value(version) == 1)
		return 0;
	return cart_error_set(error, "it has a Version other than 1");
}

int cred_process_fetch(const struct cred_context *context, const char *command,
		       struct aws_credentials *out, struct cart_error *error)
{
	static const struct cred_json_form form = {.what = "the output of credential_process",
						   .token_name = "SessionToken",
						   .check = cred_process_check};
	struct cred_process process;
	struct cred_text output;
	int result;

	if (cred_text_new(&output, CRED_ANSWER_MAX, error) != 0)
		return CRED_FAILED;
	result = cred_process_start(&process, context, command, error);
	if (result == 0) {
		result = cred_process_read(&process, &output, error);
		if (result == 0)
			result = cred_process_end(&process, error);
		cred_process_stop(&process);
	}
	if (result == 0)
		result = cred_json_read(&output, &form, out, error);
	cred_text_free(&output);
	return result;
}
