/*
 * A bare client of a server that speaks DynamoDB's protocol: the requests that cartd makes, signed,
 * over kept connections, in one loop of one thread; answers are read whole and not looked into but
 * for their status. It is what a service in front of that server is compared with.
 *
 *	dynamodb_floor get|add|plain HOST:PORT TABLE IDS CONNECTIONS MS	loads for so long
 *	dynamodb_floor sign 						what a signature costs
 *
 * plain is an add as a client writes it that has no rules: one UpdateItem without a condition.
 * IDS is a cart's id, or a file of them. Prints one line of JSON.
 */
#include "backends/dynamodb/item/body.h"
#include "backends/dynamodb/item/write_json.h"
#include "backends/dynamodb/aws/sigv4.h"
#include "bench/perf/floor/http_pipe.h"
#include "core/base/clock.h"

#include <arpa/inet.h>
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
#define FLOOR_IDS_MAX	      1000000
#define FLOOR_LATENCIES_MAX   4000000
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
	const char *host;
	struct ddb_table table;
	struct cart_id *ids;
	size_t id_count;
	struct sigv4_signer signer;
	struct buf body;
	uint64_t random;
	int64_t *latencies_ns;
	size_t operations;
	size_t refused;
};

static const struct cart_rules floor_rules = {.ttl_ms = INT64_C(2592000000),
					      .lines_max = 200,
					      .quantity_max = 1000000,
					      .idempotency_window_ms = 600000};

static const struct sigv4_credentials floor_credentials = {
	.access_key_id = "AKIAIOSFODNN7EXAMPLE",
	.secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};

static _Noreturn void floor_die(const char *what)
{
	fprintf(stderr, "dynamodb_floor: %s\n", what);
	exit(1);
}

static int64_t floor_now(void)
{
	return clock_monotonic_ns(&cart_clock_system);
}

static void floor_read_ids(struct floor_load *load, const char *from)
{
	char line[64];
	FILE *file;

	load->ids = calloc(FLOOR_IDS_MAX, sizeof(*load->ids));
	if (load->ids == NULL)
		floor_die("out of memory");
	if (strlen(from) == CART_ID_TEXT && cart_id_parse(load->ids, from, CART_ID_TEXT)) {
		load->id_count = 1;
		return;
	}
	file = fopen(from, "r");
	if (file == NULL)
		floor_die("the ids cannot be read");
	while (load->id_count < FLOOR_IDS_MAX && fgets(line, sizeof(line), file) != NULL)
		if (cart_id_parse(&load->ids[load->id_count], line, strcspn(line, "\n")))
			load->id_count++;
	fclose(file);
	if (load->id_count == 0)
		floor_die("there are no ids");
}

