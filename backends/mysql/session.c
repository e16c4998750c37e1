/*
 * The happy path: connect, log in, and send one text that sets the session up and asks what the
 * host is; on a Galera node a second one. Non-blocking calls with poll(2) between them, because the
 * library's own timeouts count whole seconds, for each step anew, and cannot be interrupted.
 *
 * The ways in which it fails: the time is up or we are to stop, and the call under way is resumed
 * with a timeout and ends; the server refuses; it is read-only, or a Galera node that is not in
 * the primary component.
 */
#include "backends/mysql/session.h"

#include "backends/mysql/text.h"
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

#define SESSION_SAFE_LOGINS                                                                        \
	"mysql_native_password,caching_sha2_password,sha256_password,client_ed25519,parsec"

struct session {
	MYSQL *mysql;
	const struct sql_session_plan *plan;
	int64_t end_ns;
};

/* What the first text's answer tells of the host. */
struct session_facts {
	bool read_only;
	bool wsrep_on;
	bool wsrep_provider;
	bool wsrep_ready;
	bool wsrep_primary;
	struct clock_reading *clock;
};

void sql_host_print(char text[SQL_HOST_TEXT], const struct sql_host *host, const char *socket)
{
	if (host->host == NULL)
		snprintf(text, SQL_HOST_TEXT, "%s", socket);
	else if (strchr(host->host, ':') != NULL)
		snprintf(text, SQL_HOST_TEXT, "[%s]:%u", host->host, host->port);
	else
		snprintf(text, SQL_HOST_TEXT, "%s:%u", host->host, host->port);
}

/* Waits for what a suspended call waits for. Returns what has come, for its _cont(). */
static int session_wait(const struct session *s, int wanted)
{
	struct pollfd fds[2] = {{.fd = mysql_get_socket(s->mysql)},
				{.fd = s->plan->stop_fd, .events = POLLIN}};
	int64_t left_ns = s->end_ns - clock_monotonic_ns(&cart_clock_system);
	int came = 0;

	if ((wanted & MYSQL_WAIT_READ) != 0)
		fds[0].events |= POLLIN;
	if ((wanted & MYSQL_WAIT_WRITE) != 0)
		fds[0].events |= POLLOUT;
	if ((wanted & MYSQL_WAIT_EXCEPT) != 0)
		fds[0].events |= POLLPRI;
	if (left_ns > 0 &&
	    poll(fds, 2, (int)((left_ns + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS)) < 0 &&
	    errno == EINTR)
		return 0;
	if (left_ns <= 0 || fds[1].revents != 0 || fds[0].revents == 0) {
		/* Under TLS the library ignores timeouts, but not the end of the stream. */
		mariadb_cancel(s->mysql);
		return MYSQL_WAIT_TIMEOUT;
	}
	if ((fds[0].revents & POLLPRI) != 0)
		came |= MYSQL_WAIT_EXCEPT;
	if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
		came |= wanted & MYSQL_WAIT_READ;
	if ((fds[0].revents & (POLLOUT | POLLHUP | POLLERR)) != 0)
		came |= wanted & MYSQL_WAIT_WRITE;
	return came;
}

static bool session_connect(const struct session *s)
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
	return result != NULL;
}

static bool session_query(const struct session *s, const char *sql, size_t len)
{
	int failed = 1;
	int wanted = mysql_real_query_start(&failed, s->mysql, sql, len);

	while (wanted != 0)
		wanted = mysql_real_query_cont(&failed, s->mysql, session_wait(s, wanted));
	return failed == 0;
}

static MYSQL_RES *session_result(const struct session *s)
{
	MYSQL_RES *result = NULL;
	int wanted = mysql_store_result_start(&result, s->mysql);

	while (wanted != 0)
		wanted = mysql_store_result_cont(&result, s->mysql, session_wait(s, wanted));
	return result;
}

/* As mysql_next_result(): 0: there is one; -1: there is none; more: it failed. */
static int session_next(const struct session *s)
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

static void session_fact(struct session_facts *facts, const char *name, const char *value)
{
	if (strcmp(name, "utc_us") == 0 && value != NULL)
		session_read_clock(facts->clock, value);
	else if (strcasecmp(name, "wsrep_on") == 0)
		facts->wsrep_on = session_is_on(value);
	else if (strcasecmp(name, "wsrep_provider") == 0)
		facts->wsrep_provider =
			value != NULL && *value != '\0' && strcasecmp(value, "none") != 0;
	else if (strcasecmp(name, "wsrep_ready") == 0)
		facts->wsrep_ready = session_is_on(value);
	else if (strcasecmp(name, "wsrep_cluster_status") == 0)
		facts->wsrep_primary = value != NULL && strcasecmp(value, "Primary") == 0;
	else if (session_is_on(value)) /* the others are kinds of read-only */
		facts->read_only = true;
}

/* Sends a text and takes the rows of all its answers as facts. */
static bool session_run(const struct session *s, const struct sql_text *text,
			struct session_facts *facts)
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

