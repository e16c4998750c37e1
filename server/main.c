/* cartd: reads its settings and runs. */
#include "core/base/log.h"
#include "core/cart_store.h"
#include "core/version.h"
#include "server/service.h"
#include "server/settings.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define EXIT_USAGE 2

static void main_unknown_variable(const char *name, void *user)
{
	(void)user;
	log_event(LOG_WARN, "ignoring an environment variable: there is no such setting",
		  LOG_STR("variable", name));
}

static void main_help(const struct settings *settings)
{
	puts("Usage: cartd [--KEY VALUE | --KEY=VALUE | --set KEY=VALUE | --config FILE]...\n"
	     "The shopping-cart service. SIGTERM drains and ends it.\n"
	     "\n"
	     "  --config FILE    read settings from an INI file (also: CART_CONFIG=FILE)\n"
	     "  --print-config   print the effective settings, secrets masked, and exit\n"
	     "  --version        print the version and exit\n"
	     "  --help           print this and exit\n"
	     "\n"
	     "A flag overrides the environment (CART_HTTP_MAX_BODY for http.max_body), which\n"
	     "overrides the file, which overrides the default. Settings:\n");
	settings_print_help(settings, stdout);
}

/* --help and --version need no settings from outside, and must work when those are broken. */
static bool main_tell(const struct settings *settings, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			main_help(settings);
			return true;
		}
		if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0) {
			printf("cartd %s (%s)\n", cart_version, cart_revision);
			return true;
		}
	}
	return false;
}

static int main_unknown_argument(const struct settings *settings, const char *argument)
{
	struct cart_error error;

	if (argument[0] == '-') {
		settings_unknown_option(settings, argument, &error);
		fprintf(stderr, "cartd: %s\n", error.text);
	} else {
		fprintf(stderr, "cartd: unknown argument \"%s\"; see cartd --help\n", argument);
	}
	return EXIT_USAGE;
}

static int main_run(struct settings *settings, int argc, char **argv)
{
	struct cart_error error;
	bool print = false;
	int status;

	/* No core dump, and nothing of /proc/PID that shows memory or the environment, for anybody
	 * but root. Before there is a secret in the memory. */
	if (prctl(PR_SET_DUMPABLE, 0) != 0)
		log_message(LOG_WARN, "a core dump would show secrets: prctl() failed");
	if (settings_load(settings, &argc, argv, environ, main_unknown_variable, NULL, &error) !=
		    0 ||
	    server_settings_check(settings, &error) != 0 ||
	    cart_take_id_type(settings, &error) != 0) {
		fprintf(stderr, "cartd: %s\n", error.text);
		return EXIT_USAGE;
	}
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--print-config") != 0)
			return main_unknown_argument(settings, argv[i]);
		print = true;
	}
	if (settings_bool(settings, "core_dumps") && prctl(PR_SET_DUMPABLE, 1) != 0)
		log_message(LOG_WARN, "core_dumps has no effect: prctl() failed");
	if (print) {
		settings_print(settings, stdout);
		return 0;
	}
	if (log_open(settings, &error) != 0 || (status = service_run(settings, &error)) < 0) {
		fprintf(stderr, "cartd: %s\n", error.text);
		return 1;
	}
	return status;
}

int main(int argc, char **argv)
{
	struct settings *settings = settings_new();
	int status = 0;

	if (settings == NULL) {
		fputs("cartd: no memory\n", stderr);
		return 1;
	}
	server_settings_add_all(settings);
	if (!main_tell(settings, argc, argv))
		status = main_run(settings, argc, argv);
	settings_free(&settings);
	log_close();
	return status;
}
