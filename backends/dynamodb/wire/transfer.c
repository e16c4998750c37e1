/*
 * The happy path: the request is signed with the newest credentials, its headers are laid into
 * nodes that the transfer keeps, libcurl takes the body from the call's buffer and puts the answer
 * into the transfer's; nothing is allocated for it once these have grown.
 *
 * libcurl's multi interface runs on the event loop: libcurl says which sockets it waits for and how
 * long, and the loop tells it when they are ready. Nothing calls libcurl from within its own
 * callbacks. A finished transfer is taken out of the multi handle, then handed to done().
 *
 * libcurl would send a POST again by itself when a kept connection turns out to be dead. It cannot:
 * the body comes from a function that cannot go back. Whether a try may have been applied is known
 * by the same function: a body that was not taken was not sent.
 */
#include "backends/dynamodb/wire/transfer.h"

#include "core/base/json_parse.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#define TRANSFER_SKEW_MIN_S 30 /* a clock that is nearer is not what a signature failed for */

#define TRANSFER_NAME_S 1L /* how long an address counts that a name led to */

#define LOOP_AGAIN_MS 10
/* Of a connection: two addresses that are tried at once, and the resolver's wake-up. */
#define LOOP_SOCKETS_EACH 3

/* A socket that libcurl waits for. */
struct loop_watch {
	struct event event;
	struct curl_loop *loop;
	bool used;
	bool missing; /* there was no memory to wait for it yet */
};

/*
 * A callback that fails makes libcurl give up every transfer, so ours do not: what they need is
 * made at the start. The timer is always set, far off where nothing is due, because setting it
 * again needs no memory. If there is no memory to wait for a socket, the timer comes soon and tries
 * again; libcurl may be called earlier than it asked for.
 */
struct curl_loop {
	struct event_base *base;
	CURLM *multi;
	struct event timer; /* libcurl's, and for what is missing */
	bool missing;	    /* some watches are */
	struct loop_watch *watches;
	size_t room;
	ddb_transfer_done_fn *done;
};

static const struct timeval loop_far_off = {.tv_sec = 3600};
static const struct timeval loop_soon = {.tv_usec = LOOP_AGAIN_MS * 1000};

static pthread_once_t loop_once = PTHREAD_ONCE_INIT;

static void loop_init_curl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort(); /* no memory, at start */
}

/* Handles that are over. A done() may add and remove others meanwhile. */
static void loop_reap(struct curl_loop *loop)
{
	const CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(loop->multi, &left)) != NULL) {
		CURL *easy = message->easy_handle;
		CURLcode result =
			message->data.result; /* the message does not outlive the removal */
		void *transfer = NULL;

		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
		curl_multi_remove_handle(loop->multi, easy);
		loop->done(transfer, result);
	}
}

static void loop_act(struct curl_loop *loop, curl_socket_t socket, int what)
{
	int running;

	/* Out of memory it may have lost sight of a socket or a timer: what hangs by that is ended
	 * when its time is up, if somebody asks. */
	if (curl_multi_socket_action(loop->multi, socket, what, &running) != CURLM_OK)
		evtimer_add(&loop->timer, &loop_soon);
	loop_reap(loop);
}

static void loop_ready(evutil_socket_t fd, short what, void *user)
{
	struct loop_watch *watch = user;

	loop_act(watch->loop, fd,
		 ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
			 ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0));
}

static void loop_add(struct loop_watch *watch)
{
	watch->missing = event_add(&watch->event, NULL) != 0;
	if (!watch->missing)
		return;
	watch->loop->missing = true;
	evtimer_add(&watch->loop->timer, &loop_soon);
}

static void loop_timed_out(evutil_socket_t fd, short what, void *user)
{
	struct curl_loop *loop = user;

	(void)fd;
	(void)what;
	evtimer_add(&loop->timer, &loop_far_off);
	loop->missing = false;
	for (size_t i = 0; i < loop->room; i++)
		if (loop->watches[i].used && loop->watches[i].missing)
			loop_add(&loop->watches[i]);
	loop_act(loop, CURL_SOCKET_TIMEOUT, 0);
}

