#include "backends/mysql/feed.h"

#include "backends/mysql/event_row.h"
#include "backends/mysql/retry.h"
#include "backends/mysql/rows.h"
#include "core/cart_backend.h"
#include "core/feed/event.h"
#include "core/feed/position.h"

#include <stdlib.h>
#include <string.h>

/* A gap is looked at again for so long before it is closed, and for so long while its transaction
 * is open. */
#define FEED_CLOSE_NS  (10 * CLOCK_NS_PER_MS)
#define FEED_WAIT_NS   (100 * CLOCK_NS_PER_MS)
#define FEED_CLOSE_MAX 1000 /* numbers at a time */

/* How far back "now" looks for gaps: a transaction does nothing between its number and its COMMIT
 * while so many others are committed. */
#define FEED_NOW_ROWS 4096

/* Rows of a page: as many as are about so many bytes, going by those of the page before. */
#define FEED_PAGE_BYTES (1 << 20)
#define FEED_ROWS_FIRST 16
#define FEED_ROWS_MAX	1024

/* A position's number is that of the row times this, and the events of the row that are read. */
#define FEED_ROW 512
#define FEED_ALL (FEED_ROW - 1)

static bool feed_is_now(const struct cart_op *op)
{
	return op->feed.after != NULL && strcmp(op->feed.after, CART_FEED_NOW) == 0;
}

static enum cart_result feed_read_place(const struct cart_op *op, struct sql_feed_place *place)
{
	enum cart_result result = CART_OK;
	int64_t number = 0;

	if (op->feed.after != NULL && !feed_is_now(op))
		result = cart_feed_position_read(op->feed.after, CART_FEED_FORM_MYSQL, &number);
	*place = (struct sql_feed_place){.seq = number / FEED_ROW, .done = number % FEED_ROW};
	return result;
}

/* malloc'd. */
static char *feed_cursor(const struct sql_feed_place *place)
{
	char text[CART_FEED_POSITION_TEXT];

	cart_feed_position_write(text, CART_FEED_FORM_MYSQL, place->seq * FEED_ROW + place->done);
	return strdup(text);
}

/* One row is that of the place, whose carts are not asked for if its events are all read. */
static void feed_add_columns(struct sql_text *text, const struct sql_feed_place *place)
{
	if (place->done != FEED_ALL) {
		sql_add(text, "carts, items");
		return;
	}
	sql_add(text, "IF(seq = ");
	sql_add_integer(text, place->seq);
	sql_add(text, ", '', carts), IF(seq = ");
	sql_add_integer(text, place->seq);
	sql_add(text, ", '', items)");
}

static bool feed_text(struct sql_text *text, const struct sql_feed_place *place, int64_t rows)
{
	sql_text_reset(text);
	sql_statement(text, SQL_SELECT, "SELECT seq, at_ms, events, ");
	feed_add_columns(text, place);
	sql_add(text, " FROM cart_events FORCE INDEX (PRIMARY) WHERE seq >= ");
	sql_add_integer(text, place->seq);
	sql_add_writer(text);
	sql_add(text, " ORDER BY seq LIMIT ");
	sql_add_integer(text, rows);
	return !text->buf.failed;
}

static bool feed_now_text(struct sql_text *text)
{
	sql_text_reset(text);
	sql_statement(text, SQL_SELECT,
		      "SELECT seq FROM cart_events FORCE INDEX (PRIMARY) WHERE seq >"
		      " (SELECT COALESCE(MAX(seq), 0) FROM cart_events) - ");
	sql_add_integer(text, FEED_NOW_ROWS);
	sql_add_writer(text);
	sql_add(text, " ORDER BY seq");
	return !text->buf.failed;
}

static bool feed_lock_text(struct sql_text *text, const struct sql_feed_gap *gap, bool rollback)
{
	sql_text_reset(text);
	if (rollback)
		sql_statement(text, SQL_ROLLBACK, "ROLLBACK");
	sql_statement(text, SQL_BEGIN, "START TRANSACTION");
	sql_statement(text, SQL_LOCK,
		      "SELECT seq FROM cart_events FORCE INDEX (PRIMARY) WHERE seq >= ");
	sql_add_integer(text, gap->before);
	sql_add(text, " AND seq < ");
	sql_add_integer(text, gap->last);
	sql_add(text, " ORDER BY seq LIMIT ");
	sql_add_integer(text, FEED_NOW_ROWS);
	sql_add_for_update(text);
	return !text->buf.failed;
}

