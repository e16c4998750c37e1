#include "tests/lib/model.h"

#include "tests/lib/rig.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct model_cart {
	struct cart cart; /* its lines are the next member */
	struct cart_line lines[MODEL_LINES_MAX];
	bool deleted;
};

/* The first request under a key, and what came of it. */
struct model_key {
	struct cart_id cart;	    /* the scope of a change; what a create made */
	struct shop_id customer_id; /* of the request; the scope of a create */
	char key[CART_KEY_MAX + 1];
	enum cart_op_type type;
	int64_t if_version;
	struct cart_id from;
	enum cart_merge_strategy strategy;
	struct cart_change changes[MODEL_CHANGES_MAX];
	size_t change_count;
	int64_t stored_ms;
	int64_t version;
};

struct model {
	struct cart_rules rules;
	struct model_cart **carts;
	size_t cart_count;
	struct model_key *keys;
	size_t key_count;
	int64_t newest_ms; /* of all ops */
};

static void *model_must(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

struct model *model_new(const struct cart_rules *rules)
{
	struct model *model = model_must(calloc(1, sizeof(*model)));

	model->rules = *rules;
	return model;
}

void model_free(struct model **model)
{
	if (*model == NULL)
		return;
	for (size_t i = 0; i < (*model)->cart_count; i++)
		free((*model)->carts[i]);
	free((*model)->carts);
	free((*model)->keys);
	free(*model);
	*model = NULL;
}

const struct cart *model_cart_at(const struct model *model, size_t n)
{
	return n < model->cart_count ? &model->carts[n]->cart : NULL;
}

static bool model_is_alive(const struct model_cart *cart, int64_t now_ms)
{
	if (cart->deleted)
		return false;
	return cart->cart.expires_ms == 0 || now_ms < cart->cart.expires_ms;
}

static struct model_cart *model_find(const struct model *model, const struct cart_id *id,
				     int64_t now_ms)
{
	for (size_t i = 0; i < model->cart_count; i++)
		if (memcmp(&model->carts[i]->cart.id, id, sizeof(*id)) == 0)
			return model_is_alive(model->carts[i], now_ms) ? model->carts[i] : NULL;
	return NULL;
}

/* Keys. */

static struct model_key *model_find_key(const struct model *model, const struct cart_op *op)
{
	/* The latest comes last. */
	for (size_t i = model->key_count; i-- > 0;) {
		struct model_key *key = &model->keys[i];
		bool scope = op->type == CART_OP_CREATE
				     ? strcmp(key->customer_id.text, op->customer_id.text) == 0
				     : memcmp(&key->cart, &op->id, sizeof(op->id)) == 0;

		if ((key->type == CART_OP_CREATE) == (op->type == CART_OP_CREATE) && scope &&
		    strcmp(key->key, op->key) == 0)
			return op->now_ms < key->stored_ms + model->rules.idempotency_window_ms
				       ? key
				       : NULL;
	}
	return NULL;
}

/* NULL is another one than "". */
static bool model_is_same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool model_is_same_request(const struct model_key *key, const struct cart_op *op)
{
	if (key->type != op->type || key->if_version != op->if_version ||
	    key->change_count != op->change_count ||
	    strcmp(key->customer_id.text, op->customer_id.text) != 0)
		return false;
	if (op->type == CART_OP_MERGE &&
	    (memcmp(&key->from, &op->from, sizeof(op->from)) != 0 || key->strategy != op->strategy))
		return false;
	for (size_t i = 0; i < op->change_count; i++)
		if (key->changes[i].type != op->changes[i].type ||
		    shop_id_compare(&key->changes[i].product_id, &op->changes[i].product_id) != 0 ||
		    key->changes[i].quantity != op->changes[i].quantity ||
		    !model_is_same_text(key->changes[i].attributes, op->changes[i].attributes))
			return false;
	return true;
}

static void model_keep_key(struct model *model, const struct cart_op *op, int64_t version)
{
	struct model_key *key;

	if (op->key == NULL)
		return;
	assert(op->change_count <= MODEL_CHANGES_MAX);
	model->keys =
		model_must(reallocarray(model->keys, model->key_count + 1, sizeof(*model->keys)));
	key = &model->keys[model->key_count++];
	*key = (struct model_key){
		.cart = op->id,
		.customer_id = op->customer_id,
		.type = op->type,
		.if_version = op->if_version,
		.from = op->from,
		.strategy = op->strategy,
		.change_count = op->change_count,
		.stored_ms = op->now_ms,
		.version = version,
	};
	strcpy(key->key, op->key);
	for (size_t i = 0; i < op->change_count; i++)
		key->changes[i] = op->changes[i];
}

/* True: the key has decided. */
static bool model_key_decides(const struct model *model, const struct cart_op *op,
			      struct model_answer *answer)
{
	const struct model_key *key = op->key != NULL ? model_find_key(model, op) : NULL;
	const struct model_cart *cart;

	if (key == NULL)
		return false;
	if (!model_is_same_request(key, op)) {
		answer->result = CART_KEY_REUSED;
		return true;
	}
	cart = model_find(model, &key->cart, op->now_ms);
	if (cart == NULL) {
		answer->result = CART_NOT_FOUND;
		return true;
	}
	answer->replayed = true;
	answer->version = key->version;
	answer->cart = cart->cart;
	return true;
}

/* Changes. */

static size_t model_line_of(const struct model_cart *cart, const struct shop_id *product_id)
{
	size_t at = 0;

	while (at < cart->cart.line_count &&
	       shop_id_compare(&cart->lines[at].product_id, product_id) != 0)
		at++;
	return at;
}

static void model_remove_line(struct model_cart *cart, size_t at)
{
	for (; at + 1 < cart->cart.line_count; at++)
		cart->lines[at] = cart->lines[at + 1];
	cart->cart.line_count--;
}

/* Strings that live until the program ends, each once: carts of the model are copied as they are.
 */
static char *model_text(const char *text)
{
	static struct model_text {
		struct model_text *next;
		char text[];
	} * texts;
	struct model_text *found = texts;

	while (found != NULL && strcmp(found->text, text) != 0)
		found = found->next;
	if (found == NULL) {
		found = model_must(malloc(sizeof(*found) + strlen(text) + 1));
		strcpy(found->text, text);
		found->next = texts;
		texts = found;
	}
	return *text != '\0' ? found->text : NULL;
}

static void model_append_line(struct model_cart *cart, const struct shop_id *product_id,
			      int64_t quantity, int64_t now_ms)
{
	size_t at = cart->cart.line_count++;

	assert(at < MODEL_LINES_MAX);
	/* Moved to its place among the others. */
	for (; at > 0 && shop_id_compare(&cart->lines[at - 1].product_id, product_id) > 0; at--)
		cart->lines[at] = cart->lines[at - 1];
	cart->lines[at] = (struct cart_line){*product_id, quantity, now_ms, now_ms, NULL};
}

/* True: something is different now. */
static bool model_set(struct model_cart *cart, const struct shop_id *product_id, int64_t quantity,
		      int64_t now_ms)
{
	size_t at = model_line_of(cart, product_id);

	if (at == cart->cart.line_count) {
		if (quantity > 0)
			model_append_line(cart, product_id, quantity, now_ms);
		return quantity > 0;
	}
	if (cart->lines[at].quantity == quantity)
		return false;
	if (quantity == 0) {
		model_remove_line(cart, at);
		return true;
	}
	cart->lines[at].quantity = quantity;
	if (cart->lines[at].updated_ms < now_ms)
		cart->lines[at].updated_ms = now_ms;
	return true;
}

/* True: something is different now. What the attributes are does not depend on the quantity. */
static bool model_name(struct model_cart *cart, const struct cart_change *change, int64_t now_ms)
{
	size_t at = model_line_of(cart, &change->product_id);
	struct cart_line *line = &cart->lines[at];
	const char *before;

	if (at == cart->cart.line_count || change->attributes == NULL)
		return false;
	before = line->attributes != NULL ? line->attributes : "";
	if (strcmp(before, change->attributes) == 0)
		return false;
	line->attributes = model_text(change->attributes);
	if (line->updated_ms < now_ms)
		line->updated_ms = now_ms;
	return true;
}

static enum cart_result model_change_line(struct model_cart *cart, const struct cart_change *change,
					  int64_t now_ms, bool *changed)
{
	size_t at = model_line_of(cart, &change->product_id);
	bool there = at < cart->cart.line_count;

	if (change->type == CART_CHANGE_REMOVE && !there)
		return CART_NO_ITEM;
	if (change->type == CART_CHANGE_CLEAR) {
		*changed = *changed || cart->cart.line_count > 0;
		cart->cart.line_count = 0;
	} else if (change->type == CART_CHANGE_ADD) {
		*changed = true;
		model_set(cart, &change->product_id,
			  (there ? cart->lines[at].quantity : 0) + change->quantity, now_ms);
	} else {
		int64_t quantity = change->type == CART_CHANGE_SET ? change->quantity : 0;

		*changed = model_set(cart, &change->product_id, quantity, now_ms) || *changed;
	}
	if (change->type == CART_CHANGE_ADD || change->type == CART_CHANGE_SET)
		*changed = model_name(cart, change, now_ms) || *changed;
	return CART_OK;
}

/* Whether the cart has another line than that one, for its product. */
static bool model_differs(const struct model_cart *cart, const struct cart_line *line)
{
	size_t at = model_line_of(cart, &line->product_id);

	return at == cart->cart.line_count || cart->lines[at].quantity != line->quantity;
}

/* Of a product that is named twice the last attributes count; those before are as if never named.
 */
static bool model_name_last(struct model_cart *cart, const struct cart_op *op)
{
	bool changed = false;

	for (size_t i = 0; i < op->change_count; i++) {
		bool last = true;

		for (size_t j = i + 1; j < op->change_count; j++)
			last = last && (op->changes[j].attributes == NULL ||
					shop_id_compare(&op->changes[j].product_id,
							&op->changes[i].product_id) != 0);
		if (last)
			changed = model_name(cart, &op->changes[i], op->now_ms) || changed;
	}
	return changed;
}

/* The lines that are named, and no others; what was there already is only set. */
static bool model_replace(struct model_cart *after, const struct model_cart *before,
			  const struct cart_op *op)
{
	struct model_cart named = {.cart.line_count = 0};
	bool changed = false;

	for (size_t i = 0; i < op->change_count; i++) {
		const struct cart_change *change = &op->changes[i];
		size_t at = model_line_of(&named, &change->product_id);
		int64_t more = at < named.cart.line_count ? named.lines[at].quantity : 0;

		model_set(&named, &change->product_id, more + change->quantity, op->now_ms);
	}
	for (size_t i = 0; i < before->cart.line_count; i++)
		if (model_line_of(&named, &before->lines[i].product_id) == named.cart.line_count)
			changed = model_set(after, &before->lines[i].product_id, 0, op->now_ms);
	for (size_t i = 0; i < named.cart.line_count; i++) {
		changed = model_differs(before, &named.lines[i]) || changed;
		model_set(after, &named.lines[i].product_id, named.lines[i].quantity, op->now_ms);
	}
	return model_name_last(after, op) || changed;
}

/* It has too long attributes, and had others before. */
static bool model_is_long(const struct model *model, const struct cart_line *line,
			  const struct model_cart *before)
{
	size_t at = model_line_of(before, &line->product_id);

	if (line->attributes == NULL ||
	    strlen(line->attributes) <= (size_t)model->rules.attributes_max)
		return false;
	return at == before->cart.line_count ||
	       !model_is_same_text(before->lines[at].attributes, line->attributes);
}

/* What the op raised must not be over a limit; what was over it before may come down step by step.
 */
static bool model_is_over(const struct model *model, const struct model_cart *after,
			  const struct model_cart *before)
{
	for (size_t i = 0; i < after->cart.line_count; i++) {
		int64_t was = 0;

		for (size_t j = 0; j < before->cart.line_count; j++)
			if (shop_id_compare(&before->lines[j].product_id,
					    &after->lines[i].product_id) == 0)
				was = before->lines[j].quantity;
		if (after->lines[i].quantity > model->rules.quantity_max &&
		    after->lines[i].quantity > was)
			return true;
		if (model_is_long(model, &after->lines[i], before))
			return true;
	}
	return after->cart.line_count > (size_t)model->rules.lines_max &&
	       after->cart.line_count > before->cart.line_count;
}

/* Clocks differ, and an op may wait behind a later one. */
static void model_touch(struct model_cart *cart, int64_t now_ms, int64_t ttl_ms)
{
	cart->cart.version++;
	if (cart->cart.updated_ms < now_ms)
		cart->cart.updated_ms = now_ms;
	cart->cart.expires_ms = ttl_ms > 0 ? cart->cart.updated_ms + ttl_ms : 0;
}

static enum cart_result model_change(const struct model *model, struct model_cart *cart,
				     const struct cart_op *op)
{
	struct model_cart after = *cart;
	bool changed = false;

	if (op->changes[0].type == CART_CHANGE_REPLACE)
		changed = model_replace(&after, cart, op);
	for (size_t i = 0; i < op->change_count && op->changes[i].type != CART_CHANGE_REPLACE;
	     i++) {
		enum cart_result result =
			model_change_line(&after, &op->changes[i], op->now_ms, &changed);

		if (result != CART_OK)
			return result;
	}
	if (!changed)
		return CART_OK;
	if (model_is_over(model, &after, cart))
		return CART_LIMIT;
	*cart = after;
	cart->cart.lines = cart->lines;
	model_touch(cart, op->now_ms, model->rules.ttl_ms);
	return CART_OK;
}

/* A customer is given once. */
static enum cart_result model_claim(const struct model *model, struct model_cart *cart,
				    const struct cart_op *op)
{
	if (cart->cart.customer_id.size == 0) {
		cart->cart.customer_id = op->customer_id;
		model_touch(cart, op->now_ms, model->rules.ttl_ms);
		return CART_OK;
	}
	return strcmp(cart->cart.customer_id.text, op->customer_id.text) == 0 ? CART_OK
									      : CART_OWNED;
}

static enum cart_result model_checkout(struct model_cart *cart, const struct cart_op *op)
{
	if (cart->cart.line_count == 0)
		return CART_EMPTY;
	cart->cart.state = CART_CHECKED_OUT;
	cart->cart.order_id = op->order_id;
	model_touch(cart, op->now_ms, 0);
	return CART_OK;
}

static enum cart_result model_write(const struct model *model, struct model_cart *cart,
				    const struct cart_op *op)
{
	bool reopens = op->type == CART_OP_CHANGE && op->change_count > 0 &&
		       op->changes[0].type == CART_CHANGE_REOPEN;
	bool erases = op->type == CART_OP_DELETE && (op->flags & CART_ERASE) != 0;

	if (cart->cart.state == CART_MERGED && !erases)
		return CART_CLOSED;
	if (cart->cart.state == CART_CHECKED_OUT && !reopens && !erases)
		return op->type == CART_OP_CHECKOUT ? CART_OK : CART_CLOSED;
	if (cart->cart.state == CART_OPEN && reopens)
		return CART_NOT_CLOSED;
	if (op->if_version != 0 && op->if_version != cart->cart.version)
		return CART_MISMATCH;
	if (op->type == CART_OP_CHANGE && op->customer_id.size > 0)
		return model_claim(model, cart, op);
	if (op->type == CART_OP_CHECKOUT)
		return model_checkout(cart, op);
	if (reopens) {
		memset(&cart->cart.order_id, 0, sizeof(cart->cart.order_id));
		cart->cart.state = CART_OPEN;
		cart->cart.updated_ms += 1;
		model_touch(cart, op->now_ms, model->rules.ttl_ms);
		return CART_OK;
	}
	if (op->type == CART_OP_CHANGE)
		return model_change(model, cart, op);
	cart->deleted = true;
	return CART_OK;
}

/* The cart is another customer's; a guest's is anybody's. */
static bool model_hides(const struct model_cart *cart, const struct cart_op *op)
{
	return op->owner != NULL && cart->cart.customer_id.size > 0 &&
	       strcmp(cart->cart.customer_id.text, op->owner->text) != 0;
}

/* Of both carts or of none; answer->of_from says which of the two is the reason. */
static enum cart_result model_merge(struct model *model, struct model_cart *cart,
				    const struct cart_op *op, struct model_answer *answer)
{
	struct model_cart *from = model_find(model, &op->from, op->now_ms);
	struct model_cart after = *cart;
	bool changed = false;

	answer->of_from = true;
	if (from == NULL || model_hides(from, op))
		return CART_NOT_FOUND;
	if (memcmp(&from->cart.merged_into, &op->id, sizeof(op->id)) == 0)
		return CART_OK;
	answer->of_from = cart->cart.state == CART_OPEN;
	if (cart->cart.state != CART_OPEN || from->cart.state != CART_OPEN)
		return CART_CLOSED;
	answer->of_from = false;
	if (op->if_version != 0 && op->if_version != cart->cart.version)
		return CART_MISMATCH;
	answer->of_from = true;
	if (from->cart.customer_id.size > 0 &&
	    strcmp(from->cart.customer_id.text, cart->cart.customer_id.text) != 0)
		return CART_OWNED;
	answer->of_from = false;
	for (size_t i = 0; i < from->cart.line_count; i++) {
		const struct cart_line *line = &from->lines[i];
		size_t at = model_line_of(cart, &line->product_id);
		int64_t there = at < cart->cart.line_count ? cart->lines[at].quantity : 0;
		int64_t most = there > line->quantity ? there : line->quantity;

		if (op->strategy == CART_MERGE_ADD)
			changed = model_set(&after, &line->product_id, there + line->quantity,
					    op->now_ms);
		else if (there == 0 || op->strategy == CART_MERGE_MAX)
			changed = model_set(&after, &line->product_id, most, op->now_ms) || changed;
		if (there == 0 || cart->lines[at].attributes == NULL)
			changed = model_name(&after,
					     &(struct cart_change){.product_id = line->product_id,
								   .attributes = line->attributes},
					     op->now_ms) ||
				  changed;
	}
	if (model_is_over(model, &after, cart))
		return CART_LIMIT;
	if (changed) {
		*cart = after;
		cart->cart.lines = cart->lines;
		model_touch(cart, op->now_ms, model->rules.ttl_ms);
	}
	from->cart.state = CART_MERGED;
	from->cart.merged_into = op->id;
	from->cart.version++;
	if (from->cart.updated_ms < op->now_ms)
		from->cart.updated_ms = op->now_ms;
	return CART_OK;
}

static void model_run_write(struct model *model, const struct cart_op *op,
			    struct model_answer *answer)
{
	struct model_cart *cart = model_find(model, &op->id, op->now_ms);

	if (cart == NULL || model_hides(cart, op)) {
		answer->result = CART_NOT_FOUND;
		return;
	}
	if (!model_key_decides(model, op, answer)) {
		answer->result = op->type == CART_OP_MERGE ? model_merge(model, cart, op, answer)
							   : model_write(model, cart, op);
		if (answer->result == CART_CLOSED)
			answer->merged =
				(answer->of_from ? model_find(model, &op->from, op->now_ms) : cart)
					->cart.state == CART_MERGED;
		if (answer->result != CART_OK)
			return;
		answer->version = op->type == CART_OP_DELETE ? 0 : cart->cart.version;
		answer->cart = cart->cart;
		model_keep_key(model, op, answer->version);
	}
	answer->has_cart = answer->result == CART_OK &&
			   (op->type == CART_OP_CHECKOUT || op->type == CART_OP_MERGE ||
			    (op->flags & CART_WANT_CART) != 0);
}

/* The rest. */

static void model_create(struct model *model, const struct cart_op *op, struct model_answer *answer)
{
	static const struct model_cart empty;
	struct model_cart *cart;
	bool changed = false;

	if (model_key_decides(model, op, answer)) {
		answer->has_cart = answer->result == CART_OK;
		return;
	}
	cart = model_must(calloc(1, sizeof(*cart)));
	cart->cart = (struct cart){
		.id = op->id,
		.customer_id = op->customer_id,
		.version = 1,
		.created_ms = op->now_ms,
		.updated_ms = op->now_ms,
		.expires_ms = model->rules.ttl_ms > 0 ? op->now_ms + model->rules.ttl_ms : 0,
		.lines = cart->lines,
	};
	for (size_t i = 0; i < op->change_count; i++)
		model_change_line(cart, &op->changes[i], op->now_ms, &changed);
	if (model_is_over(model, cart, &empty)) {
		free(cart);
		answer->result = CART_LIMIT;
		return;
	}
	model->carts = model_must(
		reallocarray(model->carts, model->cart_count + 1, sizeof(*model->carts)));
	model->carts[model->cart_count++] = cart;
	answer->version = 1;
	answer->has_cart = true;
	answer->cart = cart->cart;
	model_keep_key(model, op, 1);
}

static void model_get(const struct model *model, const struct cart_op *op,
		      struct model_answer *answer)
{
	const struct model_cart *cart = model_find(model, &op->id, op->now_ms);

	if (cart != NULL && model_hides(cart, op))
		cart = NULL;
	answer->result = cart != NULL ? CART_OK : CART_NOT_FOUND;
	answer->has_cart = cart != NULL;
	if (cart != NULL)
		answer->cart = cart->cart;
}

/* True: (a_ms, a_id) comes before (b_ms, b_id) in a list of this kind. */
static bool model_is_before(const struct cart_list *list, int64_t a_ms, const struct cart_id *a_id,
			    int64_t b_ms, const struct cart_id *b_id)
{
	int order = memcmp(a_id, b_id, sizeof(*a_id));

	if (a_ms != b_ms)
		order = a_ms < b_ms ? -1 : 1;
	return list->kind == CART_LIST_CUSTOMER ? order > 0 : order < 0;
}

/* Idle carts stand in steps of cart.idle_step. */
static int64_t model_list_ms(const struct model *model, const struct cart_list *list,
			     const struct cart *cart)
{
	return list->kind == CART_LIST_CUSTOMER
		       ? cart->created_ms
		       : cart->updated_ms / model->rules.idle_step_ms * model->rules.idle_step_ms;
}

static bool model_is_listed(const struct model *model, const struct cart_list *list,
			    const struct model_cart *cart, int64_t now_ms)
{
	const struct cart *c = &cart->cart;

	if (!model_is_alive(cart, now_ms))
		return false;
	if (list->has_after && !model_is_before(list, list->after_ms, &list->after_id,
						model_list_ms(model, list, c), &c->id))
		return false;
	if (list->kind == CART_LIST_IDLE)
		return c->state == CART_OPEN && c->updated_ms < list->idle_before_ms;
	if (shop_id_compare(&c->customer_id, &list->customer_id) != 0)
		return false;
	return list->state == CART_LIST_ANY ||
	       (list->state == CART_LIST_OPEN && c->state == CART_OPEN) ||
	       (list->state == CART_LIST_CHECKED_OUT && c->state == CART_CHECKED_OUT) ||
	       (list->state == CART_LIST_MERGED && c->state == CART_MERGED);
}

/* One cart after the other: each time the first of those that come after the last one taken. */
static void model_list(const struct model *model, const struct cart_op *op,
		       struct model_answer *answer)
{
	struct cart_list list = op->list;

	for (;;) {
		const struct cart *first = NULL;

		for (size_t i = 0; i < model->cart_count; i++) {
			const struct cart *cart = &model->carts[i]->cart;

			if (model_is_listed(model, &list, model->carts[i], op->now_ms) &&
			    (first == NULL ||
			     model_is_before(&list, model_list_ms(model, &list, cart), &cart->id,
					     model_list_ms(model, &list, first), &first->id)))
				first = cart;
		}
		if (first == NULL)
			return;
		if (answer->cart_count == (size_t)list.limit) {
			answer->more = true;
			return;
		}
		answer->carts[answer->cart_count++] = *first;
		list.has_after = true;
		list.after_ms = answer->last_ms = model_list_ms(model, &list, first);
		list.after_id = first->id;
	}
}

int64_t model_last_expiry_ms(const struct model *model)
{
	int64_t last_ms = 0;

	for (size_t i = 0; i < model->cart_count; i++) {
		int64_t expires_ms = model->carts[i]->cart.expires_ms;

		if (expires_ms > last_ms && expires_ms <= model->newest_ms)
			last_ms = expires_ms;
	}
	for (size_t i = 0; i < model->key_count; i++) {
		int64_t expires_ms = model->keys[i].stored_ms + model->rules.idempotency_window_ms;

		if (expires_ms > last_ms && expires_ms <= model->newest_ms)
			last_ms = expires_ms;
	}
	return last_ms;
}

void model_run(struct model *model, const struct cart_op *op, struct model_answer *answer)
{
	if (op->now_ms > model->newest_ms)
		model->newest_ms = op->now_ms;
	memset(answer, 0, sizeof(*answer));
	switch (op->type) {
	case CART_OP_CREATE:
		model_create(model, op, answer);
		return;
	case CART_OP_GET:
		model_get(model, op, answer);
		return;
	case CART_OP_LIST:
		model_list(model, op, answer);
		return;
	case CART_OP_CHANGE:
	case CART_OP_CHECKOUT:
	case CART_OP_DELETE:
	case CART_OP_MERGE:
		model_run_write(model, op, answer);
		return;
	case CART_OP_IMPORT: /* tests/contract/test_whole.c has them, no history does */
	case CART_OP_FEED:   /* tests of feeds replay events instead */
	case CART_OP_TYPES:
		break;
	}
	abort();
}

bool model_agrees(const struct model_answer *want, const struct cart_op *op)
{
	if (op->result != want->result)
		return false;
	if (op->result != CART_OK)
		return !op->replayed && op->of_from == want->of_from &&
		       (op->result != CART_CLOSED || op->merged == want->merged);
	if (op->replayed != want->replayed || op->more != want->more ||
	    op->cart_count != want->cart_count ||
	    (op->cart_count > 0 && op->carts[op->cart_count - 1].listed_ms != want->last_ms))
		return false;
	if (want->version != 0 && op->version != want->version)
		return false;
	if (want->has_cart && !rig_same_cart(&op->cart, &want->cart, false))
		return false;
	for (size_t i = 0; i < want->cart_count; i++)
		if (!rig_same_cart(&op->carts[i], &want->carts[i], false))
			return false;
	return true;
}
