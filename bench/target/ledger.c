#include "bench/target/ledger.h"

#include "bench/stats/alloc.h"
#include "bench/target/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEDGER_TRIES  5	 /* of a read that fails */
#define LEDGER_UNREAD 20 /* it is given up then */
#define LEDGER_FAVOUR 4	 /* bits */
#define LEDGER_MANY   INT64_MAX

struct ledger_line {
	int64_t product;
	int64_t low, high; /* what its quantity must be within; LEDGER_MANY: any */
};

struct ledger_cart {
	struct cart_id id;
	uint64_t hash;
	bool unknown; /* whether it is still there */
	bool deleted;
	struct ledger_line *lines;
	size_t count, room;
};

struct ledger {
	uint64_t seed, threshold;
	struct ledger_cart *carts; /* LEDGER_ROOM + 1 */
	size_t count;
};

struct ledger *ledger_new(uint64_t seed)
{
	struct ledger *ledger = bench_alloc(1, sizeof(*ledger));

	ledger->seed = seed;
	ledger->threshold = UINT64_MAX;
	ledger->carts = bench_alloc(LEDGER_ROOM + 1, sizeof(*ledger->carts));
	return ledger;
}

void ledger_free(struct ledger **ledger)
{
	if (*ledger == NULL)
		return;
	for (size_t i = 0; i < (*ledger)->count; i++)
		free((*ledger)->carts[i].lines);
	free((*ledger)->carts);
	free(*ledger);
	*ledger = NULL;
}

