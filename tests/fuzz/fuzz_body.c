/* A body through every reader: what is accepted keeps the contract's ranges. */
#include "server/api/body.h"
#include "tests/fuzz/fuzz.h"

#include <jansson.h>
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

/* An integer that a reader took without jansson is what jansson reads there. */
static void fuzz_same(const char *text, size_t len, const char *name, int64_t value)
{
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *member = json_object_get(root, name);

	if (!json_is_integer(member) || json_integer_value(member) != value)
		abort();
	json_decref(root);
}

static int64_t fuzz_number(const struct shop_id *id)
{
	return strtoll(id->text, NULL, 10);
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
	if (changes != &one) {
		free(changes);
		return;
	}
	fuzz_same(text, len, "product_id", fuzz_number(&one.product_id));
	fuzz_same(text, len, "quantity", one.quantity);
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
	if (fuzz_accepted(body_read_customer(text, size, &customer, detail), detail)) {
		if (!shop_id_is_valid(&customer))
			abort();
		fuzz_same(text, size, "customer_id", fuzz_number(&customer));
	}
	if (fuzz_accepted(body_read_quantity(text, size, 1000000, &value, detail), detail)) {
		if (value < 0 || value > 1000000)
			abort();
		fuzz_same(text, size, "quantity", value);
	}
	if (fuzz_accepted(body_read_ids(text, size, ids, &count, detail), detail) &&
	    (count < 1 || count > BODY_IDS_MAX))
		abort();
	(void)fuzz_accepted(body_read_nothing(text, size, detail), detail);
	return 0;
}
