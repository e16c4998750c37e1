/* Gets and lists over a server that gives half, gives what is old, or says what was not asked for.
 */
#include "core/base/buf.h"
#include "core/cart_id.h"
#include "tests/lib/ids.h"
#include "tests/lib/captured_log.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/ddb_rig.h"

#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define RULE(...) ddb_stub_add(&r.stub, (struct ddb_stub_rule){__VA_ARGS__})
#define CARTS	  20
#define KEY_ROOM  64

static struct ddb_rig r;
static struct cart_id ids[CARTS]; /* the newest first */
static int64_t created_ms[CARTS];

static int start(const char *const *set)
{
	ddb_rig_start_stub(&r);
	ddb_rig_start(&r, 1, set);
	for (int i = CARTS - 1; i >= 0; i--) {
		clock_fake_advance(&r.rig->clock, 1);
		created_ms[i] = clock_fake_now(&r.rig->clock);
		ids[i] = rig_cart(r.rig);
	}
	ddb_stub_clear(&r.stub);
	return 0;
}

static int setup(void **state)
{
	/* One lane: what is asked while it is at work waits together. */
	static const char *const set[] = {"dynamodb.connections", "1", "dynamodb.acquire_timeout",
					  "60s", NULL};

	(void)state;
	return start(set);
}

static int setup_eventual(void **state)
{
	static const char *const set[] = {"dynamodb.consistent_read", "false",
					  "dynamodb.connections", "1", NULL};

	(void)state;
	return start(set);
}

static int teardown(void **state)
{
	(void)state;
	ddb_rig_stop(&r);
	return 0;
}

static bool asked_strongly(const char *operation, int n)
{
	const char *body = ddb_stub_request(&r.stub, operation, n)->body;
	bool strongly = strstr(body, "\"ConsistentRead\":true") != NULL;

	assert_int_not_equal(strongly, strstr(body, "\"ConsistentRead\":false") != NULL);
	return strongly;
}

static void get(unsigned flags)
{
	struct cart_op op = {.type = CART_OP_GET, .id = ids[0], .flags = flags};

	assert_int_equal(rig_run(r.rig, 0, &op, NULL), CART_OK);
	cart_op_clear(&op);
}

static void reads_are_strong_unless_they_need_not_be(void **state)
{
	(void)state;
	get(0);
	get(CART_READ_STRONG);
	get(CART_READ_EVENTUAL);
	assert_true(asked_strongly("GetItem", 0));
	assert_true(asked_strongly("GetItem", 1));
	assert_false(asked_strongly("GetItem", 2));
}

static void reads_are_eventual_where_the_setting_says_so(void **state)
{
	(void)state;
	get(0);
	get(CART_READ_STRONG);
	get(CART_READ_EVENTUAL);
	assert_false(asked_strongly("GetItem", 0));
	assert_true(asked_strongly("GetItem", 1));
	assert_false(asked_strongly("GetItem", 2));
	/* What a change is decided by is never old. */
	ddb_stub_clear(&r.stub);
	ask(r.rig, CART_OK, CHANGE, .id = ids[0], CHANGES(ADD(1, 1), SET(2, 1)));
	assert_true(asked_strongly("GetItem", 0));
}

/* A replica that knows nothing yet answers those alone who ask it. */
static void what_is_stale_is_told_to_those_alone_who_do_not_mind(void **state)
{
	struct cart_op op = {.type = CART_OP_GET, .id = ids[0], .flags = CART_READ_EVENTUAL};

	(void)state;
	RULE(.operation = "GetItem", .holds = "\"ConsistentRead\":false", .body = "{}");
	assert_int_equal(rig_run(r.rig, 0, &op, NULL), CART_NOT_FOUND);
	cart_op_clear(&op);
	get(CART_READ_STRONG);
	/* Changes are decided by what is: of several kinds at once, of one that is refused. */
	assert_int_equal(ask(r.rig, CART_OK, CHANGE, .id = ids[0], CHANGES(ADD(1, 1), SET(2, 1))),
			 2);
	ask(r.rig, CART_NO_ITEM, CHANGE, .id = ids[0], CHANGES(REMOVE(3)));
}

