/* cartctl: what its subcommands share. */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "core/base/attr.h"
#include "core/cart_store.h"

#include <stdbool.h>

/* Exit statuses. */
enum ctl_status {
	CTL_OK = 0,
	CTL_FAILED = 1, /* not found, or the store could not do it */
	CTL_USAGE = 2	/* a bad argument or setting */
};

struct ctl {
	const struct settings *settings;
	int argc; /* the subcommand's arguments, settings taken out; argv[0] is its name */
	char **argv;
};

struct ctl_command {
	const char *name;
	const char *synopsis; /* its arguments */
	const char *summary;  /* one line */
	const char *help;     /* options, and an example */
	enum ctl_status (*run)(struct ctl *ctl);
};

extern const struct ctl_command ctl_backends, ctl_provision, ctl_get, ctl_list, ctl_settings;

/* One line on standard error, after the program's name. Returns status. */
CART_PRINTF(2, 3)
enum ctl_status ctl_fail(enum ctl_status status, const char *format, ...);

/* An option of a subcommand: with a value, or a flag. */
struct ctl_option {
	const char *name; /* "--limit"; NULL ends a table */
	const char **value;
	bool *flag;
};

/*
 * Sorts the arguments: options into their places, the rest to the front of ctl->argv, from 1 on;
 * ctl->argc is lowered to match. "--" ends options and goes. CTL_USAGE: told already.
 */
CART_MUST_CHECK enum ctl_status ctl_parse(struct ctl *ctl, const struct ctl_option *options);
/* Refuses an argument that is left. */
CART_MUST_CHECK enum ctl_status ctl_no_arguments(const struct ctl *ctl);

/* An integer in decimal within limits. */
CART_MUST_CHECK bool ctl_parse_integer(const char *text, int64_t min, int64_t max, int64_t *value);

/* The backend that the settings name, or NULL: told already. */
const struct cart_backend *ctl_backend(const struct ctl *ctl);
/* As ctl_backend(), for commands that look for carts: one that keeps them in cartd's own memory is
 * refused. */
const struct cart_backend *ctl_durable_backend(const struct ctl *ctl);

/* Flushes standard output. CTL_FAILED: not all was written; told already. */
CART_MUST_CHECK enum ctl_status ctl_flush(void);

#endif
