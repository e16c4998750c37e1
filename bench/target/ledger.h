/*
 * What a target has acknowledged about a sample of its carts, to be read back after a measurement:
 * who does not store is fast.
 *
 * A cart is in the sample when a hash of its id is below a threshold, which is halved whenever too
 * many are (distinct sampling: Gibbons 2001, VLDB, 3). So the chance does not depend on when a cart
 * was made, threads can have ledgers of their own, and a target cannot know which are read. A cart
 * with lines has 16 times the chance of one without: there is more in it that can be lost.
 *
 * There is room for so many that a target that loses one change in a thousand is found: of n
 * changes in the sample all are there with a chance of 0.999^n, which is below 1 % from 4,600 on.
 */
#ifndef BENCH_TARGET_LEDGER_H
#define BENCH_TARGET_LEDGER_H

#include "bench/target/drive.h"

#define LEDGER_ROOM   6000 /* carts that are read back at most; at least half as many, or all */
#define LEDGER_MIN    100  /* of as many it must be known, or of all */
#define LEDGER_TEXT   120
#define LEDGER_LINKS  32
#define LEDGER_LAST_S 10

struct ledger;

/* Ledgers of one seed have the same sample. Aborts without memory, as all of these. */
struct ledger *ledger_new(uint64_t seed);
/* Accepts NULL; sets it. */
void ledger_free(struct ledger **ledger);
/* Notes an operation of any type that is done. */
void ledger_note(struct ledger *ledger, const struct bench_op *op);
/* Adds what another one of the same target noted. Only adds and sets may have gone to one cart from
 * several. */
void ledger_merge(struct ledger *ledger, const struct ledger *from);

struct ledger_check {
	bool made;
	size_t carts;		   /* of the sample */
	size_t changes;		   /* of their lines that were acknowledged */
	size_t wrong;		   /* without what was acknowledged, or with more */
	size_t unread;		   /* no answer, or an error, several times */
	size_t left;		   /* of the sample too, but the reading ended before */
	char example[LEDGER_TEXT]; /* of a wrong one; or "" */
	/* Of the gets during the measurement, where they are compared (bench/h2h/history.h). */
	size_t gets;
	size_t gets_wrong; /* showed what they must not */
	size_t gets_stale; /* showed what had been, but was not any more */
	char gets_example[LEDGER_TEXT];
};

/*
 * Reads the sample back, by strong reads: each line that was acknowledged must be there with its
 * quantity, and nothing else. What is unknown of an operation without an answer may be there. A
 * line that was set may have any quantity, because the order of several clients is not known.
 * Nobody else may use these carts. LEDGER_LINKS clients read them in the order of their hashes;
 * what is left after LEDGER_LAST_S is not read, and counted apart. -1: error says why the target
 * cannot be asked.
 */
CART_MUST_CHECK int ledger_read_back(struct ledger_check *check, const struct ledger *ledger,
				     struct bench_drive *drive, struct cart_error *error);
/* True: what the target called name does not hold, in words. */
CART_MUST_CHECK bool ledger_check_is_wrong(const struct ledger_check *check, const char *name,
					   char *why, size_t room);
/* False: too few could be read to know. */
CART_MUST_CHECK bool ledger_check_is_enough(const struct ledger_check *check);

#endif
