/* A file of keys, as a JWK set or as PEM: what is taken has one algorithm that is allowed. */
#include "server/access/keys.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void check(const struct jwt_key *key, unsigned algorithms)
{
	bool secret = key->algorithm == JWT_HS256;

	if ((key->algorithm & (key->algorithm - 1)) != 0 || (key->algorithm & algorithms) == 0 ||
	    strlen(key->kid) > JWT_KID_MAX || secret != (key->public_key == NULL) ||
	    secret != (key->secret_size >= JWT_SECRET_MIN) || key->secret_size > JWT_SECRET_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned sets[] = {JWT_RS256 | JWT_ES256 | JWT_EDDSA | JWT_HS256, JWT_ES256};
	struct jwt_keys keys;
	struct cart_error error;

	for (size_t i = 0; i < 2; i++) {
		if (jwt_keys_parse(&keys, sets[i], (const char *)data, size, &error) != 0) {
			if (keys.all != NULL)
				abort();
			continue;
		}
		if (keys.count == 0 || keys.count > JWT_KEYS_MAX)
			abort();
		for (size_t at = 0; at < keys.count; at++)
			check(&keys.all[at], sets[i]);
		jwt_keys_clear(&keys);
	}
	return 0;
}
