#include "core/cart_rules.h"

#include "core/cart_attributes.h"

#include <stdlib.h>
#include <string.h>

#define CART_SWEEP_PART	  30
#define CART_SWEEP_MAX_MS (INT64_C(24) * 3600 * 1000)

int64_t cart_sweep_ms(const struct cart_rules *rules, int64_t expires_ms)
{
	int64_t grain = rules->ttl_ms / CART_SWEEP_PART;

	if (grain > CART_SWEEP_MAX_MS)
		grain = CART_SWEEP_MAX_MS;
	return grain > 1 ? (expires_ms + grain - 1) / grain * grain : expires_ms;
}

int64_t cart_idle_ms(const struct cart_rules *rules, int64_t updated_ms)
{
	return rules->idle_step_ms > 1 ? updated_ms - updated_ms % rules->idle_step_ms : updated_ms;
}

static int64_t cart_expiry(const struct cart_rules *rules, int64_t updated_ms)
{
	return rules->ttl_ms > 0 ? updated_ms + rules->ttl_ms : 0;
}

/* A time that is stored never goes back: the op may have waited behind a later one, or come from an
 * instance whose clock is behind. */
static int64_t cart_later(int64_t stored_ms, int64_t now_ms)
{
	return now_ms > stored_ms ? now_ms : stored_ms;
}

static void cart_remove_line(struct cart *cart, struct cart_line *line)
{
	size_t after = cart->line_count - (size_t)(line - cart->lines) - 1;

	memmove(line, line + 1, after * sizeof(*line));
	cart->line_count--;
}

/* Room for the line has been reserved. */
static struct cart_line *cart_insert_line(struct cart *cart, const struct shop_id *product_id,
					  int64_t quantity, int64_t now_ms)
{
	size_t at = cart_line_at(cart, product_id);
	struct cart_line *line = &cart->lines[at];

	memmove(line + 1, line, (cart->line_count - at) * sizeof(*line));
	*line = (struct cart_line){
		.product_id = *product_id,
		.quantity = quantity,
		.added_ms = now_ms,
		.updated_ms = now_ms,
	};
	cart->line_count++;
	return line;
}

/*
 * While changes are applied to a copy of a cart's lines, the lines hold attributes that are those
 * of the cart or of the op: cart_own_attributes() ends that. What is the same stays the cart's.
 */
static char *cart_borrow(const char *attributes)
{
	union {
		const char *of_op;
		char *of_line;
	} borrowed = {.of_op = attributes};

	return borrowed.of_line;
}

/* attributes are a change's. True: the line has others now. */
static bool cart_put_attributes(struct cart_line *line, const char *attributes)
{
	if (attributes == NULL || cart_attributes_equal(line->attributes, attributes))
		return false;
	line->attributes = *attributes != '\0' ? cart_borrow(attributes) : NULL;
	return true;
}

static bool cart_put_quantity(struct cart_line *line, int64_t quantity)
{
	bool other = line->quantity != quantity;

	line->quantity = quantity;
	return other;
}

static void cart_put_line(struct cart *cart, const struct cart_change *change, int64_t quantity,
			  int64_t now_ms, bool *changed)
{
	struct cart_line *line = cart_find_line(cart, &change->product_id);
	bool other;

	if (quantity == 0) {
		if (line != NULL)
			cart_remove_line(cart, line);
		*changed = *changed || line != NULL;
	} else if (line == NULL) {
		line = cart_insert_line(cart, &change->product_id, quantity, now_ms);
		cart_put_attributes(line, change->attributes);
		*changed = true;
	} else {
		other = cart_put_quantity(line, quantity);
		other = cart_put_attributes(line, change->attributes) || other;
		if (other)
			line->updated_ms = cart_later(line->updated_ms, now_ms);
		*changed = *changed || other;
	}
}

static enum cart_result cart_apply_one(struct cart *cart, const struct cart_change *change,
				       int64_t now_ms, bool *changed)
{
	struct cart_line *line = cart_find_line(cart, &change->product_id);

	switch (change->type) {
	case CART_CHANGE_ADD:
		cart_put_line(cart, change, change->quantity + (line != NULL ? line->quantity : 0),
			      now_ms, changed);
		return CART_OK;
	case CART_CHANGE_SET:
		cart_put_line(cart, change, change->quantity, now_ms, changed);
		return CART_OK;
	case CART_CHANGE_REMOVE:
		if (line == NULL)
			return CART_NO_ITEM;
		cart_put_line(cart, change, 0, now_ms, changed);
		return CART_OK;
	case CART_CHANGE_CLEAR:
		*changed = *changed || cart->line_count > 0;
		cart->line_count = 0;
		return CART_OK;
	case CART_CHANGE_REPLACE:
	case CART_CHANGE_REOPEN:
		break;
	}
	return CART_FAILED;
}

