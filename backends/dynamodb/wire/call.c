/*
 * A call, from its first try to done(). transfer.c makes each try; this file decides what follows.
 * done() is always called from the loop, at the end of a transfer or of a pause.
 */
#include "backends/dynamodb/wire/call.h"

#include "backends/dynamodb/wire/retry.h"
#include "backends/dynamodb/wire/transfer.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After credentials were refused: how long to wait for others, and how often to check. The source
 * lets a second pass between two fetches. */
#define CALL_RENEW_NS	   (2 * CLOCK_NS_PER_S)
#define CALL_RENEW_LOOK_US 10000

/* While the retry budget is empty: how often a call looks whether it is filled again, at random up
 * to twice this. */
#define CALL_TOKENS_LOOK_US 10000

/* Of a buffer, from call to call: more than a cart of an ordinary size needs. Sooner or later each
 * idle task has had an answer of the largest size, so this is what each of them holds on to. */
#define CALL_KEEP_MAX (16 * 1024)

#define SERIES_HALF_UNITS_MAX 1e9

enum { SERIES_2XX, SERIES_CONDITION, SERIES_THROTTLED, SERIES_4XX, SERIES_5XX, SERIES_NONE };

/* Those of the data: what provisioning calls is not counted. */
static bool series_counts(enum ddb_operation operation)
{
	return operation <= DDB_TRANSACT_WRITE_ITEMS;
}

bool ddb_operation_writes(enum ddb_operation operation)
{
	return operation >= DDB_PUT_ITEM && operation <= DDB_TRANSACT_WRITE_ITEMS;
}

static void series_register_operation(struct ddb_call_series *series, struct metrics *metrics,
				      enum ddb_operation operation)
{
	static const char *const statuses[] = {
		[SERIES_2XX] = "2xx",
		[SERIES_CONDITION] = "condition",
		[SERIES_THROTTLED] = "throttled",
		[SERIES_4XX] = "4xx",
		[SERIES_5XX] = "5xx",
		[SERIES_NONE] = "none",
	};
	const char *name = ddb_operation_name(operation);
	char labels[80];

	for (int i = 0; i <= SERIES_NONE; i++) {
		snprintf(labels, sizeof(labels), "operation=\"%s\",status=\"%s\"", name,
			 statuses[i]);
		series->calls[operation][i] = metrics_counter(
			metrics, "cart_dynamodb_calls_total",
			"Calls tried, by what was answered; none: no answer", labels);
	}
	snprintf(labels, sizeof(labels), "operation=\"%s\"", name);
	series->seconds[operation] = metrics_histogram(metrics, "cart_dynamodb_call_seconds",
						       "How long a try took", labels);
	if (ddb_operation_writes(operation))
		series->half_write_units[operation] =
			metrics_counter(metrics, "cart_dynamodb_half_write_units_total",
					"Write units consumed, counted in halves of one", labels);
	else
		series->half_read_units[operation] =
			metrics_counter(metrics, "cart_dynamodb_half_read_units_total",
					"Read units consumed, counted in halves of one", labels);
}

void ddb_call_series_register(struct ddb_call_series *series, struct metrics *metrics)
{
	static const char *const causes[DDB_RETRIES] = {
		[DDB_RETRY_THROTTLED] = "throttled",	 [DDB_RETRY_SERVER] = "server",
		[DDB_RETRY_CONNECTION] = "connection",	 [DDB_RETRY_TIMEOUT] = "timeout",
		[DDB_RETRY_ANSWER] = "answer",		 [DDB_RETRY_SKEW] = "skew",
		[DDB_RETRY_CREDENTIALS] = "credentials", [DDB_RETRY_CONFLICT] = "conflict",
	};
	char labels[64];

	for (int i = 0; series_counts((enum ddb_operation)i); i++)
		series_register_operation(series, metrics, (enum ddb_operation)i);
	for (int i = 0; i < DDB_RETRIES; i++) {
		snprintf(labels, sizeof(labels), "cause=\"%s\"", causes[i]);
		series->retries[i] = metrics_counter(metrics, "cart_dynamodb_retries_total",
						     "Calls tried again, by cause", labels);
	}
	series->budget_empty =
		metrics_counter(metrics, "cart_dynamodb_retries_denied_total",
				"Calls given up because the retry budget stayed empty", NULL);
	series->in_flight =
		metrics_gauge(metrics, "cart_dynamodb_calls_in_flight", "Calls under way", NULL);
	series->connections = metrics_counter(metrics, "cart_dynamodb_connections_opened_total",
					      "Connections opened for calls", NULL);
}

