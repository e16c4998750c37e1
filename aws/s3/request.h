/* One try of a request to S3: signed, sent, answered. Only this folder knows it. */
#ifndef AWS_S3_REQUEST_H
#define AWS_S3_REQUEST_H

#include "aws/s3/types.h"
#include "aws/sigv4.h"
#include "core/base/attr.h"
#include "core/base/buf.h"

#include <curl/curl.h>

#define S3_ANSWER_MAX (16 * 1024 * 1024) /* of an error, or of a page of a list */
#define S3_HASH_TEXT  64

struct s3_target {
	char host[320];	 /* as the Host header says it */
	char base[330];	 /* "https://HOST" */
	char bucket[72]; /* "/BUCKET" before each path; "" where the host says it */
};

/* Of a bucket at an endpoint. */
void s3_target_set(struct s3_target *target, const char *bucket,
		   const struct aws_endpoint *endpoint);

/* A connection and what it takes to sign. One request at a time. */
struct s3_link {
	CURL *easy;
	struct sigv4_signer signer;
	struct s3_link *next; /* of those that are free */
};

/* NULL: no memory. config outlives it. */
struct s3_link *s3_link_new(const struct s3_config *config);
void s3_link_free(struct s3_link *link);

struct s3_request {
	const char *method;
	const char *key;	/* NULL: the bucket itself */
	const char *query;	/* encoded and sorted; NULL: none */
	const struct buf *body; /* NULL: none */
	const struct s3_condition *condition;
	char hash_hex[S3_HASH_TEXT + 1];
	char hash_base64[48];

	/* The answer. */
	CURLcode code;
	long status;	  /* 0: none */
	bool sent;	  /* the server may have got the request */
	size_t read;	  /* of the body, handed to libcurl */
	struct buf *data; /* gets the answer's body; the caller's */
	size_t data_from; /* where it begins */
	bool too_long;
	int64_t server_s; /* its Date, since 1970; 0: none */
	char etag[S3_ETAG_ROOM];
	char region[64]; /* x-amz-bucket-region; "": none */
	char why[CURL_ERROR_SIZE];
};

/* Sets the hashes. False: the digest failed. */
CART_MUST_CHECK bool s3_request_hash(struct s3_request *request);
/* False: no memory, or it could not be signed; nothing was sent. now_s: right for the server. */
CART_MUST_CHECK bool s3_request_try(struct s3_link *link, const struct s3_target *target,
				    struct s3_request *request,
				    const struct aws_credentials *credentials, int64_t now_s);

#endif
