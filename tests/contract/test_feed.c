/*
 * The feed, on the backend that CART_BACKEND names; where it has none there is nothing to test.
 * Where events come later than the answer to their change, they are waited for.
 */
#include "core/cart_attributes.h"
#include "core/feed/event.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/model.h"
#include "tests/lib/patience.h"
#include "tests/lib/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 4096

static int start(void **state)
{
	static const char *const settings[] = {
		"limits.lines", "6", "limits.quantity", "20", "cart.ttl", "10d", NULL};

	*state = rig_start(&(struct rig_config){.loops = 3, .feed = true, .set = settings});
	return 0;
}

static int stop(void **state)
{
	rig_stop((struct rig **)state);
	return 0;
}

/* A reader that keeps the events which it has read. */
struct reader {
	struct rig *f;
	size_t loop;
	char *cursor;
	int limit;
	struct cart_event events[EVENTS_MAX];
	size_t count;
};

/* One page. Returns op->more. */
static bool reader_page(struct reader *r)
{
	struct cart_op op = {.type = CART_OP_FEED, .feed = {.after = r->cursor, .limit = r->limit}};
	enum cart_result result = rig_run(r->f, r->loop, &op, NULL);
	bool more = op.more;

	if (result != CART_OK)
		fail_msg("a feed: %s, %s", cart_result_name(result), op.reason);
	assert_non_null(op.page);
	assert_true(op.page->count <= (size_t)r->limit);
	assert_non_null(op.page->next);
	for (size_t i = 0; i < op.page->count && r->count < EVENTS_MAX; i++) {
		r->events[r->count++] = op.page->events[i];
		op.page->events[i] = (struct cart_event){0};
	}
	free(r->cursor);
	r->cursor = op.page->next;
	op.page->next = NULL;
	cart_op_clear(&op);
	return more;
}

/* One that begins now. */
static struct reader *reader_new(struct rig *f)
{
	struct reader *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->f = f;
	r->limit = CART_FEED_MAX;
	r->cursor = strdup(CART_FEED_NOW);
	reader_page(r);
	assert_int_equal(r->count, 0);
	return r;
}

static void reader_forget(struct reader *r)
{
	for (size_t i = 0; i < r->count; i++)
		cart_event_clear(&r->events[i]);
	r->count = 0;
}

static void reader_free(struct reader *r)
{
	reader_forget(r);
	free(r->cursor);
	free(r);
}

/* Reads until there is nothing more, and that many events at least, which must be all. */
static void reader_await(struct reader *r, size_t count)
{
	int64_t until = patience_ns() + RIG_EVENTUAL_S * CLOCK_NS_PER_S;

	while (reader_page(r) || r->count < count)
		if (patience_ns() > until)
			break;
	if (r->count == count)
		return;
	for (size_t i = 0; i < r->count; i++)
		print_error("  %s %lld %s\n", cart_event_type_name(r->events[i].type),
			    (long long)r->events[i].version, rig_describe(&r->events[i].cart));
	fail_msg("%zu events in place of %zu", r->count, count);
}

static void expect_event(const struct cart_event *event, enum cart_event_type type,
			 const struct cart_id *id, int64_t version)
{
	assert_string_equal(cart_event_type_name(event->type), cart_event_type_name(type));
	assert_int_equal(cart_id_compare(&event->id, id), 0);
	assert_int_equal(event->version, version);
}

static void each_change_of_a_cart_is_one_event_with_its_version(void **state)
{
	static const enum cart_event_type types[] = {
		CART_EVENT_CREATED,  CART_EVENT_CHANGED, CART_EVENT_CHANGED, CART_EVENT_CHANGED,
		CART_EVENT_CHANGED,  CART_EVENT_CHANGED, CART_EVENT_CHANGED, CART_EVENT_CHECKED_OUT,
		CART_EVENT_REOPENED, CART_EVENT_DELETED,
	};
	struct rig *f = *state;
	struct cart_id id = rig_id(f);
	struct reader *r;

	r = reader_new(f);
	ask(f, CART_OK, CREATE, .id = id);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2)));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(SET(7, 3), ADD(8, 1)));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(REMOVE(8)));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(REPLACE(9, 1)));
	ask(f, CART_OK, CHANGE, .id = id, .customer_id = rig_customer(f));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(LINE(SET, 9, 1, "{\"a\":1}")));
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(REOPEN));
	ask(f, CART_OK, DELETE, .id = id);
	reader_await(r, sizeof(types) / sizeof(types[0]));
	for (size_t i = 0; i < r->count; i++)
		expect_event(&r->events[i], types[i], &id, 1 + (int64_t)i);
	reader_free(r);
}

