/*
 * Who waits for the next event of the feed, in all loops of the process, and the one poller that
 * looks for it on behalf of all of them. Nobody waits: it does nothing. Somebody waits: it reads
 * the feed every 20 ms, and at once when this process has made a change; what it has read is kept
 * for those who wait right before it.
 *
 * Whoever wants to wait takes the generation, reads the feed by an op of its own, and if there was
 * nothing says feed_seat_wait() with that generation: it is refused if something has come in
 * between. So no event is missed, whatever the cursors look like. Who is woken for nothing waits
 * again, in the place that it has.
 */
#ifndef SERVER_FEED_HUB_H
#define SERVER_FEED_HUB_H

#include "core/cart_store.h"
#include "core/feed/event.h"

struct feed_hub;
/* A loop's place at the hub. Only that loop's thread uses it. */
struct feed_seat;

/* Before the first shard of metrics. waiting_max: of the process. NULL: no memory. */
struct feed_hub *feed_hub_new(struct metrics *metrics, const struct cart_clock *clock,
			      size_t waiting_max);
/* Every seat is closed. Takes NULL; sets it. */
void feed_hub_free(struct feed_hub **hub);

/* woken is called on the loop when there may be something for those who wait. NULL: no memory. */
struct feed_seat *feed_seat_open(struct feed_hub *hub, struct cart_store *store,
				 struct event_base *base, struct metrics_shard *shard,
				 void (*woken)(void *user), void *user);
/* The store has nothing pending any more. Takes NULL; sets it. */
void feed_seat_close(struct feed_seat **seat);

uint64_t feed_seat_generation(const struct feed_seat *seat);

enum feed_wait {
	FEED_WAITS,
	FEED_READ_AGAIN, /* something has come since that generation */
	FEED_FULL	 /* too many wait already */
};
/* Waits from the cursor on. has_place: it has waited before, and not left. Otherwise one more
 * waits, until feed_seat_leave(). */
enum feed_wait feed_seat_wait(struct feed_seat *seat, uint64_t generation, const char *cursor,
			      bool has_place);
void feed_seat_leave(struct feed_seat *seat);
/* The last read for those who wait has failed: there may be events that nobody has seen. */
bool feed_seat_is_blind(struct feed_seat *seat);

/* The newest page if it begins after that cursor; then unlock. NULL: not that one; no unlock. */
const struct cart_feed_page *feed_seat_lock_page(struct feed_seat *seat, const char *after);
void feed_seat_unlock_page(struct feed_seat *seat);

/* This process has made a change. Any loop; cheap when nobody waits. */
void feed_seat_changed(struct feed_seat *seat);
/* Events that were given to somebody. */
void feed_seat_count(struct feed_seat *seat, size_t events);

#endif