/* NULL: more sockets than connections can have. */
static struct loop_watch *loop_free_watch(struct curl_loop *loop)
{
	for (size_t i = 0; i < loop->room; i++)
		if (!loop->watches[i].used)
			return &loop->watches[i];
	return NULL;
}

/* libcurl's callback: what it waits for on a socket. */
static int loop_watch(CURL *easy, curl_socket_t socket, int what, void *user, void *watched)
{
	struct curl_loop *loop = user;
	struct loop_watch *watch = watched;
	short kind = EV_PERSIST;

	(void)easy;
	if (watch != NULL)
		event_del(&watch->event);
	if (what == CURL_POLL_REMOVE) {
		if (watch != NULL)
			watch->used = false;
		return 0;
	}
	if (watch == NULL) {
		watch = loop_free_watch(loop);
		if (watch == NULL)
			return -1;
		curl_multi_assign(loop->multi, socket, watch);
	}
	kind |= (what & CURL_POLL_IN) != 0 ? EV_READ : 0;
	kind |= (what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0;
	watch->loop = loop;
	watch->used = true;
	event_assign(&watch->event, loop->base, socket, kind, loop_ready, watch);
	loop_add(watch);
	return 0;
}

/* libcurl's callback: -1: no timer; 0: as soon as may be, but not from here. */
static int loop_set_timer(CURLM *multi, long ms, void *user)
{
	struct curl_loop *loop = user;
	struct timeval delay;

	(void)multi;
	if (loop->missing && (ms < 0 || ms > LOOP_AGAIN_MS))
		ms = LOOP_AGAIN_MS;
	delay = (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	return evtimer_add(&loop->timer, ms < 0 ? &loop_far_off : &delay);
}

struct curl_loop *ddb_curl_loop_new(struct event_base *base, size_t connections,
				    ddb_transfer_done_fn *done)
{
	struct curl_loop *loop = calloc(1, sizeof(*loop));

	pthread_once(&loop_once, loop_init_curl);
	if (loop == NULL)
		return NULL;
	loop->base = base;
	loop->done = done;
	loop->room = LOOP_SOCKETS_EACH * connections;
	evtimer_assign(&loop->timer, base, loop_timed_out, loop);
	loop->watches = calloc(loop->room, sizeof(*loop->watches));
	loop->multi = curl_multi_init();
	if (loop->watches == NULL || loop->multi == NULL ||
	    evtimer_add(&loop->timer, &loop_far_off) != 0) {
		curl_multi_cleanup(loop->multi);
		free(loop->watches);
		free(loop);
		return NULL;
	}
	curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, loop_watch);
	curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
	curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, loop_set_timer);
	curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
	curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, (long)connections);
	curl_multi_setopt(loop->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)connections);
	return loop;
}

void ddb_curl_loop_free(struct curl_loop **out)
{
	struct curl_loop *loop = *out;

	if (loop == NULL)
		return;
	curl_multi_cleanup(loop->multi); /* unwatches its sockets */
	event_del(&loop->timer);
	free(loop->watches);
	free(loop);
	*out = NULL;
}

static size_t transfer_read(char *to, size_t size, size_t count, void *user)
{
	struct ddb_transfer *transfer = user;
	const struct buf *body = &transfer->call->body;
	size_t room = size * count, left = body->len - transfer->sent;

	if (left > room)
		left = room;
	memcpy(to, body->data + transfer->sent, left);
	transfer->sent += left;
	return left;
}

/* A handle that once wanted to go back, and then found nobody to connect to, wants it at its next
 * transfer again, before that has begun: there it may. */
static int transfer_seek(void *user, curl_off_t offset, int origin)
{
	const struct ddb_transfer *transfer = user;

	return transfer->sent == 0 && offset == 0 && origin == SEEK_SET ? CURL_SEEKFUNC_OK
									: CURL_SEEKFUNC_FAIL;
}

