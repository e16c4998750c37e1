/*
 * A loop pushes jobs. The writer begins a transaction, takes the queued jobs up to a limit, applies
 * one after the other, commits once for all of them and returns them. While it waits for the disk
 * the next batch queues, so batches grow with the load, and a single op waits for no other.
 *
 * Carts take turns: one job of each cart is in the queue, the others wait in the cart's chain
 * (core/chains.h). When the job is taken, the next one of its cart goes to the end of the queue. So
 * a cart with thousands of waiting changes delays and refuses no other.
 *
 * There is no savepoint for each op: the rules decide before the first write, so a statement that
 * fails is a fault of the file, and those faults roll the whole transaction back anyway.
 *
 * What can fail:
 *  - Another process has locked the file: the transaction does not begin. Jobs are taken only after
 *    it has begun, so an op that expires meanwhile is still queued and has changed nothing. After
 *    the busy timeout the queued jobs are answered CART_BUSY.
 *  - A statement fails: the transaction is rolled back and its jobs are tried again one by one, so
 *    that only the bad one fails.
 *  - COMMIT fails: SQLITE_FULL means that its last frame is not in the WAL, so nothing was changed:
 *    CART_BUSY. After any other error all frames may be in the WAL, and recovery after a crash
 *    would apply them unless the next commit has overwritten them: CART_UNCERTAIN. A job that was
 *    answered from changes of this transaction (a cart not found because the job before it deleted
 *    the cart) has lost its answer: CART_BUSY.
 *  - An op expires while its job is taken: its loop has answered CART_UNCERTAIN and set job->to to
 *    NULL; the writer frees the job.
 *  - The connection cannot roll back: it is closed, and opened again for the next batch.
 */
#include "backends/sqlite/writer.h"

#include "backends/sqlite/apply.h"
#include "backends/sqlite/sweep.h"
#include "core/chains.h"
#include "core/base/log.h"
#include "core/base/thread.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Carts that have more than one turn in a transaction have so many more together, or as many as
 * there are carts: for the others it then takes less than a millisecond longer, or at most twice as
 * long. A cart that is alone has no such limit. */
#define WRITER_MORE_TURNS 32
/* Without writes for this long, the WAL is written back whatever its size. */
#define WRITER_IDLE_CHECKPOINT_NS CLOCK_NS_PER_S
/* Sweeping takes at most this part of the writer's time. */
#define WRITER_SWEEP_PART 10

struct sqlite_writer {
	struct sqlite_writer_config config;
	struct metrics_shard *shard;
	struct sqlite_conn conn;
	pthread_t thread;

	pthread_mutex_t lock; /* what follows, every job's place and list */
	pthread_cond_t wake;
	struct op_list turns;	  /* requests whose turn it is, one a cart */
	struct queue_limit limit; /* of turns */
	struct chains chains;	  /* all others that wait */
	size_t queued;		  /* in both */
	bool waiting;		  /* the thread waits for wake */
	bool stopping;

	/* Only the thread uses what follows. */
	struct sqlite_job **batch;
	size_t page_size;
	size_t wal_pages;	   /* of WAL after the last commit; 0: all written back */
	size_t checkpoint_at;	   /* pages of WAL at which to checkpoint */
	int64_t idle_ns;	   /* when to checkpoint if nothing is written until then */
	int64_t sweep_ns;	   /* when the next step is due */
	struct sqlite_swept round; /* removed since the last round ended */
	bool failing;		   /* a failure was logged, and that writing works again was not */
	int64_t shown_queue, shown_wal;
	struct queue_limit_shown shown_limit;
};

struct sqlite_job *sqlite_job_new(struct cart_op *op, struct sqlite_returns *to)
{
	struct sqlite_job *job = malloc(sizeof(*job));

	if (job == NULL)
		return NULL;
	*job = (struct sqlite_job){.op = op, .to = to, .place = JOB_QUEUED};
	list_init(&job->list);
	job->request = cart_op_copy_request(op);
	if (job->request == NULL) {
		free(job);
		return NULL;
	}
	job->request->held.backend = job;
	return job;
}

void sqlite_job_free(struct sqlite_job *job)
{
	if (job == NULL)
		return;
	cart_op_clear(job->request);
	free(job->request);
	free(job);
}

