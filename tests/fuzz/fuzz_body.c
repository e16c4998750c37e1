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

/* What a reader took without jansson is what jansson reads there: an integer; an id. */
static void fuzz_same(const char *text, size_t len, const char *name, int64_t value)
{
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *member = json_object_get(root, name);

	if (!json_is_integer(member) || json_integer_value(member) != value)
		abort();
	json_decref(root);
}

static void fuzz_same_id(const char *text, size_t len, const char *name, const struct shop_id *id)
{
	json_t *root;

	if (!shop_id_is_valid(id))
		abort();
	if (shop_id_type() == SHOP_ID_INTEGER) {
		fuzz_same(text, len, name, strtoll(id->text, NULL, 10));
		return;
	}
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_string(json_object_get(root, name)) ||
	    strcmp(json_string_value(json_object_get(root, name)), id->text) != 0)
		abort();
	json_decref(root);
}

static void fuzz_cart(const char *text, size_t len)
{
	char detail[BODY_DETAIL_MAX] = "";
	struct cart_change *changes = NULL;
	struct shop_id customer = {0};
	size_t count = 0;

	if (!fuzz_accepted(body_read_cart(text, len, &customer, &changes, &count, detail), detail))
		return;
	if (customer.size > 0 && count == 0)
		fuzz_same_id(text, len, "customer_id", &customer);
	if ((changes != NULL) != (count > 0))
		abort();
	for (size_t i = 0; i < count; i++)
		if (changes[i].type != CART_CHANGE_ADD || !shop_id_is_valid(&changes[i].product_id))
			abort();
	free(changes);
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
	fuzz_same_id(text, len, "product_id", &one.product_id);
	fuzz_same(text, len, "quantity", one.quantity);
}

static void fuzz_lines(const char *text, size_t len)
{
	char detail[BODY_DETAIL_MAX] = "";
	struct cart_change *changes;
	size_t count;

	if (!fuzz_accepted(body_read_lines(text, len, 1000000, &changes, &count, detail), detail))
		return;
	if (count < 1)
		abort();
	for (size_t i = 0; i < count; i++)
		if (changes[i].type != CART_CHANGE_REPLACE || changes[i].quantity < 0 ||
		    changes[i].quantity > 1000000 ||
		    (!shop_id_is_valid(&changes[i].product_id) &&
		     (count > 1 || changes[i].quantity > 0)))
			abort();
	free(changes);
}

static void fuzz_body(const char *text, size_t size)
{
	char detail[BODY_DETAIL_MAX] = "";
	struct cart_id ids[BODY_IDS_MAX];
	struct shop_id customer = {0};
	int64_t value = 0;
	size_t count = 0;

	fuzz_items(text, size);
	fuzz_lines(text, size);
	if (fuzz_accepted(body_read_customer(text, size, &customer, detail), detail))
		fuzz_same_id(text, size, "customer_id", &customer);
	fuzz_cart(text, size);
	if (fuzz_accepted(body_read_quantity(text, size, 1000000, &value, detail), detail)) {
		if (value < 0 || value > 1000000)
			abort();
		fuzz_same(text, size, "quantity", value);
	}
	if (fuzz_accepted(body_read_ids(text, size, ids, &count, detail), detail) &&
	    (count < 1 || count > BODY_IDS_MAX))
		abort();
	(void)fuzz_accepted(body_read_nothing(text, size, detail), detail);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int type = SHOP_ID_INTEGER; type <= SHOP_ID_STRING; type++) {
		if (!shop_id_type_take((enum shop_id_type)type))
			abort();
		fuzz_body((const char *)data, size);
		shop_id_type_release();
	}
	return 0;
}