static void expect_change(const struct cart_event_change *change, int64_t product, int64_t quantity,
			  int64_t was, const char *attributes)
{
	struct shop_id id = id_of(product);

	assert_int_equal(shop_id_compare(&change->product_id, &id), 0);
	assert_int_equal(change->quantity, quantity);
	assert_int_equal(change->was, was);
	assert_true(cart_attributes_equal(change->attributes, attributes));
}

/* The event's cart is that of a strong read. */
static void expect_cart(struct rig *f, const struct cart_event *event)
{
	struct cart cart = rig_get(f, &event->id);

	if (!rig_same_cart(&cart, &event->cart, false)) {
		print_error("read  %s\n", rig_describe(&cart));
		fail_msg("event %s", rig_describe(&event->cart));
	}
	assert_int_equal(event->version, cart.version);
	assert_int_equal(event->at_ms, cart.updated_ms);
	cart_clear(&cart);
}

static void an_event_has_the_cart_and_the_lines_that_differ(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_id(f);
	const struct cart_event *event;
	struct reader *r;

	r = reader_new(f);
	ask(f, CART_OK, CREATE, .id = id, .customer_id = rig_customer(f),
	    CHANGES(ADD(2, 1), LINE(ADD, 1, 4, "{\"a\":1}")));
	reader_await(r, 1);
	expect_cart(f, &r->events[0]);
	assert_int_equal(r->events[0].change_count, 2);
	expect_change(&r->events[0].changes[0], 1, 4, 0, "{\"a\":1}");
	expect_change(&r->events[0].changes[1], 2, 1, 0, NULL);
	reader_forget(r);

	clock_fake_advance(&f->clock, 5);
	ask(f, CART_OK, CHANGE, .id = id,
	    CHANGES(ADD(2, 3), LINE(ADD, 3, 1, "{\"name\":\"\xc3\xa4'\\\"\\\\\"}"), SET(1, 0)));
	reader_await(r, 1);
	event = &r->events[0];
	expect_cart(f, event);
	assert_int_equal(event->change_count, 3);
	expect_change(&event->changes[0], 1, 0, 4, NULL);
	expect_change(&event->changes[1], 2, 4, 1, NULL);
	expect_change(&event->changes[2], 3, 1, 0, "{\"name\":\"\xc3\xa4'\\\"\\\\\"}");
	reader_forget(r);

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(LINE(SET, 2, 4, "{\"b\":true}")));
	reader_await(r, 1);
	expect_cart(f, &r->events[0]);
	assert_int_equal(r->events[0].change_count, 1);
	expect_change(&r->events[0].changes[0], 2, 4, 4, "{\"b\":true}");
	reader_forget(r);

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(2, 1)));
	reader_await(r, 1);
	expect_cart(f, &r->events[0]);
	assert_int_equal(r->events[0].change_count, 1);
	expect_change(&r->events[0].changes[0], 2, 5, 4, "{\"b\":true}");
	reader_forget(r);

	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
	reader_await(r, 1);
	expect_cart(f, &r->events[0]);
	assert_int_equal(r->events[0].change_count, 0);
	reader_free(r);
}

static void a_deleted_cart_is_told_as_it_was_without_its_lines(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart was;
	struct reader *r;

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
	was = rig_get(f, &id);
	r = reader_new(f);
	clock_fake_advance(&f->clock, 1000);
	ask(f, CART_OK, DELETE, .id = id, .flags = CART_ERASE);
	reader_await(r, 1);
	expect_event(&r->events[0], CART_EVENT_DELETED, &id, was.version + 1);
	assert_int_equal(r->events[0].change_count, 0);
	cart_drop_lines(&was);
	if (!rig_same_cart(&was, &r->events[0].cart, false))
		fail_msg("%s", rig_describe(&r->events[0].cart));
	cart_clear(&was);
	reader_free(r);
}