static size_t transfer_write(char *data, size_t size, size_t count, void *user)
{
	struct ddb_transfer *transfer = user;
	size_t len = size * count;

	if (transfer->answer.len + len > TRANSFER_ANSWER_MAX) {
		transfer->too_long = true;
		return 0;
	}
	buf_add(&transfer->answer, data, len);
	return transfer->answer.failed ? 0 : len;
}

/* The value of a header of the answer. NULL: it has none. */
static const char *transfer_header(const struct ddb_transfer *transfer, const char *name)
{
	struct curl_header *header;

	return curl_easy_header(transfer->easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK
		       ? header->value
		       : NULL;
}

/* A header's value as a whole number; -1: it has none of up to 15 digits. */
static int64_t transfer_number(const struct ddb_transfer *transfer, const char *name)
{
	const char *value = transfer_header(transfer, name);
	size_t digits = value != NULL ? strspn(value, "0123456789") : 0;

	return digits > 0 && digits <= 15 && value[digits] == '\0' ? strtoll(value, NULL, 10) : -1;
}

/* "ValidationException", of "com.amazonaws.dynamodb.v20120810#ValidationException:http://..." */
static void transfer_set_type(char *type, size_t room, const char *text)
{
	const char *hash = strchr(text, '#');

	text = hash != NULL ? hash + 1 : text;
	snprintf(type, room, "%.*s", (int)strcspn(text, ":"), text);
}

/* What is the same for all tries. */
static void transfer_set_options(struct ddb_client *client, struct ddb_transfer *transfer)
{
	const struct ddb_client_config *config = &client->config;
	bool tls = strncmp(config->endpoint, "https:", 6) == 0;
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_URL, config->endpoint);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, tls ? "https" : "http");
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* Or whoever ends a transfer whose name is being resolved waits for the resolver. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, transfer_read);
	curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, transfer_seek);
	curl_easy_setopt(easy, CURLOPT_SEEKDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, transfer_write);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->curl_error);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)(config->idle_ms / 1000));
	/* libcurl's own minute is too long where a service moves; kept connections need no name. */
	curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, TRANSFER_NAME_S);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)config->connect_timeout_ms);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "cart");
	if (config->tls_ca != NULL && config->tls_ca[0] != '\0')
		curl_easy_setopt(easy, CURLOPT_CAINFO, config->tls_ca);
}

struct ddb_transfer *ddb_transfer_new(struct ddb_client *client)
{
	struct ddb_transfer *transfer = calloc(1, sizeof(*transfer));

	if (transfer == NULL)
		return NULL;
	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL) {
		free(transfer);
		return NULL;
	}
	transfer_set_options(client, transfer);
	return transfer;
}

void ddb_transfer_free(struct ddb_transfer **out)
{
	struct ddb_transfer *transfer = *out;

	if (transfer == NULL)
		return;
	curl_easy_cleanup(transfer->easy);
	if (transfer->pause != NULL)
		event_free(transfer->pause);
	buf_free(&transfer->answer);
	explicit_bzero(transfer->token_header, sizeof(transfer->token_header));
	free(transfer);
	*out = NULL;
}

const char *ddb_operation_name(enum ddb_operation operation)
{
	static const char *const names[DDB_OPERATIONS] = {
		[DDB_GET_ITEM] = "GetItem",
		[DDB_BATCH_GET_ITEM] = "BatchGetItem",
		[DDB_QUERY] = "Query",
		[DDB_SCAN] = "Scan",
		[DDB_TRANSACT_GET_ITEMS] = "TransactGetItems",
		[DDB_PUT_ITEM] = "PutItem",
		[DDB_UPDATE_ITEM] = "UpdateItem",
		[DDB_DELETE_ITEM] = "DeleteItem",
		[DDB_TRANSACT_WRITE_ITEMS] = "TransactWriteItems",
		[DDB_DESCRIBE_TABLE] = "DescribeTable",
		[DDB_CREATE_TABLE] = "CreateTable",
		[DDB_UPDATE_TABLE] = "UpdateTable",
		[DDB_DESCRIBE_TIME_TO_LIVE] = "DescribeTimeToLive",
		[DDB_UPDATE_TIME_TO_LIVE] = "UpdateTimeToLive",
		[DDB_DESCRIBE_CONTINUOUS_BACKUPS] = "DescribeContinuousBackups",
		[DDB_UPDATE_CONTINUOUS_BACKUPS] = "UpdateContinuousBackups",
		[DDB_LIST_TAGS] = "ListTagsOfResource",
		[DDB_DESCRIBE_STREAM] = "DescribeStream",
		[DDB_GET_SHARD_ITERATOR] = "GetShardIterator",
		[DDB_GET_RECORDS] = "GetRecords",
	};

	return names[operation];
}

