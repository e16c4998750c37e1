/* What is asked of the table, and what provisioning it came to. */
#ifndef BACKENDS_DYNAMODB_TABLE_TYPES_H
#define BACKENDS_DYNAMODB_TABLE_TYPES_H

#include <stdbool.h>

struct ddb_table_config {
	const char *name;
	bool rows;	  /* dynamodb.layout: it has a sort key, and needs transactions */
	bool project_all; /* dynamodb.projection; for indexes that are created */
	bool stream;	  /* feed=on: its stream is read */
	bool point_in_time_recovery;
	bool deletion_protection;
	const char *const *tags; /* "KEY=VALUE", NULL after the last; NULL: none */
	const char *kms_key;	 /* NULL or "": AWS's own */
	bool strict;		 /* a feature that cannot be had is an error; else a warning */
};

enum ddb_table_state {
	DDB_TABLE_READY,     /* ACTIVE, or UPDATING, in which all calls are served */
	DDB_TABLE_UNREACHED, /* no answer, or too busy: a later attempt may succeed */
	DDB_TABLE_REFUSED    /* error says what is wrong; a person has to act */
};

#endif