static const struct cart_event *event_of(const struct reader *r, const struct cart_id *id)
{
	for (size_t i = 0; i < r->count; i++)
		if (cart_id_compare(&r->events[i].id, id) == 0)
			return &r->events[i];
	fail_msg("no event of the cart");
	return NULL;
}

static void a_merge_is_an_event_of_each_cart_that_it_changed(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f), from = rig_id(f), other = rig_id(f);
	const struct cart_event *event;
	struct reader *r;

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1), ADD(2, 1)));
	ask(f, CART_OK, CREATE, .id = from, CHANGES(ADD(2, 3), ADD(3, 4)));
	ask(f, CART_OK, CREATE, .id = other, CHANGES(ADD(1, 9)));
	r = reader_new(f);
	ask(f, CART_OK, MERGE, .id = id, .from = from, .key = "m");
	ask(f, CART_OK, MERGE, .id = id, .from = from, .key = "m");
	ask(f, CART_OK, MERGE, .id = id, .from = from);
	reader_await(r, 2);
	event = event_of(r, &id);
	expect_event(event, CART_EVENT_MERGED, &id, 3);
	expect_cart(f, event);
	assert_int_equal(cart_id_compare(&event->from, &from), 0);
	assert_int_equal(event->change_count, 2);
	expect_change(&event->changes[0], 2, 4, 1, NULL);
	expect_change(&event->changes[1], 3, 4, 0, NULL);
	event = event_of(r, &from);
	expect_event(event, CART_EVENT_MERGED, &from, 2);
	expect_cart(f, event);
	assert_true(cart_id_is_nil(&event->from));
	assert_int_equal(cart_id_compare(&event->cart.merged_into, &id), 0);
	assert_int_equal(event->change_count, 0);
	reader_forget(r);

	ask(f, CART_OK, MERGE, .id = id, .from = other, .strategy = CART_MERGE_KEEP);
	reader_await(r, 1);
	expect_event(&r->events[0], CART_EVENT_MERGED, &other, 2);
	reader_free(r);
}

static void what_changed_nothing_is_no_event(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f), empty = rig_cart(f);
	struct reader *r;

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)), .key = "k");
	r = reader_new(f);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)), .key = "k");
	ask(f, CART_KEY_REUSED, CHANGE, .id = id, CHANGES(ADD(1, 2)), .key = "k");
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(SET(1, 1)), .key = "k2");
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(SET(2, 0)));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(REPLACE(1, 1)));
	ask(f, CART_LIMIT, CHANGE, .id = id, CHANGES(ADD(1, 20)));
	ask(f, CART_NO_ITEM, CHANGE, .id = id, CHANGES(ADD(1, 1), REMOVE(2)));
	ask(f, CART_MISMATCH, CHANGE, .id = id, .if_version = 1, CHANGES(ADD(1, 1)));
	ask(f, CART_MISMATCH, DELETE, .id = id, .if_version = 1);
	ask(f, CART_NOT_CLOSED, CHANGE, .id = id, CHANGES(REOPEN));
	ask(f, CART_EMPTY, CHECKOUT, .id = empty, .order_id = rig_id(f));
	ask(f, CART_NOT_FOUND, DELETE, .id = rig_id(f));
	ask(f, CART_NOT_FOUND, MERGE, .id = id, .from = rig_id(f));
	ask(f, CART_OWNED, CHANGE, .id = id, .customer_id = rig_customer(f));
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
	ask(f, CART_CLOSED, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	ask(f, CART_CLOSED, DELETE, .id = id);
	reader_await(r, 1);
	expect_event(&r->events[0], CART_EVENT_CHECKED_OUT, &id, 3);
	reader_free(r);
}

