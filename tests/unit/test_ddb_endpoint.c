/* Region, endpoint and authorities, as AWS's SDKs find them; and what is refused by name. Nothing
 * here connects to anything. */
#include "aws/endpoint.h"
#include "aws/cred.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/cred_fixture.h"

#include <stdio.h>
#include <string.h>

#define PROFILE "[profile test]\nregion = eu-west-3\n"

static struct cred_fixture f;
static struct aws_endpoint_config config;
static struct aws_endpoint got;
static struct cart_error error;

static int setup(void **state)
{
	(void)state;
	cred_fixture_start(&f);
	config = (struct aws_endpoint_config){
		.credentials = &f.config, .region = "eu-central-1", .endpoint = "", .ca = ""};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cred_fixture_stop(&f);
	return 0;
}

static void set(const char *name, const char *value)
{
	cred_fixture_set(&f, name, value);
}

static void config_file(const char *text)
{
	cred_fixture_set_file(&f, "AWS_CONFIG_FILE", text);
}

static void assert_url(const char *url)
{
	if (aws_endpoint_find(&got, &config, &error) != 0)
		fail_msg("%s", error.text);
	assert_string_equal(got.url, url);
}

static void assert_region(const char *region)
{
	if (aws_endpoint_find(&got, &config, &error) != 0)
		fail_msg("%s", error.text);
	assert_string_equal(got.region, region);
}

