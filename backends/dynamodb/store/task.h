/*
 * What the parts of a loop's handle share: the process, the store, and its tasks. A task is what is
 * under way for an op, or for gets that are one call: the calls that it takes, one after the other,
 * and the pauses between them. A task holds a lane while a call of it is with the server, and from
 * one call to the next; in a pause it holds none, so tasks that wait for a part of the service that
 * is throttled or down are in nobody's way. After a pause it waits for a lane in front of what is
 * queued.
 *
 * A task does not know what its calls are for: whoever starts one hands over its steps.
 */
#ifndef BACKENDS_DYNAMODB_STORE_TASK_H
#define BACKENDS_DYNAMODB_STORE_TASK_H

#include "backends/dynamodb/feed/reader.h"
#include "backends/dynamodb/item/body.h"
#include "backends/dynamodb/item/gather.h"
#include "backends/dynamodb/wire/call.h"
#include "backends/dynamodb/store/listing.h"
#include "backends/dynamodb/options.h"
#include "core/base/random.h"
#include "core/pool.h"
#include "core/cart_backend.h"

#include <sys/queue.h>

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
	struct aws_credentials_source *credentials;
	struct ddb_series series;
	struct pool_lanes lanes;
	struct ddb_stream *stream; /* NULL: the feed is off */
	struct ddb_shared stream_shared;
	char stream_endpoint[AWS_ENDPOINT_ROOM];
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
	DDB_STEP_LIST_CART,	     /* one of a list's carts, where no call reads several; a
					pause until others have read theirs */
	DDB_STEP_CONDITIONAL,	     /* a change by one conditional call */
	DDB_STEP_READ,		     /* the item, to decide by */
	DDB_STEP_WRITE_IF_UNCHANGED, /* what was decided, if the item is as it was read */
	DDB_STEP_KEY,		     /* of a CREATE: its key's item */
	DDB_STEP_KEY_READ,	     /* what that holds */
	DDB_STEP_KEY_UNDO,	     /* removes it: the cart's id is in use */
	DDB_STEP_PUT,		     /* of a CREATE: the cart */
	DDB_STEP_TRIM, /* removes old keys, after the op was answered or before it is decided again
			*/
	/* merge.h has these */
	DDB_STEP_MERGE_TARGET,
	DDB_STEP_MERGE_FROM,
	DDB_STEP_MERGE_SEAL,
	DDB_STEP_MERGE_HOLD,
	DDB_STEP_MERGE_DECIDE,
	DDB_STEP_MERGE_END,
	DDB_STEP_MERGE_FORGET,
	DDB_STEP_MERGE_RELEASE,
	DDB_STEP_MERGE_KEY
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
	int64_t key_ms;			  /* of a CREATE: when the key was stored */
	unsigned conflicts;		  /* writes that another writer was faster than */
	int repeats;			  /* calls made again after an answer was lost */
	bool retry_due;			  /* an answer was lost, and nothing was sent since */
	bool late;	     /* CONDITIONAL: was sent for a cart with a later time ... */
	uint64_t late_lines; /* ... and with these lines; see ddb_newer_lines() */
	enum ddb_retry why;  /* it was lost */
	int64_t before;	     /* WRITE_IF_UNCHANGED: the version that was read */
	struct cart after;   /* WRITE_IF_UNCHANGED, PUT: the cart being written */
};

struct ddb_task;
TAILQ_HEAD(ddb_tasks, ddb_task);

/* After a merge that was met: CART_OK, or why it could not be finished. */
typedef void ddb_merge_over_fn(struct ddb_task *task, enum cart_result result, const char *why);

/* A merge under way: the op's own, or one that an op has met, see merge.h. */
struct ddb_merge {
	/* Of one that was met: how the task goes on, and for how long it tries. NULL: the task's op
	 * is a merge. */
	ddb_merge_over_fn *over;
	const struct ddb_task_steps *back;
	int64_t deadline_ns;
	int64_t now_ms;
	struct cart_id from, into; /* of the merge that is looked at now */
	struct ddb_item target, source;
	bool target_there, source_there, target_damaged;
	char why[CART_REASON_MAX]; /* it is damaged */
	bool does_not_fit;	   /* the target with the lines is larger than an item may be */
	struct cart_op met;	   /* the request of a merge that somebody else began */
	/* The op's own. */
	char merge_id[DDB_MARK_ROOM]; /* of the last seal that was sent; "": none */
	char fence[DDB_MARK_ROOM];    /* the mark of from that it was conditional on */
	bool sealed;		      /* from is sealed by it, or may be, or may become so */
	bool may_come;		      /* so it was before the seal that is under way */
	bool unfenced;		 /* another writer of from was faster: seals need no mark ... */
	bool stays;		 /* ... and one whose answer was lost may come at any time */
	bool decided;		 /* this task stored the decision about it ... */
	enum cart_result result; /* ... for this reason; OK: the merge is done */
	bool lost;		 /* the answer to a decision was lost */
	struct cart after;	 /* the target then */
	bool forgets_alone;	 /* the decision that is being removed is the only one */
	bool tried_both;
	unsigned conflicts;
	int repeats;
	bool retry_due;
	enum ddb_retry why_lost;
};

