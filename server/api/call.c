#include "server/api/call.h"

#include "core/cart_json.h"
#include "core/base/log.h"
#include "server/access/permit.h"
#include "server/api/api_metrics.h"
#include "server/api/conditions.h"
#include "server/api/cors.h"
#include "server/api/read_cache.h"
#include "server/http/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALL_SPARES_MAX	   256
#define CALL_BUF_KEPT_MAX  ((size_t)256 * 1024) /* a larger page is not worth its memory */
#define CALL_DETAIL_MAX	   256
#define CALL_CACHE_DEFAULT "no-store"

struct call *call_new(struct api *api, struct http_request *request)
{
	struct call *call = api->spare;

	if (call != NULL) {
		api->spare = call->next;
		api->spare_count--;
	} else {
		call = malloc(sizeof(*call));
		if (call == NULL)
			return NULL;
		cart_op_init(&call->op, CART_OP_GET);
	}
	/* The op was cleared when the call was last freed. Handlers that need an op initialise it.
	 */
	call->op.type = CART_OP_GET;
	memset(call, 0, offsetof(struct call, op));
	call->api = api;
	call->request = request;
	call->cache = CALL_CACHE_DEFAULT;
	return call;
}

static void call_free(struct call *call)
{
	struct api *api = call->api;

	cart_op_clear(&call->op);
	for (size_t i = 0; i < call->many_count; i++)
		cart_op_clear(&call->many[i]);
	free(call->many);
	buf_free(&call->page);
	changes_clear(&call->changes);
	/* The loop's calls use it one after the other. */
	buf_reset(&api->out);
	if (api->out.room > CALL_BUF_KEPT_MAX)
		buf_free(&api->out);
	if (api->spare_count == CALL_SPARES_MAX) {
		free(call);
		return;
	}
	call->next = api->spare;
	api->spare = call;
	api->spare_count++;
}

void call_free_spares(struct api *api)
{
	while (api->spare != NULL) {
		struct call *call = api->spare;

		api->spare = call->next;
		free(call);
	}
	api->spare_count = 0;
}

bool call_read_header(struct call *call, const char *name, const char **value)
{
	size_t count;

	*value = http_request_header(call->request, name, &count);
	if (*value == NULL || count == 1)
		return true;
	call_invalid(call, "header %s is given more than once", name);
	return false;
}

bool call_read_if_match(struct call *call, int64_t *version)
{
	const char *value;

	*version = 0;
	if (!call_read_header(call, "If-Match", &value))
		return false;
	if (value == NULL || conditions_if_match(value, version))
		return true;
	call_invalid(call, "header If-Match must be \"*\" or one entity-tag such as \"3\" with its "
			   "quotes");
	return false;
}

bool call_refuse_none_match(struct call *call)
{
	if (http_request_header(call->request, "If-None-Match", NULL) == NULL)
		return true;
	call_invalid(call, "header If-None-Match is for GET and HEAD");
	return false;
}

/* Several Prefer headers are one list (RFC 7240, section 2). */
static void call_read_prefer(struct call *call)
{
	const char *prefer;

	for (size_t i = 0; (prefer = http_request_header_at(call->request, "Prefer", i)) != NULL &&
			   !conditions_read_return(prefer, &call->wants_cart);)
		i++;
}

bool call_read_change_headers(struct call *call)
{
	const char *key;

	call_read_prefer(call);
	if (!call_read_if_match(call, &call->op.if_version) ||
	    !call_read_header(call, "Idempotency-Key", &key) || !call_refuse_none_match(call))
		return false;
	if (key != NULL && !conditions_key_is_valid(key)) {
		call_invalid(call,
			     "header Idempotency-Key must be 1 to 255 visible ASCII characters");
		return false;
	}
	if (key != NULL)
		call->op.key = strcpy(call->key, key);
	return true;
}

/* Slices are made one after the other: their times add up. */
static void call_begin_times(struct call *call)
{
	call->queue_before_ns += call->queue_ns;
	call->database_before_ns += call->database_ns;
	call->queue_ns = call->database_ns = 0;
}

