/*
 * Head to head: every operation goes to both sides, in random order within the pair, so that what
 * disturbs the machine disturbs both alike (two identical servers measured one after the other
 * differ by more than what people want to know).
 *
 * Pairs come in cycles: a cart is made on both sides, a line is added to a cart that both have, a
 * cart that both have is read. Each client does one operation at a time, over a kept connection to
 * each side. Cycle n belongs to block n / pairs. A pair counts for the times when both sides
 * succeeded; every operation counts for the success rates. Each get is compared with what the side
 * has acknowledged (history.h), and in the end a sample of the carts is read back on both sides.
 *
 * Before each block all clients rest. Whoever uses the processors then is no part of the
 * measurement. Then each side alone is asked for some carts that it has, after another rest: what a
 * side takes longer right after the other's answer is carry-over.
 */
#ifndef BENCH_H2H_H2H_H
#define BENCH_H2H_H2H_H

#include "bench/h2h/open.h"
#include "bench/load/busy.h"
#include "bench/result/session.h"
#include "bench/result/tally.h"
#include "bench/stats/hdr.h"
#include "bench/stats/rng.h"
#include "bench/target/drive.h"

#define H2H_CLIENTS_MAX 64
/* A side counts as gone after so many pairs in a row, or so many seconds, without a success. */
#define H2H_GONE_PAIRS 20
#define H2H_GONE_S     5
#define H2H_REST_MS    25 /* twice a block */
#define H2H_ALONE      20 /* gets of each side alone, in each block */
#define H2H_ALONE_WARM 5  /* of these that do not count */

/* H2H_OPEN: of all of these together, in the open loop after the pairs. */
enum h2h_operation { H2H_CREATE, H2H_ADD, H2H_GET, H2H_OPERATIONS, H2H_OPEN = H2H_OPERATIONS };

enum bench_op_type h2h_op_type(enum h2h_operation operation);
/* "create", "add", "get", "open loop". */
const char *h2h_operation_name(enum h2h_operation operation);

struct h2h_config {
	int64_t blocks;
	int64_t pairs;	   /* a block, of each operation */
	int64_t warmup_ms; /* cycles that begin within it belong to no block */
	int64_t clients;   /* 1 ... H2H_CLIENTS_MAX */
	int64_t most_ms;   /* no further block begins after so long; 0: no limit */
	uint64_t seed;
	enum bench_read read; /* of gets */
	/* Makes each operation of B take this share longer, by waiting: a known difference, to
	 * prove that it is found. 0: none. */
	double slow_b;
	struct h2h_open_config open; /* after the pairs */
};

struct h2h_cell {
	struct tally arms[H2H_SIDES]; /* warm-up not counted */
	/* [cycle], also of unfinished blocks: done - sent; 0: the pair does not count. */
	int64_t *ns[H2H_SIDES];
	unsigned char *first; /* [cycle]: the side that was asked first */
};

/* One second of the run, all operations together, for the chart over time. */
struct h2h_second {
	struct bench_hdr *service[H2H_SIDES]; /* NULL: nothing */
};
#define H2H_SECONDS_MAX 3600

struct h2h {
	struct h2h_config config;
	struct bench_drive *drives[H2H_SIDES];
	struct h2h_cell cells[H2H_OPERATIONS];
	int64_t *block_cycles;	   /* [block]: cycles finished */
	int64_t *alone[H2H_SIDES]; /* [block * H2H_ALONE]: as ns, of a get of a side alone */
	struct busy busy;	   /* of the pairs */
	int64_t blocks_done;	   /* whole ones, from the first */
	int64_t warmup_cycles;
	struct h2h_second seconds[H2H_SECONDS_MAX];
	struct h2h_open open;
	struct ledger_check read_back[H2H_SIDES]; /* of a run cut short: only of its gets */
	int64_t began_ns;			  /* of the first block; 0: warming up */
	int64_t took_ns;
	int gone; /* the side, or -1 */
	char gone_error[BENCH_OP_ERROR_MAX + 16];
	bool interrupted;
};

/* What became of an operation on a side. */
const struct tally *h2h_tally(const struct h2h *h2h, enum h2h_operation operation, int side);
/* False: what a side says of its own time is not to be believed; why says of what. */
CART_MUST_CHECK bool h2h_times_hold(const struct h2h *h2h, int side, char why[TALLY_WHY]);
/* Copies config. Aborts without memory. The drives stay the caller's. */
void h2h_init(struct h2h *h2h, const struct h2h_config *config,
	      struct bench_drive *const drives[H2H_SIDES]);
void h2h_free(struct h2h *h2h);

/*
 * Measures, until all blocks are done, the time is over, a side is gone, or bench_interrupted().
 * progress (may be NULL) is shown some times a second, after what is being done, if doing is not
 * NULL. -1: error says what kept it from beginning.
 */
CART_MUST_CHECK int h2h_run(struct h2h *h2h, struct bench_progress *progress, const char *doing,
			    struct cart_error *error);

/* True: too much else ran on this machine to measure on it; why says what. */
CART_MUST_CHECK bool h2h_is_disturbed(const struct h2h *h2h, char *why, size_t room);

/* The options of modes that measure in pairs. */
#define H2H_TAKES "blocks", "pairs", "warmup", "clients=1", "rate", "no-open", "busy"

/* Takes the options of H2H_TAKES, --duration, --for and --seed. False: refused, with a message. */
CART_MUST_CHECK bool h2h_setup(struct h2h_config *config, const struct bench_session *session);

/* So many pairs must be in a block, so that ten of them lie beyond the quantile. */
int64_t h2h_pairs_for(double quantile);

#endif
