/* One try of a call: a signed POST, and what came back. Only call.c and transfer.c know it. */
#ifndef BACKENDS_DYNAMODB_WIRE_TRANSFER_H
#define BACKENDS_DYNAMODB_WIRE_TRANSFER_H

#include "backends/dynamodb/wire/retry.h"
#include "backends/dynamodb/wire/types.h"
#include "core/base/random.h"

#include <curl/curl.h>

#define TRANSFER_HEADERS    8
#define TRANSFER_ANSWER_MAX (17 * 1024 * 1024) /* BatchGetItem has 16 MB, and its JSON more */

struct event;
struct curl_loop; /* libcurl on the event loop */

struct ddb_client {
	struct event_base *base;
	struct ddb_client_config config;
	struct curl_loop *curl;
	struct sigv4_signer signer;
	struct aws_credentials credentials; /* a copy of */
	uint64_t generation;		    /* this one; 0: none yet */
	uint64_t refused; /* waiting for others than these had no success; 0: none */
	char host[300];	  /* as the Host header says it */
	char host_header[310];
	struct random random;
	int64_t clock_ns; /* when an answer's Date was read last */
};

struct ddb_transfer {
	struct ddb_call *call; /* NULL: the struct was freed, or the call given up */
	CURL *easy;
	bool on_wire; /* the handle is in the loop */
	size_t sent;  /* of the body, handed to libcurl */
	struct buf answer;
	bool too_long;
	int64_t asked_ms;    /* x-amz-retry-after; -1: none */
	uint64_t generation; /* of the credentials that it was signed with */
	int64_t skew_s;	     /* the correction of our clock that it was signed with */
	int64_t since_ns;
	int64_t renew_until_ns; /* in a pause: other credentials are waited for; 0: they are not */
	struct event *pause;
	int owed;	       /* tokens that the next try takes when its pause is over */
	int spent;	       /* tokens, for the call */
	int64_t owed_since_ns; /* the budget was empty then; 0: it was not */
	bool skewed;	       /* the clock was corrected for the call */
	bool is_last;	       /* its time is the call's */
	bool decided;	       /* the outcome is there, and done() is yet to be called */
	struct curl_slist headers[TRANSFER_HEADERS];
	char target[80];
	struct sigv4_signed signature;
	char date_header[40];
	char authorization_header[SIGV4_AUTHORIZATION_ROOM + 20];
	char token_header[AWS_SESSION_TOKEN_MAX + 40];
	char curl_error[CURL_ERROR_SIZE];
};

/* From the loop, never inside ddb_transfer_begin(). May begin and abort transfers, this one too. */
typedef void ddb_transfer_done_fn(struct ddb_transfer *transfer, CURLcode result);

/* Keeps at most so many connections. NULL: no memory. */
struct curl_loop *ddb_curl_loop_new(struct event_base *base, size_t connections,
				    ddb_transfer_done_fn *done);
/* No transfer may be on the wire. Closes the connections. Takes NULL; sets it. */
void ddb_curl_loop_free(struct curl_loop **loop);

/* NULL: no memory. */
struct ddb_transfer *ddb_transfer_new(struct ddb_client *client);
void ddb_transfer_free(struct ddb_transfer **transfer);
/* Signs and sends. False: it could not be signed, or there is no memory; nothing is sent. */
CART_MUST_CHECK bool ddb_transfer_begin(struct ddb_client *client, struct ddb_transfer *transfer,
					int64_t timeout_ms);
/* Ends one that is on the wire. */
void ddb_transfer_abort(struct ddb_client *client, struct ddb_transfer *transfer);
/* What it has come to; fills the call's json, error and message. */
enum ddb_try ddb_transfer_result(struct ddb_client *client, struct ddb_transfer *transfer,
				 CURLcode result, enum ddb_retry *why);

#endif
