#include "server/settings.h"

#include "aws/s3/options.h"
#include "core/cart_store.h"
#include "core/base/log.h"
#include "core/base/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define S   INT64_C(1000)
#define MIN (60 * S)
#define H   (60 * MIN)

static const char *const server_provision[] = {"auto", "check", "off", NULL};
static const char *const server_hangup[] = {"reload", "stop", NULL};
static const char *const server_ids[] = {"v4", "v7", NULL};

static const char *const server_proxy_protocol[] = {"off", "v2", NULL};
static const char *const server_forwarded[] = {"off", "forwarded", "x-forwarded-for", NULL};
static const char *const server_tls_client[] = {"off", "optional", "required", NULL};

const struct setting server_settings[] = {
	{
		.key = "listen",
		.type = SETTING_LIST,
		.fallback = "127.0.0.1:8080",
		.min = 1,
		.max = 16,
		.help = "Addresses to listen on, host:port; [::]:8080 for IPv6",
	},
	{
		.key = "threads",
		.type = SETTING_INTEGER,
		.fallback = "0",
		.min = 0,
		.max = 256,
		.help = "Event loops, each in its own thread; 0: one for each core",
	},
	{
		.key = "backend",
		.type = SETTING_STRING,
		.fallback = "sqlite",
		.help = "Where carts are stored; cartctl backends lists the choices",
	},
	{
		.key = "provision",
		.type = SETTING_CHOICE,
		.choices = server_provision,
		.fallback = "auto",
		.help = "The schema at start: create or upgrade it, only check it, or do not look "
			"at it",
	},
	{
		.key = "cart.ids",
		.type = SETTING_CHOICE,
		.choices = server_ids,
		.fallback = "v4",
		.help = "UUIDs of new carts: v4 is random, v7 starts with the time, so that new "
			"carts sort together",
	},
	{
		.key = "http.max_body",
		.type = SETTING_SIZE,
		.fallback = "64KiB",
		.min = KIB,
		.max = 16 * MIB,
		.help = "Longest body of a request; a longer one gets 413",
	},
	{
		.key = "http.max_headers",
		.type = SETTING_SIZE,
		.fallback = "16KiB",
		.min = KIB,
		.max = MIB,
		.help = "Longest request line and headers together; longer ones get 431",
	},
	{
		.key = "http.max_page",
		.type = SETTING_SIZE,
		.fallback = "1MiB",
		.min = KIB,
		.max = 64 * MIB,
		.help = "A page of a list ends before it would be longer; it has one cart at least",
	},
	{
		.key = "http.max_connections",
		.type = SETTING_INTEGER,
		.fallback = "10000",
		.min = 1,
		.max = 1000000,
		.help = "Greatest number of open connections; further ones wait until one closes",
	},
	{
		.key = "http.header_deadline",
		.type = SETTING_DURATION,
		.fallback = "10s",
		.min = 100,
		.max = H,
		.help = "A request, body included, must arrive within this time",
	},
	{
		.key = "http.idle_timeout",
		.type = SETTING_DURATION,
		.fallback = "60s",
		.min = 100,
		.max = 24 * H,
		.help = "A kept connection without a request is closed after this time",
	},
	{
		.key = "http.tls_cert",
		.type = SETTING_STRING,
		.fallback = "",
		.help = "PEM file of the certificate and those between it and its authority; "
			"empty: HTTP without TLS",
	},
	{
		.key = "http.tls_key",
		.type = SETTING_STRING,
		.fallback = "",
		.help = "PEM file of the key of http.tls_cert",
	},
	{
		.key = "http.tls_client",
		.type = SETTING_CHOICE,
		.choices = server_tls_client,
		.fallback = "off",
		.help = "Certificates of clients: not asked for, checked where a client shows one, "
			"or required",
	},
	{
		.key = "http.tls_client_ca",
		.type = SETTING_STRING,
		.fallback = "",
		.help = "PEM file of the authorities of clients",
	},
	{
		.key = "http.trusted_proxies",
		.type = SETTING_LIST,
		.fallback = "",
		.help = "Addresses and networks whose peers may say whom they speak for, such as "
			"10.0.0.0/8",
	},
	{
		.key = "http.proxy_protocol",
		.type = SETTING_CHOICE,
		.choices = server_proxy_protocol,
		.fallback = "off",
		.help = "Trusted proxies begin every connection with a header of the PROXY "
			"protocol, version 2",
	},
	{
		.key = "http.forwarded",
		.type = SETTING_CHOICE,
		.choices = server_forwarded,
		.fallback = "off",
		.help = "The header in which trusted proxies name the client",
	},
	{
		.key = "http.cors_origins",
		.type = SETTING_LIST,
		.fallback = "",
		.help = "Origins whose pages a browser lets use the API, such as "
			"https://shop.example; * is every one; empty: none",
	},
	{
		.key = "request.deadline",
		.type = SETTING_DURATION,
		.fallback = "5s",
		.min = 10,
		.max = 10 * MIN,
		.help = "A request is answered within this time, with 504 if the backend has not "
			"answered",
	},
	{
		.key = "http.rate",
		.type = SETTING_INTEGER,
		.fallback = "0",
		.min = 0,
		.max = 1000000,
		.help = "Requests a second that each caller may make, known by its token, its "
			"certificate or its address; beyond it 429; 0: any number",
	},
	{
		.key = "http.rate_burst",
		.type = SETTING_INTEGER,
		.fallback = "0",
		.min = 0,
		.max = 1000000,
		.help = "Requests that a caller may make at once, after a pause; 0: those of a "
			"second",
	},
	{
		.key = "overload.delay",
		.type = SETTING_DURATION,
		.fallback = "500ms",
		.min = 0,
		.max = 10 * MIN,
		.help = "Requests that would wait longer for the database, or for a quarter of "
			"request.deadline, are refused at once, with 503; 0: none are",
	},
	{
		.key = "cache.carts",
		.type = SETTING_INTEGER,
		.fallback = "0",
		.min = 0,
		.max = 1000000,
		.help = "Most carts in the read cache, which answers reads with "
			"consistency=eventual; 0: no cache",
	},
	{
		.key = "cache.max_age",
		.type = SETTING_DURATION,
		.fallback = "1s",
		.min = 1,
		.max = H,
		.help = "The read cache gives a cart as it was at most so long ago",
	},
	{
		.key = "cache.memory",
		.type = SETTING_SIZE,
		.fallback = "64MiB",
		.min = MIB,
		.max = 64 * 1024 * MIB,
		.help = "Most memory for the carts in the read cache",
	},
	{
		.key = "drain.deadline",
		.type = SETTING_DURATION,
		.fallback = "10s",
		.min = 0,
		.max = H,
		.help = "At shutdown, connections with requests under way are closed after this "
			"time",
	},
	{
		.key = "drain.delay",
		.type = SETTING_DURATION,
		.fallback = "0",
		.min = 0,
		.max = H,
		.help = "At shutdown, /readyz answers 503 for this long before the listeners close",
	},
	{
		.key = "hangup",
		.type = SETTING_CHOICE,
		.choices = server_hangup,
		.fallback = "reload",
		.help = "What SIGHUP does: opens the log and reads secrets again, or stops as "
			"SIGTERM does, for a cartd that ends with its terminal",
	},
	{
		.key = "core_dumps",
		.type = SETTING_BOOL,
		.fallback = "false",
		.help = "Lets the kernel write core dumps, and debuggers of the same user attach: "
			"both show secrets",
	},
	{0},
};