/* Something that is committed after what was read. */
static bool feed_flush_text(struct sql_text *text, bool rollback)
{
	sql_text_reset(text);
	if (rollback)
		sql_statement(text, SQL_ROLLBACK, "ROLLBACK");
	sql_statement(text, SQL_EVENTS,
		      "INSERT INTO cart_settings (name, value) VALUES ('feed_read', '1')"
		      " ON DUPLICATE KEY UPDATE value = value + 1");
	return !text->buf.failed;
}

static void feed_add_tombstone(struct sql_text *text, int64_t seq, int64_t now_ms)
{
	if (text->statements == 0)
		sql_statement(text, SQL_EVENTS,
			      "INSERT INTO cart_events (seq, at_ms, events, carts, items)"
			      " VALUES (");
	else
		sql_add(text, "),(");
	sql_add_integer(text, seq);
	sql_add(text, ",");
	sql_add_integer(text, now_ms);
	sql_add(text, ",'','',''");
}

/* False: no number is missing, or the row before the gap was removed; or there is no memory. */
static bool feed_fill_text(struct sql_text *text, const struct sql_feed_gap *gap, MYSQL_RES *rows,
			   int64_t now_ms)
{
	int64_t next = gap->before, seq, most = FEED_CLOSE_MAX;
	MYSQL_ROW cells;

	sql_text_reset(text);
	while ((cells = mysql_fetch_row(rows)) != NULL) {
		if (!sql_cell_integer(cells[0], mysql_fetch_lengths(rows)[0], &seq))
			return false;
		if (next == gap->before && seq != gap->before)
			return false;
		for (; next < seq && most > 0; most--)
			feed_add_tombstone(text, next++, now_ms);
		next = seq + 1;
	}
	if (next == gap->before)
		return false;
	for (; next < gap->last && most > 0; most--)
		feed_add_tombstone(text, next++, now_ms);
	if (text->statements == 0)
		return false;
	sql_add(text, ")");
	sql_statement(text, SQL_COMMIT, "COMMIT");
	return !text->buf.failed;
}

struct feed_reading {
	struct cart_op *op;
	struct sql_feed_place place; /* up to which it is read */
	int64_t skip;		     /* of the next row: events that were read before */
	size_t rows;
	size_t bytes;
};

static bool feed_is_full(const struct feed_reading *reading)
{
	return reading->op->page->count == (size_t)reading->op->feed.limit;
}

/* False: no memory. */
static bool feed_read_event_at(struct feed_reading *reading, char *line, size_t len,
			       struct sql_event_row *row, int64_t index)
{
	struct cart_feed_page *page = reading->op->page;
	struct cart_event *event = &page->events[page->count], skipped;
	bool skip = index < reading->skip;
	enum sql_event_read read =
		sql_event_row_read(row, reading->op, line, len, skip ? &skipped : event);

	if (skip)
		cart_event_clear(&skipped);
	if (read == SQL_EVENT_NO_MEMORY)
		cart_event_clear(event);
	if (read == SQL_EVENT_NO_MEMORY || skip)
		return read != SQL_EVENT_NO_MEMORY;
	reading->place.done = index + 1;
	if (read == SQL_EVENT_NONE) {
		cart_event_clear(event);
		return true;
	}
	page->count++;
	event->cursor = feed_cursor(&reading->place);
	return event->cursor != NULL;
}

/* False: no memory. */
static bool feed_read_events(struct feed_reading *reading, char *text, size_t len,
			     struct sql_event_row *row)
{
	char *end = text + len;
	int64_t index = 0;

	for (; text < end; index++) {
		char *line_end = memchr(text, '\n', (size_t)(end - text));
		size_t size = (size_t)((line_end != NULL ? line_end : end) - text);

		if (index >= reading->skip && feed_is_full(reading))
			return true;
		if (!feed_read_event_at(reading, text, size, row, index))
			return false;
		text += size + 1;
	}
	reading->place.done = FEED_ALL;
	return true;
}

static enum cart_result feed_read_row(struct feed_reading *reading, MYSQL_ROW cells,
				      const unsigned long *lens)
{
	struct sql_event_row row = {0};
	bool good;

	if (!sql_cell_integer(cells[1], lens[1], &row.at_ms) || cells[2] == NULL ||
	    cells[3] == NULL || cells[4] == NULL) {
		cart_op_set_reason(reading->op, "rows are not what the schema says");
		return CART_FAILED;
	}
	reading->bytes += lens[2] + lens[3] + lens[4];
	good = sql_event_row_carts(&row, cells[3], lens[3], cells[4], lens[4]) &&
	       feed_read_events(reading, cells[2], lens[2], &row);
	sql_event_row_free(&row);
	return good ? CART_OK : CART_BUSY;
}

