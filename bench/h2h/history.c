#include "bench/h2h/history.h"

#include "bench/stats/alloc.h"
#include "bench/stats/rng.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct history_cart {
	int64_t version; /* the newest that was acknowledged */
	bool unknown;	 /* the outcome of an add is, so nobody knows what it holds */
	bool untagged;	 /* an add was acknowledged without the version that it made */
};

struct history_event {
	size_t cart;
	int64_t version;
	int64_t before; /* a get: the version that it must have at least; an add: 0 */
	uint64_t sum;	/* a get: of its lines; an add: of what it adds */
	bool broken;	/* a get: of another cart, or of two versions */
};

struct history {
	struct history_cart *carts;
	struct history_event *events;
	size_t count;
};

struct history *history_new(size_t carts)
{
	struct history *history = bench_alloc(1, sizeof(*history));

	history->carts = bench_alloc(carts, sizeof(*history->carts));
	for (size_t i = 0; i < carts; i++)
		history->carts[i].version = 1;
	return history;
}

void history_free(struct history **history)
{
	if (*history == NULL)
		return;
	free((*history)->carts);
	free((*history)->events);
	free(*history);
	*history = NULL;
}

int64_t history_version(const struct history *history, size_t cart)
{
	return history->carts[cart].version;
}

/* The part of a line in the sum of a cart. */
static uint64_t history_part(const struct shop_id *product, int64_t quantity)
{
	return bench_hash(0, product->text, product->size) * (uint64_t)quantity;
}

static void history_push(struct history *history, const struct history_event *event)
{
	history->events = bench_grow(history->events, history->count, sizeof(*event));
	history->events[history->count++] = *event;
}

static void history_note_add(struct history *history, size_t cart, const struct bench_op *op)
{
	struct history_cart *of = &history->carts[cart];
	struct shop_id product = shop_id_of_number(op->product_id);
	struct history_event event = {
		.cart = cart, .version = op->version, .sum = history_part(&product, op->quantity)};

	if (op->outcome == BENCH_UNKNOWN)
		of->unknown = true;
	if (op->outcome != BENCH_OK)
		return;
	if (op->version <= 0) {
		of->untagged = true;
		return;
	}
	if (op->version > of->version)
		of->version = op->version;
	history_push(history, &event);
}

static void history_note_get(struct history *history, size_t cart, const struct bench_op *op,
			     int64_t before)
{
	struct history_event event = {.cart = cart, .version = op->cart.version, .before = before};

	if (op->outcome != BENCH_OK)
		return;
	event.broken = op->version != op->cart.version ||
		       memcmp(&op->id, &op->cart.id, sizeof(op->id)) != 0;
	for (size_t i = 0; i < op->cart.line_count; i++)
		event.sum +=
			history_part(&op->cart.lines[i].product_id, op->cart.lines[i].quantity);
	history_push(history, &event);
}

void history_note(struct history *history, size_t cart, const struct bench_op *op, int64_t before)
{
	if (op->type == BENCH_ADD)
		history_note_add(history, cart, op);
	else
		history_note_get(history, cart, op, before);
}

/* The adds up to a version come before the gets that show it. */
static int history_order(const void *left, const void *right)
{
	const struct history_event *a = left, *b = right;

	if (a->cart != b->cart)
		return a->cart < b->cart ? -1 : 1;
	if (a->version != b->version)
		return a->version < b->version ? -1 : 1;
	return (a->before > 0) - (b->before > 0);
}

/* What is wrong with a get of a cart that held sum at version. NULL: nothing, but that it may be
 * old. */
static const char *history_look(const struct history_cart *cart, const struct history_event *get,
				int64_t version, uint64_t sum)
{
	if (cart->untagged)
		return "an add was acknowledged without an ETag, so its cart cannot be compared";
	if (get->broken)
		return "a get showed another cart, or another version than its ETag";
	if (get->version != version)
		return "a get showed a version of a cart that no add had made";
	return get->sum != sum ? "a get showed lines that its cart did not have at that version"
			       : NULL;
}

static void history_accuse(struct ledger_check *check, const char *what)
{
	if (check->gets_wrong++ == 0)
		snprintf(check->gets_example, sizeof(check->gets_example), "%s", what);
}

static void history_judge_get(struct ledger_check *check, const struct history_event *get,
			      const char *wrong, bool may_be_old)
{
	char text[LEDGER_TEXT];

	check->gets++;
	if (wrong == NULL && get->version < get->before) {
		check->gets_stale++;
		snprintf(text, sizeof(text),
			 "a get showed version %" PRId64 " of a cart after version %" PRId64
			 " was acknowledged",
			 get->version, get->before);
		wrong = may_be_old ? NULL : text;
	}
	if (wrong != NULL)
		history_accuse(check, wrong);
}

void history_judge(struct history *history, bool may_be_old, struct ledger_check *check)
{
	const struct history_event *last = NULL; /* of the same cart */
	int64_t version = 1;
	uint64_t sum = 0;

	if (history->count > 0)
		qsort(history->events, history->count, sizeof(*history->events), history_order);
	for (size_t i = 0; i < history->count; i++) {
		const struct history_event *event = &history->events[i];
		const struct history_cart *cart = &history->carts[event->cart];

		if (last == NULL || last->cart != event->cart) {
			version = 1;
			sum = 0;
		}
		last = event;
		if (cart->unknown)
			continue;
		if (event->before > 0) {
			history_judge_get(check, event, history_look(cart, event, version, sum),
					  may_be_old);
			continue;
		}
		version = event->version;
		sum += event->sum;
	}
}
