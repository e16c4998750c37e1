/*
 * What a side has acknowledged of each of its carts, and what its gets showed: who answers from an
 * old copy, or with anything, is fast.
 *
 * During the run this is only written down. It is judged at the end, when the outcome of each add
 * is known, also of those that were under way beside a get. Adds are all that changes these carts,
 * and each has a version of its own, so that a version has one right content. A content is kept as
 * a sum over its lines: quantity times a hash of the product.
 */
#ifndef BENCH_H2H_HISTORY_H
#define BENCH_H2H_HISTORY_H

#include "bench/target/ledger.h"

struct history;

/* Room for so many carts, known by their numbers from 0, each empty and of version 1. Aborts
 * without memory, as all of these. */
struct history *history_new(size_t carts);
/* Accepts NULL; sets it. */
void history_free(struct history **history);
/* The newest version of a cart that was acknowledged. */
int64_t history_version(const struct history *history, size_t cart);
/* Notes an add or a get of a cart that is done. before: history_version() when it was submitted. A
 * get has its cart (want_cart). */
void history_note(struct history *history, size_t cart, const struct bench_op *op, int64_t before);
/*
 * Fills in what check says of gets. A get must show a version that was acknowledged with the lines
 * that were acknowledged until then, and none that is older than before; an older one is no more
 * than stale where old ones may be shown. An add that was acknowledged without a version makes all
 * gets of its cart wrong: nobody could compare them. An add without a sure outcome leaves unknown
 * what its cart holds, and its gets are not judged.
 */
void history_judge(struct history *history, bool may_be_old, struct ledger_check *check);

#endif
