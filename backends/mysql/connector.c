/*
 * The connector: mailboxes, one attempt at a host, the threads, and its life. One lock guards all
 * of it except where a member says otherwise; nothing blocks while it is held.
 *
 * Stopping: a thread that waits for a socket wakes by an eventfd. The resolver and a TLS handshake
 * cannot be interrupted: a thread that stays in one for longer than a second is left behind with
 * everything that it still uses, and the last such thread frees the connector.
 */
#include "backends/mysql/connector.h"

#include "backends/mysql/hosts.h"
#include "backends/mysql/session.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "core/base/thread.h"
#include "core/base/wake.h"
#include "core/cart_backend.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define CONNECTOR_CONNECTING_THREADS 4
#define CONNECTOR_THREADS	     (CONNECTOR_CONNECTING_THREADS + 1) /* the last one closes */
#define CONNECTOR_STOP_WAIT_S	     1
#define CONNECTOR_VERSION_MAX	     64
#define CONNECTOR_WANT_NS	     CLOCK_NS_PER_S /* for one that a loop hands over */
#define CONNECTOR_LOG_FULL_NS	     (300 * CLOCK_NS_PER_S)
#define CONNECTOR_LEFTOVERS_MAX	     256
#define CONNECTOR_LEFTOVERS_AT_ONCE  8 /* a new connection is not kept for long */

/* Asks, first in, first out. */
struct ask_list {
	struct sql_ask *head;
	struct sql_ask **tail;
};

struct closing {
	MYSQL *mysql;
	struct closing *next;
};

struct helper {
	struct sql_connector *connector;
	pthread_t thread;
	bool started;
	bool ended;
	struct sql_ask *ask; /* the current one; its mailbox sets NULL to forget it */
};

/* An ask is in one place at a time: in its role's list, with those that are wanted, with a helper,
 * or in its mailbox; its mailbox finds it there to forget it. */
struct sql_mailbox {
	struct sql_connector *connector;
	/* Sent when done was empty, or a connection is wanted. NULL: a thread waits. */
	struct wake *wake;
	struct ask_list done; /* answered; under the connector's lock */
	void (*give)(void *user);
	void *give_user;
	atomic_size_t spare;	  /* connections of its loop that are idle */
	struct sql_mailbox *next; /* of the connector's */
};

struct sql_connector {
	struct sql_options options; /* a copy: threads that are left behind read it */
	const struct cart_clock *clock;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* for everybody: asks, closings, attempts, threads */
	struct sql_hosts hosts[SQL_ROLES];
	bool read_only; /* the last attempt at a writer found a host that accepts no writes */
	struct cart_error failures[SQL_ROLES]; /* the last failure, with its host */
	enum sql_outcome last[SQL_ROLES];      /* how the last attempt ended */
	struct ask_list asks[SQL_ROLES];       /* not begun */
	struct ask_list wants;		       /* for writing: the host is full */
	struct sql_mailbox *mailboxes;
	uint32_t logged[SQL_ROLES]; /* bits: hosts that the log already calls unusable */
	int64_t next_full_log_ns;
	struct closing *closings;
	struct sql_leftover leftovers[CONNECTOR_LEFTOVERS_MAX]; /* the oldest first */
	size_t leftover_count;
	struct helper helpers[CONNECTOR_THREADS];
	int stop_fd; /* of wake_fd_open(), readable from the stop on */
	bool stopping;
	bool abandoned; /* sql_connector_free() has returned: the last thread destroys */
	struct random random;
	char version[CONNECTOR_VERSION_MAX];
	struct sql_durability durability;
	/* Without the lock. */
	atomic_bool wanted; /* wants is not empty */
	_Atomic uint64_t epoch;
	_Atomic uint64_t connects;
	_Atomic uint64_t failed;
};

static int64_t connector_now_ns(const struct sql_connector *c)
{
	return clock_monotonic_ns(c->clock);
}

static const struct sql_host *connector_host(const struct sql_connector *c, enum sql_role role,
					     size_t host)
{
	return role == SQL_READER ? &c->options.read_hosts[host] : &c->options.hosts[host];
}

/* Waits until something has changed, or an attempt may have become slow. */
static void connector_wait(struct sql_connector *c)
{
	thread_condition_wait(&c->changed, &c->lock,
			      clock_monotonic_ns(&cart_clock_system) +
				      SQL_TRY_SLOW_MS * CLOCK_NS_PER_MS / 2);
}

static void ask_list_init(struct ask_list *list)
{
	list->head = NULL;
	list->tail = &list->head;
}