/* An answer that waits until it may be given. */
static char *held(const struct ddb_stub_request *request, void *user)
{
	_Atomic bool *held_back = user;

	(void)request;
	while (atomic_load(held_back))
		poll(NULL, 0, 1);
	return NULL;
}

static void nothing(void *user)
{
	(void)user;
}

/* Gets of carts that wait together, behind one that is at work until all are there. */
static void get_together_for(struct ddb_rig_op *ops, int count, unsigned flags, int64_t ms)
{
	int64_t deadline_ns = clock_monotonic_ns(&cart_clock_system) + ms * CLOCK_NS_PER_MS;
	struct ddb_rig_op first = {.op = {.type = CART_OP_GET, .id = ids[0]}};
	int before = ddb_stub_count(&r.stub, "GetItem");
	_Atomic bool held_back = true;
	_Atomic int done = 0;

	RULE(.operation = "GetItem", .apply = true, .make = held, .user = &held_back, .times = 1);
	ddb_rig_submit(&r, &first, &done);
	ddb_stub_await(&r.stub, "GetItem", before + 1);
	for (int i = 0; i < count; i++) {
		ops[i] = (struct ddb_rig_op){.op = {.type = CART_OP_GET,
						    .id = ids[i % CARTS],
						    .flags = flags,
						    .deadline_ns = ms > 0 ? deadline_ns : 0}};
		ddb_rig_submit(&r, &ops[i], &done);
	}
	rig_call(r.rig, 0, nothing, NULL);
	atomic_store(&held_back, false);
	rig_await(&done, count + 1, "the gets");
	cart_op_clear(&first.op);
}

static void get_together(struct ddb_rig_op *ops, int count, unsigned flags)
{
	get_together_for(ops, count, flags, 0);
}

static void assert_got(struct ddb_rig_op *ops, int count)
{
	for (int i = 0; i < count; i++) {
		if (ops[i].op.result != CART_OK)
			fail_msg("get %d: %s", i, ops[i].op.reason);
		assert_int_equal(cart_id_compare(&ops[i].op.cart.id, &ids[i % CARTS]), 0);
		cart_op_clear(&ops[i].op);
	}
}

static void gets_that_wait_together_are_one_call_of_their_kind(void **state)
{
	struct ddb_rig_op ops[CARTS];

	(void)state;
	get_together(ops, CARTS, CART_READ_STRONG);
	assert_got(ops, CARTS);
	assert_int_equal(ddb_stub_count(&r.stub, "BatchGetItem"), 1);
	assert_true(asked_strongly("BatchGetItem", 0));
	ddb_stub_clear(&r.stub);
	get_together(ops, CARTS, CART_READ_EVENTUAL);
	assert_got(ops, CARTS);
	assert_int_equal(ddb_stub_count(&r.stub, "BatchGetItem"), 1);
	assert_false(asked_strongly("BatchGetItem", 0));
}

static int times_named(const char *text, const struct cart_id *id)
{
	char name[CART_ID_TEXT + 1];
	int count = 0;

	cart_id_format(id, name);
	for (; (text = strstr(text, name)) != NULL; text += CART_ID_TEXT)
		count++;
	return count;
}

static void what_a_batch_left_out_is_asked_for_again_and_nothing_else(void **state)
{
	struct ddb_rig_op ops[CARTS];
	int named = 0;

	(void)state;
	r.stub.shelf.batch_max = 6;
	get_together(ops, CARTS, CART_READ_STRONG);
	assert_got(ops, CARTS);
	assert_int_equal(ddb_stub_count(&r.stub, "BatchGetItem"), 4);
	for (int call = 0; call < 4; call++)
		for (int i = 0; i < CARTS; i++)
			named += times_named(ddb_stub_request(&r.stub, "BatchGetItem", call)->body,
					     &ids[i]);
	assert_int_equal(named, 20 + 14 + 8 + 2);
	for (int call = 0; call < 4; call++)
		assert_true(asked_strongly("BatchGetItem", call));
}

/* A batch leaves out the cart of an op that ends before its answer; what is asked for after it
 * would be nobody's. */
