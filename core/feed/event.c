#include "core/feed/event.h"

#include "core/cart_attributes.h"
#include "core/cart_diff.h"

#include <stdlib.h>
#include <string.h>

const char *cart_event_type_name(enum cart_event_type type)
{
	static const char *const names[CART_EVENT_TYPES] = {
		[CART_EVENT_NONE] = "none",	    [CART_EVENT_CREATED] = "created",
		[CART_EVENT_CHANGED] = "changed",   [CART_EVENT_CHECKED_OUT] = "checked_out",
		[CART_EVENT_REOPENED] = "reopened", [CART_EVENT_MERGED] = "merged",
		[CART_EVENT_DELETED] = "deleted",   [CART_EVENT_EXPIRED] = "expired",
	};

	return (unsigned)type < CART_EVENT_TYPES ? names[type] : "?";
}

void cart_event_clear(struct cart_event *event)
{
	cart_clear(&event->cart);
	free(event->changes);
	free(event->cursor);
	*event = (struct cart_event){0};
}

static enum cart_event_type event_type_of(const struct cart *before, const struct cart *after)
{
	if (before == NULL)
		return CART_EVENT_CREATED;
	if (after == NULL)
		return CART_EVENT_DELETED;
	if (before->state == after->state)
		return CART_EVENT_CHANGED;
	if (after->state == CART_OPEN)
		return CART_EVENT_REOPENED;
	return after->state == CART_MERGED ? CART_EVENT_MERGED : CART_EVENT_CHECKED_OUT;
}

/* A line whose times alone differ has not changed. */
static bool event_tells(const struct cart_diff *diff)
{
	return diff->change != CART_DIFF_CHANGED ||
	       diff->before->quantity != diff->after->quantity ||
	       !cart_attributes_equal(diff->before->attributes, diff->after->attributes);
}

/* Makes room for one more where there may be none: most changes are of one line. */
static bool event_reserve_change(struct cart_event *event)
{
	size_t count = event->change_count;
	struct cart_event_change *changes;

	if ((count & (count - 1)) != 0)
		return true;
	changes = reallocarray(event->changes, count > 0 ? 2 * count : 1, sizeof(*changes));
	if (changes == NULL)
		return false;
	event->changes = changes;
	return true;
}

/* Attributes are those of the lines of after, which the event's cart is. */
static bool event_diff(struct cart_event *event, const struct cart *before)
{
	struct cart_diff diff;

	cart_diff_begin(&diff, before, &event->cart);
	while (cart_diff_next(&diff)) {
		const struct cart_line *line = diff.after != NULL ? diff.after : diff.before;

		if (!event_tells(&diff))
			continue;
		if (!event_reserve_change(event))
			return false;
		event->changes[event->change_count++] = (struct cart_event_change){
			.product_id = line->product_id,
			.quantity = diff.after != NULL ? diff.after->quantity : 0,
			.was = diff.before != NULL ? diff.before->quantity : 0,
			.attributes = diff.after != NULL ? diff.after->attributes : NULL,
		};
	}
	return true;
}

bool cart_event_is_late(enum cart_event_type type, const struct cart *cart)
{
	return type == CART_EVENT_DELETED || type == CART_EVENT_EXPIRED ||
	       (type == CART_EVENT_CREATED && cart->version > 1);
}

bool cart_event_view(struct cart_event *event, const struct cart *before, const struct cart *after,
		     int64_t now_ms)
{
	static const struct cart none;
	const struct cart *cart = after != NULL ? after : before;

	*event = (struct cart_event){
		.type = event_type_of(before, after),
		.id = cart->id,
		.version = after != NULL ? after->version : before->version + 1,
		.at_ms = cart->updated_ms,
		.cart = *cart,
	};
	if (cart_event_is_late(event->type, cart) && now_ms > event->at_ms)
		event->at_ms = now_ms;
	if (after == NULL) {
		event->cart.lines = NULL;
		event->cart.line_count = event->cart.line_room = 0;
		return true;
	}
	if (event_diff(event, before != NULL ? before : &none))
		return true;
	free(event->changes);
	*event = (struct cart_event){0};
	return false;
}

/* Attributes of the changes become those of the copy. */
static void event_own_attributes(struct cart_event *event)
{
	for (size_t i = 0; i < event->change_count; i++) {
		struct cart_event_change *change = &event->changes[i];

		if (change->attributes != NULL)
			change->attributes =
				cart_find_line(&event->cart, &change->product_id)->attributes;
	}
}

bool cart_event_make(struct cart_event *event, const struct cart *before, const struct cart *after,
		     int64_t now_ms)
{
	struct cart cart;

	if (!cart_event_view(event, before, after, now_ms))
		return false;
	if (!cart_copy(&cart, &event->cart)) {
		free(event->changes);
		*event = (struct cart_event){0};
		return false;
	}
	event->cart = cart;
	event_own_attributes(event);
	return true;
}

struct cart_feed_page *cart_feed_page_new(size_t room)
{
	struct cart_feed_page *page = calloc(1, sizeof(*page));

	if (page == NULL)
		return NULL;
	page->events = calloc(room > 0 ? room : 1, sizeof(*page->events));
	if (page->events != NULL)
		return page;
	free(page);
	return NULL;
}

void cart_feed_page_free(struct cart_feed_page *page)
{
	if (page == NULL)
		return;
	for (size_t i = 0; i < page->count; i++)
		cart_event_clear(&page->events[i]);
	free(page->events);
	free(page->next);
	free(page);
}
