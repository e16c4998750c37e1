/* What an error of the server or the client library means for the operations that were sent. */
#ifndef BACKENDS_MYSQL_FAULT_H
#define BACKENDS_MYSQL_FAULT_H

/* Why operations were tried again; labels of cart_mysql_retries_total. */
enum sql_fault {
	SQL_FAULT_NONE,
	SQL_FAULT_DEADLOCK,  /* 1213 and kin: rolled back by the server, try again */
	SQL_FAULT_LOCK,	     /* 1205: a row's lock was not granted in time; roll back, try again */
	SQL_FAULT_DUPLICATE, /* 1062, 1452: another transaction was first; look again */
	SQL_FAULT_REFUSED,   /* 1242: an assertion of a batch failed; see write.h */
	SQL_FAULT_LOST,	     /* the connection broke: what was sent may have been done */
	SQL_FAULT_HOST,	     /* refused: this host accepts no writes now */
	SQL_FAULT_BUSY,	     /* refused: no room, no memory, killed; nothing was done */
	SQL_FAULT_OTHER,     /* a defect, ours or the server's */
	SQL_FAULTS
};

/* "deadlock", "lock_timeout", ...: for labels. */
const char *sql_fault_name(enum sql_fault fault);

/* From mysql_errno(). */
enum sql_fault sql_fault_of(unsigned error);

#endif
