/* An op that is watched: when, where and how often its callback came. */
#ifndef TESTS_LIB_PROBE_H
#define TESTS_LIB_PROBE_H

#include "tests/lib/rig.h"

struct probe {
	struct cart_op op;
	struct rig *rig;
	struct rig_loop *loop;
	struct rig_task task;
	_Atomic int returned;	    /* submit has */
	enum cart_result submitted; /* with this */
	enum cart_result result;    /* what the callback found */
	_Atomic int count;	    /* callbacks */
	bool inside;		    /* submit or cancel is on the stack */
	bool came_inside;	    /* the callback came while it was */
	bool elsewhere;		    /* it came on another thread than the loop's */
	int64_t done_ns;	    /* monotonic */
};

/* Takes a copy of the request. deadline_ms from now; 0: far away. */
void probe_init(struct probe *probe, struct rig *rig, size_t loop, const struct cart_op *request,
		int64_t deadline_ms);
/* Submits on the loop and returns when submit has. */
void probe_submit(struct probe *probe);
/* Submits several, each on its loop, as much at once as can be; probe_await() them. */
void probe_submit_all(struct probe *probes, size_t count);
/* Submits, on the loop's own thread; a rig_fn. */
void probe_submit_here(void *probe);
/* Cancels on the loop, unless the callback has come. */
void probe_cancel(struct probe *probe);
void probe_cancel_here(void *probe);
/* Waits for the callback. */
void probe_await(struct probe *probe);
/* Asserts that the callback came once, on its loop, outside of calls; frees the result. */
void probe_check(struct probe *probe);

#endif
