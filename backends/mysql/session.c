/*
 * The happy path: connect, read the server's greeting, log in, ask for the session's variables, and
 * set those that differ from what the backend needs. Where it is not known that the host accepts
 * changes, a change of no row shows it. Non-blocking calls with poll(2) between them, because the
 * library's own timeouts count whole seconds, for each step anew, and cannot be interrupted.
 *
 * The ways in which it fails: the time is up or we are to stop, and the call under way is resumed
 * with a timeout and ends; the server does not encrypt although mysql.tls asks for it, and gets no
 * login; it refuses the login or a variable; it is read-only, refuses changes, or is a Galera node
 * that is not in the primary component.
 *
 * A session that writes has a mark: it holds a named lock of a random name. By the name, another
 * connection finds the session's id, and nothing else: the lock ends with the session, so an id
 * that was given anew after a restart of the server does not have it, and another server neither.
 * So sessions of lost connections are ended by KILL, but only while they are idle: what a KILL does
 * to a COMMIT that waits for replicas depends on the server. Nothing is marked and nothing ended
 * where a proxy numbers the sessions itself: there, KILL may mean somebody else's.
 */
#include "backends/mysql/session.h"

#include "backends/mysql/fault.h"
#include "core/base/clock.h"

#include <errno.h>
#include <errmsg.h>
#include <fcntl.h>
#include <mysqld_error.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* The library runs non-blocking calls on a stack of their own, by default of 60 KB and without a
 * guard page; resolver and TLS run on it too. Pages that are not used cost nothing. */
#define SESSION_STACK_BYTES ((size_t)512 << 10)

/* MySQL's number, which MariaDB uses as well and has no name for. */
#define SESSION_ER_SECURE_TRANSPORT_REQUIRED 3159

#define SESSION_SAFE_LOGINS                                                                        \
	"mysql_native_password,caching_sha2_password,sha256_password,client_ed25519,parsec"

/* The server's greeting: a header, the protocol's version, the server's, and after these ... */
#define SESSION_GREETING_HEAD	      5
#define SESSION_GREETING_CAPABILITIES 13 /* ... connection's id and scramble: what it can do */
#define SESSION_GREETING_MAX	      256
#define SESSION_CAN_TLS		      0x0800
#define SESSION_PROTOCOL	      10

#define SESSION_TIME "SELECT 'utc_us', " SQL_CLOCK_US

/* A batch of adds to large carts, and a page of carts, must fit into a packet. */
#define SESSION_PACKET_MIN (1 << 20)

/*
 * A session takes over the server's global settings, and what its init_connect sets. These change
 * what a statement of ours answers, when it commits or whether it is ended, so every session has
 * the same. The names are MariaDB's and MySQL's. A variable that the server does not know, or that
 * has the value already, is not set: proxies know fewer than servers do, and some need a privilege.
 */
#define SESSION_PIN(name, value, why)                                                              \
	{                                                                                          \
		SQL_LITERAL(name), SQL_LITERAL(value), false, false                                \
	}
/* One that VTGate, Vitess's proxy, refuses to set, although it shows its MySQL's value. */
#define SESSION_PIN_NOT_VTGATE(name, value, why)                                                   \
	{                                                                                          \
		SQL_LITERAL(name), SQL_LITERAL(value), true, false                                 \
	}
/* One that matters only where events are written, and comes after the other one of its name. */
#define SESSION_PIN_FEED(name, value, why)                                                         \
	{                                                                                          \
		SQL_LITERAL(name), SQL_LITERAL(value), true, true                                  \
	}

