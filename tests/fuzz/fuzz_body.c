/* A body through every reader: what is accepted keeps the contract's ranges. */
#include "server/api/body.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

/* A reader that refuses says why, in visible ASCII. */
static bool fuzz_accepted(enum body_result result, const char *detail)
{
	if (result == BODY_OK)
		return true;
	if (detail[0] == '\0')
		abort();
	for (; *detail != '\0'; detail++)
		if (*detail < ' ' || *detail > '~')
			abort();
	return false;
}

static void fuzz_items(const char *text, size_t len)
{
	char detail[BODY_DETAIL_MAX] = "";
	struct cart_change one, *changes;
	size_t count;

	if (!fuzz_accepted(body_read_items(text, len, &one, &changes, &count, detail), detail))
		return;
	if (count < 1)
		abort();
	for (size_t i = 0; i < count; i++)
		if (changes[i].type != CART_CHANGE_ADD ||
		    !shop_id_is_valid(&changes[i].product_id) || changes[i].quantity < 1 ||
		    changes[i].quantity > CART_ADD_MAX)
			abort();
	if (changes != &one)
		free(changes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	char detail[BODY_DETAIL_MAX] = "";
	struct cart_id ids[BODY_IDS_MAX];
	struct shop_id customer = {0};
	int64_t value = 0;
	size_t count = 0;

	fuzz_items(text, size);
	if (fuzz_accepted(body_read_customer(text, size, &customer, detail), detail) &&
	    !shop_id_is_valid(&customer))
		abort();
	if (fuzz_accepted(body_read_quantity(text, size, 1000000, &value, detail), detail) &&
	    (value < 0 || value > 1000000))
		abort();
	if (fuzz_accepted(body_read_ids(text, size, ids, &count, detail), detail) &&
	    (count < 1 || count > BODY_IDS_MAX))
		abort();
	(void)fuzz_accepted(body_read_nothing(text, size, detail), detail);
	return 0;
}
