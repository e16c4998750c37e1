/* An event as the contract shows it: a CloudEvent 1.0 in JSON. */
#ifndef CORE_FEED_EVENT_JSON_H
#define CORE_FEED_EVENT_JSON_H

#include "core/base/buf.h"
#include "core/feed/event.h"

/* One JSON object without spaces. with_cursor: has the extension attribute "cursor" too. */
void cart_event_json_write(struct buf *out, const struct cart_event *event, bool with_cursor);

#endif
