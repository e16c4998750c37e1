/* Any bytes as an event in an outbox, and as a cursor: what is taken is written again as it was. */
#include "core/feed/event_json.h"
#include "core/feed/event_pack.h"
#include "core/feed/position.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void fuzz_position(const uint8_t *data, size_t size)
{
	char text[64], again[CART_FEED_POSITION_TEXT];
	int64_t number;

	if (size >= sizeof(text) || memchr(data, '\0', size) != NULL)
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (cart_feed_position_read(text, CART_FEED_FORM_SQLITE, &number) != CART_OK)
		return;
	cart_feed_position_write(again, CART_FEED_FORM_SQLITE, number);
	if (strcmp(text, again) != 0)
		abort();
}

/* The first byte is the type. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cart_event event = {.version = 3, .at_ms = 1762040100000};
	struct buf out = {0};
	char reason[CART_EVENT_REASON];

	fuzz_position(data, size);
	if (size == 0)
		return 0;
	event.type = (enum cart_event_type)((data[0] - '0') & 7);
	data++;
	size--;
	if (cart_event_unpack(&event, data, size, reason) == CART_OK) {
		cart_event_json_write(&out, &event, false);
		buf_reset(&out);
		cart_event_pack(&out, &event);
		if (out.failed || out.len != size || memcmp(out.data, data, size) != 0)
			abort();
	} else if (event.changes != NULL || event.cart.lines != NULL) {
		abort();
	}
	cart_event_clear(&event);
	buf_free(&out);
	return 0;
}