static void assert_refused(const char *said)
{
	error.text[0] = '\0';
	if (aws_endpoint_find(&got, &config, &error) == 0)
		fail_msg("not refused: %s", got.url);
	if (strstr(error.text, said) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", error.text, said);
}

static void a_scheme_a_host_and_maybe_a_port_are_taken(void **state)
{
	static const char *const good[] = {"http://127.0.0.1:8000", "http://localhost",
					   "https://dynamodb.eu-west-1.amazonaws.com",
					   "https://vpce-1.example:443", "http://[::1]:8000"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (aws_endpoint_check(good[i], &error) != 0)
			fail_msg("%s", error.text);
}

static void others_are_refused_with_what_to_write(void **state)
{
	static const char *const bad[] = {"",
					  "127.0.0.1:8000",
					  "http:/127.0.0.1:8000",
					  "http:///127.0.0.1",
					  "HTTPS://h.example",
					  "http:127.0.0.1",
					  "ftp://h.example",
					  "http://h:99999",
					  "http://",
					  "http://a b"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		error.text[0] = '\0';
		if (aws_endpoint_check(bad[i], &error) == 0)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_non_null(strstr(error.text, "write http://HOST[:PORT]"));
	}
}

static void more_than_a_host_and_a_port_is_refused(void **state)
{
	static const char *const bad[] = {"http://h/path", "http://h?a", "http://h#a",
					  "http://u:p@h"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(aws_endpoint_check(bad[i], &error), -1);
		assert_non_null(strstr(error.text, "more than a host and a port"));
	}
}

static void the_region_is_found(void **state)
{
	(void)state;
	config.region = "";
	assert_refused("no region: set dynamodb.region");
	config_file("[default]\nregion = eu-west-3\n[profile x]\nregion = eu-north-1\n");
	assert_region("eu-west-3");
	f.config.profile = "x";
	assert_region("eu-north-1");
	set("AWS_DEFAULT_REGION", "us-east-2");
	assert_region("us-east-2");
	set("AWS_REGION", "us-east-1");
	assert_region("us-east-1");
	set("AWS_REGION", "Frankfurt");
	assert_refused("AWS_REGION: \"Frankfurt\" is not a region's name");
	set("AWS_REGION", "us-gov-west-1-fips");
	assert_refused("name the region itself and set AWS_USE_FIPS_ENDPOINT=true");
	config.region =
		"a-region-with-a-name-that-is-longer-than-any-that-aws-has-thought-of-yet-1";
	assert_refused("dynamodb.region is longer than 63 characters");
}

/* As the endpoint rules say that AWS publishes in its SDKs. */
static void each_partition_has_its_own_names(void **state)
{
	static const struct {
		const char *region, *plain, *fips, *dual_stack, *both;
	} partitions[] = {
		{"eu-west-1", "dynamodb.eu-west-1.amazonaws.com",
		 "dynamodb-fips.eu-west-1.amazonaws.com", "dynamodb.eu-west-1.api.aws",
		 "dynamodb-fips.eu-west-1.api.aws"},
		{"cn-north-1", "dynamodb.cn-north-1.amazonaws.com.cn",
		 "dynamodb-fips.cn-north-1.amazonaws.com.cn",
		 "dynamodb.cn-north-1.api.amazonwebservices.com.cn",
		 "dynamodb-fips.cn-north-1.api.amazonwebservices.com.cn"},
		{"us-gov-west-1", "dynamodb.us-gov-west-1.amazonaws.com",
		 "dynamodb.us-gov-west-1.amazonaws.com", "dynamodb.us-gov-west-1.api.aws",
		 "dynamodb-fips.us-gov-west-1.api.aws"},
		{"eusc-de-east-1", "dynamodb.eusc-de-east-1.amazonaws.eu",
		 "dynamodb-fips.eusc-de-east-1.amazonaws.eu",
		 "dynamodb.eusc-de-east-1.api.amazonwebservices.eu",
		 "dynamodb-fips.eusc-de-east-1.api.amazonwebservices.eu"},
		{"us-iso-east-1", "dynamodb.us-iso-east-1.c2s.ic.gov",
		 "dynamodb-fips.us-iso-east-1.c2s.ic.gov", "dynamodb.us-iso-east-1.api.aws.ic.gov",
		 "dynamodb-fips.us-iso-east-1.api.aws.ic.gov"},
		{"us-isob-east-1", "dynamodb.us-isob-east-1.sc2s.sgov.gov",
		 "dynamodb-fips.us-isob-east-1.sc2s.sgov.gov",
		 "dynamodb.us-isob-east-1.api.aws.scloud",
		 "dynamodb-fips.us-isob-east-1.api.aws.scloud"},
		{"us-isof-south-1", "dynamodb.us-isof-south-1.csp.hci.ic.gov",
		 "dynamodb-fips.us-isof-south-1.csp.hci.ic.gov",
		 "dynamodb.us-isof-south-1.api.aws.hci.ic.gov",
		 "dynamodb-fips.us-isof-south-1.api.aws.hci.ic.gov"},
		{"eu-isoe-west-1", "dynamodb.eu-isoe-west-1.cloud.adc-e.uk",
		 "dynamodb-fips.eu-isoe-west-1.cloud.adc-e.uk",
		 "dynamodb.eu-isoe-west-1.api.cloud-aws.adc-e.uk",
		 "dynamodb-fips.eu-isoe-west-1.api.cloud-aws.adc-e.uk"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(partitions) / sizeof(partitions[0]); i++) {
		const char *const wanted[] = {partitions[i].plain, partitions[i].fips,
					      partitions[i].dual_stack, partitions[i].both};
		char url[AWS_ENDPOINT_ROOM];

		config.region = partitions[i].region;
		for (int which = 0; which < 4; which++) {
			set("AWS_USE_FIPS_ENDPOINT", (which & 1) != 0 ? "True" : "");
			set("AWS_USE_DUALSTACK_ENDPOINT", (which & 2) != 0 ? "true" : "false");
			snprintf(url, sizeof(url), "https://%s", wanted[which]);
			assert_url(url);
			assert_true(aws_endpoint_is_aws(got.url));
		}
	}
}

static void the_profile_asks_for_fips_and_dual_stack_too(void **state)
{
	(void)state;
	config_file("[default]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\n");
	assert_url("https://dynamodb-fips.eu-central-1.api.aws");
	set("AWS_USE_FIPS_ENDPOINT", "false");
	assert_url("https://dynamodb.eu-central-1.api.aws");
	set("AWS_USE_DUALSTACK_ENDPOINT", "yes");
	assert_refused("AWS_USE_DUALSTACK_ENDPOINT: \"yes\" is neither true nor false");
	set("AWS_USE_DUALSTACK_ENDPOINT", "");
	config.endpoint = "http://localhost:8000";
	assert_refused(
		"dynamodb.endpoint names an endpoint, but AWS_USE_DUALSTACK_ENDPOINT (or the "
		"profile's use_dualstack_endpoint) is true: unset one of them");
	set("AWS_USE_FIPS_ENDPOINT", "true");
	assert_refused("dynamodb.endpoint names an endpoint, but AWS_USE_FIPS_ENDPOINT");
	config.endpoint = "";
	config.region = "local";
	assert_refused("the region local has no FIPS");
}

static void the_region_local_is_a_server_on_this_machine(void **state)
{
	(void)state;
	config.region = "local";
	assert_url("http://localhost:8000");
	assert_false(aws_endpoint_is_aws(got.url));
}

/* The order of SDKs: the service's variable, the general one, the profile's services, its own. */
static void the_endpoint_is_searched_as_sdks_do(void **state)
{
	(void)state;
	config_file(PROFILE
		    "endpoint_url = http://profile.example:1/\nservices = mine\n"
		    "[services other]\ndynamodb =\n  endpoint_url = http://wrong.example\n"
		    "[services mine]\ns3 =\n  endpoint_url = http://s3.example\n"
		    "dynamodb = \n  # of the team\n  endpoint_url = http://services.example\n"
		    "sts =\n  endpoint_url = http://sts.example/path\n[default]\n");
	set("AWS_PROFILE", "test");
	set("AWS_ENDPOINT_URL_DYNAMODB", "http://own.example");
	set("AWS_ENDPOINT_URL", "http://all.example");
	config.endpoint = "http://setting.example";
	assert_url("http://setting.example");
	config.endpoint = "";
	assert_url("http://own.example");
	set("AWS_ENDPOINT_URL_DYNAMODB", "");
	assert_url("http://all.example");
	set("AWS_ENDPOINT_URL", "");
	assert_url("http://services.example");
	config_file(PROFILE "endpoint_url = http://profile.example:1/\nservices = mine\n"
			    "[services \"mine\"]\ns3 =\n  endpoint_url = http://s3.example\n");
	assert_url("http://profile.example:1");
	/* Of another profile: not ours. */
	set("AWS_PROFILE", "");
	assert_url("https://dynamodb.eu-central-1.amazonaws.com");
	f.config.profile = "test";
	assert_url("http://profile.example:1");
	/* The other file has the same keys, and comes first. */
	cred_fixture_set_file(&f, "AWS_SHARED_CREDENTIALS_FILE",
			      "[test]\nendpoint_url = http://credentials.example\n");
	assert_url("http://credentials.example");
}

static void an_endpoint_that_cannot_be_used_is_refused_by_name(void **state)
{
	(void)state;
	set("AWS_PROFILE", "test");
	config_file(PROFILE "services = gone\n");
	assert_refused(
		"profile test wants services = gone, but there is no section [services gone]");
	config_file(PROFILE "endpoint_url = localhost:8000\n");
	assert_refused("endpoint_url of profile test: \"localhost:8000\" is not a URL");
	config_file(PROFILE "services = mine\n[services mine]\ndynamodb =\n"
			    "  endpoint_url = http://h/path\n");
	assert_refused("services of profile test: \"http://h/path\" has more than a host");
	config_file(PROFILE "account_id_endpoint_mode = required\n");
	assert_refused("account_id_endpoint_mode of profile test is required, but endpoints of an "
		       "account are not supported");
	set("AWS_ACCOUNT_ID_ENDPOINT_MODE", "preferred");
	assert_url("https://dynamodb.eu-central-1.amazonaws.com");
}

/* AWS's SDKs skip such lines, and call the real AWS. */
static void an_endpoint_url_at_the_wrong_place_is_refused(void **state)
{
	static const char *const files[] = {
		PROFILE "dynamodb =\n  endpoint_url = http://h\n",
		PROFILE "output = json\n  endpoint_url = http://h\n",
		PROFILE "services = mine\n[services mine]\ndynamodb =\nendpoint_url = http://h\n",
		PROFILE "services = mine\n[services mine]\ndynamodb = endpoint_url = http://h\n"};

	(void)state;
	set("AWS_PROFILE", "test");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		config_file(files[i]);
		assert_refused(": an endpoint_url that is not read: it belongs in the profile");
	}
	/* Of another service, or of another profile. */
	config_file(PROFILE "s3 =\n  endpoint_url = http://h\n  addressing_style = path\n"
			    "[profile other]\ndynamodb =\n  endpoint_url = http://h\n");
	assert_url("https://dynamodb.eu-central-1.amazonaws.com");
}

static void configured_endpoints_are_ignored_where_that_is_asked(void **state)
{
	(void)state;
	config_file(PROFILE "endpoint_url = http://profile.example\nservices = mine\n"
			    "ignore_configured_endpoint_urls = true\n");
	set("AWS_PROFILE", "test");
	set("AWS_ENDPOINT_URL", "http://all.example");
	assert_url("https://dynamodb.eu-central-1.amazonaws.com");
	config.endpoint = "http://setting.example";
	assert_url("http://setting.example");
	config.endpoint = "";
	set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false");
	assert_url("http://all.example");
	set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "TRUE");
	assert_url("https://dynamodb.eu-central-1.amazonaws.com");
	set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "1");
	assert_refused("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: \"1\" is neither true nor false");
}

