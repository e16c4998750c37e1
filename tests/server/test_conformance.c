/*
 * What the RFCs of HTTP say, case by case (tests/lib/rfc_case.h), against a running cartd. Every
 * case is sent in one piece, byte by byte, and behind another request in the same piece; once over
 * TLS and once by a proxy that speaks the PROXY protocol, too. After each it is asked what has
 * become of the connection and of the store.
 */
#include "tests/lib/cartd.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/http_client.h"
#include "tests/lib/rfc_case.h"
#include "tests/lib/tls_client.h"
#include "tests/lib/tls_fixture.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define WAIT_MS 10000
#define WHY_MAX 512
#define ID_TEXT 36
#define PROXY	"127.0.0.2"
#define SPOKEN	"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00" /* PROXY v2, for nobody */
#define FIXTURE "{\"customer_id\":2,\"items\":[{\"product_id\":1,\"quantity\":1}]}"

enum listener { LISTENER_PLAIN, LISTENER_TLS, LISTENER_PROXY };
enum sending { SENT_WHOLE, SENT_BYTE_BY_BYTE, SENT_BEHIND, SENDINGS };
static const char *const sending_names[] = {"in one piece", "byte by byte", "behind another"};

/* One case as it is sent. */
struct run {
	const struct rfc_case *rfc;
	enum sending sending;
	struct http_client client;
	struct http_response response; /* the last one */
	char id[ID_TEXT + 1];	       /* "": it needs no cart */
	char why[WHY_MAX];	       /* "": nothing is wrong */
};

static enum listener listener;
static struct cartd cartd;
static struct http_client control;
static char folder[256];

static bool wrong(struct run *run, const char *what, const char *detail)
{
	if (run->why[0] == '\0')
		snprintf(run->why, sizeof(run->why), "%s: %.300s", what, detail);
	return false;
}

/* The listeners. */

static int start_plain(void **state)
{
	static const char *const settings[] = {"http.max_body=1KiB", "http.max_headers=1KiB", NULL};

	(void)state;
	listener = LISTENER_PLAIN;
	cartd_start(&cartd, settings);
	http_client_open(&control, cartd.port);
	return 0;
}

static int start_tls(void **state)
{
	char cert[300], key[300], ca[300];
	const char *const settings[] = {"http.max_body=1KiB", "http.max_headers=1KiB", cert, key,
					NULL};

	(void)state;
	listener = LISTENER_TLS;
	cartd_make_directory(folder);
	tls_fixture_make(folder);
	snprintf(cert, sizeof(cert), "http.tls_cert=%s/server.pem", folder);
	snprintf(key, sizeof(key), "http.tls_key=%s/server-key.pem", folder);
	snprintf(ca, sizeof(ca), "%s/ca.pem", folder);
	tls_client_use(ca, NULL, NULL);
	cartd_start(&cartd, settings);
	http_client_open(&control, cartd.port);
	return 0;
}

static int start_proxy(void **state)
{
	static const char *const settings[] = {"http.max_body=1KiB", "http.max_headers=1KiB",
					       "http.trusted_proxies=" PROXY,
					       "http.proxy_protocol=v2", NULL};

	(void)state;
	listener = LISTENER_PROXY;
	cartd_start(&cartd, settings);
	http_client_open(&control, cartd.port);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	http_client_close(&control);
	cartd_stop(&cartd);
	if (listener == LISTENER_TLS) {
		tls_client_use(NULL, NULL, NULL);
		cartd_remove_directory(folder);
	}
	return 0;
}

static void open_client(struct http_client *client)
{
	if (listener != LISTENER_PROXY) {
		http_client_open(client, cartd.port);
		return;
	}
	http_client_open_from(client, cartd.port, PROXY);
	http_client_send(client, SPOKEN, sizeof(SPOKEN) - 1);
}

/* Sending. */

static bool needs_cart(const struct rfc_case *rfc)
{
	return memmem(rfc->bytes, rfc->len, "@ID@", 4) != NULL;
}

