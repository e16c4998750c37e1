/* A call over a server that fails: how often it arrives, what is made of what comes back, what is
 * said on the wire. */
#include "aws/endpoint.h"
#include "backends/dynamodb/wire/retry.h"
#include "backends/dynamodb/wire/transfer.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/ddb_fixture.h"

#include <event2/event.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define GET  "{\"TableName\":\"carts\",\"Key\":{\"cart_id\":{\"S\":\"c\"}}}"
#define PUT  "{\"Item\":{\"cart_id\":{\"S\":\"c\"}}}"
#define MANY 24

#define ADD(...) ddb_stub_add(&f.stub, (struct ddb_stub_rule){__VA_ARGS__})

static struct ddb_fixture f;
static struct ddb_call call;

static int setup(void **state)
{
	(void)state;
	ddb_fixture_start(&f);
	call = (struct ddb_call){.tries = 0};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ddb_call_clear(&call);
	buf_free(&call.body);
	ddb_fixture_stop(&f);
	return 0;
}

static enum ddb_outcome get(void)
{
	return ddb_fixture_call(&f, &call, DDB_GET_ITEM, GET, 0);
}

/* Of an item that is there: the shelf counts what is applied. */
static enum ddb_outcome update(void)
{
	return ddb_fixture_call(&f, &call, DDB_PUT_ITEM, PUT, 0);
}

static void assert_outcome(enum ddb_outcome got, enum ddb_outcome want)
{
	if (got != want)
		fail_msg("outcome %d and not %d after %d tries: %s", (int)got, (int)want,
			 call.tries, call.message);
}

static int arrived(void)
{
	return ddb_stub_count(&f.stub, NULL);
}

static long retries(const char *cause)
{
	char series[80];

	snprintf(series, sizeof(series), "cart_dynamodb_retries_total{cause=\"%s\"}", cause);
	return ddb_fixture_metric(&f, series);
}

/* An open connection that has been used. */
static void keep_a_connection(void)
{
	assert_outcome(get(), DDB_OK);
	assert_int_equal(ddb_stub_opened(&f.stub), 1);
}

static void change_over_a_dying_connection(enum ddb_stub_manner manner)
{
	keep_a_connection();
	ADD(.operation = "PutItem", .manner = manner, .apply = true, .times = 1);
	assert_outcome(update(), DDB_DOUBT);
	assert_int_equal(call.tries, 1);
	assert_int_equal(ddb_stub_count(&f.stub, "PutItem"), 1);
	assert_int_equal(ddb_stub_request(&f.stub, "PutItem", 0)->connection, 1);
	assert_int_equal(ddb_shelf_applied(&f.stub.shelf), 1);
	assert_int_equal(atomic_load(&f.shared.budget.tokens), DDB_BUDGET);
	/* The next one has a connection of its own. */
	assert_outcome(get(), DDB_OK);
	assert_int_not_equal(ddb_stub_request(&f.stub, NULL, 2)->connection, 1);
}

static void a_change_over_a_kept_connection_that_closes_arrives_once_and_is_in_doubt(void **state)
{
	(void)state;
	change_over_a_dying_connection(DDB_STUB_MUTE);
}

static void a_change_over_a_kept_connection_that_is_reset_arrives_once_and_is_in_doubt(void **state)
{
	(void)state;
	change_over_a_dying_connection(DDB_STUB_RESET);
}

static void a_read_over_a_connection_that_dies_is_made_again(void **state)
{
	(void)state;
	keep_a_connection();
	ADD(.operation = "GetItem", .manner = DDB_STUB_MUTE, .times = 1);
	assert_outcome(get(), DDB_OK);
	assert_int_equal(call.tries, 2);
	assert_int_equal(arrived(), 3);
	assert_int_equal(ddb_stub_request(&f.stub, NULL, 1)->connection, 1);
	assert_int_not_equal(ddb_stub_request(&f.stub, NULL, 2)->connection, 1);
	assert_int_equal(retries("connection"), 1);
}

/* What may have been applied, in each way of losing an answer. */
static void lose_a_change(struct ddb_stub_rule rule)
{
	int applied = ddb_shelf_applied(&f.stub.shelf);

	rule.operation = "PutItem";
	rule.apply = true;
	ddb_stub_clear(&f.stub);
	ddb_stub_add(&f.stub, rule);
	assert_outcome(update(), DDB_DOUBT);
	assert_int_equal(arrived(), 1);
	assert_int_equal(ddb_shelf_applied(&f.stub.shelf), applied + 1);
	assert_true(call.message[0] != '\0');
	assert_null(strchr(call.message, '\n'));
}