static void call_take_times(struct call *call, const struct cart_op *op)
{
	int64_t queue_ns = op->started_ns - op->submitted_ns;
	int64_t database_ns = op->finished_ns - op->started_ns;

	/* Several ops run at the same time: the slowest counts. */
	if (queue_ns > call->queue_ns)
		call->queue_ns = queue_ns;
	if (database_ns > call->database_ns)
		call->database_ns = database_ns;
}

/* The first failure among the ops; in a batch, an op without a cart to give is none. */
static enum cart_result call_result(const struct call *call)
{
	for (size_t i = 0; i < call->many_count; i++)
		if (call->many[i].result != CART_OK && call->many[i].result != CART_NOT_FOUND &&
		    call->many[i].result != CART_DAMAGED)
			return call->many[i].result;
	return call->many_count > 0 ? CART_OK : call->op.result;
}

static bool call_find_cached(struct call *call, struct cart_op *op)
{
	struct read_cache *cache = call->api->shared->read_cache;

	if (cache != NULL && read_cache_find(cache, call->api->shard, op)) {
		call->cached = true;
		return true;
	}
	call->asked = true;
	return false;
}

static void call_done(struct cart_op *op, void *user)
{
	struct call *call = user;
	struct api *api = call->api;
	enum cart_result result;

	if (api->shared->read_cache != NULL)
		read_cache_learn(api->shared->read_cache, api->shard, op);
	if (api->feed.seat != NULL && op->result == CART_OK && cart_op_is_write(op))
		feed_seat_changed(api->feed.seat);
	call_take_times(call, op);
	if (call->reason[0] == '\0' && op->reason[0] != '\0')
		memcpy(call->reason, op->reason, sizeof(call->reason));
	if (--call->pending > 0)
		return;
	result = call_result(call);
	if (result == CART_OK || call->answers_failure)
		call->answer(call);
	else
		call_fail(call, result);
}

static void call_cancel_op(struct call *call, struct cart_op *op)
{
	if (op->held.store != NULL && !cart_op_is_write(op))
		cart_store_cancel(call->api->store, op);
}

static void call_gone(void *user)
{
	struct call *call = user;

	call_cancel_op(call, &call->op);
	for (size_t i = 0; i < call->many_count; i++)
		call_cancel_op(call, &call->many[i]);
}

void call_prepare_op(struct call *call, struct cart_op *op, enum cart_op_type type)
{
	cart_op_init(op, type);
	op->id = call->id;
	op->owner = call->owner;
	op->deadline_ns = http_request_received_ns(call->request) +
			  call->api->shared->deadline_ms * CLOCK_NS_PER_MS;
	op->done = call_done;
	op->user = call;
}

struct cart_op *call_op(struct call *call, enum cart_op_type type)
{
	call_prepare_op(call, &call->op, type);
	return &call->op;
}

/* True: the caller may not make this op, and the call has been answered. */
static bool call_is_forbidden(struct call *call)
{
	const char *why = permit_refusal(call->caller, &call->op, &call->as_admin);

	if (why == NULL && call->as_admin && call->api->shared->admin_apart && !call->at_admin)
		why = "this address does not take calls of administrators";
	if (why == NULL)
		return false;
	snprintf(call->reason, sizeof(call->reason), "%s", why);
	call_problem(call, (struct problem){403, "FORBIDDEN"}, "%s", why);
	return true;
}

void call_submit(struct call *call, void (*answer)(struct call *call))
{
	enum cart_result result;

	call->answer = answer;
	if (call->caller != NULL && call_is_forbidden(call))
		return;
	call_begin_times(call);
	if (call_find_cached(call, &call->op)) {
		answer(call);
		return;
	}
	result = cart_store_submit(call->api->store, &call->op);
	if (result == CART_OK) {
		call->pending = 1;
		if (!cart_op_is_write(&call->op))
			http_request_on_gone(call->request, call_gone, call);
		return;
	}
	memcpy(call->reason, call->op.reason, sizeof(call->reason));
	call->op.result = result;
	if (call->answers_failure)
		answer(call);
	else
		call_fail(call, result);
}

