#include "server/api/rate.h"

#include "core/base/log.h"
#include "server/access/rates.h"
#include "server/api/call.h"
#include "server/http/address.h"

#include <string.h>

#define RATE_CALLER_MAX 512
/* What of an IPv6 address one client has. */
#define RATE_NETWORK_BYTES 8

/* Probes and scrapes are not counted: an instance that does not answer them is taken for dead. Nor
 * is who may do everything. /metrics is the only route of administrators that is read. */
static bool rate_is_free(const struct call *call)
{
	const struct route_call *how = call->how;

	if (how->scope == ROUTE_PUBLIC || call->at_admin ||
	    (how->scope == ROUTE_ADMIN && how->method == HTTP_GET && call->api->access == NULL))
		return true;
	return call->caller != NULL && (call->caller->scopes & ACCESS_ADMIN) != 0;
}

/* A text with its NUL, so that two texts are not taken for another two. */
static size_t rate_put(unsigned char *to, size_t at, const char *text)
{
	size_t len = strlen(text) + 1;

	if (len > RATE_CALLER_MAX - at)
		len = RATE_CALLER_MAX - at;
	memcpy(to + at, text, len);
	return at + len;
}

static size_t rate_put_address(unsigned char *to, size_t at, const char *peer)
{
	static const unsigned char v4[12] = {[10] = 0xff, [11] = 0xff};
	struct address address;
	size_t len = RATE_NETWORK_BYTES;

	if (!address_parse(&address, peer, strlen(peer)))
		return rate_put(to, at, peer);
	if (memcmp(address.bytes, v4, sizeof(v4)) == 0)
		len = sizeof(address.bytes);
	memcpy(to + at, address.bytes, len);
	return at + len;
}

/* Who calls: by its token, with its address where many share the token, by its certificate, or by
 * its address. Returns the length. */
static size_t rate_caller(const struct call *call, unsigned char to[RATE_CALLER_MAX])
{
	const struct access_caller *caller = call->caller;
	const char *subject = http_request_peer_subject(call->request);
	size_t at = 0;

	if (caller != NULL) {
		to[at++] = 't';
		at = rate_put(to, at, caller->name);
		if (!caller->bound || caller->customer.size > 0)
			return rate_put(to, at, caller->customer.text);
	} else if (subject != NULL) {
		to[at++] = 's';
		return rate_put(to, at, subject);
	}
	return rate_put_address(to, at, http_request_peer(call->request));
}

static void rate_log(const struct call *call, int64_t now_ns)
{
	static struct log_limit limit;
	int64_t left_out;

	if (!log_limit_pass(&limit, now_ns, &left_out))
		return;
	log_event(LOG_WARN, "caller over its rate",
		  LOG_STR("caller", call->caller != NULL ? call->caller->name : NULL),
		  LOG_STR("subject", http_request_peer_subject(call->request)),
		  LOG_STR("peer", http_request_peer(call->request)),
		  LOG_STR("method", http_request_method_name(call->request)),
		  LOG_STR("route", call->route->pattern), LOG_STR("request_id", call->request_id),
		  LOG_COUNT("left_out", left_out));
}

static bool rate_count(struct call *call)
{
	unsigned char caller[RATE_CALLER_MAX];
	int64_t now_ns = http_request_received_ns(call->request);
	int64_t early_ns =
		rates_take(call->api->shared->rates, caller, rate_caller(call, caller), now_ns);

	if (early_ns == 0)
		return true;
	rate_log(call, now_ns);
	call->op.retry_ms = early_ns / CLOCK_NS_PER_MS + 1;
	call_problem(call, (struct problem){429, "TOO_MANY_REQUESTS"},
		     "more requests than a caller may make; try again later");
	return false;
}

bool rate_admits(struct call *call)
{
	return call->api->shared->rates == NULL || rate_is_free(call) || rate_count(call);
}