/* The rows after the gap are read for their numbers. False: one is none. */
static bool feed_end_gap(MYSQL_RES *rows, struct sql_feed_gap *gap)
{
	MYSQL_ROW cells;

	gap->last = gap->behind;
	while ((cells = mysql_fetch_row(rows)) != NULL)
		if (!sql_cell_integer(cells[0], mysql_fetch_lengths(rows)[0], &gap->last))
			return false;
	return true;
}

/* Who reads begins at a row that was there. A cursor before all rows is that of an empty table, or
 * was never given: what came first may have been removed since. */
static bool feed_stands(const struct feed_reading *reading)
{
	return reading->place.seq > 0 || reading->op->feed.after != NULL;
}

/* Reads rows until the page is full, or to a gap, which is then set. */
static enum cart_result feed_read_rows(struct feed_reading *reading, MYSQL_RES *rows,
				       struct sql_feed_gap *gap)
{
	const struct sql_feed_place from = reading->place;
	enum cart_result result = CART_OK;
	MYSQL_ROW cells;
	int64_t seq;

	while (result == CART_OK && !feed_is_full(reading) &&
	       (cells = mysql_fetch_row(rows)) != NULL) {
		const unsigned long *lens = mysql_fetch_lengths(rows);

		if (!sql_cell_integer(cells[0], lens[0], &seq))
			return CART_FAILED;
		if (reading->rows++ == 0 && feed_stands(reading) && seq != from.seq)
			return CART_CURSOR_GONE;
		if (reading->rows > 1 && seq != reading->place.seq + 1) {
			*gap = (struct sql_feed_gap){reading->place.seq, seq, seq};
			return feed_end_gap(rows, gap) ? CART_OK : CART_FAILED;
		}
		reading->skip = seq == from.seq ? from.done : 0;
		reading->place = (struct sql_feed_place){.seq = seq, .done = reading->skip};
		if (reading->skip != FEED_ALL)
			result = feed_read_row(reading, cells, lens);
	}
	return result == CART_OK && reading->rows == 0 && from.seq > 0 ? CART_CURSOR_GONE : result;
}

/* How many rows a page asks for. */
static int64_t feed_rows(const struct sql_lane *lane)
{
	const struct sql_work *work = sql_work_of(lane);

	return work->feed_rows > 0 ? work->feed_rows : FEED_ROWS_FIRST;
}

static void feed_set_rows(const struct sql_lane *lane, const struct feed_reading *reading)
{
	int64_t most = 4 * feed_rows(lane), rows;

	if (reading->bytes == 0)
		return;
	rows = (int64_t)(reading->rows * FEED_PAGE_BYTES / reading->bytes);
	if (rows > most)
		rows = most;
	sql_work_of(lane)->feed_rows = rows < 2 ? 2 : rows > FEED_ROWS_MAX ? FEED_ROWS_MAX : rows;
}

static enum cart_result feed_read_page(const struct sql_lane *lane, struct cart_op *op,
				       struct sql_feed_place *place, MYSQL_RES *rows)
{
	struct sql_feed_gap *gap = &sql_task_of(lane)->gap;
	struct feed_reading reading = {.op = op, .place = *place};
	enum cart_result result;

	op->page = cart_feed_page_new((size_t)op->feed.limit);
	if (op->page == NULL)
		return CART_BUSY;
	result = feed_read_rows(&reading, rows, gap);
	op->more = feed_is_full(&reading) || (int64_t)reading.rows == feed_rows(lane) ||
		   (gap->behind > 0 && op->page->count > 0);
	feed_set_rows(lane, &reading);
	*place = reading.place;
	return result;
}

/* The newest row before any gap. */
static enum cart_result feed_read_now(struct cart_op *op, struct sql_feed_place *place,
				      MYSQL_RES *rows, struct sql_feed_gap *gap)
{
	MYSQL_ROW cells;
	int64_t seq;

	op->page = cart_feed_page_new(0);
	if (op->page == NULL)
		return CART_BUSY;
	*place = (struct sql_feed_place){0};
	while ((cells = mysql_fetch_row(rows)) != NULL) {
		if (!sql_cell_integer(cells[0], mysql_fetch_lengths(rows)[0], &seq))
			return CART_FAILED;
		if (place->seq > 0 && seq != place->seq + 1) {
			*gap = (struct sql_feed_gap){place->seq, seq, seq};
			return feed_end_gap(rows, gap) ? CART_OK : CART_FAILED;
		}
		*place = (struct sql_feed_place){seq, FEED_ALL};
	}
	return CART_OK;
}