static void a_change_whose_answer_is_lost_is_never_sent_again_by_the_call(void **state)
{
	(void)state;
	lose_a_change((struct ddb_stub_rule){.manner = DDB_STUB_MUTE});
	lose_a_change((struct ddb_stub_rule){.manner = DDB_STUB_RESET});
	lose_a_change((struct ddb_stub_rule){.manner = DDB_STUB_HALF_HEAD});
	lose_a_change((struct ddb_stub_rule){.manner = DDB_STUB_HALF, .pad = 100});
	lose_a_change((struct ddb_stub_rule){.wrong_crc = true});
	lose_a_change((struct ddb_stub_rule){.error = "InternalServerError", .status = 500});
	lose_a_change((struct ddb_stub_rule){.status = 502, .body = "<html>Bad Gateway"});
	lose_a_change((struct ddb_stub_rule){.status = 503, .body = ""});
	lose_a_change((struct ddb_stub_rule){.body = "<html>Welcome"});
	lose_a_change((struct ddb_stub_rule){.body = "[]"});
	lose_a_change((struct ddb_stub_rule){.body = ""});
	lose_a_change((struct ddb_stub_rule){.body = "{\"Attributes\":"});
	lose_a_change((struct ddb_stub_rule){.body = "{\"__type\":\"a#InternalServerError\"}"});
}

/* In each of those ways a read is made again, and a good answer at the end is the answer. */
static void lose_a_read(struct ddb_stub_rule rule)
{
	rule.times = DDB_TRIES - 1;
	ddb_stub_clear(&f.stub);
	ddb_stub_add(&f.stub, rule);
	assert_outcome(get(), DDB_OK);
	assert_int_equal(call.tries, DDB_TRIES);
	assert_int_equal(arrived(), DDB_TRIES);
	assert_true(json_is_object(call.json));
}

static void a_read_whose_answer_is_lost_is_made_again(void **state)
{
	(void)state;
	lose_a_read((struct ddb_stub_rule){.manner = DDB_STUB_MUTE});
	lose_a_read((struct ddb_stub_rule){.manner = DDB_STUB_RESET});
	lose_a_read((struct ddb_stub_rule){.manner = DDB_STUB_HALF_HEAD});
	lose_a_read((struct ddb_stub_rule){.manner = DDB_STUB_HALF, .pad = 100});
	lose_a_read((struct ddb_stub_rule){.wrong_crc = true});
	lose_a_read((struct ddb_stub_rule){.error = "InternalServerError", .status = 500});
	lose_a_read((struct ddb_stub_rule){.status = 502, .body = "<html>Bad Gateway"});
	lose_a_read((struct ddb_stub_rule){.body = "<html>Welcome"});
	lose_a_read((struct ddb_stub_rule){.body = ""});
	lose_a_read((struct ddb_stub_rule){.body = "{\"__type\":\"a#InternalServerError\"}"});
	assert_int_equal(retries("connection") + retries("server") + retries("answer"),
			 10 * (DDB_TRIES - 1));
	assert_int_equal(retries("server"), 2 * (DDB_TRIES - 1));
}

static void a_read_is_tried_until_its_deadline(void **state)
{
	(void)state;
	ADD(.error = "InternalServerError", .status = 500);
	/* On a slow machine the deadline may pass before the call is given up. */
	if (ddb_fixture_call(&f, &call, DDB_GET_ITEM, GET, 2000) != DDB_LATE)
		assert_outcome(call.outcome, DDB_DOUBT);
	assert_in_range(call.tries, DDB_TRIES, 40);
	assert_int_equal(arrived(), call.tries);
	assert_string_equal(call.error, "InternalServerError");
	assert_string_equal(call.message, "InternalServerError: so it says (HTTP 500)");
}

static void what_was_throttled_was_not_applied_and_is_tried_again(void **state)
{
	static const char *const errors[] = {"ProvisionedThroughputExceededException",
					     "ThrottlingException"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		ddb_stub_clear(&f.stub);
		ADD(.error = errors[i], .headers = "x-amz-retry-after: 1\r\n", .times = 1);
		assert_outcome(update(), DDB_OK);
		assert_int_equal(call.tries, 2);
		assert_int_equal(ddb_stub_count(&f.stub, "PutItem"), 2);
		assert_int_equal(ddb_shelf_applied(&f.stub.shelf), i + 1);
	}
	/* What was spent is back. */
	assert_int_equal(atomic_load(&f.shared.budget.tokens), DDB_BUDGET);
}

static void what_stays_throttled_is_busy_and_not_in_doubt(void **state)
{
	(void)state;
	ADD(.error = "ThrottlingException", .headers = "x-amz-retry-after: 1\r\n", .times = 1);
	/* It asks for more time than there is: 5 s are waited for. */
	ADD(.error = "ThrottlingException", .headers = "x-amz-retry-after: 60000\r\n");
	assert_outcome(ddb_fixture_call(&f, &call, DDB_PUT_ITEM, PUT, 4900), DDB_BUSY);
	assert_int_equal(call.tries, 2);
	assert_int_equal(arrived(), 2);
	assert_string_equal(call.error, "ThrottlingException");
	assert_int_equal(ddb_shelf_applied(&f.stub.shelf), 0);
}

static void the_pause_that_the_service_asks_for_is_kept(void **state)
{
	const struct ddb_stub_request *first, *second;

	(void)state;
	ADD(.error = "ThrottlingException", .headers = "x-amz-retry-after: 1200\r\n", .times = 1);
	assert_outcome(get(), DDB_OK);
	first = ddb_stub_request(&f.stub, NULL, 0);
	second = ddb_stub_request(&f.stub, NULL, 1);
	assert_true(second->at_ns - first->at_ns >= 1190 * CLOCK_NS_PER_MS);
	/* One that ends behind the deadline is not begun. */
	ddb_stub_clear(&f.stub);
	ADD(.error = "ThrottlingException", .headers = "x-amz-retry-after: 4000\r\n");
	assert_outcome(ddb_fixture_call(&f, &call, DDB_GET_ITEM, GET, 3000), DDB_BUSY);
	assert_int_equal(arrived(), 1);
}

