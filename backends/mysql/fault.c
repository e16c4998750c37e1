#include "backends/mysql/fault.h"

const char *sql_fault_name(enum sql_fault fault)
{
	static const char *const names[SQL_FAULTS] = {
		[SQL_FAULT_NONE] = "none",	   [SQL_FAULT_DEADLOCK] = "deadlock",
		[SQL_FAULT_LOCK] = "lock_timeout", [SQL_FAULT_DUPLICATE] = "duplicate",
		[SQL_FAULT_LOST] = "connection",   [SQL_FAULT_HOST] = "read_only",
		[SQL_FAULT_BUSY] = "busy",	   [SQL_FAULT_REFUSED] = "refused",
		[SQL_FAULT_OTHER] = "other",
	};

	return names[fault];
}

/*
 * Numbers of MySQL's and MariaDB's error message references; the client library's own begin at
 * 2000.
 */
enum sql_fault sql_fault_of(unsigned error)
{
	switch (error) {
	case 0:
		return SQL_FAULT_NONE;
	case 1213: /* ER_LOCK_DEADLOCK; Galera says it at COMMIT when certification fails */
	case 1020: /* ER_CHECKREAD: MariaDB's innodb_snapshot_isolation */
	case 1412: /* ER_TABLE_DEF_CHANGED: an online upgrade of the schema */
	case 1614: /* ER_XA_RBDEADLOCK */
	case 3101: /* ER_TRANSACTION_ROLLBACK_DURING_COMMIT: group replication's certification */
	case 8022: /* TiDB: the commit failed and can be retried */
	case 9007: /* TiDB: write conflict */
		return SQL_FAULT_DEADLOCK;
	case 1205: /* ER_LOCK_WAIT_TIMEOUT */
	case 3572: /* ER_LOCK_NOWAIT */
		return SQL_FAULT_LOCK;
	case 1062: /* ER_DUP_ENTRY */
	case 1586: /* ER_DUP_ENTRY_WITH_KEY_NAME */
	case 1452: /* ER_NO_REFERENCED_ROW_2: the cart went */
		return SQL_FAULT_DUPLICATE;
	case 1242: /* ER_SUBQUERY_NO_1_ROW: an assertion of ours failed */
		return SQL_FAULT_REFUSED;
	case 1053: /* ER_SERVER_SHUTDOWN */
	case 1079: /* ER_SHUTDOWN_COMPLETE */
	case 1152: /* ER_ABORTING_CONNECTION */
	case 1156: /* ER_NET_PACKETS_OUT_OF_ORDER */
	case 1158: /* ER_NET_READ_ERROR ... */
	case 1159:
	case 1160:
	case 1161: /* ... ER_NET_WRITE_INTERRUPTED */
	case 1184: /* ER_NEW_ABORTING_CONNECTION */
	case 1927: /* ER_CONNECTION_KILLED (MariaDB) */
	case 3159: /* ER_SECURE_TRANSPORT_REQUIRED */
	case 3169: /* ER_SESSION_WAS_KILLED (MySQL) */
	case 4031: /* ER_CLIENT_INTERACTION_TIMEOUT (MySQL) */
		return SQL_FAULT_LOST;
	case 1047: /* ER_UNKNOWN_COM_ERROR: Galera without a quorum */
	case 1290: /* ER_OPTION_PREVENTS_STATEMENT: read_only */
	case 1792: /* ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION */
	case 1836: /* ER_READ_ONLY_MODE */
	case 3100: /* ER_RUN_HOOK_ERROR: group replication, not a writer */
		return SQL_FAULT_HOST;
	case 1021: /* ER_DISK_FULL */
	case 1026: /* ER_ERROR_ON_WRITE */
	case 1030: /* ER_GET_ERRNO: the storage engine's own, such as ENOSPC */
	case 1037: /* ER_OUTOFMEMORY */
	case 1038: /* ER_OUT_OF_SORTMEMORY */
	case 1040: /* ER_CON_COUNT_ERROR */
	case 1041: /* ER_OUT_OF_RESOURCES */
	case 1114: /* ER_RECORD_FILE_FULL */
	case 1203: /* ER_TOO_MANY_USER_CONNECTIONS */
	case 1206: /* ER_LOCK_TABLE_FULL */
	case 1226: /* ER_USER_LIMIT_REACHED */
	case 1317: /* ER_QUERY_INTERRUPTED */
	case 1637: /* ER_TOO_MANY_CONCURRENT_TRXS */
	case 1969: /* ER_STATEMENT_TIMEOUT (MariaDB) */
	case 3024: /* ER_QUERY_TIMEOUT (MySQL) */
		return SQL_FAULT_BUSY;
	default:
		return error >= 2000 && error < 3000 ? SQL_FAULT_LOST : SQL_FAULT_OTHER;
	}
}