static const struct session_pin {
	struct sql_literal name;
	struct sql_literal value; /* as the server shows it; strings in quotes */
	bool not_vtgate;
	bool feed;
} session_pins[] = {
	/* When a change is committed. */
	SESSION_PIN("autocommit", "ON", "a create that is alone has no COMMIT"),
	SESSION_PIN("completion_type", "NO_CHAIN",
		    "COMMIT neither begins a transaction nor disconnects"),
	SESSION_PIN_NOT_VTGATE("sql_log_bin", "ON", "replicas get the changes"),
	/* What other transactions show, and whether ours may write. */
	SESSION_PIN("tx_isolation", "'READ-COMMITTED'",
		    "no locks on gaps; MySQL 8 lacks this name"),
	SESSION_PIN("transaction_isolation", "'READ-COMMITTED'",
		    "MariaDB before 11.1 lacks this name"),
	SESSION_PIN("tx_read_only", "OFF", "transactions write"),
	SESSION_PIN("transaction_read_only", "OFF", "the same in MySQL 8"),
	SESSION_PIN("innodb_snapshot_isolation", "OFF", "rows that changed meanwhile are no error"),
	SESSION_PIN("wsrep_dirty_reads", "OFF",
		    "a Galera node without quorum answers with old carts"),
	SESSION_PIN_NOT_VTGATE("use_secondary_engine", "OFF", "a secondary engine lags behind"),
	SESSION_PIN("system_versioning_asof", "DEFAULT",
		    "rows of now, whatever an operator looks at"),
	/* Which rows a statement returns or changes, and in which order. */
	SESSION_PIN("sql_safe_updates", "OFF",
		    "sweeping deletes by a join without a key of its own"),
	SESSION_PIN("max_sort_length", "1024", "ids are sorted by all of their bytes"),
	SESSION_PIN("join_cache_level", "2", "MariaDB: lines come in the order of their carts"),
	SESSION_PIN("sql_auto_is_null", "OFF", "IS NULL finds NULL alone"),
	/* What values become. */
	SESSION_PIN("sql_mode", "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
		    "a value that does not fit is an error, and our SQL is read as it was written"),
	SESSION_PIN("old", "OFF", "MariaDB: index hints and the like as in old versions"),
	SESSION_PIN("old_mode", "''", "MariaDB: the same by name"),
	SESSION_PIN("div_precision_increment", "4", "digits of a quotient"),
	SESSION_PIN("group_concat_max_len", "1048576", "texts that are gathered are not cut"),
	SESSION_PIN_FEED("group_concat_max_len", "8388608", "nor the carts of an event"),
	SESSION_PIN_FEED("auto_increment_increment", "1", "the numbers of events have no gaps"),
	SESSION_PIN_FEED("auto_increment_offset", "1", "the same"),
	SESSION_PIN_FEED("eq_range_index_dive_limit", "1",
			 "the lines of an event's carts are not looked for twice"),
	SESSION_PIN("time_zone", "'+00:00'", "times are UTC"),
	/* What is checked. */
	SESSION_PIN("foreign_key_checks", "ON", "a line has a cart"),
	SESSION_PIN("unique_checks", "ON", "a key is stored once"),
	/* What ends a statement or a session early. */
	SESSION_PIN("range_optimizer_max_mem_size", "8388608",
		    "MySQL: or IN (...) walks the table"),
	SESSION_PIN("in_predicate_conversion_threshold", "1000",
		    "MariaDB: or IN (...) becomes a join"),
	SESSION_PIN("wait_timeout", "28800",
		    "an idle connection is not closed while it is being used"),
	SESSION_PIN("net_read_timeout", "30", "nor one that sends a large text"),
	SESSION_PIN("net_write_timeout", "60", "nor one that is slow to take a large answer"),
};

#define SESSION_MARK "CONCAT('cart.session.', "

#define SESSION_PINS (sizeof(session_pins) / sizeof(session_pins[0]))

struct session {
	MYSQL *mysql;
	const struct sql_session_plan *plan;
	int64_t end_ns;
	bool connected; /* and logged in */
	bool no_tls;	/* the server offers no encryption, and mysql.tls asks for it */
};

/* What the answers tell of the host. */
struct session_facts {
	bool differs[SESSION_PINS]; /* the server knows the variable, with another value */
	bool batched_key_access;    /* MySQL: lines would not come in the order of their carts */
	bool small_packets;
	bool read_only;
	bool wsrep_on;
	bool wsrep_provider;
	bool wsrep_ready;
	bool wsrep_primary;
	int64_t leftover; /* a session's id; 0: it is not idle; -1: there is none */
	struct clock_reading *clock;
	struct sql_durability durability;
};

