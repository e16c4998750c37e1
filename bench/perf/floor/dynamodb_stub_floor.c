/*
 * A server that answers DynamoDB's calls at once, from what it has ready: so that what is measured
 * in front of it is not it. Every cart that is asked for is there and has five lines; every change
 * succeeds. On a free port of 127.0.0.1, which it prints; at SIGTERM it prints how many connections
 * it took and how many calls of each kind, as one line of JSON.
 *
 *	dynamodb_stub_floor TABLE	TABLE is what it answers to DescribeTable, a file
 */
#include "bench/perf/floor/floor.h"
#include "core/cart_id.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#define STUB_TABLE_MAX 8192

enum { STUB_GET, STUB_BATCH, STUB_UPDATE, STUB_PUT, STUB_DELETE, STUB_OTHER, STUB_CALLS };

static const char *const stub_names[STUB_CALLS] = {
	[STUB_GET] = "GetItem", [STUB_BATCH] = "BatchGetItem", [STUB_UPDATE] = "UpdateItem",
	[STUB_PUT] = "PutItem", [STUB_DELETE] = "DeleteItem",  [STUB_OTHER] = "other",
};

#define STUB_UNITS(units_)                                                                         \
	",\"ConsumedCapacity\":{\"TableName\":\"carts\",\"CapacityUnits\":" units_ "}}"
#define STUB_UPDATED "{\"Attributes\":{\"version\":{\"N\":\"7\"}}" STUB_UNITS("3")
#define STUB_MADE    "{\"ConsumedCapacity\":{\"TableName\":\"carts\",\"CapacityUnits\":3}}"
#define STUB_TTL     "{\"TimeToLiveDescription\":{\"TimeToLiveStatus\":\"ENABLED\"}}"
#define STUB_TIME    "{\"N\":\"1762039800000\"}"
#define STUB_TIMES                                                                                 \
	"{\"M\":{\"1\":" STUB_TIME ",\"2\":" STUB_TIME ",\"3\":" STUB_TIME ",\"4\":" STUB_TIME     \
	",\"5\":" STUB_TIME "}}"
#define STUB_ITEM_HEAD "{\"cart_id\":{\"S\":\""
#define STUB_ITEM_TAIL                                                                             \
	"\"},\"customer_id\":{\"S\":\"1\"},\"status\":{\"S\":\"open\"},\"version\":{\"N\":\"6\"}," \
	"\"created_at\":" STUB_TIME ",\"updated_at\":" STUB_TIME ",\"mark\":{\"S\":\"m\"},"        \
	"\"qty\":{\"M\":{\"1\":{\"N\":\"1\"},\"2\":{\"N\":\"1\"},\"3\":{\"N\":\"1\"},"             \
	"\"4\":{\"N\":\"1\"},\"5\":{\"N\":\"1\"}}},\"added\":" STUB_TIMES                          \
	",\"updated\":" STUB_TIMES ",\"op_v\":{\"M\":{}},\"op_f\":{\"M\":{}}}"

struct stub {
	char table[STUB_TABLE_MAX];
	size_t calls[STUB_CALLS];
};

static int stub_call_of(const char *name)
{
	int call = 0;

	while (call < STUB_OTHER && strcmp(name, stub_names[call]) != 0)
		call++;
	return call;
}

static void stub_add(struct evbuffer *out, const char *text)
{
	evbuffer_add(out, text, strlen(text));
}

/* One item a cart_id in the request. */
static void stub_add_items(struct evbuffer *out, const char *request)
{
	static const char field[] = "\"cart_id\":{\"S\":\"";
	const char *between = STUB_ITEM_HEAD;

	while ((request = strstr(request, field)) != NULL) {
		request += sizeof(field) - 1;
		stub_add(out, between);
		evbuffer_add(out, request, CART_ID_TEXT);
		stub_add(out, STUB_ITEM_TAIL);
		between = "," STUB_ITEM_HEAD;
	}
}

static void stub_answer(struct evbuffer *out, const struct stub *stub, const char *name,
			const char *request)
{
	switch (stub_call_of(name)) {
	case STUB_GET:
		stub_add(out, "{\"Item\":");
		stub_add_items(out, request);
		stub_add(out, STUB_UNITS("1"));
		break;
	case STUB_BATCH:
		stub_add(out, "{\"Responses\":{\"carts\":[");
		stub_add_items(out, request);
		stub_add(out, "]},\"UnprocessedKeys\":{}}");
		break;
	case STUB_UPDATE:
		stub_add(out, STUB_UPDATED);
		break;
	default:
		stub_add(out, strcmp(name, "DescribeTable") == 0	? stub->table
			      : strcmp(name, "DescribeTimeToLive") == 0 ? STUB_TTL
									: STUB_MADE);
	}
}

static void stub_handle(struct evhttp_request *request, void *user)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *in = evhttp_request_get_input_buffer(request);
	struct evbuffer *out = evhttp_request_get_output_buffer(request);
	const char *name =
		evhttp_find_header(evhttp_request_get_input_headers(request), "X-Amz-Target");
	struct stub *stub = user;
	char crc[16];

	name = name != NULL && strchr(name, '.') != NULL ? strchr(name, '.') + 1 : "";
	stub->calls[stub_call_of(name)]++;
	evbuffer_add(in, "", 1); /* ends the text */
	stub_answer(out, stub, name, (const char *)evbuffer_pullup(in, -1));
	snprintf(crc, sizeof(crc), "%lu",
		 crc32(0, evbuffer_pullup(out, -1), (uInt)evbuffer_get_length(out)));
	evhttp_add_header(headers, "Content-Type", "application/x-amz-json-1.0");
	evhttp_add_header(headers, "x-amz-crc32", crc);
	evhttp_send_reply(request, 200, "OK", NULL);
}

int main(int argc, char **argv)
{
	static struct stub stub; /* too large for a stack */
	FILE *table = argc == 2 ? fopen(argv[1], "r") : NULL;
	size_t connections;

	if (argc != 2)
		floor_die("usage", "dynamodb_stub_floor TABLE");
	if (table == NULL || fread(stub.table, 1, STUB_TABLE_MAX - 1, table) == 0)
		floor_die(argv[1], strerror(errno));
	fclose(table);
	connections = floor_serve(0, stub_handle, &stub);
	printf("{\"connections\": %zu", connections);
	for (int i = 0; i < STUB_CALLS; i++)
		printf(", \"%s\": %zu", stub_names[i], stub.calls[i]);
	printf("}\n");
	return 0;
}