static void ask_list_append(struct ask_list *list, struct sql_ask *ask)
{
	ask->held.next = NULL;
	*list->tail = ask;
	list->tail = &ask->held.next;
}

static void ask_list_prepend(struct ask_list *list, struct sql_ask *ask)
{
	ask->held.next = list->head;
	if (list->head == NULL)
		list->tail = &ask->held.next;
	list->head = ask;
}

/* NULL: empty. */
static struct sql_ask *ask_list_take(struct ask_list *list)
{
	struct sql_ask *ask = list->head;

	if (ask != NULL && (list->head = ask->held.next) == NULL)
		list->tail = &list->head;
	return ask;
}

static void ask_list_drop(struct ask_list *list, const struct sql_mailbox *mailbox)
{
	struct ask_list kept;

	ask_list_init(&kept);
	for (struct sql_ask *ask = list->head, *next; ask != NULL; ask = next) {
		next = ask->held.next;
		if (ask->held.mailbox != mailbox)
			ask_list_append(&kept, ask);
	}
	ask_list_init(list);
	if (kept.head != NULL)
		*list = kept;
}

/* The ask is answered: its mailbox's loop will call done(). */
static void mailbox_put(struct sql_ask *ask)
{
	struct sql_mailbox *mailbox = ask->held.mailbox;

	if (mailbox->wake == NULL)
		pthread_cond_broadcast(&mailbox->connector->changed);
	else if (mailbox->done.head == NULL)
		wake_send(mailbox->wake);
	ask_list_append(&mailbox->done, ask);
}

/* The host that writes go to has no room for another connection, as far as is known. */
static bool connector_is_full(const struct sql_connector *c)
{
	return c->last[SQL_WRITER] == SQL_OUTCOME_FULL;
}

/* The ask waits for a connection that a loop hands over. */
static void want_append(struct sql_connector *c, struct sql_ask *ask)
{
	ask_list_append(&c->wants, ask);
	/* Before spare is read: see sql_mailbox_spare(). */
	atomic_store(&c->wanted, true);
	for (struct sql_mailbox *m = c->mailboxes; m != NULL; m = m->next)
		if (atomic_load(&m->spare) > 0)
			wake_send(m->wake);
}

/* NULL: nobody waits. */
static struct sql_ask *want_take(struct sql_connector *c)
{
	struct sql_ask *ask = ask_list_take(&c->wants);

	atomic_store(&c->wanted, c->wants.head != NULL);
	return ask;
}

static void mailbox_deliver(void *user)
{
	struct sql_mailbox *mailbox = user;
	struct sql_connector *c = mailbox->connector;
	struct sql_ask *ask;

	do {
		pthread_mutex_lock(&c->lock);
		ask = ask_list_take(&mailbox->done);
		pthread_mutex_unlock(&c->lock);
		if (ask != NULL)
			ask->done(ask);
	} while (ask != NULL);
	if (mailbox->give != NULL && sql_connector_wanted(c))
		mailbox->give(mailbox->give_user);
}

struct sql_mailbox *sql_mailbox_new(struct sql_connector *connector, struct event_base *base)
{
	struct sql_mailbox *mailbox = calloc(1, sizeof(*mailbox));

	if (mailbox == NULL)
		return NULL;
	mailbox->connector = connector;
	ask_list_init(&mailbox->done);
	mailbox->wake = wake_new(base, mailbox_deliver, mailbox);
	if (mailbox->wake == NULL) {
		free(mailbox);
		return NULL;
	}
	pthread_mutex_lock(&connector->lock);
	mailbox->next = connector->mailboxes;
	connector->mailboxes = mailbox;
	pthread_mutex_unlock(&connector->lock);
	return mailbox;
}

/* Open asks are forgotten, and nothing but its own list of answers refers to the mailbox any more.
 */
static void mailbox_forget(struct sql_connector *c, struct sql_mailbox *m)
{
	struct sql_mailbox **at = &c->mailboxes;

	while (*at != NULL && *at != m)
		at = &(*at)->next;
	if (*at != NULL)
		*at = m->next;
	for (int role = 0; role < SQL_ROLES; role++)
		ask_list_drop(&c->asks[role], m);
	ask_list_drop(&c->wants, m);
	atomic_store(&c->wanted, c->wants.head != NULL);
	for (size_t i = 0; i < CONNECTOR_CONNECTING_THREADS; i++) {
		struct sql_ask *ask = c->helpers[i].ask;

		if (ask != NULL && ask->held.mailbox == m)
			c->helpers[i].ask = NULL;
	}
}

