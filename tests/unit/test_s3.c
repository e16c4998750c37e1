/* What S3 is asked and what its answers mean, without a server:
 * tests/fault/test_sqlite_archive_s3.py has the calls. */
#include "aws/s3/explain.h"
#include "aws/s3/location.h"

#include "tests/lib/cmocka.h"

#include <string.h>

static struct cart_error error;

static void taken(const char *text, const char *bucket, const char *prefix)
{
	struct s3_location location;

	if (s3_location_parse(&location, text, &error) != 0)
		fail_msg("%s: %s", text, error.text);
	assert_string_equal(location.bucket, bucket);
	assert_string_equal(location.prefix, prefix);
}

static void a_location_has_a_bucket_and_maybe_a_prefix(void **state)
{
	(void)state;
	taken("s3://abc", "abc", "");
	taken("s3://abc/", "abc", "");
	taken("s3://a.b-1/x", "a.b-1", "x/");
	taken("s3://abc/x/y//", "abc", "x/y/");
	taken("s3://abc//x", "abc", "/x/");
	taken("s3://abc/a b+%c=\xc3\xa4\xf0\x9f\x9b\x92", "abc",
	      "a b+%c=\xc3\xa4\xf0\x9f\x9b\x92/");
	taken("s3://abc/...x/.y", "abc", "...x/.y/");
}

static void what_is_no_location_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"s3://",
		"s3:///x",
		"S3://abc",
		"s3://ab",
		"s3://Abc",
		"s3://a_c",
		"s3://-bc",
		"s3://ab-",
		"s3://a..b",
		"s3://0123456789012345678901234567890123456789012345678901234567890123",
		"s3://abc/.",
		"s3://abc/x/../y",
		"s3://abc/x/./y",
		"s3://abc/..",
		"s3://abc/\x01",
		"s3://abc/a\nb",
		"s3://abc/\x7f",
		"s3://abc/\xff",
		"s3://abc/\xc3",
		"s3://abc/\xc0\x80",
		"s3://abc/\xc2\x80",
		"s3://abc/\xed\xa0\x80",
		"s3://abc/\xf4\x90\x80\x80",
	};
	struct s3_location location;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (s3_location_parse(&location, wrong[i], &error) == 0)
			fail_msg("taken: %s", wrong[i]);
}

static void names_are_written_as_signatures_want_them(void **state)
{
	struct buf out = {0};

	(void)state;
	s3_encode(&out, "aZ9-._~/ +%&=?#\xc3\xa4", true);
	assert_string_equal(buf_string(&out), "aZ9-._~/%20%2B%25%26%3D%3F%23%C3%A4");
	buf_reset(&out);
	s3_encode(&out, "a/b", false);
	assert_string_equal(buf_string(&out), "a%2Fb");
	buf_free(&out);
}

static void assert_target(const char *bucket, const char *url, bool named, const char *base,
			  const char *path)
{
	struct aws_endpoint endpoint = {.named = named};
	struct s3_target target;

	strcpy(endpoint.url, url);
	s3_target_set(&target, bucket, &endpoint);
	assert_string_equal(target.base, base);
	assert_string_equal(target.host, strstr(base, "://") + 3);
	assert_string_equal(target.bucket, path);
}

static void buckets_of_aws_have_their_own_hosts(void **state)
{
	(void)state;
	assert_target("abc", "https://s3.eu-west-1.amazonaws.com", false,
		      "https://abc.s3.eu-west-1.amazonaws.com", "");
	/* A certificate for *.s3... is not for two words. */
	assert_target("a.bc", "https://s3.eu-west-1.amazonaws.com", false,
		      "https://s3.eu-west-1.amazonaws.com", "/a.bc");
	assert_target("abc", "http://127.0.0.1:9000", true, "http://127.0.0.1:9000", "/abc");
}

static void answered(long status, const char *code, enum s3_meaning meaning)
{
	struct s3_request request = {.method = "PUT", .key = "k", .status = status, .sent = true};
	struct s3_answer answer = {.is_error = true};

	strcpy(answer.code, code);
	if (s3_meaning_of(&request, &answer) != meaning)
		fail_msg("HTTP %ld %s", status, code);
}