void call_submit_many(struct call *call, size_t count, void (*answer)(struct call *call))
{
	bool refused = false;

	call->answer = answer;
	call_begin_times(call);
	for (; count > 0 && !refused; count--) {
		struct cart_op *op = &call->many[call->many_begun++];
		enum cart_result result;

		if (call_find_cached(call, op))
			continue;
		result = cart_store_submit(call->api->store, op);
		/* An accepted op is the store's; only a refused one may be written to. */
		if (result == CART_OK) {
			call->pending++;
			continue;
		}
		op->result = result;
		memcpy(call->reason, op->reason, sizeof(call->reason));
		refused = true;
	}
	if (call->pending == 0) {
		if (refused && !call->answers_failure)
			call_fail(call, call_result(call));
		else
			answer(call);
		return;
	}
	http_request_on_gone(call->request, call_gone, call);
	/* The answers of the others are not needed. */
	if (refused)
		call_gone(call);
}

void call_header(struct call *call, const char *name, const char *value)
{
	http_reply_header(call->request, name, value);
}

void call_header_tag(struct call *call, int64_t version)
{
	char tag[CONDITIONS_TAG_MAX];

	conditions_format_tag(tag, version);
	call_header(call, "ETag", tag);
}

static void call_header_timing(struct call *call, int64_t total_ns)
{
	static const char hit[] = ", cache;desc=hit";
	char text[sizeof("queue;dur=, db;dur=, total;dur=") + sizeof(hit) + 3 * (size_t)TEXT_MS];
	char *end = text_put_ms(stpcpy(text, "queue;dur="), call->queue_before_ns + call->queue_ns);

	end = text_put_ms(stpcpy(end, ", db;dur="), call->database_before_ns + call->database_ns);
	end = text_put_ms(stpcpy(end, ", total;dur="), total_ns);
	strcpy(end, call->cached && !call->asked ? hit : "");
	call_header(call, "Server-Timing", text);
}

/* Whether the request is logged. *left_out: how many failures were not logged before it. */
static bool call_is_logged(const struct call *call, int status, int64_t *left_out)
{
	/* So that a flood of refusals does not hide a defect. */
	static struct log_limit defects, failures;
	int64_t now_ns;

	*left_out = 0;
	if (call->api->log == API_LOG_ALL)
		return true;
	/* 501 and 505 are mistakes of the client. */
	if (status != 500 && (call->api->log == API_LOG_OFF || (status != 503 && status != 504)))
		return false;
	now_ns = clock_monotonic_ns(call->api->shared->env->clock);
	return log_limit_pass(status == 500 ? &defects : &failures, now_ns, left_out);
}

static enum log_level call_log_level(int status)
{
	if (status == 500)
		return LOG_ERROR;
	return status == 503 || status == 504 ? LOG_WARN : LOG_INFO;
}

/* What an operator wants to find later, whatever log.requests says: who was refused, and who did
 * what only an administrator may. Only those whom nobody knows could fill the disk with it. */
static void call_audit(const struct call *call, int status)
{
	static struct log_limit strangers;
	bool refused = status == 401 || status == 403;
	int64_t left_out = 0;

	if (!refused && (!call->as_admin || call->caller == NULL))
		return;
	if (call->caller == NULL &&
	    !log_limit_pass(&strangers, clock_monotonic_ns(call->api->shared->env->clock),
			    &left_out))
		return;
	log_event(refused ? LOG_WARN : LOG_INFO, refused ? "access refused" : "admin call",
		  LOG_STR("caller", call->caller != NULL ? call->caller->name : NULL),
		  LOG_STR("method", http_request_method_name(call->request)),
		  LOG_STR("route", call->route->pattern),
		  LOG_STR("path", http_request_is_gone(call->request)
					  ? NULL
					  : http_request_path(call->request)),
		  LOG_INT("status", status), LOG_STR("request_id", call->request_id),
		  LOG_STR("peer", http_request_peer(call->request)),
		  LOG_STR("reason", refused ? call->reason : NULL),
		  LOG_COUNT("left_out", left_out));
}

