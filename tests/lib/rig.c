#include "tests/lib/rig.h"

#include "core/cart_backend.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"
#include "tests/lib/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define RIG_PATIENCE_NS (30 * CLOCK_NS_PER_S)

static _Noreturn void rig_die(const char *what, const char *why)
{
	fprintf(stderr, "rig: %s: %s\n", what, why);
	abort();
}

const char *rig_backend_name(void)
{
	const char *name = getenv("CART_BACKEND");

	return name != NULL && *name != '\0' ? name : "memory";
}

const char *rig_title(const char *title)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s on %s", title, rig_backend_name());
	return text;
}

static void rig_set(struct rig *rig, const char *key, const char *value)
{
	struct cart_error error;

	if (settings_set(rig->settings, key, value, SETTING_FLAG, &error) != 0)
		rig_die(key, error.text);
}

static void rig_ignore(const char *name, void *user)
{
	(void)name;
	(void)user;
}

/* True for NAME=VALUE about a backend's server: no other setting of the caller's counts. */
static bool rig_is_of_server(const char *variable)
{
	static const char *const prefixes[] = {"CART_MYSQL_", "CART_DYNAMODB_"};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

/* Where the databases are, as cartd is told. */
static void rig_set_servers(struct rig *rig)
{
	struct cart_error error;
	size_t count = 0;
	char **picked;

	while (environ[count] != NULL)
		count++;
	picked = calloc(count + 1, sizeof(*picked));
	if (picked == NULL)
		rig_die("environment", "out of memory");
	count = 0;
	for (char **each = environ; *each != NULL; each++)
		if (rig_is_of_server(*each))
			picked[count++] = *each;
	if (settings_load_environment(rig->settings, picked, rig_ignore, NULL, &error) != 0)
		rig_die("environment", error.text);
	free(picked);
}

static void rig_set_from_environment(struct rig *rig)
{
	const char *text = getenv("CART_TEST_SETTINGS"), *id_type = getenv("CART_ID_TYPE");
	char *copy = strdup(text != NULL ? text : "");
	char *rest = copy;

	for (char *word; (word = strsep(&rest, " ")) != NULL;) {
		char *value = word;
		char *key = strsep(&value, "=");

		if (value != NULL)
			rig_set(rig, key, value);
	}
	free(copy);
	if (id_type != NULL)
		rig_set(rig, "cart.id_type", id_type);
}

static void rig_make_folder(struct rig *rig)
{
	scratch_make_folder(rig->folder, "cart-test");
}

static void rig_remove_folder(const struct rig *rig)
{
	char path[RIG_PATH_MAX + 300];
	DIR *folder = opendir(rig->folder);
	const struct dirent *entry;

	if (folder == NULL)
		rig_die(rig->folder, strerror(errno));
	while ((entry = readdir(folder)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", rig->folder, entry->d_name);
		unlink(path);
	}
	closedir(folder);
	if (rmdir(rig->folder) != 0)
		rig_die(rig->folder, strerror(errno));
}

static void rig_configure(struct rig *rig, const struct rig_config *config)
{
	char path[RIG_PATH_MAX + 16];

	rig->settings = settings_new();
	if (rig->settings == NULL)
		rig_die("settings", "out of memory");
	settings_add(rig->settings, "Carts", cart_settings);
	cart_backends_add_settings(rig->settings);
	snprintf(path, sizeof(path), "%s/cart.db", rig->folder);
	if (settings_known(rig->settings, "sqlite.path"))
		rig_set(rig, "sqlite.path", path);
	rig_set_servers(rig);
	own_database_make(&rig->database, rig->backend->name);
	if (rig->database.setting != NULL)
		rig_set(rig, rig->database.setting, rig->database.name);
	rig_set_from_environment(rig);
	for (size_t i = 0; config->set != NULL && config->set[i] != NULL; i += 2)
		rig_set(rig, config->set[i], config->set[i + 1]);
	if (config->feed && own_database_has_feed(rig->backend->name))
		rig_set(rig, "feed", "on");
	if (config->fault)
		rig_set(rig, "fault.over", rig->backend->name);
	rig->rules = cart_rules_from(rig->settings);
}

static void rig_start_db(struct rig *rig, const struct rig_config *config)
{
	struct cart_env env = {
		.clock = &rig->clock.clock,
		.settings = rig->settings,
		.metrics = rig->metrics,
		.rules = rig->rules,
		.skew = config->skew ? &rig->skew : NULL,
		.loops = rig->loop_count,
		.provision_later = true,
	};
	const struct cart_backend *backend =
		config->fault ? cart_backend_find("fault") : rig->backend;
	struct cart_error error;

	if (config->skew)
		clock_fake_set(&rig->clock, clock_wall_ms(&cart_clock_system) + config->ahead_ms);
	clock_skew_init(&rig->skew, env.clock, settings_integer(rig->settings, "clock.skew"));
	if (cart_db_start(&rig->db, backend, &env, CART_PROVISION_AUTO, &error) != 0)
		rig_die(backend->name, error.text);
}

static struct rig_task *rig_take_tasks(struct rig_loop *loop)
{
	struct rig_task *first;

	pthread_mutex_lock(&loop->lock);
	first = loop->first;
	loop->first = loop->last = NULL;
	pthread_mutex_unlock(&loop->lock);
	return first;
}

static void rig_woken(evutil_socket_t fd, short what, void *user)
{
	struct rig_task *task, *next;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) != (ssize_t)sizeof(count))
		return;
	for (task = rig_take_tasks(user); task != NULL; task = next) {
		next = task->next; /* whoever waits for the task may reuse it once it has run */
		task->run(task->user);
	}
}

