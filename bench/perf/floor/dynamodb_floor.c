/*
 * A bare client of a server that speaks DynamoDB's protocol: the requests that cartd makes, signed,
 * over kept connections, in one loop of one thread; answers are read whole and not looked into but
 * for their status. It is what a service in front of that server is compared with.
 *
 *	dynamodb_floor get|add|plain HOST:PORT TABLE IDS CONNECTIONS MS	loads for so long
 *	dynamodb_floor sign 						what a signature costs
 *
 * plain is an add as a client writes it that has no rules: one UpdateItem without a condition.
 * IDS is a file with a cart's id a line. Prints one line of JSON.
 */
#include "backends/dynamodb/item/body.h"
#include "backends/dynamodb/item/attribute.h"
#include "aws/sigv4.h"
#include "bench/perf/floor/floor.h"
#include "core/base/clock.h"
#include "core/base/random.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define FLOOR_CONNECTIONS_MAX 256
#define FLOOR_ANSWER_MAX      (1 << 18)
#define FLOOR_SIGN_ROUNDS     20
#define FLOOR_SIGNS	      5000

struct floor_connection {
	int fd;
	char answer[FLOOR_ANSWER_MAX];
	size_t len;
	int64_t since_ns;
};

enum floor_work { FLOOR_GET, FLOOR_ADD, FLOOR_PLAIN };

struct floor_load {
	enum floor_work work;
	const char *host, *target;
	struct ddb_table table;
	struct floor_ids ids;
	struct sigv4_signer signer;
	struct buf body;
	struct random random; /* not seeded: the same carts in every run */
	struct floor_times times;
};

static const struct cart_rules floor_rules = {.ttl_ms = INT64_C(2592000000),
					      .lines_max = 200,
					      .quantity_max = 1000000,
					      .idempotency_window_ms = 600000,
					      .idle_step_ms = INT64_C(3600000)};

static const struct sigv4_credentials floor_credentials = {
	.access_key_id = "AKIAIOSFODNN7EXAMPLE",
	.secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};

static void floor_sign(struct floor_load *load, struct sigv4_signed *out, int64_t now_s)
{
	const struct sigv4_header headers[] = {{"Content-Type", "application/x-amz-json-1.0"},
					       {"Host", load->host},
					       {"X-Amz-Target", load->target}};
	const struct sigv4_request request = {.method = "POST",
					      .headers = headers,
					      .header_count = 3,
					      .payload = load->body.data,
					      .payload_len = load->body.len};

	if (load->body.failed ||
	    !sigv4_sign(&load->signer, &floor_credentials, &request, now_s, out))
		floor_die("request", "it could not be made and signed");
}

static void floor_plain(struct buf *body, const struct floor_load *load, const struct cart_op *op)
{
	ddb_add_table(body, load->table.name);
	ddb_add_id(body, ",\"Key\":{\"cart_id\":", &op->id);
	buf_add_string(body, "},\"UpdateExpression\":\"SET qty.#p = if_not_exists(qty.#p, :z) + :n,"
			     " version = version + :one\","
			     "\"ExpressionAttributeNames\":{\"#p\":\"");
	buf_add_string(body, op->changes[0].product_id.text);
	ddb_add_number(body, "\"},\"ExpressionAttributeValues\":{\":z\":", 0);
	ddb_add_number(body, ",\":n\":", op->changes[0].quantity);
	ddb_add_number(body, ",\":one\":", 1);
	buf_add_string(body, "}}");
}

/* Makes the body of the next request. */
static void floor_make_body(struct floor_load *load, int64_t now_ms)
{
	struct cart_change change = {.type = CART_CHANGE_ADD, .quantity = 1};
	struct cart_op op = {.type = CART_OP_CHANGE,
			     .id = load->ids.ids[random_next(&load->random) % load->ids.count],
			     .now_ms = now_ms,
			     .changes = &change,
			     .change_count = 1};
	char mark[DDB_MARK_ROOM];

	change.product_id = shop_id_of_number(1 + (int64_t)(random_next(&load->random) % 3));
	snprintf(mark, sizeof(mark), "%016" PRIx64, random_next(&load->random));
	if (load->work == FLOOR_ADD)
		ddb_body_conditional(&load->body, &load->table, &op, mark, NULL, NULL);
	else if (load->work == FLOOR_PLAIN)
		floor_plain(&load->body, load, &op);
	else
		ddb_body_get(&load->body, &load->table, &op.id, true);
}

/* The next request of the load, whole. */
static size_t floor_request(struct floor_load *load, char *text, size_t room)
{
	int64_t now_ms = clock_wall_ms(&cart_clock_system);
	struct sigv4_signed out;

	floor_make_body(load, now_ms);
	floor_sign(load, &out, now_ms / 1000);
	return (size_t)snprintf(
		text, room,
		"POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-amz-json-1.0\r\n"
		"X-Amz-Target: %s\r\nX-Amz-Date: %s\r\nAuthorization: %s\r\n"
		"Content-Length: %zu\r\n\r\n%.*s",
		load->host, load->target, out.amz_date, out.authorization, load->body.len,
		(int)load->body.len, load->body.data);
}

