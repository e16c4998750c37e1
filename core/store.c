/*
 * What is the same for every backend: requests are checked, stamped and counted, deadlines kept,
 * closing done.
 *
 * An op goes caller -> cart_store_submit -> backend->submit -> ... -> cart_store_complete ->
 * caller. The other ways: the request is one that no caller should make, the store is closing, or
 * the backend has no room: refused, and the op was never the store's. Its deadline passes, or the
 * caller cancels: deadlines.c calls store_expired, and the backend gives it back through the same
 * cart_store_complete.
 */
#include "core/cart_attributes.h"
#include "core/cart_backend.h"
#include "core/base/log.h"
#include "core/deadlines.h"
#include "core/provisioner.h"

#include <assert.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Series a db; every store adds to them through its shard. */
struct store_metrics {
	metric_t ops[CART_OP_TYPES][CART_RESULTS];
	metric_t queue_time[CART_OP_TYPES];
	metric_t database_time[CART_OP_TYPES];
	metric_t pending;
	metric_t refused;
	metric_t damaged;
};

const struct setting cart_settings[] = {
	{.key = "cart.id_type",
	 .type = SETTING_CHOICE,
	 .choices = shop_id_types,
	 .fallback = "integer",
	 .help = "Ids of customers and products: integers, or strings of 1 to 64 visible ASCII "
		 "characters; the database remembers which"},
	{.key = "cart.ttl",
	 .type = SETTING_DURATION,
	 .fallback = "30d",
	 .min = 0,
	 .max = INT64_C(3650) * 24 * 3600 * 1000,
	 .help = "A cart expires this long after its last change; 0: never"},
	{.key = "cart.idle_step",
	 .type = SETTING_DURATION,
	 .fallback = "1h",
	 .min = 1,
	 .max = INT64_C(7) * 24 * 3600 * 1000,
	 .help = "Idle carts are listed longest idle first to this step; a change within one step "
		 "costs no write of the index"},
	{.key = "limits.lines",
	 .type = SETTING_INTEGER,
	 .fallback = "200",
	 .min = 1,
	 .max = 1000,
	 .help = "Greatest number of lines (different products) of a cart"},
	{.key = "limits.quantity",
	 .type = SETTING_INTEGER,
	 .fallback = "1000000",
	 .min = 1,
	 .max = CART_QUANTITY_MAX,
	 .help = "Greatest quantity of a line"},
	{.key = "limits.attributes",
	 .type = SETTING_INTEGER,
	 .fallback = "256",
	 .min = 0,
	 .max = CART_ATTRIBUTES_MAX,
	 .help = "Greatest size of a line's attributes, in bytes of compact JSON; 0: lines take "
		 "none"},
	{.key = "clock.skew",
	 .type = SETTING_DURATION,
	 .fallback = "10s",
	 .min = 0,
	 .max = INT64_C(24) * 3600 * 1000,
	 .help = "If this machine's clock differs more from the database's, /readyz answers 503 "
		 "and changes are refused; 0: any difference is allowed"},
	{.key = "idempotency.window",
	 .type = SETTING_DURATION,
	 .fallback = "10m",
	 .min = 1000,
	 .max = INT64_C(30) * 24 * 3600 * 1000,
	 .help = "A repeated Idempotency-Key is recognised for this long"},
	{.key = "sweep.grace",
	 .type = SETTING_DURATION,
	 .fallback = "1h",
	 .min = 0,
	 .max = INT64_C(365) * 24 * 3600 * 1000,
	 .help = "Expired carts and keys, which nobody sees any more, stay in the database for so "
		 "long before they are removed"},
	{.key = "feed",
	 .type = SETTING_BOOL,
	 .fallback = "off",
	 .help = "Keep an event for each change of a cart, for GET /changes and cartctl feed; all "
		 "instances need the same"},
	{.key = "feed.retention",
	 .type = SETTING_DURATION,
	 .fallback = "7d",
	 .min = 60 * 1000,
	 .max = INT64_C(365) * 24 * 3600 * 1000,
	 .help = "How long events are kept; DynamoDB keeps them 24 hours whatever this says"},
	{0},
};

