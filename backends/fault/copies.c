#include "backends/fault/copies.h"

#include <pthread.h>
#include <stdlib.h>

struct fault_copy {
	struct cart now;
	struct cart before; /* version 0: there is none */
	int64_t replaced_ns;
	bool turn; /* the next read gets the copy, if reads alternate */
};

struct fault_copies {
	const struct cart_clock *clock;
	int64_t age_ms;
	pthread_mutex_t lock;
	struct fault_copy slots[FAULT_COPIES];
};

struct fault_copies *fault_copies_new(const struct cart_clock *clock, int64_t age_ms)
{
	struct fault_copies *copies = calloc(1, sizeof(*copies));

	if (copies == NULL)
		return NULL;
	copies->clock = clock;
	copies->age_ms = age_ms;
	pthread_mutex_init(&copies->lock, NULL);
	return copies;
}

void fault_copies_free(struct fault_copies **out)
{
	struct fault_copies *copies = *out;

	*out = NULL;
	if (copies == NULL)
		return;
	for (size_t i = 0; i < FAULT_COPIES; i++) {
		cart_clear(&copies->slots[i].now);
		cart_clear(&copies->slots[i].before);
	}
	pthread_mutex_destroy(&copies->lock);
	free(copies);
}

/* Bytes of an id that are random in every version of UUID. */
static struct fault_copy *fault_copies_slot(struct fault_copies *copies, const struct cart_id *id)
{
	return &copies->slots[(size_t)(id->bytes[14] << 8 | id->bytes[15]) % FAULT_COPIES];
}

void fault_copies_learn(struct fault_copies *copies, const struct cart *cart)
{
	struct fault_copy *slot = fault_copies_slot(copies, &cart->id);
	bool same;

	pthread_mutex_lock(&copies->lock);
	same = slot->now.version > 0 && cart_id_compare(&slot->now.id, &cart->id) == 0;
	/* Answers to changes of one cart may arrive out of order. */
	if (!same || slot->now.version < cart->version) {
		cart_clear(&slot->before);
		if (same) {
			slot->before = slot->now;
			slot->now = (struct cart){0};
		} else {
			cart_clear(&slot->now);
			slot->turn = false;
		}
		slot->replaced_ns = clock_monotonic_ns(copies->clock);
		if (!cart_copy(&slot->now, cart))
			cart_clear(&slot->before);
	}
	pthread_mutex_unlock(&copies->lock);
}

static bool fault_copy_replace(const struct fault_copies *copies, const struct fault_copy *slot,
			       struct cart *cart)
{
	int64_t age_ns = clock_monotonic_ns(copies->clock) - slot->replaced_ns;
	struct cart old = {0};

	if (slot->before.version == 0 || cart_id_compare(&slot->before.id, &cart->id) != 0 ||
	    (copies->age_ms > 0 && age_ns >= copies->age_ms * CLOCK_NS_PER_MS) ||
	    !cart_copy(&old, &slot->before))
		return false;
	cart_clear(cart);
	*cart = old;
	return true;
}

bool fault_copies_age(struct fault_copies *copies, struct cart *cart)
{
	bool replaced;

	pthread_mutex_lock(&copies->lock);
	replaced = fault_copy_replace(copies, fault_copies_slot(copies, &cart->id), cart);
	pthread_mutex_unlock(&copies->lock);
	return replaced;
}

bool fault_copies_alternate(struct fault_copies *copies, struct cart *cart)
{
	struct fault_copy *slot = fault_copies_slot(copies, &cart->id);
	bool replaced;

	pthread_mutex_lock(&copies->lock);
	slot->turn = !slot->turn;
	replaced = slot->turn && fault_copy_replace(copies, slot, cart);
	pthread_mutex_unlock(&copies->lock);
	return replaced;
}
