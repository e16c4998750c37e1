#include "server/access/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool file_is_fit(int fd, size_t max, struct stat *file, struct cart_error *error)
{
	if (fstat(fd, file) != 0 || !S_ISREG(file->st_mode) || file->st_size > (off_t)max) {
		cart_error_set(error, "it is not a file of at most %zu bytes", max);
		return false;
	}
	if ((file->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		cart_error_set(error, "others than its owner may write to it; chmod 600");
		return false;
	}
	return true;
}

/* At most size bytes: the file may become shorter meanwhile. */
static char *file_read(int fd, size_t size, size_t *len, struct cart_error *error)
{
	char *text = malloc(size + 1);
	ssize_t got = 1;

	if (text == NULL) {
		cart_error_set(error, "out of memory");
		return NULL;
	}
	for (*len = 0; *len < size && got > 0; *len += got > 0 ? (size_t)got : 0)
		got = read(fd, text + *len, size - *len);
	if (got >= 0)
		return text;
	cart_error_set(error, "%s", strerror(errno));
	free(text);
	return NULL;
}

char *access_file_read(const char *path, size_t max, size_t *len, bool *shared,
		       struct cart_error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat file;
	char *text = NULL;

	if (fd < 0) {
		cart_error_set(error, "%s", strerror(errno));
		return NULL;
	}
	if (file_is_fit(fd, max, &file, error)) {
		text = file_read(fd, (size_t)file.st_size, len, error);
		if (shared != NULL)
			*shared = (file.st_mode & (S_IRGRP | S_IROTH)) != 0;
	}
	close(fd);
	return text;
}

struct access_stamp access_stamp_of(const char *path)
{
	struct stat file;

	if (stat(path, &file) != 0)
		return (struct access_stamp){0};
	return (struct access_stamp){.device = file.st_dev,
				     .inode = file.st_ino,
				     .size = file.st_size,
				     .changed = file.st_ctim};
}

bool access_stamp_differs(const struct access_stamp *a, const struct access_stamp *b)
{
	return a->device != b->device || a->inode != b->inode || a->size != b->size ||
	       a->changed.tv_sec != b->changed.tv_sec || a->changed.tv_nsec != b->changed.tv_nsec;
}
