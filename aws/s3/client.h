/*
 * Objects of one bucket of S3, or of a server that speaks its protocol: put, get, remove, list.
 * Calls block; any thread may make them.
 *
 * Each request is signed with its payload (Signature Version 4; never UNSIGNED-PAYLOAD), and what
 * is put carries its SHA-256 for the server to check. Objects of AWS are asked for by the bucket's
 * own host, those of an endpoint that somebody named by path. No redirect is followed: where the
 * bucket is in another region the error says in which.
 *
 * A request without an answer, refused for a moment (503 SlowDown, 500, throttled), signed with
 * the wrong time or with credentials that have expired is made again, with pauses that grow, for
 * about half a minute.
 *
 * A put is atomic: the object is there whole or not at all. But whoever gets no answer does not
 * know which, nor when: a server may carry a request out after its client has given up. So it is
 * noted when a put was in doubt last (s3_doubt_ns()). The socket of a client that is killed is
 * reset (SO_LINGER 0), so that the kernel sends nothing more on its behalf.
 */
#ifndef AWS_S3_CLIENT_H
#define AWS_S3_CLIENT_H

#include "aws/s3/types.h"
#include "core/base/attr.h"
#include "core/base/buf.h"
#include "core/base/error.h"

struct s3_client;

/* NULL: no memory. */
struct s3_client *s3_client_new(const struct s3_config *config);
/* No call may be under way. Takes NULL; sets it. */
void s3_client_free(struct s3_client **client);

/* condition NULL: none. etag NULL: not asked for. */
CART_MUST_CHECK enum s3_result s3_put(struct s3_client *client, const char *key,
				      const struct buf *data, const struct s3_condition *condition,
				      char etag[S3_ETAG_ROOM], struct cart_error *error);
/* Appends what the object holds. */
CART_MUST_CHECK enum s3_result s3_get(struct s3_client *client, const char *key, struct buf *data,
				      char etag[S3_ETAG_ROOM], struct cart_error *error);
/* condition NULL: none. What is not there is gone: S3_DONE. */
CART_MUST_CHECK enum s3_result s3_remove(struct s3_client *client, const char *key,
					 const struct s3_condition *condition,
					 struct cart_error *error);

/* False: it wants no more. */
typedef bool s3_key_fn(const char *key, void *user);
/* Calls it with each key that begins with prefix, in the order of S3, which is that of bytes. It
 * may make calls. */
CART_MUST_CHECK enum s3_result s3_list(struct s3_client *client, const char *prefix,
				       s3_key_fn *each, void *user, struct cart_error *error);

/* The monotonic time of the last put without an answer; 0: none. */
int64_t s3_doubt_ns(const struct s3_client *client);

#endif
