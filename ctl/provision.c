#include "ctl/ctl.h"
#include "ctl/session.h"

#include <stdio.h>

static enum ctl_status ctl_provision_run(struct ctl *ctl)
{
	bool check = false;
	const struct ctl_option options[] = {{.name = "--check", .flag = &check}, {0}};
	const struct cart_backend *backend;
	struct ctl_session *session;
	struct cart_error error;

	if (ctl_parse(ctl, options) != CTL_OK || ctl_no_arguments(ctl) != CTL_OK)
		return CTL_USAGE;
	backend = ctl_backend(ctl);
	if (backend == NULL)
		return CTL_USAGE;
	session = ctl_session_open(ctl->settings, backend,
				   check ? CART_PROVISION_CHECK : CART_PROVISION_AUTO, &error);
	if (session == NULL)
		return ctl_fail(CTL_FAILED, "provision: %s: %s", cart_backend_name(backend),
				error.text);
	ctl_session_close(&session);
	if (cart_backend_is_durable(backend))
		printf("%s: the schema is there and current\n", cart_backend_name(backend));
	else
		printf("%s: needs no schema\n", cart_backend_name(backend));
	return ctl_flush();
}

const struct ctl_command ctl_provision = {
	.name = "provision",
	.synopsis = "[--check]",
	.summary = "Makes the backend's schema, or upgrades an old one",
	.help = "What is there is never dropped, and what cart did not make is never touched. The\n"
		"setting \"provision\", which is for cartd, plays no part.\n"
		"\n"
		"Options:\n"
		"  --check   make nothing; fail unless all is there and current\n"
		"\n"
		"Example, before the first start of a cartd that may not make tables itself:\n"
		"  cartctl --config /etc/cart/cartd.ini provision\n",
	.run = ctl_provision_run,
};