struct cart_rules cart_rules_from(const struct settings *settings)
{
	return (struct cart_rules){
		.ttl_ms = settings_integer(settings, "cart.ttl"),
		.lines_max = settings_integer(settings, "limits.lines"),
		.quantity_max = settings_integer(settings, "limits.quantity"),
		.attributes_max = settings_integer(settings, "limits.attributes"),
		.idempotency_window_ms = settings_integer(settings, "idempotency.window"),
		.idle_step_ms = settings_integer(settings, "cart.idle_step"),
		.sweep_grace_ms = settings_integer(settings, "sweep.grace"),
		.feed = settings_bool(settings, "feed"),
		.feed_retention_ms = settings_integer(settings, "feed.retention"),
	};
}

const struct cart_backend *cart_backend_find(const char *name)
{
	const struct cart_backend *backend;

	for (size_t i = 0; (backend = cart_backend_at(i)) != NULL; i++)
		if (strcmp(backend->name, name) == 0)
			return backend;
	return NULL;
}

int cart_bill(struct cart_bill *bill, const char *backend, const struct cart_bill_cart *cart)
{
	const struct cart_backend *found = cart_backend_find(backend);

	return found != NULL && found->bill != NULL ? found->bill(bill, cart) : -1;
}

const char *cart_backend_name(const struct cart_backend *backend)
{
	return backend->name;
}

const char *cart_backend_summary(const struct cart_backend *backend)
{
	return backend->summary;
}

bool cart_backend_is_durable(const struct cart_backend *backend)
{
	return (backend->caps & CART_CAP_DURABLE) != 0;
}

size_t cart_backend_connections(const struct cart_backend *backend, const struct settings *settings)
{
	return backend->connections != NULL
		       ? (size_t)settings_integer(settings, backend->connections)
		       : 0;
}

bool cart_backend_reads_strongly(const struct cart_backend *backend,
				 const struct settings *settings)
{
	return backend->strong_reads == NULL || settings_bool(settings, backend->strong_reads);
}

void cart_backends_add_settings(struct settings *settings)
{
	const struct cart_backend *backend;

	for (size_t i = 0; (backend = cart_backend_at(i)) != NULL; i++)
		if (backend->settings != NULL)
			settings_add(settings, backend->heading, backend->settings);
}

void cart_backend_names(char *text, size_t room)
{
	const struct cart_backend *backend;
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; (backend = cart_backend_at(i)) != NULL && at < room; i++)
		at += (size_t)snprintf(text + at, room - at, "%s%s", i > 0 ? ", " : "",
				       backend->name);
}

static struct store_metrics *store_metrics_new(const struct cart_backend *backend,
					       struct metrics *metrics)
{
	struct store_metrics *m = calloc(1, sizeof(*m));
	char labels[128];

	if (m == NULL)
		return NULL;
	for (int type = 0; type < CART_OP_TYPES; type++) {
		const char *name = cart_op_type_name((enum cart_op_type)type);

		for (int result = 0; result < CART_RESULTS; result++) {
			snprintf(labels, sizeof(labels), "backend=\"%s\",op=\"%s\",result=\"%s\"",
				 backend->name, name, cart_result_name((enum cart_result)result));
			m->ops[type][result] = metrics_counter(
				metrics, "cart_store_ops_total",
				"Store operations completed, by type and result", labels);
		}
		snprintf(labels, sizeof(labels), "backend=\"%s\",op=\"%s\"", backend->name, name);
		m->queue_time[type] = metrics_histogram(
			metrics, "cart_store_queue_seconds",
			"Time from submit until the database got the operation", labels);
		m->database_time[type] =
			metrics_histogram(metrics, "cart_store_database_seconds",
					  "Time that the database took for the operation", labels);
	}
	snprintf(labels, sizeof(labels), "backend=\"%s\"", backend->name);
	m->pending = metrics_gauge(metrics, "cart_store_pending",
				   "Operations accepted and not completed", labels);
	m->damaged = metrics_counter(metrics, "cart_store_damaged_total",
				     "Times that a cart in the database could not be read", labels);
	m->refused = metrics_counter(metrics, "cart_store_refused_total",
				     "Operations refused at submit: closing, or no room", labels);
	return m;
}

