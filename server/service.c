#include "server/feed/hub.h"
#include "server/service.h"

#include "core/cart_store.h"
#include "core/base/log.h"
#include "core/base/wake.h"
#include "core/version.h"
#include "server/access/access.h"
#include "server/access/policy.h"
#include "server/access/rates.h"
#include "server/api/api_metrics.h"
#include "server/api/cors.h"
#include "server/api/read_cache.h"
#include "server/api/routes.h"
#include "server/certificate.h"
#include "server/http/tls.h"
#include "server/loop.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* File descriptors beside the connections: the backend's, the log, a few a loop. */
#define SERVICE_FDS_RESERVED   128
#define SERVICE_FDS_PER_THREAD 16
/* After the last request's deadline, ops have this long to come back. */
#define SERVICE_STOP_GRACE_MS 1000
/* An op waits for the database for at most this part of its deadline. */
#define SERVICE_DELAY_PART 4

struct service {
	struct settings *settings;
	struct metrics *metrics;
	struct clock_skew skew;
	struct cart_env env;
	struct cart_db *db;
	struct api_shared api;
	struct cors cors;
	struct tls *tls; /* NULL: plain HTTP */
	struct http_proxies proxies;
	const struct http_metrics *http_metrics;
	struct loop **loops;
	size_t loop_count, loops_done;
	atomic_bool draining;
	int signal_fd, done_fd;
};

/* Start. */

static size_t service_threads(const struct settings *settings)
{
	int64_t threads = settings_integer(settings, "threads");
	cpu_set_t cores;

	if (threads == 0 && sched_getaffinity(0, sizeof(cores), &cores) == 0)
		threads = CPU_COUNT(&cores);
	return threads > 0 ? (size_t)threads : 1;
}

/* How many connections of clients there may be: where the limit of open files is too low for those
 * of the settings, fewer, so that the backend still has its files. */
static size_t service_fit_connections(const struct service *service, size_t threads)
{
	size_t wanted = (size_t)settings_integer(service->settings, "http.max_connections");
	rlim_t reserved = SERVICE_FDS_RESERVED + threads * SERVICE_FDS_PER_THREAD +
			  cart_backend_connections(service->api.backend, service->settings);
	rlim_t need = wanted + reserved, fit;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need)
		return wanted;
	limit.rlim_cur =
		limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= need ? need : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= need)
		return wanted;
	fit = limit.rlim_cur > 2 * reserved ? limit.rlim_cur - reserved : limit.rlim_cur / 2;
	if (fit > wanted)
		fit = wanted;
	log_event(LOG_WARN,
		  "the limit of open files is too low for http.max_connections, so fewer are "
		  "accepted; raise it (ulimit -n, LimitNOFILE=)",
		  LOG_INT("limit", (int64_t)limit.rlim_cur), LOG_INT("needed", (int64_t)need),
		  LOG_INT("connections", (int64_t)fit));
	return fit;
}

static const struct cart_backend *service_backend(const struct settings *settings,
						  struct cart_error *error)
{
	const char *name = settings_string(settings, "backend");
	const struct cart_backend *backend = cart_backend_find(name);
	char known[256];

	if (backend == NULL) {
		cart_backend_names(known, sizeof(known));
		cart_error_set(error, "backend \"%s\" is unknown; the backends are %s", name,
			       known);
	}
	return backend;
}

static enum cart_provision service_provision(const struct settings *settings)
{
	const char *how = settings_string(settings, "provision");

	if (strcmp(how, "off") == 0)
		return CART_PROVISION_OFF;
	return strcmp(how, "check") == 0 ? CART_PROVISION_CHECK : CART_PROVISION_AUTO;
}

static void service_register_info(struct metrics *metrics, const struct cart_backend *backend)
{
	char labels[256];

	snprintf(labels, sizeof(labels), "version=\"%s\",revision=\"%s\",backend=\"%s\"",
		 cart_version, cart_revision, cart_backend_name(backend));
	metrics_info(metrics, "cart_info", "Which cartd this is", labels);
}