static void feed_answer(struct sql_lane *lane, enum cart_result result, bool rollback)
{
	struct sql_task *task = sql_task_of(lane);
	struct cart_op *op = sql_task_take(task, 0);

	sql_task_end(task);
	if (rollback)
		sql_lane_rollback(lane);
	else
		sql_lane_idle(lane);
	if (op != NULL)
		sql_op_complete(op, result);
}

static void feed_answer_page(struct sql_lane *lane, const struct sql_feed_place *place,
			     bool rollback)
{
	struct cart_op *op = sql_task_of(lane)->ops[0];

	if (op != NULL && op->page == NULL)
		op->page = cart_feed_page_new(0);
	if (op != NULL && op->page != NULL)
		op->page->next = feed_cursor(place);
	feed_answer(lane,
		    op != NULL && op->page != NULL && op->page->next != NULL ? CART_OK : CART_BUSY,
		    rollback);
}

/* Looks again, after a pause. */
static void feed_again(struct sql_lane *lane, bool rollback)
{
	struct sql_task *task = sql_task_of(lane);
	struct cart_op *op = sql_task_take(task, 0);

	sql_task_end(task);
	if (op != NULL) {
		sql_op_forget_result(op);
		(void)sql_op_count_try(op);
		sql_retry_queue(lane, &op, 1, SQL_RETRY_LATER);
	}
	if (rollback)
		sql_lane_rollback(lane);
	else
		sql_lane_idle(lane);
}

static void feed_send(struct sql_lane *lane, bool made, enum sql_step step)
{
	if (!made) {
		feed_answer(lane, CART_BUSY, step != SQL_STEP_FEED);
		return;
	}
	sql_task_of(lane)->step = step;
	sql_lane_send(lane);
}

/* The page ends at the place. It is not given out before all of it is certainly on the server's
 * disk. */
static void feed_end_page(struct sql_lane *lane, const struct sql_feed_place *place, bool rollback)
{
	struct sql_task *task = sql_task_of(lane);

	if (task->ops[0] == NULL || place->seq <= sql_work_of(lane)->feed_flushed) {
		feed_answer_page(lane, place, rollback);
		return;
	}
	task->from = *place;
	feed_send(lane, feed_flush_text(&lane->text, rollback), SQL_STEP_FLUSH);
}

/* A server that takes no changes has made all that it shows. */
static void feed_flush_done(struct sql_lane *lane, const struct sql_reply *reply)
{
	struct sql_task *task = sql_task_of(lane);
	struct sql_work *work = sql_work_of(lane);

	if (reply->fault == SQL_FAULT_NONE && task->from.seq > work->feed_flushed)
		work->feed_flushed = task->from.seq;
	if (reply->fault == SQL_FAULT_LOST) {
		sql_retry_all(lane, reply->fault, SQL_RETRY_TOGETHER);
		sql_lane_discard(lane, SQL_DISCARD_BROKEN);
	} else if (task->ops[0] == NULL) {
		feed_answer(lane, CART_OK, true);
	} else if (reply->fault == SQL_FAULT_NONE || reply->fault == SQL_FAULT_HOST) {
		feed_answer_page(lane, &task->from, false);
	} else if (reply->fault == SQL_FAULT_LOCK || reply->fault == SQL_FAULT_DUPLICATE ||
		   reply->fault == SQL_FAULT_DEADLOCK || reply->fault == SQL_FAULT_INTERRUPTED) {
		feed_again(lane, true);
	} else {
		cart_op_set_reason(task->ops[0],
				   "events cannot be given out before the server has them on its "
				   "disk, and it refuses the write that shows it: %s",
				   reply->text);
		feed_answer(lane, CART_BUSY, true);
	}
}

static void feed_ask(struct sql_lane *lane)
{
	struct sql_task *task = sql_task_of(lane);
	bool made;

	task->gap = (struct sql_feed_gap){0};
	if (feed_is_now(task->ops[0]))
		made = feed_now_text(&lane->text);
	else
		made = feed_text(&lane->text, &task->from, feed_rows(lane));
	feed_send(lane, made, SQL_STEP_FEED);
}

void sql_feed_begin(struct sql_lane *lane)
{
	struct sql_task *task = sql_task_of(lane);
	enum cart_result result = feed_read_place(task->ops[0], &task->from);

	if (result == CART_OK)
		feed_ask(lane);
	else
		feed_answer(lane, result, false);
}

