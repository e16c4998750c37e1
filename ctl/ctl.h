/* cartctl: what its subcommands share. */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "core/base/attr.h"
#include "core/cart_store.h"

#include <stdbool.h>

/* Exit statuses. */
enum ctl_status {
	CTL_OK = 0,
	CTL_FAILED = 1, /* a cart was not found, or the store failed */
	CTL_USAGE = 2	/* a bad argument or setting */
};

struct ctl {
	const struct settings *settings;
	int argc; /* the subcommand's arguments without settings; argv[0] is its name */
	char **argv;
};

struct ctl_command {
	const char *name;
	const char *synopsis; /* its arguments */
	const char *summary;  /* one line */
	const char *help;     /* options, and an example */
	enum ctl_status (*run)(struct ctl *ctl);
};

extern const struct ctl_command ctl_backends, ctl_provision, ctl_get, ctl_list, ctl_settings,
	ctl_token, ctl_archive, ctl_restore, ctl_feed;

/*
 * print.c: what cartctl prints. Functions that return CTL_FAILED or CTL_USAGE have already printed
 * the reason; this holds for the whole of cartctl.
 */

/* Prints one line on standard error, after the program's name. Returns status. */
CART_PRINTF(2, 3)
enum ctl_status ctl_fail(enum ctl_status status, const char *format, ...);
/* Prints the cart on a line of its own, as JSON like the HTTP API's. */
CART_MUST_CHECK enum ctl_status ctl_print_cart(const struct cart *cart);
/* Prints why an op failed. Returns CTL_FAILED. */
enum ctl_status ctl_print_failure(const struct ctl *ctl, const struct cart_op *op);
/* Flushes standard output. CTL_FAILED: not everything could be written. */
CART_MUST_CHECK enum ctl_status ctl_flush(void);

/* arguments.c: the arguments of a subcommand. */

/* An option: it has a value, or it is a flag. */
struct ctl_option {
	const char *name; /* "--limit"; NULL ends a table */
	const char **value;
	bool *flag;
};

/*
 * Stores the options, and moves the other arguments to the front of ctl->argv, from 1 on; ctl->argc
 * is lowered to match. "--" ends the options and is removed.
 */
CART_MUST_CHECK enum ctl_status ctl_parse(struct ctl *ctl, const struct ctl_option *options);
/* The same for a subcommand without other arguments: one that is left is refused. */
CART_MUST_CHECK enum ctl_status ctl_parse_options(struct ctl *ctl,
						  const struct ctl_option *options);
/* Parses a decimal integer within limits. */
CART_MUST_CHECK bool ctl_parse_integer(const char *text, int64_t min, int64_t max, int64_t *value);
/* An instant of RFC 3339, or a duration before now. */
CART_MUST_CHECK bool ctl_parse_time(const char *text, int64_t *ms);
/* The backend that the settings name, or NULL. */
const struct cart_backend *ctl_backend(const struct ctl *ctl);

/* session.c: a store with a loop of its own, for a program that does one op after the other. */

struct ctl_session;

/* Starts the backend and opens a store on it. strict: see struct cart_env. */
CART_MUST_CHECK enum ctl_status ctl_session_open(struct ctl_session **session,
						 const struct ctl *ctl,
						 const struct cart_backend *backend,
						 enum cart_provision provision, bool strict);
/*
 * The same for commands that read carts: it creates nothing, and refuses a backend that keeps carts
 * in the memory of cartd.
 */
CART_MUST_CHECK enum ctl_status ctl_session_open_to_read(struct ctl_session **session,
							 const struct ctl *ctl);
/* Does an op and waits for it, up to request.deadline. The result is in the op. */
void ctl_session_run(struct ctl_session *session, struct cart_op *op);
/* The same for several at a time: the store batches what waits together. */
void ctl_session_run_all(struct ctl_session *session, struct cart_op *ops, size_t count);
/* Takes NULL; sets it. */
void ctl_session_close(struct ctl_session **session);

#endif
