/*
 * Any bytes as an answer of DynamoDB: the first two are its status and its headers, the rest is its
 * body. It comes to one of the outcomes of a try; a change that may have been applied is not called
 * refused; an item in it is a cart by the rules or damaged.
 */
#include "backends/dynamodb/item/item.h"
#include "backends/dynamodb/wire/transfer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/json_mutate.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "fuzz_ddb_answer: not true: %s\n", #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static const long statuses[] = {200, 200, 400, 400, 403, 413, 429, 500, 503, 0};
static long status;
static const char *retry_after, *error_type, *date;

/* libcurl's, which would need a server. It is also a macro, which checks types. */
#undef curl_easy_getinfo
CURLcode curl_easy_getinfo(CURL *easy, CURLINFO info, ...)
{
	va_list arguments;

	(void)easy;
	FUZZ_CHECK(info == CURLINFO_RESPONSE_CODE);
	va_start(arguments, info);
	*va_arg(arguments, long *) = status;
	va_end(arguments);
	return CURLE_OK;
}

CURLHcode curl_easy_header(CURL *easy, const char *name, size_t index, unsigned int origin,
			   int request, struct curl_header **out)
{
	static struct curl_header header;
	const char *value = NULL;

	(void)easy;
	(void)index;
	(void)origin;
	(void)request;
	if (strcmp(name, "x-amz-retry-after") == 0)
		value = retry_after;
	else if (strcmp(name, "x-amzn-errortype") == 0)
		value = error_type;
	else if (strcmp(name, "date") == 0)
		value = date;
	header = (struct curl_header){.value = (char *)(uintptr_t)value};
	*out = &header;
	return value != NULL ? CURLHE_OK : CURLHE_MISSING;
}

/* The source of credentials is a thread. */
void aws_credentials_refused(struct aws_credentials_source *source, uint64_t generation)
{
	FUZZ_CHECK(source == NULL && generation == 7);
}

static void fuzz_item(const json_t *attributes)
{
	char why[200] = "";
	struct ddb_item item;

	if (ddb_item_read(&item, attributes, why, sizeof(why)) != CART_OK) {
		FUZZ_CHECK(why[0] != '\0' && item.cart.lines == NULL && item.keys == NULL);
		return;
	}
	for (size_t i = 0; i < item.cart.line_count; i++)
		FUZZ_CHECK(item.cart.lines[i].quantity >= 1);
	ddb_item_clear(&item);
}

static void fuzz_items(const json_t *answer)
{
	const json_t *item;
	size_t i;

	fuzz_item(json_object_get(answer, "Item"));
	fuzz_item(json_object_get(answer, "Attributes"));
	json_array_foreach(json_object_get(answer, "Items"), i, item)
	{
		fuzz_item(item);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const afters[] = {NULL, "0", "120", "999999999999999999", "-1", "x"};
	static const char *const types[] = {NULL, "", "ThrottlingException:http://a", "a#b:c",
					    "RequestExpired"};
	static const char *const dates[] = {NULL, "Mon, 30 Nov 2026 12:00:00 GMT", "x"};
	struct ddb_shared shared;
	struct ddb_client client = {
		.config = {.clock = &cart_clock_system, .endpoint = "http://a", .shared = &shared}};
	struct ddb_call call = {.operation = DDB_UPDATE_ITEM};
	struct ddb_transfer transfer = {.call = &call, .sent = 1, .generation = 7};
	enum ddb_retry why = DDB_RETRIES;
	enum ddb_try outcome;

	if (size < 2)
		return 0;
	ddb_shared_init(&shared);
	status = statuses[data[0] % (sizeof(statuses) / sizeof(statuses[0]))];
	retry_after = afters[data[1] % 6];
	error_type = types[data[1] / 6 % 5];
	date = dates[data[1] / 30 % 3];
	buf_add(&transfer.answer, data + 2, size - 2);
	outcome = ddb_transfer_result(&client, &transfer, CURLE_OK, &why);
	FUZZ_CHECK((outcome == DDB_TRY_DONE) == (status == 200 && json_is_object(call.json)));
	FUZZ_CHECK((outcome != DDB_TRY_REFUSED && outcome != DDB_TRY_LOST) || why < DDB_RETRIES);
	/* An error that names its type may say so with any status but this one. */
	FUZZ_CHECK(outcome != DDB_TRY_REJECTED || status != 200);
	FUZZ_CHECK(outcome == DDB_TRY_DONE || call.message[0] != '\0');
	FUZZ_CHECK(transfer.asked_ms >= -1);
	if (outcome == DDB_TRY_DONE || outcome == DDB_TRY_CONDITION)
		fuzz_items(call.json);
	json_decref(call.json);
	buf_free(&transfer.answer);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	if (size <= 2 || seed % 8 == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	return 2 + json_mutate(data + 2, size - 2, max_size - 2, seed / 8);
}
