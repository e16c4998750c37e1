/*
 * Everything here that more than one thread touches is under one lock, which is never held while
 * something blocks. Helper threads take asks in their order as far as the hosts allow (hosts.c):
 * an ask that has to wait for somebody else's try stays in its queue and occupies no thread. One
 * more thread closes, so that goodbyes never wait behind a connect to a black hole.
 *
 * Stopping: what is in poll(2) wakes by an eventfd. The resolver cannot be interrupted: a thread
 * that sits in it is left behind, with all that it still needs; it finds that it is not wanted any
 * more when it returns, and the last one clears up.
 */
#include "backends/mysql/connector.h"

#include "backends/mysql/hosts.h"
#include "backends/mysql/session.h"
#include "core/log.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#define CONNECTOR_WORKERS     4
#define CONNECTOR_THREADS     (CONNECTOR_WORKERS + 1)
#define CONNECTOR_STOP_WAIT_S 2
#define CONNECTOR_VERSION_MAX 64

struct connector_list {
	struct sql_ask *head;
	struct sql_ask **tail;
};

struct connector_closing {
	MYSQL *mysql;
	struct connector_closing *next;
};

struct connector_thread {
	struct sql_connector *connector;
	pthread_t thread;
	bool started;
	bool ended;
	struct sql_ask *ask; /* being worked on; NULL: forgotten by its mailbox */
};

struct sql_connector {
	struct sql_options options; /* a copy: threads that are left behind look at it */
	const struct cart_clock *clock;
	pthread_mutex_t lock;
	pthread_cond_t changed;	       /* asks, closings, tries, threads */
	struct sql_hosts hosts[2];     /* by role */
	struct cart_error failures[2]; /* the last of each role */
	struct connector_list asks[2];
	struct connector_closing *closings;
	struct connector_thread threads[CONNECTOR_THREADS];
	int stop_fd;
	bool stopping;
	bool abandoned; /* by sql_connector_free(): whoever ends last frees */
	uint64_t random;
	char version[CONNECTOR_VERSION_MAX];
	_Atomic uint64_t epoch;
	_Atomic uint64_t connects;
	_Atomic uint64_t failed;
};

struct sql_mailbox {
	struct sql_connector *connector;
	int fd;
	struct event *event;
	struct connector_list done; /* under the connector's lock */
};

static void list_init(struct connector_list *list)
{
	list->head = NULL;
	list->tail = &list->head;
}

static void list_append(struct connector_list *list, struct sql_ask *ask)
{
	ask->held.next = NULL;
	*list->tail = ask;
	list->tail = &ask->held.next;
}

static void list_prepend(struct connector_list *list, struct sql_ask *ask)
{
	ask->held.next = list->head;
	if (list->head == NULL)
		list->tail = &ask->held.next;
	list->head = ask;
}

static struct sql_ask *list_take(struct connector_list *list)
{
	struct sql_ask *ask = list->head;

	if (ask != NULL && (list->head = ask->held.next) == NULL)
		list->tail = &list->head;
	return ask;
}

static void list_drop(struct connector_list *list, const struct sql_mailbox *mailbox)
{
	list->tail = &list->head;
	for (struct sql_ask *ask = list->head; ask != NULL; ask = ask->held.next) {
		if (ask->held.mailbox == mailbox)
			continue;
		*list->tail = ask;
		list->tail = &ask->held.next;
	}
	*list->tail = NULL;
}

