#include "core/pool.h"

#include "core/base/clock.h"

#include <event2/event.h>
#include <stdio.h>

#define POOL_TICK_MS 200

void pool_lanes_init(struct pool_lanes *lanes, size_t count, size_t loops)
{
	lanes->count = count;
	lanes->loops = loops > 0 ? loops : 1;
	atomic_init(&lanes->shares, 0);
}

size_t pool_lanes_share(struct pool_lanes *lanes)
{
	size_t index = atomic_fetch_add(&lanes->shares, 1);
	size_t share = lanes->count / lanes->loops + (index < lanes->count % lanes->loops);

	return share > 0 ? share : 1;
}

void pool_series_register(struct pool_series *series, struct metrics *metrics, const char *name)
{
	char metric[64], help[160];

	snprintf(metric, sizeof(metric), "cart_%s_waiting", name);
	series->waiting =
		metrics_gauge(metrics, metric, "Operations that wait for a connection", NULL);
	snprintf(metric, sizeof(metric), "cart_%s_acquire_timeouts_total", name);
	snprintf(help, sizeof(help),
		 "Operations refused because no connection came free in %s.acquire_timeout", name);
	series->refused = metrics_counter(metrics, metric, help, NULL);
	snprintf(metric, sizeof(metric), "cart_%s_cart_timeouts_total", name);
	snprintf(help, sizeof(help),
		 "Changes refused because those before them of the same cart took longer than"
		 " %s.acquire_timeout",
		 name);
	series->refused_by_cart = metrics_counter(metrics, metric, help, NULL);
	queue_limit_register(&series->limit, metrics, name);
}

static void pool_report_waiting(struct pool *pool)
{
	const struct pool_config *config = &pool->held.config;
	int64_t waiting = (int64_t)batch_queued(pool->batch);

	metrics_add(config->shard, config->series->waiting, waiting - pool->held.waiting);
	pool->held.waiting = waiting;
	queue_limit_show(batch_limit(pool->batch), &config->series->limit, &pool->held.shown,
			 config->shard);
}

/* Ends a list of ops linked by held.next. */
static void pool_refuse(const struct pool *pool, struct cart_op *ops, metric_t series,
			const char *reason)
{
	const struct pool_config *config = &pool->held.config;

	while (ops != NULL) {
		struct cart_op *op = ops;

		ops = op->held.next;
		op->held.next = NULL;
		metrics_add(config->shard, series, 1);
		cart_op_set_reason(op, "%s %s", reason, config->wait_setting);
		config->complete(op, CART_BUSY);
	}
}

static void pool_refuse_stale(struct pool *pool, int64_t now_ns)
{
	const struct pool_config *config = &pool->held.config;
	int64_t before_ns = now_ns - config->wait_max_ns;
	struct cart_op *chained =
		batch_take_stale_chained(pool->batch, before_ns, config->waits_on);
	struct cart_op *queued = batch_take_stale(pool->batch, before_ns, config->waits_on);

	pool_refuse(pool, chained, config->series->refused_by_cart,
		    "too many changes of this cart are waiting: those before this one took longer"
		    " than");
	pool_refuse(pool, queued, config->series->refused, "no connection came free within");
}

static void pool_tick(evutil_socket_t fd, short what, void *user)
{
	struct pool *pool = user;
	const struct pool_config *config = &pool->held.config;
	int64_t now_ns = clock_monotonic_ns(config->batch.clock);

	(void)fd;
	(void)what;
	if (config->look_after != NULL)
		config->look_after(config->batch.user, now_ns);
	pool_refuse_stale(pool, now_ns);
	pool_report_waiting(pool);
}

int pool_open(struct pool *pool, struct event_base *base, const struct pool_config *config)
{
	static const struct timeval every = {.tv_usec = POOL_TICK_MS * 1000};

	pool->held.config = *config;
	pool->batch = batch_new(base, &config->batch);
	pool->held.tick = event_new(base, -1, EV_PERSIST, pool_tick, pool);
	if (pool->batch == NULL || pool->held.tick == NULL)
		return -1;
	return event_add(pool->held.tick, &every);
}

void pool_close(struct pool *pool)
{
	if (pool->held.tick != NULL)
		event_free(pool->held.tick);
	pool->held.tick = NULL;
	if (pool->batch != NULL)
		pool_report_waiting(pool);
	batch_free(&pool->batch);
}
