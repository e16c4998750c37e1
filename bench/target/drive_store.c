/*
 * A store in our own process: store:BACKEND?setting=value&setting=value. A setting is named in
 * full or without the backend's name and dot; %26 is an ampersand. What the URL does not say comes
 * from the environment, as for cartd (CART_MYSQL_PASSWORD), so that no secret needs to be on a
 * command line. The schema is made where it is missing.
 *
 * The happy path: a bench_op becomes a cart_op, whose callback is the bench_op's. The other way:
 * the store refuses a submit, and the refusal is reported from the loop.
 */
#include "bench/stats/alloc.h"
#include "bench/target/base.h"
#include "bench/target/drive_internal.h"
#include "core/base/buf.h"
#include "core/cart_store.h"
#include "core/base/hex.h"
#include "core/version.h"

#include <assert.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct store_drive {
	struct bench_drive drive;
	struct settings *settings;
	struct metrics *metrics;
	struct cart_env env;
	struct cart_db *db;
};

struct store_loop {
	struct bench_drive_loop loop;
	struct cart_store *store;
	bool drained;
};

struct store_link {
	struct bench_link link;
	struct bench_timer refused; /* reports a refusal */
	struct bench_op *op;	    /* NULL: none under way */
	struct cart_op cart_op;
	struct cart_change change;
};

/* What cartd would answer. */
static const struct store_answer {
	int status;
	const char *error;
} store_answers[CART_RESULTS] = {
	[CART_OK] = {200, ""},
	[CART_NOT_FOUND] = {404, "CART_NOT_FOUND"},
	[CART_NO_ITEM] = {404, "ITEM_NOT_FOUND"},
	[CART_MISMATCH] = {412, "VERSION_MISMATCH"},
	[CART_CLOSED] = {409, "CART_CLOSED"},
	[CART_OWNED] = {409, "CART_OWNED"},
	[CART_EMPTY] = {409, "CART_EMPTY"},
	[CART_NOT_CLOSED] = {409, "CART_OPEN"},
	[CART_LIMIT] = {422, "LIMIT_EXCEEDED"},
	[CART_KEY_REUSED] = {422, "IDEMPOTENCY_KEY_REUSED"},
	[CART_BUSY] = {503, "UNAVAILABLE"},
	[CART_TIMEOUT] = {504, "TIMEOUT"},
	[CART_UNCERTAIN] = {504, "OUTCOME_UNKNOWN"},
	[CART_CANCELED] = {503, "UNAVAILABLE"},
	[CART_DAMAGED] = {500, "INTERNAL"},
	[CART_CURSOR_GONE] = {410, "CURSOR_GONE"},
	[CART_CURSOR_FOREIGN] = {410, "CURSOR_GONE"},
	[CART_CURSOR_INVALID] = {400, "INVALID_INPUT"},
	[CART_FAILED] = {500, "INTERNAL"},
};

static void store_take_result(struct bench_op *op, struct cart_op *from)
{
	op->status = store_answers[from->result].status;
	snprintf(op->error, sizeof(op->error), "%s", store_answers[from->result].error);
	op->outcome = BENCH_REFUSED;
	if ((from->result == CART_UNCERTAIN || from->result == CART_FAILED) &&
	    bench_op_type_changes(op->type))
		op->outcome = BENCH_UNKNOWN;
	if (from->result != CART_OK)
		return;
	op->outcome = BENCH_OK;
	op->status = bench_op_ok_status(op);
	op->replayed = from->replayed;
	op->version = from->type == CART_OP_GET ? from->cart.version : from->version;
	if (op->type == BENCH_CREATE)
		op->id = from->cart.id;
	if (op->want_cart) {
		op->cart = from->cart;
		from->cart = (struct cart){0};
	}
	op->carts = from->carts;
	op->cart_count = from->cart_count;
	from->carts = NULL;
	from->cart_count = 0;
}

/* done() may submit to the link or close it, so the link must not be touched after it. */
static void store_finish(struct store_link *link)
{
	struct bench_op *op = link->op;

	link->op = NULL;
	store_take_result(op, &link->cart_op);
	cart_op_clear(&link->cart_op);
	op->done_ns = clock_monotonic_ns(&cart_clock_system);
	op->total_ns = op->done_ns - op->sent_ns;
	op->done(op, op->user);
}

static void store_completed(struct cart_op *cart_op, void *user)
{
	struct store_link *link = user;

	link->op->queue_ns = cart_op->started_ns - cart_op->submitted_ns;
	link->op->db_ns = cart_op->finished_ns - cart_op->started_ns;
	store_finish(link);
}

static void store_report_refusal(void *user)
{
	store_finish(user);
}

static enum cart_op_type store_op_type(enum bench_op_type type)
{
	switch (type) {
	case BENCH_CREATE:
		return CART_OP_CREATE;
	case BENCH_GET:
		return CART_OP_GET;
	case BENCH_CHECKOUT:
		return CART_OP_CHECKOUT;
	case BENCH_DELETE:
		return CART_OP_DELETE;
	case BENCH_LIST:
		return CART_OP_LIST;
	default:
		return CART_OP_CHANGE;
	}
}