void sqlite_metrics_register(struct sqlite_metrics *series, struct metrics *metrics)
{
	series->transactions = metrics_counter(metrics, "cart_sqlite_transactions_total",
					       "Transactions committed for operations", NULL);
	series->ops =
		metrics_counter(metrics, "cart_sqlite_transaction_ops_total",
				"Operations in those transactions: their ratio is the batch", NULL);
	series->retries = metrics_counter(metrics, "cart_sqlite_batch_retries_total",
					  "Batches that failed and were tried op by op", NULL);
	series->failures = metrics_counter(metrics, "cart_sqlite_failures_total",
					   "Transactions that could not begin or commit", NULL);
	series->commit_time = metrics_histogram(metrics, "cart_sqlite_commit_seconds",
						"Time of a COMMIT, the sync included", NULL);
	series->checkpoints = metrics_counter(metrics, "cart_sqlite_checkpoints_total",
					      "Times that the WAL was written back", NULL);
	series->checkpoint_time = metrics_histogram(metrics, "cart_sqlite_checkpoint_seconds",
						    "Time of a checkpoint", NULL);
	series->wal_bytes = metrics_gauge(metrics, "cart_sqlite_wal_bytes",
					  "WAL that a crash would have to read", NULL);
	series->synchronous = metrics_gauge(metrics, "cart_sqlite_synchronous",
					    "As PRAGMA synchronous says; 2: FULL", NULL);
	series->queued = metrics_gauge(metrics, "cart_sqlite_queued",
				       "Writes queued, as of the last transaction", NULL);
	queue_limit_register(&series->limit, metrics, "sqlite");
	series->swept_carts = metrics_counter(metrics, "cart_sqlite_swept_total",
					      "Rows removed after their time", "kind=\"cart\"");
	series->swept_keys = metrics_counter(metrics, "cart_sqlite_swept_total",
					     "Rows removed after their time", "kind=\"key\"");
	series->swept_events = metrics_counter(metrics, "cart_sqlite_swept_total",
					       "Rows removed after their time", "kind=\"event\"");
}

/* The system's clock: a test's clock that stands still must not stop the thread. */
static int64_t writer_now_ns(void)
{
	return clock_monotonic_ns(&cart_clock_system);
}

static void writer_count(struct sqlite_writer *w, metric_t series, int64_t n)
{
	metrics_add(w->shard, series, n);
}

static void writer_show(struct sqlite_writer *w, metric_t gauge, int64_t *shown, int64_t value)
{
	metrics_add(w->shard, gauge, value - *shown);
	*shown = value;
}

/* The cart's next job goes to the end of the queue. */
static void writer_next_turn(struct sqlite_writer *w, struct chain *chain)
{
	chain->turn = chain->waiting.first;
	if (chain->turn == NULL) {
		chains_remove(&w->chains, chain);
		return;
	}
	op_list_remove(&chain->waiting, chain->turn);
	op_list_append(&w->turns, chain->turn);
	queue_limit_enter(&w->limit, chain->turn);
}

static enum cart_result writer_queue(struct sqlite_writer *w, struct sqlite_job *job)
{
	struct chain *chain = chains_find(&w->chains, &job->request->id);

	if (chain != NULL) {
		if (chain->waiting.count + 1 >= w->config.queue_max) {
			cart_op_set_reason(job->op, "%zu changes of this cart are waiting already",
					   chain->waiting.count + 1);
			return CART_BUSY;
		}
		op_list_append(&chain->waiting, job->request);
		return CART_OK;
	}
	if (w->turns.count >= w->config.queue_max) {
		cart_op_set_reason(job->op, "%zu requests are waiting already", w->turns.count);
		return CART_BUSY;
	}
	if (!queue_limit_admits(&w->limit, job->op, job->op->submitted_ns))
		return CART_BUSY;
	chain = chains_add(&w->chains, &job->request->id);
	if (chain == NULL)
		return CART_BUSY;
	chain->turn = job->request;
	op_list_append(&w->turns, job->request);
	queue_limit_enter(&w->limit, job->request);
	return CART_OK;
}

