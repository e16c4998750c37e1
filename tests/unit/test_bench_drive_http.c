/* The client of cartbench against a server that does what a script says, byte by byte. */
#include "bench/target/base.h"
#include "bench/target/drive.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "tests/lib/cmocka.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ID	     "550e8400-e29b-41d4-a716-446655440000"
#define TIMEOUT_MS   20000 /* never reached, but where a test is about it */
#define REQUESTS_MAX 8
#define CREATED                                                                                    \
	"HTTP/1.1 201 Created\r\nLocation: /shopping-carts/" ID                                    \
	"\r\nETag: \"1\"\r\nContent-Length: 2\r\n\r\n{}"
#define CHANGED "HTTP/1.1 204 No Content\r\nETag: \"7\"\r\n\r\n"

/* What the server does, in order. */
enum what {
	END,
	ACCEPT,
	READ, /* a request */
	SEND,
	CLOSE,
	AWAIT_CLOSE /* reads what comes until the client closes */
};
struct step {
	enum what what;
	const char *bytes;
	size_t drip; /* bytes a segment; 0: all at once */
};

struct fixture {
	/* The server's. */
	int listener;
	int port;
	pthread_t thread;
	const struct step *script;
	const char *contract, *metrics; /* answers to the questions at the start */
	int unasked;			/* of those: the target is refused before */
	char requests[REQUESTS_MAX][2048];
	int request_count;
	size_t extra; /* bytes that came where none were expected */

	struct bench_drive *drive;
	struct event_base *base;
	struct bench_drive_loop *loop;
	struct bench_link *link;
	int done;
};

static bool server_read(int fd, char request[2048])
{
	size_t len = 0;
	const char *end, *length;

	for (;;) {
		ssize_t got = recv(fd, request + len, 2047 - len, 0);

		if (got <= 0)
			return false;
		len += (size_t)got;
		request[len] = '\0';
		end = strstr(request, "\r\n\r\n");
		if (end == NULL)
			continue;
		length = strstr(request, "Content-Length: ");
		if (length == NULL || strlen(end + 4) >= strtoul(length + 16, NULL, 10))
			return true;
	}
}

static void server_send(int fd, const char *bytes, size_t drip)
{
	size_t len = strlen(bytes);

	while (len > 0) {
		size_t part = drip > 0 && drip < len ? drip : len;
		ssize_t sent = send(fd, bytes, part, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		bytes += sent;
		len -= (size_t)sent;
		if (drip > 0) /* so that they come apart, most often */
			usleep(300);
	}
}

static void server_answer(int fd, const char *body)
{
	char head[80];

	snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n",
		 body != NULL ? "200 OK" : "404 Not Found", body != NULL ? strlen(body) : 0);
	server_send(fd, head, 0);
	if (body != NULL)
		server_send(fd, body, 0);
}

/* Health, contract, a cart of nobody, metrics: what bench_drive_open() asks, each on a connection
 * of its own. */
static void server_greet(struct fixture *f)
{
	const char *answers[] = {"{\"status\":\"ok\",\"database\":\"mysql\"}", f->contract, NULL,
				 f->metrics};
	char request[2048];

	for (int i = 0; i < 4 - f->unasked; i++) {
		int fd = accept(f->listener, NULL, NULL);

		if (server_read(fd, request))
			server_answer(fd, answers[i]);
		close(fd);
	}
}

