/*
 * One call of the API under way: what its handler is given and how it answers.
 *
 * The happy path: api.c makes the call, matches the route, reads what every call has (ids in the
 * path, query, body's kind) and runs the handler; that reads the rest, fills the op and calls
 * call_submit(); call_done() comes from the store and runs the answer, which ends in call_reply().
 * The other ways: anything that is wrong before the op ends in call_invalid() or call_problem(); a
 * refused or failed op in call_fail(); a client that goes has its reads canceled, while a change
 * that was submitted goes on, since it may have been acknowledged to nobody and still count.
 */
#ifndef SERVER_API_CALL_H
#define SERVER_API_CALL_H

#include "core/base/buf.h"
#include "server/access/access.h"
#include "server/api/body.h"
#include "server/api/problem.h"
#include "server/api/query.h"
#include "server/http/request_id.h"
#include "server/api/router.h"
#include "server/api/shared.h"
#include "server/feed/hub.h"

#include <sys/queue.h>

/* Who was last noted in the log to have read the feed; beside this there are others. */
#define FEED_NOTED 64
struct feed_noted {
	uint64_t caller; /* hash of its name */
	int64_t at_ns;
};

enum api_log { API_LOG_OFF, API_LOG_ERRORS, API_LOG_ALL };

struct call;
typedef void slice_fn(struct call *call);

struct api {
	const struct api_shared *shared;
	struct cart_store *store;
	struct metrics_shard *shard;
	struct access *access; /* NULL: everybody may do everything */
	struct random ids;
	enum api_log log;   /* log.requests */
	struct buf out;	    /* the body being written; replies are built and sent in one go */
	struct call *spare; /* calls for reuse */
	size_t spare_count;
	struct {
		STAILQ_HEAD(call_queue, call) waiting;
		struct event *turn;
		size_t cart_bytes; /* that a cart takes in an answer, more or less */
	} slices;
	struct {
		struct feed_seat *seat; /* NULL: the feed is off */
		struct event_base *base;
		TAILQ_HEAD(call_list, call) waiting;
		struct feed_noted noted[FEED_NOTED];
	} feed;
};

struct call {
	struct api *api;
	struct http_request *request;
	struct call *next; /* while spare */

	/* What is known of the request. */
	const struct route *route;    /* NULL: none matched */
	const struct route_call *how; /* NULL: none matched */
	struct cart_id id;	      /* {id} of the path */
	struct shop_id product_id;    /* {product_id} of the path */
	bool has_tags;		      /* If-None-Match, and it is well formed */
	bool has_path;		      /* false for what the guard refused */
	bool wants_cart;	      /* Prefer: return=representation */
	bool cached, asked;	      /* ops were answered by the read cache; by the store */
	const struct access_caller
		*caller;	     /* NULL: callers are not checked, or not on this route */
	const struct shop_id *owner; /* of its ops; NULL: any */
	bool at_admin;		     /* it came by admin.listen */
	bool as_admin;		     /* what it asks for needs the scope admin */
	char request_id[REQUEST_ID_MAX + 1];
	char trace_id[TRACE_ID_TEXT + 1]; /* "": none */
	char key[CART_KEY_MAX +
		 1]; /* of the op: a copy, since the request's header is gone when its client is */

	/* The work. */
	void (*answer)(struct call *call);
	bool answers_failure; /* answer also runs when the op failed */
	size_t pending;	      /* ops in the store */
	struct cart_op *many; /* batch-get: many_count ops, owned; else NULL */
	size_t many_count, many_begun, many_written;
	/* For an answer that is made in slices. */
	STAILQ_ENTRY(call) waiting;
	slice_fn *slice;
	struct buf page;       /* the answer so far, owned */
	size_t page_carts;     /* carts in it */
	struct cart_list list; /* LIST: what is still to be read */
	size_t erased;	       /* carts deleted; and before this pass over the list */
	size_t erased_before;
	struct changes changes; /* what op.changes points to */

	/* For the answer and the log. */
	const char *cache;			     /* Cache-Control */
	int64_t queue_ns, database_ns;		     /* of the ops of this slice */
	int64_t queue_before_ns, database_before_ns; /* of the slices before it */
	char reason[CART_REASON_MAX];		     /* why it failed; for the log alone */

	/* Large, and not cleared for reuse. */
	struct cart_op op;
	struct query query;
	struct router_match match;
	struct access_caller caller_room; /* where caller points to */
	struct {
		TAILQ_ENTRY(call) link; /* while it waits; the cursor is then in page */
		struct event *timer;
		int64_t until_ns;
		uint64_t generation;
		int limit;
		bool as_stream; /* Server-Sent Events */
		bool has_place; /* at the hub */
	} feed;
};

/* NULL: no memory. */
struct call *call_new(struct api *api, struct http_request *request);
/* Frees the spare calls of an api. */
void call_free_spares(struct api *api);

/* Reading what only some calls have. All return false when they have answered the call already. */
/* The only value of a header; *value is NULL when there is none. */
CART_MUST_CHECK bool call_read_header(struct call *call, const char *name, const char **value);
CART_MUST_CHECK bool call_read_if_match(struct call *call, int64_t *version);
/* Idempotency-Key and If-Match into the op, Prefer into the call: for changes. */
CART_MUST_CHECK bool call_read_change_headers(struct call *call);
/* Answers the call if the result of a body_read function is not BODY_OK. */
CART_MUST_CHECK bool call_body_ok(struct call *call, enum body_result result, const char *detail);
/* Answers 400 if there is an If-None-Match: on a change it would be a condition, and it is not
 * supported there. */
CART_MUST_CHECK bool call_refuse_none_match(struct call *call);

/* Initialises call->op with id and deadline; the handler fills the rest of the request. */
struct cart_op *call_op(struct call *call, enum cart_op_type type);
/* The same for an op of call->many. */
void call_prepare_op(struct call *call, struct cart_op *op, enum cart_op_type type);
/* Submits call->op; answer is run with its success. */
void call_submit(struct call *call, void (*answer)(struct call *call));
/* Submits count more of call->many; answer is run when each was a success or NOT_FOUND, or with
 * answers_failure when all that were begun have ended. */
void call_submit_many(struct call *call, size_t count, void (*answer)(struct call *call));

/* Answering: each of these ends the call; the caller must not use it afterwards. */
void call_reply(struct call *call, int status, const char *type, const void *body, size_t len);
/* api->out as JSON. */
void call_reply_json(struct call *call, int status);
/* 200, call->page as JSON. */
void call_reply_page(struct call *call);
/* Without a body. */
void call_reply_empty(struct call *call, int status);
/* op.cart, as the answer to a change. */
void call_reply_cart(struct call *call, int status);
/* 204, as the answer to a change. */
void call_reply_changed(struct call *call);
CART_PRINTF(3, 4)
void call_problem(struct call *call, struct problem problem, const char *format, ...);
/* 400 INVALID_INPUT */
CART_PRINTF(2, 3) void call_invalid(struct call *call, const char *format, ...);
/* Answers with the error for a result other than CART_OK. */
void call_fail(struct call *call, enum cart_result result);

/* Headers of the answer; before it is sent. */
void call_header(struct call *call, const char *name, const char *value);
void call_header_tag(struct call *call, int64_t version);
/* ETag, and Idempotency-Replayed if it was a replay. */
void call_header_change(struct call *call, int64_t version);

#endif
