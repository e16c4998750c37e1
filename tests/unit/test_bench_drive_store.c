/* A store in cartbench's own process: the same operations, and the answers that cartd would give.
 */
#include "backends/dynamodb/options.h"
#include "bench/target/base.h"
#include "bench/target/drive.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "server/api/problem.h"
#include "tests/lib/ids.h"
#include "tests/lib/cartd.h"
#include "tests/lib/cmocka.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct fixture {
	struct bench_drive *drive;
	struct event_base *base;
	struct bench_drive_loop *loop;
	struct bench_link *link;
	int done;
};

static void start(struct fixture *f, const char *target)
{
	const struct bench_drive_config config = {.timeout_ms = 20000};
	struct cart_error error;

	*f = (struct fixture){0};
	if (bench_drive_open(&f->drive, target, &config, &error) != 0)
		fail_msg("%s: %s", target, error.text);
	f->base = bench_base_new();
	assert_non_null(f->base);
	assert_int_equal(bench_drive_loop_open(&f->loop, f->drive, f->base, &error), 0);
	f->link = bench_link_open(f->loop);
}

static void stop(struct fixture *f)
{
	bench_link_close(&f->link);
	bench_drive_loop_close(&f->loop);
	event_base_free(f->base);
	bench_drive_close(&f->drive);
}

static void count_done(struct bench_op *op, void *user)
{
	(void)op;
	++*(int *)user;
}

static void run(struct fixture *f, struct bench_op *op, enum bench_outcome outcome, int status,
		const char *error)
{
	f->done = 0;
	op->done = count_done;
	op->user = &f->done;
	bench_link_submit(f->link, op);
	assert_int_equal(f->done, 0);
	while (f->done == 0)
		assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
	assert_string_equal(op->error, error);
	assert_int_equal(op->status, status);
	assert_int_equal(op->outcome, outcome);
	assert_true(op->sent_ns > 0 && op->done_ns >= op->sent_ns);
}

static void every_operation_does_what_it_says(void **state)
{
	struct bench_op op = {.type = BENCH_CREATE, .customer_id = 7, .want_cart = true};
	struct fixture f;

	(void)state;
	start(&f, "store:memory");
	assert_string_equal(f.drive->database, "memory");
	assert_false(f.drive->stand_in);
	run(&f, &op, BENCH_OK, 201, "");
	assert_int_equal(op.version, 1);
	assert_id_equal(op.cart.customer_id, 7);
	assert_memory_equal(&op.cart.id, &op.id, sizeof(op.id));

	op.want_cart = false;
	op.type = BENCH_ADD;
	op.product_id = 3;
	op.quantity = 4;
	run(&f, &op, BENCH_OK, 204, "");
	assert_int_equal(op.version, 2);
	op.type = BENCH_SET;
	op.product_id = 5;
	op.want_cart = true;
	run(&f, &op, BENCH_OK, 200, "");
	assert_int_equal(op.cart.line_count, 2);
	op.type = BENCH_REMOVE;
	op.product_id = 3;
	op.want_cart = false;
	run(&f, &op, BENCH_OK, 204, "");
	run(&f, &op, BENCH_REFUSED, 404, "ITEM_NOT_FOUND");

	op.type = BENCH_GET;
	op.want_cart = true;
	op.read = BENCH_READ_STRONG;
	run(&f, &op, BENCH_OK, 200, "");
	assert_int_equal(op.version, 4);
	assert_int_equal(op.cart.line_count, 1);
	assert_int_equal(op.cart.lines[0].quantity, 4);
	assert_true(op.queue_ns >= 0 && op.db_ns >= 0);
	assert_true(op.total_ns >= op.queue_ns + op.db_ns);

	op.type = BENCH_LIST;
	op.customer_id = 7;
	run(&f, &op, BENCH_OK, 200, "");
	assert_int_equal(op.cart_count, 1);
	op.want_cart = false;

	op.type = BENCH_ADD;
	op.if_version = 9;
	run(&f, &op, BENCH_REFUSED, 412, "VERSION_MISMATCH");
	op.if_version = 4;
	op.key = "once";
	run(&f, &op, BENCH_OK, 204, "");
	assert_false(op.replayed);
	run(&f, &op, BENCH_OK, 204, "");
	assert_true(op.replayed);
	assert_int_equal(op.version, 5);
	op.key = NULL;
	op.if_version = 0;

	op.type = BENCH_CHECKOUT;
	run(&f, &op, BENCH_OK, 200, "");
	op.type = BENCH_ADD;
	run(&f, &op, BENCH_REFUSED, 409, "CART_CLOSED");
	op.type = BENCH_CREATE;
	run(&f, &op, BENCH_OK, 201, "");
	op.type = BENCH_DELETE;
	run(&f, &op, BENCH_OK, 204, "");
	op.type = BENCH_GET;
	run(&f, &op, BENCH_REFUSED, 404, "CART_NOT_FOUND");
	bench_op_clear(&op);
	stop(&f);
}