bool ddb_operation_is_of_stream(enum ddb_operation operation)
{
	return operation >= DDB_DESCRIBE_STREAM && operation <= DDB_GET_RECORDS;
}

static bool transfer_sign(struct ddb_client *client, struct ddb_transfer *transfer)
{
	const struct buf *body = &transfer->call->body;
	const struct sigv4_header headers[] = {
		{"Content-Type", "application/x-amz-json-1.0"},
		{"Host", client->host},
		{"X-Amz-Target", transfer->target + strlen("X-Amz-Target: ")},
	};
	const struct sigv4_request request = {
		.method = "POST",
		.headers = headers,
		.header_count = sizeof(headers) / sizeof(headers[0]),
		.payload = body->data,
		.payload_len = body->len,
	};
	const struct sigv4_credentials credentials = {
		.access_key_id = client->credentials.access_key_id,
		.secret_access_key = client->credentials.secret_access_key,
		.session_token = client->credentials.session_token,
	};
	int64_t now_s = clock_wall_ms(client->config.clock) / 1000;

	transfer->skew_s =
		atomic_load_explicit(&client->config.shared->skew_s, memory_order_relaxed);
	snprintf(transfer->target, sizeof(transfer->target), "X-Amz-Target: DynamoDB%s_20120810.%s",
		 ddb_operation_is_of_stream(transfer->call->operation) ? "Streams" : "",
		 ddb_operation_name(transfer->call->operation));
	return sigv4_sign(&client->signer, &credentials, &request, now_s + transfer->skew_s,
			  &transfer->signature);
}

/* Lays the header lines out as the list that libcurl takes. */
static void transfer_lay_headers(struct ddb_client *client, struct ddb_transfer *transfer)
{
	static char type[] = "Content-Type: application/x-amz-json-1.0";
	static char encoding[] = "Accept-Encoding: identity";
	static char expect[] = "Expect:";
	char *const lines[TRANSFER_HEADERS] = {
		client->host_header,
		type,
		transfer->target,
		transfer->date_header,
		transfer->authorization_header,
		encoding,
		expect,
		transfer->token_header,
	};
	size_t count = client->credentials.session_token[0] != '\0' ? TRANSFER_HEADERS
								    : TRANSFER_HEADERS - 1;

	snprintf(transfer->date_header, sizeof(transfer->date_header), "X-Amz-Date: %s",
		 transfer->signature.amz_date);
	snprintf(transfer->authorization_header, sizeof(transfer->authorization_header),
		 "Authorization: %s", transfer->signature.authorization);
	if (count == TRANSFER_HEADERS)
		snprintf(transfer->token_header, sizeof(transfer->token_header),
			 "X-Amz-Security-Token: %s", client->credentials.session_token);
	for (size_t i = 0; i < count; i++) {
		transfer->headers[i].data = lines[i];
		transfer->headers[i].next = i + 1 < count ? &transfer->headers[i + 1] : NULL;
	}
}

bool ddb_transfer_begin(struct ddb_client *client, struct ddb_transfer *transfer,
			int64_t timeout_ms)
{
	buf_reset(&transfer->answer);
	transfer->answer.failed = false;
	transfer->sent = 0;
	transfer->too_long = false;
	transfer->asked_ms = -1;
	transfer->curl_error[0] = '\0';
	transfer->generation = client->generation;
	if (!transfer_sign(client, transfer))
		return false;
	transfer_lay_headers(client, transfer);
	curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
	curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE, (long)transfer->call->body.len);
	curl_easy_setopt(transfer->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	transfer->since_ns = clock_monotonic_ns(client->config.clock);
	transfer->on_wire = curl_multi_add_handle(client->curl->multi, transfer->easy) == CURLM_OK;
	return transfer->on_wire;
}