static void a_cart_that_comes_back_is_created(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart was;
	struct reader *r;

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	was = rig_get(f, &id);
	ask(f, CART_OK, DELETE, .id = id);
	r = reader_new(f);
	ask(f, CART_OK, IMPORT, .id = id, .whole = &was);
	ask(f, CART_MISMATCH, IMPORT, .id = id, .whole = &was);
	reader_await(r, 1);
	expect_event(&r->events[0], CART_EVENT_CREATED, &id, 2);
	expect_cart(f, &r->events[0]);
	cart_clear(&was);
	reader_free(r);
}

/* Pages. */

static void pages_of_any_size_have_each_event_once(void **state)
{
	struct rig *f = *state;
	struct cart_id ids[3] = {rig_id(f), rig_id(f), rig_id(f)};
	struct reader *r, *from_the_middle;

	for (int limit = 1; limit <= 5; limit++) {
		size_t want = 0;

		r = reader_new(f);
		from_the_middle = reader_new(f);
		for (int i = 0; i < 3; i++)
			ids[i] = rig_cart(f);
		for (int i = 0; i < 9; i++)
			ask(f, CART_OK, CHANGE, .id = ids[i % 3], CHANGES(ADD(1, 1)));
		want = 12;
		r->limit = limit;
		reader_await(r, want);
		for (int i = 0; i < 3; i++) {
			int64_t version = 0;

			for (size_t at = 0; at < r->count; at++)
				if (cart_id_compare(&r->events[at].id, &ids[i]) == 0)
					assert_int_equal(r->events[at].version, ++version);
			assert_int_equal(version, 4);
		}
		/* Every event's own cursor, if it has one, goes on right after it. */
		for (size_t at = 0; at < r->count; at++) {
			if (r->events[at].cursor == NULL)
				continue;
			free(from_the_middle->cursor);
			from_the_middle->cursor = strdup(r->events[at].cursor);
			reader_await(from_the_middle, r->count - at - 1);
			reader_forget(from_the_middle);
		}
		reader_free(r);
		reader_free(from_the_middle);
	}
}

static void without_a_cursor_it_begins_with_the_oldest(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_id(f);
	struct reader *r;
	bool found = false;

	r = reader_new(f);
	ask(f, CART_OK, CREATE, .id = id);
	reader_await(r, 1);
	reader_forget(r);
	free(r->cursor);
	r->cursor = NULL;
	while (!found) {
		bool more = reader_page(r);

		for (size_t i = 0; i < r->count; i++)
			found = found || cart_id_compare(&r->events[i].id, &id) == 0;
		reader_forget(r);
		if (!more)
			break;
	}
	assert_true(found);
	reader_free(r);
}

static void a_reader_that_is_up_to_date_gets_an_empty_page(void **state)
{
	struct rig *f = *state;
	struct reader *r;

	r = reader_new(f);
	for (int i = 0; i < 3; i++) {
		assert_false(reader_page(r));
		assert_int_equal(r->count, 0);
	}
	rig_cart(f);
	reader_await(r, 1);
	reader_free(r);
}

static void what_is_no_cursor_is_refused(void **state)
{
	static const char *const none[] = {"", "x", "1-", "now ", "1-1\n", "-1", "0", "NOW", "%"};
	struct rig *f = *state;

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct cart_op op = {.type = CART_OP_FEED, .feed = {.after = none[i], .limit = 10}};

		assert_int_equal(rig_run(f, 0, &op, NULL), CART_CURSOR_INVALID);
		assert_null(op.page);
		cart_op_clear(&op);
	}
}

static void a_cursor_of_another_backend_is_told_as_such(void **state)
{
	static const char *const cursors[] = {"1-7", "2-abc.d_e-f", "3-7"};
	struct rig *f = *state;
	struct reader *r = reader_new(f);

	for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
		struct cart_op op = {.type = CART_OP_FEED,
				     .feed = {.after = cursors[i], .limit = 10}};

		if (cursors[i][0] == r->cursor[0])
			continue;
		assert_int_equal(rig_run(f, 0, &op, NULL), CART_CURSOR_FOREIGN);
		cart_op_clear(&op);
	}
	reader_free(r);
}

