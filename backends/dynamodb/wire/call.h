/*
 * A signed call to DynamoDB, for operations, provisioning and tests.
 * Source: "DynamoDB low-level API" (developer guide) and the retry rules of AWS's SDKs ("standard"
 * mode).
 *
 * The happy path: the body is signed and POSTed on a kept connection, the answer is 200, its
 * checksum (x-amz-crc32) is right, its JSON is parsed, and done() is called on the loop.
 *
 * How it fails. A try that was certainly not applied (throttled, refused, never connected, signed
 * with the wrong time or old credentials) is signed again and sent again until the call's deadline,
 * with backoff (full jitter from 25 ms, from 50 ms when throttled; x-amz-retry-after if the server
 * sends it). A retry takes tokens of the process's retry budget. While that is empty, one retry in
 * DDB_PROBE_NS is let through, and the others wait: for config.budget_wait_ns, a patient call until
 * its deadline. A try that may have been applied (the connection broke after the request was sent,
 * no answer in time, HTTP 5xx, a wrong checksum, no JSON, an error with HTTP 200) is sent again in
 * the same way only if the operation changes nothing; otherwise the call ends as DDB_DOUBT, and the
 * caller must find out; if it then makes the call again, it says so in call->repeats. libcurl never
 * sends a request a second time by itself.
 *
 * Between two tries a call needs no connection: paused() says when it gives its place to others,
 * ready() asks for one again.
 */
#ifndef BACKENDS_DYNAMODB_WIRE_CALL_H
#define BACKENDS_DYNAMODB_WIRE_CALL_H

#include "backends/dynamodb/wire/retry.h"
#include "backends/dynamodb/wire/types.h"

/* Once a process, before the first shard is made. */
void ddb_call_series_register(struct ddb_call_series *series, struct metrics *metrics);

/* What config points to outlives the client. NULL: no memory. */
struct ddb_client *ddb_client_new(struct event_base *base, const struct ddb_client_config *config);
/* No call may be under way. Takes NULL; sets it. */
void ddb_client_free(struct ddb_client **client);

/* Starts it. -1: no memory; done() will not come. */
CART_MUST_CHECK int ddb_call_start(struct ddb_client *client, struct ddb_call *call);
/* After ready() was false: the next try may be made. */
void ddb_call_resume(struct ddb_call *call);
/* True once bytes of a change have, or may have, left for the server: giving up now leaves doubt.
 * For a call under way. */
bool ddb_call_in_doubt(const struct ddb_call *call);
/* Ends it without done(), and closes its connection if a try is under way. */
void ddb_call_abandon(struct ddb_call *call);
/* Releases the answer of a finished call, and buffers that a large answer has made large. */
void ddb_call_forget(struct ddb_call *call);
/* Frees what the struct holds; abandons it first. */
void ddb_call_clear(struct ddb_call *call);

/* Starts it and runs the loop until it is done, which nobody else runs: for provisioning. */
CART_MUST_CHECK int ddb_call_wait(struct ddb_client *client, struct event_base *base,
				  struct ddb_call *call);

#endif
