/* Request bodies: one JSON object each, read strictly, so that no typing mistake is lost. */
#ifndef SERVER_API_BODY_H
#define SERVER_API_BODY_H

#include "core/cart_rules.h"
#include "server/api/plain.h"

#define BODY_DETAIL_MAX 192

enum body_result {
	BODY_OK,
	BODY_INVALID_JSON,  /* not one JSON object, a duplicate member, not UTF-8 */
	BODY_INVALID_INPUT, /* a member is missing, unknown, of the wrong type or out of range */
	BODY_NO_MEMORY
};

/* All return a result other than BODY_OK with detail: one line that names what is wrong. */

/*
 * {"customer_id": 123, "items": [{...}, ...]}: a new cart. Both may be missing, and a customer_id
 * of null is as good: *customer_id is then no id. *changes are the items, ADDs.
 */
CART_MUST_CHECK enum body_result body_read_cart(const char *text, size_t len,
						const struct cart_rules *rules,
						struct shop_id *customer_id,
						struct changes *changes,
						char detail[BODY_DETAIL_MAX]);

/* {"customer_id": 123}, or "123" where ids are strings */
CART_MUST_CHECK enum body_result body_read_customer(const char *text, size_t len,
						    struct shop_id *customer_id,
						    char detail[BODY_DETAIL_MAX]);

/*
 * {"product_id": 456, "quantity": 2, "attributes": {...}} or {"items": [{...}, ...]}: changes of
 * the type ADD, in order. Attributes may be missing or null in every item.
 */
CART_MUST_CHECK enum body_result body_read_items(const char *text, size_t len,
						 const struct cart_rules *rules,
						 struct changes *changes,
						 char detail[BODY_DETAIL_MAX]);

/*
 * {"items": [{...}, ...]}, which may be empty: changes of the type REPLACE, with a quantity of
 * 0 ... limits.quantity each.
 */
CART_MUST_CHECK enum body_result body_read_lines(const char *text, size_t len,
						 const struct cart_rules *rules,
						 struct changes *changes,
						 char detail[BODY_DETAIL_MAX]);

/* {"quantity": 5, "attributes": {...}}: 0 ... limits.quantity. One change of the type SET, without
 * its product. */
CART_MUST_CHECK enum body_result body_read_line(const char *text, size_t len,
						const struct cart_rules *rules,
						struct changes *changes,
						char detail[BODY_DETAIL_MAX]);

/* {"ids": ["...", ...]}: 1 ... BODY_IDS_MAX of them; the same may be there twice */
#define BODY_IDS_MAX 100
CART_MUST_CHECK enum body_result body_read_ids(const char *text, size_t len,
					       struct cart_id ids[BODY_IDS_MAX], size_t *count,
					       char detail[BODY_DETAIL_MAX]);

/* {"from": "<id>", "strategy": "add"}; or "max", or "keep" */
CART_MUST_CHECK enum body_result body_read_merge(const char *text, size_t len, struct cart_id *from,
						 enum cart_merge_strategy *strategy,
						 char detail[BODY_DETAIL_MAX]);

/* {} */
CART_MUST_CHECK enum body_result body_read_nothing(const char *text, size_t len,
						   char detail[BODY_DETAIL_MAX]);

#endif