static void settings_reach_the_store(void **state)
{
	char folder[256], target[400];
	struct bench_op op = {.type = BENCH_CREATE, .customer_id = 7};
	struct fixture f;

	(void)state;
	cartd_make_directory(folder);
	snprintf(target, sizeof(target), "store:sqlite?path=%s/a%%26b.db&limits.lines=1", folder);
	start(&f, target);
	assert_string_equal(f.drive->text, target);
	run(&f, &op, BENCH_OK, 201, "");
	op.type = BENCH_ADD;
	op.quantity = op.product_id = 1;
	run(&f, &op, BENCH_OK, 204, "");
	op.product_id = 2;
	run(&f, &op, BENCH_REFUSED, 422, "LIMIT_EXCEEDED");
	bench_op_clear(&op);
	stop(&f);
	snprintf(target, sizeof(target), "%s/a&b.db", folder);
	assert_int_equal(access(target, F_OK), 0);
	cartd_remove_directory(folder);
}

/* What spoils an op, and the result that the server would turn into an answer. */
static const struct spoilt {
	const char *fault;
	enum cart_result result;
	enum bench_outcome outcome;
} spoilt[] = {
	{"refuse", CART_BUSY, BENCH_REFUSED},	      {"busy", CART_BUSY, BENCH_REFUSED},
	{"fail", CART_FAILED, BENCH_UNKNOWN},	      {"timeout", CART_TIMEOUT, BENCH_REFUSED},
	{"uncertain", CART_UNCERTAIN, BENCH_UNKNOWN}, {"drop", CART_UNCERTAIN, BENCH_UNKNOWN},
};

static void failures_are_those_that_cartd_would_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(spoilt) / sizeof(*spoilt); i++) {
		struct problem problem = problem_of_result(spoilt[i].result);
		struct bench_op op = {.type = BENCH_CREATE, .customer_id = 7};
		struct fixture f;
		char target[80];

		snprintf(target, sizeof(target), "store:fault?over=memory&%s_nth=2",
			 spoilt[i].fault);
		start(&f, target);
		run(&f, &op, BENCH_OK, 201, "");
		op.type = BENCH_ADD;
		op.product_id = op.quantity = 1;
		run(&f, &op, spoilt[i].outcome, problem.status, problem.error);
		run(&f, &op, BENCH_OK, 204, "");
		bench_op_clear(&op);
		stop(&f);
	}
}

static void a_request_that_the_store_refuses_is_told_from_the_loop(void **state)
{
	struct bench_op op = {.type = BENCH_CREATE, .customer_id = -1};
	struct fixture f;

	(void)state;
	start(&f, "store:memory");
	run(&f, &op, BENCH_UNKNOWN, 500, "INTERNAL");
	bench_op_clear(&op);
	stop(&f);
}

/* The store never answers an add, and the timeout is far away. */
static void a_client_that_goes_away_cancels_its_operation(void **state)
{
	struct bench_op op = {.type = BENCH_CREATE, .customer_id = 7};
	struct fixture f;

	(void)state;
	start(&f, "store:fault?hang_every=1&ops=change");
	run(&f, &op, BENCH_OK, 201, "");
	bench_link_abandon(f.link); /* from nothing */
	op.type = BENCH_ADD;
	op.product_id = op.quantity = 1;
	f.done = 0;
	bench_link_submit(f.link, &op);
	bench_link_abandon(f.link);
	assert_int_equal(f.done, 0);
	while (f.done == 0)
		assert_int_equal(event_base_loop(f.base, EVLOOP_ONCE), 0);
	assert_int_equal(op.outcome, BENCH_UNKNOWN);
	assert_true(op.done_ns - op.sent_ns < 10 * CLOCK_NS_PER_S);
	bench_op_clear(&op);
	stop(&f);
}