static int64_t session_left_ms(const struct session *s)
{
	int64_t left_ns = s->end_ns - clock_monotonic_ns(&cart_clock_system);

	return left_ns > 0 ? (left_ns + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS : 0;
}

/* Returns the events that have come; 0: none yet; -1: the time is up, or we are to stop. */
static int session_poll(const struct session *s, short events)
{
	struct pollfd fds[2] = {{.fd = mysql_get_socket(s->mysql), .events = events},
				{.fd = s->plan->stop_fd, .events = POLLIN}};
	int64_t left_ms = session_left_ms(s);

	if (left_ms == 0)
		return -1;
	if (poll(fds, 2, (int)left_ms) < 0)
		return errno == EINTR ? 0 : -1;
	return fds[1].revents != 0 || fds[0].revents == 0 ? -1 : fds[0].revents;
}

/* What a greeting says: 1: the server encrypts; 0: it does not; -1: that is not known yet. A
 * refusal in its place, or another protocol, is for the library to explain. */
static int session_greeting(const unsigned char *greeting, size_t len)
{
	const unsigned char *end;
	size_t at;

	if (len < SESSION_GREETING_HEAD)
		return -1;
	if (greeting[SESSION_GREETING_HEAD - 1] != SESSION_PROTOCOL)
		return 1;
	end = memchr(greeting + SESSION_GREETING_HEAD, 0, len - SESSION_GREETING_HEAD);
	if (end == NULL)
		return len < SESSION_GREETING_MAX ? -1 : 0;
	at = (size_t)(end + 1 - greeting) + SESSION_GREETING_CAPABILITIES;
	if (len < at + 2)
		return len < SESSION_GREETING_MAX ? -1 : 0;
	return ((greeting[at] | greeting[at + 1] << 8) & SESSION_CAN_TLS) != 0;
}

/*
 * Asked to enforce encryption, the library still logs in to a server that offers none, and where it
 * is asked for a password by caching_sha2_password sends it in the clear. So the greeting is read
 * before the library reads it, and leaves it where it is. False: the time is up.
 */
static bool session_greet(struct session *s)
{
	unsigned char greeting[SESSION_GREETING_MAX];
	int tls = -1;

	while (tls < 0) {
		int events = session_poll(s, POLLIN);
		ssize_t len;

		if (events < 0)
			return false;
		len = recv(mysql_get_socket(s->mysql), greeting, sizeof(greeting),
			   MSG_PEEK | MSG_DONTWAIT);
		if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR))
			return true; /* the library fails in the same way */
		tls = session_greeting(greeting, len > 0 ? (size_t)len : 0);
		if (tls < 0)
			poll(NULL, 0, 1); /* the rest of it is on its way */
	}
	s->no_tls = tls == 0;
	return !s->no_tls;
}

/* A Unix socket needs no encryption. */
static bool session_wants_tls(const struct session *s)
{
	return s->plan->options->tls != SQL_TLS_OFF && s->plan->host->host != NULL;
}

/* Waits for what a suspended call waits for. Returns what has come, for its _cont(). */
static int session_wait(struct session *s, int wanted)
{
	short events = (short)(((wanted & MYSQL_WAIT_READ) != 0 ? POLLIN : 0) |
			       ((wanted & MYSQL_WAIT_WRITE) != 0 ? POLLOUT : 0) |
			       ((wanted & MYSQL_WAIT_EXCEPT) != 0 ? POLLPRI : 0));
	int got = session_poll(s, events);
	int came = 0;

	if (got > 0 && !s->connected && session_wants_tls(s) && (got & (POLLERR | POLLHUP)) == 0 &&
	    !session_greet(s))
		got = -1;
	if (got < 0) {
		/* Under TLS the library ignores timeouts, but not the end of the stream. */
		mariadb_cancel(s->mysql);
		return MYSQL_WAIT_TIMEOUT;
	}
	if ((got & POLLPRI) != 0)
		came |= MYSQL_WAIT_EXCEPT;
	if ((got & (POLLIN | POLLHUP | POLLERR)) != 0)
		came |= wanted & MYSQL_WAIT_READ;
	if ((got & (POLLOUT | POLLHUP | POLLERR)) != 0)
		came |= wanted & MYSQL_WAIT_WRITE;
	return came;
}

static bool session_connect(struct session *s)
{
	const struct sql_options *options = s->plan->options;
	const struct sql_host *host = s->plan->host;
	MYSQL *result = NULL;
	/* An empty password and none differ: for none the library asks the environment. */
	int wanted = mysql_real_connect_start(&result, s->mysql, host->host, options->user,
					      s->plan->password, options->database, host->port,
					      host->host == NULL ? options->socket : NULL,
					      CLIENT_MULTI_STATEMENTS | CLIENT_FOUND_ROWS);

	while (wanted != 0)
		wanted = mysql_real_connect_cont(&result, s->mysql, session_wait(s, wanted));
	s->connected = result != NULL;
	return s->connected;
}

static bool session_query(struct session *s, const char *sql, size_t len)
{
	int failed = 1;
	int wanted = mysql_real_query_start(&failed, s->mysql, sql, len);

	while (wanted != 0)
		wanted = mysql_real_query_cont(&failed, s->mysql, session_wait(s, wanted));
	return failed == 0;
}

