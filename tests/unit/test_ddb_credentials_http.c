/* Credentials that are asked for: of STS, of the agent of a container, of instance metadata. */
#include "aws/cred.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/cred_fixture.h"
#include "tests/lib/tls_fixture.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STS   "POST /sts"
#define AGENT "GET /agent"
#define PUT   "PUT /latest/api/token"
#define ROLES "GET /latest/meta-data/iam/security-credentials/ "
#define ROLE  "GET /latest/meta-data/iam/security-credentials/shop-role "

#define STS_OK                                                                                     \
	"<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"  \
	"<AssumeRoleWithWebIdentityResult><Audience>a</Audience><AssumedRoleUser><Arn>arn</Arn>"   \
	"</AssumedRoleUser><Credentials><SessionToken>" CRED_FIXTURE_TOKEN "</SessionToken>"       \
	"<SecretAccessKey>" CRED_FIXTURE_SECRET "</SecretAccessKey>"                               \
	"<Expiration>2100-01-01T00:00:00Z</Expiration><AccessKeyId>STSID</AccessKeyId>"            \
	"</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
#define STS_ERROR(code, message)                                                                   \
	"<ErrorResponse><Error><Type>Sender</Type><Code>" code "</Code><Message>" message          \
	"</Message></Error><RequestId>1</RequestId></ErrorResponse>"

static struct cred_fixture f;
static struct cred_context context;
static struct aws_credentials got;
static struct cart_error error;
static char *json; /* good, for the agent and metadata */
static char huge[CRED_ANSWER_MAX + 100];