/* SplitMix64. */
static uint64_t connector_random(struct sql_connector *c)
{
	uint64_t z = c->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static const struct sql_host *connector_host(const struct sql_connector *c, enum sql_role role,
					     size_t host)
{
	return role == SQL_WRITER ? &c->options.hosts[host] : &c->options.read_hosts[host];
}

static void connector_wake(int fd)
{
	const uint64_t one = 1;

	/* An eventfd takes it unless its counter is full, and then it is readable anyway. */
	(void)!write(fd, &one, sizeof(one));
}

/* Trying. */

struct connector_news {
	const char *text; /* NULL: nothing to log */
	enum log_level level;
};

/* What changed for people to know. */
static struct connector_news connector_compare(const struct sql_hosts *before,
					       const struct sql_hosts *after, size_t host)
{
	bool failed = after->breakers[host].failures > 0;
	bool had_failed = before->breakers[host].failures > 0;

	if (failed && !had_failed)
		return (struct connector_news){"database host cannot be used", LOG_WARN};
	if (after->epoch != before->epoch && before->epoch > 0)
		return (struct connector_news){"writes go to another database host", LOG_WARN};
	if (after->epoch != before->epoch)
		return (struct connector_news){"writes go to this database host", LOG_INFO};
	if (!failed && had_failed)
		return (struct connector_news){"database host can be used again", LOG_INFO};
	return (struct connector_news){0};
}

static void connector_fill(struct sql_connector *c, struct sql_link *link, enum sql_role role,
			   size_t host, MYSQL *mysql)
{
	int64_t lifetime_ns = c->options.lifetime_ms * CLOCK_NS_PER_MS;

	*link = (struct sql_link){
		.mysql = mysql, .role = role, .host = host, .retire_ns = INT64_MAX};
	if (role == SQL_WRITER)
		link->epoch = c->hosts[role].epoch;
	/* Connections that were made together do not end together. */
	if (lifetime_ns > 0)
		link->retire_ns = clock_monotonic_ns(c->clock) + lifetime_ns -
				  (int64_t)(connector_random(c) % (uint64_t)(lifetime_ns / 4 + 1));
	snprintf(c->version, sizeof(c->version), "%s", mysql_get_server_info(mysql));
}

/* Takes in how a try ended. True: *link is filled. */
static bool connector_done(struct sql_connector *c, enum sql_role role,
			   const struct sql_try *attempt, enum sql_outcome outcome, MYSQL *mysql,
			   struct sql_link *link, struct connector_news *news)
{
	struct sql_hosts *hosts = &c->hosts[role];
	struct sql_hosts before = *hosts;
	bool use = sql_hosts_done(hosts, attempt, outcome, clock_monotonic_ns(c->clock),
				  connector_random(c));

	*news = connector_compare(&before, hosts, attempt->host);
	atomic_fetch_add_explicit(outcome == SQL_OUTCOME_GOOD ? &c->connects : &c->failed, 1,
				  memory_order_relaxed);
	if (role == SQL_WRITER)
		atomic_store_explicit(&c->epoch, hosts->epoch, memory_order_release);
	pthread_cond_broadcast(&c->changed);
	if (use)
		connector_fill(c, link, role, attempt->host, mysql);
	return use;
}

/* One try, for which the lock is given up. True: *link is open. */
static bool connector_try(struct sql_connector *c, enum sql_role role,
			  const struct sql_try *attempt, struct sql_link *link)
{
	const struct sql_host *host = connector_host(c, role, attempt->host);
	/* Under the lock, because a thread that is left behind must not look at the settings. */
	char *password = settings_secret_copy(c->options.settings, "mysql.password");
	const struct sql_session_plan plan = {.options = &c->options,
					      .host = host,
					      .password = password,
					      .role = role,
					      .stop_fd = c->stop_fd};
	struct cart_error error = {"out of memory"};
	enum sql_outcome outcome = SQL_OUTCOME_BAD;
	struct connector_news news = {0};
	char name[SQL_HOST_TEXT];
	MYSQL *mysql = NULL;
	bool use = false;

	pthread_mutex_unlock(&c->lock);
	sql_host_print(name, host, c->options.socket);
	if (password != NULL)
		outcome = sql_session_open(&mysql, &plan, &error);
	settings_secret_free(password);
	pthread_mutex_lock(&c->lock);
	if (!c->stopping) {
		use = connector_done(c, role, attempt, outcome, mysql, link, &news);
		if (outcome != SQL_OUTCOME_GOOD)
			cart_error_set(&c->failures[role], "%s: %s", name, error.text);
	}
	if (news.text == NULL && (use || mysql == NULL))
		return use;
	pthread_mutex_unlock(&c->lock);
	if (news.text != NULL)
		log_event(news.level, news.text, LOG_STR("host", name),
			  LOG_STR("error", outcome == SQL_OUTCOME_GOOD ? NULL : error.text));
	if (!use)
		sql_session_close(mysql);
	pthread_mutex_lock(&c->lock);
	return use;
}

static void connector_no_host(const struct sql_connector *c, enum sql_role role,
			      struct cart_error *error)
{
	if (c->stopping)
		cart_error_set(error, "stopping");
	else if (c->hosts[role].count == 0)
		cart_error_set(error, "mysql.read_host names no host");
	else
		cart_error_set(error, "%s", c->failures[role].text);
}

int sql_connect(struct sql_connector *c, enum sql_role role, struct sql_link *link,
		struct cart_error *error)
{
	size_t left = c->hosts[role].count;
	bool open = false;

	*link = (struct sql_link){0};
	pthread_mutex_lock(&c->lock);
	while (!open && left > 0 && !c->stopping) {
		struct sql_try attempt;
		int64_t retry_ns;
		enum sql_turn turn = sql_hosts_next(&c->hosts[role], clock_monotonic_ns(c->clock),
						    &attempt, &retry_ns);

		if (turn == SQL_TURN_NONE)
			break;
		if (turn == SQL_TURN_WAIT) {
			pthread_cond_wait(&c->changed, &c->lock);
			continue;
		}
		open = connector_try(c, role, &attempt, link);
		left--;
	}
	if (!open)
		connector_no_host(c, role, error);
	pthread_mutex_unlock(&c->lock);
	return open ? 0 : -1;
}

/* Helper threads. All of this is called with the lock held. */

static void connector_answer(struct sql_ask *ask)
{
	struct sql_mailbox *mailbox = ask->held.mailbox;

	if (mailbox->done.head == NULL)
		connector_wake(mailbox->fd);
	list_append(&mailbox->done, ask);
}

static void connector_refuse(const struct sql_connector *c, struct sql_ask *ask, int64_t retry_ns)
{
	ask->retry_ns = retry_ns;
	connector_no_host(c, ask->role, &ask->error);
	connector_answer(ask);
}

/* One try for an ask, which then is answered or stands first in its queue again. */
static void connector_serve(struct connector_thread *self, struct sql_ask *ask,
			    const struct sql_try *attempt)
{
	struct sql_connector *c = self->connector;
	enum sql_role role = ask->role;
	struct sql_link link;
	bool open;

	self->ask = ask;
	open = connector_try(c, role, attempt, &link);
	if (self->ask == NULL) {
		if (!open)
			return;
		pthread_mutex_unlock(&c->lock);
		sql_session_close(link.mysql);
		pthread_mutex_lock(&c->lock);
		return;
	}
	self->ask = NULL;
	if (open) {
		ask->link = link;
		connector_answer(ask);
	} else if (++ask->held.tries < c->hosts[role].count) {
		list_prepend(&c->asks[role], ask);
	} else {
		connector_refuse(c, ask, clock_monotonic_ns(c->clock));
	}
}

/* True: something was done. */
static bool connector_step(struct connector_thread *self, enum sql_role role)
{
	struct sql_connector *c = self->connector;
	struct sql_try attempt;
	int64_t retry_ns;
	enum sql_turn turn;

	if (c->asks[role].head == NULL)
		return false;
	turn = sql_hosts_next(&c->hosts[role], clock_monotonic_ns(c->clock), &attempt, &retry_ns);
	if (turn == SQL_TURN_WAIT)
		return false;
	if (turn == SQL_TURN_TRY)
		connector_serve(self, list_take(&c->asks[role]), &attempt);
	else
		connector_refuse(c, list_take(&c->asks[role]), retry_ns);
	return true;
}

static void connector_work(struct connector_thread *self)
{
	struct sql_connector *c = self->connector;

	while (!c->stopping) {
		if (!connector_step(self, SQL_WRITER) && !connector_step(self, SQL_READER))
			pthread_cond_wait(&c->changed, &c->lock);
	}
}

static void connector_close_all(struct connector_thread *self)
{
	struct sql_connector *c = self->connector;

	while (!c->stopping || c->closings != NULL) {
		struct connector_closing *first = c->closings;

		if (first == NULL) {
			pthread_cond_wait(&c->changed, &c->lock);
			continue;
		}
		c->closings = first->next;
		pthread_mutex_unlock(&c->lock);
		sql_session_close(first->mysql);
		free(first);
		pthread_mutex_lock(&c->lock);
	}
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

static bool connector_all_ended(const struct sql_connector *c)
{
	for (size_t i = 0; i < CONNECTOR_THREADS; i++) {
		if (c->threads[i].started && !c->threads[i].ended)
			return false;
	}
	return true;
}

static void *connector_thread(void *user)
{
	struct connector_thread *self = user;
	struct sql_connector *c = self->connector;
	sigset_t signals;
	bool last;

	/* The process's signals are its main thread's business. */
	sigfillset(&signals);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	mysql_thread_init();
	pthread_mutex_lock(&c->lock);
	if (self == &c->threads[CONNECTOR_WORKERS])
		connector_close_all(self);
	else
		connector_work(self);
	mysql_thread_end();
	self->ended = true;
	pthread_cond_broadcast(&c->changed);
	last = c->abandoned && connector_all_ended(c);
	pthread_mutex_unlock(&c->lock);
	if (last)
		connector_destroy(c);
	return NULL;
}

/* Starting and stopping. */

static int connector_start(struct sql_connector *c, struct cart_error *error)
{
	for (size_t i = 0; i < CONNECTOR_THREADS; i++) {
		struct connector_thread *thread = &c->threads[i];
		int rc;

		thread->connector = c;
		rc = pthread_create(&thread->thread, NULL, connector_thread, thread);
		if (rc != 0)
			return cart_error_set(error, "cannot start a thread: %s", strerror(rc));
		pthread_mutex_lock(&c->lock);
		thread->started = true;
		pthread_mutex_unlock(&c->lock);
	}
	return 0;
}

static void connector_init_lock(struct sql_connector *c)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->changed, &attr);
	pthread_condattr_destroy(&attr);
}