/* A line that was there before stays as it was, but for another quantity and the attributes that
 * the op names. True: it did. */
static bool cart_keep_line(struct cart_line *line, const struct cart *before, int64_t now_ms)
{
	const struct cart_line *was = cart_find_line(before, &line->product_id);
	const char *named = line->attributes;
	bool same;

	line->attributes = was != NULL ? was->attributes : NULL;
	same = !cart_put_attributes(line, named);
	if (was == NULL)
		return false;
	same = same && line->quantity == was->quantity;
	line->added_ms = was->added_ms;
	line->updated_ms = same ? was->updated_ms : cart_later(was->updated_ms, now_ms);
	return same;
}

/* Gives the lines what the changes name, also that they have none. The last one counts. */
static void cart_name_attributes(struct cart *cart, const struct cart_op *op)
{
	for (size_t i = 0; i < op->change_count; i++) {
		const struct cart_change *change = &op->changes[i];
		struct cart_line *line = NULL;

		if (change->attributes != NULL)
			line = cart_find_line(cart, &change->product_id);
		if (line != NULL)
			line->attributes = cart_borrow(change->attributes);
	}
}

/* Fills the cart with lines anew. True: they are not those of the cart before. */
static bool cart_replace_lines(struct cart *cart, const struct cart *before,
			       const struct cart_op *op)
{
	bool changed;

	cart->line_count = 0;
	for (size_t i = 0; i < op->change_count; i++) {
		const struct cart_change *change = &op->changes[i];
		struct cart_line *line = cart_find_line(cart, &change->product_id);

		if (line != NULL)
			line->quantity += change->quantity;
		else if (change->quantity > 0)
			cart_insert_line(cart, &change->product_id, change->quantity, op->now_ms);
	}
	cart_name_attributes(cart, op);
	changed = cart->line_count != before->line_count;
	for (size_t i = 0; i < cart->line_count; i++)
		changed = !cart_keep_line(&cart->lines[i], before, op->now_ms) || changed;
	return changed;
}

/* Changes a copy of the cart one by one. */
static enum cart_result cart_apply_each(struct cart *next, const struct cart_op *op, bool *changed)
{
	enum cart_result result = CART_OK;

	for (size_t i = 0; i < op->change_count && result == CART_OK; i++)
		result = cart_apply_one(next, &op->changes[i], op->now_ms, changed);
	return result;
}

/* Limits are checked on the cart that the op leaves, not on the way there, and only for what the op
 * raised: when a limit was lowered, a larger cart can still be reduced line by line. */
static bool cart_is_within(const struct cart *next, const struct cart *before,
			   const struct cart_rules *rules)
{
	if (next->line_count > (size_t)rules->lines_max && next->line_count > before->line_count)
		return false;
	for (size_t i = 0; i < next->line_count; i++) {
		const struct cart_line *line = &next->lines[i];
		const struct cart_line *was;

		if (line->quantity <= rules->quantity_max)
			continue;
		was = cart_find_line(before, &line->product_id);
		if (was == NULL || line->quantity > was->quantity)
			return false;
	}
	return true;
}

/* The line of the cart whose attributes this one borrows, from line *at on; NULL: it borrows none.
 * The lines of both carts are in one order, so that *at moves on. */
static struct cart_line *cart_lender(const struct cart *cart, const struct cart_line *line,
				     size_t *at)
{
	for (size_t i = *at; line->attributes != NULL && i < cart->line_count; i++) {
		if (cart->lines[i].attributes != line->attributes)
			continue;
		*at = i + 1;
		return &cart->lines[i];
	}
	return NULL;
}

/*
 * Ends the borrowing: copies what is the op's, within the limit, and takes what is the cart's from
 * it, so that both can be freed. On any result but CART_OK nothing is the lines' own, and the cart
 * is as it was.
 */
