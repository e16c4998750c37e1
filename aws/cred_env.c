/* The environment, of the process or from a test, as a source of credentials. */
#include "aws/cred.h"

#include <stdlib.h>
#include <string.h>

static const char *cred_env_process(const char *name, void *user)
{
	(void)user;
	return getenv(name);
}

int cred_context_init(struct cred_context *context, const struct aws_credentials_config *config,
		      struct cart_error *error)
{
	const char *profile = config->profile != NULL ? config->profile : "";
	const char *region = config->region != NULL ? config->region : "";

	*context = (struct cred_context){
		.service = config->service,
		.clock = config->clock,
		.environment = config->environment != NULL ? config->environment : cred_env_process,
		.user = config->user,
		.cancel_fd = -1,
		.process_limit_ms = CRED_PROCESS_LIMIT_MS,
	};
	if (strlen(profile) > CRED_NAME_MAX)
		return cart_error_set(error, "the profile's name is longer than %d bytes",
				      CRED_NAME_MAX);
	if (strlen(region) > CRED_REGION_MAX)
		return cart_error_set(error, "the region is longer than %d bytes", CRED_REGION_MAX);
	memcpy(context->profile, profile, strlen(profile) + 1);
	memcpy(context->region, region, strlen(region) + 1);
	return 0;
}

const char *cred_env(const struct cred_context *context, const char *name)
{
	const char *value = context->environment(name, context->user);

	return value != NULL && *value != '\0' ? value : NULL;
}

static enum cred_result cred_environment_fetch(struct cred_context *context,
					       struct aws_credentials *out,
					       struct cart_error *error)
{
	static const char *const names[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"};

	return cred_set_pair(out, names, cred_env(context, names[0]), cred_env(context, names[1]),
			     cred_env(context, "AWS_SESSION_TOKEN"), error);
}

const struct cred_provider cred_environment = {
	.name = "environment",
	.fetch = cred_environment_fetch,
	.of_environment = true,
};
