/*
 * A thread of a load, and its clients.
 *
 * The happy path: at start_ns a closed thread's clients all begin, and each goes on from its own
 * done(); an open thread has a timer for the next arrival, which takes a free client. At end_ns, or
 * when told to stop, nothing new begins, and the thread ends with the last answer, which comes by
 * the operations' timeout.
 *
 * The other ways: an answer takes long, so arrivals fall due while others are handled: they are
 * looked for after every answer, not only when the timer has its turn. All clients are busy: the
 * arrival waits for the next answer, its intended time stays.
 */
#include "bench/load/thread.h"
#include "bench/stats/alloc.h"
#include "bench/target/base.h"
#include "core/base/clock.h"

#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD_NICE     (-15)
#define LOAD_SLICE_NS 100000 /* the least that Linux takes */
#define LOAD_TICK_NS  (100 * CLOCK_NS_PER_MS)
/* Of seeds' streams: those of clients begin at 0. */
#define LOAD_STREAM_ARRIVALS (UINT64_C(1) << 40)

static bool thread_is_open(const struct load_thread *thread)
{
	return thread->config->rate > 0;
}

static int64_t thread_now(void)
{
	return clock_monotonic_ns(&cart_clock_system);
}

static int64_t thread_cpu_ns(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_THREAD, &usage) != 0)
		return 0;
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * CLOCK_NS_PER_S +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * INT64_C(1000);
}

static void thread_arm(struct bench_timer *timer, int64_t at_ns)
{
	bench_timer_arm(timer, at_ns - thread_now());
}

static void thread_break_if_done(struct load_thread *thread)
{
	if (thread->ended && thread->busy == 0)
		event_base_loopbreak(thread->base);
}

static void thread_flush_second(struct load_thread *thread, size_t now)
{
	if (now == thread->second)
		return;
	seconds_add(thread->seconds, thread->second, &thread->part);
	thread->second = now;
}

static void thread_record_second(struct load_thread *thread, const struct bench_op *op,
				 int64_t from_ns)
{
	thread_flush_second(thread, (size_t)((op->done_ns - thread->measure_ns) / CLOCK_NS_PER_S));
	if (op->outcome == BENCH_OK) {
		thread->part.ok++;
		bench_hdr_record(thread->part.times, op->done_ns - from_ns);
	} else {
		thread->part.failed++;
	}
}

/* The longest time without an answer. Answers to what the warm-up asked count as answers, and a
 * failure is none. */
static void thread_note_gap(struct load_thread *thread, const struct bench_op *op)
{
	int64_t before_ns = op->outcome == BENCH_OK
				    ? atomic_exchange(thread->answered_ns, op->done_ns)
				    : atomic_load(thread->answered_ns);

	if (op->done_ns >= thread->measure_ns && op->done_ns - before_ns > thread->gap_ns)
		thread->gap_ns = op->done_ns - before_ns;
}

static void thread_record(struct load_thread *thread, const struct load_client *client)
{
	const struct bench_op *op = &client->op;
	int64_t from_ns = thread_is_open(thread) ? client->intended_ns : op->sent_ns;
	struct tally *tally = &thread->operations[op->type];

	if (op->done_ns >= thread->measure_ns && op->done_ns < thread->end_ns &&
	    op->outcome == BENCH_OK)
		thread->in_time_ok++;
	if (from_ns < thread->measure_ns)
		return;
	if (tally->service == NULL)
		tally_init(tally, thread_is_open(thread));
	tally_record(tally, op, client->intended_ns);
	if (thread->config->note != NULL)
		thread->config->note(thread->config->note_user, client->intended_ns, op);
	thread_record_second(thread, op, from_ns);
}

static void client_done(struct bench_op *op, void *user);

static void client_submit(struct load_client *client, int64_t intended_ns)
{
	client->intended_ns = intended_ns;
	workload_next(&client->work, &client->op);
	client->op.done = client_done;
	client->op.user = client;
	client->thread->busy++;
	bench_link_submit(client->link, &client->op);
}