void sql_mailbox_free(struct sql_mailbox **mailbox)
{
	struct sql_mailbox *m = *mailbox;
	struct sql_connector *c;
	struct sql_ask *ask;

	*mailbox = NULL;
	if (m == NULL)
		return;
	c = m->connector;
	pthread_mutex_lock(&c->lock);
	mailbox_forget(c, m);
	pthread_mutex_unlock(&c->lock);
	while ((ask = ask_list_take(&m->done)) != NULL)
		sql_connector_close(c, ask->link.mysql);
	wake_free(&m->wake);
	free(m);
}

void sql_connector_ask(struct sql_mailbox *mailbox, struct sql_ask *ask)
{
	struct sql_connector *c = mailbox->connector;

	ask->link = (struct sql_link){0};
	ask->given = false;
	ask->error.text[0] = '\0';
	ask->retry_ns = 0;
	ask->held.mailbox = mailbox;
	ask->held.tries = 0;
	pthread_mutex_lock(&c->lock);
	if (ask->wanted && connector_is_full(c)) {
		want_append(c, ask);
	} else {
		ask_list_append(&c->asks[ask->role], ask);
		pthread_cond_broadcast(&c->changed);
	}
	pthread_mutex_unlock(&c->lock);
}

void sql_mailbox_lend(struct sql_mailbox *mailbox, void (*give)(void *user), void *user)
{
	mailbox->give = give;
	mailbox->give_user = user;
}

/* A loop counts a connection as spare and then looks whether one is wanted; a want is counted, and
 * then spare ones are looked for. One of the two finds the other. */
void sql_mailbox_spare(struct sql_mailbox *mailbox, size_t spare)
{
	atomic_store(&mailbox->spare, spare);
}

bool sql_connector_wanted(const struct sql_connector *c)
{
	return atomic_load(&c->wanted);
}

bool sql_connector_give(struct sql_connector *c, const struct sql_link *link)
{
	struct sql_ask *ask;

	pthread_mutex_lock(&c->lock);
	ask = want_take(c);
	if (ask != NULL) {
		ask->link = *link;
		ask->given = true;
		mailbox_put(ask);
	}
	pthread_mutex_unlock(&c->lock);
	return ask != NULL;
}

bool sql_connector_is_starting(const struct sql_connector *c)
{
	return c->options.db != NULL && !cart_db_is_provisioned(c->options.db);
}

struct attempt_news {
	const char *text; /* NULL: nothing to log */
	enum log_level level;
};

/* A host that is full is so for as long as there are fewer connections than loops ask for. */
static struct attempt_news attempt_log_full(struct sql_connector *c)
{
	int64_t now_ns = connector_now_ns(c);
	enum log_level level = now_ns >= c->next_full_log_ns ? LOG_WARN : LOG_DEBUG;

	if (level == LOG_WARN)
		c->next_full_log_ns = now_ns + CONNECTOR_LOG_FULL_NS;
	return (struct attempt_news){"database host has no room for more connections; the loops"
				     " share those that are open",
				     level};
}

/* Of the only host nothing is logged that others log: while the service waits for its database, and
 * where the caller waits for the connection and is given the error. */
static bool attempt_is_reported(const struct sql_connector *c, enum sql_role role,
				enum sql_outcome outcome, bool blocking)
{
	return c->hosts[role].count == 1 &&
	       (sql_connector_is_starting(c) || (blocking && outcome != SQL_OUTCOME_GOOD));
}

/* An operator learns once that a host cannot be used, and once that it can be used again. */
static struct attempt_news attempt_log(struct sql_connector *c, enum sql_role role, size_t host,
				       enum sql_outcome outcome, uint64_t old_epoch)
{
	uint32_t bit = UINT32_C(1) << host;
	bool logged = (c->logged[role] & bit) != 0;
	uint64_t epoch = c->hosts[role].epoch;

	if (outcome == SQL_OUTCOME_FULL)
		return attempt_log_full(c);
	if (outcome != SQL_OUTCOME_GOOD) {
		c->logged[role] |= bit;
		if (logged)
			return (struct attempt_news){"database host can still not be used",
						     LOG_DEBUG};
		return (struct attempt_news){"database host cannot be used", LOG_WARN};
	}
	c->logged[role] &= ~bit;
	if (epoch != old_epoch && old_epoch > 0)
		return (struct attempt_news){"writes go to another database host", LOG_WARN};
	if (epoch != old_epoch)
		return (struct attempt_news){"writes go to this database host", LOG_INFO};
	if (logged)
		return (struct attempt_news){"database host can be used again", LOG_INFO};
	return (struct attempt_news){0};
}