/* How a task goes on; whoever starts it hands these over. */
struct ddb_task_steps {
	/* The call of task->step has its answer, or was given up. */
	void (*done)(struct ddb_task *task);
	/* A pause is over: task->step is what ddb_task_pause() was called with. */
	void (*resume)(struct ddb_task *task);
	/* The op's time is up, or it is canceled. False: it is not this task's. True: it left the
	 * task; *sent: a call that changes something for it may have been applied. */
	bool (*forget)(struct ddb_task *task, const struct cart_op *op, bool *sent);
};

#define DDB_NO_LANE SIZE_MAX

struct ddb_task {
	struct ddb_store *store;
	TAILQ_ENTRY(ddb_task) link; /* of store->busy, or of store->spare */
	TAILQ_ENTRY(ddb_task) turn; /* of store->ready */
	bool is_ready;		    /* it is in store->ready: a pause is over */
	enum ddb_class class;
	size_t lane;			    /* DDB_NO_LANE: it is in a pause, or ready */
	const struct ddb_task_steps *steps; /* NULL: a spare one */
	enum ddb_step step;
	struct ddb_call call;
	struct ddb_gather gather; /* layout rows: of the call that reads a cart */
	struct event *pause;
	bool is_pausing; /* what is ready resumes by its steps, not by its call */
	struct ddb_write write;
	struct ddb_merge *merge; /* NULL: none; malloc'd */
	struct cart_op **ops;	 /* GETS, LIST: sorted by id; NULL where already answered */
	struct cart_id *op_ids;	 /* their ids, kept after the answer */
	struct cart_id *ids;	 /* that the call asks for, each once */
	size_t count;		 /* ops */
	size_t asked;		 /* ids */
	bool consistent;
	int rounds; /* calls in a row that left carts unprocessed */
	struct ddb_listing *listing;
	struct ddb_tasks readers;     /* LIST: tasks that read carts for it ... */
	TAILQ_ENTRY(ddb_task) reader; /* ... of which this is one ... */
	struct ddb_task *list;	      /* ... for that list; of a list: itself */
	/* GETS: a cart that is merging was met; ops whose cart is to be read again have held.nonce
	 * 1. */
	bool met;
	struct cart_id met_from, met_into;
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
	struct ddb_reader *reader; /* NULL: the feed is off */
	size_t lane_count;
	struct ddb_tasks busy;
	struct ddb_tasks ready[DDB_CLASSES]; /* of the busy ones, those that wait for a lane */
	struct ddb_tasks spare;
	size_t spare_count;
	size_t spare_unused; /* the fewest that there were since the last trim */
	int64_t trimmed_ns;
	size_t pausing; /* busy tasks without a lane */
	struct random random;
};

/* A delay with full jitter, doubling with tries from base_ms to at most 1 s; counting. */
int64_t ddb_store_backoff_us(struct ddb_store *store, int64_t base_ms, unsigned tries);
void ddb_store_count(struct ddb_store *store, metric_t series, int64_t n);

/* A task in a lane that was given to it; ddb_task_end() ends it. NULL: no memory. */
struct ddb_task *ddb_task_new(struct ddb_store *store, enum ddb_class class, size_t lane);
/* An open store has called the first; the second ends what is under way, of nobody. */
void ddb_tasks_init(struct ddb_store *store);
void ddb_tasks_free(struct ddb_store *store);
/* A look_after of core/pool.h: frees spare tasks that a burst needed and nobody since. */
void ddb_tasks_trim(void *store, int64_t now_ns);
/* Makes the call whose body was written. False: no memory, nothing was sent. */
CART_MUST_CHECK bool ddb_task_call(struct ddb_task *task, enum ddb_step step,
				   enum ddb_operation operation, int64_t deadline_ns);
/* A mark that no write has had. */
void ddb_task_mark(struct ddb_task *task, char mark[DDB_MARK_ROOM]);
/* Resumes with a step after so long, and when it has a lane again. */
void ddb_task_pause(struct ddb_task *task, enum ddb_step step, int64_t us);
/* The same until ddb_task_wake(). */
void ddb_task_rest(struct ddb_task *task, enum ddb_step step);
void ddb_task_wake(struct ddb_task *task);
/* Pauses after a BatchGetItem that left carts unprocessed. False: there is no time left for it. */
CART_MUST_CHECK bool ddb_task_pause_left_out(struct ddb_task *task, enum ddb_step step,
					     size_t left_out, int64_t deadline_ns);
/* Frees its merge, if it has one. */
void ddb_task_drop_merge(struct ddb_task *task);
/* Ends it, with what is under way. It may be freed. */
void ddb_task_end(struct ddb_task *task);

/* What a call that failed for good comes to, of an op that is certainly not applied. */
enum cart_result ddb_call_result(const struct ddb_call *call);

#endif