static void server_step(struct fixture *f, const struct step *step, int *fd)
{
	char bytes[256];
	ssize_t got;

	switch (step->what) {
	case ACCEPT:
		*fd = accept(f->listener, NULL, NULL);
		break;
	case READ:
		if (server_read(*fd, f->requests[f->request_count]))
			f->request_count++;
		break;
	case SEND:
		server_send(*fd, step->bytes, step->drip);
		break;
	case AWAIT_CLOSE:
		while ((got = recv(*fd, bytes, sizeof(bytes), 0)) > 0)
			f->extra += (size_t)got;
		break;
	case CLOSE:
	case END:
		break;
	}
	if (step->what == CLOSE && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
}

static void *server_run(void *user)
{
	struct fixture *f = user;
	const struct step *step;
	int fd = -1;

	server_greet(f);
	for (step = f->script; step->what != END; step++)
		server_step(f, step, &fd);
	if (fd >= 0)
		close(fd);
	return NULL;
}

static void start_server(struct fixture *f, const struct step *script)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(address);

	f->script = script;
	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(f->listener, 16), 0);
	assert_int_equal(getsockname(f->listener, (struct sockaddr *)&address, &len), 0);
	f->port = ntohs(address.sin_port);
	assert_int_equal(pthread_create(&f->thread, NULL, server_run, f), 0);
}

static int try_open(struct fixture *f, const struct bench_drive_config *config,
		    struct cart_error *error)
{
	char target[64];

	snprintf(target, sizeof(target), "http://127.0.0.1:%d/shop", f->port);
	return bench_drive_open(&f->drive, target, config, error);
}

static void start_with(struct fixture *f, const struct step *script,
		       const struct bench_drive_config *config)
{
	struct cart_error error;

	start_server(f, script);
	if (try_open(f, config, &error) != 0)
		fail_msg("%s", error.text);
	f->base = bench_base_new();
	assert_non_null(f->base);
	assert_int_equal(bench_drive_loop_open(&f->loop, f->drive, f->base, &error), 0);
	f->link = bench_link_open(f->loop);
}

static void start(struct fixture *f, const struct step *script)
{
	start_with(f, script, &(struct bench_drive_config){.timeout_ms = TIMEOUT_MS});
}

/* The script has been gone through. */
static void stop(struct fixture *f)
{
	bench_link_close(&f->link);
	pthread_join(f->thread, NULL);
	bench_drive_loop_close(&f->loop);
	if (f->base != NULL)
		event_base_free(f->base);
	bench_drive_close(&f->drive);
	close(f->listener);
	assert_int_equal(f->extra, 0);
}

static void count_done(struct bench_op *op, void *user)
{
	(void)op;
	++*(int *)user;
}

static void run(struct fixture *f, struct bench_op *op)
{
	f->done = 0;
	op->done = count_done;
	op->user = &f->done;
	bench_link_submit(f->link, op);
	assert_int_equal(f->done, 0);
	while (f->done == 0)
		assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
	assert_int_equal(f->done, 1);
	assert_true(op->sent_ns > 0 && op->done_ns >= op->sent_ns);
}

static struct bench_op request(enum bench_op_type type)
{
	struct bench_op op = {.type = type, .customer_id = 12, .product_id = 34, .quantity = 5};

	assert_true(cart_id_parse(&op.id, ID, CART_ID_TEXT));
	return op;
}

static void assert_result(const struct bench_op *op, enum bench_outcome outcome, int status,
			  const char *error)
{
	assert_string_equal(op->error, error);
	assert_int_equal(op->status, status);
	assert_int_equal(op->outcome, outcome);
}

/* One operation over one answer, and what came of it. */
static void expect(enum bench_op_type type, const char *answer, size_t drip,
		   enum bench_outcome outcome, int status, const char *error)
{
	const struct step script[] = {{ACCEPT, NULL, 0},
				      {READ, NULL, 0},
				      {SEND, answer, drip},
				      {CLOSE, NULL, 0},
				      {END, NULL, 0}};
	struct fixture f = {0};
	struct bench_op op = request(type);

	start(&f, script);
	run(&f, &op);
	assert_result(&op, outcome, status, error);
	bench_op_clear(&op);
	stop(&f);
}

/* Has what a get is known by. */
#define LEAST_CART "{\"shopping_cart_id\":\"" ID "\",\"items\":[]}"

