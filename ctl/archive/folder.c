/*
 * A folder as a place. A file is written under a name of its own in _tmp, synced, renamed, and its
 * folder synced: after a crash it is there whole or not at all. What is left in _tmp is removed
 * when the place is opened again. Names that begin with an underscore are passed over by Athena,
 * Hive and Spark.
 */
#include "ctl/archive/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_PATH 4096

struct folder {
	struct archive_place place; /* first */
	char *path;
	int fd;	  /* of the folder */
	int lock; /* of _lock */
};

static int folder_failed(const struct folder *folder, const char *what, const char *name,
			 struct cart_error *error)
{
	return cart_error_set(error, "%s %s/%s: %s", what, folder->path, name, strerror(errno));
}

static int folder_sync(const struct folder *folder, const char *name)
{
	int fd = openat(folder->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd >= 0 ? fsync(fd) : -1;

	if (fd >= 0)
		close(fd);
	return rc;
}

/* Makes a folder, if it is not there, and has it on the disk. */
static int folder_make(const struct folder *folder, const char *name)
{
	if (mkdirat(folder->fd, name, 0777) != 0)
		return errno == EEXIST ? 0 : -1;
	return fsync(folder->fd);
}

static int folder_write_all(int fd, const struct buf *data)
{
	size_t done = 0;

	while (done < data->len) {
		ssize_t n = write(fd, data->data + done, data->len - done);

		if (n < 0 && errno != EINTR)
			return -1;
		done += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd);
}

/* The folder of a name: "dt=2026-08-29". */
static void folder_of(const char *name, char text[FOLDER_PATH])
{
	const char *end = strrchr(name, '/');

	snprintf(text, FOLDER_PATH, "%.*s", end != NULL ? (int)(end - name) : 1,
		 end != NULL ? name : ".");
}

static int folder_write(struct archive_place *place, const char *name, const struct buf *data,
			struct cart_error *error)
{
	struct folder *folder = (struct folder *)place;
	char in[FOLDER_PATH], tmp[FOLDER_PATH];
	const char *base = strrchr(name, '/');
	int fd, rc;

	folder_of(name, in);
	snprintf(tmp, sizeof(tmp), "_tmp/%s", base != NULL ? base + 1 : name);
	fd = openat(folder->fd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return folder_failed(folder, "cannot write", tmp, error);
	rc = folder_write_all(fd, data);
	if (rc != 0)
		folder_failed(folder, "cannot write", tmp, error);
	close(fd);
	if (rc != 0)
		return -1;
	if (folder_make(folder, in) != 0 || renameat(folder->fd, tmp, folder->fd, name) != 0 ||
	    folder_sync(folder, in) != 0)
		return folder_failed(folder, "cannot write", name, error);
	return 0;
}

static int folder_read_all(int fd, struct buf *data)
{
	struct stat stat;
	ssize_t n = 1;

	/* What was just written comes from the disk, not from memory, where the system obeys. */
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (fstat(fd, &stat) != 0)
		return -1;
	while (n != 0) {
		if (!buf_reserve(data, (size_t)stat.st_size + 1)) {
			errno = ENOMEM;
			return -1;
		}
		n = read(fd, data->data + data->len, data->room - data->len);
		if (n < 0 && errno != EINTR)
			return -1;
		data->len += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int folder_read(struct archive_place *place, const char *name, struct buf *data,
		       struct cart_error *error)
{
	struct folder *folder = (struct folder *)place;
	int fd = openat(folder->fd, name, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0 && errno == ENOENT)
		return 0;
	rc = fd >= 0 ? folder_read_all(fd, data) : -1;
	if (rc != 0)
		folder_failed(folder, "cannot read", name, error);
	if (fd >= 0)
		close(fd);
	return rc == 0 ? 1 : -1;
}

static int folder_remove(struct archive_place *place, const char *name, struct cart_error *error)
{
	struct folder *folder = (struct folder *)place;
	char in[FOLDER_PATH];

	if (unlinkat(folder->fd, name, 0) != 0)
		return errno == ENOENT ? 0 : folder_failed(folder, "cannot remove", name, error);
	folder_of(name, in);
	return folder_sync(folder, in) == 0 ? 0 : folder_failed(folder, "cannot sync", in, error);
}

struct folder_names {
	char **names;
	size_t count;
	bool failed;
};

static void folder_names_add(struct folder_names *list, const char *in, const char *name)
{
	char **names = reallocarray(list->names, list->count + 1, sizeof(*names));

	if (names == NULL) {
		list->failed = true;
		return;
	}
	list->names = names;
	if (asprintf(&names[list->count], "%s%s%s", in, in[0] != '\0' ? "/" : "", name) < 0)
		list->failed = true;
	else
		list->count++;
}

static void folder_names_free(struct folder_names *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->names[i]);
	free(list->names);
}

static int folder_names_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What is in a folder, in order; nothing where it is not there, or is a file of somebody else. */
static int folder_names_read(const struct folder *folder, const char *in, struct folder_names *list)
{
	int fd = openat(folder->fd, in[0] != '\0' ? in : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	}
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			folder_names_add(list, in, entry->d_name);
	closedir(dir);
	if (list->failed)
		errno = ENOMEM;
	else if (list->count > 0)
		qsort(list->names, list->count, sizeof(*list->names), folder_names_order);
	return list->failed ? -1 : 0;
}

static int folder_list(struct archive_place *place, const char *prefix, archive_name_fn *each,
		       void *user, struct cart_error *error)
{
	struct folder *folder = (struct folder *)place;
	struct folder_names folders = {0};
	int rc = folder_names_read(folder, "", &folders);
	bool more = true;

	for (size_t i = 0; i < folders.count && rc == 0 && more; i++) {
		struct folder_names files = {0};

		if (strncmp(folders.names[i], prefix, strlen(prefix)) != 0)
			continue;
		rc = folder_names_read(folder, folders.names[i], &files);
		for (size_t at = 0; at < files.count && rc == 0 && more; at++)
			more = each(files.names[at], user);
		folder_names_free(&files);
	}
	folder_names_free(&folders);
	return rc == 0 ? 0 : folder_failed(folder, "cannot list", prefix, error);
}

static void folder_close(struct archive_place *place)
{
	struct folder *folder = (struct folder *)place;

	if (folder->lock >= 0)
		close(folder->lock);
	if (folder->fd >= 0)
		close(folder->fd);
	free(folder->path);
	free(folder);
}

static const struct archive_place_kind folder_kind = {
	.write = folder_write,
	.read = folder_read,
	.remove = folder_remove,
	.list = folder_list,
	.close = folder_close,
};

static bool folder_remove_left(const char *name, void *user)
{
	return unlinkat(((struct folder *)user)->fd, name, 0) == 0;
}

/* Its name is on the disk before anything in it counts as safe. */
static int folder_make_path(const char *path)
{
	char *parent = NULL;
	int fd, rc;

	if (mkdir(path, 0777) != 0)
		return errno == EEXIST ? 0 : -1;
	if (asprintf(&parent, "%s/..", path) < 0)
		return -1;
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = fd >= 0 ? fsync(fd) : -1;
	if (fd >= 0)
		close(fd);
	free(parent);
	return rc;
}

/* So that nobody else works in it. Where it is only read, a copy without a lock is nobody else's.
 */
static int folder_take_lock(struct folder *folder, enum archive_access access)
{
	folder->lock = openat(
		folder->fd, "_lock",
		access == ARCHIVE_READ ? O_RDONLY | O_CLOEXEC : O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (folder->lock < 0 && access == ARCHIVE_READ && errno == ENOENT)
		return 0;
	return folder->lock >= 0 ? flock(folder->lock, LOCK_EX | LOCK_NB) : -1;
}

static int folder_take(struct folder *folder, enum archive_access access, struct cart_error *error)
{
	if (access == ARCHIVE_MAKE && folder_make_path(folder->path) != 0)
		return cart_error_set(error, "cannot make %s: %s", folder->path, strerror(errno));
	folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder->fd < 0)
		return cart_error_set(error, "cannot open %s: %s", folder->path, strerror(errno));
	if (folder_take_lock(folder, access) != 0)
		return errno == EWOULDBLOCK
			       ? cart_error_set(error, "%s is in use by another cartctl",
						folder->path)
			       : folder_failed(folder, "cannot lock", "_lock", error);
	if (access == ARCHIVE_READ)
		return 0;
	if (folder_make(folder, "_tmp") != 0)
		return folder_failed(folder, "cannot make", "_tmp", error);
	return folder_list(&folder->place, "_tmp", folder_remove_left, folder, error);
}

struct archive_place *archive_folder_open(const char *path, enum archive_access access,
					  struct cart_error *error)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	if (folder == NULL) {
		cart_error_set(error, "out of memory");
		return NULL;
	}
	*folder = (struct folder){
		.place = {.kind = &folder_kind}, .path = strdup(path), .fd = -1, .lock = -1};
	if (folder->path != NULL && folder_take(folder, access, error) == 0)
		return &folder->place;
	if (folder->path == NULL)
		cart_error_set(error, "out of memory");
	folder_close(&folder->place);
	return NULL;
}

void archive_place_close(struct archive_place **place)
{
	if (*place != NULL)
		(*place)->kind->close(*place);
	*place = NULL;
}