static void writer_unqueue(struct sqlite_writer *w, struct sqlite_job *job)
{
	struct chain *chain = chains_find(&w->chains, &job->request->id);

	if (chain->turn == job->request) {
		op_list_remove(&w->turns, job->request);
		queue_limit_leave(&w->limit, job->request);
		writer_next_turn(w, chain);
	} else {
		op_list_remove(&chain->waiting, job->request);
	}
	w->queued--;
}

enum cart_result sqlite_writer_push(struct sqlite_writer *w, struct sqlite_job *job)
{
	enum cart_result result;

	pthread_mutex_lock(&w->lock);
	result = writer_queue(w, job);
	w->queued += result == CART_OK;
	pthread_mutex_unlock(&w->lock);
	return result;
}

void sqlite_writer_wake(struct sqlite_writer *w)
{
	pthread_mutex_lock(&w->lock);
	if (w->waiting)
		pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

void sqlite_writer_collect(struct sqlite_writer *w, struct sqlite_returns *returns,
			   struct list *jobs)
{
	pthread_mutex_lock(&w->lock);
	list_move_all(jobs, &returns->jobs);
	pthread_mutex_unlock(&w->lock);
}

enum sqlite_job_place sqlite_writer_forget(struct sqlite_writer *w, struct sqlite_job *job)
{
	enum sqlite_job_place place;

	pthread_mutex_lock(&w->lock);
	place = job->place;
	switch (place) {
	case JOB_QUEUED:
		writer_unqueue(w, job);
		break;
	case JOB_TAKEN:
		job->to = NULL;
		break;
	case JOB_RETURNED:
		list_unlink(&job->list);
		break;
	}
	pthread_mutex_unlock(&w->lock);
	return place;
}

static size_t writer_queued(struct sqlite_writer *w)
{
	size_t queued;

	pthread_mutex_lock(&w->lock);
	queued = w->queued;
	pthread_mutex_unlock(&w->lock);
	return queued;
}

static void writer_show_queue(struct sqlite_writer *w)
{
	pthread_mutex_lock(&w->lock);
	writer_show(w, w->config.series.queued, &w->shown_queue, (int64_t)w->queued);
	queue_limit_show(&w->limit, &w->config.series.limit, &w->shown_limit, w->shard);
	pthread_mutex_unlock(&w->lock);
}

/* Takes up to max jobs into w->batch. From here on their changes may be applied. */
static size_t writer_take(struct sqlite_writer *w, size_t max)
{
	int64_t now = clock_monotonic_ns(w->config.env.clock);
	size_t count = 0, carts, most;

	pthread_mutex_lock(&w->lock);
	carts = w->turns.count;
	most = carts + (carts > WRITER_MORE_TURNS ? carts : WRITER_MORE_TURNS);
	if (carts > 1 && most < max)
		max = most;
	while (count < max && w->turns.first != NULL) {
		struct sqlite_job *job = w->turns.first->held.backend;

		writer_unqueue(w, job);
		job->place = JOB_TAKEN;
		job->request->started_ns = now;
		queue_limit_start(&w->limit, job->request, now);
		w->batch[count++] = job;
	}
	pthread_mutex_unlock(&w->lock);
	return count;
}

/* Puts jobs on the lists of their loops. Wakes a loop under the lock: before a loop frees its wake
 * it takes its jobs back under the same lock. */
static void writer_return(struct sqlite_writer *w, size_t count)
{
	int64_t now = clock_monotonic_ns(w->config.env.clock);
	size_t orphans = 0;

	for (size_t i = 0; i < count; i++)
		w->batch[i]->request->finished_ns = now;
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < count; i++) {
		struct sqlite_job *job = w->batch[i];

		if (job->to == NULL) {
			w->batch[orphans++] = job;
			continue;
		}
		job->place = JOB_RETURNED;
		if (list_empty(&job->to->jobs))
			wake_send(job->to->wake);
		list_append(&job->to->jobs, &job->list);
	}
	pthread_mutex_unlock(&w->lock);
	for (size_t i = 0; i < orphans; i++)
		sqlite_job_free(w->batch[i]);
}

static void writer_answer(struct sqlite_job *job, enum cart_result result, const char *reason)
{
	cart_op_clear(job->request);
	job->request->result = result;
	cart_op_set_reason(job->request, "%s", reason);
}