/* The clock goes on while the server thinks. */
static char *a_second_later(const struct ddb_stub_request *request, void *user)
{
	(void)request;
	clock_fake_advance(user, 1000);
	return NULL;
}

static void each_try_is_signed_anew(void **state)
{
	(void)state;
	ADD(.error = "InternalServerError", .status = 500, .make = a_second_later, .user = &f.clock,
	    .times = DDB_TRIES - 1);
	assert_outcome(get(), DDB_OK);
	assert_int_equal(arrived(), DDB_TRIES);
	for (int i = 1; i < DDB_TRIES; i++) {
		const struct ddb_stub_request *before = ddb_stub_request(&f.stub, NULL, i - 1);
		const struct ddb_stub_request *after = ddb_stub_request(&f.stub, NULL, i);

		assert_true(strcmp(ddb_stub_header(before, "X-Amz-Date"),
				   ddb_stub_header(after, "X-Amz-Date")) < 0);
		assert_string_not_equal(ddb_stub_header(before, "Authorization"),
					ddb_stub_header(after, "Authorization"));
		assert_string_equal(before->body, after->body);
	}
}

#define DATE_2031      "Date: Wed, 01 Jan 2031 12:00:00 GMT\r\n"
#define DATE_2031_S    INT64_C(1925035200)
#define SIGNED_IN_2031 "X-Amz-Date: 20310101T12"

/* Takes signatures of one hour alone, and says what time it is otherwise. */
static void skewed_server(const char *error, int status)
{
	ddb_stub_clear(&f.stub);
	ADD(.holds = SIGNED_IN_2031, .apply = true);
	ADD(.error = error, .status = status, .headers = DATE_2031);
}

static void a_wrong_clock_is_corrected_by_the_servers(void **state)
{
	static const char *const errors[] = {"RequestTimeTooSkewed", "InvalidSignatureException",
					     "RequestExpired", "SignatureDoesNotMatch"};

	(void)state;
	clock_fake_set(&f.clock, (DATE_2031_S - 7200) * 1000);
	for (int i = 0; i < 4; i++) {
		atomic_store(&f.shared.skew_s, 0);
		skewed_server(errors[i], i == 0 ? 403 : 400);
		assert_outcome(update(), DDB_OK);
		assert_int_equal(call.tries, 2);
		assert_int_equal(atomic_load(&f.shared.skew_s), 7200);
		assert_int_equal(ddb_shelf_applied(&f.stub.shelf), i + 1);
		/* From now on all are signed by that. */
		assert_outcome(get(), DDB_OK);
		assert_int_equal(call.tries, 1);
	}
}

static void calls_that_were_under_way_with_the_wrong_clock_all_succeed(void **state)
{
	struct ddb_call calls[MANY] = {{.tries = 0}};
	int done = 0;

	(void)state;
	clock_fake_set(&f.clock, (DATE_2031_S - 7200) * 1000);
	skewed_server("RequestTimeTooSkewed", 403);
	for (int i = 0; i < MANY; i++)
		ddb_fixture_begin(&f, &calls[i], DDB_GET_ITEM, GET, 0, &done);
	ddb_fixture_await(&f, &done, MANY);
	for (int i = 0; i < MANY; i++) {
		call.tries = calls[i].tries;
		assert_outcome(calls[i].outcome, DDB_OK);
		ddb_call_clear(&calls[i]);
		buf_free(&calls[i].body);
	}
}

static void a_signature_that_is_refused_at_the_right_time_is_not_sent_again(void **state)
{
	(void)state;
	clock_fake_set(&f.clock, DATE_2031_S * 1000);
	ADD(.error = "InvalidSignatureException", .headers = DATE_2031);
	assert_outcome(get(), DDB_REJECTED);
	assert_int_equal(arrived(), 1);
	/* Without a date there is nothing to correct by. */
	ddb_stub_clear(&f.stub);
	ADD(.error = "RequestTimeTooSkewed", .status = 403);
	assert_outcome(get(), DDB_REJECTED);
	assert_int_equal(arrived(), 1);
	assert_int_equal(atomic_load(&f.shared.skew_s), 0);
}

static void a_clock_is_corrected_once_a_call(void **state)
{
	(void)state;
	clock_fake_set(&f.clock, (DATE_2031_S - 7200) * 1000);
	ADD(.error = "RequestTimeTooSkewed", .status = 403, .headers = DATE_2031, .times = 1);
	ADD(.error = "RequestTimeTooSkewed", .status = 403,
	    .headers = "Date: Wed, 01 Jan 2031 15:00:00 GMT\r\n");
	assert_outcome(get(), DDB_REJECTED);
	assert_int_equal(arrived(), 2);
}

