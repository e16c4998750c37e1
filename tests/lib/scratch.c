#include "tests/lib/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void scratch_die(const char *path)
{
	fprintf(stderr, "%s cannot be made: %s\n", path, strerror(errno));
	abort();
}

static void scratch_name(char path[SCRATCH_PATH_MAX], const char *name)
{
	const char *parent = getenv("TMPDIR");
	int n = snprintf(path, SCRATCH_PATH_MAX, "%s/%s-XXXXXX",
			 parent != NULL && *parent != '\0' ? parent : "/tmp", name);

	if (n < 0 || n >= SCRATCH_PATH_MAX) {
		errno = ENAMETOOLONG;
		scratch_die(path);
	}
}

void scratch_make_folder(char path[SCRATCH_PATH_MAX], const char *name)
{
	scratch_name(path, name);
	if (mkdtemp(path) == NULL)
		scratch_die(path);
}

int scratch_make_file(char path[SCRATCH_PATH_MAX], const char *name)
{
	int fd;

	scratch_name(path, name);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		scratch_die(path);
	return fd;
}
