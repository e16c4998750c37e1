#include "aws/s3/options.h"

const struct setting s3_settings[] = {
	{.key = "s3.endpoint",
	 .type = SETTING_STRING,
	 .fallback = "",
	 .help = "URL of a server that speaks S3's protocol, asked by path; empty: "
		 "AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, the profile's, else AWS's of the region"},
	{.key = "s3.region",
	 .type = SETTING_STRING,
	 .fallback = "",
	 .help = "Region of the bucket; empty: AWS_REGION, AWS_DEFAULT_REGION, else the profile's"},
	{.key = "s3.profile",
	 .type = SETTING_STRING,
	 .fallback = "",
	 .help = "Profile of the shared config and credentials files; empty: AWS_PROFILE, "
		 "AWS_DEFAULT_PROFILE, else default"},
	{.key = "s3.tls_ca",
	 .type = SETTING_STRING,
	 .fallback = "",
	 .help = "PEM file of the authorities that an https endpoint is verified by; empty: "
		 "AWS_CA_BUNDLE, the profile's, else the system's"},
	{.key = "s3.connect_timeout",
	 .type = SETTING_DURATION,
	 .fallback = "5s",
	 .min = 10,
	 .max = 60 * 1000,
	 .help = "How long opening a connection may take, TLS included"},
	{.key = "s3.timeout",
	 .type = SETTING_DURATION,
	 .fallback = "30s",
	 .min = 1000,
	 .max = 60 * 60 * 1000,
	 .help = "A request that moves no byte for so long is given up and made again"},
	{.key = "s3.lease",
	 .type = SETTING_DURATION,
	 .fallback = "1m",
	 .min = 1000,
	 .max = 60 * 60 * 1000,
	 .help = "How long the lock of an archive outlives a cartctl that was killed, and how "
		 "long a put that got no answer may still be carried out"},
	{0},
};

int s3_options_read(struct s3_options *options, const struct settings *settings,
		    const struct aws_credentials_config *credentials, struct cart_error *error)
{
	const struct aws_endpoint_config endpoint = {
		.credentials = credentials,
		.region = settings_string(settings, "s3.region"),
		.endpoint = settings_string(settings, "s3.endpoint"),
		.ca = settings_string(settings, "s3.tls_ca"),
	};

	*options = (struct s3_options){
		.profile = settings_string(settings, "s3.profile"),
		.connect_timeout_ms = settings_integer(settings, "s3.connect_timeout"),
		.timeout_ms = settings_integer(settings, "s3.timeout"),
		.lease_ms = settings_integer(settings, "s3.lease"),
	};
	return aws_endpoint_find(&options->endpoint, &endpoint, error);
}