static void a_condition_that_is_false_brings_the_item_if_the_server_has_it(void **state)
{
	(void)state;
	ADD(.error = "ConditionalCheckFailedException", .times = 1);
	assert_outcome(update(), DDB_CONDITION);
	assert_null(json_object_get(call.json, "Item"));
	ADD(.status = 400, .body = "{\"__type\":\"a#ConditionalCheckFailedException\","
				   "\"Item\":{\"version\":{\"N\":\"7\"}}}");
	assert_outcome(update(), DDB_CONDITION);
	assert_non_null(json_object_get(call.json, "Item"));
	assert_int_equal(arrived(), 2);
}

#define CANCELED(...)                                                                              \
	"{\"__type\":\"com.amazonaws.dynamodb.v20120810#TransactionCanceledException\","           \
	"\"Message\":\"Transaction cancelled\",\"CancellationReasons\":[" __VA_ARGS__ "]}"
#define REASON(code) "{\"Code\":\"" code "\"}"

static enum ddb_outcome transact(const char *canceled, int times)
{
	ddb_stub_clear(&f.stub);
	ADD(.operation = "TransactWriteItems", .status = 400, .body = canceled, .times = times);
	ADD(.operation = "TransactWriteItems");
	return ddb_fixture_call(&f, &call, DDB_TRANSACT_WRITE_ITEMS, "{\"TransactItems\":[]}", 0);
}

static void a_transaction_that_is_canceled_says_why(void **state)
{
	(void)state;
	assert_outcome(transact(CANCELED(REASON("ConditionalCheckFailed") "," REASON("None")), 0),
		       DDB_CONDITION);
	assert_int_equal(call.tries, 1);
	/* It was not made at all: it does not matter what else went wrong. */
	assert_outcome(
		transact(CANCELED(REASON("None") "," REASON("TransactionConflict") "," REASON(
				 "ConditionalCheckFailed")),
			 0),
		DDB_CONDITION);
	/* Another transaction has the item: that is soon over. */
	assert_outcome(transact(CANCELED(REASON("None") "," REASON("TransactionConflict")), 2),
		       DDB_OK);
	assert_int_equal(call.tries, 3);
	assert_int_equal(retries("conflict"), 2);
	assert_outcome(transact(CANCELED(REASON("ThrottlingError")), 1), DDB_OK);
	assert_outcome(transact(CANCELED(REASON("ProvisionedThroughputExceeded")), 1), DDB_OK);
	assert_int_equal(retries("throttled"), 2);
	assert_outcome(transact(CANCELED(REASON("ValidationError")), 0), DDB_REJECTED);
	assert_string_equal(call.error, "ValidationException");
	assert_outcome(transact(CANCELED(REASON("ItemCollectionSizeLimitExceeded")), 0),
		       DDB_REJECTED);
	assert_string_equal(call.error, "TransactionCanceledException");
	assert_outcome(transact("{\"__type\":\"a#TransactionCanceledException\"}", 0),
		       DDB_REJECTED);
	assert_outcome(transact("{\"__type\":\"a#InternalServerError\"}", 0), DDB_REJECTED);
	/* Its answer is lost as that of any other change. */
	ddb_stub_clear(&f.stub);
	ADD(.operation = "TransactWriteItems", .manner = DDB_STUB_MUTE);
	assert_outcome(ddb_fixture_call(&f, &call, DDB_TRANSACT_WRITE_ITEMS, "{}", 0), DDB_DOUBT);
	assert_int_equal(arrived(), 1);
}

static void what_will_never_do_is_tried_once_and_said_in_a_line(void **state)
{
	(void)state;
	ADD(.status = 400, .body = "{\"__type\":\"com.amazon.coral.validate#ValidationException\","
				   "\"message\":\"no such thing\"}");
	assert_outcome(get(), DDB_REJECTED);
	assert_string_equal(call.error, "ValidationException");
	assert_string_equal(call.message, "ValidationException: no such thing (HTTP 400)");
	ddb_stub_clear(&f.stub);
	/* By the header where the body is of no use; and with a capital letter. */
	ADD(.status = 400, .headers = "x-amzn-ErrorType: AccessDeniedException:http://x/\r\n",
	    .body = "{\"Message\":\"go away\"}");
	assert_outcome(update(), DDB_REJECTED);
	assert_string_equal(call.message, "AccessDeniedException: go away (HTTP 400)");
	assert_int_equal(arrived(), 1);
	ddb_stub_clear(&f.stub);
	ADD(.status = 404, .body = "<html>");
	assert_outcome(get(), DDB_REJECTED);
	assert_string_equal(call.error, "");
	assert_int_equal(arrived(), 1);
}

static void a_connection_that_is_never_made_leaves_no_doubt(void **state)
{
	struct ddb_stub nobody;

	(void)state;
	/* A port at which nobody listens any more. */
	ddb_stub_start(&nobody);
	ddb_stub_stop(&nobody);
	f.config.endpoint = nobody.url;
	assert_outcome(ddb_fixture_call_given_up(&f, &call, DDB_PUT_ITEM, PUT, 500), DDB_BUSY);
	assert_true(call.tries > 1);
	assert_non_null(strstr(call.message, nobody.url));
}

