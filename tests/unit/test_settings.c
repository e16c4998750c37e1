#include "core/settings/settings.h"

#include "server/settings.h"
#include "tests/lib/cartd.h"
#include "tests/lib/cmocka.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const modes[] = {"auto", "check", "off", NULL};

/* One setting of each type, as no default build has them all. */
static const struct setting table[] = {
	{.key = "listen", .type = SETTING_LIST, .fallback = "a:1", .min = 1, .max = 3, .help = "L"},
	{.key = "threads",
	 .type = SETTING_INTEGER,
	 .fallback = "4",
	 .min = -2,
	 .max = 64,
	 .help = "Help"},
	{.key = "mode",
	 .type = SETTING_CHOICE,
	 .choices = modes,
	 .fallback = "auto",
	 .help = "Help"},
	{.key = "http.max_body",
	 .type = SETTING_SIZE,
	 .fallback = "64KiB",
	 .min = 1024,
	 .max = 1 << 20,
	 .help = "Help"},
	{.key = "http.idle_timeout",
	 .type = SETTING_DURATION,
	 .fallback = "60s",
	 .min = 100,
	 .max = 86400000,
	 .help = "A | B"},
	{.key = "mysql.host", .type = SETTING_STRING, .fallback = "localhost", .help = "Help"},
	{.key = "mysql.hosts", .type = SETTING_LIST, .fallback = "", .help = "Help"},
	{.key = "mysql.tls", .type = SETTING_BOOL, .fallback = "no", .help = "Help"},
	{.key = "mysql.password", .type = SETTING_SECRET, .fallback = "", .help = "Password"},
	{0},
};

static char *const nothing[] = {NULL};

static char directory[256];

static struct settings *make(void)
{
	struct settings *settings = settings_new();

	assert_non_null(settings);
	settings_add(settings, "Test", table);
	return settings;
}