/* Closed: the next operation, unless it is over. */
static void client_go(struct load_client *client, int64_t now_ns)
{
	if (!client->thread->ended && now_ns < client->thread->end_ns)
		client_submit(client, now_ns);
	else
		thread_break_if_done(client->thread);
}

static void client_thought(void *user)
{
	client_go(user, thread_now());
}

static struct load_client *thread_new_client(struct load_thread *thread)
{
	struct load_client *client = bench_alloc(1, sizeof(*client));
	size_t stream = thread->index + thread->client_count * thread->config->threads;

	client->thread = thread;
	workload_client_init(&client->work, thread->config->workload, stream);
	bench_timer_init(&client->think, thread->base, client_thought, client);
	client->link = bench_link_open(thread->loop);
	thread->clients[thread->client_count++] = client;
	return client;
}

/* NULL: all are busy. */
static struct load_client *thread_take_client(struct load_thread *thread)
{
	struct load_client *client = thread->free;

	if (client != NULL)
		thread->free = client->next_free;
	else if (thread->client_count < thread->clients_max)
		client = thread_new_client(thread);
	return client;
}

static void thread_advance(struct load_thread *thread)
{
	double mean = (double)CLOCK_NS_PER_S / thread->rate;

	thread->next_ns +=
		thread->config->poisson ? bench_rng_exponential(&thread->arrivals, mean) : mean;
}

/* Open: sends what is due. */
static void thread_arrive(struct load_thread *thread)
{
	int64_t now_ns = thread_now();

	while (!thread->ended && thread->next_ns <= (double)now_ns &&
	       thread->next_ns < (double)thread->end_ns) {
		struct load_client *client = thread_take_client(thread);

		if (client == NULL) {
			thread->arrival_waited = true;
			return; /* the next answer goes on */
		}
		thread->waited +=
			thread->arrival_waited && thread->next_ns >= (double)thread->measure_ns;
		client_submit(client, (int64_t)thread->next_ns);
		now_ns = client->op.sent_ns;
		thread_advance(thread);
	}
	thread->arrival_waited = false;
	if (!thread->ended && thread->next_ns < (double)thread->end_ns)
		thread_arm(&thread->arrival, (int64_t)ceil(thread->next_ns));
}

static void client_done(struct bench_op *op, void *user)
{
	struct load_client *client = user;
	struct load_thread *thread = client->thread;
	int64_t think_ns;

	thread->busy--;
	workload_learn(&client->work, op);
	thread_note_gap(thread, op);
	thread_record(thread, client);
	ledger_note(thread->ledger, op);
	if (thread_is_open(thread)) {
		client->next_free = thread->free;
		thread->free = client;
		if (!thread->ended && thread->next_ns <= (double)op->done_ns)
			thread_arrive(thread);
		thread_break_if_done(thread);
		return;
	}
	think_ns = workload_think_ns(&client->work);
	if (think_ns > 0 && !thread->ended)
		thread_arm(&client->think, op->done_ns + think_ns);
	else
		client_go(client, op->done_ns);
}

/* At start_ns. */
static void thread_begin(void *user)
{
	struct load_thread *thread = user;
	int64_t now_ns = thread_now();

	if (thread_is_open(thread)) {
		thread_arrive(thread);
		return;
	}
	for (size_t i = 0; i < thread->client_count; i++)
		client_go(thread->clients[i], now_ns);
}

static void thread_end(struct load_thread *thread, int64_t now_ns)
{
	thread->ended = true;
	if (now_ns < thread->end_ns)
		thread->end_ns = now_ns;
	bench_timer_stop(&thread->arrival);
	for (size_t i = 0; i < thread->client_count; i++)
		bench_timer_stop(&thread->clients[i]->think);
	thread->cpu_ns = thread_cpu_ns() - thread->cpu_began_ns;
	thread->ended_ns = now_ns;
	if (thread_is_open(thread))
		for (; thread->next_ns < (double)thread->end_ns; thread_advance(thread))
			thread->unsent += thread->next_ns >= (double)thread->measure_ns;
	thread_break_if_done(thread);
}

