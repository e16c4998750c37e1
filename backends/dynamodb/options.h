/* What the settings say: where DynamoDB is, and how to use it. */
#ifndef BACKENDS_DYNAMODB_OPTIONS_H
#define BACKENDS_DYNAMODB_OPTIONS_H

#include "aws/endpoint.h"
#include "backends/dynamodb/item/item.h"
#include "core/base/error.h"
#include "core/settings/settings.h"

/* Strings that are not arrays are the settings'. */
struct ddb_options {
	struct aws_endpoint endpoint;
	const char *profile;
	const char *table;
	enum ddb_layout layout;
	bool consistent_read;
	bool project_all;
	bool point_in_time_recovery;
	bool deletion_protection;
	const char *const *tags; /* "KEY=VALUE"; NULL after the last */
	const char *kms_key;
	size_t connections; /* of the process */
	size_t batch_max;
	size_t queue_max; /* of a loop */
	unsigned idle_shards;
	int64_t acquire_ns;
	int64_t connect_timeout_ms;
	int64_t timeout_ms;
	int64_t feed_poll_ns;
};

/* -1: error names the setting and what is wrong with it. */
CART_MUST_CHECK int ddb_options_read(struct ddb_options *options, const struct settings *settings,
				     const struct aws_credentials_config *credentials,
				     struct cart_error *error);

extern const struct setting ddb_settings[];

#endif