static void a_connection_that_is_closed_unread_is_never_a_success(void **state)
{
	enum ddb_outcome outcome;

	(void)state;
	ddb_stub_refuse(&f.stub, 10000);
	/* Whether the body was on its way already is a race; that nothing was applied is known only
	 * if it was not. */
	outcome = ddb_fixture_call(&f, &call, DDB_PUT_ITEM, PUT, 500);
	assert_true(outcome == DDB_DOUBT || outcome == DDB_BUSY || outcome == DDB_LATE);
	outcome = ddb_fixture_call(&f, &call, DDB_GET_ITEM, GET, 500);
	assert_true(outcome == DDB_DOUBT || outcome == DDB_BUSY || outcome == DDB_LATE);
	assert_true(call.tries > 1);
	assert_int_equal(arrived(), 0);
	ddb_stub_refuse(&f.stub, 2);
	assert_outcome(get(), DDB_OK);
	assert_int_equal(call.tries, 3);
}

static void an_idle_connection_that_the_server_closed_is_noticed_before_it_is_used(void **state)
{
	(void)state;
	keep_a_connection();
	ddb_stub_hang_up(&f.stub);
	while (ddb_stub_open(&f.stub) > 0)
		poll(NULL, 0, 1);
	assert_outcome(update(), DDB_OK);
	assert_int_equal(call.tries, 1);
	assert_int_equal(arrived(), 2);
	assert_int_equal(ddb_stub_opened(&f.stub), 2);
}

static void a_try_has_its_time_and_a_read_is_made_again(void **state)
{
	(void)state;
	f.config.timeout_ms = 700;
	ADD(.operation = "PutItem", .manner = DDB_STUB_SILENT, .apply = true, .times = 1);
	assert_outcome(update(), DDB_DOUBT);
	assert_int_equal(arrived(), 1);
	ddb_stub_clear(&f.stub);
	ADD(.manner = DDB_STUB_DRIP, .pad = 10000, .times = 1);
	ADD(.manner = DDB_STUB_SILENT, .times = 1);
	ADD(.manner = DDB_STUB_SILENT, .times = 1, .delay_ms = 60000);
	/* A timeout takes ten tokens, of the three that are left to a budget of 29 one too few; and
	 * no retry without tokens is due. */
	assert_true(retry_budget_spend(&f.shared.budget, DDB_BUDGET - 29));
	atomic_store(&f.shared.budget.probed_ns, INT64_MAX);
	assert_outcome(get(), DDB_DOUBT);
	assert_int_equal(call.tries, 3);
	assert_int_equal(atomic_load(&f.shared.budget.tokens), 9);
	assert_int_equal(retries("timeout"), 2);
	assert_int_equal(ddb_fixture_metric(&f, "cart_dynamodb_retries_denied_total"), 1);
}

static void the_deadline_ends_a_try(void **state)
{
	int64_t began_ns = clock_monotonic_ns(&cart_clock_system), took_ns;

	(void)state;
	ADD(.manner = DDB_STUB_SILENT);
	assert_outcome(ddb_fixture_call(&f, &call, DDB_GET_ITEM, GET, 1000), DDB_LATE);
	took_ns = clock_monotonic_ns(&cart_clock_system) - began_ns;
	assert_int_equal(arrived(), 1);
	/* Not by the 20 s that a try would have. */
	assert_true(took_ns < 10 * CLOCK_NS_PER_S);
	assert_outcome(ddb_fixture_call(&f, &call, DDB_PUT_ITEM, PUT, 1000), DDB_DOUBT);
}

static void without_time_nothing_is_sent(void **state)
{
	int done = 0;

	(void)state;
	ddb_fixture_begin(&f, &call, DDB_PUT_ITEM, PUT, 1, &done);
	ddb_call_abandon(&call);
	call.deadline_ns = clock_monotonic_ns(&f.clock.clock) - 1;
	assert_int_equal(ddb_call_start(f.client, &call), 0);
	assert_int_equal(done, 0); /* never from inside */
	ddb_fixture_await(&f, &done, 1);
	assert_outcome(call.outcome, DDB_LATE);
	assert_int_equal(call.tries, 0);
}

/* Calls one after another, none of which succeeds. */
static void a_service_that_only_fails_gets_no_more_than_the_budget_and_probes_on_top(void **state)
{
	const int calls = 60, paid = 20;
	int64_t began_ns = clock_monotonic_ns(&cart_clock_system), most;
	int sent = 0;

	(void)state;
	ADD(.error = "InternalServerError", .status = 500);
	assert_true(retry_budget_spend(&f.shared.budget,
				       DDB_BUDGET - paid * ddb_retry_tokens(DDB_RETRY_SERVER)));
	for (int i = 0; i < calls; i++) {
		/* On a slow machine the deadline may pass before the call is given up. */
		if (ddb_fixture_call(&f, &call, DDB_GET_ITEM, GET, 200) != DDB_LATE)
			assert_outcome(call.outcome, DDB_DOUBT);
		sent += call.tries > 0;
	}
	most = calls + paid + 1 +
	       (clock_monotonic_ns(&cart_clock_system) - began_ns) / DDB_PROBE_NS;
	assert_in_range(arrived(), sent + paid, most);
	assert_int_equal(atomic_load(&f.shared.budget.tokens), 0);
	assert_true(ddb_fixture_metric(&f, "cart_dynamodb_retries_denied_total") > 0);
	/* It comes back with successes, one each. */
	ddb_stub_clear(&f.stub);
	for (int i = 0; i < 5; i++)
		assert_outcome(get(), DDB_OK);
	assert_int_equal(atomic_load(&f.shared.budget.tokens), 5);
	ADD(.error = "InternalServerError", .status = 500, .times = 1);
	assert_outcome(get(), DDB_OK);
	assert_int_equal(call.tries, 2);
}

