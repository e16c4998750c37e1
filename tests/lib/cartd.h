/*
 * A real cartd in a process of its own, for tests over sockets. What goes wrong here fails the
 * running cmocka test. The process dies with the test program, whatever becomes of that.
 */
#ifndef TESTS_LIB_CARTD_H
#define TESTS_LIB_CARTD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct cartd {
	pid_t pid; /* 0: not running */
	int port;
	int output;	      /* standard output and error, an unlinked file */
	const char *log_file; /* of the options */
	int64_t ready_us;     /* from fork to the line that says it listens */
};

/* How to start it, where the defaults do not do. A zeroed struct is the default. */
struct cartd_options {
	const char *program;  /* NULL: $CARTD, or bin/cartd-test of the build the test belongs to */
	const char *log_file; /* where the settings send the log, if not to standard error */
	unsigned long nofile; /* RLIMIT_NOFILE, soft and hard; 0: as the test's */
};

/*
 * Starts one on a free port of 127.0.0.1 and waits until it says that it listens. settings are
 * "key=value", NULL-terminated (NULL: none); the backend is memory and threads is 1 unless they say
 * otherwise.
 */
void cartd_start(struct cartd *cartd, const char *const *settings);
void cartd_start_with(struct cartd *cartd, const char *const *settings,
		      const struct cartd_options *options);

/* SIGTERM, and the exit status must be 0. Does nothing for one that is not running. */
void cartd_stop(struct cartd *cartd);
/* SIGKILL. Does nothing for one that is not running. */
void cartd_kill(struct cartd *cartd);
void cartd_signal(const struct cartd *cartd, int signal);
/* Waits for the end. Returns the exit status, or 128 + signal; -1: still running. */
int cartd_wait(struct cartd *cartd, int timeout_ms);
bool cartd_is_running(struct cartd *cartd);

/* Resident memory, now and at its highest. */
size_t cartd_rss_kib(const struct cartd *cartd);
size_t cartd_peak_rss_kib(const struct cartd *cartd);
/* User and system time since start. */
int64_t cartd_cpu_ms(const struct cartd *cartd);
/* How often it used a page that it had to get from the kernel first. */
unsigned long cartd_page_faults(const struct cartd *cartd);
/* Open file descriptors. */
size_t cartd_fds(const struct cartd *cartd);

/* All that it has written. To be freed by the caller. */
char *cartd_output(const struct cartd *cartd);
/* Waits until the output holds text; fails the test after timeout_ms. */
void cartd_await_output(const struct cartd *cartd, const char *text, int timeout_ms);

/* The value of a series in its /metrics ("cart_http_connections{...}"), 0 when it is not there. */
double cartd_metric(const struct cartd *cartd, const char *series);

/*
 * Runs a program of the build ("cartd-test", "cartctl") to its end: argv[0] is the name, found in
 * bin/. *output gets standard output and error together, to be freed. Returns the exit status, or
 * 128 + signal.
 */
int cartd_run_program(const char *const *argv, char **output, int timeout_ms);

/* Starts one without waiting: for cartd_signal, cartd_wait, cartd_output and, at last, cartd_kill.
 */
void cartd_start_program(struct cartd *run, const char *const *argv);

/* A fresh directory under $TMPDIR, and its removal with what is in it (one level). */
void cartd_make_directory(char path[256]);
void cartd_remove_directory(const char *path);

/* Milliseconds of the monotonic clock, for deadlines in tests. */
int64_t cartd_now_ms(void);

#endif
