/* cartd: reads its settings and runs. */
#include "core/log.h"
#include "core/version.h"
#include "server/service.h"
#include "server/settings.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE 2

static void main_unknown_variable(const char *name, void *user)
{
	(void)user;
	log_event(LOG_WARN, "no such setting, ignored", LOG_STR("variable", name));
}

static void main_help(const struct settings *settings)
{
	puts("Usage: cartd [--KEY VALUE | --KEY=VALUE | --set KEY=VALUE | --config FILE]...\n"
	     "The shopping-cart service. SIGTERM drains and ends it.\n"
	     "\n"
	     "  --config FILE    read settings from an INI file\n"
	     "  --print-config   show the settings in effect, secrets masked, and end\n"
	     "  --version        show the version and end\n"
	     "  --help           show this and end\n"
	     "\n"
	     "A flag goes before the environment (CART_HTTP_MAX_BODY for http.max_body), that\n"
	     "before the file, and that before the default. Settings:\n");
	settings_print_help(settings, stdout);
}

/* What settings_load() left. True: that was all there is to do. */
static bool main_asked_for_more(const struct settings *settings, int argc, char **argv, int *status)
{
	*status = 0;
	if (argc < 2)
		return false;
	if (argc > 2)
		*status = EXIT_USAGE;
	else if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		main_help(settings);
	else if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
		printf("cartd %s (%s)\n", cart_version, cart_revision);
	else if (strcmp(argv[1], "--print-config") == 0)
		settings_print(settings, stdout);
	else
		*status = EXIT_USAGE;
	if (*status == EXIT_USAGE)
		fprintf(stderr, "cartd: unknown argument \"%s\"; see cartd --help\n",
			argc > 2 ? argv[2] : argv[1]);
	return true;
}

static int main_run(struct settings *settings, int argc, char **argv)
{
	struct cart_error error;
	int status;

	if (settings_load(settings, &argc, argv, environ, main_unknown_variable, NULL, &error) !=
	    0) {
		fprintf(stderr, "cartd: %s\n", error.text);
		return EXIT_USAGE;
	}
	if (main_asked_for_more(settings, argc, argv, &status))
		return status;
	if (log_open(settings, &error) != 0 || (status = service_run(settings, &error)) < 0) {
		fprintf(stderr, "cartd: %s\n", error.text);
		return 1;
	}
	return status;
}

int main(int argc, char **argv)
{
	struct settings *settings = settings_new();
	int status;

	if (settings == NULL) {
		fputs("cartd: no memory\n", stderr);
		return 1;
	}
	server_settings_add_all(settings);
	status = main_run(settings, argc, argv);
	settings_free(&settings);
	log_close();
	return status;
}