static void writer_note(struct sqlite_writer *w, int rc)
{
	if (rc == SQLITE_OK && w->failing)
		log_event(LOG_INFO, "sqlite writes again", LOG_STR("path", w->config.conn.path));
	if (rc != SQLITE_OK && !w->failing)
		log_event(LOG_ERROR, "sqlite cannot write", LOG_STR("path", w->config.conn.path),
			  LOG_INT("code", rc), LOG_STR("error", sqlite_conn_why(&w->conn, rc)));
	w->failing = rc != SQLITE_OK;
	if (rc != SQLITE_OK)
		writer_count(w, w->config.series.failures, 1);
}

static int writer_on_commit(void *user, sqlite3 *db, const char *name, int pages)
{
	struct sqlite_writer *w = user;

	(void)db;
	(void)name;
	w->wal_pages = (size_t)pages;
	return SQLITE_OK;
}

static int writer_connect(struct sqlite_writer *w, struct cart_error *error)
{
	if (sqlite_conn_open(&w->conn, &w->config.conn, error) != 0)
		return -1;
	sqlite3_wal_hook(w->conn.db, writer_on_commit, w);
	return 0;
}

static void writer_rollback(struct sqlite_writer *w)
{
	if (!sqlite_conn_rollback(&w->conn))
		sqlite_conn_close(&w->conn);
}

static int writer_begin(struct sqlite_writer *w)
{
	int rc;

	if (w->conn.db != NULL)
		writer_rollback(w);
	if (w->conn.db == NULL && writer_connect(w, NULL) != 0)
		return SQLITE_CANTOPEN;
	rc = sqlite_conn_check_file(&w->conn);
	return rc == SQLITE_OK ? sqlite_conn_run(&w->conn, STMT_BEGIN_IMMEDIATE) : rc;
}

/* Jobs that were applied in one transaction. */
static void writer_commit(struct sqlite_writer *w, struct sqlite_job **jobs, size_t count)
{
	int64_t start = writer_now_ns();
	int rc = sqlite_conn_run(&w->conn, STMT_COMMIT);
	char reason[CART_REASON_MAX];
	enum cart_result lost;

	metrics_observe(w->shard, w->config.series.commit_time, writer_now_ns() - start);
	writer_note(w, rc);
	if (rc == SQLITE_OK) {
		writer_count(w, w->config.series.transactions, 1);
		writer_count(w, w->config.series.ops, (int64_t)count);
		return;
	}
	snprintf(reason, sizeof(reason), "commit: %s", sqlite3_errmsg(w->conn.db));
	lost = (rc & 0xff) == SQLITE_FULL || (rc & 0xff) == SQLITE_BUSY ? CART_BUSY
									: CART_UNCERTAIN;
	writer_rollback(w);
	for (size_t i = 0; i < count; i++)
		writer_answer(jobs[i], jobs[i]->request->result == CART_OK ? lost : CART_BUSY,
			      reason);
	/* After a checkpoint the next commit can reuse the WAL's space, also on a full disk. */
	w->checkpoint_at = 0;
}

/* Applies jobs inside a transaction. Not SQLITE_OK: no job has an answer, and the transaction must
 * be rolled back if SQLite has not done so. */
static int writer_apply(struct sqlite_writer *w, struct sqlite_job **jobs, size_t count)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; i < count && rc == SQLITE_OK; i++) {
		/* A second attempt must not see the result of the first. */
		int64_t started = jobs[i]->request->started_ns;

		cart_op_clear(jobs[i]->request);
		jobs[i]->request->started_ns = started;
		rc = sqlite_apply(&w->conn, &w->config.env.rules, jobs[i]->request);
	}
	return rc;
}

static void writer_run_alone(struct sqlite_writer *w, struct sqlite_job *job)
{
	int rc = writer_begin(w);

	if (rc == SQLITE_OK)
		rc = writer_apply(w, &job, 1);
	if (rc == SQLITE_OK) {
		writer_commit(w, &job, 1);
		return;
	}
	writer_note(w, rc);
	writer_answer(job, sqlite_result_of(rc), sqlite_conn_why(&w->conn, rc));
	if (w->conn.db != NULL)
		writer_rollback(w);
}

