#include "backends/sqlite/feed.h"

#include "core/cart_backend.h"
#include "core/feed/event_pack.h"
#include "core/feed/position.h"

#include <stdlib.h>
#include <string.h>

/* A page ends after so many bytes of stored events: it is read on the loop, and others wait. */
#define FEED_PAGE_BYTES (48 << 10)

static int feed_insert(struct sqlite_conn *conn, const struct cart_event *event)
{
	sqlite3_stmt *stmt = conn->stmts[STMT_EVENT_INSERT];

	buf_reset(&conn->items);
	cart_event_pack(&conn->items, event);
	if (conn->items.failed)
		return SQLITE_NOMEM;
	sqlite3_bind_blob(stmt, 1, event->id.bytes, CART_ID_BYTES, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, event->version);
	sqlite3_bind_int64(stmt, 3, event->type);
	sqlite3_bind_int64(stmt, 4, event->at_ms);
	sqlite3_bind_blob(stmt, 5, conn->items.data, (int)conn->items.len, SQLITE_STATIC);
	return sqlite_conn_run(conn, STMT_EVENT_INSERT);
}

int sqlite_feed_add(struct sqlite_conn *conn, const struct cart *before, const struct cart *after,
		    const struct cart_id *from, int64_t now_ms)
{
	struct cart_event event;
	int rc;

	if (!cart_event_view(&event, before, after, now_ms))
		return SQLITE_NOMEM;
	if (from != NULL) {
		event.type = CART_EVENT_MERGED;
		event.from = *from;
	}
	rc = feed_insert(conn, &event);
	free(event.changes);
	return rc;
}

/* The version of a cart that cannot be read otherwise. */
static int64_t feed_damaged_version(struct sqlite_conn *conn, const struct cart_id *id)
{
	sqlite3_stmt *stmt = conn->stmts[STMT_CART];
	int64_t version = 0;

	sqlite3_bind_blob(stmt, 1, id->bytes, CART_ID_BYTES, SQLITE_STATIC);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		version = sqlite3_column_int64(stmt, 2);
	sqlite3_reset(stmt);
	return version >= 0 && version < CART_VERSION_MAX ? version : 0;
}

int sqlite_feed_add_removal(struct sqlite_conn *conn, enum cart_event_type type,
			    const struct cart_id *id, int64_t now_ms)
{
	struct cart cart = {0};
	struct cart_event event = {.type = type, .id = *id, .at_ms = now_ms};
	int rc = sqlite_cart_load(conn, id, NULL, &cart, NULL);

	if (rc == SQLITE_DAMAGED_ROW) {
		event.version = feed_damaged_version(conn, id) + 1;
		return feed_insert(conn, &event);
	}
	if (rc == SQLITE_OK) {
		if (cart_event_view(&event, &cart, NULL, now_ms)) {
			event.type = type;
			rc = feed_insert(conn, &event);
		} else {
			rc = SQLITE_NOMEM;
		}
	}
	cart_clear(&cart);
	return rc == SQLITE_NOTFOUND ? SQLITE_OK : rc;
}