static MYSQL_RES *session_result(struct session *s)
{
	MYSQL_RES *result = NULL;
	int wanted = mysql_store_result_start(&result, s->mysql);

	while (wanted != 0)
		wanted = mysql_store_result_cont(&result, s->mysql, session_wait(s, wanted));
	return result;
}

/* As mysql_next_result(): 0: there is one; -1: there is none; more: it failed. */
static int session_next(struct session *s)
{
	int result = 1;
	int wanted = mysql_next_result_start(&result, s->mysql);

	while (wanted != 0)
		wanted = mysql_next_result_cont(&result, s->mysql, session_wait(s, wanted));
	return result;
}

static bool session_is_on(const char *value)
{
	return value != NULL && *value != '\0' && strcmp(value, "0") != 0 &&
	       strcasecmp(value, "OFF") != 0;
}

static void session_read_clock(struct clock_reading *clock, const char *microseconds)
{
	clock->end_ns = clock_steady_ns(&cart_clock_system);
	clock->from_ms = clock->to_ms = strtoll(microseconds, NULL, 10) / 1000;
}

/* Whether the server shows the value of a pin; a string's without the quotes. */
static bool session_is_pinned(const struct session_pin *pin, const char *value)
{
	bool quoted = pin->value.text[0] == '\'';
	size_t len = pin->value.len - (quoted ? 2 : 0);

	return value != NULL && strlen(value) == len &&
	       strncasecmp(value, pin->value.text + quoted, len) == 0;
}

/* False: the variable is another one. */
static bool session_read_durability(struct sql_durability *durability, const char *name,
				    const char *value)
{
	if (strcasecmp(name, "innodb_flush_log_at_trx_commit") == 0)
		durability->flush_log = value != NULL ? strtoll(value, NULL, 10) : -1;
	else if (strcasecmp(name, "sync_binlog") == 0)
		durability->sync_binlog = value != NULL ? strtoll(value, NULL, 10) : -1;
	else if (strcasecmp(name, "log_bin") == 0)
		durability->log_bin = session_is_on(value);
	else
		return false;
	return true;
}

static void session_fact(struct session_facts *facts, const char *name, const char *value)
{
	bool pinned = false;

	for (size_t i = 0; i < SESSION_PINS; i++) {
		if (strcasecmp(name, session_pins[i].name.text) != 0)
			continue;
		facts->differs[i] = !session_is_pinned(&session_pins[i], value);
		pinned = true;
	}
	if (pinned)
		return;
	if (strcmp(name, "utc_us") == 0 && value != NULL)
		session_read_clock(facts->clock, value);
	else if (strcmp(name, "leftover") == 0)
		facts->leftover = value != NULL ? strtoll(value, NULL, 10) : -1;
	else if (strcmp(name, "mark") == 0)
		return;
	else if (strcasecmp(name, "optimizer_switch") == 0)
		facts->batched_key_access =
			value != NULL && strstr(value, "batched_key_access=on") != NULL;
	else if (strcasecmp(name, "max_allowed_packet") == 0)
		facts->small_packets = value != NULL && atoll(value) < SESSION_PACKET_MIN;
	else if (strcasecmp(name, "wsrep_on") == 0)
		facts->wsrep_on = session_is_on(value);
	else if (strcasecmp(name, "wsrep_provider") == 0)
		facts->wsrep_provider =
			value != NULL && *value != '\0' && strcasecmp(value, "none") != 0;
	else if (strcasecmp(name, "wsrep_ready") == 0)
		facts->wsrep_ready = session_is_on(value);
	else if (strcasecmp(name, "wsrep_cluster_status") == 0)
		facts->wsrep_primary = value != NULL && strcasecmp(value, "Primary") == 0;
	else if (!session_read_durability(&facts->durability, name, value))
		/* The others are kinds of read-only. */
		facts->read_only = facts->read_only || session_is_on(value);
}

/* Sends a text and takes the rows of all its answers as facts. */
static bool session_run(struct session *s, const struct sql_text *text, struct session_facts *facts)
{
	int next = session_query(s, text->buf.data, text->buf.len) ? 0 : 1;

	while (next == 0) {
		MYSQL_RES *result = session_result(s);
		MYSQL_ROW row;

		while (result != NULL && (row = mysql_fetch_row(result)) != NULL)
			session_fact(facts, row[0], row[1]);
		mysql_free_result(result);
		if (result == NULL && mysql_errno(s->mysql) != 0)
			return false;
		next = session_next(s);
	}
	return next < 0;
}

/* The server counts whole seconds, at least one. */
static int64_t session_seconds(int64_t ms)
{
	return ms <= 1000 ? 1 : (ms + 999) / 1000;
}

