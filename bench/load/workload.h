/*
 * What a client does next. Two kinds:
 *
 *     sessions   create a cart, add to it, read it, and some check it out; again with a new cart
 *     a mix      each operation drawn by its weight, on carts that were prepared, which are drawn
 *                evenly, by Zipf's law, or are always the same
 *
 * In a mix a checkout, a removal and a delete use a cart that the client itself has created,
 * because they use it up; where it has none that is ready, the missing create or add is done in
 * their place. So nothing fails that the target does right.
 *
 * A client draws from a stream of its own: what it asks depends only on the seed and on its own
 * answers.
 */
#ifndef BENCH_LOAD_WORKLOAD_H
#define BENCH_LOAD_WORKLOAD_H

#include "bench/target/ledger.h"
#include "bench/stats/rng.h"
#include "core/base/attr.h"
#include "core/base/error.h"

#include <jansson.h>

#define WORKLOAD_PRODUCTS_MAX 150 /* below limits.lines, whatever is added */
#define WORKLOAD_QUANTITY_MAX 5	  /* of an add */
#define WORKLOAD_OWN_MAX      8
/* Customers of carts that clients create; the cart prepared i-th is customer i + 1's. */
#define WORKLOAD_CUSTOMER_FIRST INT64_C(1000000)
#define WORKLOAD_CUSTOMER_LAST	INT64_C(1999999)

enum workload_keys { WORKLOAD_UNIFORM, WORKLOAD_ZIPFIAN, WORKLOAD_HOT };

struct workload_config {
	uint64_t seed;
	bool sessions;
	/* Sessions: average adds and gets, share of checkouts, time between operations. */
	int64_t adds, gets;
	double checkouts;
	int64_t think_ms;
	/* A mix. */
	double weights[BENCH_OP_TYPES];
	enum workload_keys keys;
	double exponent;      /* ZIPFIAN */
	size_t carts;	      /* to be prepared */
	int64_t products;     /* 1 ... WORKLOAD_PRODUCTS_MAX that are added and set */
	enum bench_read read; /* of gets */
};

/* Read-only once made: threads share it. */
struct workload {
	struct workload_config config;
	struct cart_id *carts; /* config.carts of them, filled in by who prepares them */
	struct ledger *ledger; /* of who prepares them; NULL without config.carts */
	struct bench_zipf zipf;
	double total; /* of the weights */
	bool uses_up; /* the mix has operations that take carts of the client's own */
};

void workload_init(struct workload *workload, const struct workload_config *config);
void workload_free(struct workload *workload);
/* "create=1,add=4": weights of any size. -1: error says what is wrong. */
CART_MUST_CHECK int workload_parse_mix(struct workload_config *config, const char *text,
				       struct cart_error *error);
/* "uniform", "zipfian", "zipfian:1.2", "hot". Likewise. */
CART_MUST_CHECK int workload_parse_keys(struct workload_config *config, const char *text,
					struct cart_error *error);
/* For the result: "mix" and "keys". */
json_t *workload_mix_json(const struct workload_config *config);
json_t *workload_keys_json(const struct workload_config *config);

struct workload_own {
	struct cart_id id;
	int64_t lines; /* products 1 ... lines are in it */
};

struct workload_client {
	const struct workload *workload;
	struct bench_rng rng;
	/* A mix: the newest last. */
	struct workload_own own[WORKLOAD_OWN_MAX];
	size_t own_count;
	size_t at; /* which of them the operation is about; own_count or more: none */
	/* A session. */
	struct cart_id cart;
	int64_t adds_left, gets_left;
	bool began, checks_out;
};

/* index: the stream; each client has another. */
void workload_client_init(struct workload_client *client, const struct workload *workload,
			  uint64_t index);
/* Fills in the request; done, user and key are the caller's. */
void workload_next(struct workload_client *client, struct bench_op *op);
/* Once the operation that workload_next() gave is done. */
void workload_learn(struct workload_client *client, const struct bench_op *op);
/* The time to think before the next operation, drawn; 0: none. */
int64_t workload_think_ns(struct workload_client *client);

#endif
