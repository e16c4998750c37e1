/*
 * Records of a table's stream as events. The records are those that a server with streams
 * (dynoxide) gave of a history, in layout map with ids that are integers and in layout list with
 * ids that are strings; they are also what the fuzzer of the reader begins with.
 */
#include "backends/dynamodb/feed/record.h"

#include "core/cart_attributes.h"
#include "tests/lib/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CARTS_MAX 8

struct expected {
	const char *name; /* of the record, behind the layout */
	enum cart_event_type type;
	int64_t version;
	const char *changes; /* "product:was>quantity ..." */
};

/* In their order: the first cart takes the lines of the second and meets the third, which has
 * nothing for it; the fourth was made under a key, and leaves a tombstone. */
static const struct expected history[] = {
	{"01-created", CART_EVENT_CREATED, 1, "7:0>2 8:0>1"},
	{"02-added", CART_EVENT_CHANGED, 2, "7:2>3"},
	{"03-set", CART_EVENT_CHANGED, 3, "9:0>4"},
	{"04-keyed", CART_EVENT_CHANGED, 4, "9:4>5"},
	{"05-removed", CART_EVENT_CHANGED, 5, "8:1>0"},
	{"06-two", CART_EVENT_CHANGED, 6, "1:0>1 2:0>2"},
	{"07-claimed", CART_EVENT_CHANGED, 7, ""},
	{"08-created-keyed-key", CART_EVENT_NONE, 0, ""},
	{"09-created-keyed", CART_EVENT_CREATED, 1, "3:0>1 7:0>5"},
	{"10-merged-seal", CART_EVENT_NONE, 0, ""},
	{"11-merged-decide", CART_EVENT_MERGED, 8, "3:0>1 7:3>8"},
	{"12-merged-end", CART_EVENT_MERGED, 2, ""},
	{"13-merged-forget", CART_EVENT_NONE, 0, ""},
	{"14-created2", CART_EVENT_CREATED, 1, "7:0>5"},
	{"15-merged-keep-seal", CART_EVENT_NONE, 0, ""},
	{"16-merged-keep-decide", CART_EVENT_NONE, 0, ""},
	{"17-merged-keep-end", CART_EVENT_MERGED, 2, ""},
	{"18-merged-keep-forget", CART_EVENT_NONE, 0, ""},
	{"19-checked-out", CART_EVENT_CHECKED_OUT, 9, ""},
	{"20-reopened", CART_EVENT_REOPENED, 10, ""},
	{"21-created-keyed2-key", CART_EVENT_NONE, 0, ""},
	{"22-created-keyed2", CART_EVENT_CREATED, 1, "7:0>5"},
	{"23-deleted-tombstone", CART_EVENT_DELETED, 2, ""},
	{"24-deleted", CART_EVENT_DELETED, 11, ""},
};

static json_t *load(const char *name)
{
	char path[128];
	json_error_t error;
	json_t *record;

	snprintf(path, sizeof(path), "tests/fuzz/corpus/ddb_record/%s", name);
	record = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (record == NULL)
		fail_msg("%s: %s", path, error.text);
	return record;
}

static json_t *load_of(const char *layout, const char *name)
{
	char text[64];

	snprintf(text, sizeof(text), "%s-%s", layout, name);
	return load(text);
}

static void read_event(const json_t *record, struct cart_event *event)
{
	char reason[CART_EVENT_REASON] = "";

	*event = (struct cart_event){0};
	if (ddb_feed_record(record, event, reason) != CART_OK)
		fail_msg("%s", reason);
}

/* Damaged; *event is what can be told. */
static void read_damaged(const json_t *record, struct cart_event *event, const char *why)
{
	char reason[CART_EVENT_REASON] = "";

	*event = (struct cart_event){0};
	assert_int_equal(ddb_feed_record(record, event, reason), CART_DAMAGED);
	if (strstr(reason, why) == NULL)
		fail_msg("not \"%s\": %s", why, reason);
	assert_int_equal(event->cart.version, 0);
	assert_null(event->cart.lines);
	assert_null(event->changes);
}

static struct cart_id id_at(const json_t *record)
{
	const char *text = NULL;
	struct cart_id id;

