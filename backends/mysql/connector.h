/*
 * Opens and closes connections in threads, because both can block: in the resolver, in TCP, in TLS,
 * in the goodbye. A process has one connector; its loops ask it for connections, get them through a
 * mailbox each, and hand back those that are to be closed.
 *
 * The happy path: a loop asks; a thread connects to the host that writes go to, sets the session
 * up, and the loop's callback gets the connection, non-blocking from then on. Failures: the host
 * cannot be reached, refuses, or accepts no writes: its circuit breaker opens for a while (doubling
 * up to a second, with jitter, then one attempt at a time) and the next host in order is tried; no
 * host is left: the ask fails, and the loop asks again later. A host that has no room for another
 * connection is not tried for a while either, but stays the writer. A host that fails a connection
 * in use is reported with sql_connector_report(); the session of a lost one, which its server may
 * keep, is ended over the next connection to that host.
 *
 * While the host that writes go to has no room for another connection, an ask that says "wanted"
 * waits for one of the process's own: loops that have one to spare are woken, and hand it over with
 * sql_connector_give(). Those who wait are served in their order. So fewer connections than loops
 * serve every loop, and nothing is closed and opened for it.
 *
 * All connections for writing go to one host at a time: the first in order that accepted writes
 * when one had to be chosen; it stays chosen until it fails. Choosing another host begins a new
 * epoch: loops discard connections of an older one as soon as they are idle. So a process never
 * knowingly writes to two hosts.
 */
#ifndef BACKENDS_MYSQL_CONNECTOR_H
#define BACKENDS_MYSQL_CONNECTOR_H

#include "backends/mysql/hosts.h"
#include "core/base/clock.h"

#include <mysql.h>

struct event_base;
struct sql_connector;
struct sql_mailbox;

/*
 * An open connection for non-blocking calls (a blocking call would change its mode), with its
 * session set up: READ COMMITTED, autocommit, strict, utf8mb4; waits for locks of rows and tables
 * end after mysql.lock_timeout. It takes several statements in one text, and counts rows found, not
 * rows changed. Under TLS the library has no timeouts: the holder watches the time.
 */
struct sql_link {
	MYSQL *mysql; /* owned by the holder */
	enum sql_role role;
	size_t host;	   /* which one of its role */
	uint64_t epoch;	   /* of a writer: see sql_connector_epoch(); of a reader 0 */
	int64_t mark;	   /* of a writer's session: see session.c; of a reader 0 */
	int64_t retire_ns; /* monotonic: its lifetime's end, jitter included; INT64_MAX: none */
};

/* What a connection in use has shown about its host. */
enum sql_report {
	SQL_REPORT_LOST,      /* it broke, or no answer came: one attempt to connect decides */
	SQL_REPORT_READ_ONLY, /* the host accepts no writes (1290, 1047, ...): choose another */
};

/*
 * An ask, in the caller's memory, which the caller does not touch until done() is called, once, on
 * the loop. link.mysql is NULL when it failed; error then says why in one line.
 */
struct sql_ask {
	enum sql_role role;
	void (*done)(struct sql_ask *ask);
	void *user;
	bool wanted; /* of a writer: if the host is full, wait for one that another hands over */
	struct sql_link link;
	bool given; /* the connection was handed over by another */
	struct cart_error error;
	bool read_only;	  /* a writer was asked for, and the last host tried is read-only */
	bool full;	  /* the last host tried has no room for another connection */
	int64_t retry_ns; /* if it failed: asking again before this (monotonic) is useless */
	struct {
		struct sql_mailbox *mailbox;
		struct sql_ask *next;
		size_t tries;
	} held;
};

/* Starts the threads; connects to nothing. options are copied; the settings that they came from
 * outlive the connector. NULL: error says why. */
struct sql_connector *sql_connector_new(const struct sql_options *options,
					const struct cart_clock *clock, struct cart_error *error);
/* Waits until everything given to sql_connector_close() is closed, but at most a second for a
 * server or a resolver that does not answer. Every mailbox was freed before. Takes NULL; sets it.
 */
void sql_connector_free(struct sql_connector **connector);

/* One for each loop. NULL: no memory, no descriptors. */
struct sql_mailbox *sql_mailbox_new(struct sql_connector *connector, struct event_base *base);
/* On the loop, outside of done(). Open asks are forgotten: their done() is not called, connections
 * made for them are closed, and their memory may be freed. Takes NULL; sets it. */
void sql_mailbox_free(struct sql_mailbox **mailbox);

/* Asks for a connection; never calls done() inside. */
void sql_connector_ask(struct sql_mailbox *mailbox, struct sql_ask *ask);

/* Names what is called on the mailbox's loop when a connection is wanted while it has some to
 * spare. */
void sql_mailbox_lend(struct sql_mailbox *mailbox, void (*give)(void *user), void *user);
/* On the loop, before it looks whether a connection is wanted: how many it has to spare. */
void sql_mailbox_spare(struct sql_mailbox *mailbox, size_t spare);
/* Any thread: asks wait for a connection for writing that is handed over. */
bool sql_connector_wanted(const struct sql_connector *connector);
/* Any thread. Hands an idle connection for writing over to the one who has waited longest. No
 * event waits for its socket any more. False: nobody wants it. */
CART_MUST_CHECK bool sql_connector_give(struct sql_connector *connector,
					const struct sql_link *link);

/* Any thread. Closes the connection in the closing thread, whatever its state: a suspended
 * non-blocking call ends in that thread. Its results are freed before, and no event waits for its
 * socket any more. Takes NULL. */
void sql_connector_close(struct sql_connector *connector, MYSQL *mysql);

/* Any thread. */
void sql_connector_report(struct sql_connector *connector, const struct sql_link *link,
			  enum sql_report what);

/* The name of a connection's host. */
void sql_connector_host(const struct sql_connector *connector, const struct sql_link *link,
			char text[SQL_HOST_TEXT]);

/* Any thread: the epoch of connections that may still be written to; 0 before the first. */
uint64_t sql_connector_epoch(const struct sql_connector *connector);

/*
 * Connects on this thread, for provisioning and sweeping, by the same rules. The connection is for
 * blocking calls and is closed by mysql_close(); if the host is full, it is one that a loop has
 * handed over. Otherwise error names host and cause;
 * SQL_OUTCOME_REFUSED: every host refuses us for a reason that only a person can change. A thread
 * that ends calls mysql_thread_end().
 */
CART_MUST_CHECK enum sql_outcome sql_connect(struct sql_connector *connector, enum sql_role role,
					     struct sql_link *link, struct cart_error *error);

/* The service was started without its database: who provisions it has logged that, and logs when
 * it is there. */
bool sql_connector_is_starting(const struct sql_connector *connector);
/* That, or the log says of each host for writing that it cannot be used. */
bool sql_connector_down_is_known(struct sql_connector *connector);
/* Closes such a connection, which has no transaction or named lock any more, or hands it over to a
 * loop that wants one. */
void sql_disconnect(struct sql_connector *connector, struct sql_link *link);

/* "10.11.19-MariaDB" of the last server that was connected to; "" before. */
void sql_connector_version(struct sql_connector *connector, char *text, size_t room);
/* Of the last server for writing that was connected to. */
struct sql_durability sql_connector_durability(struct sql_connector *connector);

/* For metrics: breakers that are open now; connects that succeeded, and failed. */
size_t sql_connector_open_breakers(struct sql_connector *connector);
uint64_t sql_connector_connects(const struct sql_connector *connector);
uint64_t sql_connector_failures(const struct sql_connector *connector);

#endif