/* If there are too many, the oldest is forgotten. */
static void leftovers_add(struct sql_connector *c, size_t host, int64_t mark)
{
	if (c->leftover_count == CONNECTOR_LEFTOVERS_MAX)
		memmove(c->leftovers, c->leftovers + 1,
			--c->leftover_count * sizeof(c->leftovers[0]));
	c->leftovers[c->leftover_count++] = (struct sql_leftover){.host = host, .mark = mark};
}

/* Takes those of the host out. Returns how many. */
static size_t leftovers_take(struct sql_connector *c, size_t host,
			     struct sql_leftover taken[CONNECTOR_LEFTOVERS_AT_ONCE])
{
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < c->leftover_count; i++) {
		if (c->leftovers[i].host == host && count < CONNECTOR_LEFTOVERS_AT_ONCE)
			taken[count++] = c->leftovers[i];
		else
			c->leftovers[kept++] = c->leftovers[i];
	}
	c->leftover_count = kept;
	return count;
}

/* Puts those back that may still be there. Returns how many were ended. */
static size_t leftovers_return(struct sql_connector *c, const struct sql_leftover *taken,
			       size_t count)
{
	size_t ended = 0;

	for (size_t i = 0; i < count; i++) {
		if (taken[i].state == SQL_LEFTOVER_UNKNOWN)
			leftovers_add(c, taken[i].host, taken[i].mark);
		ended += taken[i].state == SQL_LEFTOVER_ENDED;
	}
	return ended;
}

static void attempt_fill(struct sql_connector *c, struct sql_link *link, enum sql_role role,
			 size_t host, MYSQL *mysql)
{
	int64_t lifetime_ns = c->options.lifetime_ms * CLOCK_NS_PER_MS;

	*link = (struct sql_link){
		.mysql = mysql, .role = role, .host = host, .retire_ns = INT64_MAX};
	if (role == SQL_WRITER)
		link->epoch = c->hosts[role].epoch;
	/* Connections that were opened together do not end together. */
	if (lifetime_ns > 0)
		link->retire_ns =
			connector_now_ns(c) + lifetime_ns -
			(int64_t)(random_next(&c->random) % (uint64_t)(lifetime_ns / 4 + 1));
	snprintf(c->version, sizeof(c->version), "%s", mysql_get_server_info(mysql));
}

/* Records how an attempt ended. True: *link is filled. */
static bool attempt_done(struct sql_connector *c, enum sql_role role, const struct sql_try *attempt,
			 enum sql_outcome outcome, MYSQL *mysql, struct sql_link *link,
			 bool blocking, struct attempt_news *news)
{
	struct sql_hosts *hosts = &c->hosts[role];
	uint64_t old_epoch = hosts->epoch;
	bool use = sql_hosts_done(hosts, attempt, outcome, connector_now_ns(c),
				  random_next(&c->random));

	if (!attempt_is_reported(c, role, outcome, blocking))
		*news = attempt_log(c, role, attempt->host, outcome, old_epoch);
	atomic_fetch_add_explicit(outcome == SQL_OUTCOME_GOOD ? &c->connects : &c->failed, 1,
				  memory_order_relaxed);
	if (role == SQL_WRITER) {
		c->read_only = outcome == SQL_OUTCOME_READ_ONLY;
		atomic_store_explicit(&c->epoch, hosts->epoch, memory_order_release);
	}
	pthread_cond_broadcast(&c->changed);
	if (use)
		attempt_fill(c, link, role, attempt->host, mysql);
	return use;
}

static int64_t connector_mark(struct sql_connector *c)
{
	return (int64_t)(random_next(&c->random) >> 1) | 1;
}

/* One attempt at a host, for which the lock is released. blocking: the connection is for blocking
 * calls. True: *link is open. */
