/* Credentials out of the environment, AWS's shared files and credential_process. */
#include "aws/cred.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/cred_fixture.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEYS(id) "aws_access_key_id = " id "\naws_secret_access_key = " CRED_FIXTURE_SECRET "\n"

static struct cred_fixture f;
static struct cred_context context;
static struct aws_credentials got;
static struct cart_error error;

static int setup(void **state)
{
	(void)state;
	cred_fixture_start(&f);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cred_fixture_stop(&f);
	return 0;
}

static enum cred_result fetch(const struct cred_provider *provider)
{
	enum cred_result result;

	assert_int_equal(cred_context_init(&context, &f.config, &error), 0);
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
}

static void assert_fails(const struct cred_provider *provider, enum cred_result result,
			 const char *said)
{
	assert_int_equal(fetch(provider), result);
	if (strstr(error.text, said) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", error.text, said);
}

static void credentials_file(const char *text)
{
	cred_fixture_set_file(&f, "AWS_SHARED_CREDENTIALS_FILE", text);
}

static void config_file(const char *text)
{
	cred_fixture_set_file(&f, "AWS_CONFIG_FILE", text);
}

/* A config file whose default profile runs this. */
static void process(const char *command)
{
	char text[1024];

	snprintf(text, sizeof(text), "[default]\ncredential_process = %s\n", command);
	config_file(text);
}

static void the_environment_has_keys(void **state)
{
	(void)state;
	cred_fixture_set(&f, "AWS_ACCESS_KEY_ID", "AKID1");
	cred_fixture_set(&f, "AWS_SECRET_ACCESS_KEY", CRED_FIXTURE_SECRET);
	assert_id(&cred_environment, "AKID1");
	assert_string_equal(got.session_token, "");
	assert_int_equal(got.expires_ms, 0);
	cred_fixture_set(&f, "AWS_SESSION_TOKEN", CRED_FIXTURE_TOKEN);
	assert_id(&cred_environment, "AKID1");
	assert_string_equal(got.session_token, CRED_FIXTURE_TOKEN);
}

static void half_an_environment_is_a_mistake(void **state)
{
	(void)state;
	assert_fails(&cred_environment, CRED_NONE, "AWS_ACCESS_KEY_ID is not set");
	cred_fixture_set(&f, "AWS_ACCESS_KEY_ID", "AKID1");
	assert_fails(&cred_environment, CRED_WRONG, "but not AWS_SECRET_ACCESS_KEY");
	cred_fixture_set(&f, "AWS_SECRET_ACCESS_KEY", "HUSH\r\nX-Forged: 1");
	assert_fails(&cred_environment, CRED_WRONG, "secret access key holds a byte");
	cred_fixture_set(&f, "AWS_SECRET_ACCESS_KEY", CRED_FIXTURE_SECRET);
	cred_fixture_set(&f, "AWS_ACCESS_KEY_ID", "");
	assert_fails(&cred_environment, CRED_WRONG, "but not AWS_ACCESS_KEY_ID");
}

static void what_is_too_long_is_refused(void **state)
{
	char secret[AWS_SECRET_MAX + 2];

	(void)state;
	memset(secret, 'x', sizeof(secret));
	secret[AWS_SECRET_MAX + 1] = '\0';
	cred_fixture_set(&f, "AWS_ACCESS_KEY_ID", "AKID1");
	cred_fixture_set(&f, "AWS_SECRET_ACCESS_KEY", secret);
	assert_fails(&cred_environment, CRED_WRONG, "longer than 128 bytes");
	secret[AWS_SECRET_MAX] = '\0';
	cred_fixture_set(&f, "AWS_SECRET_ACCESS_KEY", secret);
	assert_int_equal(fetch(&cred_environment), CRED_GOT);
	assert_string_equal(got.secret_access_key, secret);
}

static void a_profile_is_found_in_either_file(void **state)
{
	(void)state;
	config_file("[default]\n" KEYS("CONFIG") "[profile other]\n" KEYS(
		"OTHER") "[profile \"two words\"]\n" KEYS("QUOTED") "[bare]\n" KEYS("BARE"));
	assert_id(&cred_profile, "CONFIG");
	assert_string_equal(context.origin, "profile default");
	credentials_file("[default]\n" KEYS("SHARED") "[profile other]\n" KEYS("WRONG"));
	assert_id(&cred_profile, "SHARED");
	cred_fixture_set(&f, "AWS_PROFILE", "other");
	assert_id(&cred_profile, "OTHER");
	cred_fixture_set(&f, "AWS_PROFILE", "two words");
	assert_id(&cred_profile, "QUOTED");
	/* In the config file a section without the word is no profile. */
	cred_fixture_set(&f, "AWS_PROFILE", "bare");
	assert_fails(&cred_profile, CRED_WRONG, "bare is neither in ");
	/* The settings come before the environment. */
	f.config.profile = "other";
	assert_id(&cred_profile, "OTHER");
}

static void the_files_are_in_the_home_if_nobody_says_where(void **state)
{
	char folder[192];

	(void)state;
	assert_fails(&cred_profile, CRED_NONE, "/.aws/credentials nor in ");
	snprintf(folder, sizeof(folder), "mkdir %s/.aws", f.folder);
	assert_int_equal(system(folder), 0);
	cred_fixture_file(&f, ".aws/credentials", "[default]\n" KEYS("HOME"));
	assert_id(&cred_profile, "HOME");
	cred_fixture_set(&f, "HOME", "");
	assert_fails(&cred_profile, CRED_NONE, "no HOME");
}

static void files_as_people_write_them_are_read(void **state)
{
	(void)state;
	credentials_file(
		"\xef\xbb\xbf# keys\r\n\r\n; more\r\n[ default ] # mine\r\n"
		"s3 =\r\n  max_concurrent_requests = 20\r\n  aws_access_key_id = NESTED\r\n"
		"AWS_Access_Key_Id=AKID # old\r\n"
		"\taws_secret_access_key = CONTINUED\r\n"
		"aws_secret_access_key =\t" CRED_FIXTURE_SECRET "  ; its\r\n"
		"unknown = [x]\r\n[later]\r\naws_access_key_id = LATER");
	assert_id(&cred_profile, "AKID");
	/* All keys indented alike. */
	credentials_file(
		"[default]\n  aws_access_key_id = A\n  aws_secret_access_key = " CRED_FIXTURE_SECRET
		"\n    nested = 1\n  aws_access_key_id = B");
	assert_id(&cred_profile, "B");
	/* Two sections of a name are one. */
	credentials_file("[default]\naws_access_key_id = C\n[x]\n[default]\naws_secret_access_key "
			 "=" CRED_FIXTURE_SECRET "\n");
	assert_id(&cred_profile, "C");
}

static void what_is_no_such_file_is_refused_by_its_line(void **state)
{
	char text[20000] = "[default]\nkey = ";

	(void)state;
	credentials_file("[other]\nwhatever\n[default]\n\nHUSH\n");
	assert_fails(&cred_profile, CRED_WRONG, "AWS_SHARED_CREDENTIALS_FILE:5: neither");
	credentials_file("[default\n" KEYS("A"));
	assert_fails(&cred_profile, CRED_WRONG, "AWS_SHARED_CREDENTIALS_FILE:1: a section without");
	credentials_file("[default] HUSH\n" KEYS("A"));
	assert_fails(&cred_profile, CRED_WRONG, "AWS_SHARED_CREDENTIALS_FILE:1: text after");
	memset(text + strlen(text), 'x', sizeof(text) - strlen(text) - 1);
	credentials_file(text);
	assert_fails(&cred_profile, CRED_WRONG,
		     "AWS_SHARED_CREDENTIALS_FILE:2: the line is longer");
	cred_fixture_set(&f, "AWS_SHARED_CREDENTIALS_FILE", f.folder);
	assert_fails(&cred_profile, CRED_WRONG, "Is a directory");
}

static void half_a_profile_is_a_mistake(void **state)
{
	(void)state;
	/* Never an id of one file with a secret of the other. */
	config_file("[default]\naws_secret_access_key = " CRED_FIXTURE_SECRET "\n");
	credentials_file("[default]\naws_access_key_id = A\n");
	assert_fails(&cred_profile, CRED_WRONG, "but not aws_secret_access_key");
	credentials_file("[default]\naws_access_key_id = A\naws_secret_access_key =\n");
	assert_fails(&cred_profile, CRED_WRONG, "the secret access key is empty");
	credentials_file("");
	assert_fails(&cred_profile, CRED_WRONG, "but not aws_access_key_id");
}

static void a_profile_that_wants_what_is_not_supported_says_so(void **state)
{
	(void)state;
	config_file("[default]\nregion = eu-west-1\nrole_arn = arn:aws:iam::1:role/x\n"
		    "source_profile = y\n");
	assert_fails(&cred_profile, CRED_WRONG,
		     "role_arn, which is not supported: name another profile that "
		     "has credential_process = aws configure export-credentials --profile default "
		     "--format "
		     "process");
	/* Its keys are not what AWS's SDKs would use: they would ask for the role with them. */
	credentials_file("[default]\naws_access_key_id = A\naws_secret_access_key = HUSH\n");
	assert_fails(&cred_profile, CRED_WRONG,
		     "role_arn, which is not supported: name another profile that "
		     "has credential_process = aws configure export-credentials --profile default "
		     "--format "
		     "process");
	credentials_file("");
	config_file("[default]\ncredential_process = true\nrole_arn = arn:aws:iam::1:role/x\n");
	assert_fails(&cred_profile, CRED_WRONG,
		     "role_arn, which is not supported: name another profile that "
		     "has credential_process = aws configure export-credentials --profile default "
		     "--format "
		     "process");
	config_file("[default]\nsso_session = x\n");
	assert_fails(&cred_profile, CRED_WRONG, "sso_session, which is not supported");
	config_file("[profile sso]\nlogin_session = x\n");
	f.config.profile = "sso";
	assert_fails(&cred_profile, CRED_WRONG,
		     "sso has login_session, which is not supported: name another profile that has "
		     "credential_process = aws configure export-credentials --profile sso --format "
		     "process");
	f.config.profile = "";
	/* For its region alone: the next source is asked. */
	config_file("[profile home]\nregion = eu-west-1\n");
	cred_fixture_set(&f, "AWS_PROFILE", "home");
	assert_fails(&cred_profile, CRED_NONE, "neither keys nor a credential_process");
}

static void a_process_says_credentials(void **state)
{
	char *json = cred_fixture_json("PROCESS", "SessionToken", "\"Version\":1,", 3600000);
	char command[200];

	(void)state;
	snprintf(command, sizeof(command), "cat %s ; echo HUSH >&2",
		 cred_fixture_file(&f, "out", json));
	process(command);
	assert_id(&cred_profile, "PROCESS");
	assert_string_equal(got.session_token, CRED_FIXTURE_TOKEN);
	assert_in_range(got.expires_ms, clock_wall_ms(&cart_clock_system) + 3590000,
			clock_wall_ms(&cart_clock_system) + 3600000);
	assert_string_equal(context.origin, "credential_process of profile default");
	free(json);
	process("echo "
		"'{\"Version\":1,\"AccessKeyId\":\"B\",\"SecretAccessKey\":\"" CRED_FIXTURE_SECRET
		"\"}'");
	assert_id(&cred_profile, "B");
	assert_int_equal(got.expires_ms, 0);
	/* Keys come before it. */
	credentials_file("[default]\n" KEYS("STATIC"));
	assert_id(&cred_profile, "STATIC");
}

static void a_process_that_fails_is_one_line(void **state)
{
	(void)state;
	process("echo HUSH; exit 3");
	assert_fails(&cred_profile, CRED_FAILED, "ended with status 3");
	process("kill -9 $$");
	assert_fails(&cred_profile, CRED_FAILED, "ended by signal 9");
	process("/nonexistent/HUSH");
	assert_fails(&cred_profile, CRED_FAILED, "ended with status 127");
	process("echo '{\"Version\":2,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"HUSH\"}'");
	assert_fails(&cred_profile, CRED_FAILED, "a Version other than 1");
	process("echo '{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"HUSH\"}'");
	assert_fails(&cred_profile, CRED_FAILED, "a Version other than 1");
	process("echo '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"HUSH'");
	assert_fails(&cred_profile, CRED_FAILED, "no JSON");
	process("echo '[1]'");
	assert_fails(&cred_profile, CRED_FAILED, "no JSON object");
	process("echo '{\"Version\":1,\"SecretAccessKey\":\"HUSH\"}'");
	assert_fails(&cred_profile, CRED_FAILED, "no AccessKeyId");
	process("echo '{\"Version\":1,\"AccessKeyId\":1,\"SecretAccessKey\":\"HUSH\"}'");
	assert_fails(&cred_profile, CRED_FAILED, "AccessKeyId is no string");
	process("echo '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"HUSH\","
		"\"Expiration\":\"HUSH\"}'");
	assert_fails(&cred_profile, CRED_FAILED, "no RFC 3339 time");
	process("yes HUSH");
	assert_fails(&cred_profile, CRED_FAILED, "more than 65536 bytes");
}

/* The group's, or the zombie that nobody waits for here. */
static bool has_ended(pid_t pid)
{
	char path[192], text[256] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return true;
	if (fgets(text, sizeof(text), file) == NULL)
		text[0] = '\0';
	fclose(file);
	return text[0] == '\0' || strstr(text, ") Z") != NULL;
}

static void a_process_that_takes_too_long_is_ended_with_its_children(void **state)
{
	char command[200], text[64] = "";
	FILE *file;
	long child;

	(void)state;
	snprintf(command, sizeof(command), "sleep 100 & echo $! >%s/child; wait", f.folder);
	assert_int_equal(cred_context_init(&context, &f.config, &error), 0);
	context.process_limit_ms = 300;
	assert_int_equal(cred_process_fetch(&context, command, &got, &error), CRED_FAILED);
	assert_string_equal(error.text, "credential_process has not ended within 300 ms");
	snprintf(command, sizeof(command), "%s/child", f.folder);
	file = fopen(command, "re");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	child = strtol(text, NULL, 10);
	assert_true(child > 1);
	for (int i = 0; i < 200 && !has_ended((pid_t)child); i++)
		poll(NULL, 0, 10);
	assert_true(has_ended((pid_t)child));
	/* One that has closed its output, and goes on. */
	assert_int_equal(cred_process_fetch(&context, "exec >&-; sleep 100", &got, &error),
			 CRED_FAILED);
	assert_string_equal(error.text, "credential_process has not ended within 300 ms");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_environment_has_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(half_an_environment_is_a_mistake, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_too_long_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_profile_is_found_in_either_file, setup, teardown),
		cmocka_unit_test_setup_teardown(the_files_are_in_the_home_if_nobody_says_where,
						setup, teardown),
		cmocka_unit_test_setup_teardown(files_as_people_write_them_are_read, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_no_such_file_is_refused_by_its_line, setup,
						teardown),
		cmocka_unit_test_setup_teardown(half_a_profile_is_a_mistake, setup, teardown),
		cmocka_unit_test_setup_teardown(a_profile_that_wants_what_is_not_supported_says_so,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_process_says_credentials, setup, teardown),
		cmocka_unit_test_setup_teardown(a_process_that_fails_is_one_line, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_process_that_takes_too_long_is_ended_with_its_children, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