static bool session_is_galera(const struct session_facts *facts)
{
	return facts->wsrep_on && facts->wsrep_provider;
}

/* A loop's connection is needed by others while a row is locked: it waits as briefly as the server
 * can. MariaDB need not wait at all. */
static int64_t session_row_wait_s(const struct session *s)
{
	if (s->plan->blocking)
		return session_seconds(s->plan->options->lock_timeout_ms);
	return mariadb_connection(s->mysql) ? 0 : 1;
}

/* NULL: the host is what its role asks for. */
static const char *session_unfit(const struct session *s, const struct session_facts *facts)
{
	if (facts->small_packets)
		return "has a max_allowed_packet of less than 1 MB, too small for a batch";
	if (s->plan->role == SQL_WRITER && facts->read_only)
		return "is read-only";
	if (session_is_galera(facts) && !facts->wsrep_primary)
		return "is not in the primary component of its cluster";
	if (session_is_galera(facts) && !facts->wsrep_ready)
		return "is a cluster node that is not ready";
	return NULL;
}

static void session_explain(const struct session *s, unsigned code, struct cart_error *error)
{
	const char *said = mysql_error(s->mysql);

	if (s->no_tls)
		cart_error_set(error,
			       "the server does not encrypt, and mysql.tls asks for it: give the "
			       "server a certificate, or set mysql.tls=off");
	else if (session_left_ms(s) == 0)
		cart_error_set(error, "no answer within %lld ms (mysql.connect_timeout)",
			       (long long)s->plan->options->connect_timeout_ms);
	else if (code == 0)
		cart_error_set(error, "out of memory, or the client library does not say why not");
	else if (code == ER_BAD_DB_ERROR)
		cart_error_set(error,
			       "%s (%u): make it with CREATE DATABASE, then its tables with "
			       "cartctl provision",
			       said, code);
	else if (code == SESSION_ER_SECURE_TRANSPORT_REQUIRED)
		cart_error_set(error, "%s (%u): set mysql.tls to verify, verify_ca or required",
			       said, code);
	else if (code == ER_ACCESS_DENIED_ERROR && s->plan->options->tls == SQL_TLS_OFF &&
		 s->plan->host->host != NULL)
		cart_error_set(error, "%s (%u), or encryption is required: see mysql.tls", said,
			       code);
	else
		cart_error_set(error, "%s (%u)", said, code);
}

static enum sql_outcome session_failed(const struct session *s, struct cart_error *error)
{
	unsigned code = mysql_errno(s->mysql);

	session_explain(s, code, error);
	if (s->no_tls)
		return SQL_OUTCOME_REFUSED;
	switch (code) {
	case ER_CON_COUNT_ERROR:
	case ER_TOO_MANY_USER_CONNECTIONS:
	case ER_USER_LIMIT_REACHED:
		return SQL_OUTCOME_FULL;
	default:
		return sql_fault_is_final(code, mysql_sqlstate(s->mysql)) ? SQL_OUTCOME_REFUSED
									  : SQL_OUTCOME_BAD;
	}
}

/* The first two statements are for what would garble the question, cut its answer or refuse it. Of
 * the comments, MySQL and MariaDB execute one each. VTGate, which says that it is "8.4.6-Vitess",
 * takes a limit of 63 bits, and does not know the timestamp. */
static void session_text_ask(struct sql_text *text, const char *version, bool feed)
{
	bool is_vtgate = strstr(version, "Vitess") != NULL;

	sql_text_reset(text);
	sql_statement(text, SQL_BEGIN, "SET NAMES utf8mb4 COLLATE utf8mb4_bin");
	sql_statement(text, SQL_BEGIN,
		      "SET SESSION sql_select_limit = 9223372036854775807, sql_big_selects = 1");
	if (!is_vtgate)
		sql_add(text, ", timestamp = DEFAULT");
	sql_add(text, " /*!80000 , max_execution_time = 0 */"
		      " /*M!100207 , max_statement_time = 0,"
		      " max_session_mem_used = 9223372036854775807,"
		      " tmp_disk_table_size = 18446744073709551615 */");
	sql_statement(text, SQL_SELECT,
		      "SHOW VARIABLES WHERE Variable_name IN ('max_allowed_packet', 'read_only',"
		      " 'super_read_only', 'innodb_read_only', 'tidb_super_read_only',"
		      " 'tidb_restricted_read_only', 'wsrep_on', 'wsrep_provider',"
		      " 'optimizer_switch', 'innodb_flush_log_at_trx_commit', 'sync_binlog',"
		      " 'log_bin'");
	for (size_t i = 0; i < SESSION_PINS; i++) {
		if ((is_vtgate && session_pins[i].not_vtgate) || (session_pins[i].feed && !feed))
			continue;
		sql_add(text, ",'");
		sql_add_literal(text, &session_pins[i].name);
		sql_add(text, "'");
	}
	sql_add(text, ")");
	sql_statement(text, SQL_SELECT, SESSION_TIME);
}