static void requests_are_what_the_contract_says(void **state)
{
	static const char *const want[] = {
		"POST /shop/shopping-carts HTTP/1.1\r\n",
		"\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n"
		"{\"customer_id\":12}",
		"POST /shop/shopping-carts/" ID "/items HTTP/1.1\r\n",
		"\r\nIdempotency-Key: k1\r\nIf-Match: \"9\"\r\nPrefer: return=representation\r\n"
		"Content-Type: application/json\r\nContent-Length: 30\r\n\r\n"
		"{\"product_id\":34,\"quantity\":5}",
		"PUT /shop/shopping-carts/" ID "/items/34 HTTP/1.1\r\n",
		"\r\n\r\n{\"quantity\":5}",
		"DELETE /shop/shopping-carts/" ID "/items/34 HTTP/1.1\r\n",
		"\r\n\r\n",
		"GET /shop/shopping-carts/" ID "?consistency=eventual HTTP/1.1\r\n",
		"\r\n\r\n",
		"POST /shop/shopping-carts/" ID "/checkout HTTP/1.1\r\n",
		"\r\nContent-Length: 0\r\n\r\n",
		"DELETE /shop/shopping-carts/" ID " HTTP/1.1\r\n",
		"\r\n\r\n",
		"GET /shop/shopping-carts?limit=100&customer_id=12 HTTP/1.1\r\n",
		"\r\n\r\n",
	};
	static const struct step script[] = {
		{ACCEPT, NULL, 0},
		{READ, NULL, 0},
		{SEND, CREATED, 0},
		{READ, NULL, 0},
		{SEND, CHANGED, 0},
		{READ, NULL, 0},
		{SEND, CHANGED, 0},
		{READ, NULL, 0},
		{SEND, CHANGED, 0},
		{READ, NULL, 0},
		{SEND, "HTTP/1.1 200 OK\r\nContent-Length: 70\r\n\r\n" LEAST_CART, 0},
		{READ, NULL, 0},
		{SEND, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 0},
		{READ, NULL, 0},
		{SEND, CHANGED, 0},
		{READ, NULL, 0},
		{SEND, "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"carts\":[]}", 0},
		{AWAIT_CLOSE, NULL, 0},
		{END, NULL, 0},
	};
	struct fixture f = {0};

	(void)state;
	start(&f, script);
	for (int type = 0; type < BENCH_OP_TYPES; type++) {
		struct bench_op op = request((enum bench_op_type)type);
		size_t len;

		op.read = BENCH_READ_EVENTUAL;
		if (type == BENCH_ADD) {
			op.key = "k1";
			op.if_version = 9;
		}
		/* Asked for, and the answer below has none: only the request is looked at. */
		op.want_cart = type == BENCH_ADD;
		run(&f, &op);
		if (type != BENCH_ADD)
			assert_result(&op, BENCH_OK, op.status, "");
		assert_int_equal(strncmp(f.requests[type], want[2 * type], strlen(want[2 * type])),
				 0);
		len = strlen(want[2 * type + 1]);
		assert_true(strlen(f.requests[type]) > len);
		assert_string_equal(f.requests[type] + strlen(f.requests[type]) - len,
				    want[2 * type + 1]);
		assert_non_null(strstr(f.requests[type], "\r\nHost: 127.0.0.1:"));
		bench_op_clear(&op);
	}
	stop(&f);
	assert_int_equal(f.request_count, BENCH_OP_TYPES);
}

#define LINE                                                                                       \
	"{\"product_id\":34,\"quantity\":5,\"added_at\":\"2025-11-01T23:35:00.000Z\","             \
	"\"updated_at\":\"2025-11-01T23:35:00.001Z\"}"
#define CART                                                                                       \
	"{\"shopping_cart_id\":\"" ID "\",\"customer_id\":12,\"status\":\"open\",\"version\":3,"   \
	"\"created_at\":\"2025-11-01T23:30:00.000Z\",\"updated_at\":\"2025-11-01T23:35:00.000Z\"," \
	"\"expires_at\":null,\"order_id\":null,\"items\":[" LINE "]}"

