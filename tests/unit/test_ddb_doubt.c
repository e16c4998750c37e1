/*
 * Changes whose answer is lost, in each way in which a server can lose one, applied and not
 * applied: what the store makes of it. In none is a change applied twice, and no success is told
 * that is none.
 */
#include "tests/lib/cmocka.h"
#include "backends/dynamodb/wire/retry.h"
#include "tests/lib/ddb_rig.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define RULE(...)      ddb_stub_add(&r.stub, (struct ddb_stub_rule){__VA_ARGS__})
#define LOST(op_, ...) RULE(.operation = op_, .times = 1, __VA_ARGS__)
#define HTTP_500       .error = "InternalServerError", .status = 500
#define EVERY(list_)   sizeof(list_) / sizeof(list_[0])

static struct ddb_rig r;

static int start(const char *const *set)
{
	ddb_rig_start_stub(&r);
	ddb_rig_start(&r, 1, set);
	return 0;
}

static int setup_map(void **state)
{
	(void)state;
	return start(NULL);
}

static int setup_list(void **state)
{
	static const char *const set[] = {"dynamodb.layout", "list", NULL};

	(void)state;
	return start(set);
}

static int setup_short(void **state)
{
	static const char *const set[] = {"dynamodb.timeout", "1s", NULL};

	(void)state;
	return start(set);
}

/* A call would go on for longer than an op may. */
static int setup_long(void **state)
{
	static const char *const set[] = {"dynamodb.timeout", "60s", NULL};

	(void)state;
	return start(set);
}

static int setup_one_connection(void **state)
{
	static const char *const set[] = {"dynamodb.connections", "1", "dynamodb.acquire_timeout",
					  "60s", NULL};

	(void)state;
	return start(set);
}

static int teardown(void **state)
{
	(void)state;
	ddb_rig_stop(&r);
	return 0;
}

/* A cart with 5 of product 7, at version 2; what was asked so far is forgotten. */
static struct cart_id new_cart(void)
{
	struct cart_id id = rig_cart(r.rig);

	ask(r.rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 5)));
	ddb_stub_clear(&r.stub);
	return id;
}

static int64_t quantity(const struct cart_id *id)
{
	return ddb_shelf_number(&r.stub.shelf, id, "qty/7");
}

static int64_t version(const struct cart_id *id)
{
	return ddb_shelf_number(&r.stub.shelf, id, "version");
}

static void assert_asked(const char *operation, int count)
{
	if (ddb_stub_count(&r.stub, operation) != count)
		fail_msg("%d and not %d times %s", ddb_stub_count(&r.stub, operation), count,
			 operation);
}

/* Somebody else changes the cart before what is asked is answered. */
static char *touched(const struct ddb_stub_request *request, void *user)
{
	(void)request;
	ddb_shelf_touch(&r.stub.shelf, user);
	return NULL;
}

static const struct ddb_stub_rule ways_to_lose[] = {
	{HTTP_500},
	{.status = 503, .body = "<html>"},
	{.manner = DDB_STUB_MUTE},
	{.manner = DDB_STUB_RESET},
	{.manner = DDB_STUB_HALF_HEAD},
	{.manner = DDB_STUB_HALF, .pad = 200},
	{.wrong_crc = true},
	{.body = "no JSON"},
	{.body = "{\"__type\":\"com.amazonaws.dynamodb.v20120810#InternalServerError\"}"},
};

static void lose(size_t way, const char *operation, bool apply)
{
	struct ddb_stub_rule rule = ways_to_lose[way];

	rule.operation = operation;
	rule.apply = apply;
	rule.times = 1;
	ddb_stub_add(&r.stub, rule);
}

static void an_add_that_was_applied_is_recognised_by_its_mark(void **state)
{
	(void)state;
	for (size_t way = 0; way < EVERY(ways_to_lose); way++) {
		struct cart_id id = new_cart();

		lose(way, "UpdateItem", true);
		assert_int_equal(ask(r.rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2))), 3);
		assert_asked("UpdateItem", 1);
		assert_asked("GetItem", 1);
		assert_int_equal(quantity(&id), 7);
	}
}

