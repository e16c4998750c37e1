#include "tests/lib/ddb_stub.h"

#include "core/base/clock.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/http_peer.h"
#include "tests/lib/patience.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#define DDB_STUB_DRIP_MS 20
#define DDB_STUB_WAIT_NS (20 * CLOCK_NS_PER_S)
#define DDB_STUB_STACK	 (256 * 1024)
#define DDB_STUB_TARGET	 "X-Amz-Target: DynamoDB"
#define DDB_STUB_VERSION "_20120810." /* behind "DynamoDB" or "DynamoDBStreams" */

struct ddb_stub_connection {
	struct ddb_stub_connection *next;
	struct ddb_stub *stub;
	struct http_peer peer;
	pthread_t thread;
	int number;
	bool idle;   /* waits for a request, or has only its answer to say */
	bool closed; /* the descriptor is not its any more */
};

/* What is to be said. */
struct ddb_stub_answer {
	struct ddb_stub_rule rule;
	int status;
	char *body;
};

static struct ddb_stub_request *stub_note(struct ddb_stub *stub, char *text, int connection)
{
	struct ddb_stub_request *request = calloc(1, sizeof(*request));
	const char *target = strstr(text, DDB_STUB_TARGET);

	if (request == NULL)
		abort();
	request->text = text;
	request->body = strstr(text, "\r\n\r\n") + 4;
	request->connection = connection;
	request->at_ns = clock_monotonic_ns(&cart_clock_system);
	if (target != NULL && target < request->body)
		target = strstr(target, DDB_STUB_VERSION);
	if (target != NULL && target < request->body)
		sscanf(target + strlen(DDB_STUB_VERSION), "%39[A-Za-z]", request->operation);
	pthread_mutex_lock(&stub->lock);
	if (stub->request_count == DDB_STUB_REQUESTS)
		abort(); /* a client that is out of bounds */
	stub->requests[stub->request_count++] = request;
	pthread_mutex_unlock(&stub->lock);
	return request;
}

static bool stub_fits(const struct ddb_stub_rule *rule, const struct ddb_stub_request *request)
{
	return rule->times >= 0 &&
	       (rule->operation == NULL || strcmp(rule->operation, request->operation) == 0) &&
	       (rule->holds == NULL || strstr(request->text, rule->holds) != NULL) &&
	       (rule->fits == NULL || rule->fits(request, rule->user));
}

/* False: none fits, the server is healthy. */
static bool stub_find_rule(struct ddb_stub *stub, const struct ddb_stub_request *request,
			   struct ddb_stub_rule *found)
{
	bool fits = false;

	pthread_mutex_lock(&stub->lock);
	for (int i = 0; !fits && i < stub->rule_count; i++) {
		struct ddb_stub_rule *rule = &stub->rules[i];

		if (!stub_fits(rule, request) || (rule->skip > 0 && rule->skip-- > 0))
			continue;
		*found = *rule;
		fits = true;
		if (rule->times > 0 && --rule->times == 0)
			rule->times = -1;
	}
	pthread_mutex_unlock(&stub->lock);
	return fits;
}

static char *stub_dump(json_t *json)
{
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	return text;
}

static char *stub_ask_shelf(struct ddb_stub *stub, const struct ddb_stub_request *request,
			    int *status)
{
	json_t *body = json_loads(request->body, 0, NULL);
	json_t *answer = ddb_shelf_do(&stub->shelf, request->operation, body, status);

	json_decref(body);
	if (answer == NULL) {
		*status = 400;
		answer = ddb_shelf_error("UnknownOperationException");
	}
	return stub_dump(answer);
}

static void stub_decide(struct ddb_stub *stub, const struct ddb_stub_request *request,
			struct ddb_stub_answer *answer)
{
	struct ddb_stub_rule *rule = &answer->rule;
	char *made;

	answer->status = 200;
	if (!stub_find_rule(stub, request, rule))
		*rule = (struct ddb_stub_rule){.apply = true};
	made = rule->make != NULL ? rule->make(request, rule->user) : NULL;
	if (rule->apply)
		answer->body = stub_ask_shelf(stub, request, &answer->status);
	if (rule->error != NULL) {
		free(answer->body);
		answer->body = stub_dump(ddb_shelf_error(rule->error));
		answer->status = 400;
	} else if (made != NULL || rule->body != NULL || answer->body == NULL) {
		free(answer->body);
		answer->body = made != NULL ? made : strdup(rule->body != NULL ? rule->body : "{}");
		made = NULL;
		answer->status = 200;
	}
	free(made);
	if (rule->status != 0)
		answer->status = rule->status;
}

static void stub_write(const struct ddb_stub_answer *answer, struct buf *head, struct buf *body)
{
	const struct ddb_stub_rule *rule = &answer->rule;
	uint32_t crc;

	buf_add_string(body, answer->body);
	if (rule->pad > 0 && buf_reserve(body, rule->pad)) {
		memset(body->data + body->len, ' ', rule->pad);
		body->len += rule->pad;
	}
	crc = (uint32_t)crc32(crc32(0, NULL, 0), (const Bytef *)buf_string(body), (uInt)body->len);
	buf_printf(head,
		   "HTTP/1.1 %d Said\r\nContent-Type: application/x-amz-json-1.0\r\n"
		   "x-amz-crc32: %u\r\nContent-Length: %zu\r\n%s\r\n",
		   answer->status, rule->wrong_crc ? ~crc : crc, body->len,
		   rule->headers != NULL ? rule->headers : "");
}