static void make_cart(struct run *run)
{
	struct http_response response = {0};
	const char *location;

	http_client_call(&control, &response, "POST", "/shopping-carts", NULL, FIXTURE);
	assert_int_equal(response.status, 201);
	location = http_response_header(&response, "Location");
	snprintf(run->id, sizeof(run->id), "%s", strrchr(location, '/') + 1);
	http_response_clear(&response);
}

/* The bytes of the case, with the cart's id in them; to be freed. */
static char *bytes_of(const struct run *run, size_t *len)
{
	const struct rfc_case *rfc = run->rfc;
	const char *at = rfc->bytes, *end = at + rfc->len, *mark;
	char *bytes = malloc(rfc->len * (ID_TEXT / 4) + 1);

	assert_non_null(bytes);
	*len = 0;
	while ((mark = memmem(at, (size_t)(end - at), "@ID@", 4)) != NULL) {
		memcpy(bytes + *len, at, (size_t)(mark - at));
		*len += (size_t)(mark - at);
		memcpy(bytes + *len, run->id, ID_TEXT);
		*len += ID_TEXT;
		at = mark + 4;
	}
	memcpy(bytes + *len, at, (size_t)(end - at));
	*len += (size_t)(end - at);
	return bytes;
}

/* The connection may be closed before all is sent. */
static void send_case(struct run *run)
{
	static const char before[] = GET "\r\n";
	size_t len, piece = run->sending == SENT_BYTE_BY_BYTE ? 1 : SIZE_MAX;
	char *bytes = bytes_of(run, &len);

	if (run->sending == SENT_BEHIND) {
		char *both = malloc(sizeof(before) - 1 + len);

		assert_non_null(both);
		memcpy(both, before, sizeof(before) - 1);
		memcpy(both + sizeof(before) - 1, bytes, len);
		free(bytes);
		bytes = both;
		len += sizeof(before) - 1;
	}
	for (size_t at = 0; at < len;) {
		size_t n = len - at < piece ? len - at : piece;

		if (!http_client_send(&run->client, bytes + at, n))
			break;
		at += n;
	}
	free(bytes);
}

/* Answers. */

static bool date_is_good(const char *date)
{
	struct tm utc = {0};
	char again[64];
	const char *end = date == NULL ? NULL : strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &utc);

	/* strptime() forgives white space and case. */
	return end != NULL && *end == '\0' &&
	       strftime(again, sizeof(again), "%a, %d %b %Y %H:%M:%S GMT", &utc) == 29 &&
	       strcmp(again, date) == 0;
}

static bool length_is_good(const struct http_response *response)
{
	size_t due = response->status != 204 && response->status != 304;

	return http_response_header_count(response, "Content-Length") == due &&
	       http_response_header(response, "Transfer-Encoding") == NULL;
}

static bool problem_is_good(const struct http_response *response, bool head)
{
	const char *type = http_response_header(response, "Content-Type");
	char status[32];

	snprintf(status, sizeof(status), "\"status\":%d,", response->status);
	return type != NULL && strcmp(type, "application/problem+json") == 0 &&
	       (head || strstr(response->body, status) != NULL);
}

/* What every answer must have. */
static bool check_answer(struct run *run, bool head)
{
	const struct http_response *response = &run->response;
	int status = response->status;

	if (strncmp(response->head, "HTTP/1.1 ", 9) != 0 ||
	    strncmp(response->head + 12, " Unknown", 8) == 0)
		return wrong(run, "status line", response->head);
	if (status == 100)
		return true;
	if (http_response_header_count(response, "Date") != 1 ||
	    !date_is_good(http_response_header(response, "Date")))
		return wrong(run, "Date", response->head);
	if (http_response_header_count(response, "X-Request-Id") != 1)
		return wrong(run, "X-Request-Id", response->head);
	if (!length_is_good(response))
		return wrong(run, "the length of the answer", response->head);
	if (status >= 400 && !problem_is_good(response, head))
		return wrong(run, "no problem in JSON", response->head);
	if ((status == 405) != (http_response_header(response, "Allow") != NULL) && status != 204)
		return wrong(run, "Allow", response->head);
	return true;
}

