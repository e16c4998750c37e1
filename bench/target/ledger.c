#include "bench/target/ledger.h"

#include "bench/stats/alloc.h"
#include "bench/stats/rng.h"
#include "bench/target/base.h"
#include "core/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEDGER_TRIES  5	 /* of a read that fails */
#define LEDGER_UNREAD 20 /* it is given up then */
#define LEDGER_FAVOUR 4	 /* bits */
#define LEDGER_SLOTS  16384
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
	size_t count;
	size_t changes;
};

struct ledger {
	uint64_t seed, threshold;
	struct ledger_cart *carts; /* LEDGER_ROOM + 1 */
	size_t count;
	/* By the hash of an id, or in the next that was free: the cart's number and 1; 0: free. */
	uint16_t *slots;
};

struct ledger *ledger_new(uint64_t seed)
{
	struct ledger *ledger = bench_alloc(1, sizeof(*ledger));

	ledger->seed = seed;
	ledger->threshold = UINT64_MAX;
	ledger->carts = bench_alloc(LEDGER_ROOM + 1, sizeof(*ledger->carts));
	ledger->slots = bench_alloc(LEDGER_SLOTS, sizeof(*ledger->slots));
	return ledger;
}

void ledger_free(struct ledger **ledger)
{
	if (*ledger == NULL)
		return;
	for (size_t i = 0; i < (*ledger)->count; i++)
		free((*ledger)->carts[i].lines);
	free((*ledger)->carts);
	free((*ledger)->slots);
	free(*ledger);
	*ledger = NULL;
}

static uint64_t ledger_hash(const struct ledger *ledger, const struct cart_id *id)
{
	return bench_hash(ledger->seed, id, sizeof(*id));
}

/* The slot of a cart, or the free one where it belongs. */
static uint16_t *ledger_slot(const struct ledger *ledger, const struct cart_id *id)
{
	size_t at = ledger_hash(ledger, id) % LEDGER_SLOTS;

	while (ledger->slots[at] != 0 &&
	       memcmp(&ledger->carts[ledger->slots[at] - 1].id, id, sizeof(*id)) != 0)
		at = (at + 1) % LEDGER_SLOTS;
	return &ledger->slots[at];
}

static struct ledger_cart *ledger_find(struct ledger *ledger, const struct cart_id *id)
{
	uint16_t slot = *ledger_slot(ledger, id);

	return slot > 0 ? &ledger->carts[slot - 1] : NULL;
}

static void ledger_fill_slots(struct ledger *ledger)
{
	memset(ledger->slots, 0, LEDGER_SLOTS * sizeof(*ledger->slots));
	for (size_t i = 0; i < ledger->count; i++)
		*ledger_slot(ledger, &ledger->carts[i].id) = (uint16_t)(i + 1);
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
			break;
	}
	ledger_fill_slots(ledger);
}