static void an_add_that_may_have_been_applied_is_not_repeated_but_uncertain(void **state)
{
	(void)state;
	for (size_t way = 0; way < EVERY(ways_to_lose); way++) {
		struct cart_id id = new_cart();

		lose(way, "UpdateItem", false);
		ask(r.rig, CART_UNCERTAIN, CHANGE, .id = id, CHANGES(ADD(7, 2)));
		assert_asked("UpdateItem", 1);
		assert_int_equal(quantity(&id), 5);
	}
}

static void an_add_over_which_somebody_wrote_is_uncertain(void **state)
{
	struct cart_id id = new_cart();

	(void)state;
	LOST("UpdateItem", HTTP_500, .apply = true);
	LOST("GetItem", .apply = true, .make = touched, .user = &id);
	ask(r.rig, CART_UNCERTAIN, CHANGE, .id = id, CHANGES(ADD(7, 2)));
	assert_asked("UpdateItem", 1);
	assert_int_equal(quantity(&id), 7);
}

static void with_a_key_an_add_is_made_once_whatever_was_lost(void **state)
{
	(void)state;
	for (size_t way = 0; way < 2 * EVERY(ways_to_lose); way++) {
		struct cart_id id = new_cart();
		struct cart_op op;

		lose(way / 2, "UpdateItem", way % 2);
		op = ask_for(r.rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2)), .key = "k");
		assert_int_equal(op.version, 3);
		assert_false(op.replayed);
		cart_op_clear(&op);
		assert_asked("UpdateItem", way % 2 ? 1 : 2);
		assert_int_equal(quantity(&id), 7);
		assert_int_equal(version(&id), 3);
	}
}

static void with_a_key_an_add_is_recognised_though_somebody_wrote_since(void **state)
{
	struct cart_id id = new_cart();
	struct cart_op op;

	(void)state;
	LOST("UpdateItem", HTTP_500, .apply = true);
	LOST("GetItem", .apply = true, .make = touched, .user = &id);
	op = ask_for(r.rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2)), .key = "k");
	assert_int_equal(op.version, 3);
	assert_false(op.replayed);
	cart_op_clear(&op);
	assert_asked("UpdateItem", 1);
	assert_int_equal(quantity(&id), 7);
	assert_int_equal(version(&id), 4);
}

/* The first try comes late, when the second has been applied: it finds the key. */
static void with_a_key_a_try_that_comes_late_changes_nothing(void **state)
{
	struct cart_id id = new_cart();
	const struct ddb_stub_request *first;
	json_t *body, *answer;
	int status;

	(void)state;
	LOST("UpdateItem", .manner = DDB_STUB_MUTE);
	ask(r.rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2)), .key = "k");
	first = ddb_stub_request(&r.stub, "UpdateItem", 0);
	body = json_loads(first->body, 0, NULL);
	answer = ddb_shelf_do(&r.stub.shelf, "UpdateItem", body, &status);
	assert_int_equal(status, 400);
	json_decref(answer);
	json_decref(body);
	assert_int_equal(quantity(&id), 7);
}

static void under_a_version_a_change_that_was_not_applied_is_repeated(void **state)
{
	struct cart_id id = new_cart();

	(void)state;
	LOST("UpdateItem", HTTP_500);
	assert_int_equal(ask(r.rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2)), .if_version = 2),
			 3);
	assert_asked("UpdateItem", 2);
	assert_int_equal(quantity(&id), 7);
}

static void under_a_version_that_has_gone_by_a_change_is_not_repeated(void **state)
{
	struct cart_id id = new_cart();

	(void)state;
	LOST("UpdateItem", HTTP_500, .apply = true);
	LOST("GetItem", .apply = true, .make = touched, .user = &id);
	ask(r.rig, CART_UNCERTAIN, CHANGE, .id = id, CHANGES(ADD(7, 2)), .if_version = 2);
	assert_asked("UpdateItem", 1);
	assert_int_equal(quantity(&id), 7);
}

static struct cart_id new_guest(void)
{
	struct cart_id id = rig_id(r.rig);

	ask(r.rig, CART_OK, CREATE, .id = id);
	ask(r.rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 5)));
	ddb_stub_clear(&r.stub);
	return id;
}