static void an_answer_in_any_pieces_is_understood(void **state)
{
	static const char answer[] =
		"HTTP/1.1 100 Continue\r\n\r\n"
		"HTTP/1.1 200 OK\r\netag: \"3\"\r\nIDEMPOTENCY-REPLAYED:true\r\n"
		"Server-Timing: queue;dur=0.02, db;dur=1.5, total;dur=12\r\n"
		"Transfer-Encoding: chunked\r\n\r\n"
		"10\r\n{\"shopping_cart_\r\n"
		"1;x=y\r\ni\r\n";
	const char *rest = &CART[17];
	static const size_t drips[] = {0, 1, 7};

	(void)state;
	for (size_t i = 0; i < sizeof(drips) / sizeof(*drips); i++) {
		char whole[2048];
		const struct step script[] = {{ACCEPT, NULL, 0},       {READ, NULL, 0},
					      {SEND, whole, drips[i]}, {READ, NULL, 0},
					      {SEND, CHANGED, 0},      {AWAIT_CLOSE, NULL, 0},
					      {END, NULL, 0}};
		struct bench_op op = request(BENCH_ADD);
		struct fixture f = {0};

		snprintf(whole, sizeof(whole), "%s%zX\r\n%s\r\n0\r\nTrailer: x\r\n\r\n", answer,
			 strlen(rest), rest);
		start(&f, script);
		op.want_cart = true;
		run(&f, &op);
		assert_result(&op, BENCH_OK, 200, "");
		assert_int_equal(op.version, 3);
		assert_true(op.replayed);
		assert_int_equal(op.queue_ns, 20000);
		assert_int_equal(op.db_ns, 1500000);
		assert_int_equal(op.total_ns, 12000000);
		assert_int_equal(op.cart.version, 3);
		assert_int_equal(op.cart.line_count, 1);
		assert_int_equal(op.cart.lines[0].quantity, 5);
		assert_int_equal(shop_id_number(&op.cart.lines[0].product_id), 34);
		/* On the same connection. */
		op.want_cart = false;
		run(&f, &op);
		assert_result(&op, BENCH_OK, 204, "");
		assert_int_equal(op.version, 7);
		assert_int_equal(op.cart.line_count, 0);
		assert_int_equal(op.total_ns, -1);
		assert_false(op.replayed);
		bench_op_clear(&op);
		stop(&f);
	}
}

static void a_created_cart_has_the_id_of_its_location(void **state)
{
	static const struct step script[] = {{ACCEPT, NULL, 0},
					     {READ, NULL, 0},
					     {SEND, CREATED, 0},
					     {AWAIT_CLOSE, NULL, 0},
					     {END, NULL, 0}};
	struct bench_op op = {.type = BENCH_CREATE, .customer_id = 1};
	struct fixture f = {0};
	char text[CART_ID_TEXT + 1];

	(void)state;
	start(&f, script);
	run(&f, &op);
	assert_result(&op, BENCH_OK, 201, "");
	cart_id_format(&op.id, text);
	assert_string_equal(text, ID);
	bench_op_clear(&op);
	stop(&f);
	/* Without one nobody can go on with it. */
	expect(BENCH_CREATE, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", 0, BENCH_UNKNOWN,
	       201, "not a cartd's answer");
}

#define PROBLEM(status_, error_)                                                                   \
	"HTTP/1.1 " status_ " X\r\nContent-Type: application/problem+json\r\n"                     \
	"Connection: close\r\n\r\n{\"type\":\"about:blank\",\"error\":\"" error_ "\"}"