/* *number: of the first event after one, or of the last; 0: none. */
static int feed_number(struct sqlite_conn *conn, enum sqlite_stmt which, int64_t *number)
{
	sqlite3_stmt *stmt = conn->stmts[which];
	int rc = sqlite3_step(stmt);

	*number = 0;
	if (rc == SQLITE_ROW) {
		*number = sqlite3_column_int64(stmt, 0);
		rc = SQLITE_DONE;
	}
	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static enum cart_result feed_failed(struct sqlite_conn *conn, struct cart_op *op, int rc)
{
	cart_op_set_reason(op, "%s", sqlite3_errmsg(conn->db));
	return sqlite_result_of(rc);
}

/* Sets *after to the number that the op goes on after. */
static enum cart_result feed_begin(const struct cart_feed *feed, int64_t first, int64_t last,
				   int64_t *after)
{
	int64_t before_first = first > 0 ? first - 1 : 0;
	enum cart_result result;

	*after = before_first;
	if (feed->after == NULL)
		return CART_OK;
	if (strcmp(feed->after, CART_FEED_NOW) == 0) {
		*after = last;
		return CART_OK;
	}
	result = cart_feed_position_read(feed->after, CART_FEED_FORM_SQLITE, after);
	if (result != CART_OK)
		return result;
	return *after >= before_first && *after <= last ? CART_OK : CART_CURSOR_GONE;
}

static char *feed_cursor(int64_t number)
{
	char text[CART_FEED_POSITION_TEXT];

	cart_feed_position_write(text, CART_FEED_FORM_SQLITE, number);
	return strdup(text);
}

/* Reads a row into the page's next event. One that is damaged is told without its cart, so that the
 * feed goes on. */
static enum cart_result feed_row(sqlite3_stmt *stmt, struct cart_op *op)
{
	static const char unknown[] = {CART_EVENT_FORM};
	struct cart_event *event = &op->page->events[op->page->count];
	const void *id = sqlite3_column_blob(stmt, 1);
	const void *data = sqlite3_column_blob(stmt, 5);
	size_t size = (size_t)sqlite3_column_bytes(stmt, 5);
	enum cart_result result;
	char reason[CART_EVENT_REASON];

	/* NULL is also what a blob of no bytes is. */
	if (id == NULL || sqlite3_column_bytes(stmt, 1) != CART_ID_BYTES ||
	    (data == NULL && size > 0))
		return CART_FAILED;
	*event = (struct cart_event){
		.type = (enum cart_event_type)(sqlite3_column_int64(stmt, 3) & 0xff),
		.version = sqlite3_column_int64(stmt, 2),
		.at_ms = sqlite3_column_int64(stmt, 4),
	};
	memcpy(event->id.bytes, id, CART_ID_BYTES);
	result = cart_event_unpack(event, size > 0 ? data : "", size, reason);
	if (result == CART_DAMAGED)
		cart_store_damaged(op, &event->id, reason);
	if (result == CART_BUSY || result == CART_FAILED) {
		cart_op_set_reason(op, "%s", reason);
		return result;
	}
	/* Without a type nothing can be said of it. */
	if (result == CART_DAMAGED &&
	    cart_event_unpack(event, unknown, sizeof(unknown), reason) != CART_OK)
		return CART_OK;
	event->cursor = feed_cursor(sqlite3_column_int64(stmt, 0));
	if (event->cursor == NULL) {
		cart_event_clear(event);
		return CART_BUSY;
	}
	op->page->count++;
	return CART_OK;
}

/* *after: the last event that was read. */
static enum cart_result feed_rows(struct sqlite_conn *conn, struct cart_op *op, int64_t *after)
{
	sqlite3_stmt *stmt = conn->stmts[STMT_EVENTS];
	enum cart_result result = CART_OK;
	int64_t bytes = 0;
	int rc = SQLITE_DONE;

	sqlite3_bind_int64(stmt, 1, *after);
	sqlite3_bind_int(stmt, 2, op->feed.limit);
	while (result == CART_OK && bytes < FEED_PAGE_BYTES &&
	       (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		result = feed_row(stmt, op);
		*after = sqlite3_column_int64(stmt, 0);
		bytes += sqlite3_column_bytes(stmt, 5);
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		result = feed_failed(conn, op, rc);
	sqlite3_reset(stmt);
	return result;
}

enum cart_result sqlite_feed_read(struct sqlite_conn *conn, struct cart_op *op)
{
	int64_t first = 0, last = 0, after;
	enum cart_result result;
	int rc = feed_number(conn, STMT_EVENTS_FIRST, &first);

	if (rc == SQLITE_OK)
		rc = feed_number(conn, STMT_EVENTS_LAST, &last);
	if (rc != SQLITE_OK)
		return feed_failed(conn, op, rc);
	result = feed_begin(&op->feed, first, last, &after);
	if (result != CART_OK)
		return result;
	op->page = cart_feed_page_new((size_t)(after < last ? op->feed.limit : 0));
	if (op->page == NULL)
		return CART_BUSY;
	if (after < last)
		result = feed_rows(conn, op, &after);
	op->more = after < last;
	op->page->next = feed_cursor(after);
	return result == CART_OK && op->page->next == NULL ? CART_BUSY : result;
}

/* The number of the last event that is to be removed; 0: none. */
static int feed_oldest(struct sqlite_conn *conn, int64_t oldest_ms, int64_t *number, size_t *count)
{
	sqlite3_stmt *stmt = conn->stmts[STMT_EVENTS_AGE];
	int64_t last;
	int rc = feed_number(conn, STMT_EVENTS_LAST, &last);

	*number = 0;
	*count = 0;
	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int(stmt, 1, SQLITE_FEED_REMOVED);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (sqlite3_column_int64(stmt, 1) > oldest_ms ||
		    sqlite3_column_int64(stmt, 0) == last) {
			rc = SQLITE_DONE;
			break;
		}
		*number = sqlite3_column_int64(stmt, 0);
		++*count;
	}
	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sqlite_feed_remove(struct sqlite_conn *conn, int64_t oldest_ms, size_t *removed)
{
	int64_t number;
	int rc = feed_oldest(conn, oldest_ms, &number, removed);

	if (rc != SQLITE_OK || *removed == 0)
		return rc;
	sqlite3_bind_int64(conn->stmts[STMT_EVENTS_REMOVE], 1, number);
	return sqlite_conn_run(conn, STMT_EVENTS_REMOVE);
}