	assert_int_equal(json_unpack((json_t *)record, "{s:{s:{s:{s:s}}}}", "dynamodb", "Keys",
				     "cart_id", "S", &text),
			 0);
	assert_true(cart_id_parse(&id, text, strlen(text)));
	return id;
}

/* The products' numbers: their ids are "7", or "sku-7". */
static void expect_changes(const struct cart_event *event, const char *want)
{
	char text[256] = "";
	size_t len = 0;

	for (size_t i = 0; i < event->change_count; i++) {
		const struct cart_event_change *change = &event->changes[i];
		const char *number = strrchr(change->product_id.text, '-');

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s:%lld>%lld",
					i > 0 ? " " : "",
					number != NULL ? number + 1 : change->product_id.text,
					(long long)change->was, (long long)change->quantity);
	}
	assert_string_equal(text, want);
}

/* A consumer's copy, which has events alone. */
struct copies {
	struct cart carts[CARTS_MAX];
	size_t count;
};

static struct cart *copy_of(struct copies *copies, const struct cart_id *id)
{
	for (size_t i = 0; i < copies->count; i++)
		if (cart_id_compare(&copies->carts[i].id, id) == 0)
			return &copies->carts[i];
	assert_true(copies->count < CARTS_MAX);
	return &copies->carts[copies->count++];
}

static void copies_take(struct copies *copies, const struct cart_event *event)
{
	struct cart *copy = copy_of(copies, &event->id);

	assert_int_equal(event->version, copy->version + 1);
	for (size_t i = 0; i < event->change_count; i++) {
		const struct cart_event_change *change = &event->changes[i];
		const struct cart_line *was = cart_find_line(copy, &change->product_id);
		const struct cart_line *is = cart_find_line(&event->cart, &change->product_id);

		assert_int_equal(change->was, was != NULL ? was->quantity : 0);
		assert_int_equal(change->quantity, is != NULL ? is->quantity : 0);
	}
	cart_clear(copy);
	assert_true(cart_copy(copy, &event->cart));
	copy->version = event->version;
}

static void expect_record(const struct expected *want, const json_t *record,
			  const struct cart_event *event)
{
	struct cart_id id;

	assert_string_equal(cart_event_type_name(event->type), cart_event_type_name(want->type));
	assert_int_equal(event->version, want->version);
	if (want->type == CART_EVENT_NONE) {
		assert_null(event->cart.lines);
		return;
	}
	id = id_at(record);
	assert_int_equal(cart_id_compare(&event->id, &id), 0);
	assert_true(event->at_ms > 0);
	expect_changes(event, want->changes);
	if (want->type == CART_EVENT_DELETED) {
		assert_int_equal(event->cart.version, want->version - 1);
		assert_int_equal(event->cart.line_count, 0);
		return;
	}
	assert_int_equal(event->cart.version, want->version);
	assert_int_equal(event->at_ms, event->cart.updated_ms);
	assert_true(cart_is_sound_whole(&event->cart));
}

static void expect_history(const char *layout)
{
	struct copies copies = {0};
	struct cart_event event;

	for (size_t i = 0; i < sizeof(history) / sizeof(history[0]); i++) {
		json_t *record = load_of(layout, history[i].name);

		read_event(record, &event);
		expect_record(&history[i], record, &event);
		if (event.type != CART_EVENT_NONE)
			copies_take(&copies, &event);
		cart_event_clear(&event);
		json_decref(record);
	}
	assert_int_equal(copies.count, 4);
	for (size_t i = 0; i < copies.count; i++)
		cart_clear(&copies.carts[i]);
}

static void each_change_in_layout_map_is_an_event(void **state)
{
	(void)state;
	expect_history("map");
}

static void each_change_in_layout_list_is_an_event(void **state)
{
	(void)state;
	assert_true(shop_id_type_take(SHOP_ID_STRING));
	expect_history("list");
	shop_id_type_release();
}

static void attributes_of_lines_are_told(void **state)
{
	json_t *record = load("map-01-created");
	struct cart_event event;

	(void)state;
	read_event(record, &event);
	assert_null(event.changes[0].attributes);
	assert_true(cart_attributes_equal(event.changes[1].attributes,
					  "{\"gift\":true,\"price\":\"12.50\"}"));
	cart_event_clear(&event);
	json_decref(record);
}

