/*
 * libcurl's multi interface on an event loop. One a loop.
 *
 * libcurl says which sockets it waits for and how long; the loop tells it when they are ready.
 * Nothing calls libcurl from within its own callbacks. A transfer that is over is handed to done(),
 * from the loop, after it was taken out of the multi handle.
 */
#ifndef BACKENDS_DYNAMODB_WIRE_CURL_LOOP_H
#define BACKENDS_DYNAMODB_WIRE_CURL_LOOP_H

#include "core/base/attr.h"

#include <curl/curl.h>
#include <stddef.h>

struct event_base;
struct curl_loop;

/* private: the handle's CURLOPT_PRIVATE. May add and remove handles, this one too. */
typedef void curl_loop_done_fn(void *private, CURLcode result);

/* Keeps at most so many connections. NULL: no memory. */
struct curl_loop *curl_loop_new(struct event_base *base, size_t connections,
				curl_loop_done_fn *done);
/* No handle may be in it. Closes the connections. Takes NULL; sets it. */
void curl_loop_free(struct curl_loop **loop);

/* Begins a transfer; done() will come, not from inside. -1: no memory. */
CART_MUST_CHECK int curl_loop_add(struct curl_loop *loop, CURL *easy);
/* Ends one that was begun and is not done: its connection is closed. */
void curl_loop_remove(struct curl_loop *loop, CURL *easy);

#endif
