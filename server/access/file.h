/* Files that say who may call. */
#ifndef SERVER_ACCESS_FILE_H
#define SERVER_ACCESS_FILE_H

#include "core/base/attr.h"
#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/*
 * The whole file, as a string of malloc to be freed. NULL: error says why: it is not there, not a
 * file of at most max bytes, or others than its owner may write to it. *shared (may be NULL):
 * others may read it.
 */
CART_MUST_CHECK char *access_file_read(const char *path, size_t max, size_t *len, bool *shared,
				       struct cart_error *error);

/* What tells one state of a file from another. */
struct access_stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

/* Of a file that cannot be looked at all members are 0. */
struct access_stamp access_stamp_of(const char *path);
bool access_stamp_differs(const struct access_stamp *a, const struct access_stamp *b);

#endif