static int series_status(enum ddb_try outcome, enum ddb_retry why, long status)
{
	if (outcome == DDB_TRY_DONE)
		return SERIES_2XX;
	if (outcome == DDB_TRY_CONDITION)
		return SERIES_CONDITION;
	if (outcome == DDB_TRY_REFUSED && why == DDB_RETRY_THROTTLED)
		return SERIES_THROTTLED;
	if (status == 0)
		return SERIES_NONE;
	return status >= 500 ? SERIES_5XX : SERIES_4XX;
}

static int64_t series_half_units(const json_t *consumed)
{
	double halves = 2 * json_number_value(json_object_get(consumed, "CapacityUnits"));

	/* Multiples of a half, as doubles have them exactly; and nothing that no call can cost. */
	return halves > 0 && halves < SERIES_HALF_UNITS_MAX ? (int64_t)halves : 0;
}

static void series_count_units(const struct ddb_client *client, const struct ddb_call *call)
{
	const struct ddb_call_series *series = client->config.series;
	const json_t *consumed = json_object_get(call->json, "ConsumedCapacity"), *table;
	int64_t halves = series_half_units(consumed);
	size_t i;

	json_array_foreach(consumed, i, table)
	{
		halves += series_half_units(table);
	}
	if (halves > 0)
		metrics_add(client->config.shard,
			    ddb_operation_writes(call->operation)
				    ? series->half_write_units[call->operation]
				    : series->half_read_units[call->operation],
			    halves);
}

/* status: as the answer said, 0: none. */
static void call_count_try(const struct ddb_client *client, const struct ddb_call *call,
			   enum ddb_try outcome, enum ddb_retry why, long status)
{
	const struct ddb_call_series *series = client->config.series;
	struct metrics_shard *shard = client->config.shard;
	long connects = 0;

	if (shard == NULL || !series_counts(call->operation))
		return;
	metrics_add(shard, series->calls[call->operation][series_status(outcome, why, status)], 1);
	metrics_observe(shard, series->seconds[call->operation],
			clock_monotonic_ns(client->config.clock) - call->transfer->since_ns);
	curl_easy_getinfo(call->transfer->easy, CURLINFO_NUM_CONNECTS, &connects);
	if (connects > 0)
		metrics_add(shard, series->connections, connects);
	series_count_units(client, call);
}

static void call_count(const struct ddb_client *client, metric_t series, int64_t n)
{
	if (client->config.shard != NULL)
		metrics_add(client->config.shard, series, n);
}

/* The call is no longer under way. */
static void call_release(struct ddb_call *call)
{
	struct ddb_client *client = call->client;

	call->client = NULL;
	call_count(client, client->config.series->in_flight, -1);
}

static void call_finish(struct ddb_call *call, enum ddb_outcome outcome)
{
	call->outcome = outcome;
	call_release(call);
	call->done(call, call->user);
}

/* The same from the loop, because done() is never called inside ddb_call_start(). */
static void call_finish_later(struct ddb_call *call, enum ddb_outcome outcome)
{
	call->outcome = outcome;
	call->transfer->decided = true;
	event_active(call->transfer->pause, 0, 0);
}

static void call_again_later(struct ddb_call *call, int64_t us)
{
	struct timeval delay = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};

	evtimer_add(call->transfer->pause, &delay);
}

static int64_t call_left_ns(const struct ddb_call *call)
{
	return call->deadline_ns - clock_monotonic_ns(call->client->config.clock);
}

static bool call_has_credentials(struct ddb_client *client)
{
	struct aws_credentials_source *source = client->config.credentials;

	if (client->generation != aws_credentials_generation(source))
		client->generation = aws_credentials_copy(source, &client->credentials);
	return client->generation != 0;
}

