/*
 * Signatures, by the official cases of AWS (SIGV4_VECTORS, or ../shared/sigv4-vectors) and by what
 * a service relies on. With SIGV4_SERVE in its environment the program signs instead: requests as
 * lines of JSON, for tests/dynamodb/test_signatures.py, which compares with others' signatures.
 */
#include "aws/sigv4.h"

#include "aws/s3/location.h"

#include "tests/lib/cmocka.h"

#include <dirent.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Of the official cases: those whose headers are the caller's alone. */
#define CASES	    35
#define OTHER_CASES 3
#define NOON_S	    INT64_C(1440938160) /* 2015-08-30T12:36:00Z */
#define TEXT_MAX    16384
#define SECRET	    "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define EMPTY_HASH  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct sigv4_credentials example = {.access_key_id = "AKIDEXAMPLE",
						 .secret_access_key = SECRET};
static size_t allocations;

static const char *vectors_folder(void)
{
	const char *named = getenv("SIGV4_VECTORS");

	return named != NULL ? named : "../shared/sigv4-vectors";
}

/* A file of a case, without its last newline. */
static void read_text(const char *name, const char *file, char text[TEXT_MAX])
{
	char path[512];
	FILE *from;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s/%s", vectors_folder(), name, file);
	from = fopen(path, "r");
	if (from == NULL)
		fail_msg("%s cannot be read", path);
	len = fread(text, 1, TEXT_MAX - 1, from);
	fclose(from);
	text[len] = '\0';
}

/* "GET /path?query HTTP/1.1", headers, an empty line, the body. */
struct parsed {
	char text[TEXT_MAX];
	struct sigv4_header headers[SIGV4_HEADERS_MAX];
	struct sigv4_request request;
	char canonical[TEXT_MAX]; /* where path and query are, as they are sent */
};

static char *cut(char *text, const char *at)
{
	char *end = strstr(text, at);

	if (end == NULL)
		return NULL;
	*end = '\0';
	return end + strlen(at);
}

static void parse_request(const char *name, struct parsed *parsed)
{
	char *line, *next;

	read_text(name, "request.txt", parsed->text);
	parsed->request = (struct sigv4_request){.headers = parsed->headers};
	line = parsed->text;
	next = cut(line, "\n");
	parsed->request.method = line;
	line = cut(line, " ");
	for (line = next; line != NULL && *line != '\n' && *line != '\0'; line = next) {
		next = strchr(line, '\n');
		/* A line that begins with a space goes on with the value before. */
		while (next != NULL && (next[1] == ' ' || next[1] == '\t'))
			next = strchr(next + 1, '\n');
		if (next != NULL)
			*next++ = '\0';
		parsed->headers[parsed->request.header_count].name = line;
		parsed->headers[parsed->request.header_count++].value = cut(line, ":");
	}
	if (line != NULL && *line == '\n')
		parsed->request.payload = line + 1;
	else
		parsed->request.payload = "";
	parsed->request.payload_len = strlen(parsed->request.payload);
}

static const char *member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static int64_t parse_time(const char *text)
{
	struct tm utc = {0};

	assert_non_null(strptime(text, "%Y-%m-%dT%H:%M:%SZ", &utc));
	return timegm(&utc);
}

static void expect(const char *name, const char *file, const char *got)
{
	char want[TEXT_MAX];

	read_text(name, file, want);
	if (strcmp(want, got) != 0)
		fail_msg("%s: %s\n--- wanted\n%s\n--- got\n%s", name, file, want, got);
}

/* The path and the query, encoded and sorted as a caller gives them. */
static void parse_canonical(const char *name, struct parsed *parsed)
{
	char *line;

	read_text(name, "header-canonical-request.txt", parsed->canonical);
	line = cut(parsed->canonical, "\n");
	parsed->request.path = line;
	line = cut(line, "\n");
	parsed->request.query = line;
	cut(line, "\n");
}