/* FNV-1a, and splitmix64's finish, so that ids in the order of time are spread too. */
static uint64_t ledger_hash(uint64_t seed, const struct cart_id *id)
{
	const unsigned char *bytes = (const unsigned char *)id;
	uint64_t hash = seed ^ UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < sizeof(*id); i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	hash = (hash ^ hash >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	hash = (hash ^ hash >> 27) * UINT64_C(0x94d049bb133111eb);
	return hash ^ hash >> 31;
}

/* Leaves those below the threshold, which is not above another one's, and as many as there is room
 * for. */
static void ledger_shrink(struct ledger *ledger, uint64_t threshold)
{
	if (threshold < ledger->threshold)
		ledger->threshold = threshold;
	for (;; ledger->threshold /= 2) {
		size_t kept = 0;

		for (size_t i = 0; i < ledger->count; i++)
			if (ledger->carts[i].hash < ledger->threshold)
				ledger->carts[kept++] = ledger->carts[i];
			else
				free(ledger->carts[i].lines);
		ledger->count = kept;
		if (kept <= LEDGER_ROOM)
			return;
	}
}

static struct ledger_cart *ledger_find(struct ledger *ledger, const struct cart_id *id)
{
	for (size_t i = 0; i < ledger->count; i++)
		if (memcmp(&ledger->carts[i].id, id, sizeof(*id)) == 0)
			return &ledger->carts[i];
	return NULL;
}

/* Takes a cart into the sample, or finds it. NULL: it does not belong there. */
static struct ledger_cart *ledger_take(struct ledger *ledger, const struct cart_id *id,
				       bool has_lines)
{
	uint64_t hash = ledger_hash(ledger->seed, id) >> (has_lines ? LEDGER_FAVOUR : 0);
	struct ledger_cart *cart;

	if (hash >= ledger->threshold)
		return NULL;
	cart = ledger_find(ledger, id);
	if (cart == NULL) {
		cart = &ledger->carts[ledger->count++];
		*cart = (struct ledger_cart){.id = *id, .hash = hash};
	}
	if (hash < cart->hash)
		cart->hash = hash;
	if (ledger->count <= LEDGER_ROOM)
		return cart;
	ledger_shrink(ledger, ledger->threshold);
	return ledger_find(ledger, id);
}

static struct ledger_line *ledger_line_of(struct ledger_cart *cart, int64_t product)
{
	for (size_t i = 0; i < cart->count; i++)
		if (cart->lines[i].product == product)
			return &cart->lines[i];
	if (cart->count == cart->room) {
		struct ledger_line *more;

		cart->room = cart->room > 0 ? 2 * cart->room : 4;
		more = bench_alloc(cart->room, sizeof(*more));
		if (cart->count > 0)
			memcpy(more, cart->lines, cart->count * sizeof(*more));
		free(cart->lines);
		cart->lines = more;
	}
	cart->lines[cart->count] = (struct ledger_line){.product = product};
	return &cart->lines[cart->count++];
}

static void ledger_note_add(struct ledger_line *line, int64_t low, int64_t high)
{
	if (line->high == LEDGER_MANY || high == LEDGER_MANY) {
		line->low = line->low > 0 || low > 0;
		line->high = LEDGER_MANY;
		return;
	}
	line->low += low;
	line->high += high;
}

static void ledger_note_line(struct ledger_cart *cart, const struct bench_op *op)
{
	struct ledger_line *line = ledger_line_of(cart, op->product_id);
	bool sure = op->outcome == BENCH_OK;

	if (op->type == BENCH_ADD) {
		ledger_note_add(line, sure ? op->quantity : 0, op->quantity);
	} else if (op->type == BENCH_SET) {
		line->low = sure || line->low > 0;
		line->high = LEDGER_MANY;
	} else {
		line->low = 0;
		line->high = sure ? 0 : line->high;
	}
}

void ledger_note(struct ledger *ledger, const struct bench_op *op)
{
	struct ledger_cart *cart;
	bool of_line;

	if (op->outcome == BENCH_REFUSED || !bench_op_type_changes(op->type) ||
	    (op->type == BENCH_CREATE && op->outcome != BENCH_OK))
		return;
	of_line = op->type == BENCH_ADD || op->type == BENCH_SET || op->type == BENCH_REMOVE;
	cart = of_line || op->type == BENCH_CREATE ? ledger_take(ledger, &op->id, of_line)
						   : ledger_find(ledger, &op->id);
	if (cart == NULL || op->type == BENCH_CREATE)
		return;
	if (of_line)
		ledger_note_line(cart, op);
	else if (op->outcome == BENCH_UNKNOWN)
		cart->unknown = true;
	else
		cart->deleted = cart->deleted || op->type == BENCH_DELETE;
}

void ledger_merge(struct ledger *ledger, const struct ledger *from)
{
	ledger_shrink(ledger, from->threshold);
	for (size_t i = 0; i < from->count; i++) {
		const struct ledger_cart *other = &from->carts[i];
		struct ledger_cart *cart = ledger_take(ledger, &other->id, other->count > 0);

		if (cart == NULL)
			continue;
		cart->unknown = cart->unknown || other->unknown;
		cart->deleted = cart->deleted || other->deleted;
		for (size_t k = 0; k < other->count; k++)
			ledger_note_add(ledger_line_of(cart, other->lines[k].product),
					other->lines[k].low, other->lines[k].high);
	}
}

static int64_t ledger_quantity(const struct cart *cart, int64_t product)
{
	struct shop_id id = shop_id_of_number(product);

	for (size_t i = 0; i < cart->line_count; i++)
		if (memcmp(&cart->lines[i].product_id, &id, sizeof(id)) == 0)
			return cart->lines[i].quantity;
	return 0;
}

/* Whether the cart is as it must be; example then says what is not. */
static bool ledger_holds(const struct ledger_cart *cart, const struct cart *read,
			 char example[LEDGER_TEXT])
{
	size_t lines = 0;

	for (size_t i = 0; i < cart->count; i++) {
		const struct ledger_line *line = &cart->lines[i];
		int64_t quantity = ledger_quantity(read, line->product);

		lines += quantity > 0;
		if (quantity >= line->low && quantity <= line->high)
			continue;
		snprintf(example, LEDGER_TEXT,
			 "product %" PRId64 " of a cart is there %" PRId64
			 " times in place of %" PRId64,
			 line->product, quantity, line->low);
		return false;
	}
	if (lines == read->line_count)
		return true;
	snprintf(example, LEDGER_TEXT, "a cart has %zu lines in place of %zu", read->line_count,
		 lines);
	return false;
}

static void ledger_check_cart(struct ledger_check *check, const struct ledger_cart *cart,
			      struct bench_client *client)
{
	struct bench_op op = {
		.type = BENCH_GET, .id = cart->id, .read = BENCH_READ_STRONG, .want_cart = true};
	char example[LEDGER_TEXT] = "";
	int tries = 0;

	do
		bench_client_run(client, &op);
	while (op.outcome != BENCH_OK && op.status != 404 && ++tries < LEDGER_TRIES);
	check->carts++;
	if (op.outcome != BENCH_OK && op.status != 404)
		check->unread++;
	else if (op.status == 404 && !cart->deleted)
		snprintf(example, sizeof(example), "a cart that was acknowledged is not there");
	else if (op.status != 404 && cart->deleted)
		snprintf(example, sizeof(example), "a cart is there whose delete was acknowledged");
	else if (op.status != 404)
		(void)ledger_holds(cart, &op.cart, example);
	if (example[0] != '\0' && check->wrong++ == 0)
		memcpy(check->example, example, sizeof(example));
	bench_op_clear(&op);
}

int ledger_read_back(struct ledger_check *check, const struct ledger *ledger,
		     struct bench_drive *drive, struct cart_error *error)
{
	struct bench_client client;

	*check = (struct ledger_check){.made = true};
	if (bench_client_open(&client, drive, error) != 0)
		return -1;
	for (size_t i = 0; i < ledger->count && check->unread < LEDGER_UNREAD; i++)
		if (!ledger->carts[i].unknown)
			ledger_check_cart(check, &ledger->carts[i], &client);
	bench_client_close(&client);
	return 0;
}

bool ledger_check_is_wrong(const struct ledger_check *check, const char *name, char *why,
			   size_t room)
{
	if (check->wrong > 0)
		snprintf(why, room, "%s does not hold %zu of %zu carts as it acknowledged them: %s",
			 name, check->wrong, check->carts, check->example);
	return check->wrong > 0;
}

bool ledger_check_is_enough(const struct ledger_check *check)
{
	size_t read = check->carts - check->unread;

	return check->wrong > 0 || read >= LEDGER_MIN || check->unread == 0;
}