/* On a node of a Galera cluster, a strong read after another node has become the writer waits for
 * what that one has still to apply. */
static void session_text_set(struct sql_text *text, const struct session *s,
			     const struct session_facts *facts)
{
	int64_t lock_s = session_seconds(s->plan->options->lock_timeout_ms);

	sql_text_reset(text);
	sql_statement(text, SQL_BEGIN, "SET SESSION innodb_lock_wait_timeout = ");
	sql_add_integer(text, session_row_wait_s(s));
	sql_add(text, ", lock_wait_timeout = ");
	sql_add_integer(text, lock_s);
	for (size_t i = 0; i < SESSION_PINS; i++) {
		if (!facts->differs[i] || (session_pins[i].feed && !s->plan->options->feed))
			continue;
		sql_add(text, ", ");
		sql_add_literal(text, &session_pins[i].name);
		sql_add(text, " = ");
		sql_add_literal(text, &session_pins[i].value);
	}
	if (facts->batched_key_access)
		sql_add(text, ", optimizer_switch = 'batched_key_access=off'");
	if (!session_is_galera(facts))
		return;
	sql_add(text, ", wsrep_sync_wait = ");
	sql_add_integer(text, s->plan->role == SQL_READER ? 0 : 1);
	sql_statement(text, SQL_SELECT,
		      "SHOW GLOBAL STATUS WHERE Variable_name IN"
		      " ('wsrep_ready', 'wsrep_cluster_status')");
}

void sql_change_nothing(struct sql_text *text)
{
	sql_statement(text, SQL_CARTS,
		      "UPDATE carts SET op = op WHERE id = x'00000000000000000000000000000000'");
}

/*
 * A server may refuse changes without saying so: by binlog_format, as a secondary of group
 * replication, as a proxy whose database is gone. A change of no row shows it. Other errors, such
 * as that there is no table yet, say nothing of that.
 */
static enum sql_outcome session_try_change(struct session *s, struct sql_text *text,
					   struct cart_error *error)
{
	struct session_facts facts = {0};
	unsigned code;

	sql_text_reset(text);
	sql_change_nothing(text);
	if (text->buf.failed || session_run(s, text, &facts))
		return SQL_OUTCOME_GOOD;
	code = mysql_errno(s->mysql);
	switch (sql_fault_of(code, mysql_sqlstate(s->mysql))) {
	case SQL_FAULT_HOST:
		cart_error_set(error, "accepts no changes: %s (%u)", mysql_error(s->mysql), code);
		return SQL_OUTCOME_READ_ONLY;
	case SQL_FAULT_LOST:
		return session_failed(s, error);
	default:
		return SQL_OUTCOME_GOOD;
	}
}

/* Text that is to be run only if the session's id is the one that the server's greeting had. */
static void session_add_direct(struct sql_text *text, const struct session *s)
{
	sql_add(text, "IF(CONNECTION_ID() = ");
	sql_add_integer(text, (int64_t)mysql_thread_id(s->mysql));
	sql_add(text, ", ");
}

static void session_add_mark(struct sql_text *text, int64_t mark)
{
	sql_add(text, SESSION_MARK);
	sql_add_integer(text, mark);
	sql_add(text, ")");
}

/* Sends a text that the session can do without. False: the connection is lost. */
static bool session_run_optional(struct session *s, const struct sql_text *text,
				 struct session_facts *facts)
{
	return text->buf.failed || session_run(s, text, facts) ||
	       sql_fault_of(mysql_errno(s->mysql), mysql_sqlstate(s->mysql)) != SQL_FAULT_LOST;
}

/* Ends the session of a lost connection. False: this connection is lost too. */
static bool session_end_leftover(struct session *s, struct sql_text *text,
				 struct sql_leftover *leftover)
{
	struct session_facts facts = {.leftover = 0};

