#include "core/cart_op.h"

#include "core/feed/event.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *cart_op_type_name(enum cart_op_type type)
{
	static const char *const names[CART_OP_TYPES] = {
		[CART_OP_CREATE] = "create", [CART_OP_GET] = "get",
		[CART_OP_CHANGE] = "change", [CART_OP_CHECKOUT] = "checkout",
		[CART_OP_DELETE] = "delete", [CART_OP_LIST] = "list",
		[CART_OP_MERGE] = "merge",   [CART_OP_IMPORT] = "import",
		[CART_OP_FEED] = "feed",
	};

	return (unsigned)type < CART_OP_TYPES ? names[type] : "?";
}

bool cart_op_is_write(const struct cart_op *op)
{
	return op->type != CART_OP_GET && op->type != CART_OP_LIST && op->type != CART_OP_FEED;
}

bool cart_op_gives_cart(const struct cart_op *op)
{
	return op->type == CART_OP_CREATE || op->type == CART_OP_CHECKOUT ||
	       op->type == CART_OP_MERGE ||
	       (op->type == CART_OP_CHANGE && (op->flags & CART_WANT_CART) != 0);
}

bool cart_op_reopens(const struct cart_op *op)
{
	return op->type == CART_OP_CHANGE && op->change_count == 1 &&
	       op->changes[0].type == CART_CHANGE_REOPEN;
}

void cart_op_init(struct cart_op *op, enum cart_op_type type)
{
	*op = (struct cart_op){.type = type};
}

bool cart_is_owned(const struct shop_id *customer_id, const struct shop_id *owner)
{
	return owner == NULL || customer_id->size == 0 || shop_id_compare(customer_id, owner) == 0;
}

bool cart_op_sees(const struct cart_op *op, const struct cart *cart)
{
	return !cart_is_expired(cart, op->now_ms) && cart_is_owned(&cart->customer_id, op->owner);
}

static void cart_op_free_carts(struct cart_op *op)
{
	for (size_t i = 0; i < op->cart_count; i++)
		cart_clear(&op->carts[i]);
	free(op->carts);
	op->carts = NULL;
	op->cart_count = 0;
}

void cart_op_clear(struct cart_op *op)
{
	cart_clear(&op->cart);
	cart_op_free_carts(op);
	if (op->page != NULL)
		cart_feed_page_free(op->page);
	op->page = NULL;
	op->result = CART_OK;
	op->replayed = op->of_from = op->merged = false;
	op->version = 0;
	op->more = false;
	op->retry_ms = 0;
	op->reason[0] = '\0';
	op->submitted_ns = op->started_ns = op->finished_ns = 0;
}

static size_t cart_op_attributes_size(const struct cart_op *op)
{
	size_t size = 0;

	for (size_t i = 0; i < op->change_count; i++)
		if (op->changes[i].attributes != NULL)
			size += strlen(op->changes[i].attributes) + 1;
	return size;
}

static size_t cart_op_whole_size(const struct cart *whole)
{
	size_t size = whole != NULL ? sizeof(*whole) : 0;

	for (size_t i = 0; whole != NULL && i < whole->line_count; i++) {
		size += sizeof(*whole->lines);
		if (whole->lines[i].attributes != NULL)
			size += strlen(whole->lines[i].attributes) + 1;
	}
	return size;
}

/* To memory of that size. Nothing of it is freed by itself. */
static struct cart *cart_op_copy_whole(char *to, const struct cart *whole)
{
	struct cart *copy = memcpy(to, whole, sizeof(*whole));
	char *text = to + sizeof(*whole) + whole->line_count * sizeof(*whole->lines);

	copy->lines = (struct cart_line *)(void *)(to + sizeof(*whole));
	copy->line_room = whole->line_count;
	for (size_t i = 0; i < whole->line_count; i++) {
		copy->lines[i] = whole->lines[i];
		if (whole->lines[i].attributes == NULL)
			continue;
		copy->lines[i].attributes = text;
		text = stpcpy(text, whole->lines[i].attributes) + 1;
	}
	return copy;
}

static size_t cart_op_after_size(const struct cart_op *op)
{
	return op->type == CART_OP_FEED && op->feed.after != NULL ? strlen(op->feed.after) + 1 : 0;
}

static void cart_op_copy_attributes(struct cart_change *to, const struct cart_op *op, char *tail)
{
	for (size_t i = 0; i < op->change_count; i++) {
		const char *attributes = op->changes[i].attributes;

		if (attributes == NULL)
			continue;
		to[i].attributes = tail;
		tail = stpcpy(tail, attributes) + 1;
	}
}