/* The transaction could not begin: the jobs queued for it are answered with the error. */
static void writer_refuse(struct sqlite_writer *w, int rc)
{
	size_t left = writer_queued(w), count;
	char reason[CART_REASON_MAX];

	snprintf(reason, sizeof(reason), "begin: %s", sqlite_conn_why(&w->conn, rc));
	writer_note(w, rc);
	for (; left > 0; left -= count) {
		count = writer_take(w, left < w->config.batch_max ? left : w->config.batch_max);
		if (count == 0)
			return;
		for (size_t i = 0; i < count; i++)
			writer_answer(w->batch[i], sqlite_result_of(rc), reason);
		writer_return(w, count);
	}
}

static void writer_run_batch(struct sqlite_writer *w)
{
	int rc = writer_begin(w);
	size_t count;

	if (rc != SQLITE_OK) {
		writer_refuse(w, rc);
		return;
	}
	count = writer_take(w, w->config.batch_max);
	rc = writer_apply(w, w->batch, count);
	if (rc == SQLITE_OK) {
		writer_commit(w, w->batch, count);
	} else {
		writer_rollback(w);
		writer_count(w, w->config.series.retries, 1);
		for (size_t i = 0; i < count; i++)
			writer_run_alone(w, w->batch[i]);
	}
	writer_return(w, count);
	w->idle_ns = writer_now_ns() + WRITER_IDLE_CHECKPOINT_NS;
	writer_show_queue(w);
}

/*
 * Writes the WAL back. A reader of an old snapshot, or another process that checkpoints, may keep a
 * part of it from being written; the next attempt comes a quarter of the limit later. When all is
 * written back the next commit starts the WAL from its beginning.
 */
static void writer_checkpoint(struct sqlite_writer *w)
{
	size_t bound = (size_t)w->config.checkpoint_bytes / w->page_size;
	int64_t start = writer_now_ns();
	int frames = 0, done = 0;
	int rc = sqlite3_wal_checkpoint_v2(w->conn.db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames,
					   &done);
	int64_t now = writer_now_ns();

	metrics_observe(w->shard, w->config.series.checkpoint_time, now - start);
	w->idle_ns = now + WRITER_IDLE_CHECKPOINT_NS;
	if (rc == SQLITE_OK && done == frames) {
		writer_count(w, w->config.series.checkpoints, 1);
		w->wal_pages = 0;
		w->checkpoint_at = bound;
	} else {
		w->checkpoint_at = w->wal_pages + bound / 4 + 1;
	}
}

/* Counts a step, and logs what the steps of a round have removed together. */
static void writer_note_swept(struct sqlite_writer *w, const struct sqlite_swept *swept)
{
	w->round.carts += swept->carts;
	w->round.keys += swept->keys;
	w->round.events += swept->events;
	writer_count(w, w->config.series.swept_carts, (int64_t)swept->carts);
	writer_count(w, w->config.series.swept_keys, (int64_t)swept->keys);
	writer_count(w, w->config.series.swept_events, (int64_t)swept->events);
	if (swept->more)
		return;
	if (w->round.carts + w->round.keys > 0)
		log_event(LOG_INFO, "removed expired carts and old idempotency keys",
			  LOG_INT("carts", (int64_t)w->round.carts),
			  LOG_INT("keys", (int64_t)w->round.keys));
	if (w->round.events > 0)
		log_event(LOG_INFO, "removed events older than feed.retention",
			  LOG_INT("events", (int64_t)w->round.events));
	w->round = (struct sqlite_swept){0};
}

static void writer_sweep(struct sqlite_writer *w)
{
	int64_t start = writer_now_ns();
	struct sqlite_swept swept = {0};
	int rc = SQLITE_OK;
	int64_t now;

	if (!clock_skew_is_beyond(w->config.env.skew))
		rc = sqlite_sweep(&w->conn, &w->config.env.rules,
				  clock_wall_ms(w->config.env.clock), &swept);
	if (rc != SQLITE_OK)
		writer_note(w, rc);
	now = writer_now_ns();
	writer_note_swept(w, &swept);
	if (rc == SQLITE_OK && swept.more)
		w->sweep_ns = now + (now - start) * (WRITER_SWEEP_PART - 1);
	else
		w->sweep_ns = now + w->config.sweep_interval_ms * CLOCK_NS_PER_MS;
}

