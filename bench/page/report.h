/*
 * What `cartbench report` works on: the results files that were read, and the page that is written.
 * mode_report.c reads everything, then calls the sections in the order of the page; each takes from
 * the documents what it shows and writes nothing when there is nothing to show.
 */
#ifndef BENCH_PAGE_REPORT_H
#define BENCH_PAGE_REPORT_H

#include "bench/result/member.h"
#include "bench/result/result.h"
#include "bench/stats/describe.h"
#include "bench/stats/hdr.h"
#include "core/base/buf.h"
#include "core/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define REPORT_SIDES_MAX 8
#define REPORT_SEED_MAX	 16

enum report_kind { REPORT_RUN, REPORT_H2H, REPORT_SWEEP, REPORT_CONSISTENCY, REPORT_KINDS };
#define REPORT_ALL ((1U << REPORT_KINDS) - 1)
extern const char *const report_kind_names[REPORT_KINDS + 1]; /* ends with a NULL */

/* Texts belong to the document; "" where the file says nothing. */
struct report_side {
	const struct report_doc *doc;
	const char *name; /* "A" */
	const char *label;
	const char *about; /* what a stand-in is, where the label does not say so */
	const char *target;
	const char *database;
	const char *server;
	const char *durability;
	bool stand_in; /* a local server in place of DynamoDB */
	const json_t *json;
	const json_t *settings; /* NULL: the file has none */
	size_t style;		/* the same for the same label on the whole page */
};

struct report_doc {
	const char *path; /* the caller's */
	json_t *json;
	enum report_kind kind;
	const json_t *results;
	struct report_side sides[REPORT_SIDES_MAX];
	size_t side_count;
	bool stand_in; /* any side is one */
};

struct report_prices {
	json_t *json; /* the texts' owner */
	const char *as_of;
	const char *currency;
	const char *region;
	const char *capacity;
	const char *source;
	double write_million; /* for a million units */
	double read_million;
	double storage_gb_month;
	const char *instance;
	const char *instance_source;
	double instance_hour;
	double instance_gb; /* of its disk, paid whether it is full or not */
	double instance_gb_month;
	const char *instance_io; /* what of the disk's I/O is in the price, a clause */
	/* Of readers of a stream, and of the archive's files; NAN: the list has none. */
	double stream_read_million;
	const char *files, *files_source;
	double files_gb_month;
	double files_put_million;
	bool overridden; /* some of it by flags */
};

/* One DATABASE_test_results.json of seed150. Milliseconds; rows as in seed_reference_rows. */
struct report_seed {
	char *name;
	size_t tried;
	size_t good;
	struct bench_summary rows[4];
};

struct report {
	struct report_doc *docs;
	size_t doc_count;
	struct report_side **sides; /* of all documents, in order; by report_docs_settle() */
	size_t side_count;
	struct report_prices prices;
	struct layouts *layouts; /* bench/report/layouts.h */
	struct report_seed seed[REPORT_SEED_MAX];
	size_t seed_count;
	json_t *comparison;  /* what ./cart compare says of itself; NULL: nothing */
	char *delays;	     /* ", with the delays of FILE", which all sides have; NULL: none */
	bool other_machines; /* not all documents are from one machine */
	struct buf html;
	struct buf markdown;
	struct buf brief;    /* the first screen for a terminal */
	struct buf contents; /* links to the sections */
	size_t contents_at;  /* where they go */
	size_t next_id;
	bool section_open;
};

/* ---- reading: -1 fills error with one line that does not name the file ---- */

/* Reads a results file and checks that it is one that can be shown. What the sections read by the
 * functions below may still be missing. */
CART_MUST_CHECK int report_doc_read(struct report_doc *doc, const char *path,
				    struct cart_error *error);
void report_doc_free(struct report_doc *doc);
/* Lists all sides, assigns a style to each label, and sets other_machines. */
void report_docs_settle(struct report *report);
/* path NULL: the list that the program carries. */
CART_MUST_CHECK int report_prices_read(struct report_prices *prices, const char *path,
				       struct cart_error *error);
void report_prices_free(struct report_prices *prices);
/* All *_test_results.json of a folder, by name. The error names the file. */
CART_MUST_CHECK int report_seed_read(struct report *report, const char *folder,
				     struct cart_error *error);

/* "A: mysql" in a comparison, "mysql" alone. */
const char *report_side_title(const struct report_doc *doc, size_t side, char *text, size_t size);
/* The side that an entry names by "side", or 0. */
size_t report_side_of(const struct report_doc *doc, const json_t *entry);
/* When it was made: "2026-11-25 21:14:03 UTC", or as the file says. */
const char *report_when(const json_t *json, char text[32]);
/* The path without its folders. */
const char *report_file_name(const char *path);
/* The same of a document, for titles; "" where it is the only one of its kind. */
const char *report_file_of(const struct report *report, const struct report_doc *doc);
/* Whether there is a document of the kind; the first. NULL: none. */
const struct report_doc *report_first(const struct report *report, enum report_kind kind);

/* Warns where the numbers of an invalid document are shown. True: it is invalid. */
bool report_warn_invalid(struct report *report, const struct report_doc *doc);

#endif