struct cart_op *cart_op_copy_request(const struct cart_op *op)
{
	size_t changes_size = op->change_count * sizeof(*op->changes);
	size_t whole_size = cart_op_whole_size(op->whole);
	size_t owner_size = op->owner != NULL ? sizeof(*op->owner) : 0;
	size_t key_size = op->key != NULL ? strlen(op->key) + 1 : 0;
	size_t after_size = cart_op_after_size(op);
	struct cart_op *copy = malloc(sizeof(*copy) + whole_size + changes_size + owner_size +
				      key_size + after_size + cart_op_attributes_size(op));
	char *tail;

	if (copy == NULL)
		return NULL;
	*copy = *op;
	/* The results of the original, if any, stay with it. */
	copy->cart = (struct cart){0};
	copy->carts = NULL;
	copy->cart_count = 0;
	copy->page = NULL;
	copy->line = NULL; /* all lines may come */
	cart_op_clear(copy);
	memset(&copy->held, 0, sizeof(copy->held));
	copy->submitted_ns = op->submitted_ns;
	tail = (char *)(copy + 1);
	if (changes_size > 0)
		copy->changes = memcpy(tail, op->changes, changes_size);
	tail += changes_size;
	if (whole_size > 0)
		copy->whole = cart_op_copy_whole(tail, op->whole);
	tail += whole_size;
	if (owner_size > 0)
		copy->owner = memcpy(tail, op->owner, owner_size);
	tail += owner_size;
	if (key_size > 0)
		copy->key = memcpy(tail, op->key, key_size);
	tail += key_size;
	if (after_size > 0)
		copy->feed.after = memcpy(tail, op->feed.after, after_size);
	cart_op_copy_attributes((struct cart_change *)(void *)(copy + 1), op, tail + after_size);
	return copy;
}

void cart_op_move_result(struct cart_op *to, struct cart_op *from)
{
	to->result = from->result;
	to->replayed = from->replayed;
	to->of_from = from->of_from;
	to->merged = from->merged;
	to->version = from->version;
	to->cart = from->cart;
	to->carts = from->carts;
	to->cart_count = from->cart_count;
	to->more = from->more;
	to->page = from->page;
	to->retry_ms = from->retry_ms;
	memcpy(to->reason, from->reason, sizeof(to->reason));
	to->started_ns = from->started_ns;
	to->finished_ns = from->finished_ns;
	from->cart = (struct cart){0};
	from->carts = NULL;
	from->cart_count = 0;
	from->page = NULL;
}

enum cart_state cart_list_only(const struct cart_list *list)
{
	switch (list->state) {
	case CART_LIST_CHECKED_OUT:
		return CART_CHECKED_OUT;
	case CART_LIST_MERGED:
		return CART_MERGED;
	case CART_LIST_ANY:
	case CART_LIST_OPEN:
		break;
	}
	return CART_OPEN;
}

bool cart_list_has(const struct cart_list *list, enum cart_state state)
{
	return list->state == CART_LIST_ANY || cart_list_only(list) == state;
}

void cart_list_go_on(struct cart_list *list, const struct cart *after)
{
	list->has_after = true;
	list->after_ms = after->listed_ms;
	list->after_id = after->id;
}

/* Eight bytes, lowest first, so that a fingerprint is the same on every machine that shares a
 * database. */
static uint8_t *cart_op_put(uint8_t *to, int64_t value)
{
	for (int i = 0; i < 8; i++)
		*to++ = (uint8_t)((uint64_t)value >> (8 * i));
	return to;
}

static bool cart_op_digest_number(EVP_MD_CTX *digest, int64_t value)
{
	uint8_t bytes[8];

	cart_op_put(bytes, value);
	return EVP_DigestUpdate(digest, bytes, sizeof(bytes)) == 1;
}

/* With its NUL, which ends it: no id holds one. */
static bool cart_op_digest_id(EVP_MD_CTX *digest, const struct shop_id *id)
{
	return EVP_DigestUpdate(digest, id->text, (size_t)id->size + 1) == 1;
}

/* With their NUL. No change begins with the first byte, so that attributes are told from the next
 * change. */
static bool cart_op_digest_attributes(EVP_MD_CTX *digest, const char *attributes)
{
	const char *text = *attributes != '\0' ? attributes : "-";

	return EVP_DigestUpdate(digest, text, strlen(text) + 1) == 1;
}