static double service_read_skew(void *user)
{
	return (double)clock_skew_ms(user) / 1000;
}

static void service_init_skew(struct service *service)
{
	clock_skew_init(&service->skew, &cart_clock_system,
			settings_integer(service->settings, "clock.skew"));
	metrics_callback(service->metrics, "cart_clock_skew_seconds",
			 "How far this machine's clock is ahead of the database's",
			 service_read_skew, &service->skew);
}

static struct read_cache *service_read_cache(const struct service *service,
					     const struct cart_backend *backend)
{
	const struct settings *settings = service->settings;
	const struct read_cache_config config = {
		.env = &service->env,
		.carts = (size_t)settings_integer(settings, "cache.carts"),
		.bytes = (size_t)settings_integer(settings, "cache.memory"),
		.max_age_ms = settings_integer(settings, "cache.max_age"),
		.strong_by_default = cart_backend_reads_strongly(backend, settings),
	};

	return config.carts > 0 ? read_cache_new(&config) : NULL;
}

static struct rates *service_rates(const struct settings *settings)
{
	int64_t rate = settings_integer(settings, "http.rate");
	int64_t burst = settings_integer(settings, "http.rate_burst");

	return rate > 0 ? rates_new(rate, burst > 0 ? burst : rate) : NULL;
}

static int64_t service_queue_delay_ns(const struct settings *settings)
{
	int64_t delay_ms = settings_integer(settings, "overload.delay");
	int64_t most_ms = settings_integer(settings, "request.deadline") / SERVICE_DELAY_PART;

	return (delay_ms < most_ms ? delay_ms : most_ms) * CLOCK_NS_PER_MS;
}

static struct feed_hub *service_feed_hub(const struct service *service)
{
	struct feed_hub *hub;

	if (!service->env.rules.feed)
		return NULL;
	hub = feed_hub_new(service->metrics, service->env.clock,
			   (size_t)settings_integer(service->settings, "feed.waiting"));
	if (hub == NULL)
		abort();
	return hub;
}

static int service_start_backend(struct service *service, struct cart_error *error)
{
	const struct settings *settings = service->settings;
	const struct cart_backend *backend = service_backend(settings, error);

	if (backend == NULL)
		return -1;
	service_init_skew(service);
	service->env = (struct cart_env){.clock = &cart_clock_system,
					 .settings = settings,
					 .metrics = service->metrics,
					 .rules = cart_rules_from(settings),
					 .skew = &service->skew,
					 .loops = service_threads(settings),
					 .queue_delay_ns = service_queue_delay_ns(settings),
					 .provision_later = true};
	service->env.rules.key_least_ms = 2 * settings_integer(settings, "request.deadline") +
					  settings_integer(settings, "clock.skew");
	if (cart_db_start(&service->db, backend, &service->env, service_provision(settings),
			  error) != 0)
		return -1;
	service->api = (struct api_shared){
		.env = &service->env,
		.backend = backend,
		.rules = service->env.rules,
		.id_kind = strcmp(settings_string(settings, "cart.ids"), "v7") == 0 ? CART_ID_V7
										    : CART_ID_V4,
		.deadline_ms = settings_integer(settings, "request.deadline"),
		.feed_hub = service_feed_hub(service),
		.feed_wait_ms = settings_integer(settings, "feed.wait"),
		.page_max = (size_t)settings_integer(settings, "http.max_page"),
		.read_cache = service_read_cache(service, backend),
		.rates = service_rates(settings),
		.cors = service->cors.count > 0 ? &service->cors : NULL,
		.series = api_metrics_register(service->metrics, routes, routes_count),
		.routes = routes,
		.route_count = routes_count,
		.draining = &service->draining,
		.admin_apart = settings_list(settings, "admin.listen", NULL)[0] != NULL,
	};
	service->http_metrics = http_metrics_register(service->metrics, service->tls != NULL,
						      service->proxies.protocol);
	service_register_info(service->metrics, backend);
	if (!cart_backend_is_durable(backend))
		log_event(LOG_WARN,
			  "this backend keeps carts in memory: they are lost when cartd ends",
			  LOG_STR("backend", cart_backend_name(backend)));
	return 0;
}