static void stub_reset(const struct http_peer *peer)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

/* False: the connection is to be closed. */
static bool stub_say(const struct http_peer *peer, const struct ddb_stub_answer *answer)
{
	enum ddb_stub_manner manner = answer->rule.manner;
	struct buf head = {0}, body = {0};
	bool keep = answer->rule.delay_ms == 0 || http_peer_rest(peer, answer->rule.delay_ms);

	stub_write(answer, &head, &body);
	if (!keep || manner == DDB_STUB_MUTE) {
		keep = false;
	} else if (manner == DDB_STUB_RESET) {
		stub_reset(peer);
		keep = false;
	} else if (manner == DDB_STUB_SILENT) {
		http_peer_rest(peer, -1);
		keep = false;
	} else if (manner == DDB_STUB_HALF_HEAD) {
		http_peer_send(peer, head.data, head.len / 2);
		keep = false;
	} else if (manner == DDB_STUB_DRIP) {
		keep = http_peer_drip(peer, head.data, head.len, DDB_STUB_DRIP_MS) &&
		       http_peer_drip(peer, buf_string(&body), body.len, DDB_STUB_DRIP_MS);
	} else {
		bool half = manner == DDB_STUB_HALF;

		buf_add(&head, buf_string(&body), half ? body.len / 2 : body.len);
		keep = http_peer_send(peer, head.data, head.len) && !half;
	}
	buf_free(&head);
	buf_free(&body);
	return keep;
}

static void stub_set_idle(struct ddb_stub_connection *connection, bool idle)
{
	pthread_mutex_lock(&connection->stub->lock);
	connection->idle = idle;
	pthread_mutex_unlock(&connection->stub->lock);
}

static void *stub_serve(void *user)
{
	struct ddb_stub_connection *connection = user;
	struct ddb_stub *stub = connection->stub;
	bool keep = true;
	char *text;

	while (keep && (text = http_peer_read(&connection->peer)) != NULL) {
		struct ddb_stub_answer answer = {.body = NULL};

		stub_set_idle(connection, false);
		stub_decide(stub, stub_note(stub, text, connection->number), &answer);
		stub_set_idle(connection, true);
		keep = stub_say(&connection->peer, &answer);
		free(answer.body);
	}
	pthread_mutex_lock(&stub->lock);
	connection->closed = true;
	stub->open--;
	http_peer_close(&connection->peer);
	pthread_mutex_unlock(&stub->lock);
	return NULL;
}

static void stub_take(struct ddb_stub *stub, int fd)
{
	struct ddb_stub_connection *connection = calloc(1, sizeof(*connection));
	pthread_attr_t small;

	if (connection == NULL)
		abort();
	connection->stub = stub;
	connection->idle = true;
	connection->peer = (struct http_peer){.fd = fd, .stop_fd = stub->stop_fds[0]};
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, DDB_STUB_STACK);
	pthread_mutex_lock(&stub->lock);
	connection->number = ++stub->opened;
	connection->next = stub->connections;
	stub->connections = connection;
	if (++stub->open > stub->most)
		stub->most = stub->open;
	if (pthread_create(&connection->thread, &small, stub_serve, connection) != 0)
		abort();
	pthread_mutex_unlock(&stub->lock);
	pthread_attr_destroy(&small);
}

static bool stub_refuses(struct ddb_stub *stub)
{
	bool refuses;

	pthread_mutex_lock(&stub->lock);
	refuses = stub->refuse > 0;
	stub->refuse -= refuses;
	stub->opened += refuses;
	pthread_mutex_unlock(&stub->lock);
	return refuses;
}

