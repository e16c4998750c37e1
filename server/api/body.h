/* Request bodies: one JSON object each, read strictly, so that no typing mistake is lost. */
#ifndef SERVER_API_BODY_H
#define SERVER_API_BODY_H

#include "core/cart_op.h"

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
 * of null is as good: *customer_id is then no id. *changes are the items, ADDs, allocated with
 * malloc and the caller's; untouched without items and on failure.
 */
CART_MUST_CHECK enum body_result body_read_cart(const char *text, size_t len,
						struct shop_id *customer_id,
						struct cart_change **changes, size_t *count,
						char detail[BODY_DETAIL_MAX]);

/* {"customer_id": 123}, or "123" where ids are strings */
CART_MUST_CHECK enum body_result body_read_customer(const char *text, size_t len,
						    struct shop_id *customer_id,
						    char detail[BODY_DETAIL_MAX]);

/*
 * {"product_id": 456, "quantity": 2} or {"items": [{...}, ...]}: changes of the type ADD, in order.
 * *changes is *one for a single line, else allocated with malloc and the caller's; untouched on
 * failure.
 */
CART_MUST_CHECK enum body_result body_read_items(const char *text, size_t len,
						 struct cart_change *one,
						 struct cart_change **changes, size_t *count,
						 char detail[BODY_DETAIL_MAX]);

/*
 * {"items": [{...}, ...]}, which may be empty: changes of the type REPLACE, with a quantity of
 * 0 ... max each. *changes is allocated with malloc and the caller's; untouched on failure.
 */
CART_MUST_CHECK enum body_result body_read_lines(const char *text, size_t len, int64_t max,
						 struct cart_change **changes, size_t *count,
						 char detail[BODY_DETAIL_MAX]);

/* {"quantity": 5}: 0 ... max */
CART_MUST_CHECK enum body_result body_read_quantity(const char *text, size_t len, int64_t max,
						    int64_t *quantity,
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