/* While the budget is empty, one retry at a time finds out whether the service is well again, and
 * its success lets others through. */
static void calls_wait_for_an_empty_budget_and_all_succeed_when_the_service_is_well(void **state)
{
	struct ddb_call calls[MANY] = {{.tries = 0}};
	int done = 0;

	(void)state;
	f.config.budget_wait_ns = 60 * CLOCK_NS_PER_S;
	assert_true(retry_budget_spend(&f.shared.budget, DDB_BUDGET));
	ADD(.error = "InternalServerError", .status = 500, .times = 2 * MANY);
	for (int i = 0; i < MANY; i++)
		ddb_fixture_begin(&f, &calls[i], DDB_GET_ITEM, GET, 0, &done);
	ddb_fixture_await(&f, &done, MANY);
	for (int i = 0; i < MANY; i++) {
		assert_outcome(calls[i].outcome, DDB_OK);
		ddb_call_clear(&calls[i]);
		buf_free(&calls[i].body);
	}
	assert_int_equal(ddb_fixture_metric(&f, "cart_dynamodb_retries_denied_total"), 0);
	assert_int_equal(retries("server"), 2 * MANY);
}

/* What the caller makes again pauses and pays, as a retry of the call itself does. */
static void a_call_that_is_a_repetition_pauses_and_takes_tokens(void **state)
{
	int done = 0;

	(void)state;
	ddb_fixture_client(&f);
	call.repeats = 1;
	call.why = DDB_RETRY_CONNECTION;
	ddb_fixture_begin(&f, &call, DDB_PUT_ITEM, PUT, 0, &done);
	assert_int_equal(call.tries, 0);
	ddb_fixture_await(&f, &done, 1);
	assert_outcome(call.outcome, DDB_OK);
	assert_int_equal(call.tries, 1);
	assert_int_equal(arrived(), 1);
	assert_int_equal(retries("connection"), 1);
	/* The success gave back what it took. */
	assert_int_equal(atomic_load(&f.shared.budget.tokens), DDB_BUDGET);
	/* Without tokens it is certainly not made. */
	assert_true(retry_budget_spend(&f.shared.budget, DDB_BUDGET));
	atomic_store(&f.shared.budget.probed_ns, INT64_MAX);
	assert_outcome(ddb_fixture_call(&f, &call, DDB_PUT_ITEM, PUT, 0), DDB_BUSY);
	assert_int_equal(arrived(), 1);
}

static void the_wire_is_plain_http_1_1(void **state)
{
	const struct ddb_stub_request *request;
	char host[64];

	(void)state;
	assert_outcome(update(), DDB_OK);
	request = ddb_stub_request(&f.stub, "PutItem", 0);
	snprintf(host, sizeof(host), "127.0.0.1:%d", f.stub.port);
	assert_memory_equal(request->text, "POST / HTTP/1.1\r\n", 17);
	assert_string_equal(ddb_stub_header(request, "Host"), host);
	assert_string_equal(ddb_stub_header(request, "Accept-Encoding"), "identity");
	assert_string_equal(ddb_stub_header(request, "Content-Type"), "application/x-amz-json-1.0");
	assert_null(strcasestr(request->text, "\r\nExpect"));
	assert_null(strcasestr(request->text, "\r\nUpgrade"));
	assert_null(strcasestr(request->text, "\r\nTransfer-Encoding"));
	assert_int_equal(atoi(ddb_stub_header(request, "Content-Length")), strlen(request->body));
	assert_null(strcasestr(request->text, "X-Amz-Security-Token"));
}

/* Above 1 MB libcurl would ask for a "100 Continue" first. */
static void a_long_body_is_sent_without_asking(void **state)
{
	struct buf body = {0};

	(void)state;
	buf_add_string(&body, "{\"Item\":{\"cart_id\":{\"S\":\"c\"}}");
	for (int i = 0; i < 1200000; i++)
		buf_add_char(&body, ' ');
	buf_add_char(&body, '}');
	assert_outcome(ddb_fixture_call(&f, &call, DDB_PUT_ITEM, buf_string(&body), 0), DDB_OK);
	assert_null(strcasestr(ddb_stub_request(&f.stub, NULL, 0)->text, "\r\nExpect"));
	assert_int_equal(strlen(ddb_stub_request(&f.stub, NULL, 0)->body), body.len);
	buf_free(&body);
}

static void no_redirect_is_followed(void **state)
{
	struct ddb_stub other;
	char where[128];

	(void)state;
	ddb_stub_start(&other);
	snprintf(where, sizeof(where), "Location: %s/\r\n", other.url);
	ADD(.status = 307, .headers = where);
	assert_outcome(update(), DDB_REJECTED);
	ddb_stub_clear(&f.stub);
	ADD(.status = 302, .headers = "Location: file:///etc/passwd\r\n");
	assert_outcome(get(), DDB_REJECTED);
	assert_int_equal(arrived(), 1);
	assert_int_equal(ddb_stub_opened(&other), 0);
	ddb_stub_stop(&other);
}