static bool connector_is_loopback(const char *host)
{
	return host == NULL || strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	       strncmp(host, "127.", 4) == 0;
}

static void connector_warn_plain(const struct sql_host *hosts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!connector_is_loopback(hosts[i].host))
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
	c->clock = clock;
	connector_init_lock(c);
	list_init(&c->asks[SQL_WRITER]);
	list_init(&c->asks[SQL_READER]);
	sql_hosts_init(&c->hosts[SQL_WRITER], options->host_count, true);
	sql_hosts_init(&c->hosts[SQL_READER], options->read_host_count, false);
	if (getrandom(&c->random, sizeof(c->random), 0) != (ssize_t)sizeof(c->random))
		c->random = (uint64_t)clock_monotonic_ns(&cart_clock_system);
	c->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->stop_fd < 0)
		cart_error_set(error, "eventfd: %s", strerror(errno));
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

/* Notes who is to be joined, and leaves the others behind. True: all have ended. The lock is held.
 */
static bool connector_part(struct sql_connector *c, pthread_t *joined, size_t *count)
{
	*count = 0;
	c->abandoned = !connector_all_ended(c);
	for (size_t i = 0; i < CONNECTOR_THREADS; i++) {
		if (c->threads[i].ended)
			joined[(*count)++] = c->threads[i].thread;
		else if (c->threads[i].started)
			pthread_detach(c->threads[i].thread);
	}
	return !c->abandoned;
}