static unsigned store_flags(const struct bench_op *op)
{
	unsigned flags = 0;

	if (op->type == BENCH_GET && op->read == BENCH_READ_STRONG)
		flags |= CART_READ_STRONG;
	if (op->type == BENCH_GET && op->read == BENCH_READ_EVENTUAL)
		flags |= CART_READ_EVENTUAL;
	if (op->want_cart && store_op_type(op->type) == CART_OP_CHANGE)
		flags |= CART_WANT_CART;
	return flags;
}

/* A number that is no id makes one that the store refuses. */
static struct shop_id store_shop_id(int64_t number)
{
	if (number < 1 || number > SHOP_ID_NUMBER_MAX)
		return (struct shop_id){.size = 1, .text = " "};
	return shop_id_of_number(number);
}

/* False: the kernel has no random bytes for an id. */
static bool store_fill(struct store_link *link, const struct bench_op *op)
{
	struct cart_op *to = &link->cart_op;

	cart_op_init(to, store_op_type(op->type));
	to->flags = store_flags(op);
	to->id = op->id;
	if (to->type == CART_OP_CREATE)
		to->customer_id = store_shop_id(op->customer_id);
	if (bench_op_type_changes(op->type) && op->type != BENCH_CREATE)
		to->if_version = op->if_version;
	if (bench_op_type_changes(op->type) && op->type != BENCH_DELETE)
		to->key = op->key;
	to->deadline_ns = op->sent_ns + link->link.loop->drive->config.timeout_ms * CLOCK_NS_PER_MS;
	to->done = store_completed;
	to->user = link;
	if (to->type == CART_OP_CHANGE) {
		link->change = (struct cart_change){
			.type = op->type == BENCH_ADD	? CART_CHANGE_ADD
				: op->type == BENCH_SET ? CART_CHANGE_SET
							: CART_CHANGE_REMOVE,
			.product_id = store_shop_id(op->product_id),
			.quantity = op->type == BENCH_REMOVE ? 0 : op->quantity,
		};
		to->changes = &link->change;
		to->change_count = 1;
	}
	if (to->type == CART_OP_LIST)
		to->list = (struct cart_list){.kind = CART_LIST_CUSTOMER,
					      .customer_id = store_shop_id(op->customer_id),
					      .limit = CART_LIST_MAX};
	if (to->type == CART_OP_CREATE)
		return cart_id_make(&to->id, CART_ID_V4, 0);
	return to->type != CART_OP_CHECKOUT || cart_id_make(&to->order_id, CART_ID_V4, 0);
}

static void store_submit(struct bench_link *head, struct bench_op *op)
{
	struct store_link *link = (struct store_link *)head;
	struct store_loop *loop = (struct store_loop *)head->loop;
	enum cart_result result = CART_FAILED;

	assert(link->op == NULL);
	link->op = op;
	op->sent_ns = clock_monotonic_ns(&cart_clock_system);
	if (store_fill(link, op))
		result = cart_store_submit(loop->store, &link->cart_op);
	if (result == CART_OK)
		return;
	link->cart_op.result = result;
	bench_timer_arm(&link->refused, 0);
}

static void store_abandon(struct bench_link *head)
{
	struct store_link *link = (struct store_link *)head;
	struct store_loop *loop = (struct store_loop *)head->loop;

	/* A refused one is the link's again. */
	if (link->op != NULL && link->cart_op.held.store != NULL)
		cart_store_cancel(loop->store, &link->cart_op);
}

static void store_link_close(struct bench_link *head)
{
	struct store_link *link = (struct store_link *)head;

	assert(link->op == NULL);
	bench_timer_stop(&link->refused);
	free(link);
}

static struct bench_link *store_link_open(struct bench_drive_loop *loop)
{
	struct store_link *link = bench_alloc(1, sizeof(*link));

	link->link.loop = loop;
	bench_timer_init(&link->refused, loop->base, store_report_refusal, link);
	return &link->link;
}

static void store_drained(void *user)
{
	struct store_loop *loop = user;

	loop->drained = true;
}

static void store_loop_close(struct bench_drive_loop *head)
{
	struct store_loop *loop = (struct store_loop *)head;

	cart_store_close(&loop->store, store_drained, loop);
	while (!loop->drained && event_base_loop(head->base, EVLOOP_ONCE) == 0)
		;
	free(loop);
}

static int store_loop_open(struct bench_drive_loop **out, struct bench_drive *head,
			   struct event_base *base, struct cart_error *error)
{
	struct store_drive *drive = (struct store_drive *)head;
	struct store_loop *loop = bench_alloc(1, sizeof(*loop));

