/*
 * Preloaded into cartctl (LD_PRELOAD): kills it in its call number $KILL_AT of those that change what is on the disk or make it safe,
 * before the call is made. $KILL_HALF: of a write half is written before. $KILL_COUNT names a file that gets the number of the calls.
 * $KILL_STOPS: it is stopped instead, until somebody lets it go on.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static _Atomic long calls;

static int step(void)
{
	const char *at = getenv("KILL_AT");

	return ++calls == (at ? atol(at) : -1);
}

static void die(void)
{
	raise(getenv("KILL_STOPS") ? SIGSTOP : SIGKILL);
}

__attribute__((destructor)) static void tell(void)
{
	const char *path = getenv("KILL_COUNT");
	FILE *file = path ? fopen(path, "w") : NULL;

	if (!file)
		return;
	fprintf(file, "%ld\n", calls);
	fclose(file);
}

#define REAL(type, name, ...)                                                                      \
	static type (*real)(__VA_ARGS__);                                                          \
	if (!real)                                                                                 \
	*(void **)&real = dlsym(RTLD_NEXT, name)

ssize_t write(int fd, const void *data, size_t size)
{
	REAL(ssize_t, "write", int, const void *, size_t);
	if (fd > 2 && step()) {
		if (getenv("KILL_HALF"))
			(void)!real(fd, data, size / 2);
		die();
	}
	return real(fd, data, size);
}

int fsync(int fd)
{
	REAL(int, "fsync", int);
	if (step())
		die();
	return real(fd);
}

int fdatasync(int fd)
{
	REAL(int, "fdatasync", int);
	if (step())
		die();
	return real(fd);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	REAL(int, "renameat", int, const char *, int, const char *);
	if (step())
		die();
	return real(from_fd, from, to_fd, to);
}

int unlinkat(int fd, const char *path, int flags)
{
	REAL(int, "unlinkat", int, const char *, int);
	if (step())
		die();
	return real(fd, path, flags);
}

int mkdirat(int fd, const char *path, mode_t mode)
{
	REAL(int, "mkdirat", int, const char *, mode_t);
	if (step())
		die();
	return real(fd, path, mode);
}