static int setup(void **state)
{
	(void)state;
	cred_fixture_start(&f);
	json = cred_fixture_json("ROLEID", "Token", "\"Code\":\"Success\",", 3600000);
	memset(huge, '1', sizeof(huge) - 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cred_fixture_stop(&f);
	free(json);
	return 0;
}

static void begin(void)
{
	if (cred_context_init(&context, &f.config, &error) != 0)
		fail_msg("%s", error.text);
}

static enum cred_result fetch(const struct cred_provider *provider)
{
	enum cred_result result;

	error.text[0] = '\0';
	memset(&got, 0, sizeof(got));
	result = provider->fetch(&context, &got, &error);
	if (result != CRED_GOT)
		cred_fixture_check_line(error.text);
	return result;
}

static void assert_id(const struct cred_provider *provider, const char *id)
{
	if (fetch(provider) != CRED_GOT)
		fail_msg("%s", error.text);
	assert_string_equal(got.access_key_id, id);
	assert_string_equal(got.secret_access_key, CRED_FIXTURE_SECRET);
	assert_string_equal(got.session_token, CRED_FIXTURE_TOKEN);
	assert_true(got.expires_ms > clock_wall_ms(&cart_clock_system));
}

static void assert_fails(const struct cred_provider *provider, enum cred_result result,
			 const char *said)
{
	assert_int_equal(fetch(provider), result);
	if (strstr(error.text, said) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", error.text, said);
}

static void answer(const char *start, int status, const char *body)
{
	http_stub_set(&f.stub,
		      (struct http_stub_route){.start = start, .status = status, .body = body});
}

static void answer_so(const char *start, const char *body, enum http_stub_manner manner)
{
	http_stub_set(&f.stub,
		      (struct http_stub_route){.start = start, .body = body, .manner = manner});
}

/* Answers that any source may get, and what is said of them. json is the good one. */
static void bad_answers(const struct cred_provider *provider, enum cred_result result,
			const char *start, const char *good, const char *no_sense)
{
	char *half = strndup(good, strlen(good) - 20);

	answer(start, 404, "HUSH");
	assert_fails(provider, result, "404");
	answer(start, 500, "HUSH");
	assert_fails(provider, result, "500");
	answer(start, 200, half);
	assert_fails(provider, result, no_sense);
	answer(start, 200, "");
	assert_fails(provider, result, no_sense);
	answer(start, 200, huge);
	assert_fails(provider, result, "longer than 65536 bytes");
	answer_so(start, good, HTTP_STUB_CUT);
	assert_fails(provider, result, "");
	http_stub_set(&f.stub, (struct http_stub_route){.start = "GET /elsewhere", .body = good});
	http_stub_set(&f.stub, (struct http_stub_route){.start = start,
							.status = 302,
							.headers = "Location: /elsewhere\r\n",
							.body = "HUSH"});
	assert_fails(provider, result, "302");
	assert_int_equal(http_stub_count(&f.stub, "GET /elsewhere"), 0);
	free(half);
}

/* Milliseconds that a failing fetch took. */
static int64_t slow_answer(const struct cred_provider *provider, enum cred_result result,
			   const char *start, const char *good, enum http_stub_manner manner)
{
	int64_t began_ns = clock_monotonic_ns(&cart_clock_system);

	answer_so(start, good, manner);
	assert_fails(provider, result, "");
	return (clock_monotonic_ns(&cart_clock_system) - began_ns) / CLOCK_NS_PER_MS;
}

static void web_identity_begins(void)
{
	cred_fixture_set_url(&f, "AWS_ENDPOINT_URL_STS", "/sts");
	cred_fixture_set_file(&f, "AWS_WEB_IDENTITY_TOKEN_FILE", "HUSHjwt.a-b_c.d==\n");
	cred_fixture_set(&f, "AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/shop");
	begin();
}

static void web_identity_gives_the_token_of_the_file_for_credentials(void **state)
{
	(void)state;
	web_identity_begins();
	answer(STS, 200, STS_OK);
	assert_id(&cred_web_identity, "STSID");
	assert_true(http_stub_saw(&f.stub, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&"));
	assert_true(http_stub_saw(&f.stub, "&RoleSessionName=cart-"));
	assert_true(
		http_stub_saw(&f.stub, "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fshop"));
	assert_true(http_stub_saw(&f.stub, "&WebIdentityToken=HUSHjwt.a-b_c.d%3D%3D"));
	assert_true(http_stub_saw(&f.stub, "application/x-www-form-urlencoded"));
	/* It is written anew while the service runs. */
	cred_fixture_set_file(&f, "AWS_WEB_IDENTITY_TOKEN_FILE", "HUSHsecond");
	cred_fixture_set(&f, "AWS_ROLE_SESSION_NAME", "till 7");
	assert_id(&cred_web_identity, "STSID");
	assert_true(
		http_stub_saw(&f.stub, "&RoleSessionName=till%207&WebIdentityToken=HUSHsecond"));
}

static void web_identity_says_why_sts_refuses(void **state)
{
	(void)state;
	web_identity_begins();
	answer(STS, 403, STS_ERROR("AccessDenied", "Not\nauthorized &amp; more"));
	assert_fails(&cred_web_identity, CRED_FAILED,
		     "HTTP 403: STS refuses: AccessDenied (Not?authorized & more)");
	answer(STS, 400, STS_ERROR("ExpiredTokenException", "Token HUSHjwt.a-b_c.d== expired"));
	assert_fails(&cred_web_identity, CRED_FAILED, "STS refuses: ExpiredTokenException");
	/* An error is one with any status. */
	answer(STS, 200, STS_ERROR("InvalidIdentityToken", ""));
	assert_fails(&cred_web_identity, CRED_FAILED, "STS refuses: InvalidIdentityToken");
	answer(STS, 200, "<!DOCTYPE a [<!ENTITY b \"HUSH\">]>" STS_OK);
	assert_fails(&cred_web_identity, CRED_FAILED, "not its XML");
	answer(STS, 200, "<a><Credentials><AccessKeyId>A</AccessKeyId></Credentials></a>");
	assert_fails(&cred_web_identity, CRED_FAILED, "no SecretAccessKey");
	answer(STS, 500, STS_OK);
	assert_fails(&cred_web_identity, CRED_FAILED, "HTTP 500");
}

static void web_identity_bears_bad_answers(void **state)
{
	(void)state;
	web_identity_begins();
	bad_answers(&cred_web_identity, CRED_FAILED, STS, STS_OK, "not its XML");
	assert_in_range(slow_answer(&cred_web_identity, CRED_FAILED, STS, STS_OK, HTTP_STUB_SILENT),
			4900, 7000);
}

static void web_identity_says_what_it_lacks(void **state)
{
	(void)state;
	begin();
	assert_fails(&cred_web_identity, CRED_NONE, "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
	cred_fixture_set(&f, "AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent/token");
	assert_fails(&cred_web_identity, CRED_WRONG, "but not AWS_ROLE_ARN");
	cred_fixture_set(&f, "AWS_ROLE_ARN", "arn");
	assert_fails(&cred_web_identity, CRED_FAILED, "cannot read /nonexistent/token");
	cred_fixture_set_file(&f, "AWS_WEB_IDENTITY_TOKEN_FILE", "\n");
	assert_fails(&cred_web_identity, CRED_FAILED, "is empty or no text");
	f.config.region = "";
	begin();
	assert_fails(&cred_web_identity, CRED_WRONG, "no region: set dynamodb.region");
	f.config.region = "evil.example/";
	begin();
	assert_fails(&cred_web_identity, CRED_WRONG, "evil.example/\" is not a region's name");
}

static void agent_begins(void)
{
	cred_fixture_set_url(&f, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/agent?a=1");
	begin();
}

static void the_agent_gets_the_token_of_the_file_each_time(void **state)
{
	(void)state;
	agent_begins();
	answer(AGENT, 200, json);
	assert_id(&cred_container, "ROLEID");
	assert_false(http_stub_saw(&f.stub, "Authorization"));
	cred_fixture_set(&f, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "HUSH env");
	assert_id(&cred_container, "ROLEID");
	assert_true(http_stub_saw(&f.stub, "\r\nAuthorization: HUSH env\r\n"));
	cred_fixture_set_file(&f, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "HUSHfirst\n");
	assert_id(&cred_container, "ROLEID");
	assert_true(http_stub_saw(&f.stub, "\r\nAuthorization: HUSHfirst\r\n"));
	cred_fixture_set_file(&f, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "HUSHsecond");
	assert_id(&cred_container, "ROLEID");
	assert_true(http_stub_saw(&f.stub, "\r\nAuthorization: HUSHsecond\r\n"));
}

static void a_token_of_two_lines_is_not_sent(void **state)
{
	(void)state;
	agent_begins();
	answer(AGENT, 200, json);
	cred_fixture_set(&f, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "HUSH\r\nX-Forged: 1");
	assert_fails(&cred_container, CRED_WRONG, "not one line");
	cred_fixture_set_file(&f, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "HUSH\nX-Forged: 1");
	assert_fails(&cred_container, CRED_WRONG, "not one line");
	cred_fixture_set(&f, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nonexistent/token");
	assert_fails(&cred_container, CRED_FAILED, "cannot read /nonexistent/token");
	assert_int_equal(http_stub_count(&f.stub, AGENT), 0);
}

static void the_agent_is_asked_in_the_clear_only_on_this_host(void **state)
{
	static const char *const taken[] = {
		"http://127.0.0.1/x",	   "http://127.9.9.9:80/x",   "http://[::1]:8080/x",
		"http://localhost:99/x",   "http://LOCALHOST/x",      "http://169.254.170.2/x",
		"http://169.254.170.23/x", "http://[fd00:ec2::23]/x", "https://example.com/x",
		"HTTPS://10.0.0.1/x",
	};
	static const char *const refused[] = {
		"http://example.com/x",
		"http://169.254.170.20/x",
		"http://169.254.169.254/x",
		"http://10.0.0.1/x",
		"http://127.0.0.1.evil.test/",
		"http://127.0.0.1@evil.test/x",
		"http://localhost.evil.test/",
		"http://128.0.0.1/x",
		"http://[fd00:ec2::24]/x",
		"http://[::ffff:10.0.0.1]/x",
		"ftp://127.0.0.1/x",
		"file:///etc/passwd",
		"127.0.0.1",
		"http://",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (cred_container_check(taken[i], &error) != 0)
			fail_msg("%s: %s", taken[i], error.text);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (cred_container_check(refused[i], &error) == 0)
			fail_msg("%s is taken", refused[i]);
		cred_fixture_check_line(error.text);
	}
	cred_fixture_set(&f, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://evil.test/HUSH");
	begin();
	assert_fails(&cred_container, CRED_WRONG, "evil.test is not this host");
	/* The relative one comes first, and is only a path. */
	cred_fixture_set(&f, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@evil.test/HUSH");
	assert_fails(&cred_container, CRED_WRONG, "does not begin with /");
}

static void the_agent_may_answer_badly(void **state)
{
	(void)state;
	begin();
	assert_fails(&cred_container, CRED_NONE, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	agent_begins();
	bad_answers(&cred_container, CRED_FAILED, AGENT, json, "no JSON");
	answer(AGENT, 200, "{\"code\":\"HUSH\",\"message\":\"HUSH\"}");
	assert_fails(&cred_container, CRED_FAILED, "no AccessKeyId");
	answer(AGENT, 200, "{\"AccessKeyId\":\"HUSH\\r\\nX: 1\",\"SecretAccessKey\":\"HUSH\"}");
	assert_fails(&cred_container, CRED_FAILED, "access key's id holds a byte");
	assert_in_range(slow_answer(&cred_container, CRED_FAILED, AGENT, json, HTTP_STUB_DRIP),
			1900, 4000);
	assert_in_range(slow_answer(&cred_container, CRED_FAILED, AGENT, json, HTTP_STUB_SILENT),
			1900, 4000);
}

/* Serves the folder by TLS, as NAME.pem says; the url of its file. False: there is no openssl. */
static bool serve_tls(const char *name, pid_t *pid, char url[64])
{
	char command[400], line[200];
	int pipes[2], port = -1;
	FILE *said;

	snprintf(command, sizeof(command),
		 "cd %s && exec openssl s_server -accept 127.0.0.1:0 -WWW -cert %s.pem"
		 " -key %s-key.pem 2>&1",
		 f.folder, name, name);
	assert_int_equal(pipe(pipes), 0);
	*pid = fork();
	assert_true(*pid >= 0);
	if (*pid == 0) {
		dup2(pipes[1], STDOUT_FILENO);
		close(pipes[0]);
		close(pipes[1]);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(pipes[1]);
	said = fdopen(pipes[0], "r");
	assert_non_null(said);
	while (port < 0 && fgets(line, sizeof(line), said) != NULL)
		if (sscanf(line, "ACCEPT 127.0.0.1:%d", &port) != 1)
			port = -1;
	fclose(said);
	snprintf(url, 64, "https://127.0.0.1:%d/agent", port);
	return port >= 0;
}

static void end_tls(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void trust(const char *authority)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%s.pem", f.folder, authority);
	cred_fixture_set(&f, "AWS_CA_BUNDLE", path);
}

static void certificates_are_verified(void **state)
{
	char url[64];
	pid_t pid;

	(void)state;
	tls_fixture_make(f.folder);
	cred_fixture_file(&f, "agent", json);
	begin();
	if (!serve_tls("server", &pid, url)) {
		end_tls(pid);
		print_message("no openssl s_server: not tested that certificates are verified\n");
		skip();
	}
	cred_fixture_set(&f, "AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
	assert_fails(&cred_container, CRED_FAILED, "certificate");
	trust("other-ca");
	assert_fails(&cred_container, CRED_FAILED, "certificate");
	trust("ca");
	assert_id(&cred_container, "ROLEID");
	end_tls(pid);
	/* Of another name, by the same authority. */
	assert_true(serve_tls("elsewhere", &pid, url));
	cred_fixture_set(&f, "AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
	assert_fails(&cred_container, CRED_FAILED, "SSL");
	end_tls(pid);
}

static void metadata_begins(void)
{
	cred_fixture_set_url(&f, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "/");
	cred_fixture_set(&f, "AWS_EC2_METADATA_DISABLED", "false");
	answer(PUT, 200, "HUSHsession==");
	answer(ROLES, 200, "shop-role\n");
	answer(ROLE, 200, json);
	begin();
}

static void metadata_is_asked_with_a_session(void **state)
{
	(void)state;
	metadata_begins();
	assert_id(&cred_imds, "ROLEID");
	assert_true(http_stub_saw(&f.stub, "\r\nX-aws-ec2-metadata-token-ttl-seconds: 21600\r\n"));
	assert_true(http_stub_saw(&f.stub, "\r\nX-aws-ec2-metadata-token: HUSHsession==\r\n"));
	assert_id(&cred_imds, "ROLEID");
	assert_int_equal(http_stub_count(&f.stub, PUT), 1);
}

static void metadata_may_end_a_session(void **state)
{
	(void)state;
	metadata_begins();
	assert_id(&cred_imds, "ROLEID");
	answer(PUT, 200, "HUSHnew");
	http_stub_set(&f.stub, (struct http_stub_route){.start = ROLES, .status = 401, .times = 1});
	/* A route that is over lets the next one answer. */
	http_stub_set(&f.stub, (struct http_stub_route){.start = "GET /latest/meta-data/iam/"
								 "security-credentials/ HTTP",
							.body = "shop-role"});
	assert_id(&cred_imds, "ROLEID");
	assert_int_equal(http_stub_count(&f.stub, PUT), 2);
	assert_true(http_stub_saw(&f.stub, "\r\nX-aws-ec2-metadata-token: HUSHnew\r\n"));
	answer(ROLES, 401, "");
	assert_fails(&cred_imds, CRED_NONE, "refuses the session");
	assert_int_equal(http_stub_count(&f.stub, PUT), 3);
}

static void metadata_without_a_session_is_not_asked(void **state)
{
	(void)state;
	metadata_begins();
	answer(PUT, 403, "HUSH");
	assert_fails(&cred_imds, CRED_NONE, "HTTP 403");
	answer(PUT, 200, "HUSH\r\nX-Forged: 1");
	assert_fails(&cred_imds, CRED_NONE, "session's token holds a byte");
	assert_int_equal(http_stub_count(&f.stub, ROLES), 0);
	cred_fixture_set(&f, "AWS_EC2_METADATA_DISABLED", "TRUE");
	assert_fails(&cred_imds, CRED_NONE, "AWS_EC2_METADATA_DISABLED is true");
	assert_int_equal(http_stub_count(&f.stub, PUT), 2);
}

static void metadata_may_answer_badly(void **state)
{
	(void)state;
	metadata_begins();
	answer(ROLES, 404, "");
	assert_fails(&cred_imds, CRED_NONE, "the instance has no role");
	answer(ROLES, 200, "../../user-data HUSH");
	assert_fails(&cred_imds, CRED_NONE, "not the name of a role");
	answer(ROLES, 200, "");
	assert_fails(&cred_imds, CRED_NONE, "not the name of a role");
	answer(ROLES, 200, "shop-role");
	bad_answers(&cred_imds, CRED_NONE, ROLE, json, "no JSON");
	answer(ROLE, 200, "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"AccessKeyId\":\"HUSH\"}");
	assert_fails(&cred_imds, CRED_NONE, "Code is AssumeRoleUnauthorizedAccess, not Success");
	answer(ROLE, 200, "{\"AccessKeyId\":\"HUSH\"}");
	assert_fails(&cred_imds, CRED_NONE, "Code is missing");
	answer(ROLE, 200,
	       "{\"Code\":\"Success\",\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"HUSH\"}");
	assert_fails(&cred_imds, CRED_NONE, "no Expiration");
	/* Three tries of a second. */
	assert_in_range(slow_answer(&cred_imds, CRED_NONE, ROLE, json, HTTP_STUB_DRIP), 2900, 5000);
	assert_null(strstr(error.text, "HopLimit"));
	context.imds_token[0] = '\0';
	slow_answer(&cred_imds, CRED_NONE, PUT, "", HTTP_STUB_SILENT);
	assert_non_null(strstr(error.text, "in a container, the instance's HttpPutResponseHopLimit "
					   "must be at least 2"));
}

static void metadata_is_asked_again_after_a_fault(void **state)
{
	(void)state;
	metadata_begins();
	http_stub_set(&f.stub, (struct http_stub_route){.start = PUT, .status = 503, .times = 2});
	http_stub_set(&f.stub, (struct http_stub_route){.start = "PUT /", .body = "HUSHlate"});
	assert_id(&cred_imds, "ROLEID");
	assert_true(http_stub_saw(&f.stub, "\r\nX-aws-ec2-metadata-token: HUSHlate\r\n"));
}

static int group_setup(void **state)
{
	(void)state;
	/* A proxy of whoever runs this is not for the loopback. */
	setenv("no_proxy", "*", 1);
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -1;
}

static int group_teardown(void **state)
{
	(void)state;
	curl_global_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			web_identity_gives_the_token_of_the_file_for_credentials, setup, teardown),
		cmocka_unit_test_setup_teardown(web_identity_says_why_sts_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(web_identity_bears_bad_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(web_identity_says_what_it_lacks, setup, teardown),
		cmocka_unit_test_setup_teardown(the_agent_gets_the_token_of_the_file_each_time,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_token_of_two_lines_is_not_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(the_agent_is_asked_in_the_clear_only_on_this_host,
						setup, teardown),
		cmocka_unit_test_setup_teardown(the_agent_may_answer_badly, setup, teardown),
		cmocka_unit_test_setup_teardown(certificates_are_verified, setup, teardown),
		cmocka_unit_test_setup_teardown(metadata_is_asked_with_a_session, setup, teardown),
		cmocka_unit_test_setup_teardown(metadata_may_end_a_session, setup, teardown),
		cmocka_unit_test_setup_teardown(metadata_without_a_session_is_not_asked, setup,
						teardown),
		cmocka_unit_test_setup_teardown(metadata_may_answer_badly, setup, teardown),
		cmocka_unit_test_setup_teardown(metadata_is_asked_again_after_a_fault, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