static void a_client_that_goes_away_from_a_refusal_hears_it(void **state)
{
	struct bench_op op = {.type = BENCH_CREATE, .customer_id = -1};
	struct fixture f;

	(void)state;
	start(&f, "store:memory");
	op.done = count_done;
	op.user = &f.done;
	bench_link_submit(f.link, &op);
	bench_link_abandon(f.link);
	while (f.done == 0)
		assert_int_equal(event_base_loop(f.base, EVLOOP_ONCE), 0);
	assert_int_equal(op.status, 500);
	bench_op_clear(&op);
	stop(&f);
}

static void assert_refused(const char *target, const char *why)
{
	const struct bench_drive_config config = {.timeout_ms = 1000};
	struct bench_drive *drive;
	struct cart_error error;

	assert_int_equal(bench_drive_open(&drive, target, &config, &error), -1);
	assert_null(drive);
	if (strstr(error.text, why) == NULL)
		fail_msg("%s: %s", target, error.text);
}

static void what_cannot_be_opened_is_said_in_a_line(void **state)
{
	(void)state;
	assert_refused("store:nosuch", "no backend is called \"nosuch\"; there are: ");
	assert_refused("store:memory?pool=3", "pool");
	assert_refused("store:sqlite?pth=x", "sqlite.path");
	assert_refused("store:sqlite?path", "a setting without a value: path");
	assert_refused("store:sqlite?path=%4", "a % that two digits should follow");
	assert_refused("store:mysql?password=x", "mysql.password is a secret");
	assert_refused("store:sqlite?path=/nonexistent/x.db", "/nonexistent/x.db");
}

static void the_metrics_of_the_store_can_be_read(void **state)
{
	struct bench_op op = {.type = BENCH_CREATE, .customer_id = 7};
	struct cart_error error;
	struct buf text = {0};
	struct fixture f;

	(void)state;
	start(&f, "store:memory");
	run(&f, &op, BENCH_OK, 201, "");
	assert_int_equal(bench_drive_metrics(f.drive, &text, &error), 0);
	assert_non_null(strstr(buf_string(&text), "op=\"create\",result=\"OK\"} 1\n"));
	buf_free(&text);
	bench_op_clear(&op);
	stop(&f);
}

static void a_database_that_cannot_be_reached_is_nothing_to_measure(void **state)
{
	(void)state;
	setenv("AWS_ACCESS_KEY_ID", "x", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "y", 1);
	assert_refused("store:dynamodb?endpoint=http://127.0.0.1:1&region=x",
		       "http://127.0.0.1:1: Failed to connect");
}

static void endpoints_of_aws_are_known(void **state)
{
	(void)state;
	assert_true(aws_endpoint_is_aws("https://dynamodb.eu-west-1.amazonaws.com"));
	assert_true(aws_endpoint_is_aws("https://vpce-1.dynamodb.cn-north-1.amazonaws.com.cn:443"));
	assert_false(aws_endpoint_is_aws("http://localhost:8000"));
	assert_false(aws_endpoint_is_aws("http://amazonaws.com.localhost:8000"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_operation_does_what_it_says),
		cmocka_unit_test(settings_reach_the_store),
		cmocka_unit_test(failures_are_those_that_cartd_would_answer),
		cmocka_unit_test(a_request_that_the_store_refuses_is_told_from_the_loop),
		cmocka_unit_test(a_client_that_goes_away_cancels_its_operation),
		cmocka_unit_test(a_client_that_goes_away_from_a_refusal_hears_it),
		cmocka_unit_test(what_cannot_be_opened_is_said_in_a_line),
		cmocka_unit_test(the_metrics_of_the_store_can_be_read),
		cmocka_unit_test(a_database_that_cannot_be_reached_is_nothing_to_measure),
		cmocka_unit_test(endpoints_of_aws_are_known),
	};

	return cmocka_run_group_tests_name("a store as a target", tests, NULL, NULL);
}