/* What a call ends as when it is not tried again. */
static enum ddb_outcome call_given_up(const struct ddb_call *call, enum ddb_try outcome,
				      enum ddb_retry why)
{
	if (outcome == DDB_TRY_LOST && ddb_operation_writes(call->operation))
		return DDB_DOUBT;
	if (why == DDB_RETRY_TIMEOUT && call->transfer->is_last)
		return DDB_LATE;
	return outcome == DDB_TRY_LOST ? DDB_DOUBT : DDB_BUSY;
}

/* The credentials were refused, so another try needs new ones. False: an earlier call has already
 * waited for them without success. */
static bool call_renews(struct ddb_call *call)
{
	struct ddb_transfer *transfer = call->transfer;

	if (transfer->generation == call->client->refused)
		return false;
	transfer->renew_until_ns = clock_monotonic_ns(call->client->config.clock) + CALL_RENEW_NS;
	return true;
}

/* Until the next try, or the end: outcome says what the call is if there is no other. */
static void call_pause(struct ddb_call *call, enum ddb_retry why, int64_t us,
		       enum ddb_outcome outcome)
{
	call->why = why;
	call->outcome = outcome;
	call->transfer->owed = ddb_retry_tokens(why);
	call->transfer->owed_since_ns = 0;
	if (call->paused != NULL)
		call->paused(call, call->user);
	call_again_later(call, us);
}

/* Of a kind that ends after some tries, whatever time is left. */
static bool call_had_its_tries(const struct ddb_call *call, enum ddb_retry why)
{
	return call->tries >= DDB_TRIES &&
	       (why == DDB_RETRY_CREDENTIALS || !series_counts(call->operation));
}

/* Another try after a pause. False: there is no time for it, or it would be of no use. */
static bool call_retry(struct ddb_call *call, enum ddb_retry why, enum ddb_outcome outcome)
{
	int64_t us =
		ddb_retry_pause_us(why, call->repeats + call->tries, call->transfer->asked_ms,
				   call_left_ns(call) / 1000, random_next(&call->client->random));

	if (us < 0 || call_had_its_tries(call, why))
		return false;
	if (why == DDB_RETRY_CREDENTIALS) {
		if (!call_renews(call))
			return false;
		us = CALL_RENEW_LOOK_US;
	}
	json_decref(call->json);
	call->json = NULL;
	call_pause(call, why, us, outcome);
	return true;
}

/* The retry budget is empty: waits, or gives up. */
static void call_await_tokens(struct ddb_call *call, int64_t now_ns)
{
	struct ddb_client *client = call->client;
	struct ddb_transfer *transfer = call->transfer;
	int64_t us = 1 + (int64_t)(random_next(&client->random) % (2 * CALL_TOKENS_LOOK_US));

	if (transfer->owed_since_ns == 0)
		transfer->owed_since_ns = now_ns;
	if (call_left_ns(call) > 2 * us * 1000 &&
	    (call->patient || now_ns - transfer->owed_since_ns < client->config.budget_wait_ns)) {
		call_again_later(call, us);
		return;
	}
	call_count(client, client->config.series->budget_empty, 1);
	call_finish(call, call->outcome);
}

/* Takes the tokens of a retry. False: the call waits for them, or has ended. */
static bool call_pays(struct ddb_call *call)
{
	struct ddb_client *client = call->client;
	struct ddb_transfer *transfer = call->transfer;
	struct retry_budget *budget = &client->config.shared->budget;
	int64_t now_ns = clock_monotonic_ns(client->config.clock);

	if (transfer->owed == 0)
		return true;
	if (!retry_budget_spend(budget, transfer->owed) &&
	    !retry_budget_probe(budget, now_ns, DDB_PROBE_NS)) {
		call_await_tokens(call, now_ns);
		return false;
	}
	transfer->spent += transfer->owed;
	transfer->owed = 0;
	call_count(client, client->config.series->retries[call->why], 1);
	return true;
}

static void call_finish_late(struct ddb_call *call)
{
	if (call->message[0] == '\0')
		snprintf(call->message, sizeof(call->message), "no time was left for a try");
	call_finish_later(call, DDB_LATE);
}

