/*
 * What the settings say of a server, its hosts and how to speak with them. Names of this backend
 * start with sql_, because the client library has taken mysql_.
 */
#ifndef BACKENDS_MYSQL_OPTIONS_H
#define BACKENDS_MYSQL_OPTIONS_H

#include "core/base/error.h"
#include "core/settings/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SQL_HOSTS_MAX 16

/* One address. host is NULL for the Unix socket of mysql.socket. */
struct sql_host {
	char *host;
	unsigned port;
};

/* "db1:3306", "[::1]:3306" or the socket's path. */
#define SQL_HOST_TEXT 272
void sql_host_print(char text[SQL_HOST_TEXT], const struct sql_host *host, const char *socket);

enum sql_tls {
	SQL_TLS_OFF,
	SQL_TLS_REQUIRED,  /* encrypted; anybody's certificate */
	SQL_TLS_VERIFY_CA, /* and the certificate comes from mysql.tls_ca */
	SQL_TLS_VERIFY	   /* and it is for the host's name */
};

struct cart_db;
struct clock_skew;

struct sql_options {
	const struct settings *settings; /* for mysql.password, read anew for each connection */
	struct sql_host hosts[SQL_HOSTS_MAX]; /* mysql.host, or the socket alone */
	size_t host_count;
	struct sql_host read_hosts[SQL_HOSTS_MAX]; /* mysql.read_host */
	size_t read_host_count;
	char *socket; /* "" where nothing is set, like the following */
	char *user;
	char *database;
	enum sql_tls tls;
	char *tls_ca;
	char *tls_cert;
	char *tls_key;
	int64_t connect_timeout_ms;
	int64_t timeout_ms;	  /* an answer takes longer: the connection is given up */
	int64_t lock_timeout_ms;  /* the server waits so long for a row */
	int64_t lifetime_ms;	  /* 0: for ever */
	bool feed;		  /* sessions write events */
	struct clock_skew *skew;  /* of no setting; NULL: nobody asks for the server's clock */
	const struct cart_db *db; /* the same; NULL: nobody provisions it while it is in use */
};

/* Reads the settings. -1: error names the setting and what is wrong with it. */
CART_MUST_CHECK int sql_options_read(struct sql_options *options, const struct settings *settings,
				     struct cart_error *error);
/* A copy of its own. -1: no memory, and it is zeroed. */
CART_MUST_CHECK int sql_options_copy(struct sql_options *to, const struct sql_options *from);
/* Takes a zeroed one; zeroes it. */
void sql_options_clear(struct sql_options *options);

/* The table of the backend's settings. */
extern const struct setting sql_settings[];

#endif