	sql_text_reset(text);
	sql_statement(text, SQL_SELECT, "SELECT 'leftover', ");
	session_add_direct(text, s);
	sql_add(text, "(SELECT IF(p.command = 'Sleep', p.id, 0)"
		      " FROM information_schema.processlist p WHERE p.id = IS_USED_LOCK(");
	session_add_mark(text, leftover->mark);
	sql_add(text, ")), NULL)");
	if (!session_run_optional(s, text, &facts))
		return false;
	if (facts.leftover < 0)
		leftover->state = SQL_LEFTOVER_GONE;
	if (facts.leftover <= 0)
		return true;
	sql_text_reset(text);
	sql_statement(text, SQL_ROLLBACK, "KILL CONNECTION ");
	sql_add_integer(text, facts.leftover);
	if (!session_run_optional(s, text, &facts))
		return false;
	leftover->state = SQL_LEFTOVER_ENDED;
	return true;
}

/* Marks the session, and ends those that lost connections have left on the server. Percona XtraDB
 * Cluster forbids named locks. */
static bool session_mark(struct session *s, struct sql_text *text, const struct session_facts *set)
{
	bool is_vtgate = strstr(mysql_get_server_info(s->mysql), "Vitess") != NULL;
	struct session_facts facts = {0};
	bool good;

	if (s->plan->mark == 0 || is_vtgate ||
	    (session_is_galera(set) && !mariadb_connection(s->mysql)))
		return true;
	sql_text_reset(text);
	sql_statement(text, SQL_SELECT, "SELECT 'mark', ");
	session_add_direct(text, s);
	sql_add(text, "GET_LOCK(");
	session_add_mark(text, s->plan->mark);
	sql_add(text, ", 0), 0)");
	good = session_run_optional(s, text, &facts);
	for (size_t i = 0; i < s->plan->leftover_count && good; i++)
		good = session_end_leftover(s, text, &s->plan->leftovers[i]);
	return good;
}

static enum sql_outcome session_set_up(struct session *s, struct sql_text *text,
				       struct cart_error *error)
{
	struct session_facts facts = {.clock = s->plan->clock, .durability = {-1, -1, -1}};
	const char *unfit;

	session_text_ask(text, mysql_get_server_info(s->mysql), s->plan->options->feed);
	facts.clock->begin_ns = clock_steady_ns(&cart_clock_system);
	if (text->buf.failed || !session_run(s, text, &facts))
		return session_failed(s, error);
	if (s->plan->durability != NULL)
		*s->plan->durability = facts.durability;
	session_text_set(text, s, &facts);
	if (text->buf.failed || !session_run(s, text, &facts))
		return session_failed(s, error);
	unfit = session_unfit(s, &facts);
	if (unfit != NULL) {
		cart_error_set(error, "%s", unfit);
		return facts.read_only ? SQL_OUTCOME_READ_ONLY : SQL_OUTCOME_BAD;
	}
	if (!session_mark(s, text, &facts))
		return session_failed(s, error);
	return s->plan->try_change ? session_try_change(s, text, error) : SQL_OUTCOME_GOOD;
}

/*
 * After a TLS handshake the library leaves the socket blocking, and its non-blocking calls block
 * then. On the other hand its blocking calls, on a socket that does not, take a timeout's seconds
 * for milliseconds. Without TLS it does not look at the mode.
 */
static void session_set_blocking(const struct session *s, bool blocking)
{
	int fd = mysql_get_socket(s->mysql);
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

/* What the library sets of this, and what not, has varied with its versions. */
static void session_tune_socket(const struct session *s)
{
	static const int on = 1, idle_s = 30, interval_s = 5, probes = 3;
	const unsigned timeout_ms = (unsigned)s->plan->options->timeout_ms;
	int fd = mysql_get_socket(s->mysql);

	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (s->plan->host->host == NULL)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
}

static void session_tls(MYSQL *mysql, const struct sql_options *options)
{
	my_bool enforce = options->tls != SQL_TLS_OFF;
	/* Where it does not check the name, the library checks the authority if it is given one. */
	my_bool verify = options->tls == SQL_TLS_VERIFY;

	mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &enforce);
	mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
	if (*options->tls_ca != '\0')
		mysql_options(mysql, MYSQL_OPT_SSL_CA, options->tls_ca);
	if (*options->tls_cert != '\0') {
		mysql_options(mysql, MYSQL_OPT_SSL_CERT, options->tls_cert);
		mysql_options(mysql, MYSQL_OPT_SSL_KEY, options->tls_key);
	}
}

