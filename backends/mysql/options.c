/*
 * The settings of the MySQL backend, read once at the start. What would only show as a puzzling
 * error of the first connection, or not at all, is refused here: an address that is none, a
 * certificate that nothing would use, two ways to the server at once.
 */
#include "backends/mysql/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define SQL_HOST_NAME_MAX     253 /* RFC 1035, as text */
#define SQL_DATABASE_NAME_MAX 64
#define SQL_USER_NAME_MAX     128 /* MariaDB's; MySQL's is 32 */
#define SQL_HOUR_MS	      (INT64_C(3600) * 1000)

static const char *const sql_tls_choices[] = {
	[SQL_TLS_OFF] = "off",
	[SQL_TLS_REQUIRED] = "required",
	[SQL_TLS_VERIFY_CA] = "verify_ca",
	[SQL_TLS_VERIFY] = "verify",
	NULL,
};

const struct setting sql_settings[] = {
	{.key = "mysql.host",
	 .type = SETTING_LIST,
	 .fallback = "127.0.0.1",
	 .min = 1,
	 .max = SQL_HOSTS_MAX,
	 .help = "Servers as HOST, HOST:PORT or [IPV6]:PORT; the first that accepts writes is "
		 "used"},
	{.key = "mysql.port",
	 .type = SETTING_INTEGER,
	 .fallback = "3306",
	 .min = 1,
	 .max = 65535,
	 .help = "Port of the hosts that name none"},
	{.key = "mysql.socket",
	 .type = SETTING_STRING,
	 .fallback = "",
	 .help = "Unix socket of a server on this machine, in place of mysql.host"},
	{.key = "mysql.user",
	 .type = SETTING_STRING,
	 .fallback = "cart",
	 .help = "Account to log in with; the backend's page lists the grants it needs"},
	{.key = "mysql.password",
	 .type = SETTING_SECRET,
	 .fallback = "",
	 .help = "Its password; a new one is used from the next connection on"},
	{.key = "mysql.database",
	 .type = SETTING_STRING,
	 .fallback = "cart",
	 .help = "Database that holds the tables; it must exist"},
	{.key = "mysql.pool",
	 .type = SETTING_INTEGER,
	 .fallback = "8",
	 .min = 1,
	 .max = 1000,
	 .help = "Connections a process keeps open, spread over its loops, at least one for each"},
	{.key = "mysql.batch",
	 .type = SETTING_INTEGER,
	 .fallback = "32",
	 .min = 1,
	 .max = 256,
	 .help = "Requests that one round trip may carry"},
	{.key = "mysql.queue",
	 .type = SETTING_INTEGER,
	 .fallback = "10000",
	 .min = 1,
	 .max = 1000000,
	 .help = "Requests that may wait for a connection; beyond it they are refused with 503"},
	{.key = "mysql.acquire_timeout",
	 .type = SETTING_DURATION,
	 .fallback = "1s",
	 .min = 1,
	 .max = SQL_HOUR_MS,
	 .help = "How long a request waits for a connection before it is refused with 503"},
	{.key = "mysql.connect_timeout",
	 .type = SETTING_DURATION,
	 .fallback = "2s",
	 .min = 10,
	 .max = 60 * 1000,
	 .help = "How long opening a connection may take, logging in included"},
	{.key = "mysql.timeout",
	 .type = SETTING_DURATION,
	 .fallback = "10s",
	 .min = 10,
	 .max = SQL_HOUR_MS,
	 .help = "A connection whose answer takes longer is given up"},
	{.key = "mysql.lock_timeout",
	 .type = SETTING_DURATION,
	 .fallback = "1s",
	 .min = 1000,
	 .max = SQL_HOUR_MS,
	 .help = "How long a change waits for a row that another client of the database has "
		 "locked, before it is refused with 503"},
	{.key = "mysql.lifetime",
	 .type = SETTING_DURATION,
	 .fallback = "30m",
	 .min = 0,
	 .max = 30 * 24 * SQL_HOUR_MS,
	 .help = "A connection is replaced after at most this long; 0: never"},
	{.key = "mysql.ping_after",
	 .type = SETTING_DURATION,
	 .fallback = "30s",
	 .min = 0,
	 .max = 24 * SQL_HOUR_MS,
	 .help = "A connection is pinged when it has been idle for so long; 0: never"},
	{.key = "mysql.tls",
	 .type = SETTING_CHOICE,
	 .fallback = "off",
	 .choices = sql_tls_choices,
	 .help = "Encryption: off, required (anybody's certificate), verify_ca (its authority is "
		 "checked), verify (and its name)"},
	{.key = "mysql.tls_ca",
	 .type = SETTING_STRING,
	 .fallback = "",
	 .help = "PEM file of the authorities to trust; empty, with mysql.tls=verify: the "
		 "system's"},
	{.key = "mysql.tls_cert",
	 .type = SETTING_STRING,
	 .fallback = "",
	 .help = "PEM file of our own certificate, where the server asks for one"},
	{.key = "mysql.tls_key",
	 .type = SETTING_STRING,
	 .fallback = "",
	 .help = "PEM file of the key of mysql.tls_cert"},
	{.key = "mysql.read_host",
	 .type = SETTING_LIST,
	 .fallback = "",
	 .min = 0,
	 .max = SQL_HOSTS_MAX,
	 .help = "Replicas for reads with consistency=eventual, as mysql.host; empty: none. Not "
		 "used with cache.carts"},
	{.key = "mysql.sweep_interval",
	 .type = SETTING_DURATION,
	 .fallback = "1m",
	 .min = 0,
	 .max = 24 * SQL_HOUR_MS,
	 .help = "How often expired carts and old idempotency keys are removed; 0: never"},
	{0},
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

/* What may stand in a name or an address; a scope (fe80::1%eth0) too. */
static bool sql_host_is_name(const char *text, size_t len)
{
	if (len == 0 || len > SQL_HOST_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c <= ' ' || c >= 0x7f || strchr("/@[]\"'\\", c) != NULL)
			return false;
	}
	return true;
}