static bool attempt_run(struct sql_connector *c, enum sql_role role, const struct sql_try *attempt,
			bool blocking, struct sql_link *link)
{
	const struct sql_host *host = connector_host(c, role, attempt->host);
	struct clock_reading reading = {0};
	struct sql_durability durability = {-1, -1, -1};
	struct sql_leftover leftovers[CONNECTOR_LEFTOVERS_AT_ONCE];
	bool marks = role == SQL_WRITER;
	size_t leftover_count = marks ? leftovers_take(c, attempt->host, leftovers) : 0, ended;
	/* Under the lock, since a thread that is left behind must not read the settings. */
	char *password = settings_secret_copy(c->options.settings, "mysql.password");
	const struct sql_session_plan plan = {.options = &c->options,
					      .host = host,
					      .password = password,
					      .role = role,
					      .blocking = blocking,
					      .try_change = role == SQL_WRITER && attempt->only,
					      .stop_fd = c->stop_fd,
					      .clock = &reading,
					      .durability = &durability,
					      .mark = marks ? connector_mark(c) : 0,
					      .leftovers = leftovers,
					      .leftover_count = leftover_count};
	struct cart_error error = {"out of memory"};
	enum sql_outcome outcome = SQL_OUTCOME_BAD;
	struct attempt_news news = {0};
	char name[SQL_HOST_TEXT];
	MYSQL *mysql = NULL;
	bool use = false;

	pthread_mutex_unlock(&c->lock);
	sql_host_print(name, host, c->options.socket);
	if (password != NULL)
		outcome = sql_session_open(&mysql, &plan, &error);
	settings_secret_free(password);
	pthread_mutex_lock(&c->lock);
	ended = leftovers_return(c, leftovers, leftover_count);
	if (!c->stopping) {
		/* Times of carts are compared with the clock of the host that stores them. A server
		 * or proxy that does not tell the time proves nothing. */
		if (role == SQL_WRITER && outcome == SQL_OUTCOME_GOOD && reading.from_ms > 0)
			clock_skew_read(c->options.skew, &reading);
		use = attempt_done(c, role, attempt, outcome, mysql, link, blocking, &news);
		if (role == SQL_WRITER && outcome == SQL_OUTCOME_GOOD)
			c->durability = durability;
		link->mark = plan.mark;
		c->failures[role].text[0] = '\0';
		c->last[role] = outcome;
		if (outcome != SQL_OUTCOME_GOOD)
			cart_error_set(&c->failures[role], "%s: %s", name, error.text);
	}
	if (news.text == NULL && ended == 0 && (use || mysql == NULL))
		return use;
	pthread_mutex_unlock(&c->lock);
	if (ended > 0)
		log_event(LOG_INFO, "ended sessions that lost connections had left on the server",
			  LOG_STR("host", name), LOG_INT("sessions", (int64_t)ended));
	if (news.text != NULL)
		log_event(news.level, news.text, LOG_STR("host", name),
			  LOG_STR("error", outcome == SQL_OUTCOME_GOOD ? NULL : error.text));
	if (!use)
		sql_session_close(mysql);
	pthread_mutex_lock(&c->lock);
	return use;
}

/* Why no connection of the role can be had. */
static void attempt_explain(const struct sql_connector *c, enum sql_role role,
			    struct cart_error *error)
{
	if (c->stopping)
		cart_error_set(error, "stopping");
	else if (c->hosts[role].count == 0)
		cart_error_set(error, "mysql.read_host names no host");
	else if (c->failures[role].text[0] == '\0')
		cart_error_set(error, "no host has answered yet");
	else
		cart_error_set(error, "%s", c->failures[role].text);
}

/* Waits on this thread for a connection that a loop hands over, or that can be opened by now. */
static bool connect_wanted(struct sql_connector *c, struct sql_link *link)
{
	int64_t until_ns = clock_monotonic_ns(&cart_clock_system) + CONNECTOR_WANT_NS;
	struct sql_mailbox mailbox = {.connector = c};
	struct sql_ask ask = {.role = SQL_WRITER, .wanted = true, .held = {.mailbox = &mailbox}};

	ask_list_init(&mailbox.done);
	want_append(c, &ask);
	while (mailbox.done.head == NULL && !c->stopping &&
	       thread_condition_wait(&c->changed, &c->lock, until_ns))
		continue;
	mailbox_forget(c, &mailbox);
	*link = ask.link;
	return link->mysql != NULL;
}

/* Makes a loop's connection one for blocking calls, or the reverse. False: it is broken. */
static bool connect_change(struct sql_connector *c, const struct sql_link *link, bool blocking)
{
	struct clock_reading reading = {0};
	const struct sql_session_plan plan = {.options = &c->options,
					      .host = connector_host(c, link->role, link->host),
					      .role = link->role,
					      .blocking = blocking,
					      .stop_fd = c->stop_fd,
					      .clock = &reading};
	bool good = sql_session_change(link->mysql, &plan);

	pthread_mutex_lock(&c->lock);
	if (good && reading.from_ms > 0)
		clock_skew_read(c->options.skew, &reading);
	pthread_mutex_unlock(&c->lock);
	return good;
}

void sql_disconnect(struct sql_connector *c, struct sql_link *link)
{
	if (!sql_connector_wanted(c) || !connect_change(c, link, false) ||
	    !sql_connector_give(c, link))
		sql_session_close(link->mysql);
	link->mysql = NULL;
}