/* Whoever writes after a claim leaves the cart its customer. */
static void claim_in_doubt(const char *write)
{
	const struct shop_id customer = rig_customer(r.rig), other = rig_customer(r.rig);

	for (int way = 0; way < 8; way++) {
		bool applied = way & 1, since = way & 2, keyed = way & 4;
		struct cart_id id = new_guest();
		struct cart cart;

		LOST(write, HTTP_500, .apply = applied);
		if (since)
			LOST("GetItem", .skip = 1, .apply = true, .make = touched, .user = &id);
		ask(r.rig, CART_OK, CHANGE, .id = id, .customer_id = customer,
		    .key = keyed ? "k" : NULL);
		assert_asked(write, applied ? 1 : 2);
		assert_int_equal(version(&id), since ? 4 : 3);
		ask(r.rig, CART_OK, CHANGE, .id = id, .customer_id = customer,
		    .key = keyed ? "k" : NULL);
		ask(r.rig, CART_OWNED, CHANGE, .id = id, .customer_id = other);
		cart = rig_get(r.rig, &id);
		assert_int_equal(shop_id_compare(&cart.customer_id, &customer), 0);
		cart_clear(&cart);
	}
}

static void a_claim_in_doubt_is_answered_by_the_carts_customer(void **state)
{
	(void)state;
	claim_in_doubt("UpdateItem");
}

static void in_layout_list_a_claim_in_doubt_is_too(void **state)
{
	(void)state;
	claim_in_doubt("PutItem");
}

/* Somebody else has checked the claimed cart out before what is asked is answered. */
static char *closed_since(const struct ddb_stub_request *request, void *user)
{
	char id[CART_ID_TEXT + 1], text[512];
	json_t *body, *answer;
	int status;

	(void)request;
	cart_id_format(user, id);
	snprintf(text, sizeof(text),
		 "{\"Key\":{\"cart_id\":{\"S\":\"%s\"}},\"UpdateExpression\":\"SET "
		 "status=:s,mark=:m,version=version+:1,order_id=:o REMOVE expires_ms\","
		 "\"ExpressionAttributeValues\":{\":s\":{\"S\":\"checked_out\"},"
		 "\":m\":{\"S\":\"0000000000000001\"},\":1\":{\"N\":\"1\"},\":o\":{\"S\":\"%s\"}}}",
		 id, id);
	body = json_loads(text, 0, NULL);
	answer = ddb_shelf_do(&r.stub.shelf, "UpdateItem", body, &status);
	json_decref(answer);
	json_decref(body);
	return NULL;
}

/* The claim was done, and the checkout came after it; without it there is nothing to claim. */
static void a_claim_in_doubt_of_a_cart_that_was_closed_since_was_done_or_not(void **state)
{
	const struct shop_id customer = rig_customer(r.rig);

	(void)state;
	for (int applied = 0; applied < 2; applied++) {
		struct cart_id id = new_guest();

		LOST("UpdateItem", HTTP_500, .apply = applied);
		LOST("GetItem", .skip = 1, .apply = true, .make = closed_since, .user = &id);
		ask(r.rig, applied ? CART_OK : CART_CLOSED, CHANGE, .id = id,
		    .customer_id = customer);
		assert_asked("UpdateItem", 1);
	}
}

static void a_checkout_and_a_delete_are_repeated(void **state)
{
	struct cart_id id = new_cart();

	(void)state;
	LOST("UpdateItem", HTTP_500);
	ask(r.rig, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(r.rig));
	assert_asked("UpdateItem", 2);
	assert_int_equal(version(&id), 3);
	id = new_cart();
	LOST("UpdateItem", HTTP_500, .apply = true);
	ask(r.rig, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(r.rig));
	assert_asked("UpdateItem", 1);
	assert_int_equal(version(&id), 3);
	id = new_cart();
	LOST("DeleteItem", HTTP_500);
	ask(r.rig, CART_OK, DELETE, .id = id);
	assert_asked("DeleteItem", 2);
	assert_int_equal(version(&id), -1);
}

/* Somebody else opens the cart again before what is asked is answered. */
static char *reopened(const struct ddb_stub_request *request, void *user)
{
	char id[CART_ID_TEXT + 1], text[512];
	json_t *body, *answer;
	int status;

	(void)request;
	cart_id_format(user, id);
	snprintf(text, sizeof(text),
		 "{\"Key\":{\"cart_id\":{\"S\":\"%s\"}},\"UpdateExpression\":\"SET "
		 "status=:s,mark=:m,version=version+:1,updated_at=updated_at+:1,expires_ms=:e "
		 "REMOVE order_id\",\"ExpressionAttributeValues\":{\":s\":{\"S\":\"open\"},"
		 "\":m\":{\"S\":\"0000000000000001\"},\":1\":{\"N\":\"1\"},"
		 "\":e\":{\"N\":\"999999999999999\"}}}",
		 id);
	body = json_loads(text, 0, NULL);
	answer = ddb_shelf_do(&r.stub.shelf, "UpdateItem", body, &status);
	json_decref(answer);
	json_decref(body);
	return NULL;
}