void ddb_transfer_abort(struct ddb_client *client, struct ddb_transfer *transfer)
{
	if (transfer->on_wire)
		curl_multi_remove_handle(client->curl->multi, transfer->easy);
	transfer->on_wire = false;
}

/* No whole answer came. */
static enum ddb_try transfer_broken(struct ddb_client *client, struct ddb_transfer *transfer,
				    CURLcode result, enum ddb_retry *why)
{
	struct ddb_call *call = transfer->call;
	const char *text = transfer->too_long		     ? "the answer is too long"
			   : transfer->curl_error[0] != '\0' ? transfer->curl_error
							     : curl_easy_strerror(result);

	*why = result == CURLE_OPERATION_TIMEDOUT ? DDB_RETRY_TIMEOUT : DDB_RETRY_CONNECTION;
	snprintf(call->message, sizeof(call->message), "%.120s: %.120s", client->config.endpoint,
		 text);
	return transfer->sent > 0 ? DDB_TRY_LOST : DDB_TRY_REFUSED;
}

static bool transfer_crc_is_right(const struct ddb_transfer *transfer)
{
	int64_t crc = transfer_number(transfer, "x-amz-crc32");

	return crc < 0 ||
	       crc == (int64_t)crc32(crc32(0, NULL, 0), (const Bytef *)transfer->answer.data,
				     (uInt)transfer->answer.len);
}

/* A transaction was canceled: the error is what its reason would be of a write by itself. Of
 * several the first of these counts, for none of the writes was made. */
static void transfer_read_reasons(struct ddb_call *call)
{
	static const struct {
		const char *code, *error;
	} kinds[] = {
		{"ConditionalCheckFailed", "ConditionalCheckFailedException"},
		{"ValidationError", "ValidationException"},
		{"TransactionConflict", "TransactionConflictException"},
		{"ProvisionedThroughputExceeded", "ProvisionedThroughputExceededException"},
		{"ThrottlingError", "ThrottlingException"},
	};
	const json_t *reasons = json_object_get(call->json, "CancellationReasons"), *reason;
	size_t i;

	for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)
		json_array_foreach(reasons, i, reason)
		{
			const char *code = json_string_value(json_object_get(reason, "Code"));

			if (code == NULL || strcmp(code, kinds[kind].code) != 0)
				continue;
			snprintf(call->error, sizeof(call->error), "%s", kinds[kind].error);
			return;
		}
}

static void transfer_read_error(struct ddb_transfer *transfer, long status)
{
	struct ddb_call *call = transfer->call;
	const char *type = json_string_value(json_object_get(call->json, "__type"));
	const char *message = json_string_value(json_object_get(call->json, "message"));

	if (message == NULL)
		message = json_string_value(json_object_get(call->json, "Message"));
	if (type == NULL)
		type = transfer_header(transfer, "x-amzn-errortype");
	transfer_set_type(call->error, sizeof(call->error), type != NULL ? type : "");
	if (strcmp(call->error, "TransactionCanceledException") == 0)
		transfer_read_reasons(call);
	snprintf(call->message, sizeof(call->message), "%.63s%s%.170s (HTTP %ld)", call->error,
		 message != NULL && call->error[0] != '\0' ? ": " : "",
		 message != NULL ? message : "", status);
}

/* When the server wrote the answer, 0 if it does not say. */
static int64_t transfer_date_s(const struct ddb_transfer *transfer)
{
	const char *date = transfer_header(transfer, "date");
	int64_t server_s = date != NULL ? curl_getdate(date, NULL) : 0;

	return server_s > 0 ? server_s : 0;
}

/* The service's clock, where that is why a signature was refused. Another call may have corrected
 * ours meanwhile: what counts is the time that this one was signed with. */
