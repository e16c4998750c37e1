/*
 * What the parts of a loop's handle share: the store, its lanes, and what each lane is at. A lane
 * is a place for one call at a time; an op that takes several (a careful change, a list) keeps
 * its lane until it is answered.
 */
#ifndef BACKENDS_DYNAMODB_STORE_STORE_H
#define BACKENDS_DYNAMODB_STORE_STORE_H

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
	metric_t careful;     /* changes that were decided after a look at the item */
	metric_t conflicts;   /* writes whose condition failed because somebody was quicker */
	metric_t unprocessed; /* carts that a BatchGetItem left out */
	metric_t trims;
};

struct ddb_provisioner;

/* The process. */
struct ddb_db {
	struct cart_db db; /* first */
	struct ddb_options options;
	struct ddb_shared shared;
	struct ddb_credentials_source *credentials;
	struct ddb_series series;
	struct pool_lanes lanes;
	struct ddb_provisioner *provisioner; /* NULL: nothing is left to do */
};

enum ddb_class {
	DDB_CLASS_STRONG,
	DDB_CLASS_EVENTUAL,
	DDB_CLASS_WRITE,
	DDB_CLASS_LIST,
	DDB_CLASSES
};

/* What a lane is at. */
enum ddb_step {
	DDB_STEP_IDLE,
	DDB_STEP_GETS,
	DDB_STEP_LIST,
	DDB_STEP_FAST,	   /* a change by one conditional call */
	DDB_STEP_LOOK,	   /* the item, to decide by */
	DDB_STEP_DECIDED,  /* the write that was decided */
	DDB_STEP_KEY,	   /* of a CREATE: its key's item */
	DDB_STEP_KEY_LOOK, /* what that holds */
	DDB_STEP_KEY_UNDO, /* it goes again: the cart's id is in use */
	DDB_STEP_PUT,	   /* of a CREATE: the cart */
	DDB_STEP_TRIM,	   /* old keys, after the op was answered or before it is decided again */
	DDB_STEP_PAUSE	   /* before the next step: somebody was quicker */
};

/* A change under way. */
struct ddb_write {
	struct cart_op *op; /* NULL: answered meanwhile */
	char mark[DDB_MARK_ROOM];
	char key_name[DDB_KEY_NAME_ROOM]; /* "": no key */
	char key_item[DDB_KEY_ITEM_ROOM]; /* of a CREATE with a key */
	struct cart_id id;		  /* of a CREATE: of the cart that it is about */
	bool doubt;			  /* a call for it may have been applied */
	int64_t fence;			  /* the version that call was conditional on; 0: none */
	bool replaying;			  /* of a CREATE: the key's item was there before */
	unsigned conflicts;		  /* lost races */
	unsigned repeats;		  /* after doubt */
	bool unpaid;			  /* an answer was lost, and nothing was tried since */
	int64_t before;			  /* DECIDED: the version that was read */
	struct cart after;		  /* DECIDED, PUT: the cart that is being written */
};

struct ddb_lane {
	struct ddb_store *store;
	size_t index;
	enum ddb_step step;
	enum ddb_step next; /* after PAUSE */
	struct ddb_call call;
	struct event *pause;
	struct ddb_write write;
	struct cart_op **ops;	/* GETS, LIST: sorted by id; those answered meanwhile are NULL */
	struct cart_id *op_ids; /* theirs, which stay */
	struct cart_id *ids;	/* that the call asks for, each once */
	size_t count;		/* ops */
	size_t asked;		/* ids */
	bool consistent;
	unsigned rounds; /* that have left out carts, in a row */
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

/* store.c: the slots of a loop; see core/cart_backend.h. */
int ddb_store_open(struct cart_store **store, struct cart_db *db, struct event_base *base,
		   struct metrics_shard *shard, struct cart_error *error);
void ddb_store_close(struct cart_store *store);
enum cart_result ddb_store_submit(struct cart_store *store, struct cart_op *op);
void ddb_store_expire(struct cart_store *store, struct cart_op *op, enum cart_result why);

/* dynamodb.c: what a client of that process is made with; a loop adds its shard. */
struct ddb_client_config ddb_db_client(const struct ddb_db *db);

/* store.c, for lanes: a delay with full jitter, doubling with tries from base_ms to at most 1 s;
 * counting. */
int64_t ddb_store_backoff_us(struct ddb_store *store, int64_t base_ms, unsigned tries);
void ddb_store_count(struct ddb_store *store, metric_t series, int64_t n);

/* lane.c */
CART_MUST_CHECK int ddb_lane_open(struct ddb_lane *lane, struct ddb_store *store, size_t index);
void ddb_lane_close(struct ddb_lane *lane);
/* Makes the call whose body was written. False: no memory, nothing was sent. */
CART_MUST_CHECK bool ddb_lane_call(struct ddb_lane *lane, enum ddb_step step,
				   enum ddb_operation operation, int64_t deadline_ns);
/* Goes on with a step after a backoff: ddb_lane_resume() of read.c or write.c is then called. */
void ddb_lane_pause(struct ddb_lane *lane, enum ddb_step next, int64_t us);
/* Nothing is under way: it can take the next op. */
void ddb_lane_idle(struct ddb_lane *lane);
/* True: the op was the lane's, and is not any more; *sent: a call that may change something for it
 * may have been applied. */
CART_MUST_CHECK bool ddb_lane_forget(struct ddb_lane *lane, const struct cart_op *op, bool *sent);
/* A batch_start_fn. */
void ddb_lane_start(void *user, size_t lane, struct cart_op **ops, size_t count);

/* What a call that failed for good comes to, of an op that is certainly not applied. Sets the
 * reason. */
enum cart_result ddb_call_result(const struct ddb_call *call, struct cart_op *op);

/* read.c, write.c, create.c: a batch begins; the call of a step is done; a pause is over. */
void ddb_read_start(struct ddb_lane *lane, enum ddb_class class, struct cart_op **ops,
		    size_t count);
void ddb_read_done(struct ddb_lane *lane);
void ddb_read_resume(struct ddb_lane *lane);
void ddb_write_start(struct ddb_lane *lane, struct cart_op *op);
void ddb_write_done(struct ddb_lane *lane);
void ddb_write_resume(struct ddb_lane *lane);
void ddb_create_start(struct ddb_lane *lane);
void ddb_create_done(struct ddb_lane *lane);

/* write.c, for create.c. Answers the lane's op, and frees the lane. */
void ddb_write_answer(struct ddb_lane *lane, enum cart_result result);
/* CART_OK with the cart of an item, which is moved out of it. */
void ddb_write_answer_item(struct ddb_lane *lane, struct ddb_item *item, int64_t version,
			   bool replayed);
/* Memory ran out before anything was sent. */
void ddb_write_no_memory(struct ddb_lane *lane);
/* Reads the item of the call's answer. 1: read; 0: there is none; -1: the op was answered, because
 * the item is not one of ours or memory ran out. */
CART_MUST_CHECK int ddb_write_item(struct ddb_lane *lane, struct ddb_item *item);
/* What a call has come to that is neither OK nor CONDITION. True: it may have been applied, which
 * the write now says, and is to be found out. False: the op was answered. */
CART_MUST_CHECK bool ddb_write_in_doubt(struct ddb_lane *lane, int64_t fence);
/* Whether something that may have been applied may be sent again: the retry budget has the last
 * word. */
CART_MUST_CHECK bool ddb_write_may_repeat(struct ddb_lane *lane);

#endif
