#include "tests/lib/ddb_fixture.h"

#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#define DDB_FIXTURE_WAIT_NS (30 * CLOCK_NS_PER_S)

static const char *fixture_variable(const char *name, void *user)
{
	(void)user;
	if (strcmp(name, "AWS_ACCESS_KEY_ID") == 0)
		return "STUBKEY";
	return strcmp(name, "AWS_SECRET_ACCESS_KEY") == 0 ? "secret" : NULL;
}

static void fixture_start_credentials(struct ddb_fixture *f)
{
	const struct aws_credentials_config config = {.service = &aws_dynamodb,
						      .clock = &cart_clock_system,
						      .profile = "",
						      .region = "eu-central-1",
						      .environment = fixture_variable};
	struct cart_error error;

	if (aws_credentials_new(&f->credentials, &config, &error) != 0 ||
	    aws_credentials_wait(f->credentials, 20000, &error) != 0)
		fail_msg("%s", error.text);
}

static void fixture_tick(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	(void)user;
}

void ddb_fixture_start(struct ddb_fixture *f)
{
	struct event_config *config = event_config_new();

	*f = (struct ddb_fixture){.base = NULL};
	ddb_stub_start(&f->stub);
	clock_fake_init(&f->clock, clock_wall_ms(&cart_clock_system));
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	f->base = event_base_new_with_config(config);
	event_config_free(config);
	f->tick = evtimer_new(f->base, fixture_tick, NULL);
	ddb_shared_init(&f->shared);
	f->metrics = metrics_new();
	ddb_call_series_register(&f->series, f->metrics);
	fixture_start_credentials(f);
	f->config = (struct ddb_client_config){
		.clock = &f->clock.clock,
		.endpoint = f->stub.url,
		.region = "eu-central-1",
		.tls_ca = "",
		.connect_timeout_ms = 10000,
		.timeout_ms = 20000,
		.idle_ms = DDB_IDLE_MS,
		.connections = 16,
		.credentials = f->credentials,
		.shared = &f->shared,
		.shard = metrics_shard_new(f->metrics),
		.series = &f->series,
	};
}

void ddb_fixture_stop(struct ddb_fixture *f)
{
	ddb_client_free(&f->client);
	aws_credentials_free(&f->credentials);
	event_free(f->tick);
	event_base_free(f->base);
	metrics_free(&f->metrics);
	ddb_stub_stop(&f->stub);
}

void ddb_fixture_use(struct ddb_fixture *f, struct aws_credentials_source *credentials)
{
	aws_credentials_free(&f->credentials);
	f->credentials = f->config.credentials = credentials;
}

struct ddb_client *ddb_fixture_client(struct ddb_fixture *f)
{
	if (f->client == NULL)
		f->client = ddb_client_new(f->base, &f->config);
	assert_non_null(f->client);
	return f->client;
}

static void fixture_fill(struct ddb_fixture *f, struct ddb_call *call, enum ddb_operation operation,
			 const char *body, int64_t deadline_ms)
{
	call->operation = operation;
	buf_reset(&call->body);
	buf_add_string(&call->body, body);
	call->deadline_ns = clock_monotonic_ns(&f->clock.clock) +
			    (deadline_ms > 0 ? deadline_ms : 60000) * CLOCK_NS_PER_MS;
}

enum ddb_outcome ddb_fixture_call(struct ddb_fixture *f, struct ddb_call *call,
				  enum ddb_operation operation, const char *body,
				  int64_t deadline_ms)
{
	fixture_fill(f, call, operation, body, deadline_ms);
	assert_int_equal(ddb_call_wait(ddb_fixture_client(f), f->base, call), 0);
	return call->outcome;
}

enum ddb_outcome ddb_fixture_call_given_up(struct ddb_fixture *f, struct ddb_call *call,
					   enum ddb_operation operation, const char *body,
					   int64_t deadline_ms)
{
	for (int i = 0; i < 5; i++)
		if (ddb_fixture_call(f, call, operation, body, deadline_ms) != DDB_LATE)
			break;
	return call->outcome;
}

static void fixture_done(struct ddb_call *call, void *user)
{
	int *done = user;

	(void)call;
	++*done;
}

void ddb_fixture_begin(struct ddb_fixture *f, struct ddb_call *call, enum ddb_operation operation,
		       const char *body, int64_t deadline_ms, int *done)
{
	fixture_fill(f, call, operation, body, deadline_ms);
	call->done = fixture_done;
	call->user = done;
	assert_int_equal(ddb_call_start(ddb_fixture_client(f), call), 0);
}

/* A turn of the loop, at most a few ms long. */
static void fixture_turn(struct ddb_fixture *f, int64_t until_ns, const char *what)
{
	static const struct timeval soon = {.tv_usec = 5000};

	if (patience_ns() > until_ns)
		fail_msg("%s", what);
	evtimer_add(f->tick, &soon);
	event_base_loop(f->base, EVLOOP_ONCE);
}

void ddb_fixture_await(struct ddb_fixture *f, const int *done, int count)
{
	int64_t until_ns = patience_ns() + DDB_FIXTURE_WAIT_NS;

	while (*done < count)
		fixture_turn(f, until_ns, "calls are not done");
}

void ddb_fixture_await_requests(struct ddb_fixture *f, int count)
{
	int64_t until_ns = patience_ns() + DDB_FIXTURE_WAIT_NS;

	while (ddb_stub_count(&f->stub, NULL) < count)
		fixture_turn(f, until_ns, "requests have not come");
}

long ddb_fixture_metric(struct ddb_fixture *f, const char *series)
{
	struct buf text = {0};
	char line[128];
	const char *at;
	long value;

	snprintf(line, sizeof(line), "\n%s ", series);
	metrics_print(f->metrics, &text);
	at = strstr(buf_string(&text), line);
	if (at == NULL)
		fail_msg("no series %s", series);
	value = strtol(at + strlen(line), NULL, 10);
	buf_free(&text);
	return value;
}

void ddb_fixture_await_metric(struct ddb_fixture *f, const char *series, long value)
{
	int64_t until_ns = patience_ns() + DDB_FIXTURE_WAIT_NS;

	while (ddb_fixture_metric(f, series) < value)
		fixture_turn(f, until_ns, series);
}