static void call_try(struct ddb_call *call)
{
	struct ddb_client *client = call->client;
	int64_t left_ms = call_left_ns(call) / CLOCK_NS_PER_MS;

	if (left_ms <= 0) {
		call_finish_late(call);
		return;
	}
	if (!call_has_credentials(client)) {
		snprintf(call->message, sizeof(call->message), "there are no credentials yet");
		call_finish_later(call, DDB_BUSY);
		return;
	}
	call->tries++;
	call->transfer->is_last = left_ms <= client->config.timeout_ms;
	if (!ddb_transfer_begin(client, call->transfer,
				call->transfer->is_last ? left_ms : client->config.timeout_ms)) {
		snprintf(call->message, sizeof(call->message),
			 "no memory, or the request could not be signed");
		call_finish_later(call, DDB_BUSY);
	}
}

/* True: the call waits for other credentials, or has ended. */
static bool call_awaits_others(struct ddb_call *call)
{
	struct ddb_client *client = call->client;
	struct ddb_transfer *transfer = call->transfer;
	uint64_t generation = aws_credentials_generation(client->config.credentials);

	if (transfer->renew_until_ns == 0 || generation != transfer->generation) {
		transfer->renew_until_ns = 0;
		return false;
	}
	if (call_left_ns(call) > CALL_RENEW_LOOK_US * 1000 &&
	    clock_monotonic_ns(client->config.clock) < transfer->renew_until_ns) {
		call_again_later(call, CALL_RENEW_LOOK_US);
		return true;
	}
	if (call_left_ns(call) > CALL_RENEW_LOOK_US * 1000)
		client->refused = generation;
	call_finish(call, DDB_BUSY);
	return true;
}

static void call_paused(evutil_socket_t fd, short what, void *user)
{
	struct ddb_transfer *transfer = user;
	struct ddb_call *call = transfer->call;

	(void)fd;
	(void)what;
	if (transfer->decided) {
		transfer->decided = false;
		call_finish(call, call->outcome);
	} else if (!call_awaits_others(call) && call_pays(call) &&
		   (call->ready == NULL || call->ready(call, call->user))) {
		call_try(call);
	}
}

void ddb_call_resume(struct ddb_call *call)
{
	call_try(call);
}

/* A connection that gave no answer has fallen silent, and those that were idle meanwhile may have
 * with it: what follows for the same purpose is sent over new ones. */
static void call_avoid_silence(const struct ddb_call *call, enum ddb_try outcome,
			       enum ddb_retry why)
{
	bool answered = outcome == DDB_TRY_DONE || outcome == DDB_TRY_CONDITION;

	if (!answered && why == DDB_RETRY_TIMEOUT)
		curl_easy_setopt(call->transfer->easy, CURLOPT_FRESH_CONNECT, 1L);
	else if (answered && !call->patient)
		curl_easy_setopt(call->transfer->easy, CURLOPT_FRESH_CONNECT, 0L);
}

/* A transfer is over; libcurl has let go of it. */
static void call_tried(struct ddb_transfer *transfer, CURLcode result)
{
	struct ddb_call *call = transfer->call;
	struct ddb_client *client = call->client;
	enum ddb_retry why = DDB_RETRY_SERVER;
	enum ddb_try outcome = ddb_transfer_result(client, transfer, result, &why);
	long status = 0;

	if (result == CURLE_OK)
		curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	call->why = why;
	call_count_try(client, call, outcome, why, status);
	call_avoid_silence(call, outcome, why);
	if (outcome == DDB_TRY_DONE || outcome == DDB_TRY_CONDITION) {
		retry_budget_earn(&client->config.shared->budget,
				  transfer->spent > 0 ? transfer->spent : 1);
		call_finish(call, outcome == DDB_TRY_DONE ? DDB_OK : DDB_CONDITION);
	} else if (outcome == DDB_TRY_REJECTED) {
		call_finish(call, DDB_REJECTED);
	} else {
		enum ddb_outcome given_up = call_given_up(call, outcome, why);
		bool lost_change = outcome == DDB_TRY_LOST && ddb_operation_writes(call->operation);

		if (lost_change || !call_retry(call, why, given_up))
			call_finish(call, given_up);
	}
}

