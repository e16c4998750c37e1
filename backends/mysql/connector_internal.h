/*
 * What the files of the connector share: connector.c (its life), helper.c (its threads), attempt.c
 * (one try at a host), mailbox.c (its loops). One lock guards all of it but where it says
 * otherwise, and is never held while something blocks.
 */
#ifndef BACKENDS_MYSQL_CONNECTOR_INTERNAL_H
#define BACKENDS_MYSQL_CONNECTOR_INTERNAL_H

#include "backends/mysql/connector.h"
#include "backends/mysql/hosts.h"
#include "core/base/random.h"

#include <pthread.h>
#include <stdatomic.h>

#define SQL_CONNECTING_THREADS	  4
#define SQL_HELPER_THREADS	  (SQL_CONNECTING_THREADS + 1) /* the last one closes */
#define SQL_CONNECTOR_VERSION_MAX 64

/* Asks, first in, first out. */
struct sql_ask_list {
	struct sql_ask *head;
	struct sql_ask **tail;
};

struct sql_closing {
	MYSQL *mysql;
	struct sql_closing *next;
};

struct sql_helper {
	struct sql_connector *connector;
	pthread_t thread;
	bool started;
	bool ended;
	struct sql_ask *ask; /* the one under way; its mailbox forgets it by setting NULL */
};

struct sql_connector {
	struct sql_options options; /* a copy: threads that are left behind look at it */
	const struct cart_clock *clock;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* for everybody: asks, closings, tries, threads */
	/* By role. */
	struct sql_hosts hosts[SQL_ROLES];
	bool read_only; /* the last try at a writer found one that takes no writes */
	struct cart_error failures[SQL_ROLES]; /* the last, with its host */
	struct sql_ask_list asks[SQL_ROLES];   /* not begun */
	uint32_t told[SQL_ROLES];	       /* hosts that the log says cannot be used, as bits */
	struct sql_closing *closings;
	struct sql_helper helpers[SQL_HELPER_THREADS];
	int stop_fd; /* an eventfd, readable from the stop on */
	bool stopping;
	bool abandoned; /* sql_connector_free() is gone: the last thread destroys */
	struct random random;
	char version[SQL_CONNECTOR_VERSION_MAX];
	/* Without the lock. */
	_Atomic uint64_t epoch;
	_Atomic uint64_t connects;
	_Atomic uint64_t failed;
};

void sql_ask_list_init(struct sql_ask_list *list);
void sql_ask_list_append(struct sql_ask_list *list, struct sql_ask *ask);
void sql_ask_list_prepend(struct sql_ask_list *list, struct sql_ask *ask);
/* NULL: empty. */
struct sql_ask *sql_ask_list_take(struct sql_ask_list *list);

/* sql_hosts_next() for a role. */
enum sql_turn sql_connector_next(struct sql_connector *c, enum sql_role role,
				 struct sql_try *attempt, int64_t *retry_ns);
/* Waits until something has changed, or a try may have become slow. */
void sql_connector_wait(struct sql_connector *c);

const struct sql_host *sql_connector_host(const struct sql_connector *c, enum sql_role role,
					  size_t host);
/* Nobody uses it any more. */
void sql_connector_destroy(struct sql_connector *c);

/* One try at a host, for which the lock is given up. blocking: for blocking calls. True: *link is
 * open. */
bool sql_attempt(struct sql_connector *c, enum sql_role role, const struct sql_try *attempt,
		 bool blocking, struct sql_link *link);
/* Why there is no connection to be had for the role. */
void sql_attempt_explain(const struct sql_connector *c, enum sql_role role,
			 struct cart_error *error);

/* A helper's whole life; user is its struct sql_helper. Takes the lock itself. */
void *sql_helper_run(void *user);
bool sql_helpers_ended(const struct sql_connector *c);

/* An ask is answered: its mailbox's loop will call done(). */
void sql_mailbox_put(struct sql_ask *ask);

#endif
