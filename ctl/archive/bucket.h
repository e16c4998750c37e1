/* An archive in a bucket. */
#ifndef CTL_ARCHIVE_BUCKET_H
#define CTL_ARCHIVE_BUCKET_H

#include "core/settings/settings.h"
#include "ctl/archive/place.h"

/*
 * where: "s3://BUCKET/PREFIX"; the bucket is there. It is nobody else's until it is closed, see
 * lease.h, unless it is only read. warn() is told what a person has to know. The
 * settings outlive it. NULL: error says why.
 */
struct archive_place *archive_bucket_open(const char *where, const struct settings *settings,
					  enum archive_access access,
					  void (*warn)(const char *text), struct cart_error *error);

#endif