enum sql_outcome sql_connect(struct sql_connector *c, enum sql_role role, struct sql_link *link,
			     struct cart_error *error)
{
	size_t left = c->hosts[role].count, refused = 0;
	bool open = false, wanted = false;

	*link = (struct sql_link){0};
	pthread_mutex_lock(&c->lock);
	while (!open && left > 0 && !c->stopping) {
		struct sql_try attempt;
		int64_t retry_ns;
		enum sql_turn turn =
			sql_hosts_next(&c->hosts[role], connector_now_ns(c), &attempt, &retry_ns);

		if (turn == SQL_TURN_NONE)
			break;
		if (turn == SQL_TURN_WAIT) {
			connector_wait(c);
			continue;
		}
		open = attempt_run(c, role, &attempt, true, link);
		refused += !open && c->last[role] == SQL_OUTCOME_REFUSED;
		left--;
	}
	if (!open && role == SQL_WRITER && connector_is_full(c) && !c->stopping)
		wanted = connect_wanted(c, link);
	if (!open)
		attempt_explain(c, role, error);
	pthread_mutex_unlock(&c->lock);
	if (wanted && !(open = connect_change(c, link, true))) {
		sql_session_close(link->mysql);
		link->mysql = NULL;
		cart_error_set(error, "the connection broke");
	}
	if (open)
		return SQL_OUTCOME_GOOD;
	return refused > 0 && refused == c->hosts[role].count ? SQL_OUTCOME_REFUSED
							      : SQL_OUTCOME_BAD;
}

static void helper_refuse(struct sql_connector *c, struct sql_ask *ask, int64_t retry_ns)
{
	ask->full = c->last[ask->role] == SQL_OUTCOME_FULL;
	if (ask->full && ask->wanted) {
		ask->held.tries = 0;
		want_append(c, ask);
		return;
	}
	ask->retry_ns = retry_ns;
	ask->read_only = c->read_only;
	attempt_explain(c, ask->role, &ask->error);
	mailbox_put(ask);
}

static void helper_close(struct sql_connector *c, MYSQL *mysql)
{
	pthread_mutex_unlock(&c->lock);
	sql_session_close(mysql);
	pthread_mutex_lock(&c->lock);
}

/* One attempt for an ask, which is then answered or first in its list again. */
static void helper_serve(struct helper *self, struct sql_ask *ask, const struct sql_try *attempt)
{
	struct sql_connector *c = self->connector;
	enum sql_role role = ask->role;
	struct sql_link link;
	bool open;

	self->ask = ask;
	open = attempt_run(c, role, attempt, false, &link);
	if (self->ask == NULL) {
		if (open)
			helper_close(c, link.mysql);
		return;
	}
	self->ask = NULL;
	if (open) {
		ask->link = link;
		mailbox_put(ask);
	} else if (++ask->held.tries < c->hosts[role].count) {
		ask_list_prepend(&c->asks[role], ask);
	} else {
		helper_refuse(c, ask, connector_now_ns(c));
	}
}

/* True: something was done. An ask that has to wait for another thread's attempt stays in its list
 * and occupies no thread; so does one that is wanted while the host is full, but for an attempt of
 * its own now and then. */
static bool helper_step(struct helper *self, enum sql_role role)
{
	struct sql_connector *c = self->connector;
	bool wants = role == SQL_WRITER && c->wants.head != NULL;
	struct sql_try attempt;
	int64_t retry_ns;
	enum sql_turn turn;

	if (c->asks[role].head == NULL && !wants)
		return false;
	turn = sql_hosts_next(&c->hosts[role], connector_now_ns(c), &attempt, &retry_ns);
	if (turn == SQL_TURN_WAIT)
		return false;
	if (turn == SQL_TURN_TRY)
		helper_serve(self, wants ? want_take(c) : ask_list_take(&c->asks[role]), &attempt);
	else if (wants && !connector_is_full(c))
		helper_refuse(c, want_take(c), retry_ns);
	else if (c->asks[role].head != NULL)
		helper_refuse(c, ask_list_take(&c->asks[role]), retry_ns);
	else
		return false;
	return true;
}

static void helper_connect(struct helper *self)
{
	struct sql_connector *c = self->connector;

	while (!c->stopping) {
		if (helper_step(self, SQL_WRITER) || helper_step(self, SQL_READER))
			continue;
		if (c->asks[SQL_WRITER].head != NULL || c->asks[SQL_READER].head != NULL ||
		    connector_is_full(c))
			connector_wait(c);
		else
			pthread_cond_wait(&c->changed, &c->lock);
	}
}

