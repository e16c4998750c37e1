/* A body through every reader: what is accepted keeps the contract's ranges. */
#include "core/cart_attributes.h"
#include "server/api/body.h"
#include "tests/fuzz/fuzz.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

static const struct cart_rules fuzz_rules = {.quantity_max = 1000000, .attributes_max = 256};

/* What attributes are, whichever way they were read. */
static void fuzz_changes(struct changes *changes, enum cart_change_type type)
{
	for (size_t i = 0; i < changes->count; i++) {
		const struct cart_change *change = &changes->all[i];
		const char *attributes = change->attributes;

		if (change->type != type || change->quantity < (type == CART_CHANGE_ADD) ||
		    change->quantity > (type == CART_CHANGE_ADD ? CART_ADD_MAX : 1000000))
			abort();
		if (attributes != NULL && *attributes != '\0' &&
		    !cart_attributes_are_sound(attributes, strlen(attributes)))
			abort();
	}
	changes_clear(changes);
}

/* Attributes that were read without jansson are what it would write. */
static void fuzz_same_attributes(const char *text, size_t len, const char *attributes)
{
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	json_t *object = json_object_get(root, "attributes");
	char *wanted = NULL;

	if (attributes != NULL && *attributes != '\0')
		wanted = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
	if ((object == NULL) != (attributes == NULL) ||
	    (wanted != NULL && strcmp(attributes, wanted) != 0) ||
	    (wanted == NULL && json_object_size(object) > 0))
		abort();
	free(wanted);
	json_decref(root);
}

static void fuzz_cart(const char *text, size_t len)
{
	char detail[BODY_DETAIL_MAX] = "";
	struct changes changes = {0};
	struct shop_id customer = {0};

	if (fuzz_accepted(body_read_cart(text, len, &fuzz_rules, &customer, &changes, detail),
			  detail)) {
		if (customer.size > 0 && changes.count == 0)
			fuzz_same_id(text, len, "customer_id", &customer);
		if ((changes.all != NULL) != (changes.count > 0))
			abort();
		for (size_t i = 0; i < changes.count; i++)
			if (!shop_id_is_valid(&changes.all[i].product_id))
				abort();
		fuzz_changes(&changes, CART_CHANGE_ADD);
	}
	changes_clear(&changes);
}

static void fuzz_items(const char *text, size_t len)
{
	char detail[BODY_DETAIL_MAX] = "";
	struct changes changes = {0};

	if (fuzz_accepted(body_read_items(text, len, &fuzz_rules, &changes, detail), detail)) {
		if (changes.count < 1)
			abort();
		for (size_t i = 0; i < changes.count; i++)
			if (!shop_id_is_valid(&changes.all[i].product_id))
				abort();
		if (changes.all == &changes.one) {
			fuzz_same_id(text, len, "product_id", &changes.one.product_id);
			fuzz_same(text, len, "quantity", changes.one.quantity);
			fuzz_same_attributes(text, len, changes.one.attributes);
		}
		fuzz_changes(&changes, CART_CHANGE_ADD);
	}
	changes_clear(&changes);
}

static void fuzz_lines(const char *text, size_t len)
{
	char detail[BODY_DETAIL_MAX] = "";
	struct changes changes = {0};

	if (fuzz_accepted(body_read_lines(text, len, &fuzz_rules, &changes, detail), detail)) {
		if (changes.count < 1)
			abort();
		for (size_t i = 0; i < changes.count; i++)
			if (!shop_id_is_valid(&changes.all[i].product_id) &&
			    (changes.count > 1 || changes.all[i].quantity > 0))
				abort();
		fuzz_changes(&changes, CART_CHANGE_REPLACE);
	}
	changes_clear(&changes);
}

static void fuzz_line(const char *text, size_t len)
{
	char detail[BODY_DETAIL_MAX] = "";
	struct changes changes = {0};

	if (fuzz_accepted(body_read_line(text, len, &fuzz_rules, &changes, detail), detail)) {
		fuzz_same(text, len, "quantity", changes.one.quantity);
		fuzz_same_attributes(text, len, changes.one.attributes);
		fuzz_changes(&changes, CART_CHANGE_SET);
	}
	changes_clear(&changes);
}

/* Names a cart by the text that it has in the body, and one of the three strategies. */
static void fuzz_merge(const char *text, size_t len)
{
	char detail[BODY_DETAIL_MAX] = "", id[CART_ID_TEXT + 1];
	enum cart_merge_strategy strategy = CART_MERGE_ADD;
	struct cart_id from;
	json_t *root;

	if (!fuzz_accepted(body_read_merge(text, len, &from, &strategy, detail), detail))
		return;
	cart_id_format(&from, id);
	root = json_loadb(text, len, 0, NULL);
	if (strcasecmp(json_string_value(json_object_get(root, "from")), id) != 0)
		abort();
	if (strategy > CART_MERGE_KEEP || !json_is_string(json_object_get(root, "strategy")))
		abort();
	json_decref(root);
}

static void fuzz_body(const char *text, size_t size)
{
	char detail[BODY_DETAIL_MAX] = "";
	struct cart_id ids[BODY_IDS_MAX];
	struct shop_id customer = {0};
	size_t count = 0;

	fuzz_items(text, size);
	fuzz_lines(text, size);
	if (fuzz_accepted(body_read_customer(text, size, &customer, detail), detail))
		fuzz_same_id(text, size, "customer_id", &customer);
	fuzz_cart(text, size);
	fuzz_line(text, size);
	fuzz_merge(text, size);
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
