/*
 * JSON Web Tokens (RFC 7519) signed as a compact JWS (RFC 7515), checked as RFC 8725 advises: the
 * algorithm is the key's and never the token's choice, issuer and audience are compared, and a
 * token that does not end is refused. Encrypted ones, and extensions (crit), are refused.
 */
#ifndef SERVER_ACCESS_JWT_H
#define SERVER_ACCESS_JWT_H

#include "server/access/caller.h"
#include "server/access/keys.h"

/* What is asked of a token. The strings live as long. */
struct jwt_rules {
	const char *issuer, *audience;
	int64_t leeway_ms;	    /* clocks may differ by so much */
	const char *customer_claim; /* a string, or an integer; without it the caller is a guest */
	const char *scope_claim;    /* words between spaces, or a list of strings */
	unsigned scopes;	    /* of a token without that claim */
};

struct jwt_claims {
	struct access_caller caller;
	int64_t from_ms, until_ms; /* with the leeway */
};

/* NULL: the token is good at that time. Otherwise why not: a literal, for the client and the log.
 */
const char *jwt_verify(const struct jwt_keys *keys, const struct jwt_rules *rules, const char *text,
		       size_t len, int64_t now_ms, struct jwt_claims *claims);

#endif
