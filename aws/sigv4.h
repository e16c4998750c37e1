/*
 * AWS Signature Version 4: what a request to an AWS service carries to prove who sent it.
 *
 * Source: "Create a signed AWS API request" (IAM user guide). The signature covers the method, the
 * path, the query, the headers given and the SHA-256 of the payload. It holds for five minutes
 * around its time. The key it is made with holds for a day, a region and a service, and is derived
 * anew only when one of these or the secret changes.
 *
 * Nothing here allocates.
 */
#ifndef AWS_SIGV4_H
#define AWS_SIGV4_H

#include "core/base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGV4_HEADERS_MAX	 32
#define SIGV4_TIME_ROOM		 17 /* "20150830T123600Z" */
#define SIGV4_AUTHORIZATION_ROOM 2048
#define SIGV4_CANONICAL_ROOM	 32768

/* NUL-terminated; session_token NULL or "": none. */
struct sigv4_credentials {
	const char *access_key_id;
	const char *secret_access_key;
	const char *session_token;
};

/* A header as it is sent; names in any case, in any order, may repeat. */
struct sigv4_header {
	const char *name;
	const char *value;
};

/*
 * What is signed. Host must be among the headers; X-Amz-Date and X-Amz-Security-Token are not:
 * signing adds them to what it signs, the caller to what it sends.
 */
struct sigv4_request {
	const char *method;
	const struct sigv4_header *headers;
	size_t header_count;
	const void *payload;
	size_t payload_len;
	/* As they are sent, with %XX for whatever is not unreserved (RFC 3986) or a "/" of the
	 * path; the query sorted by name. NULL: "/", and none. */
	const char *path, *query;
	const char *payload_hash; /* in hexadecimal; NULL: it is computed */
};

/* Region, service and the key derived for them. One a thread. Zero it and set the first two. */
struct sigv4_signer {
	const char *region;
	const char *service;
	bool has_key;
	char date[9];		 /* of the key */
	uint8_t secret_hash[32]; /* of the secret that the key was derived from */
	uint8_t key[32];
	/* Of the last signature, for tests and for who has to find out why one is refused. */
	char canonical[SIGV4_CANONICAL_ROOM]; /* NUL-terminated */
	char to_sign[256];
	char signature[65];
};

/* Wipes the key; region and service stay. Takes a zeroed one. */
void sigv4_signer_clear(struct sigv4_signer *signer);

/* What has to be sent beside the request's own headers. */
struct sigv4_signed {
	char amz_date[SIGV4_TIME_ROOM];		      /* X-Amz-Date */
	char authorization[SIGV4_AUTHORIZATION_ROOM]; /* Authorization */
};

/*
 * unix_s: the time, in seconds since 1970, right for the server. False: too many headers,
 * something too long, or the digest failed; nothing may be sent then.
 */
CART_MUST_CHECK bool sigv4_sign(struct sigv4_signer *signer,
				const struct sigv4_credentials *credentials,
				const struct sigv4_request *request, int64_t unix_s,
				struct sigv4_signed *out);

#endif