static void a_cart_that_nobody_waits_for_any_more_is_not_asked_for_again(void **state)
{
	struct ddb_rig_op first = {.op = {.type = CART_OP_GET, .id = ids[2]}}, ops[2];
	_Atomic bool first_held = true, batch_held = true;
	_Atomic int first_done = 0, done[2] = {0, 0};
	int left_out = cart_id_compare(&ids[0], &ids[1]) < 0 ? 1 : 0;

	(void)state;
	r.stub.shelf.batch_max = 1; /* the first by id */
	RULE(.operation = "GetItem", .apply = true, .make = held, .user = &first_held, .times = 1);
	RULE(.operation = "BatchGetItem", .apply = true, .make = held, .user = &batch_held,
	     .times = 1);
	RULE(.operation = "BatchGetItem", .error = "ValidationException");
	ddb_rig_submit(&r, &first, &first_done);
	ddb_stub_await(&r.stub, "GetItem", 1);
	for (int i = 0; i < 2; i++) {
		ops[i] = (struct ddb_rig_op){.op = {.type = CART_OP_GET, .id = ids[i]}};
		ddb_rig_submit(&r, &ops[i], &done[i]);
	}
	rig_call(r.rig, 0, nothing, NULL);
	atomic_store(&first_held, false);
	ddb_stub_await(&r.stub, "BatchGetItem", 1);
	ddb_rig_cancel(&r, &ops[left_out]);
	rig_await(&done[left_out], 1, "the canceled get");
	atomic_store(&batch_held, false);
	rig_await(&done[1 - left_out], 1, "the other get");
	assert_int_equal(ops[1 - left_out].op.result, CART_OK);
	get(CART_READ_STRONG); /* after whatever the lane did next */
	assert_int_equal(ddb_stub_count(&r.stub, "BatchGetItem"), 1);
	cart_op_clear(&first.op);
	for (int i = 0; i < 2; i++)
		cart_op_clear(&ops[i].op);
}

static void gets_of_one_cart_are_asked_for_once(void **state)
{
	struct ddb_rig_op ops[25];

	(void)state;
	get_together(ops, 25, CART_READ_STRONG);
	assert_got(ops, 25);
	for (int i = 0; i < CARTS; i++)
		assert_int_equal(
			times_named(ddb_stub_request(&r.stub, "BatchGetItem", 0)->body, &ids[i]),
			1);
}

/* Nothing of what is asked for, and all of it for another time. */
static char *nothing_yet(const struct ddb_stub_request *request, void *user)
{
	json_t *body = json_loads(request->body, 0, NULL);
	json_t *answer = json_pack("{s:{},s:O}", "Responses", "UnprocessedKeys",
				   json_object_get(body, "RequestItems"));
	char *text = json_dumps(answer, 0);

	(void)user;
	json_decref(answer);
	json_decref(body);
	return text;
}

static void a_server_that_leaves_all_out_is_asked_less_and_less_until_the_deadline(void **state)
{
	struct ddb_rig_op ops[CARTS];

	(void)state;
	RULE(.operation = "BatchGetItem", .make = nothing_yet);
	get_together_for(ops, CARTS, CART_READ_STRONG, 2000);
	for (int i = 0; i < CARTS; i++) {
		assert_true(ops[i].op.result == CART_BUSY || ops[i].op.result == CART_TIMEOUT);
		cart_op_clear(&ops[i].op);
	}
	assert_in_range(ddb_stub_count(&r.stub, "BatchGetItem"), 4, 40);
}

static void a_cart_that_is_neither_given_nor_left_out_is_not_there(void **state)
{
	struct ddb_rig_op ops[CARTS];

	(void)state;
	ids[3] = rig_id(r.rig);
	get_together(ops, CARTS, CART_READ_STRONG);
	assert_int_equal(ops[3].op.result, CART_NOT_FOUND);
	for (int i = 0; i < CARTS; i++)
		if (i != 3)
			assert_int_equal(ops[i].op.result, CART_OK);
	for (int i = 0; i < CARTS; i++)
		cart_op_clear(&ops[i].op);
}