/* It would have the order again that was undone. */
static void a_checkout_that_may_have_been_undone_is_not_repeated(void **state)
{
	struct cart_id id = new_cart();
	struct cart cart;

	(void)state;
	LOST("UpdateItem", HTTP_500, .apply = true);
	LOST("GetItem", .apply = true, .make = reopened, .user = &id);
	ask(r.rig, CART_UNCERTAIN, CHECKOUT, .id = id, .order_id = rig_id(r.rig));
	assert_asked("UpdateItem", 1);
	cart = rig_get(r.rig, &id);
	assert_int_equal(cart.version, 4);
	assert_int_equal(cart.state, CART_OPEN);
	cart_clear(&cart);
}

static void with_a_key_a_checkout_that_was_undone_is_recognised(void **state)
{
	struct cart_id id = new_cart();
	struct cart_op op;

	(void)state;
	LOST("UpdateItem", HTTP_500, .apply = true);
	LOST("GetItem", .apply = true, .make = reopened, .user = &id);
	op = ask_for(r.rig, CART_OK, CHECKOUT, .id = id, .key = "k", .order_id = rig_id(r.rig));
	assert_int_equal(op.version, 3);
	assert_int_equal(op.cart.state, CART_OPEN);
	cart_op_clear(&op);
	assert_asked("UpdateItem", 1);
	assert_int_equal(version(&id), 4);
}

/* Whoever removed it: it may have been somebody else. */
static void a_delete_that_may_have_been_the_one_is_uncertain(void **state)
{
	struct cart_id id = new_cart();

	(void)state;
	LOST("DeleteItem", HTTP_500, .apply = true);
	ask(r.rig, CART_UNCERTAIN, DELETE, .id = id);
	assert_asked("DeleteItem", 1);
	assert_int_equal(version(&id), -1);
}

static void a_create_makes_one_cart_whatever_was_lost(void **state)
{
	(void)state;
	for (size_t way = 0; way < 2 * EVERY(ways_to_lose); way++) {
		struct cart_id id = rig_id(r.rig);
		int applied = ddb_shelf_applied(&r.stub.shelf);

		ddb_stub_clear(&r.stub);
		lose(way / 2, "PutItem", way % 2);
		assert_int_equal(
			ask(r.rig, CART_OK, CREATE, .id = id, .customer_id = rig_customer(r.rig)),
			1);
		assert_asked("PutItem", way % 2 ? 1 : 2);
		assert_int_equal(ddb_shelf_applied(&r.stub.shelf), applied + 1);
	}
}

/* The key's item is written first, then the cart: either answer is lost, either way. */
static void a_create_with_a_key_makes_one_cart_whatever_was_lost(void **state)
{
	(void)state;
	for (size_t way = 0; way < 4 * EVERY(ways_to_lose); way++) {
		struct cart_id id = rig_id(r.rig), again = rig_id(r.rig);
		struct shop_id customer_id = rig_customer(r.rig);
		int applied = ddb_shelf_applied(&r.stub.shelf);
		struct cart_op op;

		ddb_stub_clear(&r.stub);
		if (way / 2 % 2)
			RULE(.operation = "PutItem", .apply = true, .times = 1);
		lose(way / 4, "PutItem", way % 2);
		ask(r.rig, CART_OK, CREATE, .id = id, .customer_id = customer_id, .key = "k");
		assert_int_equal(ddb_shelf_applied(&r.stub.shelf), applied + 2);
		assert_asked("GetItem", 1);
		/* The same again, from somewhere else. */
		op = ask_for(r.rig, CART_OK, CREATE, .id = again, .customer_id = customer_id,
			     .key = "k");
		assert_true(op.replayed);
		assert_int_equal(cart_id_compare(&op.cart.id, &id), 0);
		cart_op_clear(&op);
		assert_int_equal(ddb_shelf_applied(&r.stub.shelf), applied + 2);
	}
}

