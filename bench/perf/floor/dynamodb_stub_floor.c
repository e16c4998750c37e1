/*
 * A server that answers DynamoDB's calls at once, from what it has ready: so that what is measured
 * in front of it is not it. Every cart that is asked for is there and has five lines; every change
 * succeeds. On a free port of 127.0.0.1, which it prints; at SIGTERM it prints how many connections
 * it took and how many calls of each kind, as one line of JSON.
 */
#include "bench/perf/floor/floor.h"
#include "core/cart_id.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#define STUB_FDS	 1024
#define STUB_REQUEST_MAX (1 << 16)
#define STUB_ANSWER_MAX	 (1 << 17)

enum { STUB_GET, STUB_BATCH, STUB_UPDATE, STUB_PUT, STUB_DELETE, STUB_OTHER, STUB_CALLS };

static const char *const stub_names[STUB_CALLS] = {
	[STUB_GET] = "GetItem", [STUB_BATCH] = "BatchGetItem", [STUB_UPDATE] = "UpdateItem",
	[STUB_PUT] = "PutItem", [STUB_DELETE] = "DeleteItem",  [STUB_OTHER] = "other",
};

struct stub_connection {
	char data[STUB_REQUEST_MAX];
	size_t len;
};

static struct stub_connection stub_connections[STUB_FDS]; /* by descriptor */
static uint64_t stub_taken, stub_calls[STUB_CALLS];
static volatile sig_atomic_t stub_over;

#define STUB_UNITS(units_)                                                                         \
	",\"ConsumedCapacity\":{\"TableName\":\"carts\",\"CapacityUnits\":" units_ "}}"
#define STUB_UPDATED "{\"Attributes\":{\"version\":{\"N\":\"7\"}}" STUB_UNITS("3")
#define STUB_MADE    "{\"ConsumedCapacity\":{\"TableName\":\"carts\",\"CapacityUnits\":3}}"
#define STUB_TIME    "{\"N\":\"1762039800000\"}"
#define STUB_TIMES                                                                                 \
	"{\"M\":{\"1\":" STUB_TIME ",\"2\":" STUB_TIME ",\"3\":" STUB_TIME ",\"4\":" STUB_TIME     \
	",\"5\":" STUB_TIME "}}"
#define STUB_ITEM_HEAD "{\"cart_id\":{\"S\":\""
#define STUB_ITEM_TAIL                                                                             \
	"\"},\"customer_id\":{\"N\":\"1\"},\"status\":{\"S\":\"open\"},\"version\":{\"N\":\"6\"}," \
	"\"created_at\":" STUB_TIME ",\"updated_at\":" STUB_TIME ",\"mark\":{\"S\":\"m\"},"        \
	"\"qty\":{\"M\":{\"1\":{\"N\":\"1\"},\"2\":{\"N\":\"1\"},\"3\":{\"N\":\"1\"},"             \
	"\"4\":{\"N\":\"1\"},\"5\":{\"N\":\"1\"}}},\"added\":" STUB_TIMES                          \
	",\"updated\":" STUB_TIMES ",\"op_v\":{\"M\":{}},\"op_f\":{\"M\":{}}}"
#define STUB_TABLE                                                                                 \
	"{\"Table\":{\"TableName\":\"carts\",\"TableStatus\":\"ACTIVE\",\"AttributeDefinitions\":" \
	"["                                                                                        \
	"{\"AttributeName\":\"cart_id\",\"AttributeType\":\"S\"},"                                 \
	"{\"AttributeName\":\"customer_id\",\"AttributeType\":\"N\"},"                             \
	"{\"AttributeName\":\"created_key\",\"AttributeType\":\"S\"},"                             \
	"{\"AttributeName\":\"idle_shard\",\"AttributeType\":\"N\"},"                              \
	"{\"AttributeName\":\"idle_key\",\"AttributeType\":\"S\"}],"                               \
	"\"KeySchema\":[{\"AttributeName\":\"cart_id\",\"KeyType\":\"HASH\"}],"                    \
	"\"GlobalSecondaryIndexes\":[{\"IndexName\":\"customer-index\",\"KeySchema\":["            \
	"{\"AttributeName\":\"customer_id\",\"KeyType\":\"HASH\"},"                                \
	"{\"AttributeName\":\"created_key\",\"KeyType\":\"RANGE\"}]},"                             \
	"{\"IndexName\":\"idle-index\",\"KeySchema\":["                                            \
	"{\"AttributeName\":\"idle_shard\",\"KeyType\":\"HASH\"},"                                 \
	"{\"AttributeName\":\"idle_key\",\"KeyType\":\"RANGE\"}]}]}}"
#define STUB_TTL "{\"TimeToLiveDescription\":{\"TimeToLiveStatus\":\"ENABLED\"}}"

