#include "backends/dynamodb/options.h"

#include <string.h>
#include <strings.h>

#define OPTIONS_TABLE_MIN 3
#define OPTIONS_TABLE_MAX 255
#define OPTIONS_TAGS_MAX  50 /* AWS's limits of tags */
#define OPTIONS_TAG_KEY	  128
#define OPTIONS_TAG_VALUE 256

/* By enum ddb_layout. */
static const char *const options_layouts[] = {"map", "list", "rows", NULL};
static const char *const options_projections[] = {"keys", "all", NULL};

const struct setting ddb_settings[] = {
	{.key = "dynamodb.endpoint",
	 .type = SETTING_STRING,
	 .fallback = "",
	 .help = "URL of the service; empty: AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL, the "
		 "profile's, else AWS's of the region"},
	{.key = "dynamodb.region",
	 .type = SETTING_STRING,
	 .fallback = "",
	 .help = "Region that requests are signed for; empty: AWS_REGION, AWS_DEFAULT_REGION, else "
		 "the profile's"},
	{.key = "dynamodb.profile",
	 .type = SETTING_STRING,
	 .fallback = "",
	 .help = "Profile of the shared config and credentials files; empty: AWS_PROFILE, "
		 "AWS_DEFAULT_PROFILE, else default"},
	{.key = "dynamodb.table",
	 .type = SETTING_STRING,
	 .fallback = "carts",
	 .help = "Table that holds the carts"},
	{.key = "dynamodb.layout",
	 .type = SETTING_CHOICE,
	 .fallback = "map",
	 .choices = options_layouts,
	 .help = "How lines are stored: map (a change is one call), list (a document: read, "
		 "change, write) or rows (each an item of its own: needs transactions, and a table "
		 "of its own)"},
	{.key = "dynamodb.consistent_read",
	 .type = SETTING_BOOL,
	 .fallback = "true",
	 .help = "Reads see every change before them; false halves their cost, and they may be "
		 "stale"},
	{.key = "dynamodb.connections",
	 .type = SETTING_INTEGER,
	 .fallback = "64",
	 .min = 1,
	 .max = 4096,
	 .help = "Calls that may be under way at once, spread over the loops, at least one for "
		 "each"},
	{.key = "dynamodb.batch",
	 .type = SETTING_INTEGER,
	 .fallback = "25",
	 .min = 1,
	 .max = 100,
	 .help = "Reads waiting for a connection that one BatchGetItem may carry"},
	{.key = "dynamodb.queue",
	 .type = SETTING_INTEGER,
	 .fallback = "10000",
	 .min = 1,
	 .max = 1000000,
	 .help = "Requests that may wait for a connection; beyond it they are refused with 503"},
	{.key = "dynamodb.acquire_timeout",
	 .type = SETTING_DURATION,
	 .fallback = "1s",
	 .min = 1,
	 .max = 60 * 60 * 1000,
	 .help = "How long a request waits for a connection before it is refused with 503"},
	{.key = "dynamodb.connect_timeout",
	 .type = SETTING_DURATION,
	 .fallback = "1s",
	 .min = 10,
	 .max = 60 * 1000,
	 .help = "How long opening a connection may take, TLS included"},
	{.key = "dynamodb.timeout",
	 .type = SETTING_DURATION,
	 .fallback = "2s",
	 .min = 10,
	 .max = 60 * 60 * 1000,
	 .help = "A call whose answer takes longer is given up, and tried again if that is safe"},
	{.key = "dynamodb.feed_poll",
	 .type = SETTING_DURATION,
	 .fallback = "40ms",
	 .min = 20,
	 .max = 10 * 1000,
	 .help = "With feed=on: how often an instance reads a shard of the table's stream where "
		 "nothing comes, while somebody waits there; each read is paid"},
	{.key = "dynamodb.tls_ca",
	 .type = SETTING_STRING,
	 .fallback = "",
	 .help = "PEM file of the authorities that an https endpoint is verified by; empty: "
		 "AWS_CA_BUNDLE, the profile's, else the system's"},
	{.key = "dynamodb.projection",
	 .type = SETTING_CHOICE,
	 .fallback = "keys",
	 .choices = options_projections,
	 .help = "What the index of customers' carts holds when it is made: keys (changes are "
		 "cheaper) or all (lists are)"},
	{.key = "dynamodb.idle_shards",
	 .type = SETTING_INTEGER,
	 .fallback = "8",
	 .min = 1,
	 .max = 256,
	 .help = "Parts of the index of idle carts, each good for about 500 changes a second; "
		 "raise "
		 "it, never lower it"},
	{.key = "dynamodb.point_in_time_recovery",
	 .type = SETTING_BOOL,
	 .fallback = "false",
	 .help = "Switch continuous backups on when the table is provisioned"},
	{.key = "dynamodb.deletion_protection",
	 .type = SETTING_BOOL,
	 .fallback = "false",
	 .help = "Switch protection against deletion on when the table is provisioned"},
	{.key = "dynamodb.tags",
	 .type = SETTING_LIST,
	 .fallback = "",
	 .max = OPTIONS_TAGS_MAX,
	 .help = "Tags that the table is created with, KEY=VALUE each; cartctl provision checks "
		 "them"},
	{.key = "dynamodb.kms_key",
	 .type = SETTING_STRING,
	 .fallback = "",
	 .help = "ARN or id of the KMS key that the table is created with; empty: AWS's own; "
		 "cartctl provision checks it"},
	{0},
};