static void call_log(struct call *call, int status, int64_t total_ns)
{
	bool gone = http_request_is_gone(call->request);
	char duration[TEXT_MS];
	int64_t left_out;

	if (!call_is_logged(call, status, &left_out))
		return;
	*text_put_ms(duration, total_ns) = '\0';
	log_event(
		call_log_level(status), "request",
		LOG_STR("method", http_request_method_name(call->request)),
		LOG_STR("route", call->route != NULL ? call->route->pattern : NULL),
		LOG_STR("path", call->has_path && !gone ? http_request_path(call->request) : NULL),
		LOG_INT("status", status), LOG_STR("duration_ms", duration),
		LOG_STR("request_id", call->request_id),
		LOG_STR("trace_id", call->trace_id[0] != '\0' ? call->trace_id : NULL),
		LOG_STR("peer", http_request_peer(call->request)),
		LOG_STR("subject", http_request_peer_subject(call->request)),
		LOG_STR("client", gone ? "gone" : NULL),
		LOG_STR("reason", call->reason[0] != '\0' ? call->reason : NULL),
		LOG_COUNT("left_out", left_out));
}

void call_reply(struct call *call, int status, const char *type, const void *body, size_t len)
{
	struct api *api = call->api;
	int64_t total_ns = clock_monotonic_ns(api->shared->env->clock) -
			   http_request_received_ns(call->request);

	if (type != NULL)
		call_header(call, "Content-Type", type);
	if (call->cache != NULL)
		call_header(call, "Cache-Control", call->cache);
	call_header(call, "X-Request-Id", call->request_id);
	if (api->shared->cors != NULL)
		cors_answer(api->shared->cors, call->request);
	call_header_timing(call, total_ns);
	api_metrics_count(api->shared->series, api->shard, call->route, call->how, status,
			  total_ns);
	if (api->access != NULL)
		call_audit(call, status);
	call_log(call, status, total_ns);
	http_reply(call->request, status, body, len);
	call_free(call);
}

static void call_reply_buf(struct call *call, int status, const struct buf *out)
{
	/* The change has been made: CART_BUSY would claim that it was not. */
	if (out->failed)
		call_fail(call, cart_op_is_write(&call->op) ? CART_UNCERTAIN : CART_BUSY);
	else
		call_reply(call, status, "application/json", out->data, out->len);
}

void call_reply_json(struct call *call, int status)
{
	call_reply_buf(call, status, &call->api->out);
}

void call_reply_page(struct call *call)
{
	call_reply_buf(call, 200, &call->page);
}

void call_reply_empty(struct call *call, int status)
{
	call_reply(call, status, NULL, NULL, 0);
}

/* In whole seconds, rounded up. */
static void call_header_retry(struct call *call)
{
	char seconds[24];

	snprintf(seconds, sizeof(seconds), "%" PRId64,
		 call->op.retry_ms > 1000 ? (call->op.retry_ms + 999) / 1000 : 1);
	call_header(call, "Retry-After", seconds);
}

static void call_problem_text(struct call *call, struct problem problem, const char *detail)
{
	struct buf *out = &call->api->out;

	buf_reset(out);
	problem_write(out, problem, detail);
	if (problem.status == 503 || problem.status == 429)
		call_header_retry(call);
	call->cache = CALL_CACHE_DEFAULT;
	if (out->failed)
		call_reply_empty(call, problem.status);
	else
		call_reply(call, problem.status, "application/problem+json", out->data, out->len);
}

