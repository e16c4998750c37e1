#include "aws/endpoint.h"

#include "aws/cred.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define ENDPOINT_NAME_ROOM (CRED_NAME_MAX + 64)

const struct aws_service aws_dynamodb = {"dynamodb", "AWS_ENDPOINT_URL_DYNAMODB"};
const struct aws_service aws_s3 = {"s3", "AWS_ENDPOINT_URL_S3"};
static const struct aws_service endpoint_sts = {"sts", "AWS_ENDPOINT_URL_STS"};

/* AWS's partitions, by the names of their regions; the last has all others. */
static const struct endpoint_partition {
	const char *regions, *suffix, *dual_stack_suffix;
	bool plain_fips; /* the plain endpoint is the FIPS one */
} endpoint_partitions[] = {
	{"cn-", ".amazonaws.com.cn", ".api.amazonwebservices.com.cn", false},
	{"eusc-", ".amazonaws.eu", ".api.amazonwebservices.eu", false},
	{"us-gov-", ".amazonaws.com", ".api.aws", true},
	{"us-iso-", ".c2s.ic.gov", ".api.aws.ic.gov", false},
	{"us-isob-", ".sc2s.sgov.gov", ".api.aws.scloud", false},
	{"us-isof-", ".csp.hci.ic.gov", ".api.aws.hci.ic.gov", false},
	{"eu-isoe-", ".cloud.adc-e.uk", ".api.cloud-aws.adc-e.uk", false},
	{"", ".amazonaws.com", ".api.aws", false},
};

#define ENDPOINT_PARTITIONS (sizeof(endpoint_partitions) / sizeof(endpoint_partitions[0]))

/* The places where one service's endpoint is searched. */
struct endpoint_search {
	const struct cred_context *context;
	struct cred_files files;
	const struct aws_service *service;
	bool takes_path;		   /* its URL may have one */
	char named_by[ENDPOINT_NAME_ROOM]; /* what the last value came from, for errors */
	struct cart_error *error;
};

/* Notes that a value is the setting "dynamodb.region", or its like. */
static void endpoint_name_setting(struct endpoint_search *search, const char *name)
{
	snprintf(search->named_by, sizeof(search->named_by), "%s.%s",
		 search->context->service->name, name);
}

/* The setting ("": not set; NULL: there is none), else the variable, else the key of the profile.
 * NULL: none of them. */
static const char *endpoint_value(struct endpoint_search *search, const char *setting,
				  const char *setting_name, const char *variable, enum cred_key key)
{
	const char *value;

	if (setting != NULL && *setting != '\0') {
		endpoint_name_setting(search, setting_name);
		return setting;
	}
	value = cred_env(search->context, variable);
	if (value != NULL) {
		snprintf(search->named_by, sizeof(search->named_by), "%s", variable);
		return value;
	}
	snprintf(search->named_by, sizeof(search->named_by), "%s of profile %s",
		 cred_key_names[key], search->files.profile);
	return cred_files_value(&search->files, key);
}

static int endpoint_flag(struct endpoint_search *search, const char *variable, enum cred_key key,
			 bool *flag)
{
	const char *value = endpoint_value(search, NULL, NULL, variable, key);

	*flag = value != NULL && strcasecmp(value, "true") == 0;
	if (value == NULL || *flag || strcasecmp(value, "false") == 0)
		return 0;
	return cart_error_set(search->error, "%s: \"%.100s\" is neither true nor false",
			      search->named_by, value);
}

static int endpoint_copy(struct endpoint_search *search, char *to, size_t room, const char *value)
{
	size_t len = strlen(value);

	if (len >= room)
		return cart_error_set(search->error, "%s is longer than %zu characters",
				      search->named_by, room - 1);
	memcpy(to, value, len + 1);
	return 0;
}