static void failures_are_told_apart_by_what_may_have_been_applied(void **state)
{
	(void)state;
	expect(BENCH_ADD, PROBLEM("409", "CART_CLOSED"), 0, BENCH_REFUSED, 409, "CART_CLOSED");
	expect(BENCH_ADD, PROBLEM("503", "UNAVAILABLE"), 3, BENCH_REFUSED, 503, "UNAVAILABLE");
	expect(BENCH_ADD, PROBLEM("504", "TIMEOUT"), 0, BENCH_REFUSED, 504, "TIMEOUT");
	expect(BENCH_ADD, PROBLEM("504", "OUTCOME_UNKNOWN"), 0, BENCH_UNKNOWN, 504,
	       "OUTCOME_UNKNOWN");
	expect(BENCH_ADD, PROBLEM("500", "INTERNAL"), 0, BENCH_UNKNOWN, 500, "INTERNAL");
	expect(BENCH_GET, PROBLEM("500", "INTERNAL"), 0, BENCH_REFUSED, 500, "INTERNAL");
	/* From something before the cartd. */
	expect(BENCH_ADD, "HTTP/1.1 502 Bad\r\nContent-Length: 6\r\n\r\n<html>", 0, BENCH_UNKNOWN,
	       502, "HTTP 502");
	expect(BENCH_GET, "HTTP/1.1 301 Go\r\nContent-Length: 0\r\n\r\n", 0, BENCH_REFUSED, 301,
	       "HTTP 301");
}