static void answers_mean_what_s3_says(void **state)
{
	struct s3_request request = {.method = "GET", .key = "k"};
	struct s3_answer none = {0};

	(void)state;
	answered(200, "", S3_MEANS_DONE);
	answered(204, "", S3_MEANS_DONE);
	answered(404, "NoSuchKey", S3_MEANS_ABSENT);
	answered(404, "", S3_MEANS_REFUSED);
	answered(404, "XAdminUserNotFound", S3_MEANS_REFUSED);
	answered(404, "NoSuchBucket", S3_MEANS_REFUSED);
	answered(412, "PreconditionFailed", S3_MEANS_CONDITION);
	answered(503, "SlowDown", S3_MEANS_AGAIN);
	answered(429, "", S3_MEANS_AGAIN);
	answered(409, "ConditionalRequestConflict", S3_MEANS_AGAIN);
	answered(400, "RequestTimeout", S3_MEANS_AGAIN);
	answered(400, "BadDigest", S3_MEANS_AGAIN);
	answered(500, "InternalError", S3_MEANS_DOUBT);
	answered(502, "", S3_MEANS_DOUBT);
	answered(0, "", S3_MEANS_DOUBT);
	answered(403, "RequestTimeTooSkewed", S3_MEANS_CLOCK);
	answered(400, "ExpiredToken", S3_MEANS_IDENTITY);
	answered(403, "AccessDenied", S3_MEANS_REFUSED);
	answered(301, "PermanentRedirect", S3_MEANS_REFUSED);
	answered(501, "NotImplemented", S3_MEANS_REFUSED);
	assert_int_equal(s3_meaning_of(&request, &none), S3_MEANS_AGAIN);
	request.too_long = true;
	assert_int_equal(s3_meaning_of(&request, &none), S3_MEANS_REFUSED);
	request = (struct s3_request){.method = "GET", .status = 404};
	assert_int_equal(s3_meaning_of(&request, &none), S3_MEANS_REFUSED);
}

static struct s3_answer read_answer(const char *text, bool whole)
{
	const struct buf body = {.data = (char *)text, .len = strlen(text)};
	struct s3_answer answer = {0};

	if (s3_answer_read(&answer, &body) != whole)
		fail_msg("%s", text);
	return answer;
}

static void an_answer_is_a_list_or_an_error(void **state)
{
	struct s3_answer answer;

	(void)state;
	answer = read_answer(
		"<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3\"><Name>b</Name>"
		"<Contents><Key>a&amp;b</Key><Owner><Key>x</Key></Owner></Contents>"
		"<Contents><Key>c&#xE4;</Key></Contents><CommonPrefixes><Key>no</Key></"
		"CommonPrefixes>"
		"<NextContinuationToken>t+/=</NextContinuationToken></ListBucketResult>",
		true);
	assert_false(answer.is_error);
	assert_int_equal(answer.count, 2);
	assert_string_equal(answer.keys[0], "a&b");
	assert_string_equal(answer.keys[1], "c\xc3\xa4");
	assert_string_equal(answer.token, "t+/=");
	s3_answer_clear(&answer);
	answer = read_answer("<Error><Code>NoSuchKey</Code><Message>not\nhere</Message>"
			     "<Region>eu-west-1</Region></Error>",
			     true);
	assert_true(answer.is_error);
	assert_string_equal(answer.code, "NoSuchKey");
	assert_string_equal(answer.message, "not?here");
	assert_string_equal(answer.region, "eu-west-1");
	s3_answer_clear(&answer);
}

static void what_is_no_answer_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"<a>",
		"<ListBucketResult><Contents><Key>a</Key>",
		"no XML",
		"<!DOCTYPE a [<!ENTITY b 'c'>]><Error><Code>&b;</Code></Error>",
		"<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></"
		"a>"
		"</a></a></a></a></a></a></a></a></a>"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct s3_answer answer = read_answer(wrong[i], false);

		s3_answer_clear(&answer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_location_has_a_bucket_and_maybe_a_prefix),
		cmocka_unit_test(what_is_no_location_is_refused),
		cmocka_unit_test(names_are_written_as_signatures_want_them),
		cmocka_unit_test(buckets_of_aws_have_their_own_hosts),
		cmocka_unit_test(answers_mean_what_s3_says),
		cmocka_unit_test(an_answer_is_a_list_or_an_error),
		cmocka_unit_test(what_is_no_answer_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