static const char *path_of(const char *name)
{
	static char paths[4][300];
	static size_t at;
	char *path = paths[at++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

static const char *write_bytes(const char *name, const void *data, size_t len)
{
	const char *path = path_of(name);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	return path;
}

static const char *write_file(const char *name, const char *text)
{
	return write_bytes(name, text, strlen(text));
}

/* The error of a set that must fail; lives until the next call. */
static const char *set_error(struct settings *settings, const char *key, const char *value)
{
	static struct cart_error error;

	error.text[0] = '\0';
	if (settings_set(settings, key, value, SETTING_FLAG, &error) != -1)
		fail_msg("%s took \"%s\"", key, value);
	return error.text;
}

static void set(struct settings *settings, const char *key, const char *value)
{
	struct cart_error error;

	if (settings_set(settings, key, value, SETTING_FLAG, &error) != 0)
		fail_msg("%s", error.text);
}

/* Loads the text as a file; its error without the path, "" when there is none. */
static const char *file_error(struct settings *settings, const char *text)
{
	static struct cart_error error;
	const char *path = write_file("cartd.ini", text);

	if (settings_load_file(settings, path, &error) == 0)
		return "";
	assert_memory_equal(error.text, path, strlen(path));
	return error.text + strlen(path);
}

/* What is wrong with a file, on settings of its own. */
static const char *error_in_file(const char *text)
{
	struct settings *settings = make();
	const char *error = file_error(settings, text);

	settings_free(&settings);
	return error;
}

static void count_name(const char *name, void *user)
{
	(void)name;
	++*(int *)user;
}

/* Loads a command line, given as words; what is left of it is joined by spaces into left. */
static int load(struct settings *settings, const char *words, char *const *environment, char *left,
		struct cart_error *error)
{
	char copy[512], *argv[32] = {(char[]){"cartd"}}, *rest;
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *word = strtok_r(copy, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	int rc = settings_load(settings, &argc, argv, environment, NULL, NULL, error);

	if (left == NULL || rc != 0)
		return rc;
	assert_null(argv[argc]);
	*left = '\0';
	for (int i = 1; i < argc; i++)
		strcat(strcat(left, i == 1 ? "" : " "), argv[i]);
	return rc;
}

static const char *load_error(const char *words, char *const *environment)
{
	static struct cart_error error;
	struct settings *settings = make();

	if (load(settings, words, environment, NULL, &error) != -1)
		fail_msg("\"%s\" was taken", words);
	settings_free(&settings);
	return error.text;
}

static void defaults_hold_until_something_is_said(void **state)
{
	struct settings *settings = make();
	size_t count;

	(void)state;
	assert_int_equal(settings_integer(settings, "threads"), 4);
	assert_int_equal(settings_integer(settings, "http.max_body"), 65536);
	assert_int_equal(settings_integer(settings, "http.idle_timeout"), 60000);
	assert_string_equal(settings_string(settings, "mode"), "auto");
	assert_string_equal(settings_string(settings, "mysql.host"), "localhost");
	assert_false(settings_bool(settings, "mysql.tls"));
	assert_string_equal(settings_list(settings, "listen", &count)[0], "a:1");
	assert_int_equal(count, 1);
	assert_null(settings_list(settings, "mysql.hosts", &count)[0]);
	assert_int_equal(count, 0);
	assert_int_equal(settings_source(settings, "threads"), SETTING_DEFAULT);
	assert_true(settings_known(settings, "mysql.password_file"));
	assert_false(settings_known(settings, "mysql.host_file"));
	settings_free(&settings);
	assert_null(settings);
	settings_free(&settings);
}

static void flag_beats_environment_beats_file_beats_default(void **state)
{
	char environment_mode[] = "CART_MODE=check", environment_tls[] = "CART_MYSQL_TLS=on";
	char *environment[] = {environment_mode, environment_tls, NULL};
	struct settings *settings = make();
	struct cart_error error;
	char words[400];

	(void)state;
	/* The flag stands before --config on the line, which must not matter. */
	snprintf(words, sizeof(words), "--mode off --config %s",
		 write_file("cartd.ini", "mode = nonsense-that-a-flag-does-not-hide\n"));
	assert_int_equal(load(settings, words, environment, NULL, &error), -1);
	settings_free(&settings);

	settings = make();
	write_file("cartd.ini", "mode = auto\nthreads = 7\n[mysql]\ntls = off\nhost = db\n");
	assert_int_equal(load(settings, words, environment, NULL, &error), 0);
	assert_string_equal(settings_string(settings, "mode"), "off");
	assert_int_equal(settings_source(settings, "mode"), SETTING_FLAG);
	assert_true(settings_bool(settings, "mysql.tls"));
	assert_int_equal(settings_source(settings, "mysql.tls"), SETTING_ENVIRONMENT);
	assert_int_equal(settings_integer(settings, "threads"), 7);
	assert_string_equal(settings_string(settings, "mysql.host"), "db");
	assert_int_equal(settings_source(settings, "mysql.host"), SETTING_FILE);
	assert_int_equal(settings_source(settings, "listen"), SETTING_DEFAULT);
	/* A weaker source changes nothing, but is still checked. */
	assert_int_equal(settings_set(settings, "mode", "auto", SETTING_ENVIRONMENT, &error), 0);
	assert_string_equal(settings_string(settings, "mode"), "off");
	assert_int_equal(settings_set(settings, "mode", "x", SETTING_ENVIRONMENT, &error), -1);
	settings_free(&settings);
}

static void a_list_of_a_stronger_source_replaces_and_of_the_same_adds(void **state)
{
	char environment_listen[] = "CART_LISTEN=e:1";
	char *environment[] = {environment_listen, NULL};
	struct settings *settings = make();
	struct cart_error error;
	size_t count;

	(void)state;
	assert_int_equal(
		load(settings, "--listen b:1,b:2 --set listen=c:3", environment, NULL, &error), 0);
	assert_string_equal(settings_list(settings, "listen", &count)[2], "c:3");
	assert_int_equal(count, 3);
	assert_string_equal(set_error(settings, "listen", "d:4"), "listen: takes at most 3 values");
	assert_int_equal(settings_list(settings, "listen", &count)[0] != NULL && count == 3, 1);
	settings_free(&settings);
}

static void good_values_of_every_type_are_taken(void **state)
{
	struct settings *settings = make();
	size_t count;

	(void)state;
	set(settings, "threads", "-2");
	assert_int_equal(settings_integer(settings, "threads"), -2);
	set(settings, "threads", "064");
	assert_int_equal(settings_integer(settings, "threads"), 64);
	set(settings, "http.max_body", "1MiB");
	assert_int_equal(settings_integer(settings, "http.max_body"), 1 << 20);
	set(settings, "http.idle_timeout", "100ms");
	assert_int_equal(settings_integer(settings, "http.idle_timeout"), 100);
	set(settings, "mysql.host", "");
	assert_string_equal(settings_string(settings, "mysql.host"), "");
	set(settings, "mysql.host", "sp ace, ; # = \"q\" \xc3\xa9");
	assert_string_equal(settings_string(settings, "mysql.host"),
			    "sp ace, ; # = \"q\" \xc3\xa9");
	set(settings, "mysql.hosts", " a ,b:2,  c d ");
	assert_string_equal(settings_list(settings, "mysql.hosts", &count)[0], "a");
	assert_string_equal(settings_list(settings, "mysql.hosts", &count)[2], "c d");
	assert_null(settings_list(settings, "mysql.hosts", &count)[3]);
	assert_int_equal(count, 3);
	for (size_t i = 0; i < 8; i++) {
		static const char *const words[] = {"false", "true", "no", "yes",
						    "off",   "on",   "0",  "1"};

		set(settings, "mysql.tls", words[i]);
		assert_int_equal(settings_bool(settings, "mysql.tls"), i % 2);
	}
	settings_free(&settings);
}

static void bad_values_of_every_type_are_refused_by_a_line_that_helps(void **state)
{
	static const struct {
		const char *key, *value, *error;
	} cases[] = {
		{"threads", "", "threads: \"\" is not a whole number"},
		{"threads", "4x", "threads: \"4x\" is not a whole number"},
		{"threads", " 4", "threads: \" 4\" is not a whole number"},
		{"threads", "1e1", "threads: \"1e1\" is not a whole number"},
		{"threads", "-", "threads: \"-\" is not a whole number"},
		{"threads", "9223372036854775808",
		 "threads: \"9223372036854775808\" is not a whole number"},
		{"threads", "65", "threads: \"65\" is above the maximum of 64"},
		{"threads", "-3", "threads: \"-3\" is below the minimum of -2"},
		{"http.max_body", "64kb", "http.max_body: \"64kb\" is not a size such as 64KiB"},
		{"http.max_body", "2MiB", "http.max_body: \"2MiB\" is above the maximum of 1MiB"},
		{"http.max_body", "0", "http.max_body: \"0\" is below the minimum of 1KiB"},
		{"http.idle_timeout", "60",
		 "http.idle_timeout: \"60\" is not a duration such as 250ms, 30s, 10m, 24h or 30d"},
		{"http.idle_timeout", "2d", "http.idle_timeout: \"2d\" is above the maximum of 1d"},
		{"mysql.tls", "maybe", "mysql.tls: \"maybe\" is not true or false"},
		{"mysql.tls", "True", "mysql.tls: \"True\" is not true or false"},
		{"mode", "of", "mode: \"of\" is none of auto, check, off"},
		{"mode", "", "mode: \"\" is none of auto, check, off"},
		{"mysql.host", "a\nb", "mysql.host: holds a control character"},
		{"mysql.hosts", "a,\tb", "mysql.hosts: holds a control character"},
		{"mysql.hosts", "a,,b",
		 "mysql.hosts: nothing between two commas, or after the last"},
		{"mysql.hosts", "a,", "mysql.hosts: nothing between two commas, or after the last"},
		{"mysql.hosts", ",", "mysql.hosts: nothing between two commas, or after the last"},
		{"listen", "", "listen: needs at least 1 value"},
		{"listen", "a,b,c,d", "listen: takes at most 3 values"},
	};
	struct settings *settings = make();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(set_error(settings, cases[i].key, cases[i].value),
				    cases[i].error);
	assert_int_equal(settings_integer(settings, "threads"), 4);
	assert_string_equal(settings_string(settings, "mode"), "auto");
	settings_free(&settings);
}

static void a_long_value_is_cut_in_the_error_between_characters(void **state)
{
	struct settings *settings = make();
	char value[201] = "";

	(void)state;
	for (size_t i = 0; i < 200; i += 2)
		memcpy(value + i, "\xc3\xa9", 3);
	const char *error = set_error(settings, "mode", value);
	const char *dots = strstr(error, "...");

	assert_non_null(dots);
	assert_memory_equal(dots - 2, "\xc3\xa9...\"", 6);
	settings_free(&settings);
}

static void an_unknown_key_is_refused_with_the_nearest_known(void **state)
{
	static const struct {
		const char *key, *error;
	} cases[] = {
		{"mysql.hots", "unknown setting \"mysql.hots\" (did you mean \"mysql.host\"?)"},
		{"mysqlhost", "unknown setting \"mysqlhost\" (did you mean \"mysql.host\"?)"},
		{"max_body", "unknown setting \"max_body\" (did you mean \"http.max_body\"?)"},
		{"mysql.max_body",
		 "unknown setting \"mysql.max_body\" (did you mean \"http.max_body\"?)"},
		{"thread", "unknown setting \"thread\" (did you mean \"threads\"?)"},
		{"MODE", "unknown setting \"MODE\" (--help lists the known ones)"},
		{"mysql.pasword_file",
		 "unknown setting \"mysql.pasword_file\" (did you mean \"mysql.password_file\"?)"},
		{"http.foo", "unknown setting \"http.foo\" (known: http.max_body, "
			     "http.idle_timeout)"},
		{"", "unknown setting \"\" (--help lists the known ones)"},
		{"x", "unknown setting \"x\" (--help lists the known ones)"},
		{"bad\nkey", "unknown setting \"bad?key\" (--help lists the known ones)"},
	};
	struct settings *settings = make();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(set_error(settings, cases[i].key, "1"), cases[i].error);
	settings_free(&settings);
}

static void a_file_holds_sections_comments_and_quotes(void **state)
{
	struct settings *settings = make();
	size_t count;

	(void)state;
	assert_string_equal(file_error(settings, "\xef\xbb\xbf# the first line has a BOM\r\n"
						 "threads = 5\r\n"
						 "  mode=check\n"
						 "http.idle_timeout: 5s\n"
						 "; a comment\n"
						 "listen = [::1]:80, b:2\n"
						 "listen = c:3\n"
						 "\n"
						 "[http]\n"
						 "max_body = \"2KiB\"\n"
						 " [mysql] \n"
						 "host = \" a ; b # c = d \"\n"
						 "hosts =\n"
						 "password = x;y z ; w"),
			    "");
	assert_int_equal(settings_integer(settings, "threads"), 5);
	assert_string_equal(settings_string(settings, "mode"), "check");
	assert_int_equal(settings_integer(settings, "http.idle_timeout"), 5000);
	assert_int_equal(settings_integer(settings, "http.max_body"), 2048);
	assert_string_equal(settings_string(settings, "mysql.host"), " a ; b # c = d ");
	assert_string_equal(settings_list(settings, "listen", &count)[0], "[::1]:80");
	assert_int_equal(count, 3);
	char *secret = settings_secret_copy(settings, "mysql.password");

	assert_string_equal(secret, "x;y z ; w");
	settings_secret_free(secret);
	settings_free(&settings);
}

static void a_mistake_in_a_file_is_named_with_its_line(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"\n\nthreads = x\n", ":3: threads: \"x\" is not a whole number"},
		{"[http]\n# c\nmax_body=64kb", ":3: http.max_body: \"64kb\" is not a size such as "
					       "64KiB"},
		{"[mysql]\nhots = a\n",
		 ":2: unknown setting \"mysql.hots\" (did you mean \"mysql.host\"?)"},
		{"threads = 1\nmode = off\nthreads = 2\n", ":3: threads is already set in line 1"},
		{"threads\n", ":1: neither \"key = value\" nor [section] nor a comment"},
		{"[http\nmax_body = 1KiB\n", ":1: \"[http\" is not a section such as [http]"},
		{"mode = off\n[http] # x\n", ":2: \"[http] # x\" is not a section such as [http]"},
		{"[a]b]\n", ":1: \"[a]b]\" is not a section such as [http]"},
		{"= 1\n", ":1: unknown setting \"\" (--help lists the known ones)"},
		{"mode = off\n  threads = 1\n  x\n",
		 ":3: neither \"key = value\" nor [section] nor a comment"},
		{"mysql.host = \x01\n", ":1: mysql.host: holds a control character"},
		{"[mysql]\npassword = a\npassword_file = /b\n",
		 ":3: mysql.password and mysql.password_file are both given: one is enough"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(error_in_file(cases[i].text), cases[i].error);
}

static void what_is_no_text_file_is_refused(void **state)
{
	struct settings *settings = make();
	struct cart_error error;
	char text[5000], expected[600];
	const char *path = write_bytes("nul.ini", "threads = 1\0\n", 13);

	(void)state;
	assert_int_equal(settings_load_file(settings, path, &error), -1);
	snprintf(expected, sizeof(expected), "%s:1: a NUL byte: this is not a text file", path);
	assert_string_equal(error.text, expected);

	memset(text, 'x', sizeof(text));
	*stpcpy(text, "mysql.host = ") = 'x';
	path = write_bytes("long.ini", text, sizeof(text));
	assert_int_equal(settings_load_file(settings, path, &error), -1);
	snprintf(expected, sizeof(expected), "%s:1: the line is longer than 4096 bytes", path);
	assert_string_equal(error.text, expected);
	/* The longest that fits comes whole. */
	path = write_bytes("full.ini", text, 4096);
	assert_int_equal(settings_load_file(settings, path, &error), 0);
	assert_int_equal(strlen(settings_string(settings, "mysql.host")), 4096 - 13);

	assert_int_equal(settings_load_file(settings, directory, &error), -1);
	snprintf(expected, sizeof(expected), "cannot read %s: Is a directory", directory);
	assert_string_equal(error.text, expected);
	assert_int_equal(settings_load_file(settings, "/nowhere/cartd.ini", &error), -1);
	assert_string_equal(error.text,
			    "cannot open /nowhere/cartd.ini: No such file or directory");
	settings_free(&settings);
}

static void the_environment_is_taken_by_upper_case_names(void **state)
{
	char body[] = "CART_HTTP_MAX_BODY=2KiB", port[] = "CART_PORT=tcp://10.0.0.1:80";
	char other[] = "HTTP_MAX_BODY=9", lower[] = "cart_threads=9", bare[] = "CART_BARE";
	char config[] = "CART_CONFIG=";
	char *environment[] = {body, port, other, lower, bare, config, NULL};
	struct settings *settings = make();
	struct cart_error error;
	int unknown = 0;

	(void)state;
	assert_int_equal(
		settings_load_environment(settings, environment, count_name, &unknown, &error), 0);
	assert_int_equal(settings_integer(settings, "http.max_body"), 2048);
	assert_int_equal(settings_integer(settings, "threads"), 4);
	assert_int_equal(unknown, 1); /* CART_PORT: an orchestrator's, not a mistake */
	assert_int_equal(settings_load_environment(settings, environment, NULL, NULL, &error), 0);
	body[strlen("CART_HTTP_MAX_BODY=")] = 'x';
	assert_int_equal(settings_load_environment(settings, environment, NULL, NULL, &error), -1);
	assert_string_equal(error.text, "CART_HTTP_MAX_BODY: \"xKiB\" is not a size such as 64KiB");
	settings_free(&settings);
}

static void the_environment_can_name_the_file_and_the_flag_beats_it(void **state)
{
	char config[400];
	char *environment[] = {config, NULL};
	struct settings *settings = make();
	struct cart_error error;
	char words[400];

	(void)state;
	snprintf(config, sizeof(config), "CART_CONFIG=%s", write_file("a.ini", "threads = 11\n"));
	snprintf(words, sizeof(words), "--config=%s", write_file("b.ini", "mode = check\n"));
	assert_int_equal(load(settings, "", environment, NULL, &error), 0);
	assert_int_equal(settings_integer(settings, "threads"), 11);
	settings_free(&settings);
	settings = make();
	assert_int_equal(load(settings, words, environment, NULL, &error), 0);
	assert_int_equal(settings_integer(settings, "threads"), 4);
	assert_string_equal(settings_string(settings, "mode"), "check");
	settings_free(&settings);
}

static void other_arguments_stay_in_order(void **state)
{
	struct settings *settings = make();
	struct cart_error error;
	char left[512];

	(void)state;
	assert_int_equal(load(settings,
			      "get --threads 3 --verbose -x --mode=off id --set mysql.host=a=b "
			      "--customer 5 -- --threads 9",
			      nothing, left, &error),
			 0);
	assert_string_equal(left, "get --verbose -x id --customer 5 -- --threads 9");
	assert_int_equal(settings_integer(settings, "threads"), 3);
	assert_string_equal(settings_string(settings, "mode"), "off");
	assert_string_equal(settings_string(settings, "mysql.host"), "a=b");
	settings_free(&settings);
}

static void a_flag_twice_counts_the_last_time(void **state)
{
	struct settings *settings = make();
	struct cart_error error;

	(void)state;
	assert_int_equal(load(settings, "--threads 3 --threads=5", nothing, NULL, &error), 0);
	assert_int_equal(settings_integer(settings, "threads"), 5);
	settings_free(&settings);
}

static void a_mistake_on_the_command_line_names_the_argument(void **state)
{
	struct settings *settings = make();
	struct cart_error error;

	(void)state;
	assert_string_equal(load_error("--threads", nothing), "--threads needs a value");
	assert_string_equal(load_error("--mysql.host --threads 1", nothing),
			    "--mysql.host needs a value");
	assert_string_equal(load_error("--threads=", nothing),
			    "--threads: \"\" is not a whole number");
	assert_string_equal(load_error("--threads x", nothing),
			    "--threads: \"x\" is not a whole number");
	assert_string_equal(load_error("--set threads", nothing),
			    "--set: \"threads\" is not KEY=VALUE");
	assert_string_equal(load_error("--set", nothing), "--set needs a value");
	assert_string_equal(load_error("--set mysql.hots=a", nothing),
			    "unknown setting \"mysql.hots\" (did you mean \"mysql.host\"?)");
	assert_string_equal(load_error("--config", nothing), "--config needs a value");
	assert_string_equal(load_error("--config=a --config b", nothing),
			    "--config is given twice");
	assert_string_equal(load_error("--config /nowhere/x.ini", nothing),
			    "cannot open /nowhere/x.ini: No such file or directory");

	/* What settings_load() leaves, for the program to refuse. */
	assert_int_equal(settings_unknown_option(settings, "--mysql.hots=a", &error), -1);
	assert_string_equal(error.text,
			    "unknown option \"--mysql.hots\" (did you mean \"--mysql.host\"?)");
	assert_int_equal(settings_unknown_option(settings, "-v", &error), -1);
	assert_string_equal(error.text, "unknown option \"-v\" (--help lists the known ones)");
	settings_free(&settings);
}

static void assert_secret(const struct settings *settings, const char *expected)
{
	char *secret = settings_secret_copy(settings, "mysql.password");

	assert_non_null(secret);
	assert_string_equal(secret, expected);
	settings_secret_free(secret);
}

static void a_secret_comes_from_its_file_and_is_read_again(void **state)
{
	struct settings *settings = make();
	struct cart_error error;
	char words[400];

	(void)state;
	snprintf(words, sizeof(words), "--mysql.password_file %s",
		 write_file("password", "s3cret \"x\"\n"));
	assert_int_equal(load(settings, words, nothing, NULL, &error), 0);
	assert_secret(settings, "s3cret \"x\"");
	assert_int_equal(settings_source(settings, "mysql.password"), SETTING_FLAG);

	write_file("password", "second\r\n");
	assert_secret(settings, "s3cret \"x\"");
	assert_int_equal(settings_reload_secrets(settings, &error), 0);
	assert_secret(settings, "second");
	write_file("password", "two lines\n\n");
	assert_int_equal(settings_reload_secrets(settings, &error), 0);
	assert_secret(settings, "two lines\n"); /* one newline is the file's, not more */
	settings_free(&settings);
}

static void a_secret_is_overwritten_where_it_came_from(void **state)
{
	char variable[] = "CART_MYSQL_PASSWORD=of the environment", other[] = "CART_THREADS=3";
	char *environment[] = {variable, other, NULL};
	char name[] = "cartd", flag[] = "--mysql.password=one", set[] = "--set",
	     pair[] = "mysql.password=two", alone[] = "--mysql.password", word[] = "three";
	char *argv[] = {name, flag, set, pair, alone, word, NULL};
	int argc = 6;
	struct settings *settings = make();
	struct cart_error error;

	(void)state;
	assert_int_equal(settings_load(settings, &argc, argv, environment, NULL, NULL, &error), 0);
	assert_secret(settings, "three");
	assert_string_equal(variable, "CART_MYSQL_PASSWORD=******************");
	assert_string_equal(other, "CART_THREADS=3");
	assert_string_equal(flag, "--mysql.password=***");
	assert_string_equal(pair, "mysql.password=***");
	assert_string_equal(word, "*****");
	settings_free(&settings);
}

static void a_secret_file_that_cannot_be_read_changes_nothing(void **state)
{
	struct settings *settings = make();
	struct cart_error error;
	const char *path = write_file("password", "first");
	char expected[600], big[4200];

	(void)state;
	set(settings, "mysql.password_file", path);
	assert_int_equal(settings_reload_secrets(settings, &error), 0);

	write_file("password", "\n");
	assert_int_equal(settings_reload_secrets(settings, &error), -1);
	snprintf(expected, sizeof(expected), "mysql.password_file: %s is empty", path);
	assert_string_equal(error.text, expected);
	write_bytes("password", "a\0b", 3);
	assert_int_equal(settings_reload_secrets(settings, &error), -1);
	assert_non_null(strstr(error.text, "holds a NUL byte"));
	memset(big, 'x', sizeof(big));
	write_bytes("password", big, sizeof(big));
	assert_int_equal(settings_reload_secrets(settings, &error), -1);
	assert_non_null(strstr(error.text, "longer than the 4096 bytes"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(settings_reload_secrets(settings, &error), -1);
	snprintf(expected, sizeof(expected),
		 "mysql.password_file: cannot open %s: No such file or directory", path);
	assert_string_equal(error.text, expected);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(settings_reload_secrets(settings, &error), -1); /* and does not wait */
	assert_int_equal(unlink(path), 0);
	assert_secret(settings, "first");
	settings_free(&settings);
}

static void of_a_secret_and_its_file_the_stronger_source_wins(void **state)
{
	char by_value[] = "CART_MYSQL_PASSWORD=from-environment";
	char *environment[] = {by_value, NULL};
	struct settings *settings = make();
	struct cart_error error;
	char words[600];

	(void)state;
	/* The environment's value beats the file's path, which need not even be there. */
	write_file("cartd.ini", "[mysql]\npassword_file = /nowhere/password\n");
	snprintf(words, sizeof(words), "--config %s", path_of("cartd.ini"));
	assert_int_equal(load(settings, words, environment, NULL, &error), 0);
	assert_secret(settings, "from-environment");
	assert_int_equal(settings_source(settings, "mysql.password"), SETTING_ENVIRONMENT);
	settings_free(&settings);

	settings = make();
	write_file("cartd.ini", "[mysql]\npassword = from-file\n");
	snprintf(words, sizeof(words), "--config %s --mysql.password_file %s", path_of("cartd.ini"),
		 write_file("password", "from-secret-file\n"));
	assert_int_equal(load(settings, words, environment, NULL, &error), 0);
	assert_secret(settings, "from-secret-file");
	settings_free(&settings);

	assert_string_equal(load_error("--mysql.password a --mysql.password_file /b", nothing),
			    "mysql.password and mysql.password_file are both given: one is enough");
}

/* What a printer prints, to be freed. */
static char *print(const struct settings *settings,
		   void (*printer)(const struct settings *settings, FILE *out))
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	printer(settings, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void what_is_printed_can_be_read_back(void **state)
{
	struct settings *settings = make(), *again = make();

	(void)state;
	set(settings, "listen", "[::1]:80 , b:2");
	set(settings, "threads", "9");
	set(settings, "mode", "off");
	set(settings, "http.max_body", "2KiB");
	set(settings, "http.idle_timeout", "1500ms");
	set(settings, "mysql.tls", "yes");
	set(settings, "mysql.password_file", "/run/secrets/mysql");
	const char *const hosts[] = {"plain",		"",	 " spaces ", "\"quoted\"",    "\"",
				     "; not a comment", "a = b", "[x]",	     "\xc3\xa9 # \\n"};

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		set(settings, "mysql.host", hosts[i]);
		char *text = print(settings, settings_print);

		settings_free(&again);
		again = make();
		assert_string_equal(file_error(again, text), "");
		free(text);
		assert_string_equal(settings_string(again, "mysql.host"), hosts[i]);
		assert_string_equal(settings_string(again, "mysql.password_file"),
				    "/run/secrets/mysql");
		assert_string_equal(settings_list(again, "listen", NULL)[1], "b:2");
		assert_int_equal(settings_integer(again, "threads"), 9);
		assert_string_equal(settings_string(again, "mode"), "off");
		assert_int_equal(settings_integer(again, "http.max_body"), 2048);
		assert_int_equal(settings_integer(again, "http.idle_timeout"), 1500);
		assert_true(settings_bool(again, "mysql.tls"));
	}
	settings_free(&settings);
	settings_free(&again);
}

static void secrets_are_printed_nowhere(void **state)
{
	void (*const printers[])(const struct settings *,
				 FILE *) = {settings_print, settings_print_sample,
					    settings_print_help, settings_print_markdown};
	struct settings *settings = make();

	(void)state;
	set(settings, "mysql.password", "hunter2\nhunter2");
	for (size_t i = 0; i < 4; i++) {
		char *text = print(settings, printers[i]);

		assert_null(strstr(text, "hunter2"));
		assert_non_null(strstr(text, "password"));
		free(text);
	}
	char *text = print(settings, settings_print);

	assert_non_null(strstr(text, "\n# password = ***\n"));
	/* Read back, it sets no password of three stars. */
	struct settings *again = make();

	assert_string_equal(file_error(again, text), "");
	assert_secret(again, "");
	free(text);
	settings_free(&again);
	settings_free(&settings);
}

static void the_effective_settings_say_where_they_come_from(void **state)
{
	struct settings *settings = make();
	struct cart_error error;

	(void)state;
	set(settings, "http.max_body", "2KiB");
	assert_int_equal(settings_set(settings, "mode", "off", SETTING_ENVIRONMENT, &error), 0);
	char *text = print(settings, settings_print);

	assert_string_equal(text, "listen = a:1\n"
				  "threads = 4\n"
				  "# from the environment\n"
				  "mode = off\n"
				  "\n[http]\n"
				  "# from the command line\n"
				  "max_body = 2KiB\n"
				  "idle_timeout = 60s\n"
				  "\n[mysql]\n"
				  "host = localhost\n"
				  "hosts =\n"
				  "tls = false\n"
				  "# password =\n");
	free(text);
	settings_free(&settings);
}

/* Takes the comment sign from "#key = value". */
static void uncomment(char *text)
{
	for (char *line = text; line != NULL && *line != '\0';) {
		if (line[0] == '#' && line[1] != ' ')
			line[0] = ' ';
		line = strchr(line, '\n');
		line = line == NULL ? NULL : line + 1;
	}
}

static void the_sample_file_changes_nothing_and_uncommented_says_the_defaults(void **state)
{
	struct settings *settings = settings_new(), *again = settings_new();
	char *defaults, *sample, *effective;

	(void)state;
	server_settings_add_all(settings);
	server_settings_add_all(again);
	defaults = print(settings, settings_print);
	sample = print(settings, settings_print_sample);
	assert_string_equal(file_error(again, sample), "");
	effective = print(again, settings_print);
	assert_string_equal(effective, defaults);
	uncomment(sample);
	assert_string_equal(file_error(again, sample), "");
	assert_int_equal(settings_source(again, "http.max_body"), SETTING_FILE);
	assert_int_equal(settings_integer(again, "http.max_body"), 65536);
	assert_string_equal(settings_list(again, "listen", NULL)[0], "127.0.0.1:8080");
	free(defaults);
	free(sample);
	free(effective);
	settings_free(&settings);
	settings_free(&again);
}

static void help_and_markdown_have_a_line_a_key(void **state)
{
	struct settings *settings = make();
	char *help = print(settings, settings_print_help);
	char *markdown = print(settings, settings_print_markdown);

	(void)state;
	assert_non_null(strstr(help, "Test:\n  --listen list "));
	assert_non_null(strstr(help, "Help (auto|check|off) [auto]\n"));
	assert_non_null(strstr(help, "Help (1KiB ... 1MiB) [64KiB]\n"));
	assert_non_null(strstr(help, "--mysql.password_file path"));
	assert_non_null(strstr(markdown, "## Test\n\n| Key | Type | Default | Meaning |\n"));
	assert_non_null(strstr(markdown, "\n| `http.idle_timeout` | duration, 100ms ... 1d | `60s` "
					 "| A \\| B |\n"));
	assert_non_null(strstr(markdown,
			       "\n| `mysql.password_file` | path | none | File that holds "
			       "mysql.password; read again on SIGHUP |\n"));
	free(help);
	free(markdown);
	settings_free(&settings);
}

struct reader {
	const struct settings *settings;
	atomic_bool stop;
	atomic_int reads;
	bool wrong;
};

static void *read_secrets(void *user)
{
	struct reader *reader = user;

	while (!atomic_load(&reader->stop)) {
		char *secret = settings_secret_copy(reader->settings, "mysql.password");

		if (secret == NULL || strspn(secret, "a") + strspn(secret, "b") != 200)
			reader->wrong = true;
		settings_secret_free(secret);
		atomic_fetch_add(&reader->reads, 1);
	}
	return NULL;
}

static void secrets_can_be_read_while_they_are_reloaded(void **state)
{
	struct settings *settings = make();
	struct reader reader = {.settings = settings};
	struct cart_error error;
	char secret[200];
	pthread_t thread;

	(void)state;
	memset(secret, 'a', sizeof(secret));
	set(settings, "mysql.password_file", write_bytes("password", secret, sizeof(secret)));
	assert_int_equal(settings_reload_secrets(settings, &error), 0);
	assert_int_equal(pthread_create(&thread, NULL, read_secrets, &reader), 0);
	for (int i = 0; i < 200 || atomic_load(&reader.reads) < 200; i++) {
		memset(secret, i % 2 == 0 ? 'b' : 'a', sizeof(secret));
		write_bytes("password", secret, sizeof(secret));
		assert_int_equal(settings_reload_secrets(settings, &error), 0);
	}
	atomic_store(&reader.stop, true);
	pthread_join(thread, NULL);
	assert_false(reader.wrong);
	settings_free(&settings);
}

static void the_tables_of_the_service_fit_together(void **state)
{
	struct settings *settings = settings_new();

	(void)state;
	/* A default out of range, or a key in two tables, would abort here. */
	server_settings_add_all(settings);
	assert_true(settings_known(settings, "listen"));
	assert_true(settings_known(settings, "cart.ttl"));
	assert_true(settings_known(settings, "log.level"));
	settings_free(&settings);
}

struct pair_case {
	const char *key, *value; /* set besides what makes others fit */
	const char *set[6];	 /* key, value, ... */
	const char *error;	 /* NULL: it is fine */
};

static void check_pair(const struct pair_case *pair)
{
	struct settings *settings = settings_new();
	struct cart_error error = {""};
	int rc;

	server_settings_add_all(settings);
	for (size_t i = 0; i < 6 && pair->set[i] != NULL; i += 2)
		assert_int_equal(settings_set(settings, pair->set[i], pair->set[i + 1],
					      SETTING_FLAG, &error),
				 0);
	assert_int_equal(settings_set(settings, pair->key, pair->value, SETTING_FLAG, &error), 0);
	rc = server_settings_check(settings, &error);
	if ((rc == 0) != (pair->error == NULL) ||
	    (rc != 0 && strncmp(error.text, pair->error, strlen(pair->error)) != 0))
		fail_msg("%s=%s: %s", pair->key, pair->value, rc == 0 ? "fine" : error.text);
	assert_null(strchr(error.text, '\n'));
	settings_free(&settings);
}

static void settings_that_contradict_each_other_are_refused_by_both_names(void **state)
{
	static const struct pair_case pairs[] = {
		{"idempotency.window",
		 "19s",
		 {NULL},
		 "idempotency.window is 19s, but must be at "
		 "least 2 x request.deadline + clock.skew, which is 20s: the repeat of a request"},
		{"idempotency.window", "20s", {NULL}, NULL},
		{"idempotency.window",
		 "1s",
		 {"request.deadline", "500ms", "clock.skew", "0"},
		 NULL},
		{"clock.skew", "11m", {NULL}, "idempotency.window is 10m, but must be"},
		{"request.deadline",
		 "10s",
		 {"idempotency.window", "29s"},
		 "idempotency.window is "
		 "29s"},
		{"cart.ttl",
		 "599s",
		 {NULL},
		 "cart.ttl is 599s, but must be at least "
		 "idempotency.window, which is 10m: the repeat of a create"},
		{"cart.ttl", "10m", {NULL}, NULL},
		{"cart.ttl", "0", {NULL}, NULL},
		{"sweep.grace",
		 "9s",
		 {NULL},
		 "sweep.grace is 9s, but must be at least clock.skew, "
		 "which is 10s: "},
		{"sweep.grace", "0", {"clock.skew", "0"}, NULL},
		{"drain.deadline",
		 "4s",
		 {NULL},
		 "drain.deadline is 4s, but must be at least "
		 "request.deadline, which is 5s: "},
		{"drain.deadline", "5s", {NULL}, NULL},
		{"drain.deadline", "0", {NULL}, NULL},
		{"http.idle_timeout",
		 "9s",
		 {NULL},
		 "http.idle_timeout is 9s, but must be at least "
		 "http.header_deadline, which is 10s: "},
		{"http.header_deadline", "60s", {NULL}, NULL},
		{"mysql.lock_timeout",
		 "6s",
		 {"backend", "mysql"},
		 "request.deadline is 5s, but must "
		 "be at least mysql.lock_timeout, which is 6s: "},
		{"mysql.lock_timeout", "6s", {"backend", "dynamodb"}, NULL},
		{"dynamodb.timeout",
		 "6s",
		 {"backend", "dynamodb"},
		 "request.deadline is 5s, but "
		 "must be at least dynamodb.timeout, which is 6s: "},
		{"dynamodb.timeout", "6s", {"backend", "sqlite"}, NULL},
		/* Each thread has a connection whatever the pool. */
		{"threads", "9", {"backend", "mysql"}, NULL},
		{"threads", "65", {"backend", "dynamodb"}, NULL},
	};

	(void)state;
	check_pair(&(struct pair_case){.key = "threads", .value = "0"}); /* the defaults */
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		check_pair(&pairs[i]);
}

static int make_directory(void **state)
{
	(void)state;
	cartd_make_directory(directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	cartd_remove_directory(directory);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_hold_until_something_is_said),
		cmocka_unit_test(flag_beats_environment_beats_file_beats_default),
		cmocka_unit_test(a_list_of_a_stronger_source_replaces_and_of_the_same_adds),
		cmocka_unit_test(good_values_of_every_type_are_taken),
		cmocka_unit_test(bad_values_of_every_type_are_refused_by_a_line_that_helps),
		cmocka_unit_test(a_long_value_is_cut_in_the_error_between_characters),
		cmocka_unit_test(an_unknown_key_is_refused_with_the_nearest_known),
		cmocka_unit_test(a_file_holds_sections_comments_and_quotes),
		cmocka_unit_test(a_mistake_in_a_file_is_named_with_its_line),
		cmocka_unit_test(what_is_no_text_file_is_refused),
		cmocka_unit_test(the_environment_is_taken_by_upper_case_names),
		cmocka_unit_test(the_environment_can_name_the_file_and_the_flag_beats_it),
		cmocka_unit_test(other_arguments_stay_in_order),
		cmocka_unit_test(a_flag_twice_counts_the_last_time),
		cmocka_unit_test(a_mistake_on_the_command_line_names_the_argument),
		cmocka_unit_test(a_secret_comes_from_its_file_and_is_read_again),
		cmocka_unit_test(a_secret_is_overwritten_where_it_came_from),
		cmocka_unit_test(a_secret_file_that_cannot_be_read_changes_nothing),
		cmocka_unit_test(of_a_secret_and_its_file_the_stronger_source_wins),
		cmocka_unit_test(what_is_printed_can_be_read_back),
		cmocka_unit_test(secrets_are_printed_nowhere),
		cmocka_unit_test(the_effective_settings_say_where_they_come_from),
		cmocka_unit_test(the_sample_file_changes_nothing_and_uncommented_says_the_defaults),
		cmocka_unit_test(help_and_markdown_have_a_line_a_key),
		cmocka_unit_test(secrets_can_be_read_while_they_are_reloaded),
		cmocka_unit_test(the_tables_of_the_service_fit_together),
		cmocka_unit_test(settings_that_contradict_each_other_are_refused_by_both_names),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