static void a_request_that_no_caller_should_make_is_refused(void **state)
{
	struct rig *f = *state;
	struct shop_id owner = rig_customer(f);
	struct cart_op ops[] = {
		{.type = CART_OP_FEED, .feed = {.limit = 0}},
		{.type = CART_OP_FEED, .feed = {.limit = CART_FEED_MAX + 1}},
		{.type = CART_OP_FEED, .feed = {.limit = 1}, .owner = &owner},
		{.type = CART_OP_FEED, .feed = {.limit = 1}, .key = "k"},
	};

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		bool refused;

		assert_int_equal(rig_run(f, 0, &ops[i], &refused), CART_FAILED);
		assert_true(refused);
	}
}

/* Many writers. */

#define WRITERS	 6
#define CARTS	 12
#define ADDS	 40
#define BUSY_MAX 1000

struct writer {
	struct rig *f;
	size_t loop;
	const struct cart_id *ids;
	struct cart_op op;
	struct cart_change change;
	int left;
	int busy; /* answers that nothing was changed and that it may be tried again */
	struct rig_task task;
	char failure[CART_REASON_MAX + 32]; /* "": none; for who sees done */
	_Atomic int done;
};

static void writer_next(struct writer *w);

/* On a machine that is busy, a lock or a connection may not come free in time: the add is made
 * again. */
static void writer_failed(struct writer *w, enum cart_result result)
{
	bool again = result == CART_BUSY && ++w->busy < BUSY_MAX;

	if (!again)
		snprintf(w->failure, sizeof(w->failure), "%s %s", cart_result_name(result),
			 w->op.reason);
	cart_op_clear(&w->op);
	if (again) {
		w->left++;
		rig_post(w->f, w->loop, &w->task);
	} else {
		w->done = 1;
	}
}

static void writer_done(struct cart_op *op, void *user)
{
	struct writer *w = user;

	if (op->result != CART_OK) {
		writer_failed(w, op->result);
		return;
	}
	cart_op_clear(op);
	writer_next(w);
}

static void writer_next(struct writer *w)
{
	enum cart_result result;

	if (w->left-- == 0) {
		w->done = 1;
		return;
	}
	w->op = (struct cart_op){
		.type = CART_OP_CHANGE,
		.id = w->ids[w->left % CARTS],
		.changes = &w->change,
		.change_count = 1,
		.deadline_ns = clock_monotonic_ns(&cart_clock_system) + RIG_DEADLINE_NS,
		.done = writer_done,
		.user = w,
	};
	result = cart_store_submit(w->f->loops[w->loop].store, &w->op);
	if (result != CART_OK)
		writer_failed(w, result);
}

static void writer_start(void *user)
{
	writer_next(user);
}

/* What commits late is not passed over by a reader that has gone on. */
static void nothing_is_skipped_while_many_write(void **state)
{
	struct rig *f = *state;
	struct writer writers[WRITERS] = {0};
	struct cart_id ids[CARTS];
	int64_t versions[CARTS];
	struct reader *r;
	int busy = 1;

	for (int i = 0; i < CARTS; i++)
		ids[i] = rig_cart(f);
	r = reader_new(f);
	r->limit = 7;
	for (size_t i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){
			.f = f, .loop = i % 2, .ids = ids, .left = ADDS, .task.run = writer_start};
		writers[i].change = (struct cart_change)SET(1, 1);
		writers[i].change = (struct cart_change)ADD(1 + (int64_t)i % 3, 1);
		writers[i].task.user = &writers[i];
		rig_post(f, writers[i].loop, &writers[i].task);
	}
	r->loop = 2;
	while (busy != 0) {
		busy = 0;
		reader_page(r);
		for (size_t i = 0; i < WRITERS; i++)
			busy += writers[i].done == 0;
	}
	for (size_t i = 0; i < WRITERS; i++)
		if (writers[i].failure[0] != '\0')
			fail_msg("an add was answered %s", writers[i].failure);
	reader_await(r, (size_t)WRITERS * ADDS);
	for (int i = 0; i < CARTS; i++)
		versions[i] = 1;
	for (size_t at = 0; at < r->count; at++)
		for (int i = 0; i < CARTS; i++)
			if (cart_id_compare(&r->events[at].id, &ids[i]) == 0)
				assert_int_equal(r->events[at].version, ++versions[i]);
	reader_free(r);
}

/* A random history, whose events alone give the carts of the model. */

