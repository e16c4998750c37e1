/*
 * Connections are made and closed here, in helper threads, because both can block: in the resolver,
 * in TCP, in TLS, in the goodbye. A process has one connector; its loops ask it for connections and
 * get them through a mailbox each, and hand back what they want closed.
 *
 * The happy path: a loop asks; a helper thread connects to the host that writes go to, sets the
 * session up, and the loop's callback gets the connection, non-blocking from then on. The ways in
 * which it fails: the host cannot be reached, or refuses, or does not accept writes: its circuit
 * breaker opens for a while (doubling up to a second, with jitter, then one try at a time) and
 * the next host in order is tried; none is left: the ask fails, and the loop asks again later. A
 * host that has no room for another connection is left alone likewise, but stays the writer. A host
 * that fails for a connection in use is reported by sql_connector_report().
 *
 * All connections for writing go to one host at a time, the first in order that accepted writes
 * when one had to be chosen; it stays the chosen one until it fails. Choosing another one
 * begins a new epoch: connections of an older one are to be discarded by their loops as soon as
 * they are idle. So a process never writes to two hosts on purpose.
 */
#ifndef BACKENDS_MYSQL_CONNECTOR_H
#define BACKENDS_MYSQL_CONNECTOR_H

#include "backends/mysql/options.h"
#include "core/base/clock.h"

#include <mysql.h>

struct event_base;
struct sql_connector;
struct sql_mailbox;

enum sql_role {
	SQL_WRITER, /* the host that accepts writes */
	SQL_READER, /* one of mysql.read_host; need not accept writes */
	SQL_FORMER, /* the host that accepted writes last, for reads while none does: nobody has
		       written elsewhere, as far as this process knows */
	SQL_ROLES
};

/*
 * An open connection, for non-blocking calls (a blocking one would switch it over), with its
 * session set up: READ COMMITTED, autocommit, strict, utf8mb4; waits for locks, of rows and of
 * tables, end after mysql.lock_timeout. It takes several statements in one text, and counts rows
 * found, not rows changed. Under TLS the library heeds no timeout and asks for none: whoever waits
 * for an answer keeps the time himself.
 */
struct sql_link {
	MYSQL *mysql; /* the holder's alone */
	enum sql_role role;
	size_t host;	   /* which one of its role */
	uint64_t epoch;	   /* of a writer: see sql_connector_epoch(); of a reader 0 */
	int64_t retire_ns; /* monotonic: its lifetime's end, jitter included; INT64_MAX: none */
};

/* What went wrong with a connection in use, as far as its host is concerned. */
enum sql_report {
	SQL_REPORT_LOST,      /* it broke, or no answer came: one try to connect decides */
	SQL_REPORT_READ_ONLY, /* the host does not accept writes (1290, 1047, ...): not this one */
};

/*
 * An ask, in the memory of whoever asks, who leaves it alone until done() is called, once, on the
 * loop. link.mysql is NULL when it failed; error then says why in one line.
 */
struct sql_ask {
	enum sql_role role;
	void (*done)(struct sql_ask *ask);
	void *user;
	struct sql_link link;
	struct cart_error error;
	bool read_only;	  /* if it failed, and a writer was asked for: a host answers, read-only */
	int64_t retry_ns; /* if it failed: asking before this (monotonic) is of no use */
	struct {
		struct sql_mailbox *mailbox;
		struct sql_ask *next;
		size_t tries;
	} held;
};

/* Starts the helper threads; connects to nothing. options are copied, the settings that they came
 * from outlive it. NULL: error says why. */
struct sql_connector *sql_connector_new(const struct sql_options *options,
					const struct cart_clock *clock, struct cart_error *error);
/* Waits until everything handed to sql_connector_close() is closed, but at most a second for a
 * server or a resolver that does not answer. Every mailbox is freed. Takes NULL; sets it. */
void sql_connector_free(struct sql_connector **connector);

/* A loop's. NULL: no memory, no descriptors. */
struct sql_mailbox *sql_mailbox_new(struct sql_connector *connector, struct event_base *base);
/* On the loop, outside of done(). Asks under way are forgotten: their done() is not called, and
 * connections made for them are closed; their memory may go. Takes NULL; sets it. */
void sql_mailbox_free(struct sql_mailbox **mailbox);

/* Asks for a connection; never calls done() inside. */
void sql_connector_ask(struct sql_mailbox *mailbox, struct sql_ask *ask);

/* Any thread. Closes the connection in a helper thread, whatever its state: a non-blocking call may
 * be suspended in it, which then ends in that thread; results that were handed out are freed
 * before. No event waits for its socket any more. Takes NULL. */
void sql_connector_close(struct sql_connector *connector, MYSQL *mysql);

/* Any thread. */
void sql_connector_report(struct sql_connector *connector, const struct sql_link *link,
			  enum sql_report what);

/* Any thread: the epoch of connections that are still good to write to; 0 before the first. */
uint64_t sql_connector_epoch(const struct sql_connector *connector);

/*
 * Connects on this thread, for provisioning and sweeping, by the same rules: a connection for
 * blocking calls. -1: error names host and cause. *link is closed by mysql_close(). A
 * thread that ends calls mysql_thread_end().
 */
CART_MUST_CHECK int sql_connect(struct sql_connector *connector, enum sql_role role,
				struct sql_link *link, struct cart_error *error);

/* "10.11.19-MariaDB" of the last server that was connected to; "" before. */
void sql_connector_version(const struct sql_connector *connector, char *text, size_t room);

/* For metrics: breakers that are open now; connects that succeeded, and failed. */
size_t sql_connector_open_breakers(const struct sql_connector *connector);
uint64_t sql_connector_connects(const struct sql_connector *connector);
uint64_t sql_connector_failures(const struct sql_connector *connector);

#endif