static void client_set_host(struct ddb_client *client)
{
	const char *host = strstr(client->config.endpoint, "://") + 3;

	snprintf(client->host, sizeof(client->host), "%.*s", (int)strcspn(host, "/"), host);
	snprintf(client->host_header, sizeof(client->host_header), "Host: %s", client->host);
}

struct ddb_client *ddb_client_new(struct event_base *base, const struct ddb_client_config *config)
{
	struct ddb_client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return NULL;
	client->base = base;
	client->config = *config;
	client->signer = (struct sigv4_signer){.region = config->region, .service = "dynamodb"};
	client_set_host(client);
	client->curl = ddb_curl_loop_new(base, config->connections, call_tried);
	random_seed(&client->random);
	if (client->curl == NULL)
		ddb_client_free(&client);
	return client;
}

void ddb_client_free(struct ddb_client **out)
{
	struct ddb_client *client = *out;

	if (client == NULL)
		return;
	ddb_curl_loop_free(&client->curl);
	sigv4_signer_clear(&client->signer);
	explicit_bzero(&client->credentials, sizeof(client->credentials));
	free(client);
	*out = NULL;
}

static int call_make_transfer(struct ddb_client *client, struct ddb_call *call)
{
	if (call->transfer == NULL) {
		call->transfer = ddb_transfer_new(client);
		if (call->transfer == NULL)
			return -1;
		call->transfer->pause = event_new(client->base, -1, 0, call_paused, call->transfer);
	}
	return call->transfer->pause != NULL ? 0 : -1;
}

/* A call that repeats another one begins with a pause. */
static void call_begin_repeat(struct ddb_call *call)
{
	int64_t us = ddb_retry_pause_us(call->why, call->repeats, -1, call_left_ns(call) / 1000,
					random_next(&call->client->random));

	if (us >= 0)
		call_pause(call, call->why, us, DDB_BUSY);
	else
		call_finish_late(call);
}

int ddb_call_start(struct ddb_client *client, struct ddb_call *call)
{
	struct ddb_transfer *transfer;

	json_decref(call->json);
	call->json = NULL;
	call->error[0] = call->message[0] = '\0';
	call->tries = 0;
	if (call_make_transfer(client, call) != 0)
		return -1;
	transfer = call->transfer;
	transfer->call = call;
	transfer->spent = transfer->owed = 0;
	transfer->renew_until_ns = 0;
	transfer->skewed = transfer->decided = false;
	transfer->asked_ms = -1;
	call->client = client;
	call_count(client, client->config.series->in_flight, 1);
	if (call->repeats > 0)
		call_begin_repeat(call);
	else
		call_try(call);
	return 0;
}

bool ddb_call_in_doubt(const struct ddb_call *call)
{
	return call->client != NULL && ddb_operation_writes(call->operation) &&
	       call->transfer->on_wire && call->transfer->sent > 0;
}

void ddb_call_abandon(struct ddb_call *call)
{
	if (call->client == NULL)
		return;
	ddb_transfer_abort(call->client, call->transfer);
	event_del(call->transfer->pause);
	call_release(call);
}

void ddb_call_forget(struct ddb_call *call)
{
	json_decref(call->json);
	call->json = NULL;
	if (call->body.room > CALL_KEEP_MAX)
		buf_free(&call->body);
	if (call->transfer != NULL && call->transfer->answer.room > CALL_KEEP_MAX)
		buf_free(&call->transfer->answer);
}

void ddb_call_clear(struct ddb_call *call)
{
	ddb_call_abandon(call);
	json_decref(call->json);
	call->json = NULL;
	ddb_transfer_free(&call->transfer);
}

static void call_waited(struct ddb_call *call, void *user)
{
	bool *done = user;

	(void)call;
	*done = true;
}

int ddb_call_wait(struct ddb_client *client, struct event_base *base, struct ddb_call *call)
{
	bool done = false;

	call->done = call_waited;
	call->user = &done;
	if (ddb_call_start(client, call) != 0)
		return -1;
	while (!done)
		event_base_loop(base, EVLOOP_ONCE);
	return 0;
}