static void keys_that_nobody_asked_for_are_not_asked_for(void **state)
{
	struct ddb_rig_op ops[2];
	char body[512], id[CART_ID_TEXT + 1];
	struct cart_id stranger = rig_id(r.rig);

	(void)state;
	cart_id_format(&stranger, id);
	snprintf(body, sizeof(body),
		 "{\"Responses\":{},\"UnprocessedKeys\":{\"%s\":{\"Keys\":[{\"cart_id\":{\"S\":"
		 "\"%s\"}}]}}}",
		 r.rig->database.name, id);
	RULE(.operation = "BatchGetItem", .body = body);
	get_together(ops, 2, CART_READ_STRONG);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ops[i].op.result, CART_NOT_FOUND);
		cart_op_clear(&ops[i].op);
	}
	assert_int_equal(ddb_stub_count(&r.stub, "BatchGetItem"), 1);
}

static void an_item_that_is_not_ours_fails_only_those_who_ask_for_it(void **state)
{
	struct ddb_rig_op ops[CARTS];
	char id[CART_ID_TEXT + 1];

	(void)state;
	cart_id_format(&ids[5], id);
	json_object_del(json_object_get(r.stub.shelf.items, id), "created_at");
	get_together(ops, CARTS, CART_READ_STRONG);
	for (int i = 0; i < CARTS; i++) {
		assert_int_equal(ops[i].op.result, i == 5 ? CART_DAMAGED : CART_OK);
		cart_op_clear(&ops[i].op);
	}
}

/* Whoever was given another's cart does not know that theirs is not there. */
static void an_item_that_nobody_asked_for_is_no_proof_that_there_is_none(void **state)
{
	struct ddb_rig_op ops[CARTS];
	char body[256], id[CART_ID_TEXT + 1];
	struct cart_op op = {.type = CART_OP_GET, .id = ids[0]};

	(void)state;
	cart_id_format(&ids[1], id);
	snprintf(body, sizeof(body), "{\"Item\":{\"cart_id\":{\"S\":\"%s\"}}}", id);
	RULE(.operation = "GetItem", .body = body, .times = 1);
	assert_int_equal(rig_run(r.rig, 0, &op, NULL), CART_FAILED);
	cart_op_clear(&op);
	snprintf(body, sizeof(body), "{\"Responses\":{\"%s\":[{\"cart_id\":{\"S\":\"no UUID\"}}]}}",
		 r.rig->database.name);
	RULE(.operation = "BatchGetItem", .body = body, .times = 1);
	get_together(ops, CARTS, CART_READ_STRONG);
	for (int i = 0; i < CARTS; i++) {
		assert_int_equal(ops[i].op.result, CART_FAILED);
		cart_op_clear(&ops[i].op);
	}
}

static void an_answer_without_carts_is_no_proof_that_there_are_none(void **state)
{
	struct cart_op op = {
		.type = CART_OP_LIST,
		.list = {.kind = CART_LIST_CUSTOMER, .customer_id = id_of(1), .limit = 5}};
	struct ddb_rig_op ops[2];

	(void)state;
	RULE(.operation = "BatchGetItem", .body = "{}", .times = 1);
	get_together(ops, 2, CART_READ_STRONG);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ops[i].op.result, CART_BUSY);
		cart_op_clear(&ops[i].op);
	}
	RULE(.operation = "Query", .body = "{}", .times = 1);
	assert_int_equal(rig_run(r.rig, 0, &op, NULL), CART_BUSY);
	cart_op_clear(&op);
}

static void reads_are_made_again_when_throttled_or_lost(void **state)
{
	struct ddb_rig_op ops[CARTS];

	(void)state;
	RULE(.operation = "BatchGetItem", .error = "ThrottlingException",
	     .headers = "x-amz-retry-after: 1\r\n", .times = 1);
	RULE(.operation = "BatchGetItem", .apply = true, .wrong_crc = true, .times = 1);
	RULE(.operation = "BatchGetItem", .apply = true, .manner = DDB_STUB_HALF, .times = 1);
	get_together(ops, CARTS, CART_READ_STRONG);
	assert_got(ops, CARTS);
	assert_int_equal(ddb_stub_count(&r.stub, "BatchGetItem"), 4);
}

