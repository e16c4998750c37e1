#include "backends/mysql/feed.h"

#include "backends/mysql/retry.h"
#include "backends/mysql/rows.h"
#include "core/base/hex.h"
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

static bool feed_read_place(const struct cart_op *op, struct sql_feed_place *place)
{
	int64_t number = 0;

	if (op->feed.after != NULL && !cart_feed_position_read(op->feed.after, &number))
		return false;
	*place = (struct sql_feed_place){.seq = number / FEED_ROW, .done = number % FEED_ROW};
	return true;
}

/* malloc'd. */
static char *feed_cursor(const struct sql_feed_place *place)
{
	char text[CART_FEED_POSITION_TEXT];

	cart_feed_position_write(text, place->seq * FEED_ROW + place->done);
	return strdup(text);
}

/* One row is that of the place, whose events are not asked for if they are all read. */
static bool feed_text(struct sql_text *text, const struct sql_feed_place *place, int64_t rows)
{
	sql_text_reset(text);
	sql_statement(text, SQL_SELECT, "SELECT seq, at_ms, events, ");
	if (place->done == FEED_ALL) {
		sql_add(text, "IF(seq = ");
		sql_add_integer(text, place->seq);
		sql_add(text, ", '', carts)");
	} else {
		sql_add(text, "carts");
	}
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

static void feed_add_tombstone(struct sql_text *text, int64_t seq, int64_t now_ms)
{
	if (text->statements == 0)
		sql_statement(text, SQL_EVENTS,
			      "INSERT INTO cart_events (seq, at_ms, events, carts) VALUES (");
	else
		sql_add(text, "),(");
	sql_add_integer(text, seq);
	sql_add(text, ",");
	sql_add_integer(text, now_ms);
	sql_add(text, ",'',''");
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

/* The carts of one row of cart_events. */
struct feed_carts {
	struct cart *carts;
	bool *damaged;
	size_t count;
};

static void feed_carts_free(struct feed_carts *carts)
{
	for (size_t i = 0; i < carts->count; i++)
		cart_clear(&carts->carts[i]);
	free(carts->carts);
	free(carts->damaged);
}

static size_t feed_count_lines(const char *text, size_t len)
{
	size_t count = len > 0;

	for (size_t i = 0; i < len; i++)
		count += text[i] == '\n';
	return count;
}

/* The lines of a cart come together. False: no memory. */
static bool feed_take_row(struct feed_carts *carts, const struct sql_row *row, bool damaged)
{
	size_t at = carts->count;

	if (at == 0 || cart_id_compare(&carts->carts[at - 1].id, &row->cart.id) != 0) {
		carts->carts[at] = row->cart;
		carts->count++;
	} else {
		at--;
	}
	carts->damaged[at] = carts->damaged[at] || damaged;
	return damaged || sql_rows_add_line(&carts->carts[at], row);
}

/* What cannot be read of a cart is left out. False: no memory. */
static bool feed_read_carts(struct feed_carts *carts, char *text, size_t len)
{
	size_t rows = feed_count_lines(text, len);
	char *end = text + len;

	carts->carts = calloc(rows + 1, sizeof(*carts->carts));
	carts->damaged = calloc(rows + 1, sizeof(*carts->damaged));
	if (carts->carts == NULL || carts->damaged == NULL)
		return false;
	while (text < end) {
		char *line_end = memchr(text, '\n', (size_t)(end - text));
		size_t size = (size_t)((line_end != NULL ? line_end : end) - text);
		struct sql_row row;
		enum sql_rows read = sql_rows_read_text(text, size, &row);

		if (read != SQL_ROWS_BAD && !feed_take_row(carts, &row, read != SQL_ROWS_ONE))
			return false;
		text += size + 1;
	}
	return true;
}

/* The cart, taken out; false: it is not there, so that the change was not made. */
static bool feed_take_cart(struct feed_carts *carts, struct cart_event *event)
{
	for (size_t i = 0; i < carts->count; i++) {
		struct cart *cart = &carts->carts[i];

		if (cart_id_compare(&cart->id, &event->id) != 0)
			continue;
		event->version = cart->version;
		if (carts->damaged[i])
			cart_clear(cart);
		event->cart = *cart;
		*cart = (struct cart){0};
		return true;
	}
	return false;
}

/* The words of a line of events: type, id, and what follows. */
struct feed_words {
	char *at;
	char *end;
};

/* False: there is none left. */
static bool feed_word(struct feed_words *words, char **word, size_t *len)
{
	char *space;

	if (words->at >= words->end)
		return false;
	space = memchr(words->at, ' ', (size_t)(words->end - words->at));
	*word = words->at;
	*len = (size_t)((space != NULL ? space : words->end) - words->at);
	words->at += *len + 1;
	return true;
}

static bool feed_word_id(struct feed_words *words, struct cart_id *id)
{
	char *word;
	size_t len;

	if (!feed_word(words, &word, &len) || len != 2 * sizeof(id->bytes))
		return false;
	for (size_t i = 0; i < sizeof(id->bytes); i++) {
		int high = hex_digit(word[2 * i]), low = hex_digit(word[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		id->bytes[i] = (uint8_t)(high * 16 + low);
	}
	return true;
}

static bool feed_word_change(struct feed_words *words, struct shop_id *product_id,
			     int64_t *difference)
{
	char *word;
	size_t len;

	return feed_word(words, &word, &len) && shop_id_parse(product_id, word, len) &&
	       feed_word(words, &word, &len) && sql_cell_integer(word, len, difference);
}

/* Keeps them in the order of the products. */
static void feed_insert_change(struct cart_event *event, const struct cart_event_change *change)
{
	size_t at = event->change_count++;

	for (;
	     at > 0 && shop_id_compare(&event->changes[at - 1].product_id, &change->product_id) > 0;
	     at--)
		event->changes[at] = event->changes[at - 1];
	event->changes[at] = *change;
}

static bool feed_read_changes(struct feed_words *words, struct cart_event *event)
{
	while (words->at < words->end) {
		struct cart_event_change change = {0};
		const struct cart_line *line;
		int64_t difference;

		if (!feed_word_change(words, &change.product_id, &difference))
			return false;
		line = cart_find_line(&event->cart, &change.product_id);
		if (line != NULL) {
			change.quantity = line->quantity;
			change.attributes = line->attributes;
		}
		change.was = change.quantity - difference;
		if (change.was < 0 || change.was > CART_QUANTITY_MAX)
			return false;
		feed_insert_change(event, &change);
	}
	return true;
}

static void feed_fill_created(struct cart_event *event)
{
	for (size_t i = 0; i < event->cart.line_count; i++) {
		const struct cart_line *line = &event->cart.lines[i];

		event->changes[event->change_count++] =
			(struct cart_event_change){.product_id = line->product_id,
						   .quantity = line->quantity,
						   .attributes = line->attributes};
	}
}

/* Each word takes two bytes at least. False: no memory. */
static bool feed_reserve_changes(struct cart_event *event, size_t line_len)
{
	size_t room = event->type == CART_EVENT_CREATED ? event->cart.line_count : line_len / 4;

	event->changes = calloc(room + 1, sizeof(*event->changes));
	return event->changes != NULL;
}

/* Of an event whose stored form is damaged: its id, its version and nothing else. */
static void feed_damage(struct cart_op *op, struct cart_event *event)
{
	const struct cart_event known = {.type = event->type,
					 .id = event->id,
					 .version = event->version,
					 .at_ms = event->at_ms};

	cart_event_clear(event);
	*event = known;
	cart_store_damaged(op, &event->id, "the stored form of an event is damaged");
}

enum feed_read { FEED_READ_ONE, FEED_READ_NONE, FEED_READ_NO_MEMORY };

/* What an event says beyond its columns. */
static bool feed_read_rest(struct feed_words *words, struct cart_event *event)
{
	if (event->type == CART_EVENT_MERGED && !feed_word_id(words, &event->from))
		return false;
	if (event->type == CART_EVENT_CREATED)
		feed_fill_created(event);
	return feed_read_changes(words, event);
}

static enum feed_read feed_read_event(struct cart_op *op, char *line, size_t len,
				      struct feed_carts *carts, int64_t at_ms,
				      struct cart_event *event)
{
	struct feed_words words = {.at = line, .end = line + len};
	bool removal;
	char *word;
	size_t size;

	*event = (struct cart_event){0};
	if (!feed_word(&words, &word, &size) || size != 1 || !feed_word_id(&words, &event->id) ||
	    word[0] <= '0' + CART_EVENT_NONE || word[0] >= '0' + CART_EVENT_TYPES ||
	    !feed_take_cart(carts, event))
		return FEED_READ_NONE;
	event->type = (enum cart_event_type)(word[0] - '0');
	removal = event->type == CART_EVENT_DELETED || event->type == CART_EVENT_EXPIRED;
	event->at_ms = event->cart.updated_ms;
	if (event->cart.version == 0 || (removal && at_ms > event->at_ms))
		event->at_ms = at_ms;
	if (event->version < 1)
		return FEED_READ_NONE;
	event->version += removal;
	if (event->cart.version == 0) {
		feed_damage(op, event);
		return FEED_READ_ONE;
	}
	if (!feed_reserve_changes(event, len))
		return FEED_READ_NO_MEMORY;
	if (!feed_read_rest(&words, event))
		feed_damage(op, event);
	return FEED_READ_ONE;
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
			       struct feed_carts *carts, int64_t at_ms, int64_t index)
{
	struct cart_feed_page *page = reading->op->page;
	struct cart_event *event = &page->events[page->count], skipped;
	bool skip = index < reading->skip;
	enum feed_read read =
		feed_read_event(reading->op, line, len, carts, at_ms, skip ? &skipped : event);

	if (skip)
		cart_event_clear(&skipped);
	if (read == FEED_READ_NO_MEMORY)
		cart_event_clear(event);
	if (read == FEED_READ_NO_MEMORY || skip)
		return read != FEED_READ_NO_MEMORY;
	reading->place.done = index + 1;
	if (read == FEED_READ_NONE) {
		cart_event_clear(event);
		return true;
	}
	page->count++;
	event->cursor = feed_cursor(&reading->place);
	return event->cursor != NULL;
}

/* False: no memory. */
static bool feed_read_events(struct feed_reading *reading, char *text, size_t len,
			     struct feed_carts *carts, int64_t at_ms)
{
	char *end = text + len;
	int64_t index = 0;

	for (; text < end; index++) {
		char *line_end = memchr(text, '\n', (size_t)(end - text));
		size_t size = (size_t)((line_end != NULL ? line_end : end) - text);

		if (index >= reading->skip && feed_is_full(reading))
			return true;
		if (!feed_read_event_at(reading, text, size, carts, at_ms, index))
			return false;
		text += size + 1;
	}
	reading->place.done = FEED_ALL;
	return true;
}

static enum cart_result feed_read_row(struct feed_reading *reading, MYSQL_ROW cells,
				      const unsigned long *lens)
{
	struct feed_carts carts = {0};
	int64_t at_ms;
	bool good;

	if (!sql_cell_integer(cells[1], lens[1], &at_ms) || cells[2] == NULL || cells[3] == NULL) {
		cart_op_set_reason(reading->op, "rows are not what the schema says");
		return CART_FAILED;
	}
	reading->bytes += lens[2] + lens[3];
	good = feed_read_carts(&carts, cells[3], lens[3]) &&
	       feed_read_events(reading, cells[2], lens[2], &carts, at_ms);
	feed_carts_free(&carts);
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

/* The page ends at the place. */
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

	if (feed_is_now(task->ops[0]) || feed_read_place(task->ops[0], &task->from))
		feed_ask(lane);
	else
		feed_answer(lane, CART_CURSOR_INVALID, false);
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
		feed_answer_page(lane, &place, false);
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
		feed_answer_page(lane, &place, true);
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
