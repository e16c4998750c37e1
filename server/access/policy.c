#include "server/access/policy.h"

#include "core/base/log.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

bool access_is_on(const struct settings *settings)
{
	return !access_has_way(settings, "none");
}

bool access_has_way(const struct settings *settings, const char *name)
{
	const char *const *way = settings_list(settings, "auth", NULL);

	while (*way != NULL && strcmp(*way, name) != 0)
		way++;
	return *way != NULL;
}

/* Whether only this machine can reach an address, "host:port" or "[host]:port". */
static bool access_is_loopback(const char *address)
{
	const char *end = strrchr(address, ':');
	size_t len = end != NULL ? (size_t)(end - address) : 0;
	char host[INET6_ADDRSTRLEN];
	struct in6_addr six;
	struct in_addr four;

	if (len >= 2 && address[0] == '[' && address[len - 1] == ']') {
		address++;
		len -= 2;
	}
	if (len == 0 || len >= sizeof(host))
		return false;
	memcpy(host, address, len);
	host[len] = '\0';
	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &six) == 1)
		return IN6_IS_ADDR_LOOPBACK(&six) ||
		       (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
	return strcasecmp(host, "localhost") == 0;
}

static int access_check_open(const struct settings *settings, const char *key,
			     struct cart_error *error)
{
	const char *const *addresses = settings_list(settings, key, NULL);

	for (; *addresses != NULL; addresses++) {
		if (access_is_loopback(*addresses))
			continue;
		if (!settings_bool(settings, "insecure"))
			return cart_error_set(
				error,
				"auth is none, and other machines can reach %s: whoever does "
				"reads and changes every cart. Set auth=token (cartctl token new "
				"makes one), or listen on 127.0.0.1, or, if a firewall or a proxy "
				"decides who comes through, say --insecure",
				*addresses);
		log_event(LOG_WARN,
			  "auth is none: whoever reaches this address reads and changes every cart",
			  LOG_STR("address", *addresses));
	}
	return 0;
}

/* Without issuer and audience a token that was made for another service would do. */
static int access_check_jwt(const struct settings *settings, struct cart_error *error)
{
	static const char *const needed[] = {"auth.jwt_keys", "auth.jwt_issuer",
					     "auth.jwt_audience"};
	const char *scopes = settings_string(settings, "auth.jwt_scopes");

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (settings_string(settings, needed[i])[0] == '\0')
			return cart_error_set(error, "auth=jwt needs %s", needed[i]);
	if (access_jwt_algorithms(settings) == 0)
		return cart_error_set(error, "auth.jwt_algorithms takes RS256, ES256, EdDSA and "
					     "HS256");
	if (scopes[0] != '\0' && access_scopes_parse(scopes, ',') == 0)
		return cart_error_set(error,
				      "auth.jwt_scopes: \"%s\" is not a list of read, write and "
				      "admin",
				      scopes);
	return 0;
}

int access_check_settings(const struct settings *settings, struct cart_error *error)
{
	size_t count;
	const char *const *ways = settings_list(settings, "auth", &count);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(ways[i], "none") == 0 && count > 1)
			return cart_error_set(error, "auth: none excludes everything else");
		if (strcmp(ways[i], "none") != 0 && strcmp(ways[i], "token") != 0 &&
		    strcmp(ways[i], "jwt") != 0)
			return cart_error_set(error,
					      "auth: \"%s\" is unknown; it is none, token, jwt, "
					      "or token,jwt",
					      ways[i]);
	}
	if (access_has_way(settings, "jwt") && access_check_jwt(settings, error) != 0)
		return -1;
	if (access_is_on(settings))
		return 0;
	return access_check_open(settings, "listen", error) != 0
		       ? -1
		       : access_check_open(settings, "admin.listen", error);
}

struct jwt_rules access_jwt_rules(const struct settings *settings)
{
	return (struct jwt_rules){
		.issuer = settings_string(settings, "auth.jwt_issuer"),
		.audience = settings_string(settings, "auth.jwt_audience"),
		.leeway_ms = settings_integer(settings, "auth.jwt_leeway"),
		.customer_claim = settings_string(settings, "auth.customer_claim"),
		.scope_claim = settings_string(settings, "auth.scope_claim"),
		.scopes = access_scopes_parse(settings_string(settings, "auth.jwt_scopes"), ','),
	};
}

unsigned access_jwt_algorithms(const struct settings *settings)
{
	const char *const *name = settings_list(settings, "auth.jwt_algorithms", NULL);
	unsigned algorithms = 0;

	for (; *name != NULL; name++) {
		unsigned algorithm = jwt_algorithm_find(*name);

		if (algorithm == 0)
			return 0;
		algorithms |= algorithm;
	}
	return algorithms;
}
