/*
 * The helper threads. Those that connect take asks in their order, as far as the hosts allow: an
 * ask that has to wait for somebody else's try stays in its queue and occupies no thread. One
 * closes, so that goodbyes never wait behind a connect to a black hole.
 *
 * All functions are called with the lock held, and give it up while something blocks.
 */
#include "backends/mysql/connector_internal.h"
#include "backends/mysql/session.h"

#include <signal.h>
#include <stdlib.h>

static void helper_refuse(const struct sql_connector *c, struct sql_ask *ask, int64_t retry_ns)
{
	ask->retry_ns = retry_ns;
	ask->read_only = c->read_only;
	sql_attempt_explain(c, ask->role, &ask->error);
	sql_mailbox_put(ask);
}

static void helper_close(struct sql_connector *c, MYSQL *mysql)
{
	pthread_mutex_unlock(&c->lock);
	sql_session_close(mysql);
	pthread_mutex_lock(&c->lock);
}

/* One try for an ask, which then is answered, or stands first in its queue again. */
static void helper_serve(struct sql_helper *self, struct sql_ask *ask,
			 const struct sql_try *attempt)
{
	struct sql_connector *c = self->connector;
	enum sql_role role = ask->role;
	struct sql_link link;
	bool open;

	self->ask = ask;
	open = sql_attempt(c, role, attempt, false, &link);
	if (self->ask == NULL) {
		if (open)
			helper_close(c, link.mysql);
		return;
	}
	self->ask = NULL;
	if (open) {
		ask->link = link;
		sql_mailbox_put(ask);
	} else if (++ask->held.tries < c->hosts[role].count) {
		sql_ask_list_prepend(&c->asks[role], ask);
	} else {
		helper_refuse(c, ask, clock_monotonic_ns(c->clock));
	}
}

/* True: something was done. */
static bool helper_step(struct sql_helper *self, enum sql_role role)
{
	struct sql_connector *c = self->connector;
	struct sql_try attempt;
	int64_t retry_ns;
	enum sql_turn turn;

	if (c->asks[role].head == NULL)
		return false;
	turn = sql_connector_next(c, role, &attempt, &retry_ns);
	if (turn == SQL_TURN_WAIT)
		return false;
	if (turn == SQL_TURN_TRY)
		helper_serve(self, sql_ask_list_take(&c->asks[role]), &attempt);
	else
		helper_refuse(c, sql_ask_list_take(&c->asks[role]), retry_ns);
	return true;
}

/* Somebody waits for how a try ends. */
static bool helper_is_asked(const struct sql_connector *c)
{
	bool asked = false;

	for (int role = 0; role < SQL_ROLES; role++)
		asked = asked || c->asks[role].head != NULL;
	return asked;
}

static void helper_connect(struct sql_helper *self)
{
	struct sql_connector *c = self->connector;

	while (!c->stopping) {
		if (helper_step(self, SQL_WRITER) || helper_step(self, SQL_READER) ||
		    helper_step(self, SQL_FORMER))
			continue;
		if (helper_is_asked(c))
			sql_connector_wait(c);
		else
			pthread_cond_wait(&c->changed, &c->lock);
	}
}

static void helper_close_all(struct sql_helper *self)
{
	struct sql_connector *c = self->connector;

	while (!c->stopping || c->closings != NULL) {
		struct sql_closing *first = c->closings;

		if (first == NULL) {
			pthread_cond_wait(&c->changed, &c->lock);
			continue;
		}
		c->closings = first->next;
		helper_close(c, first->mysql);
		free(first);
	}
}

bool sql_helpers_ended(const struct sql_connector *c)
{
	for (size_t i = 0; i < SQL_HELPER_THREADS; i++) {
		if (c->helpers[i].started && !c->helpers[i].ended)
			return false;
	}
	return true;
}

void *sql_helper_run(void *user)
{
	struct sql_helper *self = user;
	struct sql_connector *c = self->connector;
	sigset_t signals;
	bool last;

	/* The process's signals are its main thread's business. */
	sigfillset(&signals);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	mysql_thread_init();
	pthread_mutex_lock(&c->lock);
	if (self == &c->helpers[SQL_CONNECTING_THREADS])
		helper_close_all(self);
	else
		helper_connect(self);
	mysql_thread_end();
	self->ended = true;
	pthread_cond_broadcast(&c->changed);
	last = c->abandoned && sql_helpers_ended(c);
	pthread_mutex_unlock(&c->lock);
	if (last)
		sql_connector_destroy(c);
	return NULL;
}
