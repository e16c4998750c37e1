/* An answer's item, of any JSON: what is taken is a cart by the rules, and nothing leaks. */
#include "backends/dynamodb/item/item.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *attributes = json_loadb((const char *)data, size, 0, NULL);
	struct ddb_item item;
	struct ddb_key key;
	struct cart_id target;
	char why[200] = "";

	if (ddb_item_read(&item, attributes, why, sizeof(why)) == CART_OK) {
		for (size_t i = 0; i < item.cart.line_count; i++)
			if (!cart_line_is_sound(&item.cart.lines[i]) ||
			    (i > 0 && shop_id_compare(&item.cart.lines[i].product_id,
						      &item.cart.lines[i - 1].product_id) <= 0))
				abort();
		ddb_item_clear(&item);
	} else if (why[0] == '\0' || item.cart.lines != NULL || item.keys != NULL) {
		abort();
	}
	if (ddb_key_item_read(attributes, &key, &target) && key.stored_ms < 0)
		abort();
	json_decref(attributes);
	return 0;
}