static void *rig_loop_main(void *user)
{
	struct rig_loop *loop = user;

	event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static void rig_start_loop(struct rig *rig, struct rig_loop *loop)
{
	struct event_config *config = event_config_new();
	struct cart_error error;

	loop->rig = rig;
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	loop->base = event_base_new_with_config(config);
	event_config_free(config);
	pthread_mutex_init(&loop->lock, NULL);
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, rig_woken, loop);
	event_add(loop->wake, NULL);
	if (cart_store_open(&loop->store, rig->db, loop->base, metrics_shard_new(rig->metrics),
			    &error) != 0)
		rig_die("open", error.text);
	if (pthread_create(&loop->thread, NULL, rig_loop_main, loop) != 0)
		rig_die("thread", strerror(errno));
}

struct rig *rig_start(const struct rig_config *config)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	const char *name = config->backend != NULL ? config->backend : rig_backend_name();

	if (rig == NULL)
		rig_die("start", "out of memory");
	rig->rng.state = rng_seed();
	rig->backend = cart_backend_find(name);
	if (rig->backend == NULL)
		rig_die(name, "no such backend");
	rig->caps = rig->backend->caps;
	/* Somewhere in the years 2030 to 2089. */
	clock_fake_init(&rig->clock,
			rng_between(&rig->rng, INT64_C(1893456000000), INT64_C(3786912000000)));
	rig_make_folder(rig);
	rig_configure(rig, config);
	rig->metrics = metrics_new();
	rig->loop_count = config->loops != 0 ? config->loops : 1;
	rig_start_db(rig, config);
	for (size_t i = 0; i < rig->loop_count; i++)
		rig_start_loop(rig, &rig->loops[i]);
	return rig;
}

static void rig_break(void *user)
{
	event_base_loopbreak(((struct rig_loop *)user)->base);
}

static void rig_close_loop(void *user)
{
	struct rig_loop *loop = user;

	if (loop->store != NULL)
		cart_store_close(&loop->store, rig_break, loop);
	else
		rig_break(loop);
}

static void rig_stop_loop(struct rig_loop *loop)
{
	rig_call(loop->rig, (size_t)(loop - loop->rig->loops), rig_close_loop, loop);
	pthread_join(loop->thread, NULL);
	event_free(loop->wake);
	close(loop->wake_fd);
	event_base_free(loop->base);
	pthread_mutex_destroy(&loop->lock);
}

void rig_stop(struct rig **out)
{
	struct rig *rig = *out;

	if (rig == NULL)
		return;
	for (size_t i = 0; i < rig->loop_count; i++)
		rig_stop_loop(&rig->loops[i]);
	cart_db_stop(&rig->db);
	metrics_free(&rig->metrics);
	settings_free(&rig->settings);
	rig_remove_folder(rig);
	own_database_drop(&rig->database);
	free(rig);
	*out = NULL;
}

struct cart_id rig_id(struct rig *rig)
{
	return rng_id(&rig->rng);
}

