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
			"at "
			"it",
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
		.key = "request.deadline",
		.type = SETTING_DURATION,
		.fallback = "5s",
		.min = 10,
		.max = 10 * MIN,
		.help = "A request is answered within this time, with 504 if the backend has not "
			"answered",
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
	{0},
};

void server_settings_add_all(struct settings *settings)
{
	settings_add(settings, "Service", server_settings);
	settings_add(settings, "Carts", cart_settings);
	settings_add(settings, "Log", log_settings);
	cart_backends_add_settings(settings);
}
