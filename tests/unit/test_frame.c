/* The frame of a request: what is taken, what is refused, and that cuts make no difference. */
#include "server/http/frame.h"
#include "tests/lib/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Feeds a copy, because a frame rewrites some of the bytes. */
static size_t feed(struct frame *frame, const struct frame_limits *limits, const char *bytes,
		   size_t len)
{
	char *copy = strndup(bytes, len);
	size_t took = frame_feed(frame, limits, copy, len);

	free(copy);
	return took;
}

static const struct frame_limits limits = {.head_max = 512, .body_max = 64};

struct example {
	const char *bytes;
	int status; /* 0: whole */
	size_t behind;
};

#define GET  "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define X64  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct example accepted[] = {
	{GET "\r\n", 0, 0},
	{GET "\r\nGET", 0, 3},
	{"GET / HTTP/1.0\r\n\r\n", 0, 0},
	{"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 0, 0},
	{"GET http://a.test:80/x?y HTTP/1.1\r\nHost: a\r\n\r\n", 0, 0},
	{"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, 0},
	{"\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n", 0, 2},
	{"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 0, 0},
	{"GET / HTTP/1.9\r\nHost: a\r\n\r\n", 0, 0},
	{"GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n", 0, 0},
	{"GET http://a:/ HTTP/1.1\r\nHost: a:\r\n\r\n", 0, 0},
	{"GET / HTTP/1.0\r\nHost:\r\n\r\n", 0, 0},
	{"GET http://[::1]:8080/ HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", 0, 0},
	{"GET / HTTP/1.1\r\nHost:\ta\t\r\n\r\n", 0, 0},
	{"GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", 0, 0},
	{"BREW / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 0, 0},
	{GET "X: caf\xc3\xa9\tb\r\n\r\n", 0, 0},
	{POST "Content-Length: 3\r\n\r\nabcd", 0, 1},
	{POST "Content-Length: 003\r\n\r\nabc", 0, 0},
	{POST "Content-Length: 64\r\n\r\n" X64, 0, 0},
	{POST "Connection: keep-alive\r\n\r\n", 0, 0},
	{POST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\nx", 0, 0},
	{POST "Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\n", 0, 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n40\r\n" X64 "\r\n0\r\n\r\n", 0, 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nG", 0, 1},
	{POST "Transfer-Encoding:\tchunked\r\n\r\n3;a=b\r\nabc\r\n0\t;\t\"x;\"\r\n\r\nG", 0, 1},
	{POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\nHost:b\r\n\r\nG", 0, 1},
};

static const struct example refused[] = {
	{"\nGET / HTTP/1.1\r\n", 400, 0},
	{"\rGET / HTTP/1.1\r\n", 400, 0},
	{"\r\n\nGET / HTTP/1.1\r\n", 400, 0},
	{"\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n", 400, 0},
	{"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, 0},
	{"GET / HTTP/1.1\r\nHost: \t\r\n\r\n", 400, 0},
	{"GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400, 0},
	{"\x16\x03\x01", 400, 0},
	{" GET / HTTP/1.1\r\n", 400, 0},
	{"GET /\r\n", 400, 0},
	{"GET  / HTTP/1.1\r\n", 400, 0},
	{"GET / HTTP/1.1 \r\n", 400, 0},
	{"GET /\tx HTTP/1.1\r\n", 400, 0},
	{"GET x HTTP/1.1\r\n", 400, 0},
	{"GET //x HTTP/1.1\r\n", 400, 0},
	{"GET * HTTP/1.1\r\n", 400, 0},
	{"GET /#x HTTP/1.1\r\n", 400, 0},
	{"GET /\xc3\xa9 HTTP/1.1\r\n", 400, 0},
	{"GET ftp://a/ HTTP/1.1\r\n", 400, 0},
	{"GET http://a@b/ HTTP/1.1\r\n", 400, 0},
	{"GET http://:80/ HTTP/1.1\r\n", 400, 0},
	{"GET http:///x HTTP/1.1\r\n", 400, 0},
	{"CONNECT a:443 HTTP/1.1\r\n", 400, 0},
	{"CONNECT /x HTTP/1.1\r\n", 400, 0},
	{"CONNECT http://a/x HTTP/1.1\r\n", 400, 0},
	{"G(T / HTTP/1.1\r\n", 400, 0},
	{"GET http://a:65536/ HTTP/1.1\r\n", 400, 0},
	{"GET http://a%zzb/ HTTP/1.1\r\n", 400, 0},
	{"GET http://[::1/ HTTP/1.1\r\n", 400, 0},
	{"GET http://[::g]/ HTTP/1.1\r\n", 400, 0},
	{"GET http://[]/ HTTP/1.1\r\n", 400, 0},
	{"GET http://[::1]x/ HTTP/1.1\r\n", 400, 0},
	{"GET http://[1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111]/ HTTP/1.1\r\n", 400,
	 0},
	{"ABCDEFGHIJKLMNOPQ / HTTP/1.1\r\n", 501, 0},
	{"AB / HTTP/1.1\r\n", 501, 0},
	{"GET / \r\n", 400, 0},
	{"GET / HTTP/0.9\r\n", 505, 0},
	{"GET / HTTP/2.0\r\n", 505, 0},
	{"GET / HTTP/1.10\r\n", 400, 0},
	{"GET / http/1.1\r\n", 400, 0},
	{"GET / HTTP/1.1\n", 400, 0},
	{"GET / HTTP/1.1\r\r\n", 400, 0},
	{"GET / HTTP/1.1\r\n\r\n", 400, 0},
	{GET "Host: a\r\n", 400, 0},
	{"GET / HTTP/1.1\r\nHost: a b\r\n", 400, 0},
	{"GET / HTTP/1.1\r\nHost: a/b\r\n", 400, 0},
	{"GET / HTTP/1.1\r\nHost: a:x\r\n", 400, 0},
	{GET " folded\r\n", 400, 0},
	{GET "\tfolded\r\n", 400, 0},
	{GET "X : a\r\n", 400, 0},
	{GET "X\r\n", 400, 0},
	{GET ": a\r\n", 400, 0},
	{GET "X\xc3: a\r\n", 400, 0},
	{GET "X: a\n", 400, 0},
	{GET "X: a\rb\r\n", 400, 0},
	{GET "X: a\x01\r\n", 400, 0},
	{GET "X: a\x7f\r\n", 400, 0},
	{GET "Expect: 200-ok\r\n", 417, 0},
	{POST "Content-Length: 3\r\nContent-Length: 3\r\n", 400, 0},
	{POST "Content-Length: 3, 3\r\n", 400, 0},
	{POST "Content-Length: +3\r\n", 400, 0},
	{POST "Content-Length: -3\r\n", 400, 0},
	{POST "Content-Length: 0x3\r\n", 400, 0},
	{POST "Content-Length: 3 3\r\n", 400, 0},
	{POST "Content-Length:\r\n", 400, 0},
	{POST "Content-Length: 65\r\n\r\n", 413, 0},
	{POST "Content-Length: 18446744073709551617\r\n\r\n", 413, 0},
	{POST "Transfer-Encoding: gzip\r\n\r\n", 400, 0},
	{POST "Transfer-Encoding: gzip, chunked\r\n", 501, 0},
	{POST "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", 501, 0},
	{POST "Transfer-Encoding: chunked, gzip\r\n", 400, 0},
	{POST "Transfer-Encoding: chunked, chunked\r\n", 400, 0},
	{POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n", 400, 0},
	{POST "Transfer-Encoding: ,\r\n\r\n", 400, 0},
	{POST "Transfer-Encoding: , chunked\r\n\r\n", 501, 0},
	{"GET https://a/ HTTP/1.1\r\n", 421, 0},
	{"GET https://user@a/ HTTP/1.1\r\n", 400, 0},
	{POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400, 0},
	{POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 400, 0},
	{"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 0},
	{"HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", 400, 0},
	{"TRACE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 0},
	{"BREW / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", 400, 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n\r\n", 400, 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n+3\r\n", 400, 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n0x3\r\n", 400, 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n 3\r\n", 400, 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n3 \r\n", 400, 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n;a=b\r\n", 400, 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n3;a=b\n", 400, 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n3;a\rb\r\n", 400, 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n3;a\x01\r\n", 400, 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n3 3;a\r\n", 400, 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n3\n", 400, 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n000000003\r\n", 400, 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", 400, 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n41\r\n", 413, 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n40\r\n" X64 "\r\n1\r\n", 413, 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX : a\r\n", 400, 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: a\n", 400, 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n0\r\n X: a\r\n", 400, 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n0\r\nGET / HTTP/1.1\r\n", 400, 0},
};

/* Feeds it in pieces of at most cut bytes. */
static void example_check(const struct example *example, size_t cut)
{
	size_t len = strlen(example->bytes), at = 0;
	struct frame frame = {0};

	while (at < len && frame.state != FRAME_WHOLE && frame.state != FRAME_BAD) {
		size_t piece = len - at < cut ? len - at : cut;
		size_t took = feed(&frame, &limits, example->bytes + at, piece);

		at += took;
		if (took < piece)
			break;
	}
	if (frame.state != (example->status == 0 ? FRAME_WHOLE : FRAME_BAD) ||
	    frame.status != example->status ||
	    (example->status == 0 && len - at != example->behind))
		fail_msg("state %d, status %d (%s), %zu bytes behind, in pieces of %zu: %s",
			 (int)frame.state, frame.status, frame.detail, len - at, cut,
			 example->bytes);
	frame_free(&frame);
}

static void examples_check(const struct example *examples, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t cut = 1; cut < 80; cut++)
			example_check(&examples[i], cut);
}

static void well_formed_requests_are_whole_however_they_are_cut(void **state)
{
	(void)state;
	examples_check(accepted, sizeof(accepted) / sizeof(accepted[0]));
}

static void ambiguous_requests_are_refused_however_they_are_cut(void **state)
{
	(void)state;
	examples_check(refused, sizeof(refused) / sizeof(refused[0]));
}

static void a_nul_is_refused_in_every_part_of_the_head(void **state)
{
	static const char whole[] = "GET /x HTTP/1.1\r\nHost: a\r\nName: value\r\n\r\n";

	(void)state;
	for (size_t at = 0; at < sizeof(whole) - 1; at++) {
		struct frame frame = {0};
		char bytes[sizeof(whole)];

		memcpy(bytes, whole, sizeof(whole));
		bytes[at] = '\0';
		frame_feed(&frame, &limits, bytes, sizeof(whole) - 1);
		if (at >= sizeof(whole) - 3) /* the last line end never comes */
			assert_int_not_equal(frame.state, FRAME_WHOLE);
		else
			assert_int_equal(frame.state, FRAME_BAD);
		frame_free(&frame);
	}
}

/* Feeds start and then filler for ever; returns the status that ends it. */
static int endless(const char *start, const char *filler, size_t *took)
{
	struct frame frame = {0};
	int status;

	*took = feed(&frame, &limits, start, strlen(start));
	while (frame.state != FRAME_BAD && *took < 100000)
		*took += feed(&frame, &limits, filler, strlen(filler));
	assert_true(frame.line.room <= 4096);
	status = frame.status;
	frame_free(&frame);
	return status;
}

static void lines_without_end_are_refused_at_the_limit(void **state)
{
	size_t took;

	(void)state;
	assert_int_equal(endless("GET /", "xxxx", &took), 414);
	assert_in_range(took, limits.head_max, limits.head_max + 8);
	assert_int_equal(endless(GET "X: ", "xxxx", &took), 431);
	assert_in_range(took, limits.head_max, limits.head_max + 8);
	assert_int_equal(endless(GET, "X: y\r\n", &took), 431);
	assert_in_range(took, limits.head_max, limits.head_max + 8);
	assert_int_equal(endless(POST "Transfer-Encoding: chunked\r\n\r\n", "0", &took), 400);
	assert_true(took < 100);
	assert_int_equal(endless(POST "Transfer-Encoding: chunked\r\n\r\n", "1;", &took), 431);
	assert_in_range(took, limits.head_max, limits.head_max + 8);
	assert_int_equal(
		endless(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n", "X: yyyy\r\n", &took), 431);
	assert_in_range(took, limits.head_max, limits.head_max + 16);
	assert_int_equal(endless("", "\r\n", &took), 400);
	assert_int_equal(endless(POST "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", &took),
			 413);
	assert_true(took < 1000);
}

static void headers_beyond_a_hundred_are_refused(void **state)
{
	static const struct frame_limits wide = {.head_max = 65536};
	struct frame frame = {0};
	int count = 0;

	(void)state;
	feed(&frame, &wide, GET, strlen(GET));
	while (frame.state != FRAME_BAD && ++count < 1000)
		feed(&frame, &wide, "X: y\r\n", 6);
	assert_int_equal(frame.status, 431);
	assert_int_equal(count, FRAME_HEADERS_MAX);
	frame_free(&frame);
}

static void what_evhttp_cannot_read_is_rewritten_however_it_is_cut(void **state)
{
	static const char bytes[] = "POST /\tX HTTP/1.1\r\nName:\t \ta\tb\r\nX:y\t\r\n"
				    "Transfer-Encoding:\tchunked\r\n\r\n"
				    "3\t;\ta=\";b\"\r\n\t;:\r\n0;\r\nAb:\tc: d\r\nX:\r\n\r\nX:\ty";
	static const char rewritten[] = "POST /\tX HTTP/1.1\r\nName:   a\tb\r\nX:y\t\r\n"
					"Transfer-Encoding: chunked\r\n\r\n"
					"3         \r\n\t;:\r\n0 \r\nxx:     \r\nx:\r\n\r\nX:\ty";
	char copy[sizeof(bytes)];

	(void)state;
	for (size_t cut = 1; cut < sizeof(bytes); cut++) {
		struct frame frame = {.state = FRAME_HEADERS, .host_count = 1};
		size_t len = strlen(bytes), at = strlen("POST /\tX HTTP/1.1\r\n");

		memcpy(copy, bytes, sizeof(bytes));
		/* TABs within a value and in what is no header stay as they are. */
		while (frame.state != FRAME_WHOLE && frame.state != FRAME_BAD && at < len)
			at += frame_feed(&frame, &limits, copy + at,
					 len - at < cut ? len - at : cut);
		assert_string_equal(copy, rewritten);
		frame_free(&frame);
	}
}

static struct frame frame_of(const char *bytes)
{
	struct frame frame = {0};

	feed(&frame, &limits, bytes, strlen(bytes));
	assert_int_equal(frame.state, FRAME_WHOLE);
	frame_free(&frame);
	return frame;
}

static void close_wins_over_keep_alive_in_any_order(void **state)
{
	(void)state;
	assert_true(frame_of(GET "Connection: keep-alive, close\r\n\r\n").close);
	assert_true(frame_of(GET "Connection: close,keep-alive\r\n\r\n").close);
	assert_true(frame_of(GET "Connection: TE\r\nConnection: , Close \r\n\r\n").close);
	assert_false(frame_of(GET "Connection: keep-alive\r\n\r\n").close);
	assert_false(frame_of(GET "Connection: closed\r\n\r\n").close);
	assert_true(frame_of("GET / HTTP/1.0\r\n\r\n").close);
	assert_false(frame_of("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").close);
}

static void methods_are_known_by_their_exact_name(void **state)
{
	static const char *const names[] = {"GET",    "HEAD",	 "POST",  "PUT",
					    "DELETE", "OPTIONS", "PATCH", "TRACE"};
	char bytes[128];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(bytes, sizeof(bytes), "%s / HTTP/1.1\r\nHost: a\r\n\r\n", names[i]);
		assert_int_equal(frame_of(bytes).method, i);
		assert_string_equal(frame_of(bytes).method_name, names[i]);
	}
	assert_int_equal(frame_of("get / HTTP/1.1\r\nHost: a\r\n\r\n").method, HTTP_OTHER);
	assert_int_equal(frame_of("GETS / HTTP/1.1\r\nHost: a\r\n\r\n").method, HTTP_OTHER);
}

static void a_frame_is_ready_again_after_a_reset(void **state)
{
	struct frame frame = {0};

	(void)state;
	for (int i = 0; i < 3; i++) {
		const struct example *example = &accepted[i == 1 ? 9 : 0];
		size_t len = strlen(example->bytes);

		feed(&frame, &limits, example->bytes, 7);
		feed(&frame, &limits, example->bytes + 7, len - 7);
		assert_int_equal(frame.state, FRAME_WHOLE);
		frame_reset(&frame);
		assert_int_equal(frame.state, FRAME_EMPTY);
	}
	frame_free(&frame);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed_requests_are_whole_however_they_are_cut),
		cmocka_unit_test(ambiguous_requests_are_refused_however_they_are_cut),
		cmocka_unit_test(a_nul_is_refused_in_every_part_of_the_head),
		cmocka_unit_test(lines_without_end_are_refused_at_the_limit),
		cmocka_unit_test(headers_beyond_a_hundred_are_refused),
		cmocka_unit_test(what_evhttp_cannot_read_is_rewritten_however_it_is_cut),
		cmocka_unit_test(close_wins_over_keep_alive_in_any_order),
		cmocka_unit_test(methods_are_known_by_their_exact_name),
		cmocka_unit_test(a_frame_is_ready_again_after_a_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