#define STEPS	      500
#define COPIES_MAX    600
#define HISTORY_CARTS 40

struct copies {
	struct cart carts[COPIES_MAX];
	size_t count;
};

static struct cart *copy_of(struct copies *copies, const struct cart_id *id)
{
	for (size_t i = 0; i < copies->count; i++)
		if (cart_id_compare(&copies->carts[i].id, id) == 0)
			return &copies->carts[i];
	return NULL;
}

static void copies_apply(struct copies *copies, const struct cart_event *event)
{
	struct cart *copy = copy_of(copies, &event->id);

	if (event->type == CART_EVENT_DELETED) {
		assert_non_null(copy);
		assert_int_equal(event->version, copy->version + 1);
		cart_clear(copy);
		return;
	}
	if (copy == NULL) {
		assert_int_equal(event->type, CART_EVENT_CREATED);
		assert_true(copies->count < COPIES_MAX);
		copy = &copies->carts[copies->count++];
	} else {
		assert_int_equal(event->version, copy->version + 1);
		for (size_t i = 0; i < event->change_count; i++) {
			const struct cart_line *line =
				cart_find_line(copy, &event->changes[i].product_id);

			assert_int_equal(event->changes[i].was, line != NULL ? line->quantity : 0);
		}
		cart_clear(copy);
	}
	assert_true(cart_copy(copy, &event->cart));
}

static struct cart_change some_change(struct rng *rng)
{
	static const char *const texts[] = {NULL, NULL, "", "{\"a\":1}", "{\"a\":2}"};
	int64_t product = rng_between(rng, 1, 8), quantity = rng_between(rng, 1, 4);
	const char *attributes = texts[rng_below(rng, 5)];

	switch (rng_below(rng, 8)) {
	case 0:
		return (struct cart_change)REMOVE(product);
	case 1:
		return (struct cart_change)CLEAR;
	case 2:
	case 3:
		return (struct cart_change)LINE(SET, product, quantity - 1, attributes);
	default:
		return (struct cart_change)LINE(ADD, product, quantity, attributes);
	}
}

static void some_op(struct rig *f, struct rng *rng, struct cart_op *op, struct cart_change *changes,
		    struct cart_id *ids, size_t count)
{
	uint64_t dice = rng_below(rng, 100);

	*op = (struct cart_op){.id = ids[rng_below(rng, count)],
			       .changes = changes,
			       .change_count = 1 + rng_below(rng, 3),
			       .type = CART_OP_CHANGE};
	for (size_t i = 0; i < op->change_count; i++)
		changes[i] = some_change(rng);
	if (dice < 70)
		return;
	op->change_count = 0;
	if (dice < 80) {
		op->type = CART_OP_CHECKOUT;
		op->order_id = rig_id(f);
	} else if (dice < 86) {
		changes[0] = (struct cart_change)REOPEN;
		op->change_count = 1;
	} else if (dice < 94) {
		op->type = CART_OP_MERGE;
		op->strategy = (enum cart_merge_strategy)rng_below(rng, CART_MERGE_STRATEGIES);
		op->from = ids[rng_below(rng, count)];
		if (cart_id_compare(&op->from, &op->id) == 0)
			op->from = rig_id(f);
	} else {
		op->type = CART_OP_DELETE;
	}
}

/* What a history has made so far. */
struct made {
	struct cart_id ids[HISTORY_CARTS];
	int64_t versions[HISTORY_CARTS];
	bool merged[HISTORY_CARTS];
	size_t count;
	size_t events; /* that there must be */
};

static size_t made_at(const struct made *made, const struct cart_id *id)
{
	size_t i = 0;

	while (cart_id_compare(&made->ids[i], id) != 0)
		i++;
	return i;
}

/* Counts the events of an op that was CART_OK. */
static void made_note(struct made *made, const struct cart_op *op)
{
	size_t at = made_at(made, &op->id);

	if (op->type == CART_OP_DELETE) {
		made->events++;
		return;
	}
	if (op->type == CART_OP_MERGE && !made->merged[made_at(made, &op->from)]) {
		made->merged[made_at(made, &op->from)] = true;
		made->versions[made_at(made, &op->from)]++;
		made->events++;
	}
	made->events += op->version != made->versions[at];
	made->versions[at] = op->version;
}