static struct http_limits service_limits(const struct settings *settings, size_t connections)
{
	return (struct http_limits){
		.body_max = (size_t)settings_integer(settings, "http.max_body"),
		.header_max = (size_t)settings_integer(settings, "http.max_headers"),
		.connections_max = connections,
		.header_deadline_ms = settings_integer(settings, "http.header_deadline"),
		.idle_timeout_ms = settings_integer(settings, "http.idle_timeout"),
	};
}

static int service_open_loops(struct service *service, struct cart_error *error)
{
	size_t threads = service_threads(service->settings);
	size_t connections = service_fit_connections(service, threads);
	struct loop_config config = {
		.db = service->db,
		.metrics = service->metrics,
		.api = &service->api,
		.done_fd = service->done_fd,
		.http = {.limits = service_limits(service->settings, connections),
			 .tls = service->tls,
			 .proxies = service->proxies.trusted.count > 0 ? &service->proxies : NULL,
			 .keep_origin = service->cors.count > 0,
			 .clock = service->env.clock,
			 .metrics = service->http_metrics},
	};

	service->loops = calloc(threads, sizeof(struct loop *));
	if (service->loops == NULL)
		return cart_error_set(error, "no memory for %zu threads", threads);
	for (; service->loop_count < threads; service->loop_count++) {
		config.index = service->loop_count;
		if (loop_open(&service->loops[service->loop_count], &config, error) != 0)
			return -1;
	}
	return 0;
}

/* Puts the real port in place of 0. */
static void service_address(char *text, size_t room, const char *address, int port)
{
	int host = (int)(strrchr(address, ':') - address);

	snprintf(text, room, "%.*s:%d", host, address, port);
}

static int service_listen(struct service *service, bool admin, const char *address,
			  struct cart_error *error)
{
	char real[300];
	int port;

	if (http_address_check(address, error) != 0 ||
	    loop_listen(service->loops[0], admin, address, &port, error) != 0)
		return -1;
	service_address(real, sizeof(real), address, port);
	for (size_t i = 1; i < service->loop_count; i++)
		if (loop_listen(service->loops[i], admin, real, NULL, error) != 0)
			return -1;
	log_event(LOG_INFO, admin ? "listening for administrators" : "listening",
		  LOG_STR("address", real), LOG_STR("tls", service->tls != NULL ? "on" : NULL),
		  LOG_STR("backend", cart_backend_name(service->api.backend)),
		  LOG_INT("threads", (int64_t)service->loop_count));
	return 0;
}

/* Checked before anything is opened, so that a start that must fail does not create a database
 * first. */
static int service_check_addresses(const struct service *service, const char *key,
				   struct cart_error *error)
{
	const char *const *address = settings_list(service->settings, key, NULL);

	for (; *address != NULL; address++)
		if (http_address_check(*address, error) != 0)
			return -1;
	return 0;
}

/* The same for whoever may call. */
static int service_check_access(struct service *service, struct cart_error *error)
{
	struct access *access;

	if (access_check_settings(service->settings, error) != 0 ||
	    access_open(&access, service->settings, &cart_clock_system, &service->api.reloads,
			error) != 0)
		return -1;
	access_close(&access);
	return 0;
}

static int service_listen_all(struct service *service, bool admin, struct cart_error *error)
{
	const char *const *address =
		settings_list(service->settings, admin ? "admin.listen" : "listen", NULL);

	for (; *address != NULL; address++)
		if (service_listen(service, admin, *address, error) != 0)
			return -1;
	return 0;
}