/* A tool waits until a table is made. A service handles no signal before its loops run, so it waits
 * less and goes on in a thread. */
#define STORE_PROVISION_NS	 (5 * 60 * CLOCK_NS_PER_S)
#define STORE_PROVISION_START_NS (3 * CLOCK_NS_PER_S)

static int store_provision(struct cart_db *db, enum cart_provision how, struct cart_error *error)
{
	static const atomic_bool never;
	bool later = db->env.provision_later;
	const struct cart_provision_try attempt = {
		.how = how,
		.until_ns = clock_monotonic_ns(db->env.clock) +
			    (later ? STORE_PROVISION_START_NS : STORE_PROVISION_NS),
		.stop = &never,
	};

	if (how == CART_PROVISION_OFF || db->backend->provision == NULL)
		return 0;
	switch (db->backend->provision(db, &attempt, error)) {
	case CART_PROVISIONED:
		return 0;
	case CART_PROVISION_REFUSED:
		return -1;
	case CART_PROVISION_UNREACHED:
		if (!later)
			return -1;
		break;
	}
	log_event(LOG_WARN, "cannot provision the database; not ready until that succeeds",
		  LOG_STR("backend", db->backend->name), LOG_STR("reason", error->text));
	db->provisioner = provisioner_new(db, how);
	return db->provisioner != NULL ? 0 : cart_error_set(error, "no thread for provisioning");
}

bool cart_db_is_provisioned(const struct cart_db *db)
{
	return db->provisioner == NULL || provisioner_is_done(db->provisioner);
}

int cart_take_id_type(const struct settings *settings, struct cart_error *error)
{
	enum shop_id_type type = strcmp(settings_string(settings, "cart.id_type"),
					shop_id_type_name(SHOP_ID_STRING)) == 0
					 ? SHOP_ID_STRING
					 : SHOP_ID_INTEGER;

	if (shop_id_type_take(type))
		return 0;
	return cart_error_set(error,
			      "cart.id_type is %s, but %s in another store of this process: one "
			      "process has one type",
			      shop_id_type_name(type), shop_id_type_name(shop_id_type()));
}

static int store_check_feed(const struct cart_backend *backend, const struct cart_rules *rules,
			    struct cart_error *error)
{
	if (!rules->feed || (backend->caps & CART_CAP_FEED) != 0)
		return 0;
	return cart_error_set(error,
			      "feed=on, but the backend %s keeps no events: set feed=off, or "
			      "choose another backend",
			      backend->name);
}

int cart_db_start(struct cart_db **out, const struct cart_backend *backend,
		  const struct cart_env *env, enum cart_provision provision,
		  struct cart_error *error)
{
	struct cart_db *db = NULL;
	struct store_metrics *series;

	*out = NULL;
	if (store_check_feed(backend, &env->rules, error) != 0 ||
	    cart_take_id_type(env->settings, error) != 0)
		return -1;
	series = store_metrics_new(backend, env->metrics);
	if (series == NULL || backend->start(&db, env, error) != 0) {
		if (series == NULL)
			cart_error_set(error, "out of memory");
		free(series);
		shop_id_type_release();
		return -1;
	}
	db->backend = backend;
	db->env = *env;
	db->metrics = series;
	if (store_provision(db, provision, error) != 0) {
		cart_db_stop(&db);
		return -1;
	}
	*out = db;
	return 0;
}

void cart_db_stop(struct cart_db **db)
{
	void *series;

	if (*db == NULL)
		return;
	series = (*db)->metrics;
	provisioner_free(&(*db)->provisioner);
	(*db)->backend->stop(*db);
	free(series);
	shop_id_type_release();
	*db = NULL;
}

void cart_db_reload(struct cart_db *db)
{
	if (db->backend->reload != NULL)
		db->backend->reload(db);
}

int64_t cart_store_now_ns(const struct cart_store *store)
{
	return clock_monotonic_ns(store->db->env.clock);
}

const struct cart_rules *cart_store_rules(const struct cart_store *store)
{
	return &store->db->env.rules;
}

static const struct store_metrics *store_series(const struct cart_store *store)
{
	return store->db->metrics;
}