struct shop_id rig_customer(struct rig *rig)
{
	return id_of(rng_between(&rig->rng, 1, SHOP_ID_NUMBER_MAX));
}

void rig_post(struct rig *rig, size_t at, struct rig_task *task)
{
	struct rig_loop *loop = &rig->loops[at];
	uint64_t one = 1;

	task->next = NULL;
	pthread_mutex_lock(&loop->lock);
	if (loop->last != NULL)
		loop->last->next = task;
	else
		loop->first = task;
	loop->last = task;
	pthread_mutex_unlock(&loop->lock);
	if (write(loop->wake_fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
		rig_die("wake", strerror(errno));
}

/* Something that one thread waits for and another reports. */
struct rig_gate {
	pthread_mutex_t lock;
	pthread_cond_t opened;
	bool open;
};

static void rig_gate_init(struct rig_gate *gate)
{
	pthread_mutex_init(&gate->lock, NULL);
	pthread_cond_init(&gate->opened, NULL);
	gate->open = false;
}

static void rig_gate_open(struct rig_gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->open = true;
	pthread_cond_signal(&gate->opened);
	pthread_mutex_unlock(&gate->lock);
}

/* What waits is on the stack of the waiter, so there is no giving up. */
static void rig_gate_wait(struct rig_gate *gate, const char *what)
{
	int64_t until_ns = patience_ns() + RIG_PATIENCE_NS;
	struct timespec look;

	pthread_mutex_lock(&gate->lock);
	while (!gate->open) {
		if (patience_ns() > until_ns)
			rig_die(what, "did not happen");
		clock_gettime(CLOCK_REALTIME, &look);
		look.tv_sec++;
		pthread_cond_timedwait(&gate->opened, &gate->lock, &look);
	}
	pthread_mutex_unlock(&gate->lock);
	pthread_cond_destroy(&gate->opened);
	pthread_mutex_destroy(&gate->lock);
}

struct rig_call {
	struct rig_gate gate;
	rig_fn *run;
	void *user;
};

static void rig_call_run(void *user)
{
	struct rig_call *call = user;

	call->run(call->user);
	rig_gate_open(&call->gate);
}

void rig_call(struct rig *rig, size_t loop, rig_fn *run, void *user)
{
	struct rig_call call = {.run = run, .user = user};
	struct rig_task task = {.run = rig_call_run, .user = &call};

	rig_gate_init(&call.gate);
	rig_post(rig, loop, &task);
	rig_gate_wait(&call.gate, "the return of a function on a loop");
}

struct rig_run {
	struct rig_gate gate;
	struct rig_loop *loop;
	struct cart_op *op;
	enum cart_result result;
	bool refused;
};

static void rig_run_done(struct cart_op *op, void *user)
{
	struct rig_run *run = user;

	run->result = op->result;
	rig_gate_open(&run->gate);
}

static void rig_run_submit(void *user)
{
	struct rig_run *run = user;
	enum cart_result result = cart_store_submit(run->loop->store, run->op);

	if (result == CART_OK)
		return; /* The callback comes later, on this very thread: run is still there. */
	run->result = result;
	run->refused = true;
	rig_gate_open(&run->gate);
}

enum cart_result rig_run(struct rig *rig, size_t loop, struct cart_op *op, bool *refused)
{
	struct rig_run run = {.loop = &rig->loops[loop], .op = op};
	struct rig_task task = {.run = rig_run_submit, .user = &run};

	if (op->deadline_ns == 0)
		op->deadline_ns = clock_monotonic_ns(&rig->clock.clock) + RIG_DEADLINE_NS;
	op->done = rig_run_done;
	op->user = &run;
	rig_gate_init(&run.gate);
	rig_post(rig, loop, &task);
	rig_gate_wait(&run.gate, "the completion of an op");
	op->user = NULL;
	if (refused != NULL)
		*refused = run.refused;
	return run.result;
}

void rig_await(const _Atomic int *count, int wanted, const char *what)
{
	int64_t until_ns = patience_ns() + RIG_PATIENCE_NS;

	for (int now, last = 0; (now = atomic_load(count)) < wanted; last = now) {
		if (now != last)
			until_ns = patience_ns() + RIG_PATIENCE_NS;
		if (patience_ns() > until_ns)
			rig_die(what, "did not happen");
		usleep(200);
	}
}

struct cart_op rig_ask(struct rig *rig, size_t loop, enum cart_result want,
		       const struct cart_op *request, const char *file, int line)
{
	struct cart_op op = *request;
	enum cart_result got;

	if (op.type == CART_OP_GET && (op.flags & CART_READ_EVENTUAL) == 0)
		op.flags |= CART_READ_STRONG;
	got = rig_run(rig, loop, &op, NULL);
	if (got != want) {
		print_error("%s gave %s (%s) and not %s\n", cart_op_type_name(op.type),
			    cart_result_name(got), op.reason, cart_result_name(want));
		cart_op_clear(&op);
		_fail(file, line);
	}
	return op;
}

int64_t rig_forget(struct cart_op op)
{
	int64_t version = op.version;

	cart_op_clear(&op);
	return version;
}

struct cart_id rig_cart(struct rig *rig)
{
	struct cart_id id = rig_id(rig);

	ask(rig, CART_OK, CREATE, .id = id, .customer_id = rig_customer(rig));
	return id;
}

struct cart rig_get(struct rig *rig, const struct cart_id *id)
{
	struct cart_op op = ask_for(rig, CART_OK, GET, .id = *id);

	return op.cart;
}

int64_t rig_quantity(struct rig *rig, const struct cart_id *id, int64_t product_id)
{
	struct cart cart = rig_get(rig, id);
	const struct cart_line *line = find_line(&cart, product_id);
	int64_t quantity = line != NULL ? line->quantity : 0;

	cart_clear(&cart);
	return quantity;
}

bool rig_same_cart(const struct cart *a, const struct cart *b, bool ignore_id)
{
	if (!ignore_id && (cart_id_compare(&a->id, &b->id) != 0 ||
			   shop_id_compare(&a->customer_id, &b->customer_id) != 0))
		return false;
	if (a->state != b->state || a->version != b->version || a->created_ms != b->created_ms ||
	    a->updated_ms != b->updated_ms || a->expires_ms != b->expires_ms ||
	    cart_id_compare(&a->order_id, &b->order_id) != 0 ||
	    cart_id_compare(&a->merged_into, &b->merged_into) != 0)
		return false;
	return same_lines(a, b);
}

static bool rig_page_has(struct rig *rig, const struct cart_list *list, const struct cart_id *id)
{
	struct cart_op op = ask_for(rig, CART_OK, LIST, .list = *list);
	bool there = false;

	for (size_t i = 0; i < op.cart_count; i++)
		there = there || cart_id_compare(&op.carts[i].id, id) == 0;
	cart_op_clear(&op);
	return there;
}

void rig_expect_listed(struct rig *rig, const struct cart_list *list, const struct cart_id *id,
		       bool there)
{
	int64_t until = clock_monotonic_ns(&cart_clock_system);

	if ((rig->caps & CART_CAP_STRONG_LISTS) == 0)
		until += RIG_EVENTUAL_S * CLOCK_NS_PER_S;
	while (rig_page_has(rig, list, id) != there)
		assert_true(clock_monotonic_ns(&cart_clock_system) <= until);
}

const char *rig_describe(const struct cart *cart)
{
	static _Thread_local char text[2][1500];
	static _Thread_local int which;
	static const char *const states[] = {"open", "checked out", "merged"};
	char *to = text[which ^= 1];
	char id[CART_ID_TEXT + 1], order[CART_ID_TEXT + 1];
	int at;

	cart_id_format(&cart->id, id);
	cart_id_format(&cart->order_id, order);
	at = snprintf(to, sizeof(text[0]),
		      "%s customer %s %s version %lld created %lld updated %lld expires %lld "
		      "order %.8s:",
		      id, cart->customer_id.text, states[cart->state % 3], (long long)cart->version,
		      (long long)cart->created_ms, (long long)cart->updated_ms,
		      (long long)cart->expires_ms, order);
	for (size_t i = 0; i < cart->line_count && at < (int)sizeof(text[0]) - 100; i++)
		at += snprintf(
			to + at, sizeof(text[0]) - (size_t)at, " %s x %lld (%lld, %lld) %.40s",
			cart->lines[i].product_id.text, (long long)cart->lines[i].quantity,
			(long long)cart->lines[i].added_ms, (long long)cart->lines[i].updated_ms,
			attributes_of(&cart->lines[i]));
	return to;
}
