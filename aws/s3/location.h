/* Where objects are: "s3://BUCKET/PREFIX", and how names are written in a URL. */
#ifndef AWS_S3_LOCATION_H
#define AWS_S3_LOCATION_H

#include "core/base/attr.h"
#include "core/base/buf.h"
#include "core/base/error.h"

#define S3_BUCKET_MAX 63
#define S3_KEY_MAX    1024 /* bytes of UTF-8 */
#define S3_PREFIX_MAX 850  /* so that names below it fit */

struct s3_location {
	char bucket[S3_BUCKET_MAX + 1];
	char prefix[S3_PREFIX_MAX + 2]; /* "", or what begins all keys: "archive/carts/" */
};

/*
 * -1: error says what is wrong with the text. A prefix may have any printable character. Segments
 * "." and ".." are refused, because clients, proxies and servers on file systems resolve them.
 */
CART_MUST_CHECK int s3_location_parse(struct s3_location *location, const char *text,
				      struct cart_error *error);

/* Appends the text with %XX for every byte that is not unreserved (RFC 3986), as signatures want
 * it. slashes: a '/' stays. */
void s3_encode(struct buf *out, const char *text, bool slashes);

#endif