static void store_expired(struct cart_op *op)
{
	struct cart_store *store = op->held.store;

	/* Tells cart_store_complete() that the op is out of the heap. */
	op->held.heap_at = SIZE_MAX;
	store->db->backend->expire(store, op, op->held.why);
}

static void store_free(struct cart_store *store)
{
	event_free(store->finish);
	deadlines_free(&store->deadlines);
	store->db->backend->close(store);
}

static void store_drained(evutil_socket_t fd, short what, void *user)
{
	struct cart_store *store = user;
	void (*drained)(void *) = store->drained;
	void *drained_user = store->drained_user;

	(void)fd;
	(void)what;
	store_free(store);
	if (drained != NULL)
		drained(drained_user);
}

int cart_store_open(struct cart_store **out, struct cart_db *db, struct event_base *base,
		    struct metrics_shard *shard, struct cart_error *error)
{
	struct cart_store *store = NULL;
	struct store_deadlines *deadlines = deadlines_new(base, db->env.clock, store_expired);

	*out = NULL;
	if (deadlines == NULL)
		return cart_error_set(error, "out of memory");
	if (db->backend->open(&store, db, base, shard, error) != 0) {
		deadlines_free(&deadlines);
		return -1;
	}
	store->db = db;
	store->base = base;
	store->shard = shard;
	store->deadlines = deadlines;
	store->finish = event_new(base, -1, 0, store_drained, store);
	if (store->finish == NULL) {
		deadlines_free(&deadlines);
		db->backend->close(store);
		return cart_error_set(error, "out of memory");
	}
	*out = store;
	return 0;
}

static const char *store_attributes_defect(const struct cart_change *change)
{
	const char *attributes = change->attributes;

	if (change->type != CART_CHANGE_ADD && change->type != CART_CHANGE_SET &&
	    change->type != CART_CHANGE_REPLACE)
		return "attributes of a change that gives no line";
	if (*attributes != '\0' && !cart_attributes_are_sound(attributes, strlen(attributes)))
		return "attributes are not those of a line";
	return NULL;
}

static const char *store_change_defect(const struct cart_change *change,
				       const struct cart_rules *rules)
{
	if (change->type == CART_CHANGE_CLEAR || change->type == CART_CHANGE_REOPEN)
		return NULL;
	if (!shop_id_is_valid(&change->product_id) &&
	    (change->type != CART_CHANGE_REPLACE || change->quantity != 0))
		return "product_id is not an id";
	switch (change->type) {
	case CART_CHANGE_ADD:
		if (change->quantity < 1 || change->quantity > CART_ADD_MAX)
			return "a quantity to add is out of range";
		return NULL;
	case CART_CHANGE_SET:
	case CART_CHANGE_REPLACE:
		if (change->quantity < 0 || change->quantity > rules->quantity_max)
			return "a quantity to set is out of range";
		return NULL;
	case CART_CHANGE_REMOVE:
	case CART_CHANGE_CLEAR:
	case CART_CHANGE_REOPEN:
		return NULL;
	}
	return "an unknown change";
}

/* Of a CREATE or a CHANGE: the customer that it names, and the lines. */
static const char *store_changes_defect(const struct cart_store *store, const struct cart_op *op)
{
	const char *defect = NULL;

	if (op->customer_id.size > 0 && !shop_id_is_valid(&op->customer_id))
		return "customer_id is not an id";
	if (op->type == CART_OP_CHANGE && (op->customer_id.size > 0) == (op->change_count > 0))
		return "a change is either of lines or of the customer";
	for (size_t i = 0; i < op->change_count && defect == NULL; i++) {
		if (op->type == CART_OP_CREATE && op->changes[i].type != CART_CHANGE_ADD)
			return "a new cart has lines by adds alone";
		defect = store_change_defect(&op->changes[i], cart_store_rules(store));
		if (defect == NULL && op->changes[i].attributes != NULL)
			defect = store_attributes_defect(&op->changes[i]);
		if ((op->changes[i].type == CART_CHANGE_REPLACE) !=
		    (op->changes[0].type == CART_CHANGE_REPLACE))
			defect = "a replacement with other changes";
		if (op->changes[i].type == CART_CHANGE_REOPEN && op->change_count > 1)
			defect = "a cart is opened again with other changes";
	}
	return defect;
}

