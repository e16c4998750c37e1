/* A load thread: shared by load.c, which starts it, and thread.c, which runs it. */
#ifndef BENCH_LOAD_THREAD_H
#define BENCH_LOAD_THREAD_H

#include "bench/load/config.h"
#include "bench/result/tally.h"
#include "bench/target/base.h"

#include <stdatomic.h>

struct load_thread;

struct load_client {
	struct load_thread *thread;
	struct bench_link *link;
	struct bench_op op;
	struct workload_client work;
	int64_t intended_ns;
	struct bench_timer think;
	struct load_client *next_free;
};

struct load_thread {
	/* Set by load.c. */
	const struct load_config *config;
	size_t index;
	size_t clients_max; /* this thread's share */
	double rate;	    /* likewise */
	int64_t start_ns;   /* first operations */
	int64_t measure_ns; /* operations intended from here on are measured */
	int64_t end_ns;	    /* no operation is intended from here on */
	const atomic_bool *stop;
	atomic_int_least64_t *answered_ns; /* the last that succeeded, of all threads */
	struct seconds *seconds;

	/* Used only by the thread itself while it runs. */
	struct event_base *base;
	struct bench_drive_loop *loop;
	struct bench_timer tick;
	struct bench_timer arrival; /* begins; open: the next one */
	struct load_client **clients;
	size_t client_count;
	struct load_client *free; /* open: those without an operation */
	size_t busy;		  /* operations under way, or thinking */
	struct bench_rng arrivals;
	double next_ns; /* open: when the next is intended; parts of a nanosecond add up */
	bool arrival_waited;
	struct ledger *ledger;
	bool ended;    /* no more operations */
	size_t second; /* the one that part is about */
	struct second_part part;
	int64_t cpu_began_ns;

	/* Read by load.c after the thread has ended. */
	pthread_t handle;
	struct tally operations[BENCH_OP_TYPES];
	uint64_t waited, unsent;
	uint64_t in_time_ok; /* done before end_ns */
	int64_t gap_ns; /* between two answers, the later one in the measured time or after it */
	int64_t cpu_ns; /* in the measured time */
	int64_t ended_ns;
	struct cart_error error;
};

/* Opens what the thread needs; called on the starting thread. -1: thread->error says why. */
CART_MUST_CHECK int load_thread_open(struct load_thread *thread);
/* The thread's function: a struct load_thread. */
void *load_thread_run(void *user);
/* Closes a thread that was opened completely or partly. */
void load_thread_close(struct load_thread *thread);

#endif