static void a_merge_names_the_other_cart(void **state)
{
	json_t *decide = load("map-11-merged-decide"), *end = load("map-12-merged-end");
	struct cart_id target = id_at(decide), source = id_at(end);
	struct cart_event event;

	(void)state;
	read_event(decide, &event);
	assert_int_equal(cart_id_compare(&event.from, &source), 0);
	assert_int_equal(event.cart.state, CART_OPEN);
	cart_event_clear(&event);
	read_event(end, &event);
	assert_true(cart_id_is_nil(&event.from));
	assert_int_equal(cart_id_compare(&event.cart.merged_into, &target), 0);
	cart_event_clear(&event);
	json_decref(decide);
	json_decref(end);
}

static json_t *image(json_t *record, const char *name)
{
	json_t *found = json_object_get(json_object_get(record, "dynamodb"), name);

	assert_non_null(found);
	return found;
}

static void set_number(json_t *item, const char *name, const char *number)
{
	json_object_set_new(item, name, json_pack("{s:s}", "N", number));
}

/* A change of a cart that still has a decision about an earlier merge, or has lost one. */
static void a_decision_that_was_there_is_no_merge(void **state)
{
	static const char from[] = "550e8400-e29b-41d4-a716-446655440000";
	struct cart_event event;

	(void)state;
	for (int i = 0; i < 3; i++) {
		json_t *record = load("map-02-added");

		if (i < 2)
			json_object_set_new(image(record, "OldImage"), "merges",
					    json_pack("{s:{s:{s:s}}}", "M", from, "S", "+1a"));
		if (i > 0)
			json_object_set_new(
				image(record, "NewImage"), "merges",
				json_pack("{s:{s:{s:s}}}", "M", from, "S", i > 1 ? "-1a" : "+1a"));
		read_event(record, &event);
		assert_int_equal(event.type, CART_EVENT_CHANGED);
		assert_true(cart_id_is_nil(&event.from));
		cart_event_clear(&event);
		json_decref(record);
	}
}

static void a_removal_says_who_did_it(void **state)
{
	json_t *record = load("map-24-deleted"), *ttl = load("ttl");
	json_t *change = json_object_get(record, "dynamodb");
	struct cart_event event;

	(void)state;
	read_event(record, &event);
	assert_int_equal(event.type, CART_EVENT_DELETED);
	cart_event_clear(&event);
	/* In the server's words, and in those that AWS Lambda passes on. */
	for (int i = 0; i < 2; i++) {
		read_event(ttl, &event);
		assert_int_equal(event.type, CART_EVENT_EXPIRED);
		assert_int_equal(event.version, 11);
		cart_event_clear(&event);
		json_object_set_new(ttl, "userIdentity",
				    json_pack("{s:s,s:s}", "type", "Service", "principalId",
					      "dynamodb.amazonaws.com"));
	}
	/* A replica gets the removal without that. */
	json_object_set_new(change, "ApproximateCreationDateTime", json_real(1798700000.0));
	read_event(record, &event);
	assert_int_equal(event.type, CART_EVENT_EXPIRED);
	assert_int_equal(event.at_ms, INT64_C(1798700000000));
	cart_event_clear(&event);
	json_decref(record);
	json_decref(ttl);
}

static void a_tombstone_that_goes_is_no_event(void **state)
{
	json_t *record = load("map-23-deleted-tombstone");
	struct cart_event event;

	(void)state;
	json_object_set(image(record, "OldImage"), "status",
			json_object_get(image(record, "NewImage"), "status"));
	json_object_del(json_object_get(record, "dynamodb"), "NewImage");
	read_event(record, &event);
	assert_int_equal(event.type, CART_EVENT_NONE);
	json_decref(record);
}

static void what_is_no_cart_is_no_event(void **state)
{
	static const char *const keys[] = {"{}", "{\"cart_id\":{\"N\":\"1\"}}",
					   "{\"cart_id\":{\"S\":\"cart.id_type\"}}",
					   "{\"id\":{\"S\":\"1\"}}", "[]"};
	struct cart_event event;

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		json_t *record = load("map-02-added");

		json_object_set_new(json_object_get(record, "dynamodb"), "Keys",
				    json_loads(keys[i], 0, NULL));
		read_event(record, &event);
		assert_int_equal(event.type, CART_EVENT_NONE);
		json_decref(record);
	}
	read_event(NULL, &event);
	assert_int_equal(event.type, CART_EVENT_NONE);
}