static bool cart_op_digest_change(EVP_MD_CTX *digest, const struct cart_change *change)
{
	uint8_t bytes[2 * 8];

	cart_op_put(cart_op_put(bytes, change->type), change->quantity);
	return EVP_DigestUpdate(digest, bytes, sizeof(bytes)) == 1 &&
	       cart_op_digest_id(digest, &change->product_id) &&
	       (change->attributes == NULL ||
		cart_op_digest_attributes(digest, change->attributes));
}

static bool cart_op_digest_merge(EVP_MD_CTX *digest, const struct cart_op *op)
{
	return cart_op_digest_number(digest, op->strategy) &&
	       EVP_DigestUpdate(digest, op->from.bytes, sizeof(op->from.bytes)) == 1;
}

static bool cart_op_digest_request(EVP_MD_CTX *digest, const struct cart_op *op)
{
	if (!cart_op_digest_number(digest, op->type) ||
	    !cart_op_digest_number(digest, op->if_version))
		return false;
	if ((op->type == CART_OP_CREATE || op->customer_id.size > 0) &&
	    !cart_op_digest_id(digest, &op->customer_id))
		return false;
	for (size_t i = 0; i < op->change_count; i++)
		if (!cart_op_digest_change(digest, &op->changes[i]))
			return false;
	return op->type != CART_OP_MERGE || cart_op_digest_merge(digest, op);
}

static bool cart_op_digest_key(EVP_MD_CTX *digest, const struct cart_op *op)
{
	if (op->type == CART_OP_CREATE && !cart_op_digest_id(digest, &op->customer_id))
		return false;
	return EVP_DigestUpdate(digest, op->key, strlen(op->key)) == 1;
}

typedef bool cart_op_digest_fn(EVP_MD_CTX *digest, const struct cart_op *op);

static bool cart_op_digest_to(EVP_MD_CTX *digest, const struct cart_op *op, cart_op_digest_fn *feed,
			      uint8_t *to, size_t size)
{
	uint8_t whole[EVP_MAX_MD_SIZE];

	if (EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1 || !feed(digest, op) ||
	    EVP_DigestFinal_ex(digest, whole, NULL) != 1)
		return false;
	memcpy(to, whole, size);
	return true;
}

bool cart_op_digest(struct cart_op *op)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	bool done = digest != NULL &&
		    cart_op_digest_to(digest, op, cart_op_digest_request, op->fingerprint,
				      sizeof(op->fingerprint)) &&
		    cart_op_digest_to(digest, op, cart_op_digest_key, op->key_hash,
				      sizeof(op->key_hash));

	EVP_MD_CTX_free(digest);
	return done;
}

void cart_op_set_reason(struct cart_op *op, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(op->reason, sizeof(op->reason), format, args);
	va_end(args);
}

int64_t cart_op_adds(const struct cart_op *op, size_t at)
{
	const struct shop_id *product = &op->changes[at].product_id;
	int64_t sum = 0;

	for (size_t i = 0; i < op->change_count; i++) {
		if (shop_id_compare(&op->changes[i].product_id, product) != 0)
			continue;
		if (i < at)
			return 0;
		sum += op->changes[i].quantity;
	}
	return sum;
}

const char *cart_op_attributes(const struct cart_op *op, size_t at)
{
	const struct shop_id *product = &op->changes[at].product_id;

	for (size_t i = op->change_count; i-- > 0;)
		if (op->changes[i].attributes != NULL &&
		    shop_id_compare(&op->changes[i].product_id, product) == 0)
			return op->changes[i].attributes;
	return NULL;
}

bool cart_op_has_attributes(const struct cart_op *op, size_t *longest)
{
	bool has = false;

	*longest = 0;
	for (size_t i = 0; i < op->change_count; i++) {
		const char *attributes = op->changes[i].attributes;
		size_t len = attributes != NULL ? strlen(attributes) : 0;

		has = has || attributes != NULL;
		if (len > *longest)
			*longest = len;
	}
	return has;
}

size_t cart_op_add_lines(const struct cart_op *op, int64_t *most)
{
	size_t lines = 0;

	*most = 0;
	for (size_t i = 0; i < op->change_count; i++) {
		int64_t added = cart_op_adds(op, i);

		lines += added > 0;
		if (added > *most)
			*most = added;
	}
	return lines;
}