static void a_document_is_written_once_whatever_was_lost(void **state)
{
	(void)state;
	for (size_t way = 0; way < 2 * EVERY(ways_to_lose); way++) {
		struct cart_id id = rig_cart(r.rig);
		int applied = ddb_shelf_applied(&r.stub.shelf);

		ddb_stub_clear(&r.stub);
		lose(way / 2, "PutItem", way % 2);
		assert_int_equal(
			ask(r.rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2)), .key = "k"), 2);
		assert_int_equal(ddb_shelf_applied(&r.stub.shelf), applied + 1);
		assert_int_equal(rig_quantity(r.rig, &id, 7), 2);
	}
}

/* Of a document what was written is conditional on what was read, so that it has a fence. */
static void a_document_is_repeated_without_a_key_while_it_is_as_it_was_read(void **state)
{
	struct cart_id id = rig_cart(r.rig);

	(void)state;
	ddb_stub_clear(&r.stub);
	LOST("PutItem", HTTP_500);
	assert_int_equal(ask(r.rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2))), 2);
	assert_asked("PutItem", 2);
	assert_int_equal(rig_quantity(r.rig, &id, 7), 2);
	/* Others have written since: it may have been applied before that. */
	ddb_stub_clear(&r.stub);
	LOST("PutItem", HTTP_500, .make = touched, .user = &id);
	ask(r.rig, CART_UNCERTAIN, CHANGE, .id = id, CHANGES(ADD(7, 2)));
	assert_asked("PutItem", 1);
}

static void a_write_that_lost_a_race_is_decided_anew(void **state)
{
	struct cart_id id = rig_cart(r.rig);

	(void)state;
	ddb_stub_clear(&r.stub);
	RULE(.operation = "PutItem", .apply = true, .make = touched, .user = &id, .times = 3);
	assert_int_equal(ask(r.rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2))), 5);
	assert_asked("PutItem", 4);
	assert_asked("GetItem", 4);
}

static void a_timeout_is_settled_by_the_item(void **state)
{
	struct cart_id id = new_cart();

	(void)state;
	LOST("UpdateItem", .manner = DDB_STUB_SILENT, .apply = true);
	assert_int_equal(ask(r.rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2))), 3);
	assert_asked("UpdateItem", 1);
	assert_int_equal(quantity(&id), 7);
	ddb_stub_clear(&r.stub);
	LOST("UpdateItem", .manner = DDB_STUB_DRIP, .apply = true, .pad = 1000);
	assert_int_equal(ask(r.rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2))), 4);
	assert_asked("UpdateItem", 1);
	assert_int_equal(quantity(&id), 9);
}

static void what_was_throttled_is_done_once_and_certainly(void **state)
{
	static const char *const errors[] = {"ProvisionedThroughputExceededException",
					     "ThrottlingException"};

	(void)state;
	for (size_t i = 0; i < EVERY(errors); i++) {
		struct cart_id id = new_cart();

		LOST("UpdateItem", .error = errors[i], .headers = "x-amz-retry-after: 1\r\n");
		assert_int_equal(ask(r.rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2))), 3);
		assert_asked("UpdateItem", 2);
		assert_asked("GetItem", 0);
		assert_int_equal(quantity(&id), 7);
	}
}

/* A throttle, then a lost answer: the doubt is of the last try. */
static void a_doubt_after_a_throttle_is_settled_too(void **state)
{
	struct cart_id id = new_cart();

	(void)state;
	LOST("UpdateItem", .error = "ThrottlingException");
	LOST("UpdateItem", HTTP_500, .apply = true);
	assert_int_equal(ask(r.rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2))), 3);
	assert_asked("UpdateItem", 2);
	assert_int_equal(quantity(&id), 7);
}

static void a_refusal_brings_the_item_or_it_is_read(void **state)
{
	struct cart_id id = new_cart();

	(void)state;
	ask(r.rig, CART_MISMATCH, CHANGE, .id = id, CHANGES(ADD(7, 2)), .if_version = 9);
	assert_asked("UpdateItem", 1);
	assert_asked("GetItem", 1);
	assert_non_null(
		strstr(ddb_stub_request(&r.stub, "GetItem", 0)->body, "\"ConsistentRead\":true"));
	r.stub.shelf.gives_old = true;
	ddb_stub_clear(&r.stub);
	ask(r.rig, CART_MISMATCH, CHANGE, .id = id, CHANGES(ADD(7, 2)), .if_version = 9);
	assert_asked("UpdateItem", 1);
	assert_asked("GetItem", 0);
	assert_non_null(strstr(ddb_stub_request(&r.stub, "UpdateItem", 0)->body,
			       "\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\""));
	/* A replay likewise: what the refusal brings says it all. */
	ask(r.rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2)), .key = "k");
	ddb_stub_clear(&r.stub);
	assert_int_equal(ask(r.rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2)), .key = "k"), 3);
	assert_asked(NULL, 1);
	assert_int_equal(quantity(&id), 7);
}

