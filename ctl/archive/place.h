/*
 * Where an archive is: a folder, or a prefix of a bucket. It holds files under names with '/' in
 * them. A file is there whole or not at all, and is safe once it was written: a write that was cut
 * off leaves nothing under its name.
 */
#ifndef CTL_ARCHIVE_PLACE_H
#define CTL_ARCHIVE_PLACE_H

#include "core/base/attr.h"
#include "core/base/buf.h"
#include "core/base/error.h"

#include <stdbool.h>

struct archive_place;

/* Calls it for each name. False: it wants no more. */
typedef bool archive_name_fn(const char *name, void *user);

struct archive_place_kind {
	/* -1 of any: error says why. */
	int (*write)(struct archive_place *place, const char *name, const struct buf *data,
		     struct cart_error *error);
	/* Appends what is under the name, read from where it is kept. 0: nothing is; 1: all of it.
	 */
	int (*read)(struct archive_place *place, const char *name, struct buf *data,
		    struct cart_error *error);
	/* What is not there is gone. */
	int (*remove)(struct archive_place *place, const char *name, struct cart_error *error);
	/* The files that are directly in the folders whose names begin with prefix. Their order
	 * is the names'. */
	int (*list)(struct archive_place *place, const char *prefix, archive_name_fn *each,
		    void *user, struct cart_error *error);
	void (*close)(struct archive_place *place);
};

/* Head of a kind's own struct. */
struct archive_place {
	const struct archive_place_kind *kind;
};

enum archive_access {
	ARCHIVE_READ,  /* nothing is written, so it may be where nothing can be */
	ARCHIVE_WRITE, /* it is there */
	ARCHIVE_MAKE   /* it may have to be made */
};

/* A folder, whose parent is there; nobody else's until it is closed. NULL: error says why. */
struct archive_place *archive_folder_open(const char *path, enum archive_access access,
					  struct cart_error *error);
/* Takes NULL; sets it. */
void archive_place_close(struct archive_place **place);

#endif
