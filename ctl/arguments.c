/* The arguments of a subcommand. */
#include "core/base/units.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ctl_option *ctl_find_option(const struct ctl_option *options,
						const char *argument)
{
	size_t len = strcspn(argument, "=");

	for (; options->name != NULL; options++)
		if (strncmp(options->name, argument, len) == 0 && options->name[len] == '\0')
			return options;
	return NULL;
}

static enum ctl_status ctl_unknown_option(const struct ctl *ctl, const struct ctl_option *options,
					  const char *argument)
{
	struct cart_error error;
	char known[160] = "";
	size_t len = 0;

	/* Name the nearest option, which may be a setting's; or else list the command's own. */
	settings_unknown_option(ctl->settings, argument, &error);
	if (strstr(error.text, "did you mean") != NULL || options->name == NULL)
		return ctl_fail(CTL_USAGE, "%s: %s", ctl->argv[0], error.text);
	for (; options->name != NULL && len < sizeof(known); options++)
		len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s",
					len == 0 ? "" : ", ", options->name);
	return ctl_fail(CTL_USAGE, "%s: unknown option \"%s\" (it has %s)", ctl->argv[0], argument,
			known);
}

/* Takes the option at *at, and its value if it has one. */
static enum ctl_status ctl_take_option(struct ctl *ctl, const struct ctl_option *options, int *at)
{
	char *argument = ctl->argv[(*at)++];
	const struct ctl_option *option = ctl_find_option(options, argument);
	const char *equals = strchr(argument, '=');

	if (option == NULL)
		return ctl_unknown_option(ctl, options, argument);
	if (option->flag != NULL) {
		if (equals != NULL)
			return ctl_fail(CTL_USAGE, "%s: %s takes no value", ctl->argv[0],
					option->name);
		*option->flag = true;
		return CTL_OK;
	}
	if (*option->value != NULL)
		return ctl_fail(CTL_USAGE, "%s: %s is given twice", ctl->argv[0], option->name);
	if (equals != NULL) {
		*option->value = equals + 1;
		return CTL_OK;
	}
	if (*at == ctl->argc || strncmp(ctl->argv[*at], "--", 2) == 0)
		return ctl_fail(CTL_USAGE, "%s: %s needs a value", ctl->argv[0], option->name);
	*option->value = ctl->argv[(*at)++];
	return CTL_OK;
}

enum ctl_status ctl_parse(struct ctl *ctl, const struct ctl_option *options)
{
	int at = 1, kept = 1;

	while (at < ctl->argc) {
		if (strcmp(ctl->argv[at], "--") == 0) {
			at++;
			break;
		}
		if (ctl->argv[at][0] != '-' || ctl->argv[at][1] == '\0') {
			ctl->argv[kept++] = ctl->argv[at++];
			continue;
		}
		enum ctl_status status = ctl_take_option(ctl, options, &at);

		if (status != CTL_OK)
			return status;
	}
	while (at < ctl->argc)
		ctl->argv[kept++] = ctl->argv[at++];
	ctl->argc = kept;
	ctl->argv[kept] = NULL;
	return CTL_OK;
}

enum ctl_status ctl_parse_options(struct ctl *ctl, const struct ctl_option *options)
{
	if (ctl_parse(ctl, options) != CTL_OK)
		return CTL_USAGE;
	if (ctl->argc > 1)
		return ctl_fail(CTL_USAGE, "%s: unexpected argument \"%s\"", ctl->argv[0],
				ctl->argv[1]);
	return CTL_OK;
}

bool ctl_parse_integer(const char *text, int64_t min, int64_t max, int64_t *value)
{
	char *end;
	long long number;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno != 0 || *end != '\0' || number < min || number > max)
		return false;
	*value = number;
	return true;
}

const struct cart_backend *ctl_backend(const struct ctl *ctl)
{
	const char *name = settings_string(ctl->settings, "backend");
	const struct cart_backend *backend = cart_backend_find(name);
	char known[256];

	if (backend == NULL) {
		cart_backend_names(known, sizeof(known));
		ctl_fail(CTL_USAGE, "backend: \"%s\" is none of %s", name, known);
	}
	return backend;
}

bool ctl_parse_time(const char *text, int64_t *ms)
{
	int64_t ago;

	if (units_parse_time(text, strlen(text), ms))
		return true;
	if (!units_parse_duration(text, &ago))
		return false;
	*ms = clock_wall_ms(&cart_clock_system) - ago;
	if (*ms < 0) /* nothing is as old as that */
		*ms = 0;
	return true;
}
