/* One try at a host: from the choice of the host to what its outcome means for the next one. */
#include "backends/mysql/connector_internal.h"
#include "backends/mysql/session.h"
#include "core/base/log.h"

#include <stdio.h>

struct attempt_news {
	const char *text; /* NULL: nothing to say */
	enum log_level level;
};

/*
 * What an operator wants to know of: that a host cannot be used, once, and that it can again. A
 * role that only reads from the writers' hosts has nothing to add.
 */
static struct attempt_news attempt_tell(struct sql_connector *c, enum sql_role role, size_t host,
					enum sql_outcome outcome, uint64_t old_epoch)
{
	uint32_t bit = UINT32_C(1) << host;
	bool told = (c->told[role] & bit) != 0;
	uint64_t epoch = c->hosts[role].epoch;

	if (role == SQL_FORMER)
		return (struct attempt_news){0};
	if (outcome != SQL_OUTCOME_GOOD) {
		c->told[role] |= bit;
		if (told)
			return (struct attempt_news){"database host can still not be used",
						     LOG_DEBUG};
		return (struct attempt_news){"database host cannot be used", LOG_WARN};
	}
	c->told[role] &= ~bit;
	if (epoch != old_epoch && old_epoch > 0)
		return (struct attempt_news){"writes go to another database host", LOG_WARN};
	if (epoch != old_epoch)
		return (struct attempt_news){"writes go to this database host", LOG_INFO};
	if (told)
		return (struct attempt_news){"database host can be used again", LOG_INFO};
	return (struct attempt_news){0};
}

static void attempt_fill(struct sql_connector *c, struct sql_link *link, enum sql_role role,
			 size_t host, MYSQL *mysql)
{
	int64_t lifetime_ns = c->options.lifetime_ms * CLOCK_NS_PER_MS;

	*link = (struct sql_link){
		.mysql = mysql, .role = role, .host = host, .retire_ns = INT64_MAX};
	if (role == SQL_WRITER)
		link->epoch = c->hosts[role].epoch;
	/* Connections that were made together do not end together. */
	if (lifetime_ns > 0)
		link->retire_ns =
			clock_monotonic_ns(c->clock) + lifetime_ns -
			(int64_t)(random_next(&c->random) % (uint64_t)(lifetime_ns / 4 + 1));
	snprintf(c->version, sizeof(c->version), "%s", mysql_get_server_info(mysql));
}

/* Takes in how a try ended. True: *link is filled. */
static bool attempt_done(struct sql_connector *c, enum sql_role role, const struct sql_try *attempt,
			 enum sql_outcome outcome, MYSQL *mysql, struct sql_link *link,
			 struct attempt_news *news)
{
	struct sql_hosts *hosts = &c->hosts[role];
	uint64_t old_epoch = hosts->epoch;
	bool use = sql_hosts_done(hosts, attempt, outcome, clock_monotonic_ns(c->clock),
				  random_next(&c->random));

	*news = attempt_tell(c, role, attempt->host, outcome, old_epoch);
	atomic_fetch_add_explicit(outcome == SQL_OUTCOME_GOOD ? &c->connects : &c->failed, 1,
				  memory_order_relaxed);
	if (role == SQL_WRITER)
		c->read_only = outcome == SQL_OUTCOME_READ_ONLY;
	if (role == SQL_WRITER)
		atomic_store_explicit(&c->epoch, hosts->epoch, memory_order_release);
	pthread_cond_broadcast(&c->changed);
	if (use)
		attempt_fill(c, link, role, attempt->host, mysql);
	return use;
}

bool sql_attempt(struct sql_connector *c, enum sql_role role, const struct sql_try *attempt,
		 bool blocking, struct sql_link *link)
{
	const struct sql_host *host = sql_connector_host(c, role, attempt->host);
	/* Under the lock, since a thread that is left behind must not look at the settings. */
	char *password = settings_secret_copy(c->options.settings, "mysql.password");
	const struct sql_session_plan plan = {.options = &c->options,
					      .host = host,
					      .password = password,
					      .role = role,
					      .blocking = blocking,
					      .stop_fd = c->stop_fd};
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
	if (!c->stopping) {
		use = attempt_done(c, role, attempt, outcome, mysql, link, &news);
		c->failures[role].text[0] = '\0';
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

void sql_attempt_explain(const struct sql_connector *c, enum sql_role role,
			 struct cart_error *error)
{
	if (c->stopping)
		cart_error_set(error, "stopping");
	else if (c->hosts[role].count == 0)
		cart_error_set(error, "mysql.read_host names no host");
	else if (role == SQL_FORMER && c->hosts[SQL_WRITER].last == SQL_NO_HOST)
		cart_error_set(error, "no host has accepted writes yet");
	else if (c->failures[role].text[0] == '\0')
		cart_error_set(error, "no host has answered yet");
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
		enum sql_turn turn = sql_connector_next(c, role, &attempt, &retry_ns);

		if (turn == SQL_TURN_NONE)
			break;
		if (turn == SQL_TURN_WAIT) {
			sql_connector_wait(c);
			continue;
		}
		open = sql_attempt(c, role, &attempt, true, link);
		left--;
	}
	if (!open)
		sql_attempt_explain(c, role, error);
	pthread_mutex_unlock(&c->lock);
	return open ? 0 : -1;
}