void sql_connector_free(struct sql_connector **connector)
{
	struct sql_connector *c = *connector;
	pthread_t joined[CONNECTOR_THREADS];
	size_t count;
	struct timespec end;
	bool all;

	*connector = NULL;
	if (c == NULL)
		return;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += CONNECTOR_STOP_WAIT_S;
	pthread_mutex_lock(&c->lock);
	c->stopping = true;
	pthread_cond_broadcast(&c->changed);
	if (c->stop_fd >= 0)
		connector_wake(c->stop_fd);
	while (!connector_all_ended(c) &&
	       pthread_cond_timedwait(&c->changed, &c->lock, &end) != ETIMEDOUT)
		continue;
	all = connector_part(c, joined, &count);
	pthread_mutex_unlock(&c->lock);
	for (size_t i = 0; i < count; i++)
		pthread_join(joined[i], NULL);
	if (all)
		connector_destroy(c);
	else
		log_message(LOG_WARN,
			    "a database host's name is still being resolved: not waiting");
}

/* What loops call. */

static void mailbox_deliver(evutil_socket_t fd, short what, void *user)
{
	struct sql_mailbox *mailbox = user;
	struct sql_connector *c = mailbox->connector;
	struct sql_ask *ask;
	uint64_t count;

	(void)what;
	(void)!read(fd, &count, sizeof(count));
	do {
		pthread_mutex_lock(&c->lock);
		ask = list_take(&mailbox->done);
		pthread_mutex_unlock(&c->lock);
		if (ask != NULL)
			ask->done(ask);
	} while (ask != NULL);
}