/* A page of the index of a customer's carts: keys alone, as it projects them. */
static void add_page(struct buf *page, int from, int count, const char *last_member)
{
	char id[CART_ID_TEXT + 1], key[KEY_ROOM];

	buf_reset(page);
	buf_add_string(page, "{\"Items\":[");
	for (int i = from; i < from + count; i++) {
		cart_id_format(&ids[i], id);
		snprintf(key, sizeof(key), "%015" PRId64 "#%s", created_ms[i], id);
		buf_printf(page,
			   "%s{\"cart_id\":{\"S\":\"%s\"},\"customer_id\":{\"S\":\"1\"},"
			   "\"created_key\":{\"S\":\"%s\"}}",
			   i > from ? "," : "", id, key);
	}
	buf_add_char(page, ']');
	if (last_member != NULL) {
		snprintf(key, sizeof(key), "%015" PRId64 "#%s", created_ms[from + count - 1], id);
		buf_printf(page,
			   ",\"LastEvaluatedKey\":{\"cart_id\":{\"S\":\"%s\"},\"customer_id\":"
			   "{\"S\":\"1\"},\"%s\":{\"S\":\"%s\"}}",
			   id, last_member, key);
	}
	buf_add_char(page, '}');
}

static struct cart_op list(int limit)
{
	struct cart_op op = {
		.type = CART_OP_LIST,
		.list = {.kind = CART_LIST_CUSTOMER, .customer_id = id_of(1), .limit = limit}};

	assert_int_equal(rig_run(r.rig, 0, &op, NULL), CART_OK);
	return op;
}

static void a_damaged_item_is_left_out_of_lists_and_named_in_the_log(void **state)
{
	struct buf page = {0};
	struct cart_op op;
	char id[CART_ID_TEXT + 1];

	(void)state;
	captured_log_start();
	cart_id_format(&ids[3], id);
	json_object_set_new(json_object_get(r.stub.shelf.items, id), "qty",
			    json_pack("{s:{s:{s:s}}}", "M", "7", "N", "-5"));
	add_page(&page, 0, 8, NULL);
	RULE(.operation = "Query", .body = buf_string(&page));
	op = list(50);
	assert_int_equal(op.cart_count, 7);
	for (int i = 0; i < 7; i++)
		assert_int_equal(cart_id_compare(&op.carts[i].id, &ids[i < 3 ? i : i + 1]), 0);
	cart_op_clear(&op);
	assert_int_equal(captured_log_count(id), 1);
	assert_int_equal(captured_log_count("bad qty"), 1);
	ask(r.rig, CART_DAMAGED, GET, .id = ids[3]);
	assert_int_equal(captured_log_count(id), 2);
	captured_log_stop();
	/* It can be deleted as it is. */
	ask(r.rig, CART_OK, DELETE, .id = ids[3]);
	buf_free(&page);
}

/* The call that makes a change does not read the item. It says what has become of the change, and
 * whoever needs to see the cart hears that it is damaged. */
static void a_change_of_a_damaged_item_is_answered_as_it_ended(void **state)
{
	char id[CART_ID_TEXT + 1];
	struct cart_op op;

	(void)state;
	captured_log_start();
	cart_id_format(&ids[3], id);
	json_object_set_new(json_object_get(r.stub.shelf.items, id), "qty",
			    json_pack("{s:{s:{s:s}}}", "M", "7", "N", "-5"));
	assert_int_equal(ask(r.rig, CART_OK, CHANGE, .id = ids[3], CHANGES(ADD(1, 1)), .key = "k"),
			 2);
	assert_int_equal(ddb_shelf_number(&r.stub.shelf, &ids[3], "qty/1"), 1);
	assert_int_equal(captured_log_count("bad qty"), 1);
	op = ask_for(r.rig, CART_DAMAGED, CHANGE, .id = ids[3], CHANGES(ADD(1, 1)),
		     .flags = CART_WANT_CART);
	assert_non_null(
		strstr(op.reason, "the change was made, and an item of the table has a bad"));
	cart_op_clear(&op);
	assert_int_equal(ddb_shelf_number(&r.stub.shelf, &ids[3], "qty/1"), 2);
	/* A repeated request is not applied, and cannot be answered as the first one was. */
	ask(r.rig, CART_DAMAGED, CHANGE, .id = ids[3], CHANGES(ADD(1, 1)), .key = "k");
	assert_int_equal(ddb_shelf_number(&r.stub.shelf, &ids[3], "qty/1"), 2);
	captured_log_stop();
}