static void thread_tick(void *user)
{
	struct load_thread *thread = user;
	int64_t now_ns = thread_now(), next_ns = now_ns + LOAD_TICK_NS;

	if (now_ns >= thread->measure_ns) {
		if (thread->cpu_began_ns < 0)
			thread->cpu_began_ns = thread_cpu_ns();
		thread_flush_second(thread,
				    (size_t)((now_ns - thread->measure_ns) / CLOCK_NS_PER_S));
	} else if (next_ns > thread->measure_ns) {
		next_ns = thread->measure_ns;
	}
	if (!thread->ended && (now_ns >= thread->end_ns || atomic_load(thread->stop)))
		thread_end(thread, now_ns);
	if (!thread->ended && next_ns > thread->end_ns)
		next_ns = thread->end_ns;
	thread_arm(&thread->tick, next_ns);
}

int load_thread_open(struct load_thread *thread)
{
	thread->cpu_began_ns = -1;
	thread->ledger = ledger_new(thread->config->workload->config.seed);
	thread->part.times = bench_hdr_new(BENCH_HDR_HOUR_NS);
	bench_rng_init(&thread->arrivals, thread->config->workload->config.seed,
		       LOAD_STREAM_ARRIVALS + thread->index);
	thread->base = bench_base_new();
	thread->clients = bench_alloc(thread->clients_max, sizeof(struct load_client *));
	bench_timer_init(&thread->tick, thread->base, thread_tick, thread);
	bench_timer_init(&thread->arrival, thread->base, thread_begin, thread);
	if (bench_drive_loop_open(&thread->loop, thread->config->drive, thread->base,
				  &thread->error) != 0)
		return -1;
	while (!thread_is_open(thread) && thread->client_count < thread->clients_max)
		thread_new_client(thread);
	return 0;
}

/* An open loop works little and must be on time. So its thread goes before what it measures, where
 * this user may say so, and asks for short slices, so that it need not wait for the end of another
 * one's (Linux 6.12 and later; anybody may). Of Linux a thread has a priority of its own. */
static void thread_hurry(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attributes = {.size = sizeof(attributes), .runtime = LOAD_SLICE_NS};

	(void)!setpriority(PRIO_PROCESS, 0, LOAD_NICE);
	attributes.nice = getpriority(PRIO_PROCESS, 0);
	(void)!syscall(SYS_sched_setattr, 0, &attributes, 0);
}

void *load_thread_run(void *user)
{
	struct load_thread *thread = user;

	if (thread_is_open(thread))
		thread_hurry();
	/* At equal distances over all threads: each begins a part of its own interval later. */
	thread->next_ns = (double)thread->start_ns;
	if (thread_is_open(thread) && thread->config->poisson)
		thread_advance(thread);
	else if (thread_is_open(thread))
		thread->next_ns +=
			(double)CLOCK_NS_PER_S / thread->config->rate * (double)thread->index;
	thread_arm(&thread->arrival,
		   thread_is_open(thread) ? (int64_t)thread->next_ns : thread->start_ns);
	thread_arm(&thread->tick, thread->start_ns);
	event_base_dispatch(thread->base);
	seconds_add(thread->seconds, thread->second, &thread->part);
	return NULL;
}

void load_thread_close(struct load_thread *thread)
{
	for (size_t i = 0; i < thread->client_count; i++) {
		struct load_client *client = thread->clients[i];

		bench_link_close(&client->link);
		bench_op_clear(&client->op);
		bench_timer_stop(&client->think);
		free(client);
	}
	free(thread->clients);
	ledger_free(&thread->ledger);
	bench_timer_stop(&thread->tick);
	bench_timer_stop(&thread->arrival);
	bench_drive_loop_close(&thread->loop);
	event_base_free(thread->base);
	for (int i = 0; i < BENCH_OP_TYPES; i++)
		tally_free(&thread->operations[i]);
	bench_hdr_free(&thread->part.times);
}
