/*
 * Where DynamoDB is: region and endpoint, found as AWS's SDKs find them. The settings decide; where
 * they are empty, AWS_REGION, AWS_DEFAULT_REGION, the profile, AWS_ENDPOINT_URL_DYNAMODB and
 * AWS_ENDPOINT_URL do; else the endpoint is AWS's for the region.
 */
#ifndef BACKENDS_DYNAMODB_AWS_ENDPOINT_H
#define BACKENDS_DYNAMODB_AWS_ENDPOINT_H

#include "backends/dynamodb/aws/identity.h"
#include "core/base/attr.h"
#include "core/base/error.h"

#include <stdbool.h>

#define DDB_REGION_ROOM	  64
#define DDB_ENDPOINT_ROOM 256

/* What the settings say. */
struct ddb_endpoint_config {
	const struct ddb_credentials_config *credentials; /* profile, environment */
	const char *region;				  /* "": not set */
	const char *endpoint;				  /* "": not set */
};

struct ddb_endpoint {
	char region[DDB_REGION_ROOM];
	char url[DDB_ENDPOINT_ROOM];
};

/* -1: error names the setting or variable, and what is wrong with it. */
CART_MUST_CHECK int ddb_endpoint_find(struct ddb_endpoint *endpoint,
				      const struct ddb_endpoint_config *config,
				      struct cart_error *error);

/* An endpoint is http:// or https://, a host, maybe a port, and nothing else. -1: error says what
 * is wrong with it. */
CART_MUST_CHECK int ddb_endpoint_check(const char *url, struct cart_error *error);

/* True: one of AWS's own, whichever region's or network's, as its host's name tells. False: a
 * server that stands in for DynamoDB. */
bool ddb_endpoint_is_aws(const char *url);

#endif