/* Runs between two batches or when there are no jobs: at most one short step of each task. */
static void writer_maintain(struct sqlite_writer *w)
{
	int64_t now = writer_now_ns();

	if (w->conn.db == NULL)
		return;
	if (w->config.sweep_interval_ms > 0 && now >= w->sweep_ns)
		writer_sweep(w);
	if (w->wal_pages > w->checkpoint_at || (w->wal_pages > 0 && now >= w->idle_ns))
		writer_checkpoint(w);
	writer_show(w, w->config.series.wal_bytes, &w->shown_wal,
		    (int64_t)(w->wal_pages * w->page_size));
}

/* When the next task other than jobs is due. */
static int64_t writer_due_ns(const struct sqlite_writer *w)
{
	int64_t due = THREAD_FOREVER;

	if (w->config.sweep_interval_ms > 0)
		due = w->sweep_ns;
	if (w->wal_pages > 0 && w->idle_ns < due)
		due = w->idle_ns;
	return due;
}

/* Waits until there are jobs or a task is due. False: the thread is to stop. */
static bool writer_wait(struct sqlite_writer *w, bool *jobs)
{
	int64_t due = writer_due_ns(w);
	bool go_on;

	pthread_mutex_lock(&w->lock);
	w->waiting = true;
	while (w->turns.first == NULL && !w->stopping &&
	       thread_condition_wait(&w->wake, &w->lock, due))
		continue;
	w->waiting = false;
	*jobs = w->turns.first != NULL;
	go_on = *jobs || !w->stopping;
	pthread_mutex_unlock(&w->lock);
	return go_on;
}

static void *writer_main(void *user)
{
	struct sqlite_writer *w = user;
	bool jobs;

	while (writer_wait(w, &jobs)) {
		if (jobs)
			writer_run_batch(w);
		writer_maintain(w);
	}
	return NULL;
}

static int writer_pragma(sqlite3 *db, const char *sql, int otherwise)
{
	sqlite3_stmt *stmt = NULL;
	int value = otherwise;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		value = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

/* There is no other clock to compare ours with. If it was wrong at the start already, this leaves
 * time to notice it before anything is removed. */
static int64_t writer_first_sweep_ms(const struct sqlite_writer_config *config)
{
	int64_t grace_ms = config->env.rules.sweep_grace_ms;

	return grace_ms > config->sweep_interval_ms ? grace_ms : config->sweep_interval_ms;
}

static void writer_free(struct sqlite_writer *w)
{
	sqlite_conn_close(&w->conn);
	chains_close(&w->chains);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w->batch);
	free(w);
}

int sqlite_writer_start(struct sqlite_writer **out, const struct sqlite_writer_config *config,
			struct cart_error *error)
{
	struct sqlite_writer *w = calloc(1, sizeof(*w));

	*out = NULL;
	if (w == NULL)
		return cart_error_set(error, "out of memory");
	w->config = *config;
	queue_limit_init(&w->limit, config->env.queue_delay_ns);
	pthread_mutex_init(&w->lock, NULL);
	thread_condition_init(&w->wake);
	w->batch = calloc(config->batch_max, sizeof(struct sqlite_job *));
	if (w->batch == NULL || chains_open(&w->chains) != 0) {
		writer_free(w);
		return cart_error_set(error, "out of memory");
	}
	if (writer_connect(w, error) != 0) {
		writer_free(w);
		return -1;
	}
	w->page_size = (size_t)writer_pragma(w->conn.db, "PRAGMA page_size", 4096);
	w->checkpoint_at = (size_t)config->checkpoint_bytes / w->page_size;
	w->sweep_ns = writer_now_ns() + writer_first_sweep_ms(config) * CLOCK_NS_PER_MS;
	w->shard = metrics_shard_new(config->env.metrics);
	metrics_add(w->shard, config->series.synchronous,
		    writer_pragma(w->conn.db, "PRAGMA synchronous", -1));
	if (thread_start(&w->thread, writer_main, w) != 0) {
		writer_free(w);
		return cart_error_set(error, "cannot start the writer's thread");
	}
	*out = w;
	return 0;
}

void sqlite_writer_stop(struct sqlite_writer **out)
{
	struct sqlite_writer *w = *out;

	*out = NULL;
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	writer_free(w);
}