static const char *store_list_defect(const struct cart_list *list)
{
	int most = list->kind == CART_LIST_CLOSED ? CART_CLOSED_MAX : CART_LIST_MAX;

	if (list->limit < 1 || list->limit > most)
		return "a list's limit is out of range";
	if (list->kind == CART_LIST_IDLE || list->kind == CART_LIST_CLOSED)
		return NULL;
	if (list->kind != CART_LIST_CUSTOMER)
		return "an unknown list";
	if (!shop_id_is_valid(&list->customer_id))
		return "a list's customer_id is not an id";
	if ((unsigned)list->state > CART_LIST_MERGED)
		return "a list's state is unknown";
	return NULL;
}

static const char *store_key_defect(const char *key)
{
	size_t len = strlen(key);

	if (len < 1 || len > CART_KEY_MAX)
		return "a key has 1 to 255 characters";
	for (size_t i = 0; i < len; i++)
		if (key[i] < 0x21 || key[i] > 0x7e)
			return "a key is visible ASCII";
	return NULL;
}

/* An op with an owner is about its own carts: otherwise a backend would have to look at more. */
static const char *store_owner_defect(const struct cart_op *op)
{
	if (!cart_is_owned(&op->customer_id, op->owner))
		return "a cart for another customer than the owner";
	if (op->type == CART_OP_LIST && (op->list.kind != CART_LIST_CUSTOMER ||
					 shop_id_compare(&op->list.customer_id, op->owner) != 0))
		return "a list of other carts than the owner's";
	return NULL;
}

static const char *store_merge_defect(const struct cart_op *op)
{
	if (cart_id_compare(&op->id, &op->from) == 0)
		return "a cart is merged into itself";
	return (unsigned)op->strategy < CART_MERGE_STRATEGIES ? NULL : "an unknown strategy";
}

static const char *store_import_defect(const struct cart_op *op)
{
	if (op->owner != NULL)
		return "an import for an owner";
	if (op->whole == NULL || cart_id_compare(&op->id, &op->whole->id) != 0)
		return "an import needs the cart of its id";
	return cart_is_sound_whole(op->whole) ? NULL : "an import of what is no cart";
}

static bool store_is_cursor(const char *text)
{
	size_t len = strlen(text);

	return len >= 1 && len <= CART_FEED_CURSOR_MAX &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") ==
		       len;
}

static const char *store_feed_defect(const struct cart_store *store, const struct cart_op *op)
{
	if (!cart_store_rules(store)->feed)
		return "the feed is off: set feed=on";
	if (op->owner != NULL)
		return "the feed is of all carts";
	if (op->feed.limit < 1 || op->feed.limit > CART_FEED_MAX)
		return "a feed's limit is out of range";
	return NULL;
}

/* What is wrong with a request that no caller should make; NULL: nothing. */
static const char *store_defect(const struct cart_store *store, const struct cart_op *op)
{
	const char *defect = op->key != NULL ? store_key_defect(op->key) : NULL;

	if (defect == NULL && op->owner != NULL)
		defect = store_owner_defect(op);
	if (defect != NULL)
		return defect;
	if (op->key != NULL &&
	    (!cart_op_is_write(op) || op->type == CART_OP_DELETE || op->type == CART_OP_IMPORT))
		return "only a create, a change, a checkout and a merge take a key";
	if (op->done == NULL)
		return "an op needs a callback";
	if (op->deadline_ns <= 0)
		return "an op needs a deadline";
	switch (op->type) {
	case CART_OP_CREATE:
	case CART_OP_CHANGE:
		return store_changes_defect(store, op);
	case CART_OP_LIST:
		return store_list_defect(&op->list);
	case CART_OP_CHECKOUT:
		return cart_id_is_nil(&op->order_id) ? "a checkout needs an order id" : NULL;
	case CART_OP_MERGE:
		return store_merge_defect(op);
	case CART_OP_IMPORT:
		return store_import_defect(op);
	case CART_OP_FEED:
		return store_feed_defect(store, op);
	case CART_OP_GET:
	case CART_OP_DELETE:
		return NULL;
	case CART_OP_TYPES:
		break;
	}
	return "an unknown type of op";
}