static const struct setting access_settings[] = {
	{
		.key = "auth",
		.type = SETTING_LIST,
		.fallback = "none",
		.min = 1,
		.max = 2,
		.help = "How callers are known: none (everybody may do everything), token, jwt, or "
			"token,jwt",
	},
	{
		.key = "admin.listen",
		.type = SETTING_LIST,
		.fallback = "",
		.max = 16,
		.help = "Further addresses, where calls that need the scope admin are taken; those "
			"of listen then take none, /metrics included; empty: they take all",
	},
	{
		.key = "auth.token_file",
		.type = SETTING_STRING,
		.fallback = "tokens.json",
		.help = "The bearer tokens of auth=token; cartctl token new adds one",
	},
	{
		.key = "auth.jwt_keys",
		.type = SETTING_STRING,
		.fallback = "",
		.help = "The keys of auth=jwt: a file with a JWK set, or with public keys or "
			"certificates as PEM",
	},
	{
		.key = "auth.jwt_algorithms",
		.type = SETTING_LIST,
		.fallback = "RS256,ES256,EdDSA",
		.min = 1,
		.max = 4,
		.help = "Algorithms that a JWT may be signed with; HS256 is the fourth",
	},
	{
		.key = "auth.jwt_issuer",
		.type = SETTING_STRING,
		.fallback = "",
		.help = "The claim iss of a JWT must be this",
	},
	{
		.key = "auth.jwt_audience",
		.type = SETTING_STRING,
		.fallback = "",
		.help = "The claim aud of a JWT must be this, or have it in its list",
	},
	{
		.key = "auth.jwt_leeway",
		.type = SETTING_DURATION,
		.fallback = "30s",
		.min = 0,
		.max = 10 * MIN,
		.help = "The claims exp and nbf may be so far off, because clocks differ",
	},
	{
		.key = "auth.customer_claim",
		.type = SETTING_STRING,
		.fallback = "customer_id",
		.help = "The claim of a JWT that is the customer's id; without it the caller is a "
			"guest",
	},
	{
		.key = "auth.scope_claim",
		.type = SETTING_STRING,
		.fallback = "scope",
		.help = "The claim of a JWT with its scopes: words between spaces, or a list",
	},
	{
		.key = "auth.jwt_scopes",
		.type = SETTING_STRING,
		.fallback = "",
		.help = "Scopes of a JWT that does not have that claim, such as read,write",
	},
	{
		.key = "feed.wait",
		.type = SETTING_DURATION,
		.fallback = "30s",
		.min = 0,
		.max = 10 * 60 * 1000,
		.help = "Longest wait of GET /changes for the next event",
	},
	{
		.key = "feed.waiting",
		.type = SETTING_INTEGER,
		.fallback = "1000",
		.min = 1,
		.max = 100000,
		.help = "Requests that may wait for the next event; beyond it they are refused "
			"with 503",
	},
	{
		.key = "insecure",
		.type = SETTING_BOOL,
		.fallback = "false",
		.help = "Allows auth=none on an address that other machines can reach",
	},
	{0},
};

