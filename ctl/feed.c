/* Prints events of the feed, one a line. The store is asked page by page; with --follow for ever.
 */
#include "core/feed/event_json.h"
#include "ctl/ctl.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FEED_PAGE     500
#define FEED_PAUSE_MS 50 /* without events, with --follow */

struct ctl_feed {
	char *after; /* NULL: the oldest event */
	int64_t left;
	bool follow;
};

static enum ctl_status ctl_feed_read(struct ctl *ctl, struct ctl_feed *feed)
{
	const char *after = NULL, *limit = NULL;
	const struct ctl_option options[] = {
		{.name = "--after", .value = &after},
		{.name = "--limit", .value = &limit},
		{.name = "--follow", .flag = &feed->follow},
		{0},
	};

	if (ctl_parse_options(ctl, options) != CTL_OK)
		return CTL_USAGE;
	feed->left = INT64_MAX;
	if (limit != NULL && !ctl_parse_integer(limit, 1, INT64_MAX, &feed->left))
		return ctl_fail(CTL_USAGE, "feed: --limit: \"%s\" is not an integer from 1 on",
				limit);
	if (after != NULL)
		feed->after = strdup(after);
	return CTL_OK;
}

static enum ctl_status ctl_feed_fail(const struct ctl *ctl, const struct cart_op *op)
{
	if (op->result == CART_CURSOR_GONE)
		return ctl_fail(CTL_FAILED,
				"feed: events after %s are no longer kept: read the "
				"carts anew, and go on from a new cursor",
				op->feed.after);
	if (op->result == CART_CURSOR_FOREIGN)
		return ctl_fail(CTL_FAILED,
				"feed: %s is a cursor of another backend's feed: read the "
				"carts anew, and go on from a new cursor",
				op->feed.after);
	if (op->result == CART_CURSOR_INVALID)
		return ctl_fail(CTL_USAGE, "feed: --after: \"%s\" is no cursor of this store",
				op->feed.after);
	return ctl_print_failure(ctl, op);
}

static enum ctl_status ctl_feed_print(struct cart_feed_page *page)
{
	struct buf line = {0};
	enum ctl_status status = CTL_OK;

	for (size_t i = 0; i < page->count && status == CTL_OK; i++) {
		struct cart_event *event = &page->events[i];

		if (event->cursor == NULL && i + 1 == page->count)
			event->cursor = strdup(page->next);
		buf_reset(&line);
		cart_event_json_write(&line, event, true);
		buf_add_char(&line, '\n');
		if (line.failed)
			status = ctl_fail(CTL_FAILED, "out of memory");
		else
			fwrite(line.data, 1, line.len, stdout);
	}
	buf_free(&line);
	return status == CTL_OK ? ctl_flush() : status;
}

/* Prints a page and moves behind it. *count: its events. */
static enum ctl_status ctl_feed_page(struct ctl *ctl, struct ctl_session *session,
				     struct ctl_feed *feed, size_t *count, bool *more)
{
	enum ctl_status status;
	struct cart_op op;

	*count = 0;
	*more = false;
	cart_op_init(&op, CART_OP_FEED);
	op.feed.after = feed->after;
	op.feed.limit = feed->left < FEED_PAGE ? (int)feed->left : FEED_PAGE;
	ctl_session_run(session, &op);
	if (op.result != CART_OK) {
		status = ctl_feed_fail(ctl, &op);
		cart_op_clear(&op);
		return status;
	}
	status = ctl_feed_print(op.page);
	*count = op.page->count;
	*more = op.more;
	feed->left -= (int64_t)*count;
	free(feed->after);
	feed->after = op.page->next;
	op.page->next = NULL;
	cart_op_clear(&op);
	return status;
}

/* False: nobody reads what is printed any more. */
static bool ctl_feed_pause(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO};

	return poll(&out, 1, FEED_PAUSE_MS) <= 0 || (out.revents & POLLERR) == 0;
}

static enum ctl_status ctl_feed_pages(struct ctl *ctl, struct ctl_session *session,
				      struct ctl_feed *feed)
{
	enum ctl_status status;
	bool more;
	size_t count;

	do {
		status = ctl_feed_page(ctl, session, feed, &count, &more);
		if (status == CTL_OK && feed->follow && feed->left > 0 && !more)
			feed->follow = ctl_feed_pause();
	} while (status == CTL_OK && feed->left > 0 && (more || feed->follow));
	return status;
}

static enum ctl_status ctl_feed_run(struct ctl *ctl)
{
	struct ctl_feed feed = {0};
	struct ctl_session *session;
	enum ctl_status status = ctl_feed_read(ctl, &feed);

	if (status == CTL_OK)
		status = ctl_session_open_to_read(&session, ctl);
	if (status == CTL_OK) {
		status = ctl_feed_pages(ctl, session, &feed);
		ctl_session_close(&session);
		if (status == CTL_OK)
			ctl_fail(CTL_OK, "feed: goes on with --after %s", feed.after);
	}
	free(feed.after);
	return status;
}

const struct ctl_command ctl_feed = {
	.name = "feed",
	.synopsis = "[--after CURSOR] [--limit N] [--follow]",
	.summary = "Prints what was changed, as JSON, one event a line",
	.help = "Each line is a CloudEvent with its cursor. The store must be one with feed=on.\n"
		"\n"
		"Options:\n"
		"  --after CURSOR  what follows this cursor; now: what comes from now on. Without\n"
		"                  it from the oldest event that is kept\n"
		"  --limit N       stop after N events\n"
		"  --follow        wait for more; ends when nobody reads any more\n"
		"\n"
		"At the end it says on standard error where to go on.\n"
		"\n"
		"Examples:\n"
		"  cartctl --feed on feed --after now --follow | jq -r .type\n"
		"  cartctl --feed on feed --after 1-1000 --limit 100\n",
	.run = ctl_feed_run,
};
