/*
 * What an operation takes in each layout of DynamoDB, on MySQL and on SQLite, on carts of several
 * sizes. DynamoDB's is computed by its rules (core/cart_bill.h); of the others it is what
 * bench/perf/run-layouts has counted, in bench/report/work.json. All are of default settings, so
 * that it is the same in every report but for the prices.
 */
#ifndef BENCH_REPORT_LAYOUTS_H
#define BENCH_REPORT_LAYOUTS_H

#include "bench/page/report.h"
#include "core/cart_bill.h"

/* The sizes that are searched for crossings: limits.lines is 200 by default. */
#define LAYOUTS_LINES_MAX 200
#define LAYOUTS_SIZES	  5
extern const size_t layouts_sizes[LAYOUTS_SIZES];
/* Bytes of each line's attributes, for which crossings are shown besides. */
#define LAYOUTS_ATTRIBUTES 100

enum layouts_store {
	LAYOUTS_MAP,
	LAYOUTS_LIST,
	LAYOUTS_ROWS,
	LAYOUTS_MYSQL,
	LAYOUTS_SQLITE,
	LAYOUTS_STORES
};
#define LAYOUTS_BILLED LAYOUTS_MYSQL /* those before it are paid by the request */
extern const char *const layouts_stores[LAYOUTS_STORES];

struct layouts_operation {
	const char *name;  /* as in files */
	const char *title; /* as people read it */
	enum cart_bill_operation bill;
};
#define LAYOUTS_OPERATIONS 10
extern const struct layouts_operation layouts_operations[LAYOUTS_OPERATIONS];
enum { LAYOUTS_ADD_LINE = 1, LAYOUTS_ADD = 2, LAYOUTS_SET = 3, LAYOUTS_GET = 5, LAYOUTS_MERGE = 8 };

/* NAN: not known, or there is no such thing. */
struct layouts_cost {
	double calls; /* to the database; in the process of cartd none */
	double statements;
	double read_units, write_units;
	double bytes; /* that a write leaves, and a commit waits for */
	double million;
};

struct layouts;

/* Bills are computed when they are asked for, once: those of large carts take milliseconds. */
struct layouts *layouts_make(const struct report_prices *prices);
void layouts_free(struct layouts *layouts);

/* lines: one of layouts_sizes; of those that are billed 1 ... LAYOUTS_LINES_MAX. */
struct layouts_cost layouts_cost_of(struct layouts *layouts, size_t operation,
				    enum layouts_store store, size_t lines);
/* From how many lines on the operation costs less in rows than in map, up to LAYOUTS_LINES_MAX; 0:
 * it does not. Not for a merge, whose price in rows falls where the lines are packed. */
size_t layouts_crossing(struct layouts *layouts, size_t operation, bool attributes);
/* How many gets an add may have for rows to cost less than map; NAN: rows never does, INFINITY:
 * always. */
double layouts_gets(struct layouts *layouts, size_t lines);
/* Operations a second, day and night, that cost in map what the instance does. */
double layouts_even_per_s(struct layouts *layouts, size_t operation, size_t lines);

/* What was counted, by its members: "feed.50.event_bytes" of a store that is not billed. */
double layouts_counted(const struct layouts *layouts, enum layouts_store store, const char *part,
		       size_t lines, const char *member);
/* "MariaDB 10.11.19", and when: "2026-11-30". */
const char *layouts_server(const struct layouts *layouts, enum layouts_store store);
const char *layouts_counted_at(const struct layouts *layouts);

/* A cart in the archive. */
struct layouts_archive {
	double packed_bytes, text_bytes; /* in a file */
	double units_million;		 /* price of a million scans and removals, in map */
	double stored_month;		 /* of a million in the table, its indexes included */
	double files_month;		 /* of a million in S3 */
	double months;			 /* until it has paid; NAN: it does not */
};
struct layouts_archive layouts_archive_of(struct layouts *layouts, size_t lines);

/* Whether a document compares a database that is among the stores. */
bool layouts_concern(const struct report_doc *doc);

/* The heads of a table's columns behind its first, a size each. */
#define LAYOUTS_HEADS "r 1 line|r 5 lines|r 20 lines|r 50 lines|r 200 lines"

/* As JSON, the caller's; and the rows of it as CSV. */
json_t *layouts_json(struct layouts *layouts);
void layouts_csv(struct buf *out, struct layouts *layouts);

#endif
