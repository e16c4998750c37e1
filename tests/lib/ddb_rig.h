/*
 * A rig (tests/lib/rig.h) on the DynamoDB backend, whose server is a stub: the environment of the
 * process says where it is, and nothing else of it counts.
 */
#ifndef TESTS_LIB_DDB_RIG_H
#define TESTS_LIB_DDB_RIG_H

#include "tests/lib/ddb_stub.h"
#include "tests/lib/rig.h"

struct ddb_rig {
	struct ddb_stub stub; /* its shelf may be set up before the start of the rig */
	struct rig *rig;
};

/* The stub alone: rules for the start may be added. */
void ddb_rig_start_stub(struct ddb_rig *r);
/* The rig over it; set as in rig_config. The stub's requests are cleared, rules stay. */
void ddb_rig_start(struct ddb_rig *r, size_t loops, const char *const *set);
void ddb_rig_stop(struct ddb_rig *r);

/* Ops under way beside the test. */
struct ddb_rig_op {
	struct cart_op op; /* the request; the result once it is done */
	struct ddb_rig *r;
	struct rig_task task;
	_Atomic int *done; /* grows by one */
	int64_t done_ns;
	bool refused; /* by submit */
};
/* Submits it on loop 0, with a deadline of RIG_DEADLINE_NS where it has none. */
void ddb_rig_submit(struct ddb_rig *r, struct ddb_rig_op *op, _Atomic int *done);
/* Asks for its early end. */
void ddb_rig_cancel(struct ddb_rig *r, struct ddb_rig_op *op);

#endif
