#include "server/settings.h"

#include "core/cart_store.h"
#include "core/base/log.h"

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define S   INT64_C(1000)
#define MIN (60 * S)
#define H   (60 * MIN)

static const char *const server_provision[] = {"auto", "check", "off", NULL};
static const char *const server_ids[] = {"v4", "v7", NULL};

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
		.help = "Event loops, each in a thread of its own; 0: one a core",
	},
	{
		.key = "backend",
		.type = SETTING_STRING,
		.fallback = "sqlite",
		.help = "Where carts are stored; cartctl backends lists what there is",
	},
	{
		.key = "provision",
		.type = SETTING_CHOICE,
		.choices = server_provision,
		.fallback = "auto",
		.help = "The schema at start: make or upgrade it, only check it, or trust that it "
			"is there",
	},
	{
		.key = "cart.ids",
		.type = SETTING_CHOICE,
		.choices = server_ids,
		.fallback = "v4",
		.help = "UUIDs of new carts: random, or starting with the time, so that new ones "
			"sort together",
	},
	{
		.key = "http.max_body",
		.type = SETTING_SIZE,
		.fallback = "64KiB",
		.min = KIB,
		.max = 16 * MIB,
		.help = "Longest body of a request; beyond it the answer is 413",
	},
	{
		.key = "http.max_headers",
		.type = SETTING_SIZE,
		.fallback = "16KiB",
		.min = KIB,
		.max = MIB,
		.help = "Longest request line and headers together; beyond it the answer is 431",
	},
	{
		.key = "http.max_connections",
		.type = SETTING_INTEGER,
		.fallback = "10000",
		.min = 1,
		.max = 1000000,
		.help = "Connections open at once; further ones wait until one closes",
	},
	{
		.key = "http.header_deadline",
		.type = SETTING_DURATION,
		.fallback = "10s",
		.min = 100,
		.max = H,
		.help = "A request, body included, has to arrive within this time",
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
		.key = "request.deadline",
		.type = SETTING_DURATION,
		.fallback = "5s",
		.min = 10,
		.max = 10 * MIN,
		.help = "A request is answered within this time, 504 if the backend has not done "
			"it",
	},
	{
		.key = "drain.deadline",
		.type = SETTING_DURATION,
		.fallback = "10s",
		.min = 0,
		.max = H,
		.help = "At shutdown, requests under way may take this long before they are cut",
	},
	{
		.key = "drain.delay",
		.type = SETTING_DURATION,
		.fallback = "0",
		.min = 0,
		.max = H,
		.help = "At shutdown, /readyz says 503 for this long before the listeners close",
	},
	{0},
};

void server_settings_add_all(struct settings *settings)
{
	settings_add(settings, "Service", server_settings);
	settings_add(settings, "Carts", cart_settings);
	settings_add(settings, "Log", log_settings);
	cart_backends_add_settings(settings);
}