static const struct cart_id *floor_any_id(struct floor_load *load)
{
	load->random = load->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return &load->ids[(load->random >> 33) % load->id_count];
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

static void floor_body(struct floor_load *load, const struct cart_op *op)
{
	char mark[DDB_MARK_ROOM];

	snprintf(mark, sizeof(mark), "%016" PRIx64, load->random);
	if (load->work == FLOOR_ADD)
		ddb_body_fast(&load->body, &load->table, op, mark, NULL);
	else if (load->work == FLOOR_PLAIN)
		floor_plain(&load->body, load, op);
	else
		ddb_body_get(&load->body, &load->table, &op->id, true);
}

/* The next request of the load, whole. */
static size_t floor_request(struct floor_load *load, char *text, size_t room)
{
	struct cart_change change = {.type = CART_CHANGE_ADD, .quantity = 1};
	struct cart_op op = {.type = CART_OP_CHANGE, .changes = &change, .change_count = 1};
	const char *target = load->work == FLOOR_GET ? "DynamoDB_20120810.GetItem"
						     : "DynamoDB_20120810.UpdateItem";
	const struct sigv4_header headers[] = {{"Content-Type", "application/x-amz-json-1.0"},
					       {"Host", load->host},
					       {"X-Amz-Target", target}};
	struct sigv4_request request = {
		.method = "POST", .path = "/", .headers = headers, .header_count = 3};
	struct sigv4_signed out;
	int64_t now_ms = clock_wall_ms(&cart_clock_system);
	int len;

	op.id = *floor_any_id(load);
	op.now_ms = now_ms;
	change.product_id = shop_id_of_number(1 + (int64_t)(load->random >> 13) % 3);
	floor_body(load, &op);
	request.payload = load->body.data;
	request.payload_len = load->body.len;
	if (load->body.failed ||
	    !sigv4_sign(&load->signer, &floor_credentials, &request, now_ms / 1000, &out))
		floor_die("a request could not be made");
	len = snprintf(text, room,
		       "POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-amz-json-1.0\r\n"
		       "X-Amz-Target: %s\r\nX-Amz-Date: %s\r\nAuthorization: %s\r\n"
		       "Content-Length: %zu\r\n\r\n%.*s",
		       load->host, target, out.amz_date, out.authorization, load->body.len,
		       (int)load->body.len, load->body.data);
	return (size_t)len;
}

static void floor_send(struct floor_load *load, struct floor_connection *connection)
{
	char text[16384];
	size_t len = floor_request(load, text, sizeof(text));

	connection->len = 0;
	connection->since_ns = floor_now();
	if (send(connection->fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
		floor_die("a request could not be sent");
}

/* True: the answer is whole, and was counted. */
static bool floor_receive(struct floor_load *load, struct floor_connection *connection)
{
	const char *body;
	ssize_t got = recv(connection->fd, connection->answer + connection->len,
			   sizeof(connection->answer) - connection->len - 1, 0);

	if (got <= 0)
		floor_die("the server closed");
	connection->len += (size_t)got;
	connection->answer[connection->len] = '\0';
	if (http_message_len(connection->answer, connection->len, &body) == 0)
		return false;
	if (strncmp(connection->answer, "HTTP/1.1 200", 12) != 0)
		load->refused++;
	if (load->operations < FLOOR_LATENCIES_MAX)
		load->latencies_ns[load->operations] = floor_now() - connection->since_ns;
	load->operations++;
	return true;
}

static int floor_connect(const char *host)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	const char *colon = strchr(host, ':');
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (colon == NULL || fd < 0)
		floor_die("an address is HOST:PORT");
	to.sin_port = htons((uint16_t)atoi(colon + 1));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		floor_die("the server does not answer");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static int floor_compare(const void *a, const void *b)
{
	const int64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static void floor_print(struct floor_load *load, double seconds)
{
	size_t known =
		load->operations < FLOOR_LATENCIES_MAX ? load->operations : FLOOR_LATENCIES_MAX;

	qsort(load->latencies_ns, known, sizeof(int64_t), floor_compare);
	printf("{\"operations\": %zu, \"refused\": %zu, \"seconds\": %.6f, \"per_s\": %.1f, "
	       "\"p50_us\": %.1f, \"p99_us\": %.1f}\n",
	       load->operations, load->refused, seconds, (double)load->operations / seconds,
	       (double)load->latencies_ns[known / 2] / 1e3,
	       (double)load->latencies_ns[known * 99 / 100] / 1e3);
}

static void floor_run(struct floor_load *load, size_t connections, int64_t ms)
{
	struct floor_connection *all = calloc(connections, sizeof(*all));
	int64_t began = floor_now(), until = began + ms * CLOCK_NS_PER_MS;
	int poll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ready[64];
	size_t under_way = connections;

	load->latencies_ns = calloc(FLOOR_LATENCIES_MAX, sizeof(int64_t));
	if (all == NULL || load->latencies_ns == NULL || poll < 0)
		floor_die("out of memory");
	for (size_t i = 0; i < connections; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};

		all[i].fd = floor_connect(load->host);
		epoll_ctl(poll, EPOLL_CTL_ADD, all[i].fd, &event);
		floor_send(load, &all[i]);
	}
	while (under_way > 0) {
		int count = epoll_wait(poll, ready, 64, 10000);

		if (count <= 0)
			floor_die("no answer for 10 s");
		for (int i = 0; i < count; i++) {
			if (!floor_receive(load, ready[i].data.ptr))
				continue;
			if (floor_now() < until)
				floor_send(load, ready[i].data.ptr);
			else
				under_way--;
		}
	}
	if (load->operations == 0)
		floor_die("no answer at all");
	floor_print(load, (double)(floor_now() - began) / 1e9);
}

/* The median over rounds of what a signature takes, of an add's request. */
static void floor_sign(struct floor_load *load)
{
	int64_t rounds[FLOOR_SIGN_ROUNDS];
	char text[16384];

	for (int i = 0; i < FLOOR_SIGN_ROUNDS; i++) {
		const struct sigv4_header headers[] = {
			{"Content-Type", "application/x-amz-json-1.0"},
			{"Host", "dynamodb.eu-central-1.amazonaws.com"},
			{"X-Amz-Target", "DynamoDB_20120810.UpdateItem"}};
		struct sigv4_request request = {
			.method = "POST", .path = "/", .headers = headers, .header_count = 3};
		struct sigv4_signed out;
		int64_t began;

		floor_request(load, text, sizeof(text));
		request.payload = load->body.data;
		request.payload_len = load->body.len;
		began = floor_now();
		for (int j = 0; j < FLOOR_SIGNS; j++)
			if (!sigv4_sign(&load->signer, &floor_credentials, &request, 1762039800 + j,
					&out))
				floor_die("a request could not be signed");
		rounds[i] = (floor_now() - began) / FLOOR_SIGNS;
	}
	qsort(rounds, FLOOR_SIGN_ROUNDS, sizeof(rounds[0]), floor_compare);
	printf("{\"us\": %.2f, \"body_bytes\": %zu}\n", (double)rounds[FLOOR_SIGN_ROUNDS / 2] / 1e3,
	       load->body.len);
}

int main(int argc, char **argv)
{
	static struct floor_load load = {
		.host = "127.0.0.1:8000",
		.table = {.name = "carts", .idle_shards = 8, .rules = &floor_rules},
		.signer = {.region = "us-east-1", .service = "dynamodb"},
		.random = 88172645463325252u};
	size_t connections;

	if (argc == 2 && strcmp(argv[1], "sign") == 0) {
		load.work = FLOOR_ADD;
		floor_read_ids(&load, "550e8400-e29b-41d4-a716-446655440000");
		floor_sign(&load);
		return 0;
	}
	if (argc != 7)
		floor_die("get|add|plain HOST:PORT TABLE IDS CONNECTIONS MS, or sign");
	load.work = strcmp(argv[1], "add") == 0	    ? FLOOR_ADD
		    : strcmp(argv[1], "plain") == 0 ? FLOOR_PLAIN
						    : FLOOR_GET;
	load.host = argv[2];
	load.table.name = argv[3];
	floor_read_ids(&load, argv[4]);
	connections = strtoul(argv[5], NULL, 10);
	if (connections < 1 || connections > FLOOR_CONNECTIONS_MAX)
		floor_die("1 to 256 connections");
	floor_run(&load, connections, strtoll(argv[6], NULL, 10));
	return 0;
}