#define MANY 60

/* Changes at once, each of a cart of its own, for so long. Returns how many retries without tokens
 * may have been let through meanwhile. */
static int64_t change_many(struct ddb_rig_op *ops, int64_t ms, char keys[MANY][16])
{
	const struct cart_change add_two[] = {ADD(7, 2)};
	int64_t began_ns = clock_monotonic_ns(&cart_clock_system);
	_Atomic int done = 0;

	for (int i = 0; i < MANY; i++) {
		ops[i].op.deadline_ns = began_ns + ms * CLOCK_NS_PER_MS;
		ops[i].op.type = CART_OP_CHANGE;
		ops[i].op.changes = add_two;
		ops[i].op.change_count = 1;
		if (keys != NULL) {
			snprintf(keys[i], sizeof(keys[i]), "key-%d", i);
			ops[i].op.key = keys[i];
		}
		ddb_rig_submit(&r, &ops[i], &done);
	}
	rig_await(&done, MANY, "the changes");
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(ops[i].op.result, CART_UNCERTAIN);
		cart_op_clear(&ops[i].op);
	}
	return 1 + (clock_monotonic_ns(&cart_clock_system) - began_ns) / DDB_PROBE_NS;
}

static void a_service_that_only_fails_is_not_buried(void **state)
{
	static struct ddb_rig_op ops[MANY];
	int64_t probes;

	(void)state;
	for (int i = 0; i < MANY; i++)
		ops[i] = (struct ddb_rig_op){.op = {.id = new_cart()}};
	ddb_stub_clear(&r.stub);
	RULE(HTTP_500);
	probes = change_many(ops, 1500, NULL);
	/* Each change once, a look at each, and what the budget allows to be tried again. */
	assert_asked("UpdateItem", MANY);
	assert_in_range(ddb_stub_count(&r.stub, "GetItem"), MANY, MANY + 100 + probes);
}

/* With keys everything may be repeated, and yet the service is not buried. */
static void repetitions_are_bounded_too(void **state)
{
	static struct ddb_rig_op ops[MANY];
	static char keys[MANY][16];
	int64_t probes;

	(void)state;
	for (int i = 0; i < MANY; i++)
		ops[i] = (struct ddb_rig_op){.op = {.id = new_cart()}};
	ddb_stub_clear(&r.stub);
	RULE(.operation = "UpdateItem", HTTP_500);
	probes = change_many(ops, 1500, keys);
	/* Each look is a success and brings a token back: a fifth of what it takes to repeat. */
	assert_in_range(ddb_stub_count(&r.stub, "UpdateItem"), MANY + 1,
			(MANY + 100 + probes) * 5 / 4 + 1);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(quantity(&ops[i].op.id), 5);
}

static void refusals_are_unavailability_and_a_request_that_is_wrong_a_failure(void **state)
{
	static const char *const unavailable[] = {
		"ResourceNotFoundException",   "AccessDeniedException",
		"UnrecognizedClientException", "ExpiredTokenException",
		"InvalidSignatureException",   "RequestTimeTooSkewed",
		"AnErrorThatIsNotKnown",       ""};

	(void)state;
	for (size_t i = 0; i < EVERY(unavailable); i++) {
		struct cart_id id;

		ddb_stub_clear(&r.stub);
		id = new_cart();
		RULE(.error = unavailable[i]);
		ask(r.rig, CART_BUSY, GET, .id = id);
		ask(r.rig, CART_BUSY, CHANGE, .id = id, CHANGES(ADD(7, 2)));
		assert_int_equal(quantity(&id), 5);
	}
	ddb_stub_clear(&r.stub);
	RULE(.error = "ValidationException");
	ask(r.rig, CART_FAILED, CREATE, .id = rig_id(r.rig), .customer_id = rig_customer(r.rig));
}