static int endpoint_find_region(struct endpoint_search *search, const char *setting, char *region)
{
	bool first = cred_env(search->context, "AWS_REGION") != NULL;
	const char *found =
		endpoint_value(search, setting, "region",
			       first ? "AWS_REGION" : "AWS_DEFAULT_REGION", CRED_KEY_REGION);
	size_t len;

	if (found == NULL)
		return cart_error_set(search->error,
				      "no region: set %s.region, AWS_REGION or the "
				      "profile's (with a local server any will do)",
				      search->context->service->name);
	if (endpoint_copy(search, region, AWS_REGION_ROOM, found) != 0)
		return -1;
	len = strlen(region);
	if (region[strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
		return cart_error_set(search->error, "%s: \"%s\" is not a region's name",
				      search->named_by, region);
	/* Old SDKs had such names; requests are signed for the region itself. */
	if (strncmp(region, "fips-", 5) == 0 || (len > 5 && strcmp(region + len - 5, "-fips") == 0))
		return cart_error_set(search->error,
				      "%s: \"%s\" is not a region's name: name the region itself "
				      "and set AWS_USE_FIPS_ENDPOINT=true",
				      search->named_by, region);
	return 0;
}

/* *url: what variables and profile configure; NULL: nothing. */
static int endpoint_configured(struct endpoint_search *search, const char **url)
{
	const char *const variables[] = {search->service->variable, "AWS_ENDPOINT_URL"};
	bool ignored;

	if (endpoint_flag(search, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", CRED_KEY_IGNORE_ENDPOINTS,
			  &ignored) != 0)
		return -1;
	if (ignored)
		return 0;
	for (int i = 0; i < 2 && *url == NULL; i++) {
		*url = cred_env(search->context, variables[i]);
		snprintf(search->named_by, sizeof(search->named_by), "%s", variables[i]);
	}
	if (*url != NULL)
		return 0;
	snprintf(search->named_by, sizeof(search->named_by), "services of profile %s",
		 search->files.profile);
	if (cred_files_service_url(&search->files, search->service->name, url, search->error) != 0)
		return -1;
	if (*url == NULL)
		*url = endpoint_value(search, NULL, NULL, "AWS_ENDPOINT_URL", CRED_KEY_ENDPOINT);
	return 0;
}

static const struct endpoint_partition *endpoint_partition_of(const char *region)
{
	size_t i = 0;

	while (strncmp(region, endpoint_partitions[i].regions,
		       strlen(endpoint_partitions[i].regions)) != 0)
		i++;
	return &endpoint_partitions[i];
}

/* AWS's own, of the region. */
static int endpoint_of_region(struct endpoint_search *search, struct aws_endpoint *endpoint,
			      bool fips, bool dual_stack)
{
	const struct endpoint_partition *partition = endpoint_partition_of(endpoint->region);
	bool marked = fips && (!partition->plain_fips || dual_stack);

	/* This name is DynamoDB's for a server on the same machine. */
	if (strcmp(endpoint->region, "local") == 0 && search->service == &aws_dynamodb) {
		if (fips || dual_stack)
			return cart_error_set(
				search->error,
				"the region local has no FIPS or dual-stack endpoint: "
				"unset AWS_USE_FIPS_ENDPOINT, "
				"AWS_USE_DUALSTACK_ENDPOINT or the profile's keys");
		snprintf(endpoint->url, sizeof(endpoint->url), "http://localhost:8000");
		return 0;
	}
	if (search->service == &aws_s3) {
		snprintf(endpoint->url, sizeof(endpoint->url), "https://s3%s%s.%s%s",
			 fips ? "-fips" : "", dual_stack ? ".dualstack" : "", endpoint->region,
			 partition->suffix);
		return 0;
	}
	snprintf(endpoint->url, sizeof(endpoint->url), "https://%s%s.%s%s", search->service->name,
		 marked ? "-fips" : "", endpoint->region,
		 dual_stack ? partition->dual_stack_suffix : partition->suffix);
	return 0;
}

/* One that somebody has named is used as it is; a wish for another one contradicts it. */
static int endpoint_take(struct endpoint_search *search, struct aws_endpoint *endpoint,
			 const char *url, bool fips, bool dual_stack)
{
	struct cart_error why;
	size_t len;

	endpoint->named = true;
	if (fips || dual_stack)
		return cart_error_set(search->error,
				      "%s names an endpoint, but %s (or the profile's %s) is true: "
				      "unset one of them",
				      search->named_by,
				      fips ? "AWS_USE_FIPS_ENDPOINT" : "AWS_USE_DUALSTACK_ENDPOINT",
				      cred_key_names[fips ? CRED_KEY_FIPS : CRED_KEY_DUAL_STACK]);
	if (endpoint_copy(search, endpoint->url, sizeof(endpoint->url), url) != 0)
		return -1;
	len = strlen(endpoint->url);
	if (len > 0 && endpoint->url[len - 1] == '/')
		endpoint->url[len - 1] = '\0';
	if (!search->takes_path && aws_endpoint_check(endpoint->url, &why) != 0)
		return cart_error_set(search->error, "%s: %.300s", search->named_by, why.text);
	return 0;
}

static int endpoint_find_url(struct endpoint_search *search, struct aws_endpoint *endpoint,
			     const char *setting)
{
	const char *url = *setting != '\0' ? setting : NULL;
	bool fips, dual_stack;

	if (endpoint_flag(search, "AWS_USE_FIPS_ENDPOINT", CRED_KEY_FIPS, &fips) != 0 ||
	    endpoint_flag(search, "AWS_USE_DUALSTACK_ENDPOINT", CRED_KEY_DUAL_STACK, &dual_stack) !=
		    0)
		return -1;
	endpoint_name_setting(search, "endpoint");
	if (url == NULL && endpoint_configured(search, &url) != 0)
		return -1;
	return url != NULL ? endpoint_take(search, endpoint, url, fips, dual_stack)
			   : endpoint_of_region(search, endpoint, fips, dual_stack);
}

/* libcurl would report a missing file at each connection, as if the server were away. */
static int endpoint_find_ca(struct endpoint_search *search, struct aws_endpoint *endpoint,
			    const char *setting)
{
	const char *found = endpoint_value(search, setting, "tls_ca", "AWS_CA_BUNDLE", CRED_KEY_CA);

	if (found == NULL)
		return 0;
	if (endpoint_copy(search, endpoint->ca, sizeof(endpoint->ca), found) != 0)
		return -1;
	if (access(found, R_OK) != 0)
		return cart_error_set(search->error, "%s: %.300s: %s", search->named_by, found,
				      strerror(errno));
	return 0;
}

/* SDKs have endpoints of an account too, and then refuse all others if that is wanted. */
static int endpoint_check_account_mode(struct endpoint_search *search)
{
	const char *mode = endpoint_value(search, NULL, NULL, "AWS_ACCOUNT_ID_ENDPOINT_MODE",
					  CRED_KEY_ACCOUNT_MODE);

	if (mode == NULL || strcasecmp(mode, "required") != 0)
		return 0;
	return cart_error_set(search->error,
			      "%s is required, but endpoints of an account are not supported: set "
			      "it to preferred or disabled",
			      search->named_by);
}

static int endpoint_search(struct endpoint_search *search, const struct aws_endpoint_config *config,
			   struct aws_endpoint *endpoint)
{
	int result = cred_files_open(search->context, &search->files, search->error);

	*endpoint = (struct aws_endpoint){.region = ""};
	if (result == 0 && endpoint_check_account_mode(search) == 0 &&
	    endpoint_find_region(search, config->region, endpoint->region) == 0 &&
	    endpoint_find_url(search, endpoint, config->endpoint) == 0)
		result = endpoint_find_ca(search, endpoint, config->ca);
	else
		result = -1;
	cred_files_close(&search->files);
	return result;
}

int aws_endpoint_find(struct aws_endpoint *endpoint, const struct aws_endpoint_config *config,
		      struct cart_error *error)
{
	struct cred_context context;
	struct endpoint_search search = {.context = &context, .error = error};

	if (cred_context_init(&context, config->credentials, error) != 0)
		return -1;
	search.service = context.service;
	return endpoint_search(&search, config, endpoint);
}

int aws_endpoint_find_sts(struct aws_endpoint *endpoint, const struct cred_context *context,
			  struct cart_error *error)
{
	const struct aws_endpoint_config config = {
		.region = context->region, .endpoint = "", .ca = ""};
	struct endpoint_search search = {
		.context = context, .service = &endpoint_sts, .takes_path = true, .error = error};

	return endpoint_search(&search, &config, endpoint);
}
/* Other files take it apart; libcurl accepts "http:/host" and "HTTP:///host" too. */
static bool endpoint_begins_well(const char *endpoint)
{
	size_t len = strncmp(endpoint, "https://", 8) == 0  ? 8
		     : strncmp(endpoint, "http://", 7) == 0 ? 7
							    : 0;

	return len > 0 && endpoint[len] != '/';
}

int aws_endpoint_check(const char *text, struct cart_error *error)
{
	CURLU *url = curl_url();
	char *path = NULL, *extra = NULL;
	int result = -1;

	if (url == NULL || !endpoint_begins_well(text) ||
	    curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK)
		cart_error_set(error,
			       "\"%s\" is not a URL: write http://HOST[:PORT] or "
			       "https://HOST[:PORT]",
			       text);
	else if (curl_url_get(url, CURLUPART_PATH, &path, 0) != CURLUE_OK ||
		 strcmp(path, "/") != 0 ||
		 curl_url_get(url, CURLUPART_QUERY, &extra, 0) == CURLUE_OK ||
		 curl_url_get(url, CURLUPART_FRAGMENT, &extra, 0) == CURLUE_OK ||
		 curl_url_get(url, CURLUPART_USER, &extra, 0) == CURLUE_OK)
		cart_error_set(error, "\"%s\" has more than a host and a port", text);
	else
		result = 0;
	curl_free(path);
	curl_free(extra);
	curl_url_cleanup(url);
	return result;
}

static bool endpoint_ends_with(const char *host, size_t len, const char *end)
{
	size_t end_len = strlen(end);

	return len > end_len && strncasecmp(host + len - end_len, end, end_len) == 0;
}

bool aws_endpoint_is_aws(const char *url)
{
	const char *host = strstr(url, "://");
	size_t len;

	host = host != NULL ? host + 3 : url;
	len = strcspn(host, ":/");
	/* A name may end with the dot of the root. */
	if (len > 0 && host[len - 1] == '.')
		len--;
	for (size_t i = 0; i < ENDPOINT_PARTITIONS; i++)
		if (endpoint_ends_with(host, len, endpoint_partitions[i].suffix) ||
		    endpoint_ends_with(host, len, endpoint_partitions[i].dual_stack_suffix))
			return true;
	return false;
}