/* False: it is about a header that signing adds elsewhere and not here, and was not tested. */
static bool check_case(const char *name)
{
	static struct parsed parsed;
	static struct sigv4_signer signer;
	struct sigv4_credentials credentials;
	struct sigv4_signed out;
	char text[TEXT_MAX], line[TEXT_MAX];
	bool is_ours;
	const json_t *keys;
	json_t *context;
	int64_t unix_s;

	read_text(name, "context.json", text);
	context = json_loads(text, 0, NULL);
	assert_non_null(context);
	keys = json_object_get(context, "credentials");
	credentials =
		(struct sigv4_credentials){.access_key_id = member(keys, "access_key_id"),
					   .secret_access_key = member(keys, "secret_access_key"),
					   .session_token = member(keys, "token")};
	parse_request(name, &parsed);
	parse_canonical(name, &parsed);
	is_ours = !json_is_true(json_object_get(context, "sign_body")) &&
		  !json_is_true(json_object_get(context, "omit_session_token"));
	if (!is_ours) {
		json_decref(context);
		return false;
	}
	signer = (struct sigv4_signer){.region = member(context, "region"),
				       .service = member(context, "service")};
	unix_s = parse_time(member(context, "timestamp"));

	assert_true(sigv4_sign(&signer, &credentials, &parsed.request, unix_s, &out));
	expect(name, "header-canonical-request.txt", signer.canonical);
	expect(name, "header-string-to-sign.txt", signer.to_sign);
	expect(name, "header-signature.txt", signer.signature);
	read_text(name, "header-signed-request.txt", text);
	snprintf(line, sizeof(line), "Authorization:%s\n", out.authorization);
	if (strstr(text, line) == NULL)
		fail_msg("%s: not in the signed request:\n%s", name, line);
	sigv4_signer_clear(&signer);
	json_decref(context);
	return true;
}

static void the_official_cases_are_signed_as_they_should(void **state)
{
	DIR *folder = opendir(vectors_folder());
	const struct dirent *entry;
	size_t cases = 0, others = 0;

	(void)state;
	if (folder == NULL) {
		print_message("AWS's own cases were not tested: there is no folder %s "
			      "(SIGV4_VECTORS names another)\n",
			      vectors_folder());
		skip();
	}
	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (check_case(entry->d_name))
			cases++;
		else
			others++;
	}
	closedir(folder);
	print_message("%zu of AWS's own cases were not tested: they are about headers that "
		      "the caller adds here\n",
		      others);
	assert_int_equal(others, OTHER_CASES);
	assert_int_equal(cases, CASES);
}

static void sign(struct sigv4_signer *signer, const struct sigv4_credentials *credentials,
		 int64_t unix_s, struct sigv4_signed *out)
{
	static const struct sigv4_header host[] = {{"Host", "example.amazonaws.com"}};
	const struct sigv4_request request = {
		.method = "GET", .headers = host, .header_count = 1, .payload = ""};

	assert_true(sigv4_sign(signer, credentials, &request, unix_s, out));
}

/* The documentation's own: a GET without anything. */
static void a_plain_request_has_the_signature_of_the_documentation(void **state)
{
	struct sigv4_signer signer = {.region = "us-east-1", .service = "service"};
	struct sigv4_signed out;

	(void)state;
	sign(&signer, &example, NOON_S, &out);
	assert_string_equal(out.amz_date, "20150830T123600Z");
	assert_string_equal(
		out.authorization,
		"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
		"SignedHeaders=host;x-amz-date, "
		"Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
	assert_string_equal(strrchr(signer.canonical, '\n') + 1, EMPTY_HASH);
	sigv4_signer_clear(&signer);
}

/* A signer that was used before signs as a new one does. */
static void assert_same_as_new(struct sigv4_signer *used,
			       const struct sigv4_credentials *credentials, int64_t unix_s)
{
	struct sigv4_signer fresh = {.region = used->region, .service = used->service};
	struct sigv4_signed one, other;

	sign(used, credentials, unix_s, &one);
	sign(&fresh, credentials, unix_s, &other);
	assert_string_equal(one.authorization, other.authorization);
	sigv4_signer_clear(&fresh);
}

static void the_key_is_derived_anew_for_another_day_or_secret(void **state)
{
	struct sigv4_signer signer = {.region = "us-east-1", .service = "dynamodb"};
	const struct sigv4_credentials other = {.access_key_id = "AKIDEXAMPLE",
						.secret_access_key = "another"};

	(void)state;
	assert_same_as_new(&signer, &example, NOON_S);
	assert_same_as_new(&signer, &example, NOON_S + 24 * 60 * 60);
	assert_same_as_new(&signer, &other, NOON_S + 24 * 60 * 60);
	assert_same_as_new(&signer, &example, NOON_S);
	sigv4_signer_clear(&signer);
}

static void what_does_not_fit_is_not_signed(void **state)
{
	static char large[SIGV4_CANONICAL_ROOM];
	struct sigv4_header headers[SIGV4_HEADERS_MAX + 1];
	struct sigv4_signer signer = {.region = "us-east-1", .service = "dynamodb"};
	struct sigv4_request request = {
		.method = "POST", .headers = headers, .header_count = 1, .payload = ""};
	struct sigv4_signed out;

	(void)state;
	for (size_t i = 0; i <= SIGV4_HEADERS_MAX; i++)
		headers[i] = (struct sigv4_header){"x", "y"};
	memset(large, 'a', sizeof(large) - 1);
	assert_true(sigv4_sign(&signer, &example, &request, NOON_S, &out));
	request.header_count = SIGV4_HEADERS_MAX + 1;
	assert_false(sigv4_sign(&signer, &example, &request, NOON_S, &out));
	request.header_count = 1;
	headers[0].value = large;
	assert_false(sigv4_sign(&signer, &example, &request, NOON_S, &out));
	headers[0].value = "y";
	signer.region = large;
	assert_false(sigv4_sign(&signer, &example, &request, NOON_S, &out));
	sigv4_signer_clear(&signer);
}

static void a_signature_allocates_nothing(void **state)
{
	struct sigv4_signer signer = {.region = "us-east-1", .service = "dynamodb"};
	struct sigv4_signed out;
	size_t before;

	(void)state;
	sign(&signer, &example, NOON_S, &out);
	before = allocations;
	for (int i = 0; i < 1000; i++)
		sign(&signer, &example, NOON_S + i, &out);
	assert_int_equal(allocations, before);
	sigv4_signer_clear(&signer);
}

static void *count_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	allocations++;
	return malloc(size);
}

