#include "server/access/access.h"

#include "core/base/log.h"
#include "server/access/file.h"
#include "server/access/policy.h"
#include "server/access/seen.h"
#include "server/access/tokens.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ACCESS_LOOK_NS CLOCK_NS_PER_S
/* Nothing that is longer is looked at. */
#define ACCESS_CREDENTIAL_MAX ((size_t)8 << 10)

struct access {
	const struct settings *settings;
	const struct cart_clock *clock;
	const atomic_uint *reloads;
	unsigned reloaded; /* value of reloads when the files were last read */
	int64_t look_due_ns;
	EVP_MD *sha256;
	EVP_MD_CTX *digest;
	/* Of auth=token. */
	bool has_tokens;
	struct tokens tokens;
	struct access_stamp tokens_stamp;
	/* Of auth=jwt; seen is NULL without it. */
	struct jwt_rules rules;
	struct jwt_keys keys;
	struct access_stamp keys_stamp;
	struct seen *seen;
};

/* The file may change while it is read: the stamp is older than what was read, never newer. */
static int access_load_tokens(struct access *access, bool always, struct cart_error *error)
{
	const char *path = settings_string(access->settings, "auth.token_file");
	struct access_stamp stamp = access_stamp_of(path);
	struct tokens tokens;

	if (!always && !access_stamp_differs(&stamp, &access->tokens_stamp))
		return 0;
	access->tokens_stamp = stamp;
	if (tokens_load(&tokens, path, error) != 0)
		return -1;
	tokens_clear(&access->tokens);
	access->tokens = tokens;
	return 0;
}

static int access_load_keys(struct access *access, bool always, struct cart_error *error)
{
	const char *path = settings_string(access->settings, "auth.jwt_keys");
	struct access_stamp stamp = access_stamp_of(path);
	struct jwt_keys keys;

	if (!always && !access_stamp_differs(&stamp, &access->keys_stamp))
		return 0;
	access->keys_stamp = stamp;
	if (jwt_keys_load(&keys, access_jwt_algorithms(access->settings), path, error) != 0)
		return -1;
	jwt_keys_clear(&access->keys);
	access->keys = keys;
	seen_empty(access->seen);
	return 0;
}

/* The second also where the first cannot be read. */
static int access_load(struct access *access, bool always, struct cart_error *error)
{
	int rc = 0;

	if (access->has_tokens)
		rc = access_load_tokens(access, always, error);
	if (access->seen != NULL && access_load_keys(access, always, error) != 0)
		rc = -1;
	return rc;
}

static void access_look(struct access *access, int64_t now_ns)
{
	static struct log_limit limit;
	unsigned reloads = atomic_load(access->reloads);
	bool always = reloads != access->reloaded;
	struct cart_error error;
	int64_t left_out;

	if (!always && now_ns < access->look_due_ns)
		return;
	access->reloaded = reloads;
	access->look_due_ns = now_ns + ACCESS_LOOK_NS;
	if (access_load(access, always, &error) != 0 && log_limit_pass(&limit, now_ns, &left_out))
		log_event(LOG_ERROR, "cannot read who may call; those known before still may",
			  LOG_STR("reason", error.text), LOG_COUNT("left_out", left_out));
}

static int access_open_parts(struct access *access, struct cart_error *error)
{
	const struct settings *settings = access->settings;

	access->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	access->digest = EVP_MD_CTX_new();
	if (access->sha256 == NULL || access->digest == NULL)
		return cart_error_set(error, "no SHA-256");
	access->has_tokens = access_has_way(settings, "token");
	if (access_has_way(settings, "jwt")) {
		access->rules = access_jwt_rules(settings);
		access->seen = calloc(1, sizeof(*access->seen));
		if (access->seen == NULL)
			return cart_error_set(error, "out of memory");
	}
	return access_load(access, true, error);
}

int access_open(struct access **out, const struct settings *settings,
		const struct cart_clock *clock, const atomic_uint *reloads,
		struct cart_error *error)
{
	struct access *access;

	*out = NULL;
	if (!access_is_on(settings))
		return 0;
	*out = access = calloc(1, sizeof(*access));
	if (access == NULL)
		return cart_error_set(error, "out of memory");
	access->settings = settings;
	access->clock = clock;
	access->reloads = reloads;
	access->reloaded = atomic_load(reloads);
	access->look_due_ns = clock_monotonic_ns(clock) + ACCESS_LOOK_NS;
	if (access_open_parts(access, error) == 0)
		return 0;
	access_close(out);
	return -1;
}

void access_close(struct access **pointer)
{
	struct access *access = *pointer;

	*pointer = NULL;
	if (access == NULL)
		return;
	tokens_clear(&access->tokens);
	jwt_keys_clear(&access->keys);
	free(access->seen);
	EVP_MD_CTX_free(access->digest);
	EVP_MD_free(access->sha256);
	free(access);
}

static enum access_status access_check_token(const struct access *access,
					     const uint8_t hash[TOKEN_HASH_BYTES],
					     struct access_caller *caller, const char **why)
{
	const struct token *token = tokens_find(&access->tokens, hash);

	*why = "the token is not known";
	if (token == NULL)
		return ACCESS_REJECTED;
	*why = "the token has expired";
	if (token->expires_ms != 0 && token->expires_ms <= clock_wall_ms(access->clock))
		return ACCESS_REJECTED;
	*caller = token->caller;
	return ACCESS_GRANTED;
}

static enum access_status access_check_jwt(struct access *access, const char *text, size_t len,
					   const uint8_t hash[SEEN_HASH_BYTES],
					   struct access_caller *caller, const char **why)
{
	int64_t now_ms = clock_wall_ms(access->clock);
	const struct jwt_claims *seen = seen_find(access->seen, hash);
	struct jwt_claims claims;

	if (seen != NULL && seen->from_ms <= now_ms && now_ms < seen->until_ms) {
		*caller = seen->caller;
		return ACCESS_GRANTED;
	}
	*why = jwt_verify(&access->keys, &access->rules, text, len, now_ms, &claims);
	if (*why != NULL)
		return ACCESS_REJECTED;
	if (seen == NULL)
		seen_add(access->seen, hash, &claims);
	*caller = claims.caller;
	return ACCESS_GRANTED;
}

/* The credential after "Bearer ", RFC 6750, section 2.1. NULL: another scheme. */
static const char *access_bearer(const char *authorization, size_t *len)
{
	static const char scheme[] = "Bearer ";

	if (strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
		return NULL;
	authorization += sizeof(scheme) - 1;
	authorization += strspn(authorization, " ");
	*len = strlen(authorization);
	return authorization;
}

enum access_status access_check(struct access *access, const char *authorization,
				struct access_caller *caller, const char **why)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	const char *credential;
	size_t len;

	credential = authorization != NULL ? access_bearer(authorization, &len) : NULL;
	if (credential == NULL)
		return ACCESS_ANONYMOUS;
	*why = "the token is not well formed";
	if (len == 0 || len > ACCESS_CREDENTIAL_MAX)
		return ACCESS_REJECTED;
	access_look(access, clock_monotonic_ns(access->clock));
	if (EVP_DigestInit_ex(access->digest, access->sha256, NULL) != 1 ||
	    EVP_DigestUpdate(access->digest, credential, len) != 1 ||
	    EVP_DigestFinal_ex(access->digest, hash, NULL) != 1)
		return ACCESS_REJECTED;
	/* A token of the file has no dot. */
	if (access->seen != NULL && memchr(credential, '.', len) != NULL)
		return access_check_jwt(access, credential, len, hash, caller, why);
	return access_check_token(access, hash, caller, why);
}
