/*
 * The results file: what was measured, on which machine, of which sides with which settings. JSON,
 * versioned; schemas/bench-result.schema.json defines it. A document is a json_t that a mode adds
 * its "results" to.
 *
 * The builders never return NULL but for want of memory, and a NULL given to one of jansson's
 * _set_new() is an error there, so that bench_result_write() finds an incomplete document.
 */
#ifndef BENCH_RESULT_RESULT_H
#define BENCH_RESULT_RESULT_H

#include "bench/cli/values.h"
#include "bench/target/drive.h"
#include "core/base/attr.h"
#include "core/base/buf.h"

#include <jansson.h>

#define BENCH_RESULT_FORMAT  "cartbench-result"
#define BENCH_RESULT_VERSION 1

/* kind: "run", "h2h", ... argv[0] is the mode's name. values are prepared. */
json_t *bench_result_new(const char *kind, const struct bench_values *values, int argc,
			 char *const *argv);

/*
 * Adds a side: name is "A" or "B". Its settings are those of --describe NAME=FILE, or of a store in
 * our own process what it runs with; else null, with a warning. Its label is --label NAME=TEXT, or
 * the database's name; of a stand-in it says that it is one, or "about" does, which is what
 * the given label has in brackets. -1: the file cannot be read; error
 * names it.
 */
CART_MUST_CHECK int bench_result_add_side(json_t *result, const char *name,
					  struct bench_drive *drive,
					  const struct bench_values *values,
					  struct cart_error *error);

/* Gives the two sides of a document different labels, by what differs in them: a setting, the
 * revision, the target. */
void bench_result_tell_apart(json_t *result);

CART_PRINTF(2, 3) void bench_result_warn(json_t *result, const char *format, ...);
/* Marks the result as invalid, with the reason in one line; the first reason stays. */
CART_PRINTF(2, 3) void bench_result_invalidate(json_t *result, const char *format, ...);
/* NULL: it is valid. */
const char *bench_result_invalid(const json_t *result);

/* Writes beside the file, to the disk, then renames; into what is there if that is no regular file;
 * "-" is standard output. -1: error names the file and why; what was there before stays. */
CART_MUST_CHECK int bench_result_write_text(const char *path, const char *text, size_t len,
					    struct cart_error *error);
/* The same of a document. */
CART_MUST_CHECK int bench_result_write(const json_t *result, const char *path,
				       struct cart_error *error);
/* As --out, --csv and --json say; rows is the CSV's text, header and all. What cannot be
 * written does not keep the others from it. Standard output is flushed, so that what was printed
 * before into a full disk is noticed too. -1: error says of the first what failed. */
CART_MUST_CHECK int bench_result_deliver(const json_t *result, const struct bench_values *values,
					 const struct buf *rows, struct cart_error *error);
/* NULL: error says what is wrong, and does not name the file. */
CART_MUST_CHECK json_t *bench_json_read(const char *path, struct cart_error *error);
/* Members that it does not know are no error. NULL: error says likewise what is wrong: no result,
 * of another version, of a kind that is not one of kinds (up to a NULL). */
CART_MUST_CHECK json_t *bench_result_read(const char *path, const char *const *kinds,
					  struct cart_error *error);

#endif