static void an_endpoint_is_http_or_https_and_a_host(void **state)
{
	static const char *const wrong[] = {
		"ftp://h",	"file:///etc/passwd", "h:8000",		"http://h/path",
		"http://u:p@h", "http://h?q",	      "gopher://h:70/", "http://"};
	struct cart_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(aws_endpoint_check(wrong[i], &error), -1);
	assert_int_equal(aws_endpoint_check("http://127.0.0.1:8000", &error), 0);
	assert_int_equal(aws_endpoint_check("https://h", &error), 0);
	/* And were there another, libcurl would not take it. */
	f.config.endpoint = "file:///etc/passwd";
	assert_outcome(ddb_fixture_call_given_up(&f, &call, DDB_GET_ITEM, GET, 200), DDB_BUSY);
	assert_non_null(strcasestr(call.message, "protocol"));
}

static void an_answer_has_a_size(void **state)
{
	(void)state;
	ADD(.operation = "GetItem", .pad = TRANSFER_ANSWER_MAX, .times = 1);
	assert_outcome(get(), DDB_OK);
	assert_int_equal(call.tries, 2);
	ADD(.operation = "PutItem", .pad = TRANSFER_ANSWER_MAX, .apply = true, .times = 1);
	assert_outcome(update(), DDB_DOUBT);
	assert_non_null(strstr(call.message, "too long"));
	/* One that is just in bounds is taken. */
	ADD(.operation = "GetItem", .pad = TRANSFER_ANSWER_MAX - 2);
	assert_outcome(get(), DDB_OK);
	assert_int_equal(call.tries, 1);
}

static void an_answer_that_drips_is_put_together(void **state)
{
	(void)state;
	ADD(.manner = DDB_STUB_DRIP);
	assert_outcome(get(), DDB_OK);
	assert_int_equal(call.tries, 1);
}

static void a_connection_that_was_idle_for_too_long_is_not_used_again(void **state)
{
	(void)state;
	f.config.idle_ms = 3000;
	assert_outcome(get(), DDB_OK);
	assert_outcome(get(), DDB_OK);
	assert_int_equal(ddb_stub_opened(&f.stub), 1);
	poll(NULL, 0, 4200); /* this is about time, in whole seconds */
	assert_outcome(get(), DDB_OK);
	assert_int_equal(ddb_stub_opened(&f.stub), 2);
}

/* Runs that many calls at once, all of which are to succeed. */
static void run_at_once(int count)
{
	struct ddb_call calls[MANY] = {{.tries = 0}};
	int done = 0;

	for (int i = 0; i < count; i++)
		ddb_fixture_begin(&f, &calls[i], DDB_GET_ITEM, GET, 0, &done);
	ddb_fixture_await(&f, &done, count);
	for (int i = 0; i < count; i++) {
		assert_int_equal(calls[i].outcome, DDB_OK);
		ddb_call_clear(&calls[i]);
		buf_free(&calls[i].body);
	}
}

static void connections_are_bounded_and_kept(void **state)
{
	(void)state;
	f.config.connections = 3;
	ADD(.delay_ms = 20, .times = 4 * MANY);
	for (int i = 0; i < 4; i++)
		run_at_once(MANY);
	assert_int_equal(ddb_stub_opened(&f.stub), 3);
	assert_int_equal(ddb_stub_most(&f.stub), 3);
	assert_int_equal(ddb_fixture_metric(&f, "cart_dynamodb_connections_opened_total"), 3);
}

static void a_call_that_is_abandoned_ends_without_a_word(void **state)
{
	int done = 0;

	(void)state;
	ADD(.operation = "PutItem", .manner = DDB_STUB_SILENT, .times = 1);
	ddb_fixture_begin(&f, &call, DDB_PUT_ITEM, PUT, 0, &done);
	assert_false(ddb_call_in_doubt(&call));
	ddb_fixture_await_requests(&f, 1);
	assert_true(ddb_call_in_doubt(&call));
	ddb_call_abandon(&call);
	assert_false(ddb_call_in_doubt(&call));
	/* Its connection is closed: a late answer is nobody's. */
	while (ddb_stub_open(&f.stub) > 0)
		poll(NULL, 0, 1);
	/* In a pause between tries. */
	ADD(.operation = "GetItem", .error = "ThrottlingException",
	    .headers = "x-amz-retry-after: 5000\r\n", .times = 1);
	ddb_fixture_begin(&f, &call, DDB_GET_ITEM, GET, 0, &done);
	ddb_fixture_await_metric(
		&f, "cart_dynamodb_calls_total{operation=\"GetItem\",status=\"throttled\"}", 1);
	assert_true(event_pending(call.transfer->pause, EV_TIMEOUT, NULL));
	ddb_call_abandon(&call);
	assert_false(event_pending(call.transfer->pause, EV_TIMEOUT, NULL));
	ddb_call_abandon(&call); /* nothing is under way */
	assert_int_equal(ddb_fixture_metric(&f, "cart_dynamodb_calls_in_flight"), 0);
	assert_outcome(get(), DDB_OK);
	assert_int_equal(done, 0);
}

