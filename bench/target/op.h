/* One operation of a shop on a target, and its result: the same over HTTP and on a store in our own
 * process. */
#ifndef BENCH_TARGET_OP_H
#define BENCH_TARGET_OP_H

#include "core/cart.h"

enum bench_op_type {
	BENCH_CREATE,
	BENCH_ADD,
	BENCH_SET,
	BENCH_REMOVE,
	BENCH_GET,
	BENCH_CHECKOUT,
	BENCH_DELETE,
	BENCH_LIST,
	BENCH_OP_TYPES
};

/* "create", "add", ... */
const char *bench_op_type_name(enum bench_op_type type);
/* False: no operation is called so. */
CART_MUST_CHECK bool bench_op_type_find(const char *name, size_t len, enum bench_op_type *type);
/* True for what may change something: all but GET and LIST. */
bool bench_op_type_changes(enum bench_op_type type);

enum bench_outcome {
	BENCH_OK,
	BENCH_REFUSED, /* certainly not applied: 4xx, 503, 504 TIMEOUT, could not connect; any
			  failure of a read */
	BENCH_UNKNOWN  /* a change that may have been applied: 504 OUTCOME_UNKNOWN, any other 5xx,
			  the connection broke, no answer in time */
};

enum bench_read { BENCH_READ_DEFAULT, BENCH_READ_STRONG, BENCH_READ_EVENTUAL };

/* "default", "strong", "eventual". */
const char *bench_read_name(enum bench_read read);
/* Of NULL, or of no such name: BENCH_READ_DEFAULT. */
enum bench_read bench_read_of(const char *name);

#define BENCH_OP_ERROR_MAX 32

/*
 * The caller owns it. A link has one at a time, from the submit to its done(). A zeroed request
 * asks for nothing special.
 */
struct bench_op {
	/* The request. */
	enum bench_op_type type;
	struct cart_id id;    /* all but CREATE and LIST; after a CREATE that is OK: the cart's */
	int64_t customer_id;  /* CREATE, LIST */
	int64_t product_id;   /* ADD, SET, REMOVE */
	int64_t quantity;     /* ADD, SET */
	int64_t if_version;   /* changes but CREATE; 0: any */
	const char *key;      /* CREATE, ADD, SET, REMOVE, CHECKOUT: Idempotency-Key, at most
				 CART_KEY_MAX characters, or NULL */
	enum bench_read read; /* GET */
	bool want_cart; /* GET, CREATE, ADD, SET, REMOVE, CHECKOUT: return the cart; after a change
			   as it is then */
	void (*done)(struct bench_op *op, void *user);
	void *user;

	/* The result. */
	enum bench_outcome outcome;
	int status; /* HTTP's; of a store what cartd would answer; 0: no answer */
	/* "" when OK. "CART_CLOSED", "UNAVAILABLE", ... as problem+json says; "HTTP 502" of an
	 * error that says nothing; "connection", "timeout", "not HTTP" where no answer came. */
	char error[BENCH_OP_ERROR_MAX];
	bool replayed;	    /* the key was seen before */
	int64_t version;    /* of the ETag; 0: not said */
	struct cart cart;   /* want_cart and OK: id, version, lines; freed by bench_op_clear() */
	struct cart *carts; /* LIST and OK: the newest, at most CART_LIST_MAX; freed the same way */
	size_t cart_count;
	/* Monotonic: before the first byte is written, or before the connect where one was needed;
	 * after the last byte is read. */
	int64_t sent_ns, done_ns;
	int64_t queue_ns, db_ns, total_ns; /* Server-Timing; -1: not said */
	bool cached;			   /* Server-Timing: the read cache answered */
};

/* How the operations on a target are carried out. */
struct bench_drive_config {
	int64_t timeout_ms; /* of an operation, including the connect; 1 ... INT_MAX */
	bool cold;	    /* a connection for each operation; no effect on a store */
	const char *cacert; /* of https: PEM file of the authorities to trust; NULL: the system's */
	const char *token_file; /* of a bearer token for cartd; NULL: none is sent */
};

#define BENCH_DATABASE_MAX   32
#define BENCH_VERSION_MAX    64
#define BENCH_DURABILITY_MAX 128

struct bench_drive_kind;

/* A target (bench/target/drive.h); its users only read it. */
struct bench_drive {
	const struct bench_drive_kind *kind;
	struct bench_drive_config config;
	char *text;			       /* the target as given */
	char database[BENCH_DATABASE_MAX + 1]; /* what /health says, or the backend: [a-z0-9_-]+ */
	/* Of the cartd, or of this build for a store; "" when it does not say. */
	char version[BENCH_VERSION_MAX];
	char revision[BENCH_VERSION_MAX];
	/* The database's own, "MariaDB 10.11.6", "DynamoDB, https://..."; "" when not known. */
	char server[BENCH_VERSION_MAX + 16];
	/* What a crash may lose of what was answered, as the server's settings say; "" when not
	 * known. */
	char durability[BENCH_DURABILITY_MAX];
	/* A local server that speaks DynamoDB's protocol stands in for DynamoDB: a picture made of
	 * it must say so. */
	bool stand_in;
	bool in_process; /* a store: its work is done by our own threads */
};

/* The one status with which a cartd says that the operation succeeded. */
int bench_op_ok_status(const struct bench_op *op);
/* Frees and zeroes the result; keeps the request. */
void bench_op_clear(struct bench_op *op);

#endif
