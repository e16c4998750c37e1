/* What an error of the server, or of the way to it, means for the operations under way. */
#ifndef BACKENDS_MYSQL_FAULT_H
#define BACKENDS_MYSQL_FAULT_H

/* Why operations were tried again; labels of cart_mysql_retries_total. */
enum sql_fault {
	SQL_FAULT_NONE,
	SQL_FAULT_DEADLOCK,  /* 1213 and kin: rolled back by the server, try again */
	SQL_FAULT_LOCK,	     /* 1205: waited for a row in vain; roll back, try again */
	SQL_FAULT_DUPLICATE, /* 1062, 1452: somebody was quicker; look again */
	SQL_FAULT_LOST,	     /* the connection is gone: what was sent may have been done */
	SQL_FAULT_HOST,	     /* refused: this host is not for writing, or not now */
	SQL_FAULT_BUSY,	     /* refused: no room, no memory, killed; nothing was done */
	SQL_FAULT_OTHER,     /* a defect, ours or the server's */
	SQL_FAULTS
};

/* "deadlock", "lock_timeout", ...: for labels. */
const char *sql_fault_name(enum sql_fault fault);

/* From mysql_errno(). */
enum sql_fault sql_fault_of(unsigned error);

#endif