static void run_both(struct rig *f, struct model *model, struct cart_op *op, size_t loop,
		     struct made *made)
{
	static struct model_answer answer;

	rig_run(f, loop, op, NULL);
	model_run(model, op, &answer);
	assert_string_equal(cart_result_name(op->result), cart_result_name(answer.result));
	if (op->result == CART_OK)
		made_note(made, op);
	cart_op_clear(op);
}

static void expect_copies(struct rig *f, struct copies *copies, const struct cart_id *ids,
			  size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct cart_op op = {.type = CART_OP_GET, .id = ids[i], .flags = CART_READ_STRONG};
		enum cart_result result = rig_run(f, 0, &op, NULL);
		const struct cart *copy = copy_of(copies, &ids[i]);

		if (result == CART_NOT_FOUND) {
			assert_null(copy);
		} else {
			assert_non_null(copy);
			if (!rig_same_cart(copy, &op.cart, false)) {
				print_error("store %s\n", rig_describe(&op.cart));
				fail_msg("copy %s", rig_describe(copy));
			}
		}
		cart_op_clear(&op);
	}
}

static void the_events_of_a_history_give_its_carts(void **state)
{
	struct rig *f = *state;
	struct model *model;
	struct copies *copies = calloc(1, sizeof(*copies));
	struct made made = {0};
	struct cart_change changes[3];
	struct cart_op op;
	struct reader *r;

	model = model_new(&f->rules);
	r = reader_new(f);
	for (int step = 0; step < STEPS; step++) {
		clock_fake_advance(&f->clock, (int64_t)rng_below(&f->rng, 5));
		if (made.count == 0 ||
		    (made.count < HISTORY_CARTS && rng_below(&f->rng, 10) == 0)) {
			made.ids[made.count] = rig_id(f);
			op = (struct cart_op){.type = CART_OP_CREATE, .id = made.ids[made.count++]};
		} else {
			some_op(f, &f->rng, &op, changes, made.ids, made.count);
		}
		run_both(f, model, &op, (size_t)step % 3, &made);
	}
	reader_await(r, made.events);
	for (size_t i = 0; i < r->count; i++)
		copies_apply(copies, &r->events[i]);
	expect_copies(f, copies, made.ids, made.count);
	for (size_t i = 0; i < copies->count; i++)
		cart_clear(&copies->carts[i]);
	free(copies);
	model_free(&model);
	reader_free(r);
}

static void events_of_a_backend_without_a_feed(void **state)
{
	(void)state;
	print_message("not tested: %s has no feed here\n", rig_backend_name());
	skip();
}

int main(void)
{
#define TEST(name_) cmocka_unit_test(name_)
	const struct CMUnitTest without[] = {
		TEST(events_of_a_backend_without_a_feed),
		TEST(a_request_that_no_caller_should_make_is_refused),
	};
	const struct CMUnitTest tests[] = {
		TEST(each_change_of_a_cart_is_one_event_with_its_version),
		TEST(an_event_has_the_cart_and_the_lines_that_differ),
		TEST(a_deleted_cart_is_told_as_it_was_without_its_lines),
		TEST(a_merge_is_an_event_of_each_cart_that_it_changed),
		TEST(what_changed_nothing_is_no_event),
		TEST(a_cart_that_comes_back_is_created),
		TEST(pages_of_any_size_have_each_event_once),
		TEST(without_a_cursor_it_begins_with_the_oldest),
		TEST(a_reader_that_is_up_to_date_gets_an_empty_page),
		TEST(what_is_no_cursor_is_refused),
		TEST(a_cursor_of_another_backend_is_told_as_such),
		TEST(a_request_that_no_caller_should_make_is_refused),
		TEST(nothing_is_skipped_while_many_write),
		TEST(the_events_of_a_history_give_its_carts),
	};

	if (!own_database_has_feed(rig_backend_name()))
		return cmocka_run_group_tests_name(rig_title("no feed"), without, start, stop);
	return cmocka_run_group_tests_name(rig_title("the feed"), tests, start, stop);
}
