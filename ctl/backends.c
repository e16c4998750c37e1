#include "ctl/ctl.h"

#include <stdio.h>

static enum ctl_status ctl_backends_run(struct ctl *ctl)
{
	const struct ctl_option options[] = {{0}};
	const struct cart_backend *chosen, *backend;

	if (ctl_parse_options(ctl, options) != CTL_OK)
		return CTL_USAGE;
	chosen = ctl_backend(ctl);
	if (chosen == NULL)
		return CTL_USAGE;
	for (size_t i = 0; (backend = cart_backend_at(i)) != NULL; i++)
		printf("%c %-10s %s\n", backend == chosen ? '*' : ' ', cart_backend_name(backend),
		       cart_backend_summary(backend));
	return ctl_flush();
}

const struct ctl_command ctl_backends = {
	.name = "backends",
	.synopsis = "",
	.summary = "Lists the backends of this build; * marks the one that the settings choose",
	.help = "Example:\n"
		"  cartctl backends\n",
	.run = ctl_backends_run,
};