static bool read_answer(struct run *run, int status, bool head)
{
	char due[40];
	enum http_read got = http_client_read(&run->client, &run->response, head, WAIT_MS);

	snprintf(due, sizeof(due), "%d was due", status);
	if (got != HTTP_READ_ANSWER)
		return wrong(run, due, got == HTTP_READ_TIMEOUT ? "nothing came" : "it closed");
	if (run->response.status != status)
		return wrong(run, due, run->response.head);
	return check_answer(run, head);
}

/* 100 may come or not. */
static bool read_interim(struct run *run)
{
	if (http_client_read(&run->client, &run->response, false, WAIT_MS) != HTTP_READ_ANSWER)
		return wrong(run, "no answer", "");
	if (run->response.status == 100)
		return check_answer(run, false) && read_answer(run, 201, false);
	return run->response.status == 201 || wrong(run, "201 was due", run->response.head);
}

static bool expect_end(struct run *run)
{
	enum http_read got = http_client_read(&run->client, &run->response, false, WAIT_MS);

	return got == HTTP_READ_CLOSED ||
	       wrong(run, "the end was due",
		     got == HTTP_READ_ANSWER ? run->response.head : "reset, or nothing");
}

static bool check_want(struct run *run, const char *want)
{
	const struct http_response *response = &run->response;
	char name[64];
	const char *value;

	if (*want == '~')
		return strstr(response->body, want + 1) != NULL || wrong(run, want, response->body);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(want, ":"), want + (*want == '!'));
	value = http_response_header(response, name);
	if (*want == '!')
		return value == NULL || wrong(run, want, response->head);
	want = strstr(want, ": ");
	return (value != NULL && (want == NULL || strcmp(value, want + 2) == 0)) ||
	       wrong(run, name, response->head);
}

static bool check_wants(struct run *run)
{
	char wants[512], *rest = NULL;

	if (run->rfc->wants == NULL)
		return true;
	snprintf(wants, sizeof(wants), "%s", run->rfc->wants);
	for (char *want = strtok_r(wants, "\n", &rest); want != NULL;
	     want = strtok_r(NULL, "\n", &rest))
		if (!check_want(run, want))
			return false;
	return true;
}

static bool check_open(struct run *run)
{
	if (run->response.close)
		return wrong(run, "it says close", run->response.head);
	http_client_send_text(&run->client, GET "\r\n");
	return read_answer(run, 200, false) || wrong(run, "not open", "");
}

static bool check_closed(struct run *run)
{
	return (run->response.close || wrong(run, "it does not say close", run->response.head)) &&
	       expect_end(run);
}

static bool check_unfinished(struct run *run)
{
	http_client_half_close(&run->client);
	return expect_end(run);
}

/* The store. */

static bool check_carts(struct run *run, int due)
{
	struct http_response response = {0};
	char text[32];

	/* What it finds goes, so that the next case begins with none. */
	http_client_call(&control, &response, "DELETE", "/shopping-carts?customer_id=1", NULL,
			 NULL);
	snprintf(text, sizeof(text), "{\"deleted\":%d}", due);
	if (strcmp(response.body, text) != 0)
		wrong(run, text, response.body);
	http_response_clear(&response);
	return run->why[0] == '\0';
}

/* due 0: the cart is gone. */
static bool check_version(struct run *run, int due)
{
	struct http_response response = {0};
	char path[80], tag[32];
	const char *found;

	snprintf(path, sizeof(path), "/shopping-carts/%s", run->id);
	snprintf(tag, sizeof(tag), "\"%d\"", due);
	http_client_call(&control, &response, "GET", path, NULL, NULL);
	found = http_response_header(&response, "ETag");
	if (due == 0 ? response.status != 404 : found == NULL || strcmp(found, tag) != 0)
		wrong(run, "version of the cart", response.head);
	http_response_clear(&response);
	return run->why[0] == '\0';
}

