#include "tests/lib/mariadb_fixture.h"

#include "core/base/clock.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"
#include "tests/lib/sql_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FIXTURE_OPTIONS_MAX 48
#define FIXTURE_START_S	    30

/* Servers lie where users' PATH need not lead. */
static const char *fixture_find(const char *program, char path[256])
{
	static const char *const folders[] = {"/usr/sbin", "/usr/bin", "/usr/local/sbin",
					      "/usr/local/bin"};
	const char *given = getenv("CART_TEST_MYSQLD");

	if (given != NULL && *given != '\0')
		return given;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, 256, "%s/%s", folders[i], program);
		if (access(path, X_OK) == 0)
			return path;
	}
	return NULL;
}

bool mariadb_fixture_available(void)
{
	char path[256];

	if (fixture_find("mariadbd", path) != NULL)
		return true;
	print_message("not tested: mariadbd is not installed\n");
	return false;
}

static void nothing_is_tested(void **state)
{
	(void)state;
	skip();
}

int mariadb_fixture_skip_all(void)
{
	const struct CMUnitTest none[] = {cmocka_unit_test(nothing_is_tested)};

	return cmocka_run_group_tests(none, NULL, NULL);
}

static int fixture_free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static int fixture_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* A process that outlives us, to remove the folder even if we are killed. The server, which dies
 * with us, may still write for a moment: so it tries again. */
static void fixture_hire_janitor(struct mariadb_fixture *f)
{
	const struct timespec nap = {.tv_nsec = 50 * CLOCK_NS_PER_MS};
	int ends[2];
	char byte;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	f->janitor = fork();
	assert_true(f->janitor >= 0);
	if (f->janitor != 0) {
		close(ends[0]);
		f->lifeline = ends[1];
		return;
	}
	/* Not among those whom the terminal or the runner ends with us; and nobody waits for the
	 * end of what we hold: our output, the lifelines of others. */
	setsid();
	dup2(ends[0], STDIN_FILENO);
	close_range(STDIN_FILENO + 1, ~0u, 0);
	while (read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR)
		continue;
	for (int tries = 0; tries < 100 && access(f->folder, F_OK) == 0; tries++) {
		if (tries > 0)
			nanosleep(&nap, NULL);
		nftw(f->folder, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
	}
	_exit(0);
}

/* Runs a program with its output in the folder's log; it dies with us. */
static pid_t fixture_spawn(const struct mariadb_fixture *f, const char *const *arguments)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		char log[SCRATCH_PATH_MAX + 32];
		int fd;

		snprintf(log, sizeof(log), "%s/log", f->folder);
		fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			execv(arguments[0], (char *const *)arguments);
		_exit(127);
	}
	return pid;
}

/* The first lines of the log that speak of an error, for whoever has to find out why. */
static void fixture_print_log(const struct mariadb_fixture *f)
{
	char path[SCRATCH_PATH_MAX + 32], line[512];
	FILE *log;

	snprintf(path, sizeof(path), "%s/log", f->folder);
	log = fopen(path, "r");
	while (log != NULL && fgets(line, sizeof(line), log) != NULL) {
		if (strcasestr(line, "error") != NULL)
			print_message("%s", line);
	}
	if (log != NULL)
		fclose(log);
}

/*
 * The server's own tables. A MySQL makes them by itself. For a MariaDB they are in the definitions
 * that its package brings (a server that is given has them beside it): the package of the server
 * alone has mariadb-install-db, but not all that this calls.
 */
static const char fixture_make_tables[] =
	"case $1 in *mysqld) exec \"$1\" --no-defaults --initialize-insecure"
	" --datadir=\"$2/data\" --tmpdir=\"$2\" ${3-} ;; esac;"
	" mkdir -p \"$2/data/mysql\" && {"
	" echo 'CREATE DATABASE IF NOT EXISTS mysql;'; echo 'USE mysql;';"
	" echo 'SET @auth_root_socket = NULL;';"
	" for name in system_tables performance_tables system_tables_data; do"
	" for file in \"${1%/*}\"/usr/share/m*/m*_$name.sql /usr/share/mysql/m*_$name.sql"
	" /usr/share/mariadb/m*_$name.sql; do"
	" if [ -f \"$file\" ]; then cat \"$file\"; break; fi; done; done; } |"
	" \"$1\" --no-defaults --bootstrap --datadir=\"$2/data\" --tmpdir=\"$2\" ${3-}";

static void fixture_install(const struct mariadb_fixture *f)
{
	char program[256];
	const char *arguments[] = {"/bin/sh",
				   "-c",
				   fixture_make_tables,
				   "make-tables",
				   fixture_find("mariadbd", program),
				   f->folder,
				   geteuid() == 0 ? "--user=root" : NULL,
				   NULL};
	int status;

	assert_int_equal(waitpid(fixture_spawn(f, arguments), &status, 0) > 0, 1);
	if (status != 0) {
		fixture_print_log(f);
		fail_msg("the server's tables could not be made: status %d", status);
	}
}

/* NULL: not ready. A Galera node lets root in before it answers questions. */
static MYSQL *fixture_connect(const struct mariadb_fixture *f)
{
	MYSQL *mysql = mysql_init(NULL);

	if (mysql_real_connect(mysql, NULL, "root", "", NULL, 0, f->socket,
			       CLIENT_MULTI_STATEMENTS) != NULL &&
	    mysql_query(mysql, "SELECT COUNT(*) FROM mysql.db") == 0) {
		mysql_free_result(mysql_store_result(mysql));
		return mysql;
	}
	mysql_close(mysql);
	return NULL;
}