/* Nothing comes before the gap. */
static void feed_meet_gap(struct sql_lane *lane)
{
	struct sql_task *task = sql_task_of(lane);
	struct cart_op *op = task->ops[0];
	int64_t now_ns = cart_store_now_ns(op->held.store);

	if (op->held.since_ns == 0)
		op->held.since_ns = now_ns;
	if (now_ns - op->held.since_ns < FEED_CLOSE_NS)
		feed_again(lane, false);
	else
		feed_send(lane, feed_lock_text(&lane->text, &task->gap, false), SQL_STEP_GAP);
}

/* These rows held no events. */
static void feed_go_on(struct sql_lane *lane, const struct sql_feed_place *place)
{
	struct sql_task *task = sql_task_of(lane);

	task->from = *place;
	sql_op_forget_result(task->ops[0]);
	feed_ask(lane);
}

static void feed_page_done(struct sql_lane *lane, const struct sql_reply *reply)
{
	struct sql_task *task = sql_task_of(lane);
	struct cart_op *op = task->ops[0];
	struct sql_feed_place place = task->from;
	enum cart_result result;

	if (op == NULL) {
		feed_answer(lane, CART_OK, false);
		return;
	}
	if (feed_is_now(op))
		result = feed_read_now(op, &place, reply->rows[0], &task->gap);
	else
		result = feed_read_page(lane, op, &place, reply->rows[0]);
	if (result != CART_OK)
		feed_answer(lane, result, false);
	else if (task->gap.behind > 0 && op->page->count == 0)
		feed_meet_gap(lane);
	else if (op->more && op->page->count == 0)
		feed_go_on(lane, &place);
	else
		feed_end_page(lane, &place, false);
}

/* The gap cannot be closed: its transaction is open, or the host takes no changes. */
static void feed_gap_failed(struct sql_lane *lane, const struct sql_reply *reply)
{
	struct sql_task *task = sql_task_of(lane);
	struct cart_op *op = task->ops[0];
	const struct sql_feed_place place = {task->gap.before, FEED_ALL};

	if (reply->fault == SQL_FAULT_LOST) {
		sql_retry_all(lane, reply->fault, SQL_RETRY_TOGETHER);
		sql_lane_discard(lane, SQL_DISCARD_BROKEN);
	} else if (op == NULL) {
		feed_answer(lane, CART_OK, true);
	} else if (reply->fault == SQL_FAULT_LOCK && task->gap.last > task->gap.behind) {
		/* Others behind it may be open: this one alone. */
		task->gap.last = task->gap.behind;
		feed_send(lane, feed_lock_text(&lane->text, &task->gap, true), SQL_STEP_GAP);
	} else if (reply->fault == SQL_FAULT_LOCK &&
		   cart_store_now_ns(op->held.store) - op->held.since_ns >= FEED_WAIT_NS) {
		sql_op_forget_result(op);
		feed_end_page(lane, &place, true);
	} else if (reply->fault == SQL_FAULT_LOCK || reply->fault == SQL_FAULT_DUPLICATE ||
		   reply->fault == SQL_FAULT_DEADLOCK || reply->fault == SQL_FAULT_INTERRUPTED) {
		feed_again(lane, true);
	} else {
		cart_op_set_reason(op, "the feed waits for a number, and it cannot be closed: %s",
				   reply->text);
		feed_answer(lane, CART_BUSY, true);
	}
}

/* The rows around the gap are locked. */
static void feed_gap_done(struct sql_lane *lane, const struct sql_reply *reply)
{
	struct sql_task *task = sql_task_of(lane);
	struct cart_op *op = task->ops[0];

	if (op == NULL)
		feed_answer(lane, CART_OK, true);
	else if (reply->rows_count > 0 &&
		 feed_fill_text(&lane->text, &task->gap, reply->rows[0], op->now_ms))
		feed_send(lane, true, SQL_STEP_FILL);
	else
		feed_again(lane, true);
}

void sql_feed_done(struct sql_lane *lane, struct sql_reply *reply)
{
	enum sql_step step = sql_task_of(lane)->step;

	if (step == SQL_STEP_FEED)
		feed_page_done(lane, reply);
	else if (step == SQL_STEP_FLUSH)
		feed_flush_done(lane, reply);
	else if (reply->fault != SQL_FAULT_NONE)
		feed_gap_failed(lane, reply);
	else if (step == SQL_STEP_GAP)
		feed_gap_done(lane, reply);
	else if (sql_task_of(lane)->ops[0] == NULL)
		feed_answer(lane, CART_OK, false);
	else {
		sql_op_forget_result(sql_task_of(lane)->ops[0]);
		feed_ask(lane);
	}
}