static bool sql_port_parse(const char *text, unsigned *port)
{
	unsigned long value;

	if (*text < '1' || *text > '9' || strlen(text) > 5 ||
	    strspn(text, "0123456789") != strlen(text))
		return false;
	value = strtoul(text, NULL, 10);
	*port = (unsigned)value;
	return value <= 65535;
}

/* Sets the parts of an entry. NULL, or what is wrong with it. */
static const char *sql_host_split(const char *entry, const char **name, size_t *len, unsigned *port)
{
	const char *colon = strchr(entry, ':');
	const char *end;

	if (*entry == '[') {
		end = strchr(entry, ']');
		if (end == NULL)
			return "has no closing bracket";
		*name = entry + 1;
		*len = (size_t)(end - *name);
		if (memchr(*name, ':', *len) == NULL)
			return "has brackets around what is no IPv6 address";
		colon = end[1] != '\0' ? end + 1 : NULL;
		if (colon != NULL && *colon != ':')
			return "has text after its brackets that is no :PORT";
	} else {
		if (colon != NULL && strchr(colon + 1, ':') != NULL)
			return "is an IPv6 address without brackets: write [ADDRESS] or "
			       "[ADDRESS]:PORT";
		*name = entry;
		*len = colon != NULL ? (size_t)(colon - entry) : strlen(entry);
	}
	if (!sql_host_is_name(*name, *len))
		return "names no host";
	if (colon != NULL && !sql_port_parse(colon + 1, port))
		return "has a port that is not 1 ... 65535";
	return NULL;
}

static int sql_host_read(struct sql_host *host, const char *key, const char *entry,
			 unsigned default_port, struct cart_error *error)
{
	const char *name, *wrong;
	size_t len;

	host->port = default_port;
	wrong = sql_host_split(entry, &name, &len, &host->port);
	if (wrong != NULL)
		return cart_error_set(error, "%s: \"%s\" %s", key, entry, wrong);
	host->host = strndup(name, len);
	return host->host != NULL ? 0 : cart_error_set(error, "out of memory");
}

static int sql_hosts_read(struct sql_host *hosts, size_t *count, const struct settings *settings,
			  const char *key, struct cart_error *error)
{
	unsigned port = (unsigned)settings_integer(settings, "mysql.port");
	const char *const *list = settings_list(settings, key, NULL);

	for (; list[*count] != NULL; ++*count) {
		if (sql_host_read(&hosts[*count], key, list[*count], port, error) != 0)
			return -1;
		for (size_t i = 0; i < *count; i++) {
			if (hosts[i].port == hosts[*count].port &&
			    strcasecmp(hosts[i].host, hosts[*count].host) == 0) {
				++*count; /* it is to be freed too */
				return cart_error_set(error, "%s names %s twice", key,
						      list[*count - 1]);
			}
		}
	}
	return 0;
}