static enum cart_result store_refuse(struct cart_store *store, struct cart_op *op,
				     enum cart_result result, const char *reason)
{
	metrics_add(store->shard, store_series(store)->refused, 1);
	memset(&op->held, 0, sizeof(op->held));
	op->result = result;
	if (op->reason[0] == '\0')
		cart_op_set_reason(op, "%s", reason);
	return result;
}

static void store_looked(struct cart_op *op, void *user)
{
	(void)user;
	cart_op_clear(op);
}

#define STORE_LOOK_NS CLOCK_NS_PER_S

/* Answers show a backend the database's clock. While changes are refused, and nobody reads, there
 * are none: then it reads a cart that is not there, once a second. */
static void store_look_at_clock(struct cart_store *store)
{
	int64_t now_ns = cart_store_now_ns(store);

	if (store->db->env.skew->local || store->look.held.store != NULL ||
	    now_ns < store->look_due_ns)
		return;
	store->look_due_ns = now_ns + STORE_LOOK_NS;
	store->look = (struct cart_op){
		.type = CART_OP_GET, .deadline_ns = now_ns + STORE_LOOK_NS, .done = store_looked};
	if (cart_store_submit(store, &store->look) != CART_OK)
		cart_op_clear(&store->look);
}

static enum cart_result store_refuse_skewed(struct cart_store *store, struct cart_op *op)
{
	store_look_at_clock(store);
	return store_refuse(store, op, CART_BUSY,
			    "the clocks of this machine and of the database differ by more than "
			    "clock.skew");
}

enum cart_result cart_store_submit(struct cart_store *store, struct cart_op *op)
{
	const char *defect = store_defect(store, op);
	bool skewed;

	assert(op->held.store == NULL);
	op->reason[0] = '\0';
	if (defect != NULL)
		return store_refuse(store, op, CART_FAILED, defect);
	if (op->type == CART_OP_FEED && op->feed.after != NULL && !store_is_cursor(op->feed.after))
		return store_refuse(store, op, CART_CURSOR_INVALID, "no cursor");
	if (store->closing)
		return store_refuse(store, op, CART_BUSY, "the store is closing");
	op->now_ms = clock_skew_now_ms(store->db->env.skew, store->db->env.clock, &skewed);
	if (skewed && cart_op_is_write(op))
		return store_refuse_skewed(store, op);
	memset(op->fingerprint, 0, sizeof(op->fingerprint));
	memset(op->key_hash, 0, sizeof(op->key_hash));
	if (op->key != NULL && !cart_op_digest(op))
		return store_refuse(store, op, CART_BUSY, "no digest");
	op->submitted_ns = cart_store_now_ns(store);
	op->started_ns = op->finished_ns = 0;
	memset(&op->held, 0, sizeof(op->held));
	op->held.store = store;
	if (!deadlines_add(store->deadlines, op))
		return store_refuse(store, op, CART_BUSY, "out of memory");
	if (store->db->backend->submit(store, op) != CART_OK) {
		deadlines_remove(store->deadlines, op);
		store->full_ns = op->submitted_ns;
		return store_refuse(store, op, CART_BUSY, "no room");
	}
	store->pending++;
	metrics_add(store->shard, store_series(store)->pending, 1);
	return CART_OK;
}

#define STORE_KNOWN_NS CLOCK_NS_PER_S

bool cart_store_is_overloaded(const struct cart_store *store)
{
	int64_t since_ns = cart_store_now_ns(store) - STORE_KNOWN_NS;

	return store->full_ns > since_ns && store->changed_ns > since_ns;
}

void cart_store_cancel(struct cart_store *store, struct cart_op *op)
{
	assert(op->held.store == store);
	deadlines_hasten(store->deadlines, op, CART_CANCELED);
}

/* Sets the times that the backend did not: the op's whole time then counts as waiting, or if it is
 * CART_OK as work of the database. */