static void *count_realloc(void *at, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	allocations++;
	return realloc(at, size);
}

static void uncounted_free(void *at, const char *file, int line)
{
	(void)file;
	(void)line;
	free(at);
}

/* {"access_key_id", "secret_access_key", "token", "region", "service", "time", "method",
 * "headers": [[name, value]], "body", and for S3 "path" as it is and "query" encoded} ->
 * {"authorization", "date"} */
static int serve_one(const json_t *asked)
{
	const json_t *list = json_object_get(asked, "headers"), *pair;
	const json_t *body = json_object_get(asked, "body");
	struct sigv4_header headers[SIGV4_HEADERS_MAX];
	const struct sigv4_credentials credentials = {
		.access_key_id = member(asked, "access_key_id"),
		.secret_access_key = member(asked, "secret_access_key"),
		.session_token = member(asked, "token")};
	struct sigv4_request request = {.method = member(asked, "method"),
					.headers = headers,
					.payload = json_string_value(body),
					.payload_len = json_string_length(body)};
	static struct sigv4_signer signer;
	struct sigv4_signed out;
	struct buf path = {0};
	bool made;
	size_t i;

	if (member(asked, "path") != NULL) {
		s3_encode(&path, member(asked, "path"), true);
		request.path = buf_string(&path);
		request.query = member(asked, "query");
	}
	json_array_foreach(list, i, pair)
	{
		if (i >= SIGV4_HEADERS_MAX)
			return -1;
		headers[request.header_count++] =
			(struct sigv4_header){json_string_value(json_array_get(pair, 0)),
					      json_string_value(json_array_get(pair, 1))};
	}
	signer.region = member(asked, "region");
	signer.service = member(asked, "service");
	signer.has_key = false;
	made = sigv4_sign(&signer, &credentials, &request,
			  json_integer_value(json_object_get(asked, "time")), &out);
	buf_free(&path);
	if (!made)
		return -1;
	printf("{\"authorization\": \"%s\", \"date\": \"%s\"}\n", out.authorization, out.amz_date);
	return fflush(stdout);
}

static int serve(void)
{
	char *line = NULL;
	size_t room = 0;
	int failed = 0;

	while (!failed && getline(&line, &room, stdin) > 0) {
		json_t *asked = json_loads(line, JSON_ALLOW_NUL, NULL);

		failed = asked == NULL || serve_one(asked) != 0;
		json_decref(asked);
	}
	free(line);
	return failed ? 1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_official_cases_are_signed_as_they_should),
		cmocka_unit_test(a_plain_request_has_the_signature_of_the_documentation),
		cmocka_unit_test(the_key_is_derived_anew_for_another_day_or_secret),
		cmocka_unit_test(what_does_not_fit_is_not_signed),
		cmocka_unit_test(a_signature_allocates_nothing),
	};

	if (getenv("SIGV4_SERVE") != NULL)
		return serve();
	CRYPTO_set_mem_functions(count_malloc, count_realloc, uncounted_free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