/* Signals are read by the main thread alone: every thread made later inherits the mask. */
static int service_take_signals(struct service *service, struct cart_error *error)
{
	sigset_t signals;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	if (pthread_sigmask(SIG_BLOCK, &signals, NULL) != 0)
		return cart_error_set(error, "cannot block signals");
	service->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	service->done_fd = wake_fd_open();
	if (service->signal_fd < 0 || service->done_fd < 0)
		return cart_error_set(error, "cannot wait for signals: %s", strerror(errno));
	return 0;
}

static int service_read_proxies(struct service *service, struct cart_error *error)
{
	const char *by = settings_string(service->settings, "http.forwarded");
	struct http_proxies *proxies = &service->proxies;
	struct cart_error why;
	size_t count;
	const char *const *trusted =
		settings_list(service->settings, "http.trusted_proxies", &count);

	proxies->protocol =
		strcmp(settings_string(service->settings, "http.proxy_protocol"), "v2") == 0;
	if (strcmp(by, "off") != 0)
		proxies->forwarded =
			strcmp(by, "forwarded") == 0 ? FORWARDED_STANDARD : FORWARDED_X;
	if (networks_parse(&proxies->trusted, trusted, count, &why) != 0)
		return cart_error_set(error, "http.trusted_proxies: %s", why.text);
	if (count == 0 && (proxies->protocol || proxies->forwarded != FORWARDED_OFF))
		return cart_error_set(error, "%s needs http.trusted_proxies",
				      proxies->protocol ? "http.proxy_protocol" : "http.forwarded");
	return 0;
}

static int service_start(struct service *service, struct cart_error *error)
{
	if (service_check_access(service, error) != 0 ||
	    service_take_signals(service, error) != 0 ||
	    cors_read(&service->cors, service->settings, error) != 0 ||
	    service_read_proxies(service, error) != 0 ||
	    certificate_open(&service->tls, service->settings, service->metrics, error) != 0 ||
	    service_check_addresses(service, "listen", error) != 0 ||
	    service_check_addresses(service, "admin.listen", error) != 0 ||
	    service_start_backend(service, error) != 0 || service_open_loops(service, error) != 0 ||
	    service_listen_all(service, false, error) != 0 ||
	    service_listen_all(service, true, error) != 0)
		return -1;
	for (size_t i = 0; i < service->loop_count; i++)
		if (loop_start(service->loops[i], error) != 0)
			return -1;
	return 0;
}

/* Run. */

static void service_reload(struct service *service)
{
	struct cart_error error;

	atomic_fetch_add(&service->api.reloads, 1);
	if (log_reopen(&error) != 0)
		log_event(LOG_ERROR, "cannot reopen the log file", LOG_STR("reason", error.text));
	if (settings_reload_secrets(service->settings, &error) != 0)
		log_event(LOG_ERROR, "cannot reload secrets; keeping the old ones",
			  LOG_STR("reason", error.text));
	else
		cart_db_reload(service->db);
	certificate_reload(service->tls);
	log_message(LOG_INFO, "reloaded");
}

/* A closed terminal may send more than one SIGHUP: none of them hastens the end. */
static bool service_stops_at_hangup(const struct service *service)
{
	return strcmp(settings_string(service->settings, "hangup"), "stop") == 0 &&
	       !atomic_load(&service->draining);
}

/*
 * Waits for a signal that ends the service, for all loops to end, or for the time. Returns the
 * signal, or 0. timeout_ms -1: for ever.
 */