/* Its keys, region and server are not those of any other profile. */
static void a_profile_that_is_in_no_file_is_refused_whatever_else_is_set(void **state)
{
	static const char *const variables[] = {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"};
	char said[100];

	(void)state;
	config_file("[default]\nregion = eu-west-3\n[test]\nregion = eu-west-3\n");
	set("AWS_ACCESS_KEY_ID", "AKID");
	set("AWS_SECRET_ACCESS_KEY", CRED_FIXTURE_SECRET);
	config.endpoint = "http://setting.example";
	for (int i = 0; i < 2; i++) {
		set(variables[i], "test");
		snprintf(said, sizeof(said), "%s: profile test is neither in /", variables[i]);
		assert_refused(said);
		set(variables[i], "");
	}
	f.config.profile = "other";
	assert_refused("dynamodb.profile: profile other is neither in /");
	f.config.profile = "default";
	assert_url("http://setting.example");
}

static void the_authorities_are_found(void **state)
{
	char first[200], second[200];

	(void)state;
	assert_url("https://dynamodb.eu-central-1.amazonaws.com");
	assert_string_equal(got.ca, "");
	snprintf(first, sizeof(first), "[default]\nca_bundle = %s\n",
		 cred_fixture_file(&f, "profile.pem", ""));
	config_file(first);
	assert_region("eu-central-1");
	assert_non_null(strstr(got.ca, "/profile.pem"));
	cred_fixture_set_file(&f, "AWS_CA_BUNDLE", "");
	assert_region("eu-central-1");
	assert_non_null(strstr(got.ca, "/AWS_CA_BUNDLE"));
	snprintf(second, sizeof(second), "%s", cred_fixture_file(&f, "setting.pem", ""));
	config.ca = second;
	assert_region("eu-central-1");
	assert_string_equal(got.ca, second);
	config.ca = "/nonexistent/setting.pem";
	assert_refused("dynamodb.tls_ca: /nonexistent/setting.pem: No such file");
	config.ca = "";
	set("AWS_CA_BUNDLE", "/nonexistent/bundle.pem");
	assert_refused("AWS_CA_BUNDLE: /nonexistent/bundle.pem: No such file");
	set("AWS_CA_BUNDLE", "");
	config_file("[default]\nca_bundle = /nonexistent/profile.pem\n");
	assert_refused("ca_bundle of profile default: /nonexistent/profile.pem: No such file");
}

static void assert_sts(const char *region, const char *url)
{
	struct cred_context context;

	f.config.region = region;
	assert_int_equal(cred_context_init(&context, &f.config, &error), 0);
	if (aws_endpoint_find_sts(&got, &context, &error) != 0)
		fail_msg("%s", error.text);
	assert_string_equal(got.url, url);
}

static void sts_is_found_in_the_same_way(void **state)
{
	(void)state;
	assert_sts("eu-west-1", "https://sts.eu-west-1.amazonaws.com");
	assert_sts("cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn");
	assert_sts("eusc-de-east-1", "https://sts.eusc-de-east-1.amazonaws.eu");
	set("AWS_USE_FIPS_ENDPOINT", "true");
	assert_sts("us-east-1", "https://sts-fips.us-east-1.amazonaws.com");
	assert_sts("us-gov-east-1", "https://sts.us-gov-east-1.amazonaws.com");
	set("AWS_USE_FIPS_ENDPOINT", "");
	set("AWS_PROFILE", "test");
	config_file(PROFILE "services = mine\n[services mine]\nsts =\n"
			    "  endpoint_url = http://sts.example/path/\n");
	assert_sts("eu-west-1", "http://sts.example/path");
	set("AWS_ENDPOINT_URL", "http://all.example");
	assert_sts("eu-west-1", "http://all.example");
	set("AWS_ENDPOINT_URL_STS", "http://own.example");
	assert_sts("eu-west-1", "http://own.example");
}

static void hosts_of_aws_are_known(void **state)
{
	static const char *const ours[] = {
		"https://dynamodb.eu-west-1.amazonaws.com",
		"https://DynamoDB.eu-west-1.API.AWS",
		"https://vpce-1.dynamodb.cn-north-1.amazonaws.com.cn:443",
		"https://123456789012.ddb.eu-west-1.amazonaws.com",
		"https://dynamodb.eu-west-1.amazonaws.com.:443",
		"https://dynamodb.eusc-de-east-1.amazonaws.eu"};
	static const char *const others[] = {
		"http://localhost:8000", "http://amazonaws.com.localhost:8000",
		"http://notamazonaws.com", "http://amazonaws.eu.example", "http://[::1]:8000"};

	(void)state;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (!aws_endpoint_is_aws(ours[i]))
			fail_msg("%s", ours[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (aws_endpoint_is_aws(others[i]))
			fail_msg("%s", others[i]);
}

/* Hosts of S3 have their words in another order. */
static void s3_is_found_by_its_own_names(void **state)
{
	(void)state;
	f.config.service = &aws_s3;
	assert_url("https://s3.eu-central-1.amazonaws.com");
	assert_false(got.named);
	set("AWS_USE_FIPS_ENDPOINT", "true");
	assert_url("https://s3-fips.eu-central-1.amazonaws.com");
	set("AWS_USE_DUALSTACK_ENDPOINT", "true");
	assert_url("https://s3-fips.dualstack.eu-central-1.amazonaws.com");
	set("AWS_USE_FIPS_ENDPOINT", "false");
	assert_url("https://s3.dualstack.eu-central-1.amazonaws.com");
	config.region = "cn-north-1";
	set("AWS_USE_DUALSTACK_ENDPOINT", "false");
	assert_url("https://s3.cn-north-1.amazonaws.com.cn");
	set("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1");
	set("AWS_ENDPOINT_URL", "http://127.0.0.1:2");
	assert_url("http://127.0.0.1:2");
	assert_true(got.named);
	set("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:3");
	assert_url("http://127.0.0.1:3");
	config.endpoint = "127.0.0.1";
	assert_refused("s3.endpoint: \"127.0.0.1\" is not a URL");
	config.region = "";
	assert_refused("no region: set s3.region, AWS_REGION");
	f.config.profile = "nobody";
	assert_refused("s3.profile: profile nobody is neither in");
	f.config.service = &aws_dynamodb;
	assert_refused("dynamodb.profile: profile nobody is neither in");
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scheme_a_host_and_maybe_a_port_are_taken),
		cmocka_unit_test(others_are_refused_with_what_to_write),
		cmocka_unit_test(more_than_a_host_and_a_port_is_refused),
		TEST(the_region_is_found),
		TEST(each_partition_has_its_own_names),
		TEST(the_profile_asks_for_fips_and_dual_stack_too),
		TEST(the_region_local_is_a_server_on_this_machine),
		TEST(the_endpoint_is_searched_as_sdks_do),
		TEST(an_endpoint_that_cannot_be_used_is_refused_by_name),
		TEST(an_endpoint_url_at_the_wrong_place_is_refused),
		TEST(configured_endpoints_are_ignored_where_that_is_asked),
		TEST(a_profile_that_is_in_no_file_is_refused_whatever_else_is_set),
		TEST(the_authorities_are_found),
		TEST(sts_is_found_in_the_same_way),
		TEST(s3_is_found_by_its_own_names),
		cmocka_unit_test(hosts_of_aws_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
