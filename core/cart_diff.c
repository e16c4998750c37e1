#include "core/cart_diff.h"

#include "core/cart_attributes.h"

/* Both carts' lines are sorted by product: one pass over both finds all differences. */
static int diff_compare(const struct cart_line *before, const struct cart_line *after)
{
	if (before == NULL || after == NULL)
		return before == NULL ? 1 : -1;
	return shop_id_compare(&before->product_id, &after->product_id);
}

static bool diff_is_same(const struct cart_line *a, const struct cart_line *b)
{
	return a->quantity == b->quantity && a->added_ms == b->added_ms &&
	       a->updated_ms == b->updated_ms &&
	       cart_attributes_equal(a->attributes, b->attributes);
}

static const struct cart_line *diff_line(const struct cart *cart, size_t at)
{
	return at < cart->line_count ? &cart->lines[at] : NULL;
}

void cart_diff_begin(struct cart_diff *diff, const struct cart *before, const struct cart *after)
{
	*diff = (struct cart_diff){.held = {.before = before, .after = after}};
}

bool cart_diff_next(struct cart_diff *diff)
{
	const struct cart_line *before, *after;

	while ((before = diff_line(diff->held.before, diff->held.before_at)),
	       (after = diff_line(diff->held.after, diff->held.after_at)),
	       before != NULL || after != NULL) {
		int order = diff_compare(before, after);

		diff->held.before_at += order <= 0;
		diff->held.after_at += order >= 0;
		if (order == 0 && diff_is_same(before, after))
			continue;
		diff->change = order == 0  ? CART_DIFF_CHANGED
			       : order > 0 ? CART_DIFF_ADDED
					   : CART_DIFF_REMOVED;
		diff->before = order <= 0 ? before : NULL;
		diff->after = order >= 0 ? after : NULL;
		return true;
	}
	return false;
}