static enum cart_result cart_own_attributes(struct cart *next, struct cart *cart,
					    const struct cart_rules *rules)
{
	enum cart_result result = CART_OK;
	bool any = false;
	size_t at = 0;

	for (size_t i = 0; i < next->line_count; i++) {
		struct cart_line *line = &next->lines[i];

		if (line->attributes == NULL)
			continue;
		any = true;
		if (cart_lender(cart, line, &at) != NULL)
			continue;
		if (strlen(line->attributes) > (size_t)rules->attributes_max)
			result = CART_LIMIT;
		line->attributes = result == CART_OK ? strdup(line->attributes) : NULL;
		if (result == CART_OK && line->attributes == NULL)
			result = CART_BUSY;
	}
	at = 0;
	for (size_t i = 0; any && i < next->line_count; i++) {
		struct cart_line *lender;

		if (next->lines[i].attributes == NULL)
			continue;
		lender = cart_lender(cart, &next->lines[i], &at);
		if (lender != NULL && result == CART_OK)
			lender->attributes = NULL;
		else if (lender == NULL && result != CART_OK)
			free(next->lines[i].attributes);
	}
	return result;
}

static void cart_touch(struct cart *cart, int64_t now_ms)
{
	cart->version++;
	cart->updated_ms = cart_later(cart->updated_ms, now_ms);
}

/* A copy of the cart, with room for so many more lines, whose attributes are borrowed. The cart
 * itself is left alone until cart_finish(). False: no memory. */
static bool cart_begin(struct cart *next, const struct cart *cart, size_t more)
{
	*next = *cart;
	next->lines = NULL;
	next->line_count = next->line_room = 0;
	if (!cart_reserve_lines(next, cart->line_count + more))
		return false;
	if (cart->line_count > 0)
		memcpy(next->lines, cart->lines, cart->line_count * sizeof(*cart->lines));
	next->line_count = cart->line_count;
	return true;
}

/* Puts the copy in the cart's place, if it has changed and is within the limits, else frees it. */
static enum cart_result cart_finish(struct cart *next, struct cart *cart, bool changed,
				    const struct cart_op *op, const struct cart_rules *rules)
{
	enum cart_result result = CART_OK;

	if (changed)
		result = cart_is_within(next, cart, rules) ? cart_own_attributes(next, cart, rules)
							   : CART_LIMIT;
	if (result != CART_OK || !changed) {
		free(next->lines);
		return result;
	}
	cart_clear(cart);
	*cart = *next;
	cart_touch(cart, op->now_ms);
	cart->expires_ms = cart_expiry(rules, cart->updated_ms);
	return CART_OK;
}

static enum cart_result cart_apply_changes(struct cart *cart, const struct cart_op *op,
					   const struct cart_rules *rules)
{
	enum cart_result result = CART_OK;
	bool changed = false;
	struct cart next;

	if (!cart_begin(&next, cart, op->change_count))
		return CART_BUSY;
	if (op->changes[0].type == CART_CHANGE_REPLACE)
		changed = cart_replace_lines(&next, cart, op);
	else
		result = cart_apply_each(&next, op, &changed);
	if (result == CART_OK)
		return cart_finish(&next, cart, changed, op, rules);
	free(next.lines);
	return result;
}

/* A guest's cart gets its customer, for good. */
static enum cart_result cart_apply_customer(struct cart *cart, const struct cart_op *op,
					    const struct cart_rules *rules)
{
	if (cart->customer_id.size > 0)
		return shop_id_compare(&cart->customer_id, &op->customer_id) == 0 ? CART_OK
										  : CART_OWNED;
	cart->customer_id = op->customer_id;
	cart_touch(cart, op->now_ms);
	cart->expires_ms = cart_expiry(rules, cart->updated_ms);
	return CART_OK;
}

enum cart_result cart_create(struct cart *cart, const struct cart_op *op,
			     const struct cart_rules *rules)
{
	enum cart_result result = CART_OK;

	*cart = (struct cart){
		.id = op->id,
		.customer_id = op->customer_id,
		.state = CART_OPEN,
		.version = 1,
		.created_ms = op->now_ms,
		.updated_ms = op->now_ms,
		.expires_ms = cart_expiry(rules, op->now_ms),
	};
	if (op->change_count > 0)
		result = cart_apply_changes(cart, op, rules);
	if (result == CART_OK)
		cart->version = 1; /* its first lines are no change of it */
	else
		cart_clear(cart);
	return result;
}

static enum cart_result cart_apply_checkout(struct cart *cart, const struct cart_op *op)
{
	if (cart->line_count == 0)
		return CART_EMPTY;
	cart->state = CART_CHECKED_OUT;
	cart->order_id = op->order_id;
	cart->expires_ms = 0;
	cart_touch(cart, op->now_ms);
	return CART_OK;
}

static void cart_apply_reopen(struct cart *cart, const struct cart_op *op,
			      const struct cart_rules *rules)
{
	cart->state = CART_OPEN;
	cart->order_id = (struct cart_id){{0}};
	cart->updated_ms++;
	cart_touch(cart, op->now_ms);
	cart->expires_ms = cart_expiry(rules, cart->updated_ms);
}

