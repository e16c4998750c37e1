#include "backends/mysql/fault.h"

#include <stddef.h>
#include <string.h>

const char *sql_fault_name(enum sql_fault fault)
{
	static const char *const names[SQL_FAULTS] = {
		[SQL_FAULT_NONE] = "none",
		[SQL_FAULT_DEADLOCK] = "deadlock",
		[SQL_FAULT_LOCK] = "lock_timeout",
		[SQL_FAULT_DUPLICATE] = "duplicate",
		[SQL_FAULT_LOST] = "connection",
		[SQL_FAULT_HOST] = "read_only",
		[SQL_FAULT_BUSY] = "busy",
		[SQL_FAULT_REFUSED] = "refused",
		[SQL_FAULT_INTERRUPTED] = "interrupted",
		[SQL_FAULT_OTHER] = "other",
	};

	return names[fault];
}

/* By the class or the whole of a SQLSTATE; the first that fits. HY000 says nothing. */
static enum sql_fault fault_of_state(const char *state)
{
	static const struct {
		const char *state;
		enum sql_fault fault;
	} states[] = {
		{"08", SQL_FAULT_LOST},		  /* connection exception */
		{"23", SQL_FAULT_DUPLICATE},	  /* integrity constraint violation */
		{"25", SQL_FAULT_HOST},		  /* invalid transaction state: read-only, ... */
		{"40", SQL_FAULT_DEADLOCK},	  /* transaction rollback */
		{"53", SQL_FAULT_BUSY},		  /* insufficient resources */
		{"70100", SQL_FAULT_INTERRUPTED}, /* MySQL's own, of killed queries */
		{"HY001", SQL_FAULT_BUSY},	  /* memory allocation error */
		{"HYT00", SQL_FAULT_LOCK},	  /* timeout expired */
		{"XA1", SQL_FAULT_DEADLOCK},	  /* a branch was rolled back */
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strncmp(state, states[i].state, strlen(states[i].state)) == 0)
			return states[i].fault;
	return SQL_FAULT_OTHER;
}

bool sql_fault_is_of_client(unsigned error)
{
	return (error >= 2000 && error < 3000) || (error >= 5000 && error < 6000);
}

bool sql_fault_is_final(unsigned error, const char *state)
{
	switch (error) {
	case 1130: /* ER_HOST_NOT_PRIVILEGED */
	case 1251: /* ER_NOT_SUPPORTED_AUTH_MODE */
	case 3159: /* ER_SECURE_TRANSPORT_REQUIRED */
	case 2026: /* CR_SSL_CONNECTION_ERROR: a certificate, ours or the server's */
	case 2059: /* CR_AUTH_PLUGIN_CANNOT_LOAD */
	case 2061: /* CR_AUTH_PLUGIN_ERR */
	case 5010: /* CR_PLUGIN_NOT_ALLOWED */
		return true;
	default:
		/* Invalid authorization; access rule violation, no such database. */
		return !sql_fault_is_of_client(error) &&
		       (strncmp(state, "28", 2) == 0 || strncmp(state, "42", 2) == 0);
	}
}

/* Numbers of MySQL's and MariaDB's error message references. */
enum sql_fault sql_fault_of(unsigned error, const char *state)
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
	case 1317: /* ER_QUERY_INTERRUPTED: KILL QUERY */
	case 1969: /* ER_STATEMENT_TIMEOUT (MariaDB) */
	case 3024: /* ER_QUERY_TIMEOUT (MySQL) */
		return SQL_FAULT_INTERRUPTED;
	case 1048: /* ER_BAD_NULL_ERROR: a row of cart_events would tell of no cart */
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
	case 1105: /* ER_UNKNOWN_ERROR: Vitess, whose database is gone */
	case 1290: /* ER_OPTION_PREVENTS_STATEMENT: read_only */
	case 1665: /* ER_BINLOG_STMT_MODE_AND_ROW_ENGINE: binlog_format=STATEMENT */
	case 1792: /* ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION */
	case 1836: /* ER_READ_ONLY_MODE */
	case 3098: /* ER_BEFORE_DML_VALIDATION_ERROR: group replication */
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
	case 1637: /* ER_TOO_MANY_CONCURRENT_TRXS */
		return SQL_FAULT_BUSY;
	default:
		return sql_fault_is_of_client(error) ? SQL_FAULT_LOST : fault_of_state(state);
	}
}
