#include "server/access/access.h"

#include "core/base/log.h"
#include "server/access/tokens.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define ACCESS_LOOK_NS CLOCK_NS_PER_S
/* Nothing that is longer is looked at. */
#define ACCESS_CREDENTIAL_MAX ((size_t)8 << 10)

/* What tells one state of a file from another. */
struct access_stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

struct access {
	const struct settings *settings;
	const struct cart_clock *clock;
	const atomic_uint *reloads;
	unsigned reloaded; /* value of reloads when the files were last read */
	int64_t look_due_ns;
	struct tokens tokens;
	struct access_stamp tokens_stamp;
	EVP_MD *sha256;
	EVP_MD_CTX *digest;
};

bool access_is_on(const struct settings *settings)
{
	const char *const *ways = settings_list(settings, "auth", NULL);

	return strcmp(ways[0], "none") != 0;
}

static bool access_has_way(const struct settings *settings, const char *name)
{
	for (const char *const *way = settings_list(settings, "auth", NULL); *way != NULL; way++)
		if (strcmp(*way, name) == 0)
			return true;
	return false;
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

static int access_check_open(const struct settings *settings, struct cart_error *error)
{
	const char *const *addresses = settings_list(settings, "listen", NULL);

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

int access_check_settings(const struct settings *settings, struct cart_error *error)
{
	size_t count;
	const char *const *ways = settings_list(settings, "auth", &count);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(ways[i], "none") == 0 && count > 1)
			return cart_error_set(error, "auth: none excludes everything else");
		if (strcmp(ways[i], "none") != 0 && strcmp(ways[i], "token") != 0)
			return cart_error_set(
				error, "auth: \"%s\" is unknown; it is none, or token", ways[i]);
	}
	return access_is_on(settings) ? 0 : access_check_open(settings, error);
}

static struct access_stamp access_stamp_of(const char *path)
{
	struct stat file;

	if (stat(path, &file) != 0)
		return (struct access_stamp){0};
	return (struct access_stamp){.device = file.st_dev,
				     .inode = file.st_ino,
				     .size = file.st_size,
				     .changed = file.st_ctim};
}

static bool access_stamp_differs(const struct access_stamp *a, const struct access_stamp *b)
{
	return a->device != b->device || a->inode != b->inode || a->size != b->size ||
	       a->changed.tv_sec != b->changed.tv_sec || a->changed.tv_nsec != b->changed.tv_nsec;
}

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

static int access_load(struct access *access, bool always, struct cart_error *error)
{
	if (access_has_way(access->settings, "token") &&
	    access_load_tokens(access, always, error) != 0)
		return -1;
	return 0;
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
	access->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	access->digest = EVP_MD_CTX_new();
	if (access->sha256 == NULL || access->digest == NULL)
		cart_error_set(error, "no SHA-256");
	else if (access_load(access, true, error) == 0)
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
	return access_check_token(access, hash, caller, why);
}