int64_t cart_merge_quantity(enum cart_merge_strategy strategy, int64_t there, int64_t from)
{
	if (strategy == CART_MERGE_ADD)
		return there + from;
	return strategy == CART_MERGE_MAX && from > there ? from : there;
}

/* The lines of from, into a copy of the cart's that has room for them. True: it has changed. */
static bool cart_merge_lines(struct cart *next, const struct cart *from, const struct cart_op *op)
{
	bool changed = false;

	for (size_t i = 0; i < from->line_count; i++) {
		const struct cart_line *line = &from->lines[i];
		const struct cart_line *there = cart_find_line(next, &line->product_id);
		struct cart_change change = {.product_id = line->product_id};

		/* The cart's own attributes stay. */
		if (there == NULL || there->attributes == NULL)
			change.attributes = line->attributes;
		cart_put_line(next, &change,
			      there == NULL ? line->quantity
					    : cart_merge_quantity(op->strategy, there->quantity,
								  line->quantity),
			      op->now_ms, &changed);
	}
	return changed;
}

/* What an op is told of a cart that takes no changes. */
static enum cart_result cart_closed(const struct cart *cart, struct cart_op *op)
{
	op->merged = cart->state == CART_MERGED;
	return CART_CLOSED;
}

static enum cart_result cart_merge_check(const struct cart *cart, const struct cart *from,
					 struct cart_op *op)
{
	if (cart->state != CART_OPEN)
		return cart_closed(cart, op);
	op->of_from = from->state != CART_OPEN;
	if (op->of_from)
		return cart_closed(from, op);
	if (op->if_version != 0 && op->if_version != cart->version)
		return CART_MISMATCH;
	op->of_from = from->customer_id.size > 0 &&
		      shop_id_compare(&from->customer_id, &cart->customer_id) != 0;
	return op->of_from ? CART_OWNED : CART_OK;
}

enum cart_result cart_merge(struct cart *cart, struct cart *from, struct cart_op *op,
			    const struct cart_rules *rules)
{
	enum cart_result result;
	struct cart next;

	op->of_from = false;
	if (from->state == CART_MERGED && cart_id_compare(&from->merged_into, &cart->id) == 0)
		return CART_OK;
	result = cart_merge_check(cart, from, op);
	if (result != CART_OK)
		return result;
	if (!cart_begin(&next, cart, from->line_count))
		return CART_BUSY;
	result = cart_finish(&next, cart, cart_merge_lines(&next, from, op), op, rules);
	if (result != CART_OK)
		return result;
	from->state = CART_MERGED;
	from->merged_into = cart->id;
	cart_touch(from, op->now_ms);
	return CART_OK;
}

enum cart_result cart_apply(struct cart *cart, struct cart_op *op, const struct cart_rules *rules)
{
	bool closed = cart->state != CART_OPEN, reopens = cart_op_reopens(op);
	bool erases = op->type == CART_OP_DELETE && (op->flags & CART_ERASE) != 0;

	if (closed && !erases && (!reopens || cart->state == CART_MERGED))
		return op->type == CART_OP_CHECKOUT && cart->state == CART_CHECKED_OUT
			       ? CART_OK
			       : cart_closed(cart, op);
	if (!closed && reopens)
		return CART_NOT_CLOSED;
	if (op->if_version != 0 && op->if_version != cart->version)
		return CART_MISMATCH;
	if (op->type == CART_OP_CHANGE && op->customer_id.size > 0)
		return cart_apply_customer(cart, op, rules);
	switch (op->type) {
	case CART_OP_CHANGE:
		if (!reopens)
			return cart_apply_changes(cart, op, rules);
		cart_apply_reopen(cart, op, rules);
		return CART_OK;
	case CART_OP_CHECKOUT:
		return cart_apply_checkout(cart, op);
	case CART_OP_DELETE:
		return CART_OK;
	default:
		return CART_FAILED;
	}
}

enum cart_replay cart_replay_check(const uint8_t *stored_fingerprint, int64_t stored_ms,
				   const struct cart_op *op, const struct cart_rules *rules)
{
	if (op->now_ms - stored_ms >= rules->idempotency_window_ms)
		return CART_REPLAY_NEW;
	if (memcmp(stored_fingerprint, op->fingerprint, CART_FINGERPRINT_BYTES) != 0)
		return CART_REPLAY_OTHER;
	return CART_REPLAY_SAME;
}
