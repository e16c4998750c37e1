#include "backends/mysql/options.h"
#include "tests/lib/cmocka.h"

#include <string.h>

static struct settings *settings;
static struct sql_options options;
static struct cart_error error;

static int setup(void **state)
{
	(void)state;
	settings = settings_new();
	settings_add(settings, "MySQL backend", sql_settings);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sql_options_clear(&options);
	settings_free(&settings);
	return 0;
}

static void set(const char *key, const char *value)
{
	if (settings_set(settings, key, value, SETTING_FLAG, &error) != 0)
		fail_msg("%s", error.text);
}

static void read_well(void)
{
	if (sql_options_read(&options, settings, &error) != 0)
		fail_msg("%s", error.text);
}

/* Reading fails with a message that says this, and leaves nothing behind. */
static void assert_refused(const char *why)
{
	static const struct sql_options zeroed;

	assert_int_equal(sql_options_read(&options, settings, &error), -1);
	if (strstr(error.text, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", error.text, why);
	assert_memory_equal(&options, &zeroed, sizeof(zeroed));
}

static void assert_host(const struct sql_host *host, const char *name, unsigned port)
{
	assert_string_equal(host->host, name);
	assert_int_equal(host->port, port);
}

static void the_defaults_are_one_server_on_this_machine(void **state)
{
	(void)state;
	read_well();
	assert_int_equal(options.host_count, 1);
	assert_host(&options.hosts[0], "127.0.0.1", 3306);
	assert_int_equal(options.read_host_count, 0);
	assert_string_equal(options.user, "cart");
	assert_string_equal(options.database, "cart");
	assert_string_equal(options.socket, "");
	assert_int_equal(options.tls, SQL_TLS_OFF);
	assert_int_equal(options.connect_timeout_ms, 2000);
	assert_int_equal(options.timeout_ms, 10000);
	assert_int_equal(options.lock_timeout_ms, 1000);
	assert_int_equal(options.lifetime_ms, 30 * 60 * 1000);
}

static void hosts_come_with_and_without_ports_and_brackets(void **state)
{
	(void)state;
	set("mysql.port", "4000");
	set("mysql.host", "db1, db2.example.com:3307, [::1], [2001:db8::7]:3308, 10.0.0.1:1");
	set("mysql.read_host", "[fe80::1%eth0]:65535,db1");
	read_well();
	assert_int_equal(options.host_count, 5);
	assert_host(&options.hosts[0], "db1", 4000);
	assert_host(&options.hosts[1], "db2.example.com", 3307);
	assert_host(&options.hosts[2], "::1", 4000);
	assert_host(&options.hosts[3], "2001:db8::7", 3308);
	assert_host(&options.hosts[4], "10.0.0.1", 1);
	assert_int_equal(options.read_host_count, 2);
	assert_host(&options.read_hosts[0], "fe80::1%eth0", 65535);
	assert_host(&options.read_hosts[1], "db1", 4000);
}

static void a_bad_host_is_refused_by_name(void **state)
{
	static const char *const bad[][2] = {
		{"db1:0", "port"},
		{"db1:65536", "port"},
		{"db1:", "port"},
		{"db1:33x6", "port"},
		{"db1:+3306", "port"},
		{"db1:03306", "port"},
		{":3306", "names no host"},
		{"::1", "without brackets"},
		{"fe80::1:3306", "without brackets"},
		{"[::1", "closing bracket"},
		{"[::1]3306", "after its brackets"},
		{"[]:3306", "no IPv6 address"},
		{"[db1]:3306", "no IPv6 address"},
		{"mysql://db1", "without brackets|port|names no host"},
		{"user@db1", "names no host"},
		{"/run/mysqld.sock", "names no host"},
		{"two words", "names no host"},
		{"db1\n", "names no host"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		teardown(NULL);
		setup(NULL);
		if (settings_set(settings, "mysql.host", bad[i][0], SETTING_FLAG, &error) != 0)
			continue; /* the settings know better still */
		assert_int_equal(sql_options_read(&options, settings, &error), -1);
		if (strstr(error.text, bad[i][0]) == NULL ||
		    strstr(error.text, "mysql.host") == NULL)
			fail_msg("\"%s\" does not name %s", error.text, bad[i][0]);
		if (strchr(bad[i][1], '|') == NULL && strstr(error.text, bad[i][1]) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", error.text, bad[i][1]);
	}
}

static void an_error_in_read_hosts_names_that_setting(void **state)
{
	(void)state;
	set("mysql.read_host", "ok,bad:port");
	assert_refused("mysql.read_host: \"bad:port\"");
}

static void a_host_that_is_named_twice_is_refused(void **state)
{
	(void)state;
	set("mysql.host", "db1:3306,db2,DB1");
	assert_refused("mysql.host names DB1 twice");
}

static void more_hosts_than_there_is_room_for_are_refused(void **state)
{
	char list[16 * (SQL_HOSTS_MAX + 1)] = "db0";

	(void)state;
	for (int i = 1; i <= SQL_HOSTS_MAX; i++) {
		char entry[16];

		snprintf(entry, sizeof(entry), ",db%d", i);
		strcat(list, entry);
	}
	assert_int_equal(settings_set(settings, "mysql.host", list, SETTING_FLAG, &error), -1);
	*strrchr(list, ',') = '\0';
	set("mysql.host", list);
	read_well();
	assert_int_equal(options.host_count, SQL_HOSTS_MAX);
}

static void a_socket_takes_the_place_of_the_hosts(void **state)
{
	(void)state;
	set("mysql.socket", "/run/mysqld/mysqld.sock");
	read_well();
	assert_int_equal(options.host_count, 1);
	assert_null(options.hosts[0].host);
	assert_string_equal(options.socket, "/run/mysqld/mysqld.sock");
}

static void a_socket_and_a_host_exclude_each_other(void **state)
{
	(void)state;
	set("mysql.socket", "/run/mysqld/mysqld.sock");
	set("mysql.host", "127.0.0.1");
	assert_refused("exclude each other");
}

static void a_socket_path_that_no_socket_can_have_is_refused(void **state)
{
	char path[200];

	(void)state;
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	set("mysql.socket", path);
	assert_refused("too long");
}

static void user_and_database_have_bounds(void **state)
{
	char name[130];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[129] = '\0';
	set("mysql.user", name);
	assert_refused("mysql.user");
	set("mysql.user", "");
	assert_refused("mysql.user");
	set("mysql.user", "u");
	name[65] = '\0';
	set("mysql.database", name);
	assert_refused("mysql.database");
	set("mysql.database", "");
	assert_refused("mysql.database");
	name[64] = '\0';
	set("mysql.database", name);
	read_well();
}

static void files_for_tls_that_nothing_would_use_are_refused(void **state)
{
	(void)state;
	set("mysql.tls_ca", "/dev/null");
	assert_refused("mysql.tls_ca");
	set("mysql.tls", "required");
	assert_refused("mysql.tls_ca");
	set("mysql.tls", "verify");
	read_well();
	assert_int_equal(options.tls, SQL_TLS_VERIFY);
	assert_string_equal(options.tls_ca, "/dev/null");
	sql_options_clear(&options);
	set("mysql.tls_cert", "/dev/null");
	assert_refused("go together");
	set("mysql.tls_key", "/dev/null");
	read_well();
	sql_options_clear(&options);
	set("mysql.tls_ca", "");
	set("mysql.tls", "off");
	assert_refused("mysql.tls=off");
}

static void a_file_for_tls_that_is_not_there_is_named(void **state)
{
	(void)state;
	set("mysql.tls", "verify");
	set("mysql.tls_ca", "/nonexistent/ca.pem");
	assert_refused("mysql.tls_ca: cannot read /nonexistent/ca.pem");
}

static void a_copy_outlives_its_original(void **state)
{
	struct sql_options copy;

	(void)state;
	set("mysql.host", "db1,[::1]:7");
	set("mysql.read_host", "db2");
	set("mysql.user", "someone");
	read_well();
	assert_int_equal(sql_options_copy(&copy, &options), 0);
	sql_options_clear(&options);
	set("mysql.user", "another");
	assert_host(&copy.hosts[0], "db1", 3306);
	assert_host(&copy.hosts[1], "::1", 7);
	assert_host(&copy.read_hosts[0], "db2", 3306);
	assert_string_equal(copy.user, "someone");
	sql_options_clear(&copy);
}

static void the_copy_of_a_socket_has_no_host(void **state)
{
	struct sql_options copy;

	(void)state;
	set("mysql.socket", "/s");
	read_well();
	assert_int_equal(sql_options_copy(&copy, &options), 0);
	assert_int_equal(copy.host_count, 1);
	assert_null(copy.hosts[0].host);
	assert_string_equal(copy.socket, "/s");
	sql_options_clear(&copy);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_defaults_are_one_server_on_this_machine),
		TEST(hosts_come_with_and_without_ports_and_brackets),
		TEST(a_bad_host_is_refused_by_name),
		TEST(an_error_in_read_hosts_names_that_setting),
		TEST(a_host_that_is_named_twice_is_refused),
		TEST(more_hosts_than_there_is_room_for_are_refused),
		TEST(a_socket_takes_the_place_of_the_hosts),
		TEST(a_socket_and_a_host_exclude_each_other),
		TEST(a_socket_path_that_no_socket_can_have_is_refused),
		TEST(user_and_database_have_bounds),
		TEST(files_for_tls_that_nothing_would_use_are_refused),
		TEST(a_file_for_tls_that_is_not_there_is_named),
		TEST(a_copy_outlives_its_original),
		TEST(the_copy_of_a_socket_has_no_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