static void fixture_launch(struct mariadb_fixture *f, const char *const *options)
{
	char program[256], data[SCRATCH_PATH_MAX + 32], socket_path[SCRATCH_PATH_MAX + 64],
		port[32], pid_file[SCRATCH_PATH_MAX + 32];
	const char *arguments[FIXTURE_OPTIONS_MAX] = {
		fixture_find("mariadbd", program),
		"--no-defaults",
		data,
		socket_path,
		port,
		pid_file,
		"--bind-address=127.0.0.1",
		"--skip-name-resolve",
		"--skip-log-bin",
		"--innodb-buffer-pool-size=16M",
		"--loose-innodb-log-file-size=16M",
		"--performance-schema=OFF",
		geteuid() == 0 ? "--user=root" : "--innodb-status-file=0",
	};
	size_t count = 13;

	snprintf(data, sizeof(data), "--datadir=%s/data", f->folder);
	snprintf(socket_path, sizeof(socket_path), "--socket=%s", f->socket);
	snprintf(pid_file, sizeof(pid_file), "--pid-file=%s/pid", f->folder);
	snprintf(port, sizeof(port), "--port=%d", f->port);
	for (; options != NULL && *options != NULL; options++) {
		assert_true(count < FIXTURE_OPTIONS_MAX - 1);
		arguments[count++] = *options;
	}
	f->pid = fixture_spawn(f, arguments);
}

/* False: it ended instead. */
static bool fixture_await(struct mariadb_fixture *f)
{
	int64_t end = patience_ns() + FIXTURE_START_S * CLOCK_NS_PER_S;
	const struct timespec nap = {.tv_nsec = 20 * CLOCK_NS_PER_MS};

	while ((f->control = fixture_connect(f)) == NULL) {
		if (waitpid(f->pid, NULL, WNOHANG) != 0) {
			f->pid = 0;
			return false;
		}
		if (patience_ns() >= end)
			fail_msg("mariadbd is not ready after %d s", FIXTURE_START_S);
		nanosleep(&nap, NULL);
	}
	return true;
}

void mariadb_fixture_restart(struct mariadb_fixture *f, const char *const *options)
{
	fixture_launch(f, options);
	if (fixture_await(f))
		return;
	fixture_print_log(f);
	fail_msg("mariadbd has ended");
}

void mariadb_fixture_start(struct mariadb_fixture *f, const char *const *options)
{
	*f = (struct mariadb_fixture){0};
	scratch_make_folder(f->folder, "cart-mariadb");
	snprintf(f->socket, sizeof(f->socket), "%s/socket", f->folder);
	fixture_hire_janitor(f);
	fixture_install(f);
	/* Somebody may take the port before the server does: then another one. */
	for (int tries = 0; tries < 3 && f->control == NULL; tries++) {
		f->port = fixture_free_port();
		fixture_launch(f, options);
		if (!fixture_await(f) && tries == 2) {
			fixture_print_log(f);
			fail_msg("mariadbd has ended");
		}
	}
	mariadb_fixture_exec(f, "CREATE DATABASE " MARIADB_FIXTURE_DATABASE);
	mariadb_fixture_exec(f, "CREATE USER " MARIADB_FIXTURE_USER
				"@'%%' IDENTIFIED BY 'te\\'st \"p\\\\wd'");
	mariadb_fixture_exec(f, "GRANT ALL ON " MARIADB_FIXTURE_DATABASE
				".* TO " MARIADB_FIXTURE_USER "@'%%'");
	mariadb_fixture_exec(f, "GRANT ALL ON `cart\\_test\\_%%`.* TO '%s'@'%%'",
			     MARIADB_FIXTURE_USER);
}

void mariadb_fixture_start_if_any(struct mariadb_fixture *f, const char *const *options)
{
	if (mariadb_fixture_available())
		mariadb_fixture_start(f, options);
}

void mariadb_fixture_need(const struct mariadb_fixture *f)
{
	if (f->control != NULL)
		return;
	print_message("not tested: it needs a MariaDB server\n");
	skip();
}

void mariadb_fixture_kill(struct mariadb_fixture *f)
{
	mysql_close(f->control);
	f->control = NULL;
	if (f->pid > 0) {
		kill(f->pid, SIGKILL);
		waitpid(f->pid, NULL, 0);
	}
	f->pid = 0;
}

void mariadb_fixture_free(struct mariadb_fixture *f)
{
	mariadb_fixture_kill(f);
	if (f->janitor > 0) {
		close(f->lifeline);
		waitpid(f->janitor, NULL, 0);
	}
	*f = (struct mariadb_fixture){0};
}

void mariadb_fixture_exec(struct mariadb_fixture *f, const char *format, ...)
{
	char sql[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sql, sizeof(sql), format, arguments);
	va_end(arguments);
	sql_exec(f->control, sql);
}

int64_t mariadb_fixture_number(struct mariadb_fixture *f, const char *format, ...)
{
	char sql[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sql, sizeof(sql), format, arguments);
	va_end(arguments);
	return sql_number(f->control, sql);
}

#define FIXTURE_CLIENTS(what)                                                                      \
	"SELECT " what " FROM information_schema.processlist"                                      \
	" WHERE user = '" MARIADB_FIXTURE_USER "'"

int64_t mariadb_fixture_clients(struct mariadb_fixture *f)
{
	return sql_number(f->control, FIXTURE_CLIENTS("COUNT(*)"));
}

void mariadb_fixture_await_no_clients(struct mariadb_fixture *f)
{
	sql_await(f->control, FIXTURE_CLIENTS("COUNT(*) = 0"));
}
