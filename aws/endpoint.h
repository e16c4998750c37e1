/*
 * Where a service is: region, endpoint and authorities, found as AWS's SDKs find them. The settings
 * come first, then the variables of the environment, then the profile. Each variable that SDKs take
 * is taken too, or refused by name if it cannot work: one that was ignored would send a test to the
 * real AWS.
 *
 * | What        | Variables, in their order                   | Keys of the profile             |
 * | region      | AWS_REGION, AWS_DEFAULT_REGION              | region                          |
 * | endpoint    | AWS_ENDPOINT_URL_(service), AWS_ENDPOINT_URL | services, endpoint_url         |
 * | neither     | AWS_IGNORE_CONFIGURED_ENDPOINT_URLS         | ignore_configured_endpoint_urls |
 * | FIPS        | AWS_USE_FIPS_ENDPOINT                       | use_fips_endpoint               |
 * | dual stack  | AWS_USE_DUALSTACK_ENDPOINT                  | use_dualstack_endpoint          |
 * | authorities | AWS_CA_BUNDLE                               | ca_bundle                       |
 *
 * Sources: "Service-specific endpoints", "Dual-stack and FIPS endpoints" (AWS SDKs and tools
 * reference guide), and the endpoint rules that AWS publishes in its SDKs.
 */
#ifndef AWS_ENDPOINT_H
#define AWS_ENDPOINT_H

#include "aws/identity.h"
#include "core/base/attr.h"
#include "core/base/error.h"

#include <limits.h>
#include <stdbool.h>

#define AWS_REGION_ROOM	  64
#define AWS_ENDPOINT_ROOM 256

struct cred_context;

/* What the settings say. */
struct aws_endpoint_config {
	const struct aws_credentials_config *credentials; /* service, profile, environment */
	const char *region;				  /* "": not set */
	const char *endpoint;				  /* "": not set */
	const char *ca;					  /* "": not set */
};

struct aws_endpoint {
	char region[AWS_REGION_ROOM];
	char url[AWS_ENDPOINT_ROOM];
	bool named;	   /* by somebody; false: AWS's of the region */
	char ca[PATH_MAX]; /* PEM file of certificate authorities; "": the system's */
};

/* -1: error names the setting, variable or key, and what is wrong with it. */
CART_MUST_CHECK int aws_endpoint_find(struct aws_endpoint *endpoint,
				      const struct aws_endpoint_config *config,
				      struct cart_error *error);
/* The same for STS, in the context's region. Its URL may have a path. */
CART_MUST_CHECK int aws_endpoint_find_sts(struct aws_endpoint *endpoint,
					  const struct cred_context *context,
					  struct cart_error *error);

/* An endpoint is http:// or https://, a host, maybe a port, and nothing else. -1: error says what
 * is wrong with it. */
CART_MUST_CHECK int aws_endpoint_check(const char *url, struct cart_error *error);

/* True: one of AWS's own, whichever region's or network's, as its host's name tells. False: a
 * server that stands in for it. */
bool aws_endpoint_is_aws(const char *url);

#endif
