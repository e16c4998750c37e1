/*
 * What the parts of a loop's handle share: the process, the store, its lanes, and what each lane is
 * doing. A lane is a place for one call at a time; an op that takes several (a change after a read,
 * a list) keeps its lane until it is answered.
 *
 * A lane does not know what its calls are for: whoever starts an op in it hands over its steps.
 */
#ifndef BACKENDS_DYNAMODB_STORE_LANE_H
#define BACKENDS_DYNAMODB_STORE_LANE_H

#include "backends/dynamodb/item/body.h"
#include "backends/dynamodb/wire/call.h"
#include "backends/dynamodb/store/listing.h"
#include "backends/dynamodb/options.h"
#include "core/base/random.h"
#include "core/pool.h"
#include "core/cart_backend.h"

/* Reads by the number of carts that a call asked for: 1, 2-3, 4-7, ... 64 and more. */
#define DDB_BATCH_SIZES 7

/* The backend's series, beside those of calls. */
struct ddb_series {
	struct ddb_call_series calls;
	struct metrics_sizes batches;
	struct pool_series pool;
	metric_t read_modify_writes; /* changes decided in core after the item was read */
	metric_t conflicts;   /* writes whose condition failed because another writer was faster */
	metric_t unprocessed; /* carts that a BatchGetItem did not return (UnprocessedKeys) */
	metric_t trims;
};

/* The process. */
struct ddb_db {
	struct cart_db db; /* first */
	struct ddb_options options;
	struct ddb_shared shared;
	struct ddb_credentials_source *credentials;
	struct ddb_series series;
	struct pool_lanes lanes;
};

enum ddb_class {
	DDB_CLASS_STRONG,
	DDB_CLASS_EVENTUAL,
	DDB_CLASS_WRITE,
	DDB_CLASS_LIST,
	DDB_CLASSES
};

/* What the call under way, or the pause, is for. */
enum ddb_step {
	DDB_STEP_GETS,
	DDB_STEP_LIST,
	DDB_STEP_CONDITIONAL,	     /* a change by one conditional call */
	DDB_STEP_READ,		     /* the item, to decide by */
	DDB_STEP_WRITE_IF_UNCHANGED, /* what was decided, if the item is as it was read */
	DDB_STEP_KEY,		     /* of a CREATE: its key's item */
	DDB_STEP_KEY_READ,	     /* what that holds */
	DDB_STEP_KEY_UNDO,	     /* removes it: the cart's id is in use */
	DDB_STEP_PUT,		     /* of a CREATE: the cart */
	DDB_STEP_TRIM /* removes old keys, after the op was answered or before it is decided again
		       */
};

/* A change under way. */
struct ddb_write {
	struct cart_op *op; /* NULL: already answered */
	char mark[DDB_MARK_ROOM];
	char key_name[DDB_KEY_NAME_ROOM]; /* "": no key */
	char key_item[DDB_KEY_ITEM_ROOM]; /* of a CREATE with a key */
	struct cart_id id;		  /* of a CREATE: of the cart that it is about */
	bool doubt;			  /* a call may have been applied, its answer was lost */
	int64_t fence;			  /* the version that call was conditional on; 0: none */
	bool replaying;			  /* of a CREATE: another request stored the key */
	unsigned conflicts;		  /* writes that another writer was faster than */
	unsigned repeats;		  /* tries sent after an answer was lost */
	bool retry_due;			  /* an answer was lost, and nothing was sent since */
	bool late;			  /* CONDITIONAL: was sent for a cart with a later time */
	int64_t before;			  /* WRITE_IF_UNCHANGED: the version that was read */
	struct cart after;		  /* WRITE_IF_UNCHANGED, PUT: the cart being written */
};

struct ddb_lane;

/* How an op goes on in its lane; whoever starts it hands these over. */
struct ddb_lane_steps {
	/* The call of lane->step has its answer. */
	void (*done)(struct ddb_lane *lane);
	/* A pause is over: lane->step is what it was called with. */
	void (*resume)(struct ddb_lane *lane);
	/* The op's time is up, or it is canceled. False: it is not this lane's. True: it left the
	 * lane; *sent: a call that changes something for it may have been applied. */
	bool (*forget)(struct ddb_lane *lane, const struct cart_op *op, bool *sent);
};

struct ddb_lane {
	struct ddb_store *store;
	size_t index;
	const struct ddb_lane_steps *steps; /* NULL: the lane is free */
	enum ddb_step step;
	struct ddb_call call;
	struct event *pause;
	struct ddb_write write;
	struct cart_op **ops;	/* GETS, LIST: sorted by id; NULL where already answered */
	struct cart_id *op_ids; /* their ids, kept after the answer */
	struct cart_id *ids;	/* that the call asks for, each once */
	size_t count;		/* ops */
	size_t asked;		/* ids */
	bool consistent;
	unsigned rounds; /* calls in a row that left carts unprocessed */
	struct ddb_listing *listing;
};

struct ddb_store {
	struct cart_store store; /* first */
	struct ddb_db *db;
	struct metrics_shard *shard;
	struct event_base *base;
	struct ddb_client_config client_config;
	struct ddb_client *client;
	struct ddb_table table;
	struct pool pool;
	struct ddb_lane *lanes;
	size_t lane_count;
	struct random random;
};

/* A delay with full jitter, doubling with tries from base_ms to at most 1 s; counting. */
int64_t ddb_store_backoff_us(struct ddb_store *store, int64_t base_ms, unsigned tries);
void ddb_store_count(struct ddb_store *store, metric_t series, int64_t n);

CART_MUST_CHECK int ddb_lane_open(struct ddb_lane *lane, struct ddb_store *store, size_t index);
void ddb_lane_close(struct ddb_lane *lane);
/* Makes the call whose body was written. False: no memory, nothing was sent. */
CART_MUST_CHECK bool ddb_lane_call(struct ddb_lane *lane, enum ddb_step step,
				   enum ddb_operation operation, int64_t deadline_ns);
/* Resumes with a step after so long. */
void ddb_lane_pause(struct ddb_lane *lane, enum ddb_step step, int64_t us);
/* Nothing is under way: it can take the next op. */
void ddb_lane_idle(struct ddb_lane *lane);
/* Ends what is under way, and is idle. */
void ddb_lane_stop(struct ddb_lane *lane);

/* What a call that failed for good comes to, of an op that is certainly not applied. Sets the
 * reason. */
enum cart_result ddb_call_result(const struct ddb_call *call, struct cart_op *op);

#endif