static void session_configure(MYSQL *mysql, const struct sql_session_plan *plan)
{
	const struct sql_options *options = plan->options;
	unsigned connect_s = (unsigned)session_seconds(options->connect_timeout_ms);
	unsigned timeout_s = (unsigned)session_seconds(options->timeout_ms);
	/* "localhost" is a name like others, not a socket. */
	unsigned protocol = plan->host->host != NULL ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
	size_t stack = SESSION_STACK_BYTES;
	unsigned off = 0;
	my_bool no = 0;

	mysql_options(mysql, MYSQL_OPT_NONBLOCK, &stack);
	mysql_options(mysql, MYSQL_OPT_PROTOCOL, &protocol);
	mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
	mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &timeout_s);
	mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &timeout_s);
	mysql_options(mysql, MYSQL_OPT_RECONNECT, &no);
	mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &off);
	/* A server, or an impostor, must not be able to ask for the password in clear text. */
	if (options->tls != SQL_TLS_VERIFY && options->tls != SQL_TLS_VERIFY_CA)
		mysql_optionsv(mysql, MARIADB_OPT_RESTRICTED_AUTH, SESSION_SAFE_LOGINS);
	mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	session_tls(mysql, options);
}

static enum sql_outcome session_begin(struct session *s, struct cart_error *error)
{
	struct sql_text text = {0};
	enum sql_outcome outcome;

	if (!session_connect(s))
		return session_failed(s, error);
	session_tune_socket(s);
	session_set_blocking(s, false);
	outcome = session_set_up(s, &text, error);
	sql_text_free(&text);
	if (outcome == SQL_OUTCOME_GOOD && s->plan->blocking)
		session_set_blocking(s, true);
	return outcome;
}

enum sql_outcome sql_session_open(MYSQL **mysql, const struct sql_session_plan *plan,
				  struct cart_error *error)
{
	struct session s = {
		.mysql = mysql_init(NULL),
		.plan = plan,
		.end_ns = clock_monotonic_ns(&cart_clock_system) +
			  plan->options->connect_timeout_ms * CLOCK_NS_PER_MS,
	};
	enum sql_outcome outcome;

	*mysql = NULL;
	if (s.mysql == NULL) {
		cart_error_set(error, "out of memory");
		return SQL_OUTCOME_BAD;
	}
	session_configure(s.mysql, plan);
	outcome = session_begin(&s, error);
	if (outcome == SQL_OUTCOME_GOOD)
		*mysql = s.mysql;
	else
		sql_session_close(s.mysql);
	return outcome;
}

bool sql_session_change(MYSQL *mysql, const struct sql_session_plan *plan)
{
	struct session s = {
		.mysql = mysql,
		.plan = plan,
		.end_ns = clock_monotonic_ns(&cart_clock_system) +
			  plan->options->connect_timeout_ms * CLOCK_NS_PER_MS,
		.connected = true,
	};
	struct session_facts facts = {.clock = plan->clock};
	struct sql_text text = {0};
	bool good;

	sql_statement(&text, SQL_BEGIN, "SET SESSION innodb_lock_wait_timeout = ");
	sql_add_integer(&text, session_row_wait_s(&s));
	sql_statement(&text, SQL_SELECT, SESSION_TIME);
	session_set_blocking(&s, false);
	facts.clock->begin_ns = clock_steady_ns(&cart_clock_system);
	good = !text.buf.failed && session_run(&s, &text, &facts);
	session_set_blocking(&s, plan->blocking);
	sql_text_free(&text);
	return good;
}

/*
 * What a suspended call has allocated, which may be a result of megabytes, is known to its own
 * stack alone: mysql_close() would lose it. So the call is resumed until it fails by itself, which
 * it does without waiting: its descriptor leads to a socket whose other end is closed. (A timeout
 * alone would do without TLS; under it, the library reads on.) If no call was suspended, the
 * connection gets its socket back, to send the end of the session.
 */
static void session_end_call(MYSQL *mysql)
{
	int fd = mysql_get_socket(mysql);
	int dead[2], kept, ignored;

	if (fd < 0)
		return;
	kept = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (kept < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, dead) != 0) {
		/* No descriptors: the session ends without a message. */
		mariadb_cancel(mysql);
	} else {
		close(dead[1]);
		dup3(dead[0], fd, O_CLOEXEC);
		close(dead[0]);
	}
	while (mysql_real_query_cont(&ignored, mysql, MYSQL_WAIT_TIMEOUT) != 0)
		continue;
	if (kept >= 0 && mysql_errno(mysql) == CR_COMMANDS_OUT_OF_SYNC)
		dup3(kept, fd, O_CLOEXEC);
	if (kept >= 0)
		close(kept);
}

void sql_session_close(MYSQL *mysql)
{
	if (mysql != NULL)
		session_end_call(mysql);
	mysql_close(mysql);
}
