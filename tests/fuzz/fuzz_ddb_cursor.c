/* Any text as a cursor of DynamoDB's feed: what is taken is written again as it was. */
#include "backends/dynamodb/feed/cursor.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ddb_cursor cursor;
	char text[CART_FEED_CURSOR_MAX + 1], again[CART_FEED_CURSOR_MAX + 1];

	if (size >= sizeof(text) || memchr(data, '\0', size) != NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (ddb_cursor_read(&cursor, text) != CART_OK)
		return 0;
	for (size_t i = 0; i < cursor.count; i++)
		if (cursor.shards[i].sequence[0] != '\0' &&
		    !ddb_cursor_is_sequence(cursor.shards[i].sequence))
			abort();
	if (ddb_cursor_write(&cursor, again) != size || strcmp(text, again) != 0)
		abort();
	return 0;
}