static void a_call_may_be_freed_and_started_from_its_callback(void **state)
{
	int done = 0;

	(void)state;
	for (int i = 0; i < 3; i++) {
		ddb_fixture_begin(&f, &call, DDB_GET_ITEM, GET, 0, &done);
		ddb_fixture_await(&f, &done, i + 1);
		ddb_call_clear(&call);
	}
	assert_int_equal(arrived(), 3);
	assert_int_equal(ddb_stub_opened(&f.stub), 1);
}

/* An idle task would hold for good what its largest answer took. */
static void what_a_large_answer_took_is_given_back(void **state)
{
	static const size_t large[] = {1 << 20, 20000};

	(void)state;
	for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
		ADD(.operation = "GetItem", .body = "{\"Item\":{}}", .pad = large[i], .times = 1);
		assert_outcome(get(), DDB_OK);
		assert_true(call.transfer->answer.room >= large[i]);
		ddb_call_forget(&call);
		assert_null(call.json);
		assert_int_equal(call.transfer->answer.room, 0);
	}
	/* One of the usual size is kept. */
	assert_outcome(get(), DDB_OK);
	ddb_call_forget(&call);
	assert_null(call.json);
	assert_true(call.transfer->answer.room > 0);
	assert_true(call.body.room > 0);
}

static void units_are_counted_by_halves(void **state)
{
	(void)state;
	ADD(.operation = "GetItem", .body = "{\"ConsumedCapacity\":{\"CapacityUnits\":0.5}}");
	ADD(.operation = "PutItem", .body = "{\"ConsumedCapacity\":{\"CapacityUnits\":3}}");
	assert_outcome(get(), DDB_OK);
	assert_outcome(update(), DDB_OK);
	assert_int_equal(ddb_fixture_metric(
				 &f, "cart_dynamodb_half_read_units_total{operation=\"GetItem\"}"),
			 1);
	assert_int_equal(ddb_fixture_metric(
				 &f, "cart_dynamodb_half_write_units_total{operation=\"PutItem\"}"),
			 6);
}

static void units_that_no_call_can_cost_are_not_counted(void **state)
{
	(void)state;
	ADD(.operation = "GetItem", .body = "{\"ConsumedCapacity\":{\"CapacityUnits\":1e18}}");
	assert_outcome(get(), DDB_OK);
	assert_int_equal(ddb_fixture_metric(
				 &f, "cart_dynamodb_half_read_units_total{operation=\"GetItem\"}"),
			 0);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_change_over_a_kept_connection_that_closes_arrives_once_and_is_in_doubt),
		TEST(a_change_over_a_kept_connection_that_is_reset_arrives_once_and_is_in_doubt),
		TEST(a_read_over_a_connection_that_dies_is_made_again),
		TEST(a_change_whose_answer_is_lost_is_never_sent_again_by_the_call),
		TEST(a_read_whose_answer_is_lost_is_made_again),
		TEST(a_read_is_tried_until_its_deadline),
		TEST(what_was_throttled_was_not_applied_and_is_tried_again),
		TEST(what_stays_throttled_is_busy_and_not_in_doubt),
		TEST(the_pause_that_the_service_asks_for_is_kept),
		TEST(each_try_is_signed_anew),
		TEST(a_wrong_clock_is_corrected_by_the_servers),
		TEST(calls_that_were_under_way_with_the_wrong_clock_all_succeed),
		TEST(a_signature_that_is_refused_at_the_right_time_is_not_sent_again),
		TEST(a_clock_is_corrected_once_a_call),
		TEST(a_condition_that_is_false_brings_the_item_if_the_server_has_it),
		TEST(a_transaction_that_is_canceled_says_why),
		TEST(what_will_never_do_is_tried_once_and_said_in_a_line),
		TEST(a_connection_that_is_never_made_leaves_no_doubt),
		TEST(a_connection_that_is_closed_unread_is_never_a_success),
		TEST(an_idle_connection_that_the_server_closed_is_noticed_before_it_is_used),
		TEST(a_try_has_its_time_and_a_read_is_made_again),
		TEST(the_deadline_ends_a_try),
		TEST(without_time_nothing_is_sent),
		TEST(a_service_that_only_fails_gets_no_more_than_the_budget_and_probes_on_top),
		TEST(calls_wait_for_an_empty_budget_and_all_succeed_when_the_service_is_well),
		TEST(a_call_that_is_a_repetition_pauses_and_takes_tokens),
		TEST(the_wire_is_plain_http_1_1),
		TEST(a_long_body_is_sent_without_asking),
		TEST(no_redirect_is_followed),
		TEST(an_endpoint_is_http_or_https_and_a_host),
		TEST(an_answer_has_a_size),
		TEST(an_answer_that_drips_is_put_together),
		TEST(a_connection_that_was_idle_for_too_long_is_not_used_again),
		TEST(connections_are_bounded_and_kept),
		TEST(a_call_that_is_abandoned_ends_without_a_word),
		TEST(a_call_may_be_freed_and_started_from_its_callback),
		TEST(what_a_large_answer_took_is_given_back),
		TEST(units_are_counted_by_halves),
		TEST(units_that_no_call_can_cost_are_not_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
