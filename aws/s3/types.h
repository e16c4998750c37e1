/* What all of this folder knows of calls: see client.h. */
#ifndef AWS_S3_TYPES_H
#define AWS_S3_TYPES_H

#include "aws/credentials.h"
#include "aws/endpoint.h"

#include <stdbool.h>
#include <stdint.h>

#define S3_ETAG_ROOM  128
#define S3_OBJECT_MAX (INT64_C(5) << 30) /* of a single put */

/* Strings, endpoint and credentials outlive the client. */
struct s3_config {
	const struct cart_clock *clock;
	const char *bucket;
	const struct aws_endpoint *endpoint;
	struct aws_credentials_source *credentials;
	int64_t connect_timeout_ms;
	int64_t timeout_ms; /* without a byte in either direction */
};

enum s3_result {
	S3_FAILED = -1, /* error says why, and names bucket and key */
	S3_DONE,
	S3_ABSENT,	  /* there is no such object */
	S3_CONDITION,	  /* the condition is false; nothing was changed */
	S3_NO_CONDITIONS, /* the server does not know conditions; nothing was changed */
};

/* When a put or a removal is made; NULL in both: always. A server that does not know them may
 * ignore them. */
struct s3_condition {
	const char *if_match;  /* an ETag: the object is this one */
	const char *if_absent; /* "*": there is none */
};

#endif
