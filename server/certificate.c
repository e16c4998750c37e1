#include "server/certificate.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/settings/settings.h"
#include "server/http/tls.h"

#include <string.h>

#define CERTIFICATE_DAY_S    (24 * 3600)
#define CERTIFICATE_WARN_S   (14 * CERTIFICATE_DAY_S)
#define CERTIFICATE_WATCH_MS (CERTIFICATE_DAY_S * 1000)

static double certificate_read_expiry(void *user)
{
	return (double)tls_expires_s(user);
}

static enum tls_client certificate_client(const struct settings *settings)
{
	const char *client = settings_string(settings, "http.tls_client");

	if (strcmp(client, "off") == 0)
		return TLS_CLIENT_OFF;
	return strcmp(client, "required") == 0 ? TLS_CLIENT_REQUIRED : TLS_CLIENT_OPTIONAL;
}

/* What is half said would look like protection that is not there. */
static int certificate_check(const struct tls_config *config, struct cart_error *error)
{
	if (*config->cert == '\0' && *config->key != '\0')
		return cart_error_set(error, "http.tls_key is set, but not http.tls_cert");
	if (*config->cert != '\0' && *config->key == '\0')
		return cart_error_set(error, "http.tls_cert is set, but not http.tls_key");
	if (config->client != TLS_CLIENT_OFF && *config->cert == '\0')
		return cart_error_set(error, "http.tls_client needs http.tls_cert");
	if (config->client != TLS_CLIENT_OFF && *config->client_ca == '\0')
		return cart_error_set(error, "http.tls_client needs http.tls_client_ca");
	if (config->client == TLS_CLIENT_OFF && *config->client_ca != '\0')
		return cart_error_set(error, "http.tls_client_ca checks nothing with "
					     "http.tls_client=off: use optional or required");
	return 0;
}

int certificate_open(struct tls **tls, const struct settings *settings, struct metrics *metrics,
		     struct cart_error *error)
{
	const struct tls_config config = {
		.cert = settings_string(settings, "http.tls_cert"),
		.key = settings_string(settings, "http.tls_key"),
		.client_ca = settings_string(settings, "http.tls_client_ca"),
		.client = certificate_client(settings),
	};

	*tls = NULL;
	if (certificate_check(&config, error) != 0)
		return -1;
	if (*config.cert == '\0')
		return 0;
	if (tls_new(tls, &config, error) != 0)
		return -1;
	metrics_callback(metrics, "cart_tls_certificate_expires_timestamp_seconds",
			 "When the certificate of http.tls_cert expires, in seconds since 1970",
			 certificate_read_expiry, *tls);
	return 0;
}

void certificate_reload(struct tls *tls)
{
	struct cart_error error;

	if (tls == NULL)
		return;
	if (tls_reload(tls, &error) != 0) {
		log_event(LOG_ERROR,
			  "cannot reload the certificate; new connections still get the old one",
			  LOG_STR("reason", error.text));
		return;
	}
	log_message(LOG_INFO, "new connections get the certificate as it was just read");
}

int certificate_watch(const struct tls *tls)
{
	int64_t left_s;

	if (tls == NULL)
		return -1;
	left_s = tls_expires_s(tls) - clock_wall_ms(&cart_clock_system) / 1000;
	if (left_s <= 0)
		log_event(
			LOG_ERROR,
			"the certificate has expired, and clients refuse it; replace the files of "
			"http.tls_cert and http.tls_key and send SIGHUP",
			LOG_INT("days_ago", -left_s / CERTIFICATE_DAY_S));
	else if (left_s <= CERTIFICATE_WARN_S)
		log_event(LOG_WARN,
			  "the certificate expires soon; replace the files of http.tls_cert and "
			  "http.tls_key and send SIGHUP",
			  LOG_INT("days_left", left_s / CERTIFICATE_DAY_S));
	return CERTIFICATE_WATCH_MS;
}
