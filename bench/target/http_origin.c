#include "bench/target/http_origin.h"

#include "bench/stats/alloc.h"
#include "bench/target/base.h"
#include "bench/target/http_tls.h"
#include "core/settings/settings.h"

#include <event2/event.h>
#include <inttypes.h>
#include <jansson.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One question. conn comes first: its callback finds the rest by it. */
struct origin_get {
	struct http_conn conn;
	enum http_conn_end end;
	bool ended; /* false: the time was over first */
};

static void origin_get_ended(struct http_conn *conn, enum http_conn_end end)
{
	struct origin_get *get = (struct origin_get *)conn;

	get->end = end;
	get->ended = true;
	event_base_loopbreak(conn->base);
}

/* Runs the loop until the answer has come or the time is over. */
static void origin_await(struct origin_get *get, const char *request, int64_t timeout_ms)
{
	struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};

	http_answer_begin(&get->conn.answer, true);
	if (http_conn_start(&get->conn, request, strlen(request), 0) != 0) {
		get->end = get->conn.sent == 0 ? HTTP_CONN_NO_CONNECT : HTTP_CONN_BROKEN;
		get->ended = true;
	} else if (event_base_loopexit(get->conn.base, &limit) == 0) {
		event_base_dispatch(get->conn.base);
	}
}

static int origin_take(struct origin_get *get, int64_t timeout_ms, struct http_reply *reply,
		       struct cart_error *error)
{
	struct http_conn *conn = &get->conn;

	reply->connected = !get->ended || get->end != HTTP_CONN_NO_CONNECT;
	if (!get->ended)
		return cart_error_set(error, "no answer within %" PRId64 " ms", timeout_ms);
	switch (get->end) {
	case HTTP_CONN_ANSWERED:
		reply->status = conn->answer.status;
		reply->body = conn->answer.body;
		conn->answer.body = (struct buf){0};
		return 0;
	case HTTP_CONN_NO_CONNECT:
		return cart_error_set(error, "cannot connect: %s", strerror(conn->failure));
	case HTTP_CONN_NOT_HTTP:
		return cart_error_set(error, "the answer has %s", conn->answer.why);
	case HTTP_CONN_BROKEN:
		break;
	}
	if (conn->why != NULL)
		return cart_error_set(error, "TLS: %s", conn->why);
	return cart_error_set(error, "the connection closed before the answer was complete%s%s",
			      conn->failure != 0 ? ": " : "",
			      conn->failure != 0 ? strerror(conn->failure) : "");
}

int http_origin_get(const struct http_origin *origin, const char *path, struct http_reply *reply,
		    struct cart_error *error)
{
	struct event_base *base = bench_base_new();
	struct origin_get *get = bench_alloc(1, sizeof(*get));
	struct buf request = {0};
	int failed;

	*reply = (struct http_reply){0};
	buf_printf(&request,
		   "GET %s%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n"
		   "User-Agent: cartbench\r\n",
		   origin->url.prefix, path, origin->url.authority);
	if (origin->token != NULL)
		buf_printf(&request, "Authorization: Bearer %s\r\n", origin->token);
	buf_add_string(&request, "\r\n");
	get->conn.base = base;
	get->conn.address = &origin->address;
	get->conn.tls = origin->tls;
	get->conn.ended = origin_get_ended;
	get->conn.cold = true;
	origin_await(get, buf_string(&request), origin->timeout_ms);
	failed = origin_take(get, origin->timeout_ms, reply, error);
	http_conn_free(&get->conn);
	event_base_free(base);
	buf_free(&request);
	free(get);
	return failed;
}

/* Files of results are named after the database, so that the name must be fit for that. */
static int origin_set_database(struct http_origin *origin, const char *name,
			       struct cart_error *error)
{
	size_t len = strlen(name);

	if (len == 0 || len > HTTP_ORIGIN_DATABASE_MAX ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != len)
		return cart_error_set(error, "GET /health names no database that a file could be "
					     "named after");
	memcpy(origin->database, name, len + 1);
	return 0;
}

static int origin_read_health(struct http_origin *origin, const struct http_reply *reply,
			      struct cart_error *error)
{
	const char *status = NULL, *database = NULL;
	int failed = -1;
	json_t *health =
		json_loadb(reply->body.data, reply->body.len, JSON_REJECT_DUPLICATES, NULL);