static void helper_close_all(struct helper *self)
{
	struct sql_connector *c = self->connector;

	while (!c->stopping || c->closings != NULL) {
		struct closing *first = c->closings;

		if (first == NULL) {
			pthread_cond_wait(&c->changed, &c->lock);
			continue;
		}
		c->closings = first->next;
		helper_close(c, first->mysql);
		free(first);
	}
}

static bool helpers_ended(const struct sql_connector *c)
{
	for (size_t i = 0; i < CONNECTOR_THREADS; i++) {
		if (c->helpers[i].started && !c->helpers[i].ended)
			return false;
	}
	return true;
}

static void connector_destroy(struct sql_connector *c)
{
	sql_options_clear(&c->options);
	if (c->stop_fd >= 0)
		close(c->stop_fd);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* A thread's whole life. One only closes, so that no close waits behind a host that does not
 * answer. */
static void *helper_run(void *user)
{
	struct helper *self = user;
	struct sql_connector *c = self->connector;
	bool last;

	mysql_thread_init();
	pthread_mutex_lock(&c->lock);
	if (self == &c->helpers[CONNECTOR_CONNECTING_THREADS])
		helper_close_all(self);
	else
		helper_connect(self);
	mysql_thread_end();
	self->ended = true;
	pthread_cond_broadcast(&c->changed);
	last = c->abandoned && helpers_ended(c);
	pthread_mutex_unlock(&c->lock);
	if (last)
		connector_destroy(c);
	return NULL;
}

static int connector_start(struct sql_connector *c, struct cart_error *error)
{
	for (size_t i = 0; i < CONNECTOR_THREADS; i++) {
		struct helper *helper = &c->helpers[i];
		int rc;

		helper->connector = c;
		pthread_mutex_lock(&c->lock);
		rc = thread_start(&helper->thread, helper_run, helper);
		helper->started = rc == 0;
		pthread_mutex_unlock(&c->lock);
		if (rc != 0)
			return cart_error_set(error, "cannot start a thread: %s", strerror(rc));
	}
	return 0;
}

static void connector_init(struct sql_connector *c, const struct cart_clock *clock)
{
	pthread_mutex_init(&c->lock, NULL);
	thread_condition_init(&c->changed);
	c->clock = clock;
	for (int role = 0; role < SQL_ROLES; role++)
		ask_list_init(&c->asks[role]);
	ask_list_init(&c->wants);
	sql_hosts_init(&c->hosts[SQL_WRITER], c->options.host_count, true);
	sql_hosts_init(&c->hosts[SQL_READER], c->options.read_host_count, false);
	c->durability = (struct sql_durability){-1, -1, -1};
	random_seed(&c->random);
}

static bool connector_is_local(const char *host)
{
	return host == NULL || strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	       strncmp(host, "127.", 4) == 0;
}

static void connector_warn_plain(const struct sql_host *hosts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!connector_is_local(hosts[i].host))
			log_event(LOG_WARN, "traffic with the database host is not encrypted",
				  LOG_STR("host", hosts[i].host), LOG_STR("mysql.tls", "off"));
	}
}

struct sql_connector *sql_connector_new(const struct sql_options *options,
					const struct cart_clock *clock, struct cart_error *error)
{
	struct sql_connector *c = calloc(1, sizeof(*c));

	if (c == NULL || sql_options_copy(&c->options, options) != 0) {
		free(c);
		cart_error_set(error, "out of memory");
		return NULL;
	}
	connector_init(c, clock);
	c->stop_fd = wake_fd_open();
	if (c->stop_fd < 0)
		cart_error_set(error, "no descriptor for a wake: %s", strerror(errno));
	else if (mysql_library_init(0, NULL, NULL) != 0)
		cart_error_set(error, "cannot start the client library");
	else if (connector_start(c, error) == 0) {
		if (options->tls == SQL_TLS_OFF) {
			connector_warn_plain(options->hosts, options->host_count);
			connector_warn_plain(options->read_hosts, options->read_host_count);
		}
		return c;
	}
	sql_connector_free(&c);
	return NULL;
}

/* Lists the threads to join and detaches the others. True: all have ended. */
static bool connector_part(struct sql_connector *c, pthread_t *joined, size_t *count)
{
	*count = 0;
	c->abandoned = !helpers_ended(c);
	for (size_t i = 0; i < CONNECTOR_THREADS; i++) {
		if (c->helpers[i].ended)
			joined[(*count)++] = c->helpers[i].thread;
		else if (c->helpers[i].started)
			pthread_detach(c->helpers[i].thread);
	}
	return !c->abandoned;
}

