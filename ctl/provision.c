#include "ctl/ctl.h"

#include <stdio.h>

static enum ctl_status ctl_provision_run(struct ctl *ctl)
{
	bool check = false;
	const struct ctl_option options[] = {{.name = "--check", .flag = &check}, {0}};
	const struct cart_backend *backend;
	enum ctl_status status;
	struct ctl_session *session;

	if (ctl_parse_options(ctl, options) != CTL_OK)
		return CTL_USAGE;
	backend = ctl_backend(ctl);
	if (backend == NULL)
		return CTL_USAGE;
	status = ctl_session_open(&session, ctl, backend,
				  check ? CART_PROVISION_CHECK : CART_PROVISION_AUTO, true);
	if (status != CTL_OK)
		return status;
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
	.summary = "Creates the backend's schema, or upgrades an old one",
	.help = "It never drops anything, and never touches what cart has not created. It ignores "
		"the\n"
		"setting \"provision\", which is for cartd.\n"
		"\n"
		"Options:\n"
		"  --check   create nothing; fail unless the schema is there and current\n"
		"\n"
		"Both fail as well if something that the settings ask for cannot be had, such as\n"
		"backups or tags of a DynamoDB table. A cartd only warns of that.\n"
		"\n"
		"Example, before the first start of a cartd that has no right to create tables:\n"
		"  cartctl --config /etc/cart/cartd.ini provision\n",
	.run = ctl_provision_run,
};