static void *stub_accept(void *user)
{
	struct ddb_stub *stub = user;
	int fd;

	while ((fd = accept4(stub->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		if (stub_refuses(stub))
			close(fd);
		else
			stub_take(stub, fd);
	}
	return NULL;
}

void ddb_stub_start(struct ddb_stub *stub)
{
	*stub = (struct ddb_stub){.lock = PTHREAD_MUTEX_INITIALIZER};
	ddb_shelf_init(&stub->shelf);
	assert_int_equal(pipe2(stub->stop_fds, O_CLOEXEC), 0);
	stub->fd = http_peer_listen(&stub->port);
	snprintf(stub->url, sizeof(stub->url), "http://127.0.0.1:%d", stub->port);
	assert_int_equal(pthread_create(&stub->thread, NULL, stub_accept, stub), 0);
}

/* Of those that are not closed; idle ones alone, or all. Whatever they are at, it ends. */
static void stub_shut(struct ddb_stub *stub, bool idle_only)
{
	pthread_mutex_lock(&stub->lock);
	for (struct ddb_stub_connection *c = stub->connections; c != NULL; c = c->next)
		if (!c->closed && (c->idle || !idle_only))
			shutdown(c->peer.fd, SHUT_RDWR);
	pthread_mutex_unlock(&stub->lock);
}

static void stub_forget_requests(struct ddb_stub *stub)
{
	for (int i = 0; i < stub->request_count; i++) {
		free(stub->requests[i]->text);
		free(stub->requests[i]);
	}
	stub->request_count = 0;
}

void ddb_stub_stop(struct ddb_stub *stub)
{
	struct ddb_stub_connection *next;

	assert_int_equal(write(stub->stop_fds[1], "x", 1), 1);
	shutdown(stub->fd, SHUT_RDWR); /* accept returns */
	pthread_join(stub->thread, NULL);
	stub_shut(stub, false);
	for (struct ddb_stub_connection *c = stub->connections; c != NULL; c = next) {
		next = c->next;
		pthread_join(c->thread, NULL);
		free(c);
	}
	close(stub->fd);
	close(stub->stop_fds[0]);
	close(stub->stop_fds[1]);
	stub_forget_requests(stub);
	ddb_shelf_free(&stub->shelf);
	pthread_mutex_destroy(&stub->lock);
}

void ddb_stub_add(struct ddb_stub *stub, struct ddb_stub_rule rule)
{
	pthread_mutex_lock(&stub->lock);
	assert_true(stub->rule_count < DDB_STUB_RULES);
	stub->rules[stub->rule_count++] = rule;
	pthread_mutex_unlock(&stub->lock);
}

void ddb_stub_forget(struct ddb_stub *stub)
{
	pthread_mutex_lock(&stub->lock);
	stub_forget_requests(stub);
	pthread_mutex_unlock(&stub->lock);
}

void ddb_stub_clear(struct ddb_stub *stub)
{
	pthread_mutex_lock(&stub->lock);
	stub->rule_count = 0;
	pthread_mutex_unlock(&stub->lock);
	ddb_stub_forget(stub);
}

void ddb_stub_refuse(struct ddb_stub *stub, int count)
{
	pthread_mutex_lock(&stub->lock);
	stub->refuse = count;
	pthread_mutex_unlock(&stub->lock);
}

void ddb_stub_hang_up(struct ddb_stub *stub)
{
	stub_shut(stub, true);
}

/* Under the lock: the n-th of an operation. */
static const struct ddb_stub_request *stub_nth(const struct ddb_stub *stub, const char *operation,
					       int n)
{
	for (int i = 0; i < stub->request_count; i++)
		if ((operation == NULL || strcmp(stub->requests[i]->operation, operation) == 0) &&
		    n-- == 0)
			return stub->requests[i];
	return NULL;
}

int ddb_stub_count(struct ddb_stub *stub, const char *operation)
{
	int count = 0;

	pthread_mutex_lock(&stub->lock);
	while (stub_nth(stub, operation, count) != NULL)
		count++;
	pthread_mutex_unlock(&stub->lock);
	return count;
}

void ddb_stub_await(struct ddb_stub *stub, const char *operation, int count)
{
	int64_t until_ns = patience_ns() + DDB_STUB_WAIT_NS;

	while (ddb_stub_count(stub, operation) < count) {
		if (patience_ns() > until_ns)
			fail_msg("%d and not %d requests %s", ddb_stub_count(stub, operation),
				 count, operation != NULL ? operation : "in all");
		poll(NULL, 0, 2);
	}
}

const struct ddb_stub_request *ddb_stub_request(struct ddb_stub *stub, const char *operation, int n)
{
	const struct ddb_stub_request *request;

	pthread_mutex_lock(&stub->lock);
	request = stub_nth(stub, operation, n);
	pthread_mutex_unlock(&stub->lock);
	if (request == NULL)
		fail_msg("no request %s number %d", operation != NULL ? operation : "at all", n);
	return request;
}

const char *ddb_stub_header(const struct ddb_stub_request *request, const char *name)
{
	static char values[4][1024];
	static int turn;
	char line[80];
	const char *at;

	snprintf(line, sizeof(line), "\r\n%s:", name);
	at = strcasestr(request->text, line);
	turn = (turn + 1) % 4;
	values[turn][0] = '\0';
	if (at == NULL || at >= request->body)
		return values[turn];
	at += strlen(line);
	at += strspn(at, " ");
	snprintf(values[turn], sizeof(values[turn]), "%.*s", (int)strcspn(at, "\r\n"), at);
	return values[turn];
}

static int stub_look(struct ddb_stub *stub, const int *count)
{
	int value;

	pthread_mutex_lock(&stub->lock);
	value = *count;
	pthread_mutex_unlock(&stub->lock);
	return value;
}

int ddb_stub_opened(struct ddb_stub *stub)
{
	return stub_look(stub, &stub->opened);
}

int ddb_stub_open(struct ddb_stub *stub)
{
	return stub_look(stub, &stub->open);
}

int ddb_stub_most(struct ddb_stub *stub)
{
	return stub_look(stub, &stub->most);
}