/* HTTP 200, and nothing of what was asked for. */
static void a_success_that_does_not_show_the_change_is_resolved_by_the_item(void **state)
{
	(void)state;
	for (int apply = 0; apply < 2; apply++) {
		struct cart_id id = new_cart();
		struct cart_op op;

		LOST("UpdateItem", .body = "{}", .apply = apply);
		op = ask_for(r.rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2)), .key = "k");
		assert_int_equal(op.version, 3);
		assert_false(op.replayed);
		cart_op_clear(&op);
		assert_int_equal(quantity(&id), 7);
		id = new_cart();
		LOST("UpdateItem", .body = "{}", .apply = apply);
		ask(r.rig, apply ? CART_OK : CART_UNCERTAIN, CHANGE, .id = id, CHANGES(ADD(7, 2)));
		assert_int_equal(quantity(&id), apply ? 7 : 5);
	}
}

/* The item that a change is decided by is another cart's: neither of them is written to. */
static void an_item_of_another_cart_decides_nothing(void **state)
{
	struct cart_id other = new_cart(), id = new_cart();
	char text[CART_ID_TEXT + 1], body[1024];
	char *item;

	(void)state;
	cart_id_format(&other, text);
	item = json_dumps(json_object_get(r.stub.shelf.items, text), JSON_COMPACT);
	snprintf(body, sizeof(body), "{\"Item\":%s}", item);
	free(item);
	RULE(.operation = "UpdateItem", .error = "ConditionalCheckFailedException", .times = 1);
	RULE(.operation = "GetItem", .body = body, .times = 1);
	ask(r.rig, CART_FAILED, CHANGE, .id = id, CHANGES(SET(7, 9)));
	assert_int_equal(quantity(&id), 5);
	assert_int_equal(quantity(&other), 5);
}

/* What came of ops of which the server says nothing. */
static void a_deadline_is_kept_and_says_what_may_have_been_done(void **state)
{
	struct cart_id other = new_cart(), id = new_cart();
	struct ddb_rig_op ops[3] = {
		{.op = {.type = CART_OP_CHANGE, .id = id, CHANGES(ADD(7, 2))}},
		{.op = {.type = CART_OP_GET, .id = id, .flags = CART_READ_STRONG}},
		{.op = {.type = CART_OP_DELETE, .id = other}}};
	static const enum cart_result results[3] = {CART_UNCERTAIN, CART_TIMEOUT, CART_UNCERTAIN};
	int64_t deadline_ns = clock_monotonic_ns(&cart_clock_system) + 1500 * CLOCK_NS_PER_MS;
	_Atomic int done = 0;

	(void)state;
	RULE(.manner = DDB_STUB_SILENT);
	for (int i = 0; i < 3; i++) {
		ops[i].op.deadline_ns = deadline_ns;
		ddb_rig_submit(&r, &ops[i], &done);
	}
	ddb_stub_await(&r.stub, NULL, 3);
	rig_await(&done, 3, "the deadline");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ops[i].op.result, results[i]);
		/* Not when the call's own time is over. */
		assert_true(ops[i].done_ns - deadline_ns < 20 * CLOCK_NS_PER_S);
		cart_op_clear(&ops[i].op);
	}
	/* Nothing is left behind: the lanes are free and their connections new. */
	ddb_stub_clear(&r.stub);
	assert_int_equal(rig_quantity(r.rig, &id, 7), 5);
}

static void what_was_only_queued_at_its_deadline_was_certainly_not_done(void **state)
{
	struct cart_id id = new_cart();
	struct ddb_rig_op first = {.op = {.type = CART_OP_CHANGE, .id = id, CHANGES(ADD(7, 2))}};
	struct ddb_rig_op second = {.op = {.type = CART_OP_CHANGE, .id = id, CHANGES(ADD(7, 2))}};
	_Atomic int done = 0, behind = 0;

	(void)state;
	LOST("UpdateItem", .manner = DDB_STUB_SILENT);
	ddb_rig_submit(&r, &first, &done);
	ddb_stub_await(&r.stub, "UpdateItem", 1);
	second.op.deadline_ns = clock_monotonic_ns(&cart_clock_system) + 200 * CLOCK_NS_PER_MS;
	ddb_rig_submit(&r, &second, &behind);
	rig_await(&behind, 1, "the deadline of what is queued");
	assert_int_equal(second.op.result, CART_TIMEOUT);
	/* The first is canceled on the wire; the lane then serves others. */
	ddb_rig_cancel(&r, &first);
	rig_await(&done, 1, "the end of what was canceled");
	assert_int_equal(first.op.result, CART_UNCERTAIN);
	assert_int_equal(ask(r.rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 1))), 3);
	assert_asked("UpdateItem", 2);
	assert_int_equal(quantity(&id), 6);
}

