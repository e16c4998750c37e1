/* What an error of the server or the client library means for the operations that were sent. */
#ifndef BACKENDS_MYSQL_FAULT_H
#define BACKENDS_MYSQL_FAULT_H

#include <stdbool.h>

/* Why operations were tried again; labels of cart_mysql_retries_total. */
enum sql_fault {
	SQL_FAULT_NONE,
	SQL_FAULT_DEADLOCK,  /* 1213 and kin: rolled back by the server, try again */
	SQL_FAULT_LOCK,	     /* 1205: a row's lock was not granted in time; roll back, try again */
	SQL_FAULT_DUPLICATE, /* 1062, 1452: another transaction was first; look again */
	SQL_FAULT_REFUSED,   /* 1242, 1048: an assertion of a batch failed; see write.h */
	SQL_FAULT_LOST,	     /* the connection broke: what was sent may have been done */
	SQL_FAULT_HOST,	     /* refused: this host accepts no writes now */
	SQL_FAULT_INTERRUPTED, /* 1317 and kin: the statement was ended; roll back, try again */
	SQL_FAULT_BUSY,	       /* refused: no room, no memory; nothing was done */
	SQL_FAULT_OTHER,       /* refused, for a reason that is not known here */
	SQL_FAULTS
};

/* "deadlock", "lock_timeout", ...: for labels. */
const char *sql_fault_name(enum sql_fault fault);

/* From mysql_errno() and mysql_sqlstate(). A number that is not listed is classed by its SQLSTATE.
 */
enum sql_fault sql_fault_of(unsigned error, const char *state);

/* True: the client library's own error: no answer was read, and the server may have gone on. */
bool sql_fault_is_of_client(unsigned error);

/* True: this error at connecting stays until a person has changed something: the account, the
 * database, a certificate, a setting. */
bool sql_fault_is_final(unsigned error, const char *state);

#endif