static void stub_stop(int signal)
{
	(void)signal;
	stub_over = 1;
}

static int stub_call_of(const char *head)
{
	const char *target = strcasestr(head, "\r\nx-amz-target: DynamoDB_20120810.");

	if (target == NULL)
		return STUB_OTHER;
	target = strchr(target, '.') + 1;
	for (int i = 0; i < STUB_OTHER; i++)
		if (strncmp(target, stub_names[i], strlen(stub_names[i])) == 0)
			return i;
	return STUB_OTHER;
}

/* One item a cart_id in the request. */
static size_t stub_items(const char *request, char *answer, const char *before, const char *after)
{
	static const char field[] = "\"cart_id\":{\"S\":\"";
	char *at = stpcpy(answer, before);
	bool first = true;

	while ((request = strstr(request, field)) != NULL) {
		request += sizeof(field) - 1;
		if (!first)
			*at++ = ',';
		first = false;
		at = stpcpy(at, STUB_ITEM_HEAD);
		memcpy(at, request, CART_ID_TEXT);
		at = stpcpy(at + CART_ID_TEXT, STUB_ITEM_TAIL);
	}
	at = stpcpy(at, after);
	return (size_t)(at - answer);
}

static size_t stub_body(int call, const char *head, const char *request, char *answer)
{
	const char *text = STUB_MADE;

	if (call == STUB_GET)
		return stub_items(request, answer, "{\"Item\":", STUB_UNITS("1"));
	if (call == STUB_BATCH)
		return stub_items(request, answer, "{\"Responses\":{\"carts\":[",
				  "]},\"UnprocessedKeys\":{}}");
	if (call == STUB_UPDATE)
		text = STUB_UPDATED;
	else if (strcasestr(head, "DescribeTable\r\n") != NULL)
		text = STUB_TABLE;
	else if (strcasestr(head, "DescribeTimeToLive\r\n") != NULL)
		text = STUB_TTL;
	return (size_t)(stpcpy(answer, text) - answer);
}

static void stub_answer(int fd, const char *head, const char *request)
{
	static char answer[STUB_ANSWER_MAX], whole[STUB_ANSWER_MAX + 256];
	int call = stub_call_of(head), len;
	size_t body = stub_body(call, head, request, answer);

	stub_calls[call]++;
	len = snprintf(whole, sizeof(whole),
		       "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\n"
		       "x-amz-crc32: %lu\r\nContent-Length: %zu\r\n\r\n%.*s",
		       crc32(0, (const Bytef *)answer, (uInt)body), body, (int)body, answer);
	if (send(fd, whole, (size_t)len, MSG_NOSIGNAL) != len)
		stub_over = 1;
}

static void stub_read(int fd)
{
	struct stub_connection *connection = &stub_connections[fd];
	const char *body;
	size_t message;
	ssize_t got = recv(fd, connection->data + connection->len,
			   sizeof(connection->data) - connection->len - 1, 0);

	if (got <= 0) {
		close(fd);
		return;
	}
	connection->len += (size_t)got;
	connection->data[connection->len] = '\0';
	while ((message = floor_message_len(connection->data, connection->len, &body)) > 0) {
		char kept = connection->data[message];

		connection->data[message] = '\0';
		stub_answer(fd, connection->data, body);
		connection->data[message] = kept;
		connection->len -= message;
		memmove(connection->data, connection->data + message, connection->len + 1);
	}
}

static void stub_accept(int listener, int poll)
{
	struct epoll_event event = {.events = EPOLLIN};
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), on = 1;

	if (fd < 0 || fd >= STUB_FDS) {
		if (fd >= 0)
			close(fd);
		return;
	}
	stub_connections[fd].len = 0;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	event.data.fd = fd;
	epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
	stub_taken++;
}

static int stub_listen(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 512) != 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) != 0)
		return -1;
	printf("%d\n", ntohs(at.sin_port));
	fflush(stdout);
	return fd;
}

int main(void)
{
	const struct sigaction stop = {.sa_handler = stub_stop};
	int listener = stub_listen(), poll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ready[64], event = {.events = EPOLLIN, .data.fd = listener};

	if (listener < 0 || poll < 0) {
		perror("dynamodb_stub_floor");
		return 1;
	}
	sigaction(SIGTERM, &stop, NULL);
	epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
	while (!stub_over) {
		int count = epoll_wait(poll, ready, 64, -1);

		for (int i = 0; i < count; i++) {
			if (ready[i].data.fd == listener)
				stub_accept(listener, poll);
			else
				stub_read(ready[i].data.fd);
		}
	}
	printf("{\"connections\": %llu", (unsigned long long)stub_taken);
	for (int i = 0; i < STUB_CALLS; i++)
		printf(", \"%s\": %llu", stub_names[i], (unsigned long long)stub_calls[i]);
	printf("}\n");
	return 0;
}
