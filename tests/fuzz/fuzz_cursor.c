/* A cursor as a client sends it: what is accepted is one that the same query would give. */
#include "server/api/cursor.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cart_list lists[] = {
		{.kind = CART_LIST_CUSTOMER, .customer_id = {3, "123"}},
		{.kind = CART_LIST_IDLE, .idle_before_ms = INT64_C(1762039800000)},
	};
	char text[CURSOR_TEXT + 1];

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (!cursor_parse(&lists[i], (const char *)data, size)) {
			if (lists[i].has_after)
				abort();
			continue;
		}
		if (!cursor_format(&lists[i], text) || size != CURSOR_TEXT ||
		    memcmp(text, data, size) != 0)
			abort();
	}
	return 0;
}