void call_problem(struct call *call, struct problem problem, const char *format, ...)
{
	char detail[CALL_DETAIL_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	call_problem_text(call, problem, detail);
}

void call_invalid(struct call *call, const char *format, ...)
{
	char detail[CALL_DETAIL_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	call_problem_text(call, (struct problem){400, "INVALID_INPUT"}, detail);
}

static void call_not_found(struct call *call, struct problem problem, const char *id)
{
	if (call->op.type == CART_OP_CREATE)
		call_problem(call, problem, "the cart made under this Idempotency-Key is gone");
	else
		call_problem(call, problem, "no cart %s", id);
}

/* Of results that are about no cart. */
static const char *const call_details[CART_RESULTS] = {
	[CART_KEY_REUSED] = "the Idempotency-Key belongs to another request",
	[CART_BUSY] = "the store cannot take it now; nothing was changed; try again",
	[CART_CANCELED] = "the store cannot take it now; nothing was changed; try again",
	[CART_TIMEOUT] = "the deadline passed; nothing was changed",
	[CART_CURSOR_GONE] =
		"events after this cursor are no longer kept; read the carts anew, and "
		"go on from a new cursor",
	[CART_CURSOR_FOREIGN] = "the cursor is of another backend's feed; read the carts anew, and "
				"go on from a new cursor",
	[CART_CURSOR_INVALID] = "after is no cursor of this feed",
};

void call_fail(struct call *call, enum cart_result result)
{
	const struct cart_rules *rules = &call->api->shared->rules;
	struct problem problem = problem_of_result(result);
	char id[CART_ID_TEXT + 1];

	if (call_details[result] != NULL) {
		call_problem(call, problem, "%s", call_details[result]);
		return;
	}
	cart_id_format(call->op.of_from ? &call->op.from : &call->id, id);
	switch (result) {
	case CART_NOT_FOUND:
		call_not_found(call, problem, id);
		return;
	case CART_NO_ITEM:
		call_problem(call, problem, "no product %s in cart %s", call->product_id.text, id);
		return;
	case CART_MISMATCH:
		call_problem(call, problem, "cart %s is not at the version that If-Match names",
			     id);
		return;
	case CART_CLOSED:
		call_problem(call, problem, "cart %s %s", id,
			     call->op.merged ? "was merged into another cart" : "is checked out");
		return;
	case CART_OWNED:
		call_problem(call, problem, "cart %s has another customer%s", id,
			     call->op.of_from ? "" : " already");
		return;
	case CART_EMPTY:
		call_problem(call, problem, "cart %s has no items to check out", id);
		return;
	case CART_NOT_CLOSED:
		call_problem(call, problem, "cart %s %s", id,
			     call->op.type == CART_OP_CHECKOUT
				     ? "was opened again after this checkout"
				     : "is not checked out");
		return;
	case CART_LIMIT:
		call_problem(call, problem,
			     "a cart holds at most %" PRId64 " lines, and %" PRId64
			     " of each with attributes of %" PRId64 " bytes",
			     rules->lines_max, rules->quantity_max, rules->attributes_max);
		return;
	case CART_UNCERTAIN:
		call_problem(call, problem,
			     "the change may or may not have been applied; %s to find out",
			     call->op.key != NULL ? "repeat it with the same Idempotency-Key"
						  : "read the cart");
		return;
	case CART_DAMAGED:
		call_problem(call, problem,
			     "cart %s is damaged in the database; the log of the service says how",
			     id);
		return;
	default:
		break;
	}
	call_problem(call, problem, "a defect of the service; its log tells more under request %s",
		     call->request_id);
}

bool call_body_ok(struct call *call, enum body_result result, const char *detail)
{
	switch (result) {
	case BODY_OK:
		return true;
	case BODY_INVALID_JSON:
		call_problem_text(call, (struct problem){400, "INVALID_JSON"}, detail);
		return false;
	case BODY_INVALID_INPUT:
		call_problem_text(call, (struct problem){400, "INVALID_INPUT"}, detail);
		return false;
	case BODY_NO_MEMORY:
		break;
	}
	call_fail(call, CART_BUSY);
	return false;
}

void call_header_change(struct call *call, int64_t version)
{
	if (call->op.replayed)
		call_header(call, "Idempotency-Replayed", "true");
	call_header_tag(call, version);
}

void call_reply_cart(struct call *call, int status)
{
	const struct cart *cart = &call->op.cart;

	cart_json_write(&call->api->out, cart);
	call_header_change(call, cart->version);
	if (call->wants_cart)
		call_header(call, "Preference-Applied", "return=representation");
	call_reply_json(call, status);
}

void call_reply_changed(struct call *call)
{
	call_header_change(call, call->op.version);
	call->cache = NULL;
	call_reply_empty(call, 204);
}