struct sql_mailbox *sql_mailbox_new(struct sql_connector *connector, struct event_base *base)
{
	struct sql_mailbox *mailbox = calloc(1, sizeof(*mailbox));

	if (mailbox == NULL)
		return NULL;
	mailbox->connector = connector;
	list_init(&mailbox->done);
	mailbox->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (mailbox->fd >= 0)
		mailbox->event = event_new(base, mailbox->fd, EV_READ | EV_PERSIST, mailbox_deliver,
					   mailbox);
	if (mailbox->event != NULL && event_add(mailbox->event, NULL) == 0)
		return mailbox;
	sql_mailbox_free(&mailbox);
	return NULL;
}

void sql_mailbox_free(struct sql_mailbox **mailbox)
{
	struct sql_mailbox *m = *mailbox;
	struct sql_connector *c;

	*mailbox = NULL;
	if (m == NULL)
		return;
	c = m->connector;
	pthread_mutex_lock(&c->lock);
	list_drop(&c->asks[SQL_WRITER], m);
	list_drop(&c->asks[SQL_READER], m);
	for (size_t i = 0; i < CONNECTOR_WORKERS; i++) {
		struct sql_ask *ask = c->threads[i].ask;

		if (ask != NULL && ask->held.mailbox == m)
			c->threads[i].ask = NULL;
	}
	pthread_mutex_unlock(&c->lock);
	for (struct sql_ask *ask = list_take(&m->done); ask != NULL; ask = list_take(&m->done))
		sql_connector_close(c, ask->link.mysql);
	if (m->event != NULL)
		event_free(m->event);
	if (m->fd >= 0)
		close(m->fd);
	free(m);
}

void sql_connector_ask(struct sql_mailbox *mailbox, struct sql_ask *ask)
{
	struct sql_connector *c = mailbox->connector;

	ask->link = (struct sql_link){0};
	ask->error.text[0] = '\0';
	ask->retry_ns = 0;
	ask->held.mailbox = mailbox;
	ask->held.tries = 0;
	pthread_mutex_lock(&c->lock);
	list_append(&c->asks[ask->role], ask);
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

void sql_connector_close(struct sql_connector *c, MYSQL *mysql)
{
	struct connector_closing *closing;

	if (mysql == NULL)
		return;
	closing = malloc(sizeof(*closing));
	if (closing == NULL) {
		sql_session_close(mysql); /* rather late than never */
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
	char name[SQL_HOST_TEXT] = "";

	pthread_mutex_lock(&c->lock);
	if (what == SQL_REPORT_LOST) {
		sql_hosts_suspect(hosts, link->host);
	} else if (sql_hosts_reject(hosts, link->host, link->epoch, clock_monotonic_ns(c->clock),
				    connector_random(c))) {
		sql_host_print(name, connector_host(c, link->role, link->host), c->options.socket);
		cart_error_set(&c->failures[link->role], "%s: takes no writes any more", name);
		pthread_cond_broadcast(&c->changed);
	}
	pthread_mutex_unlock(&c->lock);
	if (*name != '\0')
		log_event(LOG_WARN, "database host takes no writes any more",
			  LOG_STR("host", name));
}

uint64_t sql_connector_epoch(const struct sql_connector *c)
{
	return atomic_load_explicit(&c->epoch, memory_order_acquire);
}

void sql_connector_version(const struct sql_connector *c, char *text, size_t room)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&c->lock;

	pthread_mutex_lock(lock);
	snprintf(text, room, "%s", c->version);
	pthread_mutex_unlock(lock);
}

size_t sql_connector_open_breakers(const struct sql_connector *c)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&c->lock;
	size_t open;

	pthread_mutex_lock(lock);
	open = sql_hosts_open(&c->hosts[SQL_WRITER]) + sql_hosts_open(&c->hosts[SQL_READER]);
	pthread_mutex_unlock(lock);
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