void sql_connector_free(struct sql_connector **connector)
{
	struct sql_connector *c = *connector;
	pthread_t joined[CONNECTOR_THREADS];
	int64_t until_ns =
		clock_monotonic_ns(&cart_clock_system) + CONNECTOR_STOP_WAIT_S * CLOCK_NS_PER_S;
	size_t count;
	bool all;

	*connector = NULL;
	if (c == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	c->stopping = true;
	pthread_cond_broadcast(&c->changed);
	wake_fd_send(c->stop_fd);
	while (!helpers_ended(c) && thread_condition_wait(&c->changed, &c->lock, until_ns))
		continue;
	all = connector_part(c, joined, &count);
	pthread_mutex_unlock(&c->lock);
	/* If some have not ended, c belongs to them from here on. */
	for (size_t i = 0; i < count; i++)
		pthread_join(joined[i], NULL);
	if (all)
		connector_destroy(c);
	else
		log_message(LOG_INFO, "not waiting for a database host that does not answer");
}

void sql_connector_close(struct sql_connector *c, MYSQL *mysql)
{
	struct closing *closing;

	if (mysql == NULL)
		return;
	closing = malloc(sizeof(*closing));
	if (closing == NULL) {
		sql_session_close(mysql); /* on this thread rather than never */
		return;
	}
	closing->mysql = mysql;
	pthread_mutex_lock(&c->lock);
	closing->next = c->closings;
	c->closings = closing;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

void sql_connector_report(struct sql_connector *c, const struct sql_link *link,
			  enum sql_report what)
{
	struct sql_hosts *hosts = &c->hosts[link->role];
	char name[SQL_HOST_TEXT];
	bool rejected = false;

	pthread_mutex_lock(&c->lock);
	sql_connector_host(c, link, name);
	if (what == SQL_REPORT_LOST && link->mark != 0)
		leftovers_add(c, link->host, link->mark);
	if (what == SQL_REPORT_LOST || link->role == SQL_READER)
		sql_hosts_suspect(hosts, link->host);
	else
		rejected = sql_hosts_reject(hosts, link->host, link->epoch, connector_now_ns(c),
					    random_next(&c->random));
	if (rejected) {
		c->read_only = true;
		c->logged[link->role] |= UINT32_C(1) << link->host;
		cart_error_set(&c->failures[link->role], "%s: accepts no writes any more", name);
	}
	pthread_mutex_unlock(&c->lock);
	if (rejected)
		log_event(LOG_WARN, "database host accepts no writes any more",
			  LOG_STR("host", name));
}

void sql_connector_host(const struct sql_connector *c, const struct sql_link *link,
			char text[SQL_HOST_TEXT])
{
	sql_host_print(text, connector_host(c, link->role, link->host), c->options.socket);
}

uint64_t sql_connector_epoch(const struct sql_connector *c)
{
	return atomic_load_explicit(&c->epoch, memory_order_acquire);
}

bool sql_connector_down_is_known(struct sql_connector *c)
{
	bool known = sql_connector_is_starting(c);

	pthread_mutex_lock(&c->lock);
	known |= c->logged[SQL_WRITER] == UINT32_MAX >> (32 - c->hosts[SQL_WRITER].count);
	pthread_mutex_unlock(&c->lock);
	return known;
}

void sql_connector_version(struct sql_connector *c, char *text, size_t room)
{
	pthread_mutex_lock(&c->lock);
	snprintf(text, room, "%s", c->version);
	pthread_mutex_unlock(&c->lock);
}

struct sql_durability sql_connector_durability(struct sql_connector *c)
{
	struct sql_durability durability;

	pthread_mutex_lock(&c->lock);
	durability = c->durability;
	pthread_mutex_unlock(&c->lock);
	return durability;
}

size_t sql_connector_open_breakers(struct sql_connector *c)
{
	size_t open;

	pthread_mutex_lock(&c->lock);
	open = sql_hosts_open(&c->hosts[SQL_WRITER]) + sql_hosts_open(&c->hosts[SQL_READER]);
	pthread_mutex_unlock(&c->lock);
	return open;
}

uint64_t sql_connector_connects(const struct sql_connector *c)
{
	return atomic_load_explicit(&c->connects, memory_order_relaxed);
}

uint64_t sql_connector_failures(const struct sql_connector *c)
{
	return atomic_load_explicit(&c->failed, memory_order_relaxed);
}