void server_settings_add_all(struct settings *settings)
{
	settings_add(settings, "Service", server_settings);
	settings_add(settings, "Access", access_settings);
	settings_add(settings, "Carts", cart_settings);
	settings_add(settings, "Log", log_settings);
	cart_backends_add_settings(settings);
	settings_add(settings, "S3 (cartctl archive and restore alone)", s3_settings);
}

/* A setting that must be at least another, or the sum of several. */
struct setting_pair {
	const char *key;
	struct {
		const char *key;
		int64_t times;
	} least[2];	     /* the second may be none */
	bool zero_is_fine;   /* 0 of the key means something else */
	const char *backend; /* counts for this one; NULL: for all */
	const char *why;
};

static const struct setting_pair server_pairs[] = {
	{.key = "idempotency.window",
	 .least = {{"request.deadline", 2}, {"clock.skew", 1}},
	 .why = "the repeat of a request must find the key of its first attempt"},
	{.key = "cart.ttl",
	 .least = {{"idempotency.window", 1}},
	 .zero_is_fine = true,
	 .why = "the repeat of a create must find the cart of its first attempt"},
	{.key = "sweep.grace",
	 .least = {{"clock.skew", 1}},
	 .why = "what has expired by one clock may not have expired by another"},
	{.key = "drain.deadline",
	 .least = {{"request.deadline", 1}},
	 .zero_is_fine = true,
	 .why = "requests under way must be answered before their connections are closed"},
	{.key = "http.idle_timeout",
	 .least = {{"http.header_deadline", 1}},
	 .why = "a client must have as long to begin a request as it may take to send it"},
	{.key = "request.deadline",
	 .least = {{"mysql.lock_timeout", 1}},
	 .backend = "mysql",
	 .why = "a request must not end while the server still waits for a lock on its behalf"},
	{.key = "request.deadline",
	 .least = {{"dynamodb.timeout", 1}},
	 .backend = "dynamodb",
	 .why = "a call without an answer must be given up in time to be tried again"},
};

static int64_t pair_least(const struct settings *settings, const struct setting_pair *pair)
{
	int64_t least = 0;

	for (size_t i = 0; i < 2 && pair->least[i].key != NULL; i++)
		least += pair->least[i].times * settings_integer(settings, pair->least[i].key);
	return least;
}

/* "2 x request.deadline + clock.skew" */
static void pair_name_least(const struct setting_pair *pair, char *text, size_t room)
{
	char times[24];
	size_t len = 0;

	for (size_t i = 0; i < 2 && pair->least[i].key != NULL && len < room; i++) {
		snprintf(times, sizeof(times), "%" PRId64 " x ", pair->least[i].times);
		len += (size_t)snprintf(text + len, room - len, "%s%s%s", i > 0 ? " + " : "",
					pair->least[i].times > 1 ? times : "", pair->least[i].key);
	}
}

int server_settings_check(const struct settings *settings, struct cart_error *error)
{
	const char *backend = settings_string(settings, "backend");

	for (size_t i = 0; i < sizeof(server_pairs) / sizeof(server_pairs[0]); i++) {
		const struct setting_pair *pair = &server_pairs[i];
		int64_t value = settings_integer(settings, pair->key);
		int64_t least = pair_least(settings, pair);
		char name[80], is[UNITS_TEXT], must[UNITS_TEXT];

		if (value >= least || (value == 0 && pair->zero_is_fine) ||
		    (pair->backend != NULL && strcmp(pair->backend, backend) != 0))
			continue;
		pair_name_least(pair, name, sizeof(name));
		return cart_error_set(error, "%s is %s, but must be at least %s, which is %s: %s",
				      pair->key, units_format_duration(value, is), name,
				      units_format_duration(least, must), pair->why);
	}
	return 0;
}