static void what_is_canceled_before_a_change_was_sent_is_canceled(void **state)
{
	struct cart_id id = new_cart();
	struct ddb_rig_op get = {.op = {.type = CART_OP_GET, .id = id}};
	struct ddb_rig_op looking = {
		.op = {.type = CART_OP_CHANGE, .id = id, CHANGES(ADD(7, 1), SET(8, 1))}};
	_Atomic int done = 0;

	(void)state;
	RULE(.operation = "GetItem", .manner = DDB_STUB_SILENT);
	ddb_rig_submit(&r, &get, &done);
	ddb_stub_await(&r.stub, "GetItem", 1);
	ddb_rig_cancel(&r, &get);
	rig_await(&done, 1, "the end of a get");
	assert_int_equal(get.op.result, CART_CANCELED);
	ddb_rig_submit(&r, &looking, &done);
	ddb_stub_await(&r.stub, "GetItem", 2);
	ddb_rig_cancel(&r, &looking);
	rig_await(&done, 2, "the end of a change that looks");
	assert_int_equal(looking.op.result, CART_CANCELED);
	assert_asked("UpdateItem", 0);
}

#define MAP(name_)	  cmocka_unit_test_setup_teardown(name_, setup_map, teardown)
#define LIST(name_)	  cmocka_unit_test_setup_teardown(name_, setup_list, teardown)
#define WITH(how_, name_) cmocka_unit_test_setup_teardown(name_, setup_##how_, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAP(an_add_that_was_applied_is_recognised_by_its_mark),
		MAP(an_add_that_may_have_been_applied_is_not_repeated_but_uncertain),
		MAP(an_add_over_which_somebody_wrote_is_uncertain),
		MAP(with_a_key_an_add_is_made_once_whatever_was_lost),
		MAP(with_a_key_an_add_is_recognised_though_somebody_wrote_since),
		MAP(with_a_key_a_try_that_comes_late_changes_nothing),
		MAP(under_a_version_a_change_that_was_not_applied_is_repeated),
		MAP(under_a_version_that_has_gone_by_a_change_is_not_repeated),
		MAP(a_claim_in_doubt_is_answered_by_the_carts_customer),
		LIST(in_layout_list_a_claim_in_doubt_is_too),
		MAP(a_claim_in_doubt_of_a_cart_that_was_closed_since_was_done_or_not),
		MAP(a_checkout_and_a_delete_are_repeated),
		MAP(a_checkout_that_may_have_been_undone_is_not_repeated),
		MAP(with_a_key_a_checkout_that_was_undone_is_recognised),
		MAP(a_delete_that_may_have_been_the_one_is_uncertain),
		MAP(a_create_makes_one_cart_whatever_was_lost),
		MAP(a_create_with_a_key_makes_one_cart_whatever_was_lost),
		LIST(a_document_is_written_once_whatever_was_lost),
		LIST(a_document_is_repeated_without_a_key_while_it_is_as_it_was_read),
		LIST(a_write_that_lost_a_race_is_decided_anew),
		WITH(short, a_timeout_is_settled_by_the_item),
		MAP(what_was_throttled_is_done_once_and_certainly),
		MAP(a_doubt_after_a_throttle_is_settled_too),
		MAP(a_refusal_brings_the_item_or_it_is_read),
		MAP(a_service_that_only_fails_is_not_buried),
		MAP(repetitions_are_bounded_too),
		MAP(refusals_are_unavailability_and_a_request_that_is_wrong_a_failure),
		MAP(a_success_that_does_not_show_the_change_is_resolved_by_the_item),
		MAP(an_item_of_another_cart_decides_nothing),
		WITH(long, a_deadline_is_kept_and_says_what_may_have_been_done),
		WITH(one_connection, what_was_only_queued_at_its_deadline_was_certainly_not_done),
		MAP(what_is_canceled_before_a_change_was_sent_is_canceled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