/* The verdict. */

static bool check_word(struct run *run, const char *word)
{
	if (strcmp(word, "open") == 0)
		return check_wants(run) && check_open(run);
	if (strcmp(word, "closed") == 0)
		return check_wants(run) && check_closed(run);
	if (strcmp(word, "unfinished") == 0)
		return check_unfinished(run);
	if (strcmp(word, "maybe:100") == 0)
		return read_interim(run);
	if (strncmp(word, "head:", 5) == 0)
		return read_answer(run, atoi(word + 5), true);
	return read_answer(run, atoi(word), false);
}

static void check_verdict(struct run *run)
{
	char verdict[128], *rest = NULL;
	int carts = 0, version = 1;
	bool good = run->sending != SENT_BEHIND || read_answer(run, 200, false);
	bool after_interim = strncmp(run->rfc->verdict, "maybe:100 ", 10) == 0;

	snprintf(verdict, sizeof(verdict), "%s", run->rfc->verdict);
	for (char *word = strtok_r(verdict, " ", &rest); word != NULL && good;
	     word = strtok_r(NULL, " ", &rest)) {
		if (strncmp(word, "carts=", 6) == 0)
			carts = atoi(word + 6);
		else if (strncmp(word, "version=", 8) == 0)
			version = atoi(word + 8);
		else if (after_interim && strcmp(word, "201") == 0)
			continue;
		else
			good = check_word(run, word);
	}
	(void)check_carts(run, carts);
	if (run->id[0] != '\0')
		(void)check_version(run, version);
}

static bool passes(const struct rfc_case *rfc, enum sending sending)
{
	struct run run = {.rfc = rfc, .sending = sending};

	if (needs_cart(rfc))
		make_cart(&run);
	open_client(&run.client);
	send_case(&run);
	check_verdict(&run);
	http_client_close(&run.client);
	http_response_clear(&run.response);
	if (run.why[0] != '\0')
		print_error("RFC %s: %s, %s: %s\n", rfc->section, rfc->name, sending_names[sending],
			    run.why);
	return run.why[0] == '\0';
}

static bool is_for_listener(const struct rfc_case *rfc)
{
	return rfc->where == RFC_EVERYWHERE ||
	       rfc->where == (listener == LISTENER_PLAIN ? RFC_PLAIN : RFC_SECURE);
}

/* All at the plain port, one elsewhere: reading differs there, what is read does not. */
static bool is_sent_so(enum sending sending)
{
	return listener == LISTENER_PLAIN ||
	       sending == (listener == LISTENER_TLS ? SENT_WHOLE : SENT_BEHIND);
}

static void check_table(const struct rfc_group *groups, size_t count)
{
	size_t failures = 0;

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < groups[i].count; j++)
			for (int sending = 0; sending < SENDINGS; sending++)
				if (is_sent_so((enum sending)sending) &&
				    is_for_listener(&groups[i].cases[j]))
					failures +=
						!passes(&groups[i].cases[j], (enum sending)sending);
		print_message("%s: %zu cases\n", groups[i].name, groups[i].count);
	}
	assert_int_equal(failures, 0);
}

static void messages_are_read_as_rfc_9112_says(void **state)
{
	(void)state;
	check_table(rfc_messages, rfc_messages_count);
}

static void messages_end_where_rfc_9112_says(void **state)
{
	(void)state;
	check_table(rfc_framing, rfc_framing_count);
}

static void messages_mean_what_rfc_9110_says(void **state)
{
	(void)state;
	check_table(rfc_semantics, rfc_semantics_count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_read_as_rfc_9112_says),
		cmocka_unit_test(messages_end_where_rfc_9112_says),
		cmocka_unit_test(messages_mean_what_rfc_9110_says),
	};
	int failed = cmocka_run_group_tests_name("plain", tests, start_plain, stop);

	failed += cmocka_run_group_tests_name("TLS", tests, start_tls, stop);
	failed += cmocka_run_group_tests_name("PROXY", tests, start_proxy, stop);
	return failed;
}
