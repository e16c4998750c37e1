#include "ctl/ctl.h"

#include <stdio.h>

static const char ctl_settings_sample_head[] =
	"# Settings of cartd and cartctl: cartd --config THIS-FILE\n"
	"#\n"
	"# Each line shows a default; remove the # to change it. A comment has a line of its\n"
	"# own. The command line and the environment (CART_HTTP_MAX_BODY for max_body under "
	"[http])\n"
	"# override this file. Durations: 250ms, 30s, 10m, 24h, 30d. Sizes: 512B, 64KiB, 16MiB, "
	"1GiB.\n"
	"\n";

static const char ctl_settings_markdown_head[] =
	"# Settings\n"
	"\n"
	"<!-- Made by `make docs` from the tables in the sources. -->\n"
	"\n"
	"`cartd` and `cartctl` take the same settings. A value comes from the first of these that "
	"gives one:\n"
	"\n"
	"| Source | How to set `http.max_body` there |\n"
	"|---|---|\n"
	"| command line | `--http.max_body 128KiB`, or `--set http.max_body=128KiB` |\n"
	"| environment | `CART_HTTP_MAX_BODY=128KiB` |\n"
	"| file, `--config PATH` or `CART_CONFIG=PATH` | `max_body = 128KiB` under "
	"`[http]` |\n"
	"| default | |\n"
	"\n"
	"- **In the file**, keys without a dot stand before the first section. A comment "
	"starts with `#` or `;` and has\n"
	"  a line of its own. Double quotes around a whole value keep spaces at its "
	"ends. `cartctl settings --sample` writes\n"
	"  a file to start from.\n"
	"- **Durations** are `250ms`, `30s`, `10m`, `24h`, `30d` or `0`; **sizes** are "
	"`512B`, `64KiB`, `16MiB`, `1GiB` or `0`.\n"
	"- **Lists** are separated by commas. If one source gives a list twice, the "
	"parts are joined; a stronger source replaces it.\n"
	"- **Secrets** do not belong on command lines: `KEY_file` names a file that "
	"holds the secret (a newline at its end\n"
	"  is ignored). SIGHUP reads it again. Secrets are never printed.\n"
	"- **Mistakes** stop the start with one line that names them: an unknown key, a "
	"value that does not fit, an unknown\n"
	"  backend, values that contradict each other. Only an unknown `CART_` name in the "
	"environment causes just a "
	"warning, because orchestrators set such names.\n"
	"\n"
	"`cartd --print-config` and `cartctl settings` print the effective values and "
	"where each comes from.\n"
	"\n";

static enum ctl_status ctl_settings_run(struct ctl *ctl)
{
	bool sample = false, markdown = false;
	const struct ctl_option options[] = {
		{.name = "--sample", .flag = &sample},
		{.name = "--markdown", .flag = &markdown},
		{0},
	};

	if (ctl_parse_options(ctl, options) != CTL_OK)
		return CTL_USAGE;
	if (sample && markdown)
		return ctl_fail(CTL_USAGE, "settings: --sample and --markdown exclude each other");
	if (sample) {
		fputs(ctl_settings_sample_head, stdout);
		settings_print_sample(ctl->settings, stdout);
	} else if (markdown) {
		fputs(ctl_settings_markdown_head, stdout);
		settings_print_markdown(ctl->settings, stdout);
	} else {
		settings_print(ctl->settings, stdout);
	}
	return ctl_flush();
}

const struct ctl_command ctl_settings = {
	.name = "settings",
	.synopsis = "[--sample | --markdown]",
	.summary = "Prints the effective settings, secrets masked",
	.help = "Options:\n"
		"  --sample     a file with every default, commented out, to start from\n"
		"  --markdown   docs/settings.md\n"
		"\n"
		"Examples:\n"
		"  cartctl --config /etc/cart/cartd.ini settings\n"
		"  cartctl settings --sample > cartd.ini\n",
	.run = ctl_settings_run,
};