/* What may stand in a table's name; it goes into requests as it is. */
static int options_check_table(const char *table, struct cart_error *error)
{
	size_t len = strlen(table);

	if (len < OPTIONS_TABLE_MIN || len > OPTIONS_TABLE_MAX)
		return cart_error_set(
			error, "dynamodb.table: \"%s\" does not have 3 to 255 characters", table);
	for (const char *c = table; *c != '\0'; c++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-",
			   *c) == NULL)
			return cart_error_set(error,
					      "dynamodb.table: \"%s\" has a character other than "
					      "letters, digits, _ . -",
					      table);
	return 0;
}

static bool options_same_key(const char *tag, const char *other)
{
	size_t len = strcspn(tag, "=");

	return len == strcspn(other, "=") && memcmp(tag, other, len) == 0;
}

/* What AWS refuses, and would be reported only after the table was asked for. */
static int options_check_tags(const char *const *tags, struct cart_error *error)
{
	for (size_t i = 0; tags[i] != NULL; i++) {
		const char *value = strchr(tags[i], '=');

		if (value == NULL || value == tags[i])
			return cart_error_set(error, "dynamodb.tags: \"%s\" is not KEY=VALUE",
					      tags[i]);
		if (value - tags[i] > OPTIONS_TAG_KEY || strlen(value + 1) > OPTIONS_TAG_VALUE)
			return cart_error_set(
				error,
				"dynamodb.tags: \"%.200s\" has more than %d characters "
				"of key or %d of value",
				tags[i], OPTIONS_TAG_KEY, OPTIONS_TAG_VALUE);
		if (strncasecmp(tags[i], "aws:", 4) == 0)
			return cart_error_set(
				error,
				"dynamodb.tags: \"%s\": AWS keeps keys that begin with "
				"aws: for itself",
				tags[i]);
		for (size_t j = 0; j < i; j++)
			if (options_same_key(tags[i], tags[j]))
				return cart_error_set(error,
						      "dynamodb.tags names a key twice: %s and %s",
						      tags[j], tags[i]);
	}
	return 0;
}

static int options_check_kms_key(const char *key, struct cart_error *error)
{
	if (strstr(key, "alias/") != NULL)
		return cart_error_set(
			error,
			"dynamodb.kms_key: \"%s\" is an alias, which cannot be compared "
			"with a table's key: give the key's ARN or id",
			key);
	return 0;
}

static enum ddb_layout options_layout(const char *name)
{
	size_t at = DDB_LAYOUT_MAP;

	while (options_layouts[at] != NULL && strcmp(options_layouts[at], name) != 0)
		at++;
	return (enum ddb_layout)at;
}

/* The lines are in no index, so it would hold what nobody reads. */
static int options_check_projection(const struct ddb_options *options, struct cart_error *error)
{
	if (options->layout != DDB_LAYOUT_ROWS || !options->project_all)
		return 0;
	return cart_error_set(error,
			      "dynamodb.projection=all has no use with dynamodb.layout=rows: "
			      "set dynamodb.projection=keys");
}

int ddb_options_read(struct ddb_options *options, const struct settings *settings,
		     const struct aws_credentials_config *credentials, struct cart_error *error)
{
	const struct aws_endpoint_config endpoint = {
		.credentials = credentials,
		.region = settings_string(settings, "dynamodb.region"),
		.endpoint = settings_string(settings, "dynamodb.endpoint"),
		.ca = settings_string(settings, "dynamodb.tls_ca"),
	};

	*options = (struct ddb_options){
		.profile = settings_string(settings, "dynamodb.profile"),
		.table = settings_string(settings, "dynamodb.table"),
		.layout = options_layout(settings_string(settings, "dynamodb.layout")),
		.consistent_read = settings_bool(settings, "dynamodb.consistent_read"),
		.project_all = strcmp(settings_string(settings, "dynamodb.projection"), "all") == 0,
		.point_in_time_recovery =
			settings_bool(settings, "dynamodb.point_in_time_recovery"),
		.deletion_protection = settings_bool(settings, "dynamodb.deletion_protection"),
		.tags = settings_list(settings, "dynamodb.tags", NULL),
		.kms_key = settings_string(settings, "dynamodb.kms_key"),
		.connections = (size_t)settings_integer(settings, "dynamodb.connections"),
		.batch_max = (size_t)settings_integer(settings, "dynamodb.batch"),
		.queue_max = (size_t)settings_integer(settings, "dynamodb.queue"),
		.idle_shards = (unsigned)settings_integer(settings, "dynamodb.idle_shards"),
		.acquire_ns =
			settings_integer(settings, "dynamodb.acquire_timeout") * CLOCK_NS_PER_MS,
		.connect_timeout_ms = settings_integer(settings, "dynamodb.connect_timeout"),
		.timeout_ms = settings_integer(settings, "dynamodb.timeout"),
		.feed_poll_ns = settings_integer(settings, "dynamodb.feed_poll") * CLOCK_NS_PER_MS,
	};
	if (options_check_table(options->table, error) != 0 ||
	    options_check_tags(options->tags, error) != 0 ||
	    options_check_kms_key(options->kms_key, error) != 0 ||
	    options_check_projection(options, error) != 0)
		return -1;
	return aws_endpoint_find(&options->endpoint, &endpoint, error);
}