static void a_damaged_item_is_told_as_far_as_it_is_known(void **state)
{
	static const struct {
		const char *record;
		const char *image;
		enum cart_event_type type;
		int64_t version;
	} cases[] = {
		{"map-01-created", "NewImage", CART_EVENT_CREATED, 1},
		{"map-02-added", "NewImage", CART_EVENT_CHANGED, 2},
		{"map-02-added", "OldImage", CART_EVENT_CHANGED, 2},
		{"map-24-deleted", "OldImage", CART_EVENT_DELETED, 11},
		{"ttl", "OldImage", CART_EVENT_EXPIRED, 11},
	};
	struct cart_event event;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *record = load(cases[i].record);
		struct cart_id id = id_at(record);

		set_number(image(record, cases[i].image), "updated_at", "-5");
		read_damaged(record, &event, "bad updated_at");
		assert_int_equal(event.type, cases[i].type);
		assert_int_equal(event.version, cases[i].version);
		assert_int_equal(cart_id_compare(&event.id, &id), 0);
		assert_true(event.at_ms > 0);
		json_decref(record);
	}
}

static void without_a_version_only_a_removal_is_told(void **state)
{
	json_t *changed = load("map-02-added"), *removed = load("map-24-deleted");
	struct cart_event event;

	(void)state;
	set_number(image(changed, "NewImage"), "version", "x");
	read_damaged(changed, &event, "bad version");
	assert_int_equal(event.type, CART_EVENT_NONE);
	json_object_del(image(removed, "OldImage"), "version");
	json_object_del(image(removed, "OldImage"), "status");
	read_damaged(removed, &event, "no cart");
	assert_int_equal(event.type, CART_EVENT_DELETED);
	assert_int_equal(event.version, 1);
	json_decref(changed);
	json_decref(removed);
}

static void a_stream_of_another_view_is_refused(void **state)
{
	static const char *const views[] = {"KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE"};
	json_t *record = load("map-02-added"), *change = json_object_get(record, "dynamodb");
	struct cart_event event;

	(void)state;
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		json_object_set_new(change, "StreamViewType", json_string(views[i]));
		read_damaged(record, &event, "both images");
		assert_int_equal(event.type, CART_EVENT_NONE);
	}
	json_object_set_new(change, "StreamViewType", json_string("NEW_AND_OLD_IMAGES"));
	json_object_del(change, "NewImage");
	json_object_del(change, "OldImage");
	read_damaged(record, &event, "no image");
	assert_int_equal(event.type, CART_EVENT_NONE);
	json_decref(record);
}

static void an_item_of_another_cart_is_damaged(void **state)
{
	json_t *record = load("map-02-added");
	struct cart_event event;

	(void)state;
	json_object_set_new(image(record, "NewImage"), "cart_id",
			    json_pack("{s:s}", "S", "550e8400-e29b-41d4-a716-446655440000"));
	read_damaged(record, &event, "no cart");
	json_decref(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_change_in_layout_map_is_an_event),
		cmocka_unit_test(each_change_in_layout_list_is_an_event),
		cmocka_unit_test(attributes_of_lines_are_told),
		cmocka_unit_test(a_merge_names_the_other_cart),
		cmocka_unit_test(a_decision_that_was_there_is_no_merge),
		cmocka_unit_test(a_removal_says_who_did_it),
		cmocka_unit_test(a_tombstone_that_goes_is_no_event),
		cmocka_unit_test(what_is_no_cart_is_no_event),
		cmocka_unit_test(a_damaged_item_is_told_as_far_as_it_is_known),
		cmocka_unit_test(without_a_version_only_a_removal_is_told),
		cmocka_unit_test(a_stream_of_another_view_is_refused),
		cmocka_unit_test(an_item_of_another_cart_is_damaged),
	};

	return cmocka_run_group_tests_name("records of a stream", tests, NULL, NULL);
}