/* DynamoDB refuses an update of a map that is no map; nothing was changed. */
static void an_item_that_an_update_does_not_fit_is_damaged(void **state)
{
	char id[CART_ID_TEXT + 1];

	(void)state;
	cart_id_format(&ids[3], id);
	json_object_set_new(json_object_get(r.stub.shelf.items, id), "qty",
			    json_pack("{s:s}", "S", "none"));
	RULE(.operation = "UpdateItem", .error = "ValidationException");
	ask(r.rig, CART_DAMAGED, CHANGE, .id = ids[3], CHANGES(ADD(1, 1)), .key = "k");
	ask(r.rig, CART_DAMAGED, CHANGE, .id = ids[3], CHANGES(ADD(1, 1)));
	/* Another item is not blamed for what the service does not like. */
	ask(r.rig, CART_FAILED, CHANGE, .id = ids[4], CHANGES(ADD(1, 1)));
}

static void a_list_goes_on_until_the_index_has_no_more(void **state)
{
	struct buf pages[3] = {{0}};
	struct cart_op op;

	(void)state;
	add_page(&pages[0], 0, 7, "created_key");
	/* DynamoDB may give a page that is empty, and more behind it. */
	buf_add_string(&pages[1], "{\"Items\":[],\"LastEvaluatedKey\":{\"created_key\":{\"S\":"
				  "\"000000000999990#\"}}}");
	add_page(&pages[2], 7, 8, NULL);
	for (int i = 0; i < 3; i++)
		RULE(.operation = "Query", .body = buf_string(&pages[i]), .times = 1);
	r.stub.shelf.batch_max = 4; /* and the carts come in parts too */
	op = list(50);
	assert_int_equal(op.cart_count, 15);
	assert_false(op.more);
	for (int i = 0; i < 15; i++)
		assert_int_equal(cart_id_compare(&op.carts[i].id, &ids[i]), 0);
	cart_op_clear(&op);
	assert_int_equal(ddb_stub_count(&r.stub, "Query"), 3);
	/* Each page begins behind the one before. */
	assert_null(strstr(ddb_stub_request(&r.stub, "Query", 0)->body, "created_key <"));
	assert_non_null(strstr(ddb_stub_request(&r.stub, "Query", 1)->body, ":after"));
	assert_non_null(strstr(ddb_stub_request(&r.stub, "Query", 2)->body,
			       "\":after\":{\"S\":\"000000000999990#\"}"));
	assert_false(asked_strongly("BatchGetItem", 0));
	for (int i = 0; i < 3; i++)
		buf_free(&pages[i]);
}

/* A hundred carts may have ten megabytes of keys, which a loop would read while others wait. */
static void a_list_reads_carts_without_their_keys(void **state)
{
	struct buf page = {0};
	char id[CART_ID_TEXT + 1];
	const char *body;
	struct cart_op op;

	(void)state;
	add_page(&page, 0, 1, NULL);
	RULE(.operation = "Query", .body = buf_string(&page), .times = 1);
	/* What DynamoDB then leaves out. */
	cart_id_format(&ids[0], id);
	json_object_del(json_object_get(r.stub.shelf.items, id), "op_v");
	json_object_del(json_object_get(r.stub.shelf.items, id), "op_f");
	op = list(50);
	assert_int_equal(op.cart_count, 1);
	cart_op_clear(&op);
	body = ddb_stub_request(&r.stub, "BatchGetItem", 0)->body;
	assert_non_null(strstr(body, "\"ProjectionExpression\":\"cart_id,"));
	assert_null(strstr(body, "op_"));
	buf_free(&page);
}

static void a_list_ends_with_its_limit_and_says_that_there_is_more(void **state)
{
	struct buf page = {0};
	struct cart_op op;

	(void)state;
	add_page(&page, 0, 11, "created_key");
	RULE(.operation = "Query", .body = buf_string(&page));
	op = list(10);
	assert_int_equal(op.cart_count, 10);
	assert_true(op.more);
	cart_op_clear(&op);
	assert_int_equal(ddb_stub_count(&r.stub, "Query"), 1);
	assert_non_null(strstr(ddb_stub_request(&r.stub, "Query", 0)->body, "\"Limit\":11"));
	buf_free(&page);
}

