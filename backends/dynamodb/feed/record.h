/*
 * A record of the table's stream as an event.
 *
 * The stream has a record for each write of an item that changed it, with the item before and after
 * (NEW_AND_OLD_IMAGES). In layouts map and list an item is a whole cart, so that a record has all
 * that an event says, and nothing is stored for it. A change raises the cart's version once, by the
 * write that callers see it by; that of a merge's target is DECIDE, that of the cart that was
 * closed is END (store/merge.h). Every other write leaves the version alone and is no event: keys,
 * seals, holds, decisions that are forgotten, tombstones that go.
 *
 * Layout rows has no such records: its carts are several items, of which those that a change leaves
 * alone are in none.
 */
#ifndef BACKENDS_DYNAMODB_FEED_RECORD_H
#define BACKENDS_DYNAMODB_FEED_RECORD_H

#include "core/feed/event.h"
#include "core/feed/event_pack.h"

#include <jansson.h>

/*
 * The event of one of the Records of GetRecords. *event must hold nothing.
 *
 * CART_OK: with type CART_EVENT_NONE it is no change that callers see, and *event holds nothing.
 * CART_BUSY: no memory. CART_DAMAGED: it has what no program has written; reason says what. The
 * event is then to be told as far as it is known, without its cart; with type CART_EVENT_NONE not
 * at all.
 */
CART_MUST_CHECK enum cart_result ddb_feed_record(const json_t *record, struct cart_event *event,
						 char reason[CART_EVENT_REASON]);

#endif
