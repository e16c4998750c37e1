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

static void main_print_version(const struct settings *settings)
{
	(void)settings;
	printf("cartd %s (%s)\n", cart_version, cart_revision);
}

static void main_print_config(const struct settings *settings)
{
	settings_print(settings, stdout);
}

static const struct {
	const char *name;
	void (*print)(const struct settings *settings);
} main_requests[] = {
	{"--help", main_help},
	{"-h", main_help},
	{"--version", main_print_version},
	{"-V", main_print_version},
	{"--print-config", main_print_config},
};

/* Settings know which of theirs an unknown key is nearest to. */
static int main_unknown_argument(struct settings *settings, const char *argument)
{
	struct cart_error error;
	char key[64];

	if (strncmp(argument, "--", 2) == 0) {
		snprintf(key, sizeof(key), "%.*s", (int)strcspn(argument + 2, "="), argument + 2);
		if (settings_set(settings, key, "", SETTING_FLAG, &error) != 0) {
			fprintf(stderr, "cartd: %s\n", error.text);
			return EXIT_USAGE;
		}
	}
	fprintf(stderr, "cartd: unknown argument \"%s\"; see cartd --help\n", argument);
	return EXIT_USAGE;
}

/* What settings_load() left: one request to print something. */
static int main_request(struct settings *settings, const char *argument)
{
	for (size_t i = 0; i < sizeof(main_requests) / sizeof(main_requests[0]); i++) {
		if (strcmp(argument, main_requests[i].name) == 0) {
			main_requests[i].print(settings);
			return 0;
		}
	}
	return main_unknown_argument(settings, argument);
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
	if (argc > 1)
		return main_request(settings, argv[1]);
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
