/*
 * cartctl reads a cart store and creates its schema, without cartd: it opens the store that the
 * settings name through the same interface.
 */
#include "core/base/log.h"
#include "core/version.h"
#include "ctl/ctl.h"
#include "server/settings.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct ctl_command *const ctl_commands[] = {
	&ctl_backends, &ctl_provision, &ctl_get,      &ctl_list,  &ctl_feed,
	&ctl_archive,  &ctl_restore,   &ctl_settings, &ctl_token, NULL,
};

static void ctl_help(const struct settings *settings)
{
	fputs("Usage: cartctl [SETTING...] COMMAND [ARGUMENT...]\n"
	      "\n"
	      "Reads the cart store that the settings name, creates its schema, moves carts to an\n"
	      "archive and back, and makes tokens.\n"
	      "\n"
	      "Commands (cartctl COMMAND --help says more):\n",
	      stdout);
	for (const struct ctl_command *const *command = ctl_commands; *command != NULL; command++)
		printf("  %-10s %s\n", (*command)->name, (*command)->summary);
	fputs("\n"
	      "Example:\n"
	      "  cartctl --config /etc/cart/cartd.ini list --customer 123 --status open\n"
	      "\n"
	      "Exit status: 0 done; 1 a cart was not found, or the store failed; 2 a bad argument "
	      "or "
	      "setting.\n"
	      "\n"
	      "Settings are those of cartd: --config FILE, --set KEY=VALUE, --KEY VALUE, CART_KEY\n"
	      "in the environment.\n"
	      "\n",
	      stdout);
	settings_print_help(settings, stdout);
}

static void ctl_command_help(const struct ctl_command *command)
{
	printf("Usage: cartctl %s%s%s\n\n%s.\n\n%s", command->name,
	       command->synopsis[0] == '\0' ? "" : " ", command->synopsis, command->summary,
	       command->help);
}

/* True if the option is among the arguments before "--". */
static bool ctl_asks_for(int argc, char **argv, const char *option)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], option) == 0)
			return true;
	return false;
}

static const struct ctl_command *ctl_find(const char *name)
{
	for (const struct ctl_command *const *command = ctl_commands; *command != NULL; command++)
		if (strcmp((*command)->name, name) == 0)
			return *command;
	return NULL;
}

static enum ctl_status ctl_unknown_command(const struct settings *settings, const char *name)
{
	struct cart_error error;
	char known[128] = "";
	size_t len = 0;

	if (name[0] == '-') {
		settings_unknown_option(settings, name, &error);
		return ctl_fail(CTL_USAGE, "%s", error.text);
	}
	for (const struct ctl_command *const *command = ctl_commands; *command != NULL; command++)
		len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s",
					len == 0 ? "" : ", ", (*command)->name);
	return ctl_fail(CTL_USAGE, "\"%s\" is no command; the commands are %s", name, known);
}

static enum ctl_status ctl_run(const struct settings *settings, int argc, char **argv)
{
	struct ctl ctl = {.settings = settings, .argc = argc - 1, .argv = argv + 1};
	const struct ctl_command *command;

	if (argc < 2)
		return ctl_fail(CTL_USAGE, "a command is missing; cartctl --help lists them");
	command = ctl_find(argv[1]);
	if (command == NULL)
		return ctl_unknown_command(settings, argv[1]);
	return command->run(&ctl);
}

/* --version and --help, which must work with broken settings too. False: not asked for. */
static bool ctl_print_info(const struct settings *settings, int argc, char **argv)
{
	const struct ctl_command *command = NULL;

	if (ctl_asks_for(argc, argv, "--version")) {
		printf("cartctl %s (%s)\n", cart_version, cart_revision);
		return true;
	}
	if (!ctl_asks_for(argc, argv, "--help") && !ctl_asks_for(argc, argv, "-h"))
		return false;
	for (int i = 1; i < argc && command == NULL; i++)
		command = ctl_find(argv[i]);
	if (command != NULL)
		ctl_command_help(command);
	else
		ctl_help(settings);
	return true;
}

static void ctl_unknown_variable(const char *name, void *user)
{
	(void)user;
	ctl_fail(CTL_OK, "ignoring %s in the environment: there is no such setting", name);
}

int main(int argc, char **argv)
{
	struct settings *settings = settings_new();
	enum ctl_status status = CTL_USAGE;
	struct cart_error error;

	if (settings == NULL)
		return (int)ctl_fail(CTL_FAILED, "out of memory");
	/* The settings log.* are for cartd; cartctl logs warnings to standard error. */
	log_set_level(LOG_WARN);
	server_settings_add_all(settings);
	if (ctl_print_info(settings, argc, argv))
		status = ctl_flush();
	else if (settings_load(settings, &argc, argv, environ, ctl_unknown_variable, NULL,
			       &error) != 0 ||
		 server_settings_check(settings, &error) != 0 ||
		 cart_take_id_type(settings, &error) != 0)
		status = ctl_fail(CTL_USAGE, "%s", error.text);
	else
		status = ctl_run(settings, argc, argv);
	settings_free(&settings);
	return (int)status;
}