static int service_wait(struct service *service, int64_t timeout_ms)
{
	struct pollfd waits[2] = {{.fd = service->signal_fd, .events = POLLIN},
				  {.fd = service->done_fd, .events = POLLIN}};
	int64_t end_ns = clock_monotonic_ns(&cart_clock_system) + timeout_ms * CLOCK_NS_PER_MS;
	struct signalfd_siginfo info;
	uint64_t done;

	while (service->loops_done < service->loop_count) {
		int64_t left_ns = end_ns - clock_monotonic_ns(&cart_clock_system);

		if (timeout_ms >= 0 && left_ns <= 0)
			return 0;
		poll(waits, 2,
		     timeout_ms < 0 ? certificate_watch(service->tls)
				    : (int)(left_ns / CLOCK_NS_PER_MS) + 1);
		if (read(service->done_fd, &done, sizeof(done)) == sizeof(done))
			service->loops_done += done;
		while (read(service->signal_fd, &info, sizeof(info)) == sizeof(info)) {
			if (info.ssi_signo != SIGHUP || service_stops_at_hangup(service))
				return (int)info.ssi_signo;
			if (!atomic_load(&service->draining))
				service_reload(service);
		}
	}
	return 0;
}

static void service_command(struct service *service, enum loop_command command)
{
	for (size_t i = 0; i < service->loop_count; i++)
		loop_command(service->loops[i], command);
}

/* A second signal ends the service at once. What was acknowledged is stored; clients of other
 * requests see a broken connection. */
static void service_end_at_once(int signal_number)
{
	log_event(LOG_WARN, "second signal: closing all connections now",
		  LOG_STR("signal", strsignal(signal_number)));
	_exit(1);
}

static void service_wait_or_end(struct service *service, int64_t timeout_ms)
{
	int again = service_wait(service, timeout_ms);

	if (again != 0)
		service_end_at_once(again);
}

/* True: every request got its answer. */
static bool service_drain(struct service *service)
{
	const struct settings *settings = service->settings;

	atomic_store(&service->draining, true);
	if (settings_integer(settings, "drain.delay") > 0)
		service_wait_or_end(service, settings_integer(settings, "drain.delay"));
	service_command(service, LOOP_DRAIN);
	service_wait_or_end(service, settings_integer(settings, "drain.deadline"));
	if (service->loops_done == service->loop_count)
		return true;
	log_message(LOG_WARN, "drain.deadline has passed: closing the connections that are left");
	service_command(service, LOOP_STOP);
	service_wait_or_end(service,
			    settings_integer(settings, "request.deadline") + SERVICE_STOP_GRACE_MS);
	if (service->loops_done < service->loop_count) {
		log_message(LOG_ERROR,
			    "the backend has not completed its requests: ending without them");
		_exit(1);
	}
	return false;
}

/* Stop. Also after a start that failed half way. */
static void service_free(struct service *service)
{
	for (size_t i = 0; i < service->loop_count; i++)
		loop_free(&service->loops[i]);
	free(service->loops);
	cart_db_stop(&service->db);
	read_cache_free(&service->api.read_cache);
	rates_free(&service->api.rates);
	feed_hub_free(&service->api.feed_hub);
	api_metrics_free(&service->api.series);
	metrics_free(&service->metrics);
	tls_free(&service->tls);
	networks_free(&service->proxies.trusted);
	if (service->signal_fd >= 0)
		close(service->signal_fd);
	if (service->done_fd >= 0)
		close(service->done_fd);
}

int service_run(struct settings *settings, struct cart_error *error)
{
	struct service service = {
		.settings = settings, .metrics = metrics_new(), .signal_fd = -1, .done_fd = -1};
	int status = -1;

	if (service_start(&service, error) == 0) {
		int ended_by = service_wait(&service, -1);

		if (ended_by != 0)
			log_event(LOG_INFO, "draining", LOG_STR("signal", strsignal(ended_by)));
		else
			log_message(LOG_ERROR, "the event loops ended unexpectedly");
		status = ended_by != 0 && service_drain(&service) ? 0 : 1;
		log_event(LOG_INFO, "stopped", LOG_INT("status", status));
	} else {
		/* Loops that are already running must end before they can be freed. */
		service_command(&service, LOOP_STOP);
	}
	service_free(&service);
	return status;
}
