/* What was read back after a measurement (bench/target/ledger.h), in its document and its tables.
 */
#ifndef BENCH_RESULT_READ_BACK_H
#define BENCH_RESULT_READ_BACK_H

#include "bench/cli/mode.h"
#include "bench/result/table.h"
#include "bench/target/ledger.h"

/* Of "read_back", which has an entry a side. */
extern const struct table_column read_back_columns[];

json_t *read_back_json(const struct ledger_check *check);
/* What a document's "read_back" says is not held, in words, by the sides' names: a document that
 * was archived is judged as the one that was just made. False: nothing is wrong. */
CART_MUST_CHECK bool read_back_is_wrong(const json_t *result, char *why, size_t room);
/* The exit status that this asks for; marks the result as invalid where too little is known. */
enum bench_exit read_back_judge(json_t *result, const char *name, const struct ledger_check *check);

#endif