	if (json_unpack(health, "{s:s}", "status", &status) != 0 ||
	    (reply->status != 200 && reply->status != 503))
		cart_error_set(error, "not a cartd: GET /health answers %d without a status",
			       reply->status);
	else if (reply->status == 503 || strcmp(status, "ok") != 0)
		cart_error_set(error, "its database is down: GET /health answers %d, \"%.40s\"",
			       reply->status, status);
	else if (json_unpack(health, "{s:s}", "database", &database) != 0)
		cart_error_set(error, "not a cartd: GET /health names no database");
	else
		failed = origin_set_database(origin, database, error);
	json_decref(health);
	return failed;
}

/* Asks at each address of the host, until one takes the connection. */
static int origin_ask_health(struct http_origin *origin, struct cart_error *error)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *addresses, *to;
	struct http_reply reply;
	int failed = getaddrinfo(origin->url.host, origin->url.port, &hints, &addresses);

	if (failed != 0)
		return cart_error_set(error, "%s", gai_strerror(failed));
	for (to = addresses; to != NULL; to = to->ai_next) {
		memcpy(&origin->address.storage, to->ai_addr, to->ai_addrlen);
		origin->address.len = to->ai_addrlen;
		failed = http_origin_get(origin, "/health", &reply, error);
		if (failed == 0)
			failed = origin_read_health(origin, &reply, error);
		buf_free(&reply.body);
		if (reply.connected)
			break;
	}
	freeaddrinfo(addresses);
	return failed;
}

/* The contract's version, where the contract is shown: info.version of /openapi.yaml; and the type
 * of ids, info.x-id-type. */
static int origin_read_contract(struct http_origin *origin, struct cart_error *error)
{
	static const char named[] = "\n  version: ", strings[] = "\n  x-id-type: string\n";
	struct http_reply reply;
	const char *at = NULL;
	size_t len;
	int failed = http_origin_get(origin, "/openapi.yaml", &reply, error);

	if (reply.status == 200)
		at = strstr(buf_string(&reply.body), named);
	if (at != NULL && strstr(buf_string(&reply.body), strings) != NULL)
		origin->id_type = SHOP_ID_STRING;
	if (at != NULL) {
		at += sizeof(named) - 1;
		at += *at == '"' || *at == '\'';
		len = strcspn(at, "\"'\r\n");
		if (*at != '1' || (len > 1 && at[1] != '.'))
			failed = cart_error_set(error,
						"speaks version %.*s of the API, and this "
						"cartbench version 1",
						len < 40 ? (int)len : 40, at);
	}
	buf_free(&reply.body);
	return failed;
}

/* The characters are RFC 6750's, so that nothing else gets into the header. */
static int origin_read_token(struct http_origin *origin, const char *path, struct cart_error *error)
{
	char *token = settings_read_secret(path, error);
	size_t len = token != NULL ? strlen(token) : 0;

	if (token == NULL)
		return -1;
	if (len <= HTTP_TOKEN_MAX && strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
						   "uvwxyz0123456789-._~+/=") == len) {
		origin->token = token;
		return 0;
	}
	settings_secret_free(token);
	return cart_error_set(error, "%s holds no bearer token", path);
}

/* A read of a cart that nobody has says whether the service takes the token, or wants one. */
static int origin_check_caller(struct http_origin *origin, struct cart_error *error)
{
	struct http_reply reply;
	int failed = http_origin_get(origin, "/shopping-carts/00000000-0000-4000-8000-000000000000",
				     &reply, error);

	if (reply.status == 401)
		failed = cart_error_set(error, origin->token != NULL
						       ? "it does not take the token of "
							 "--token-file"
						       : "it wants a bearer token: write one into "
							 "a file and say --token-file FILE");
	else if (reply.status == 403)
		failed = cart_error_set(error, "the token lacks the scope read");
	buf_free(&reply.body);
	return failed;
}

int http_origin_find(struct http_origin *origin, const char *url,
		     const struct bench_drive_config *config, struct cart_error *error)
{
	*origin = (struct http_origin){.timeout_ms = config->timeout_ms};
	if (bench_url_parse(&origin->url, url, error) == 0 &&
	    (config->token_file == NULL ||
	     origin_read_token(origin, config->token_file, error) == 0) &&
	    (!origin->url.tls ||
	     http_tls_new(&origin->tls, origin->url.host, config->cacert, error) == 0) &&
	    origin_ask_health(origin, error) == 0 && origin_read_contract(origin, error) == 0 &&
	    origin_check_caller(origin, error) == 0)
		return 0;
	http_origin_free(origin);
	return -1;
}

void http_origin_free(struct http_origin *origin)
{
	http_tls_free(&origin->tls);
	settings_secret_free(origin->token);
	origin->token = NULL;
}
