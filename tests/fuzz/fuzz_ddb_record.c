/* Any JSON as a record of a table's stream: what is taken is an event of a cart by the rules, and
 * what is not says why; nothing leaks. */
#include "backends/dynamodb/feed/record.h"
#include "core/feed/event_json.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/json_mutate.h"

#include <stdlib.h>

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	return json_mutate(data, size, max_size, seed);
}

static bool fuzz_is_removal(const struct cart_event *event)
{
	return event->type == CART_EVENT_DELETED || event->type == CART_EVENT_EXPIRED;
}

static bool fuzz_is_sound(const struct cart_event *event)
{
	if (event->type == CART_EVENT_NONE)
		return event->cart.version == 0 && event->changes == NULL;
	return cart_is_sound_whole(&event->cart) && event->version >= 1 &&
	       event->cart.version + fuzz_is_removal(event) == event->version;
}

static void fuzz_record(const json_t *record)
{
	struct cart_event event = {0};
	struct buf out = {0};
	char reason[CART_EVENT_REASON] = "";

	if (ddb_feed_record(record, &event, reason) == CART_OK) {
		if (!fuzz_is_sound(&event))
			abort();
	} else if (reason[0] == '\0' || event.cart.lines != NULL || event.changes != NULL ||
		   event.cart.version != 0) {
		abort();
	}
	if (event.type != CART_EVENT_NONE)
		cart_event_json_write(&out, &event, false);
	buf_free(&out);
	cart_event_clear(&event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *record = json_loadb((const char *)data, size, 0, NULL);

	for (int type = SHOP_ID_INTEGER; type <= SHOP_ID_STRING; type++) {
		if (!shop_id_type_take((enum shop_id_type)type))
			abort();
		fuzz_record(record);
		shop_id_type_release();
	}
	json_decref(record);
	return 0;
}