static int sql_options_hosts(struct sql_options *options, const struct settings *settings,
			     struct cart_error *error)
{
	if (*options->socket == '\0')
		return sql_hosts_read(options->hosts, &options->host_count, settings, "mysql.host",
				      error);
	if (settings_source(settings, "mysql.host") != SETTING_DEFAULT)
		return cart_error_set(error, "mysql.socket and mysql.host exclude each other");
	if (strlen(options->socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return cart_error_set(error, "mysql.socket is too long for a socket's path: %s",
				      options->socket);
	options->host_count = 1;
	return 0;
}

static int sql_options_file(const char *key, const char *path, struct cart_error *error)
{
	if (*path != '\0' && access(path, R_OK) != 0)
		return cart_error_set(error, "%s: cannot read %s: %s", key, path, strerror(errno));
	return 0;
}

/* A file that would have no effect is an error, because its owner relies on it. */
static int sql_options_tls(struct sql_options *options, const struct settings *settings,
			   struct cart_error *error)
{
	const char *mode = settings_string(settings, "mysql.tls");

	options->tls = SQL_TLS_OFF;
	while (strcmp(mode, sql_tls_choices[options->tls]) != 0)
		options->tls++;
	if (*options->tls_ca != '\0' && options->tls < SQL_TLS_VERIFY_CA)
		return cart_error_set(
			error, "mysql.tls_ca checks nothing with mysql.tls=%s: use verify", mode);
	/* The system's authorities give certificates to anybody. */
	if (*options->tls_ca == '\0' && options->tls == SQL_TLS_VERIFY_CA)
		return cart_error_set(error, "mysql.tls=verify_ca needs mysql.tls_ca");
	if ((*options->tls_cert != '\0') != (*options->tls_key != '\0'))
		return cart_error_set(error, "mysql.tls_cert and mysql.tls_key go together");
	if (*options->tls_cert != '\0' && options->tls == SQL_TLS_OFF)
		return cart_error_set(error, "mysql.tls_cert is not used with mysql.tls=off");
	if (sql_options_file("mysql.tls_ca", options->tls_ca, error) != 0 ||
	    sql_options_file("mysql.tls_cert", options->tls_cert, error) != 0 ||
	    sql_options_file("mysql.tls_key", options->tls_key, error) != 0)
		return -1;
	return 0;
}

static int sql_options_account(const struct sql_options *options, struct cart_error *error)
{
	if (*options->user == '\0' || strlen(options->user) > SQL_USER_NAME_MAX)
		return cart_error_set(error, "mysql.user must have 1 to %d bytes",
				      SQL_USER_NAME_MAX);
	if (*options->database == '\0' || strlen(options->database) > SQL_DATABASE_NAME_MAX)
		return cart_error_set(error, "mysql.database must have 1 to %d bytes",
				      SQL_DATABASE_NAME_MAX);
	return 0;
}

/* Its strings made its own. */
static int sql_options_own(struct sql_options *options)
{
	char **const strings[] = {&options->socket, &options->user,	&options->database,
				  &options->tls_ca, &options->tls_cert, &options->tls_key};
	bool whole = true;

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		*strings[i] = strdup(*strings[i]);
		whole = whole && *strings[i] != NULL;
	}
	for (size_t i = 0; i < options->host_count; i++) {
		if (options->hosts[i].host != NULL)
			whole = (options->hosts[i].host = strdup(options->hosts[i].host)) != NULL &&
				whole;
	}
	for (size_t i = 0; i < options->read_host_count; i++)
		whole = (options->read_hosts[i].host = strdup(options->read_hosts[i].host)) !=
				NULL &&
			whole;
	if (whole)
		return 0;
	sql_options_clear(options);
	return -1;
}

int sql_options_copy(struct sql_options *to, const struct sql_options *from)
{
	*to = *from;
	return sql_options_own(to);
}

static char *sql_options_string(const struct settings *settings, const char *key)
{
	return (char *)settings_string(settings, key);
}

int sql_options_read(struct sql_options *options, const struct settings *settings,
		     struct cart_error *error)
{
	*options = (struct sql_options){
		.settings = settings,
		.socket = sql_options_string(settings, "mysql.socket"),
		.user = sql_options_string(settings, "mysql.user"),
		.database = sql_options_string(settings, "mysql.database"),
		.tls_ca = sql_options_string(settings, "mysql.tls_ca"),
		.tls_cert = sql_options_string(settings, "mysql.tls_cert"),
		.tls_key = sql_options_string(settings, "mysql.tls_key"),
		.connect_timeout_ms = settings_integer(settings, "mysql.connect_timeout"),
		.timeout_ms = settings_integer(settings, "mysql.timeout"),
		.lock_timeout_ms = settings_integer(settings, "mysql.lock_timeout"),
		.lifetime_ms = settings_integer(settings, "mysql.lifetime"),
	};
	if (sql_options_own(options) != 0)
		return cart_error_set(error, "out of memory");
	if (sql_options_account(options, error) == 0 &&
	    sql_options_tls(options, settings, error) == 0 &&
	    sql_options_hosts(options, settings, error) == 0 &&
	    sql_hosts_read(options->read_hosts, &options->read_host_count, settings,
			   "mysql.read_host", error) == 0)
		return 0;
	sql_options_clear(options);
	return -1;
}

void sql_options_clear(struct sql_options *options)
{
	free(options->socket);
	free(options->user);
	free(options->database);
	free(options->tls_ca);
	free(options->tls_cert);
	free(options->tls_key);
	for (size_t i = 0; i < SQL_HOSTS_MAX; i++) {
		free(options->hosts[i].host);
		free(options->read_hosts[i].host);
	}
	*options = (struct sql_options){0};
}
