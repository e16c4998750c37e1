/* What the settings say of S3. cartctl archive and restore use it; cartd does not. */
#ifndef AWS_S3_OPTIONS_H
#define AWS_S3_OPTIONS_H

#include "aws/endpoint.h"
#include "aws/identity.h"
#include "core/base/error.h"
#include "core/settings/settings.h"

/* Strings are the settings'. */
struct s3_options {
	struct aws_endpoint endpoint;
	const char *profile;
	int64_t connect_timeout_ms;
	int64_t timeout_ms;
	int64_t lease_ms;
};

/* credentials: the service, clock and environment to look in. -1: error names the setting. */
CART_MUST_CHECK int s3_options_read(struct s3_options *options, const struct settings *settings,
				    const struct aws_credentials_config *credentials,
				    struct cart_error *error);

extern const struct setting s3_settings[];

#endif
