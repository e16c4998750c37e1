/* GET /changes: events of the feed, at once or when there are some. */
#ifndef SERVER_API_FEED_H
#define SERVER_API_FEED_H

#include "server/api/call.h"

struct event_base;

/* Aborts without memory: only at start. */
void feed_open(struct api *api, struct event_base *base);
/* Answers the calls that wait, without events. */
void feed_end_all(struct api *api);

#endif