/* Takes a cart into the sample, or finds it. NULL: it does not belong there. */
static struct ledger_cart *ledger_take(struct ledger *ledger, const struct cart_id *id,
				       bool has_lines)
{
	uint64_t hash = ledger_hash(ledger, id) >> (has_lines ? LEDGER_FAVOUR : 0);
	struct ledger_cart *cart;

	if (hash >= ledger->threshold)
		return NULL;
	cart = ledger_find(ledger, id);
	if (cart == NULL) {
		*ledger_slot(ledger, id) = (uint16_t)(ledger->count + 1);
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
	cart->lines = bench_grow(cart->lines, cart->count, sizeof(*cart->lines));
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

	cart->changes += sure;
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
		cart->changes += other->changes;
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

/* What one of the clients that read back has. */
struct ledger_client {
	struct ledger_reading *reading;
	struct bench_link *link;
	struct bench_op op;
	const struct ledger_cart *cart;
	int tries;
};

struct ledger_reading {
	struct ledger_check *check;
	struct event_base *base;
	const struct ledger_cart *const *carts; /* in the order of their hashes */
	size_t count, next;
	int64_t until_ns;
	size_t under_way;
	struct ledger_client clients[LEDGER_LINKS];
};

static void ledger_check_cart(struct ledger_check *check, const struct ledger_cart *cart,
			      const struct bench_op *op)
{
	char example[LEDGER_TEXT] = "";

	check->carts++;
	if (op->outcome != BENCH_OK && op->status != 404) {
		check->unread++;
		return;
	}
	check->changes += cart->changes;
	if (op->status == 404 && !cart->deleted)
		snprintf(example, sizeof(example), "a cart that was acknowledged is not there");
	else if (op->status != 404 && cart->deleted)
		snprintf(example, sizeof(example), "a cart is there whose delete was acknowledged");
	else if (op->status != 404)
		(void)ledger_holds(cart, &op->cart, example);
	if (example[0] != '\0' && check->wrong++ == 0)
		memcpy(check->example, example, sizeof(example));
}

static void ledger_read_next(struct ledger_client *client)
{
	struct ledger_reading *reading = client->reading;

	if (reading->next == reading->count || reading->check->unread >= LEDGER_UNREAD ||
	    clock_monotonic_ns(&cart_clock_system) >= reading->until_ns) {
		if (--reading->under_way == 0)
			event_base_loopbreak(reading->base);
		return;
	}
	client->cart = reading->carts[reading->next++];
	client->tries = 0;
	client->op.id = client->cart->id;
	bench_link_submit(client->link, &client->op);
}

static void ledger_have_read(struct bench_op *op, void *user)
{
	struct ledger_client *client = user;

	if (op->outcome != BENCH_OK && op->status != 404 && ++client->tries < LEDGER_TRIES) {
		bench_link_submit(client->link, op);
		return;
	}
	ledger_check_cart(client->reading->check, client->cart, op);
	bench_op_clear(op);
	ledger_read_next(client);
}

static void ledger_read_all(struct ledger_reading *reading, struct bench_drive_loop *loop)
{
	reading->until_ns = clock_monotonic_ns(&cart_clock_system) + LEDGER_LAST_S * CLOCK_NS_PER_S;
	reading->under_way = LEDGER_LINKS;
	for (size_t i = 0; i < LEDGER_LINKS; i++) {
		struct ledger_client *client = &reading->clients[i];

		client->reading = reading;
		client->link = bench_link_open(loop);
		client->op = (struct bench_op){.type = BENCH_GET,
					       .read = BENCH_READ_STRONG,
					       .want_cart = true,
					       .done = ledger_have_read,
					       .user = client};
		ledger_read_next(client);
	}
	if (reading->under_way > 0)
		event_base_dispatch(reading->base);
	for (size_t i = 0; i < LEDGER_LINKS; i++)
		bench_link_close(&reading->clients[i].link);
}

static int ledger_order(const void *left, const void *right)
{
	const struct ledger_cart *const *a = left, *const *b = right;

	return ((*a)->hash > (*b)->hash) - ((*a)->hash < (*b)->hash);
}

int ledger_read_back(struct ledger_check *check, const struct ledger *ledger,
		     struct bench_drive *drive, struct cart_error *error)
{
	const struct ledger_cart **carts = bench_alloc(ledger->count, sizeof(*carts));
	struct ledger_reading reading = {.check = check, .carts = carts, .base = bench_base_new()};
	struct bench_drive_loop *loop = NULL;
	int result = bench_drive_loop_open(&loop, drive, reading.base, error);

	*check = (struct ledger_check){.made = true};
	for (size_t i = 0; i < ledger->count; i++)
		if (!ledger->carts[i].unknown)
			carts[reading.count++] = &ledger->carts[i];
	qsort(carts, reading.count, sizeof(*carts), ledger_order);
	if (result == 0)
		ledger_read_all(&reading, loop);
	check->left = reading.count - reading.next;
	bench_drive_loop_close(&loop);
	event_base_free(reading.base);
	free(carts);
	return result;
}

bool ledger_check_is_wrong(const struct ledger_check *check, const char *name, char *why,
			   size_t room)
{
	if (check->wrong > 0)
		snprintf(why, room, "%s does not hold %zu of %zu carts as it acknowledged them: %s",
			 name, check->wrong, check->carts, check->example);
	else if (check->gets_wrong > 0)
		snprintf(why, room, "%s answered %zu of %zu gets with what it must not: %s", name,
			 check->gets_wrong, check->gets, check->gets_example);
	return check->wrong > 0 || check->gets_wrong > 0;
}

bool ledger_check_is_enough(const struct ledger_check *check)
{
	size_t read = check->carts - check->unread, all = check->carts + check->left;

	/* Whoever lost a cart may answer with errors in place of a 404, or so slowly that few are
	 * read. */
	return check->wrong > 0 ||
	       (read >= (all < LEDGER_MIN ? all : LEDGER_MIN) && check->unread < LEDGER_UNREAD);
}