	loop->loop = (struct bench_drive_loop){.drive = head, .base = base};
	if (cart_store_open(&loop->store, drive->db, base, metrics_shard_new(drive->metrics),
			    error) != 0) {
		free(loop);
		return -1;
	}
	*out = &loop->loop;
	return 0;
}

static void store_print_settings(const struct bench_drive *drive, FILE *out)
{
	settings_print(((const struct store_drive *)drive)->settings, out);
}

static int store_metrics(struct bench_drive *drive, struct buf *out, struct cart_error *error)
{
	metrics_print(((struct store_drive *)drive)->metrics, out);
	return out->failed ? cart_error_set(error, "no memory") : 0;
}

static bool store_cores(const struct bench_drive *drive, cpu_set_t *cores)
{
	(void)drive;
	return sched_getaffinity(0, sizeof(*cores), cores) == 0;
}

/* Undoes %XX in place. False: a % without its digits. */
static bool store_decode(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++) {
		if (*text == '%') {
			int high = hex_digit(text[1]), low = high < 0 ? -1 : hex_digit(text[2]);

			if (low < 0 || (high == 0 && low == 0))
				return false;
			*to++ = (char)(high * 16 + low);
			text += 2;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
	return true;
}

static int store_set(struct settings *settings, const char *backend, char *pair,
		     struct cart_error *error)
{
	char *value = strchr(pair, '='), key[128];

	if (value == NULL)
		return cart_error_set(error, "a setting without a value: %.60s", pair);
	*value++ = '\0';
	if (!store_decode(value))
		return cart_error_set(error, "a %% that two digits should follow: %.60s", value);
	snprintf(key, sizeof(key), "%s.%s", backend, pair);
	if (strchr(pair, '.') != NULL && !settings_known(settings, key))
		snprintf(key, sizeof(key), "%s", pair);
	/* The target is shown, and kept in results. */
	if (settings_is_secret(settings, key))
		return cart_error_set(
			error, "%s is a secret: it belongs into the environment or a file", key);
	return settings_set(settings, key, value, SETTING_FLAG, error);
}

static int store_configure(struct store_drive *drive, const char *backend, char *query,
			   struct cart_error *error)
{
	char *pair, *rest = query;

	drive->settings = settings_new();
	if (drive->settings == NULL)
		abort();
	settings_add(drive->settings, "Carts", cart_settings);
	cart_backends_add_settings(drive->settings);
	if (settings_load_environment(drive->settings, environ, NULL, NULL, error) != 0)
		return -1;
	while ((pair = strsep(&rest, "&")) != NULL)
		if (*pair != '\0' && store_set(drive->settings, backend, pair, error) != 0)
			return -1;
	return settings_reload_secrets(drive->settings, error);
}

static int store_start(struct store_drive *drive, const char *target, struct cart_error *error)
{
	char known[256], *text = bench_copy(target + strlen("store:")), *query = text;
	const struct cart_backend *backend;
	int failed = -1;

	strsep(&query, "?");
	backend = cart_backend_find(text);
	cart_backend_names(known, sizeof(known));
	if (backend == NULL)
		cart_error_set(error, "no backend is called \"%.60s\"; there are: %s", text, known);
	else
		failed = store_configure(drive, text, query, error);
	free(text);
	if (failed != 0)
		return -1;
	snprintf(drive->drive.database, sizeof(drive->drive.database), "%s",
		 cart_backend_name(backend));
	drive->metrics = metrics_new();
	drive->env = (struct cart_env){.clock = &cart_clock_system,
				       .settings = drive->settings,
				       .metrics = drive->metrics,
				       .rules = cart_rules_from(drive->settings)};
	return cart_db_start(&drive->db, backend, &drive->env, CART_PROVISION_AUTO, error);
}

static void store_close(struct bench_drive *head)
{
	struct store_drive *drive = (struct store_drive *)head;

	cart_db_stop(&drive->db);
	metrics_free(&drive->metrics);
	settings_free(&drive->settings);
	free(drive);
}

static int store_open(struct bench_drive **out, const char *target,
		      const struct bench_drive_config *config, struct cart_error *error)
{
	struct store_drive *drive = bench_alloc(1, sizeof(*drive));

	(void)config;
	if (store_start(drive, target, error) != 0) {
		store_close(&drive->drive);
		return -1;
	}
	snprintf(drive->drive.version, sizeof(drive->drive.version), "%s", cart_version);
	snprintf(drive->drive.revision, sizeof(drive->drive.revision), "%s", cart_revision);
	*out = &drive->drive;
	return 0;
}

const struct bench_drive_kind bench_store_kind = {
	.open = store_open,
	.close = store_close,
	.print_settings = store_print_settings,
	.metrics = store_metrics,
	.cores = store_cores,
	.loop_open = store_loop_open,
	.loop_close = store_loop_close,
	.link_open = store_link_open,
	.link_close = store_link_close,
	.submit = store_submit,
	.abandon = store_abandon,
};