static void floor_send(struct floor_load *load, struct floor_connection *connection)
{
	char text[16384];
	size_t len = floor_request(load, text, sizeof(text));

	connection->len = 0;
	connection->since_ns = floor_now_ns();
	if (send(connection->fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
		floor_die("send", "a request could not be sent");
}

/* Whether the answer is complete, by its Content-Length. data is NUL-terminated. */
static bool floor_is_whole(const char *data, size_t len)
{
	const char *end = strstr(data, "\r\n\r\n");
	const char *field = strcasestr(data, "\r\ncontent-length:");

	if (end == NULL || field == NULL || field > end)
		return end != NULL;
	return len >= (size_t)(end - data) + 4 + strtoul(field + 17, NULL, 10);
}

/* True: the answer is whole, and was counted. */
static bool floor_receive(struct floor_load *load, struct floor_connection *connection)
{
	ssize_t got = recv(connection->fd, connection->answer + connection->len,
			   sizeof(connection->answer) - connection->len - 1, 0);

	if (got <= 0)
		floor_die("recv", "the server closed");
	connection->len += (size_t)got;
	connection->answer[connection->len] = '\0';
	if (!floor_is_whole(connection->answer, connection->len))
		return false;
	if (strncmp(connection->answer, "HTTP/1.1 200", 12) != 0)
		load->times.refused++;
	floor_took(&load->times, floor_now_ns() - connection->since_ns);
	return true;
}

static int floor_connect(const char *host)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	const char *colon = strchr(host, ':');
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (colon == NULL || fd < 0)
		floor_die("connect", "an address is HOST:PORT");
	to.sin_port = htons((uint16_t)atoi(colon + 1));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		floor_die("connect", "the server does not answer");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void floor_run(struct floor_load *load, size_t connections, int64_t ms)
{
	struct floor_connection *all = floor_alloc(NULL, connections, sizeof(*all));
	int64_t began = floor_now_ns(), until = began + ms * CLOCK_NS_PER_MS;
	int poll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ready[64];
	size_t under_way = connections;

	if (poll < 0)
		floor_die("epoll", strerror(errno));
	for (size_t i = 0; i < connections; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};

		all[i].fd = floor_connect(load->host);
		epoll_ctl(poll, EPOLL_CTL_ADD, all[i].fd, &event);
		floor_send(load, &all[i]);
	}
	while (under_way > 0) {
		int count = epoll_wait(poll, ready, 64, 10000);

		if (count <= 0)
			floor_die("wait", "no answer for 10 s");
		for (int i = 0; i < count; i++) {
			if (!floor_receive(load, ready[i].data.ptr))
				continue;
			if (floor_now_ns() < until)
				floor_send(load, ready[i].data.ptr);
			else
				under_way--;
		}
	}
	floor_print(&load->times, (double)(floor_now_ns() - began) / 1e9, 1);
}

/* What a signature of an add's request takes: each time is that of FLOOR_SIGNS. */
static void floor_measure_signing(struct floor_load *load)
{
	int64_t first = floor_now_ns();
	struct sigv4_signed out;

	for (int i = 0; i < FLOOR_SIGN_ROUNDS; i++) {
		int64_t began;

		floor_make_body(load, 1762039800000);
		began = floor_now_ns();
		for (int j = 0; j < FLOOR_SIGNS; j++)
			floor_sign(load, &out, 1762039800 + j);
		floor_took(&load->times, (floor_now_ns() - began) / FLOOR_SIGNS);
	}
	floor_print(&load->times, (double)(floor_now_ns() - first) / 1e9, FLOOR_SIGNS);
}

int main(int argc, char **argv)
{
	static struct floor_load load = {
		.host = "dynamodb.eu-central-1.amazonaws.com",
		.target = "DynamoDB_20120810.UpdateItem",
		.table = {.name = "carts", .idle_shards = 8, .rules = &floor_rules},
		.signer = {.region = "us-east-1", .service = "dynamodb"},
		.random = {1}};
	struct cart_id any = {.bytes = {1}};
	size_t connections;

	if (argc == 2 && strcmp(argv[1], "sign") == 0) {
		load.work = FLOOR_ADD;
		load.ids = (struct floor_ids){.ids = &any, .count = 1};
		floor_measure_signing(&load);
		return 0;
	}
	if (argc != 7)
		floor_die("usage", "get|add|plain HOST:PORT TABLE IDS CONNECTIONS MS, or sign");
	load.work = strcmp(argv[1], "add") == 0	    ? FLOOR_ADD
		    : strcmp(argv[1], "plain") == 0 ? FLOOR_PLAIN
						    : FLOOR_GET;
	if (load.work == FLOOR_GET)
		load.target = "DynamoDB_20120810.GetItem";
	load.host = argv[2];
	load.table.name = argv[3];
	floor_read_ids(&load.ids, argv[4]);
	connections = (size_t)floor_number(argv[5], "CONNECTIONS", 1, FLOOR_CONNECTIONS_MAX);
	floor_run(&load, connections, floor_number(argv[6], "MS", 1, 600000));
	return 0;
}