static void what_is_no_answer_is_refused(void **state)
{
	static const char *const garbage[] = {
		"SSH-2.0-OpenSSH_9.2\r\n\r\n",
		"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 204 No Content\r\nno colon\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
		"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(garbage) / sizeof(*garbage); i++)
		expect(BENCH_ADD, garbage[i], 0, BENCH_UNKNOWN, 0, "not HTTP");
}

static void a_head_without_end_is_given_up(void **state)
{
	static char head[20000];

	(void)state;
	strcpy(head, "HTTP/1.1 200 OK\r\nX: ");
	memset(head + strlen(head), 'x', sizeof(head) - strlen(head) - 1);
	expect(BENCH_GET, head, 0, BENCH_REFUSED, 0, "not HTTP");
}

static void an_answer_cut_off_leaves_a_change_unknown_and_a_read_failed(void **state)
{
	(void)state;
	expect(BENCH_ADD, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", 0, BENCH_UNKNOWN, 0,
	       "connection");
	expect(BENCH_GET, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", 0, BENCH_REFUSED, 0,
	       "connection");
	expect(BENCH_CHECKOUT, "", 0, BENCH_UNKNOWN, 0, "connection");
}

static void a_body_may_end_with_the_connection(void **state)
{
	(void)state;
	expect(BENCH_GET, "HTTP/1.0 200 OK\r\n\r\n" LEAST_CART, 1, BENCH_OK, 200, "");
}

#define NO_ANSWER "not a cartd's answer"
#define ERROR_200 "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"error\":\"UNAVAILABLE\"}"

/* Also where the cart is not parsed. */
static void an_error_with_a_status_of_success_is_no_success(void **state)
{
	(void)state;
	expect(BENCH_GET, ERROR_200, 0, BENCH_REFUSED, 200, NO_ANSWER);
	expect(BENCH_GET, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, BENCH_REFUSED, 200,
	       NO_ANSWER);
	expect(BENCH_GET,
	       "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
	       "{\"error\":\"UNAVAILABLE\",\"instance\":\"/shopping-carts/" ID "\"}",
	       0, BENCH_REFUSED, 200, NO_ANSWER);
	expect(BENCH_GET, "HTTP/1.1 204 No Content\r\n\r\n", 0, BENCH_REFUSED, 204, NO_ANSWER);
	expect(BENCH_ADD, ERROR_200, 0, BENCH_UNKNOWN, 200, NO_ANSWER);
	expect(BENCH_CREATE, ERROR_200, 0, BENCH_UNKNOWN, 200, NO_ANSWER);
	expect(BENCH_DELETE, ERROR_200, 0, BENCH_UNKNOWN, 200, NO_ANSWER);
}

static void a_kept_connection_that_closed_is_opened_anew(void **state)
{
	static const struct step script[] = {
		{ACCEPT, NULL, 0},
		{READ, NULL, 0},
		{SEND, CHANGED, 0},
		{CLOSE, NULL, 0},
		{ACCEPT, NULL, 0},
		{READ, NULL, 0},
		{SEND, "HTTP/1.1 204 Bye\r\nConnection: close\r\n\r\n", 0},
		{AWAIT_CLOSE, NULL, 0},
		{CLOSE, NULL, 0},
		{ACCEPT, NULL, 0},
		{READ, NULL, 0},
		{SEND, CHANGED, 0},
		{AWAIT_CLOSE, NULL, 0},
		{END, NULL, 0},
	};
	struct bench_op op = request(BENCH_ADD);
	struct fixture f = {0};

	(void)state;
	start(&f, script);
	run(&f, &op);
	assert_result(&op, BENCH_OK, 204, "");
	/* Without the loop running, so that only a look at the socket can tell. */
	usleep(20000);
	run(&f, &op);
	assert_result(&op, BENCH_OK, 204, "");
	run(&f, &op);
	assert_result(&op, BENCH_OK, 204, "");
	bench_op_clear(&op);
	stop(&f);
	assert_int_equal(f.request_count, 3);
}

static void nothing_is_sent_twice(void **state)
{
	static const struct step script[] = {
		{ACCEPT, NULL, 0},	{READ, NULL, 0},   {SEND, CHANGED, 0}, {READ, NULL, 0},
		{CLOSE, NULL, 0},	{ACCEPT, NULL, 0}, {READ, NULL, 0},    {SEND, CHANGED, 0},
		{AWAIT_CLOSE, NULL, 0}, {END, NULL, 0},
	};
	struct bench_op op = request(BENCH_ADD);
	struct fixture f = {0};

	(void)state;
	start(&f, script);
	run(&f, &op);
	assert_result(&op, BENCH_OK, 204, "");
	run(&f, &op);
	assert_result(&op, BENCH_UNKNOWN, 0, "connection");
	op.product_id = 77;
	run(&f, &op);
	assert_result(&op, BENCH_OK, 204, "");
	bench_op_clear(&op);
	stop(&f);
	assert_int_equal(f.request_count, 3);
	assert_non_null(strstr(f.requests[2], "\"product_id\":77"));
}

static void no_answer_in_time_is_a_timeout(void **state)
{
	static const struct step script[] = {
		{ACCEPT, NULL, 0},	{READ, NULL, 0},   {AWAIT_CLOSE, NULL, 0},
		{CLOSE, NULL, 0},	{ACCEPT, NULL, 0}, {READ, NULL, 0},
		{SEND, CHANGED, 0},	{READ, NULL, 0},   {SEND, "HTTP/1.1 204 No Co", 0},
		{AWAIT_CLOSE, NULL, 0}, {END, NULL, 0}};
	const struct bench_drive_config config = {.timeout_ms = 150};
	struct bench_op op = request(BENCH_ADD);
	struct fixture f = {0};

	(void)state;
	start_with(&f, script, &config);
	run(&f, &op);
	assert_result(&op, BENCH_UNKNOWN, 0, "timeout");
	assert_true(op.done_ns - op.sent_ns >= 150 * CLOCK_NS_PER_MS);
	run(&f, &op);
	op.type = BENCH_GET;
	run(&f, &op);
	assert_result(&op, BENCH_REFUSED, 0, "timeout");
	bench_op_clear(&op);
	stop(&f);
}

static void a_client_that_goes_away_closes_its_connection_and_does_not_know(void **state)
{
	static const struct step script[] = {
		{ACCEPT, NULL, 0},	{READ, NULL, 0},  {SEND, CHANGED, 0}, {READ, NULL, 0},
		{AWAIT_CLOSE, NULL, 0}, {CLOSE, NULL, 0}, {ACCEPT, NULL, 0},  {READ, NULL, 0},
		{SEND, CHANGED, 0},	{READ, NULL, 0},  {END, NULL, 0},
	};
	struct bench_op op = request(BENCH_ADD);
	struct fixture f = {0};

	(void)state;
	start(&f, script);
	run(&f, &op);
	assert_result(&op, BENCH_OK, 204, "");
	bench_link_abandon(f.link); /* from nothing */
	/* On the kept connection: what submit writes is sent. */
	f.done = 0;
	bench_link_submit(f.link, &op);
	bench_link_abandon(f.link);
	bench_link_abandon(f.link);
	assert_int_equal(f.done, 0);
	while (f.done == 0)
		assert_int_equal(event_base_loop(f.base, EVLOOP_ONCE), 0);
	assert_int_equal(f.done, 1);
	assert_result(&op, BENCH_UNKNOWN, 0, "abandoned");
	run(&f, &op);
	assert_result(&op, BENCH_OK, 204, "");
	bench_op_clear(&op);
	stop(&f);
	assert_int_equal(f.request_count, 3);
}

static void cold_is_a_connection_an_operation(void **state)
{
	static const struct step script[] = {{ACCEPT, NULL, 0},	     {READ, NULL, 0},
					     {SEND, CHANGED, 0},     {AWAIT_CLOSE, NULL, 0},
					     {CLOSE, NULL, 0},	     {ACCEPT, NULL, 0},
					     {READ, NULL, 0},	     {SEND, CHANGED, 0},
					     {AWAIT_CLOSE, NULL, 0}, {END, NULL, 0}};
	const struct bench_drive_config config = {.timeout_ms = TIMEOUT_MS, .cold = true};
	struct bench_op op = request(BENCH_ADD);
	struct fixture f = {0};

	(void)state;
	start_with(&f, script, &config);
	for (int i = 0; i < 2; i++) {
		run(&f, &op);
		assert_result(&op, BENCH_OK, 204, "");
		assert_non_null(strstr(f.requests[i], "\r\nConnection: close\r\n"));
	}
	bench_op_clear(&op);
	stop(&f);
}

static void nobody_there_is_refused_and_told_from_the_loop(void **state)
{
	static const struct step script[] = {{END, NULL, 0}};
	struct bench_op op = request(BENCH_ADD);
	struct fixture f = {0};

	(void)state;
	start(&f, script);
	pthread_join(f.thread, NULL);
	shutdown(f.listener, SHUT_RDWR);
	close(f.listener);
	for (int i = 0; i < 3; i++) {
		run(&f, &op);
		assert_result(&op, BENCH_REFUSED, 0, "connection");
	}
	bench_op_clear(&op);
	bench_link_close(&f.link);
	bench_drive_loop_close(&f.loop);
	event_base_free(f.base);
	bench_drive_close(&f.drive);
}

static void a_target_says_who_it_is(void **state)
{
	static const struct step script[] = {{END, NULL, 0}};
	struct fixture f = {
		.contract = "openapi: 3.1.0\ninfo:\n  title: cart\n  version: \"1\"\n",
		.metrics = "# TYPE cart_info gauge\n"
			   "cart_info{version=\"0.1.0\",revision=\"abc\",backend=\"mysql\"} 1\n"
			   "cart_dynamodb_endpoint_info{endpoint=\"x\",aws=\"false\"} 1\n"};

	(void)state;
	start(&f, script);
	assert_string_equal(f.drive->database, "mysql");
	assert_string_equal(f.drive->version, "0.1.0");
	assert_string_equal(f.drive->revision, "abc");
	assert_true(f.drive->stand_in);
	stop(&f);
}

#define STRINGS "openapi: 3.1.0\ninfo:\n  title: cart\n  version: \"1\"\n  x-id-type: string\n"
#define ID_34	"0000000000000034"

static void a_target_with_strings_gets_strings(void **state)
{
	static const char answer[] =
		"{\"shopping_cart_id\":\"" ID "\",\"customer_id\":\"12\",\"version\":3,\"items\":["
		"{\"product_id\":\"" ID_34 "\",\"quantity\":5},"
		"{\"product_id\":\"SKU-1/\\\"\",\"quantity\":6}]}";
	char whole[512];
	const struct step script[] = {{ACCEPT, NULL, 0},  {READ, NULL, 0},	  {SEND, whole, 0},
				      {READ, NULL, 0},	  {SEND, CHANGED, 0},	  {READ, NULL, 0},
				      {SEND, CREATED, 0}, {AWAIT_CLOSE, NULL, 0}, {END, NULL, 0}};
	struct bench_op op = request(BENCH_ADD), set = request(BENCH_SET);
	struct bench_op create = {.type = BENCH_CREATE, .customer_id = 34};
	struct fixture f = {.contract = STRINGS};

	(void)state;
	snprintf(whole, sizeof(whole), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
		 strlen(answer), answer);
	start(&f, script);
	op.want_cart = true;
	op.product_id = set.product_id = 34;
	run(&f, &op);
	assert_result(&op, BENCH_OK, 200, "");
	assert_int_equal(op.cart.line_count, 2);
	assert_int_equal(shop_id_number(&op.cart.lines[0].product_id), 34);
	assert_string_equal(op.cart.lines[1].product_id.text, "SKU-1/\"");
	run(&f, &set);
	run(&f, &create);
	assert_result(&create, BENCH_OK, 201, "");
	bench_op_clear(&op);
	stop(&f);
	assert_non_null(strstr(f.requests[0], "{\"product_id\":\"" ID_34 "\",\"quantity\":"));
	assert_non_null(strstr(f.requests[1], "/items/" ID_34 " HTTP/1.1\r\n"));
	assert_non_null(strstr(f.requests[2], "{\"customer_id\":\"" ID_34 "\"}"));
	assert_true(shop_id_type_take(SHOP_ID_INTEGER));
	shop_id_type_release();
}

static void targets_of_two_types_are_not_compared(void **state)
{
	static const struct step script[] = {{END, NULL, 0}};
	const struct bench_drive_config config = {.timeout_ms = TIMEOUT_MS};
	struct fixture f = {.contract = STRINGS, .unasked = 1};
	struct cart_error error;

	(void)state;
	assert_true(shop_id_type_take(SHOP_ID_INTEGER));
	start_server(&f, script);
	assert_int_equal(try_open(&f, &config, &error), -1);
	assert_string_equal(error.text,
			    "its cart.id_type is string, and that of the other target is integer");
	shop_id_type_release();
	stop(&f);
}

static void another_version_of_the_api_is_not_measured(void **state)
{
	static const struct step script[] = {{END, NULL, 0}};
	const struct bench_drive_config config = {.timeout_ms = TIMEOUT_MS};
	struct fixture f = {.contract = "info:\n  title: cart\n  version: \"2.0\"\n", .unasked = 2};
	struct cart_error error;

	(void)state;
	start_server(&f, script);
	assert_int_equal(try_open(&f, &config, &error), -1);
	assert_string_equal(error.text,
			    "speaks version 2.0 of the API, and this cartbench version 1");
	assert_null(f.drive);
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_what_the_contract_says),
		cmocka_unit_test(an_answer_in_any_pieces_is_understood),
		cmocka_unit_test(a_created_cart_has_the_id_of_its_location),
		cmocka_unit_test(failures_are_told_apart_by_what_may_have_been_applied),
		cmocka_unit_test(what_is_no_answer_is_refused),
		cmocka_unit_test(a_head_without_end_is_given_up),
		cmocka_unit_test(an_answer_cut_off_leaves_a_change_unknown_and_a_read_failed),
		cmocka_unit_test(a_body_may_end_with_the_connection),
		cmocka_unit_test(an_error_with_a_status_of_success_is_no_success),
		cmocka_unit_test(a_kept_connection_that_closed_is_opened_anew),
		cmocka_unit_test(nothing_is_sent_twice),
		cmocka_unit_test(no_answer_in_time_is_a_timeout),
		cmocka_unit_test(a_client_that_goes_away_closes_its_connection_and_does_not_know),
		cmocka_unit_test(cold_is_a_connection_an_operation),
		cmocka_unit_test(nobody_there_is_refused_and_told_from_the_loop),
		cmocka_unit_test(a_target_says_who_it_is),
		cmocka_unit_test(a_target_with_strings_gets_strings),
		cmocka_unit_test(targets_of_two_types_are_not_compared),
		cmocka_unit_test(another_version_of_the_api_is_not_measured),
	};

	return cmocka_run_group_tests_name("the HTTP side of a target", tests, NULL, NULL);
}