/* An index is behind its table: what it says of a cart is not what counts. */
static void what_an_index_has_and_the_table_has_not_is_not_listed(void **state)
{
	struct buf page = {0};
	struct cart_op op;

	(void)state;
	add_page(&page, 0, 10, NULL);
	RULE(.operation = "Query", .body = buf_string(&page));
	ask(r.rig, CART_OK, DELETE, .id = ids[2]);
	ask(r.rig, CART_OK, CHANGE, .id = ids[4], CHANGES(ADD(7, 1)));
	ask(r.rig, CART_OK, CHECKOUT, .id = ids[4], .order_id = rig_id(r.rig));
	op = (struct cart_op){.type = CART_OP_LIST,
			      .list = {.kind = CART_LIST_CUSTOMER,
				       .customer_id = id_of(1),
				       .limit = 50,
				       .state = CART_LIST_OPEN}};
	assert_int_equal(rig_run(r.rig, 0, &op, NULL), CART_OK);
	assert_int_equal(op.cart_count, 8);
	for (size_t i = 0; i < op.cart_count; i++) {
		assert_int_not_equal(cart_id_compare(&op.carts[i].id, &ids[2]), 0);
		assert_int_not_equal(cart_id_compare(&op.carts[i].id, &ids[4]), 0);
	}
	cart_op_clear(&op);
	buf_free(&page);
}

static void a_list_from_nonsense_fails_and_one_from_silence_ends(void **state)
{
	struct cart_op op = {
		.type = CART_OP_LIST,
		.list = {.kind = CART_LIST_CUSTOMER, .customer_id = id_of(1), .limit = 5}};
	struct ddb_rig_op silent = {.op = op};
	_Atomic int done = 0;

	(void)state;
	RULE(.operation = "Query", .body = "{\"Items\":[{\"cart_id\":{\"S\":\"x\"}}]}", .times = 1);
	assert_int_equal(rig_run(r.rig, 0, &op, NULL), CART_FAILED);
	assert_non_null(strstr(op.reason, "created_key"));
	cart_op_clear(&op);
	RULE(.operation = "Query", .manner = DDB_STUB_SILENT, .times = 1);
	silent.op.deadline_ns = clock_monotonic_ns(&cart_clock_system) + 300 * CLOCK_NS_PER_MS;
	ddb_rig_submit(&r, &silent, &done);
	rig_await(&done, 1, "the deadline of a list");
	assert_int_equal(silent.op.result, CART_TIMEOUT);
	cart_op_clear(&silent.op);
	get(0); /* its lane is free */
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_are_strong_unless_they_need_not_be),
		cmocka_unit_test_setup_teardown(reads_are_eventual_where_the_setting_says_so,
						setup_eventual, teardown),
		TEST(what_is_stale_is_told_to_those_alone_who_do_not_mind),
		TEST(gets_that_wait_together_are_one_call_of_their_kind),
		TEST(what_a_batch_left_out_is_asked_for_again_and_nothing_else),
		TEST(a_cart_that_nobody_waits_for_any_more_is_not_asked_for_again),
		TEST(gets_of_one_cart_are_asked_for_once),
		TEST(a_server_that_leaves_all_out_is_asked_less_and_less_until_the_deadline),
		TEST(a_cart_that_is_neither_given_nor_left_out_is_not_there),
		TEST(keys_that_nobody_asked_for_are_not_asked_for),
		TEST(an_item_that_is_not_ours_fails_only_those_who_ask_for_it),
		TEST(an_item_that_nobody_asked_for_is_no_proof_that_there_is_none),
		TEST(an_answer_without_carts_is_no_proof_that_there_are_none),
		TEST(reads_are_made_again_when_throttled_or_lost),
		TEST(a_damaged_item_is_left_out_of_lists_and_named_in_the_log),
		TEST(an_item_that_an_update_does_not_fit_is_damaged),
		TEST(a_change_of_a_damaged_item_is_answered_as_it_ended),
		TEST(a_list_goes_on_until_the_index_has_no_more),
		TEST(a_list_reads_carts_without_their_keys),
		TEST(a_list_ends_with_its_limit_and_says_that_there_is_more),
		TEST(what_an_index_has_and_the_table_has_not_is_not_listed),
		TEST(a_list_from_nonsense_fails_and_one_from_silence_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