static void store_stamp(struct cart_store *store, struct cart_op *op)
{
	const struct store_metrics *series = store_series(store);

	if (op->finished_ns == 0)
		op->finished_ns = cart_store_now_ns(store);
	if (op->started_ns == 0)
		op->started_ns = op->result == CART_OK ? op->submitted_ns : op->finished_ns;
	metrics_observe(store->shard, series->queue_time[op->type],
			op->started_ns - op->submitted_ns);
	metrics_observe(store->shard, series->database_time[op->type],
			op->finished_ns - op->started_ns);
	metrics_add(store->shard, series->ops[op->type][op->result], 1);
	metrics_add(store->shard, series->pending, -1);
}

/* Only CART_OK has carts, a version, or replayed. */
static void store_drop_result(struct cart_op *op)
{
	struct cart_op carts = {.cart = op->cart,
				.carts = op->carts,
				.cart_count = op->cart_count,
				.page = op->page};

	cart_op_clear(&carts);
	op->page = NULL;
	op->cart = (struct cart){0};
	op->carts = NULL;
	op->cart_count = 0;
	op->more = false;
	op->replayed = false;
	op->version = 0;
}

/* listed_ms of the carts of a list. A backend leaves it 0 where the cart says it under the rules in
 * force. */
static void store_fill_listed(const struct cart_store *store, struct cart_op *op)
{
	for (size_t i = 0; i < op->cart_count; i++) {
		struct cart *cart = &op->carts[i];

		if (cart->listed_ms == 0)
			cart->listed_ms =
				op->list.kind == CART_LIST_CUSTOMER
					? cart->created_ms
					: cart_idle_ms(cart_store_rules(store), cart->updated_ms);
	}
}

/* Where the next page of closed carts begins, unless the backend says it. */
static void store_fill_place(struct cart_op *op)
{
	const struct cart *last = op->cart_count > 0 ? &op->carts[op->cart_count - 1] : NULL;

	if (op->type == CART_OP_LIST && op->list.kind == CART_LIST_CLOSED && op->more &&
	    cart_id_is_nil(&op->cart.id) && last != NULL)
		op->cart = (struct cart){.id = last->id, .listed_ms = last->listed_ms};
}

/* In the next turn of the loop, so that the handle is not freed under its closer or a callback. */
static void store_finish_closing(struct cart_store *store)
{
	event_active(store->finish, 0, 0);
}

void cart_store_damaged(const struct cart_op *op, const struct cart_id *id, const char *why)
{
	static struct log_limit limit;
	const struct cart_store *store = op->held.store;
	char text[CART_ID_TEXT + 1];
	int64_t left_out;

	metrics_add(store->shard, store_series(store)->damaged, 1);
	if (!log_limit_pass(&limit, cart_store_now_ns(store), &left_out))
		return;
	cart_id_format(id, text);
	log_event(LOG_ERROR,
		  "a cart in the database is damaged: it is left out of lists; repair or delete it",
		  LOG_STR("cart", text), LOG_STR("why", why), LOG_INT("left_out", left_out));
}

void cart_store_complete(struct cart_op *op, enum cart_result result)
{
	struct cart_store *store = op->held.store;

	assert(store != NULL);
	if (op->held.heap_at != SIZE_MAX)
		deadlines_remove(store->deadlines, op);
	if (result == CART_DAMAGED)
		cart_store_damaged(op, &op->id, op->reason);
	memset(&op->held, 0, sizeof(op->held));
	op->result = result;
	if (result != CART_OK)
		store_drop_result(op);
	store_fill_listed(store, op);
	store_fill_place(op);
	store_stamp(store, op);
	if (result == CART_OK && cart_op_is_write(op))
		store->changed_ns = op->finished_ns;
	store->pending--;
	/* Before the callback, which may close the store itself and must then find it open. */
	if (store->closing && store->pending == 0)
		store_finish_closing(store);
	op->done(op, op->user);
}

void cart_store_close(struct cart_store **out, void (*drained)(void *user), void *user)
{
	struct cart_store *store = *out;

	*out = NULL;
	if (store == NULL)
		return;
	store->closing = true;
	store->drained = drained;
	store->drained_user = user;
	if (store->pending == 0)
		store_finish_closing(store);
}

void cart_store_close_idle(struct cart_store **out)
{
	struct cart_store *store = *out;

	*out = NULL;
	if (store == NULL)
		return;
	assert(store->pending == 0);
	store_free(store);
}