/* NULL: the host is what its role asks for. */
static const char *session_unfit(const struct session *s, const struct session_facts *facts)
{
	bool galera = facts->wsrep_on && facts->wsrep_provider;

	if (s->plan->role == SQL_WRITER && facts->read_only)
		return "is read-only";
	if (galera && !facts->wsrep_primary)
		return "is not in the primary component of its cluster";
	if (galera && !facts->wsrep_ready)
		return "is a cluster node that is not ready";
	return NULL;
}

/* Asked to enforce encryption, the library still talks to a server that offers none, unless it
 * verifies too. Nothing is said to it then; that a login was tried is no more than anybody with a
 * certificate of his own would have learnt. A Unix socket needs none. */
static bool session_is_plain(const struct session *s)
{
	return s->plan->options->tls != SQL_TLS_OFF && s->plan->host->host != NULL &&
	       mysql_get_ssl_cipher(s->mysql) == NULL;
}

static enum sql_outcome session_failed(const struct session *s, struct cart_error *error)
{
	unsigned code = mysql_errno(s->mysql);

	if (clock_monotonic_ns(&cart_clock_system) >= s->end_ns)
		cart_error_set(error, "no answer within %lld ms",
			       (long long)s->plan->options->connect_timeout_ms);
	else if (code == 0)
		cart_error_set(error, "out of memory, or the client library does not say why not");
	else if (code == ER_BAD_DB_ERROR)
		cart_error_set(error,
			       "%s (%u): make it with CREATE DATABASE, then its tables with "
			       "cartctl provision",
			       mysql_error(s->mysql), code);
	else
		cart_error_set(error, "%s (%u)", mysql_error(s->mysql), code);
	switch (code) {
	case ER_CON_COUNT_ERROR:
	case ER_TOO_MANY_USER_CONNECTIONS:
	case ER_USER_LIMIT_REACHED:
		return SQL_OUTCOME_FULL;
	default:
		return SQL_OUTCOME_BAD;
	}
}

/* A session takes the server's global settings over, some of which would change what a statement
 * answers, or when it commits. The names of variables are those of all kinds of servers: what a
 * server does not know it leaves out of the answer. */
static void session_text(struct sql_text *text, const struct sql_options *options)
{
	int64_t lock_s = session_seconds(options->lock_timeout_ms);

	sql_text_reset(text);
	sql_statement(text, SQL_BEGIN, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
	sql_statement(text, SQL_BEGIN,
		      "SET SESSION autocommit = 1, completion_type = 0,"
		      " sql_select_limit = 18446744073709551615, sql_safe_updates = 0,"
		      " sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION',"
		      " innodb_lock_wait_timeout = ");
	sql_add_integer(text, lock_s);
	sql_add(text, ", lock_wait_timeout = ");
	sql_add_integer(text, lock_s);
	sql_statement(text, SQL_SELECT,
		      "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only',"
		      " 'super_read_only', 'innodb_read_only', 'tidb_super_read_only',"
		      " 'tidb_restricted_read_only', 'wsrep_on', 'wsrep_provider')");
	sql_statement(text, SQL_SELECT, "SELECT 'utc_us', " SQL_CLOCK_US);
}

/* On a node of a Galera cluster. A strong read after another node has become the writer waits for
 * what that one has still to apply. */
static void session_text_galera(struct sql_text *text, enum sql_role role)
{
	sql_text_reset(text);
	sql_statement(text, SQL_BEGIN, "SET SESSION wsrep_sync_wait = ");
	sql_add_integer(text, role == SQL_READER ? 0 : 1);
	sql_statement(text, SQL_SELECT,
		      "SHOW GLOBAL STATUS WHERE Variable_name IN"
		      " ('wsrep_ready', 'wsrep_cluster_status')");
}

static enum sql_outcome session_set_up(const struct session *s, struct cart_error *error)
{
	struct session_facts facts = {.clock = s->plan->clock};
	struct sql_text text = {0};
	const char *unfit;
	bool run;

	session_text(&text, s->plan->options);
	facts.clock->begin_ns = clock_steady_ns(&cart_clock_system);
	run = !text.buf.failed && session_run(s, &text, &facts);
	if (run && facts.wsrep_on && facts.wsrep_provider) {
		session_text_galera(&text, s->plan->role);
		run = !text.buf.failed && session_run(s, &text, &facts);
	}
	sql_text_free(&text);
	if (!run)
		return session_failed(s, error);
	unfit = session_unfit(s, &facts);
	if (unfit == NULL)
		return SQL_OUTCOME_GOOD;
	cart_error_set(error, "%s", unfit);
	return facts.read_only ? SQL_OUTCOME_READ_ONLY : SQL_OUTCOME_BAD;
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
	if (options->tls != SQL_TLS_VERIFY)
		mysql_optionsv(mysql, MARIADB_OPT_RESTRICTED_AUTH, SESSION_SAFE_LOGINS);
	mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	session_tls(mysql, options);
}

static enum sql_outcome session_begin(const struct session *s, struct cart_error *error)
{
	enum sql_outcome outcome;

	if (!session_connect(s))
		return session_failed(s, error);
	if (session_is_plain(s)) {
		cart_error_set(error, "the server does not encrypt, and mysql.tls asks for it");
		return SQL_OUTCOME_BAD;
	}
	session_tune_socket(s);
	session_set_blocking(s, false);
	outcome = session_set_up(s, error);
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