static bool transfer_corrects_clock(struct ddb_client *client, struct ddb_transfer *transfer)
{
	int64_t now_s = clock_wall_ms(client->config.clock) / 1000;
	int64_t server_s = transfer_date_s(transfer), skew_s = server_s - now_s;

	if (server_s == 0 || llabs(skew_s - transfer->skew_s) < TRANSFER_SKEW_MIN_S)
		return false;
	atomic_store(&client->config.shared->skew_s, skew_s);
	return true;
}

/* A Date is in whole seconds, and some servers make it once a second: it is read as often. */
static void transfer_read_clock(struct ddb_client *client, const struct ddb_transfer *transfer)
{
	const struct cart_clock *clock = client->config.clock;
	int64_t now_ns = clock_monotonic_ns(clock), server_s;
	struct clock_reading reading;

	if (client->config.skew == NULL || now_ns - client->clock_ns < CLOCK_NS_PER_S)
		return;
	client->clock_ns = now_ns;
	server_s = transfer_date_s(transfer);
	if (server_s == 0)
		return;
	reading.end_ns = clock_steady_ns(clock);
	reading.begin_ns = reading.end_ns - (now_ns - transfer->since_ns);
	reading.from_ms = server_s * 1000;
	reading.to_ms = reading.from_ms + 1999;
	clock_skew_read(client->config.skew, &reading);
}

static enum ddb_try transfer_error(struct ddb_client *client, struct ddb_transfer *transfer,
				   long status, enum ddb_retry *why)
{
	enum ddb_try outcome;

	transfer_read_error(transfer, status);
	/* Of a table the same name says that no more of something can be made. */
	if (ddb_operation_is_of_stream(transfer->call->operation) &&
	    strcmp(transfer->call->error, "LimitExceededException") == 0) {
		*why = DDB_RETRY_THROTTLED;
		return DDB_TRY_REFUSED;
	}
	outcome = ddb_classify(transfer->call->error, status, why);
	if (outcome == DDB_TRY_REFUSED && *why == DDB_RETRY_SKEW) {
		if (transfer->skewed || !transfer_corrects_clock(client, transfer))
			return DDB_TRY_REJECTED;
		transfer->skewed = true;
	} else if (outcome == DDB_TRY_REFUSED && *why == DDB_RETRY_CREDENTIALS) {
		aws_credentials_refused(client->config.credentials, transfer->generation);
	}
	return outcome;
}

/* Of a kind of answer that does not tell whether the call was applied. */
static enum ddb_try transfer_unreadable(struct ddb_transfer *transfer, const char *text,
					enum ddb_retry *why)
{
	*why = DDB_RETRY_ANSWER;
	json_decref(transfer->call->json);
	transfer->call->json = NULL;
	snprintf(transfer->call->message, sizeof(transfer->call->message), "%s", text);
	return DDB_TRY_LOST;
}

enum ddb_try ddb_transfer_result(struct ddb_client *client, struct ddb_transfer *transfer,
				 CURLcode result, enum ddb_retry *why)
{
	struct ddb_call *call = transfer->call;
	long status = 0;

	transfer->on_wire = false;
	if (result != CURLE_OK)
		return transfer_broken(client, transfer, result, why);
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	transfer_read_clock(client, transfer);
	transfer->asked_ms = transfer_number(transfer, "x-amz-retry-after");
	if (!transfer_crc_is_right(transfer))
		return transfer_unreadable(transfer, "the answer's checksum is wrong", why);
	call->json = json_parse(transfer->answer.data != NULL ? transfer->answer.data : "",
				transfer->answer.len, 0, NULL, NULL);
	if (status != 200)
		return transfer_error(client, transfer, status, why);
	if (!json_is_object(call->json))
		return transfer_unreadable(transfer, "the answer is no JSON object", why);
	if (json_object_get(call->json, "__type") != NULL)
		return transfer_unreadable(transfer, "the answer is an error with HTTP 200", why);
	return DDB_TRY_DONE;
}
