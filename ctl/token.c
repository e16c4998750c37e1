/* Makes, lists and revokes bearer tokens, in the file that auth.token_file names. */
#include "core/base/units.h"
#include "ctl/ctl.h"
#include "server/access/tokens_edit.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

struct token_options {
	const char *name, *scope, *customer, *expires;
	bool guest;
};

static enum ctl_status token_read_customer(const struct token_options *options,
					   struct access_caller *caller)
{
	const char *customer = options->customer;

	if (customer != NULL && options->guest)
		return ctl_fail(CTL_USAGE, "token: a guest has no customer: say --customer or "
					   "--guest");
	if (customer != NULL && !shop_id_parse(&caller->customer, customer, strlen(customer)))
		return ctl_fail(CTL_USAGE, "token: --customer: \"%s\" is not a customer's id",
				customer);
	caller->bound = customer != NULL || options->guest;
	if (caller->bound && (caller->scopes & ACCESS_ADMIN) != 0)
		return ctl_fail(CTL_USAGE, "token: the scope admin is bound to no customer");
	return CTL_OK;
}

static enum ctl_status token_read_options(const struct token_options *options, struct token *token)
{
	int64_t expires_ms = 0;

	if (options->name == NULL || options->scope == NULL)
		return ctl_fail(CTL_USAGE, "token: new needs --name and --scope");
	if (!token_name_is_valid(options->name))
		return ctl_fail(CTL_USAGE,
				"token: --name: \"%s\" is not 1 to 64 letters, digits and . _ -",
				options->name);
	strcpy(token->caller.name, options->name);
	token->caller.scopes = access_scopes_parse(options->scope, ',');
	if (token->caller.scopes == 0)
		return ctl_fail(CTL_USAGE,
				"token: --scope: \"%s\" is not a list of read, write and admin",
				options->scope);
	if (token_read_customer(options, &token->caller) != CTL_OK)
		return CTL_USAGE;
	if (options->expires != NULL &&
	    (!units_parse_duration(options->expires, &expires_ms) || expires_ms <= 0))
		return ctl_fail(CTL_USAGE, "token: --expires: \"%s\" is not a duration such as 30d",
				options->expires);
	token->created_ms = clock_wall_ms(&cart_clock_system);
	if (expires_ms > 0)
		token->expires_ms = token->created_ms + expires_ms;
	return CTL_OK;
}

static enum ctl_status token_add(struct tokens_edit *edit, struct token *token)
{
	char text[TOKEN_TEXT + 1];
	enum ctl_status status;
	struct cart_error error;

	if (tokens_named(&edit->tokens, token->caller.name) != NULL)
		return ctl_fail(CTL_FAILED,
				"token: there is one with the name \"%s\"; revoke it, "
				"or choose another name",
				token->caller.name);
	if (!token_make(text, token->hash))
		return ctl_fail(CTL_FAILED, "token: no random numbers");
	if (!tokens_edit_add(edit, token))
		return ctl_fail(CTL_FAILED, "token: out of memory");
	if (tokens_edit_save(edit, &error) != 0)
		return ctl_fail(CTL_FAILED, "token: %s", error.text);
	puts(text);
	OPENSSL_cleanse(text, sizeof(text));
	status = ctl_flush();
	if (status == CTL_OK)
		fprintf(stderr,
			"This is the only time that the token is shown: %s has its digest alone.\n",
			edit->path);
	return status;
}

static const char *token_carts_of(const struct access_caller *caller)
{
	if (!caller->bound)
		return "any";
	return caller->customer.size > 0 ? caller->customer.text : "guests";
}

static enum ctl_status token_list(const struct tokens_edit *edit)
{
	int64_t now_ms = clock_wall_ms(&cart_clock_system);

	printf("%-24s %-16s %-16s %-24s %s\n", "NAME", "SCOPES", "CUSTOMER", "CREATED", "EXPIRES");
	for (size_t i = 0; i < edit->tokens.count; i++) {
		const struct token *token = &edit->tokens.all[i];
		char scopes[ACCESS_SCOPES_TEXT], created[UNITS_TIME_TEXT + 1];
		char expires[UNITS_TIME_TEXT + 1] = "never";

		units_format_time(token->created_ms, created);
		if (token->expires_ms != 0)
			units_format_time(token->expires_ms, expires);
		printf("%-24s %-16s %-16s %-24s %s%s\n", token->caller.name,
		       access_scopes_format(token->caller.scopes, scopes),
		       token_carts_of(&token->caller), created, expires,
		       token->expires_ms != 0 && token->expires_ms <= now_ms ? " (expired)" : "");
	}
	return ctl_flush();
}

static enum ctl_status token_revoke(struct tokens_edit *edit, const char *name)
{
	struct token *token = tokens_named(&edit->tokens, name);
	struct cart_error error;

	if (token == NULL)
		return ctl_fail(CTL_FAILED, "token: there is none with the name \"%s\"", name);
	tokens_edit_remove(edit, token);
	if (tokens_edit_save(edit, &error) != 0)
		return ctl_fail(CTL_FAILED, "token: %s", error.text);
	return CTL_OK;
}

static enum ctl_status token_do(const struct ctl *ctl, const struct token_options *options,
				struct tokens_edit *edit, struct token *token)
{
	if (strcmp(ctl->argv[1], "new") == 0)
		return token_add(edit, token);
	if (strcmp(ctl->argv[1], "list") == 0)
		return token_list(edit);
	return token_revoke(edit, options->name);
}

/* What is asked for, checked before the file is opened. */
static enum ctl_status token_check(const struct ctl *ctl, struct token_options *options,
				   struct token *token)
{
	const char *verb = ctl->argc > 1 ? ctl->argv[1] : "";
	bool revoke = strcmp(verb, "revoke") == 0;

	if (strcmp(verb, "new") != 0 && strcmp(verb, "list") != 0 && !revoke)
		return ctl_fail(CTL_USAGE, "token: say new, list or revoke");
	if (revoke && options->name == NULL && ctl->argc > 2)
		options->name = ctl->argv[2];
	else if (ctl->argc > 2)
		return ctl_fail(CTL_USAGE, "token: unexpected argument \"%s\"", ctl->argv[2]);
	if (ctl->argc > 3)
		return ctl_fail(CTL_USAGE, "token: unexpected argument \"%s\"", ctl->argv[3]);
	if (strcmp(verb, "new") == 0)
		return token_read_options(options, token);
	if (options->scope != NULL || options->customer != NULL || options->guest ||
	    options->expires != NULL)
		return ctl_fail(CTL_USAGE, "token: %s takes no such option", verb);
	if (revoke != (options->name != NULL))
		return ctl_fail(CTL_USAGE, revoke ? "token: revoke needs a name"
						  : "token: list takes no name");
	return CTL_OK;
}

static enum ctl_status ctl_token_run(struct ctl *ctl)
{
	struct token_options options = {0};
	const struct ctl_option known[] = {
		{.name = "--name", .value = &options.name},
		{.name = "--scope", .value = &options.scope},
		{.name = "--customer", .value = &options.customer},
		{.name = "--guest", .flag = &options.guest},
		{.name = "--expires", .value = &options.expires},
		{0},
	};
	struct token token = {0};
	struct tokens_edit edit;
	struct cart_error error;
	enum ctl_status status;

	if (ctl_parse(ctl, known) != CTL_OK || token_check(ctl, &options, &token) != CTL_OK)
		return CTL_USAGE;
	if (tokens_edit_open(&edit, settings_string(ctl->settings, "auth.token_file"), &error) != 0)
		return ctl_fail(CTL_FAILED, "token: %s", error.text);
	status = token_do(ctl, &options, &edit, &token);
	tokens_edit_close(&edit);
	return status;
}

const struct ctl_command ctl_token = {
	.name = "token",
	.synopsis = "new --name NAME --scope read,write,admin [--customer ID | --guest] "
		    "[--expires 30d] | list | revoke NAME",
	.summary = "Makes, lists and revokes the bearer tokens of auth=token",
	.help = "new prints the token, once; auth.token_file keeps its digest. cartd reads the "
		"file "
		"again\n"
		"within a second.\n"
		"\n"
		"Options:\n"
		"  --name NAME       who it is for; the log shows it\n"
		"  --scope LIST      what it allows: read, write, admin; none includes another\n"
		"  --customer ID     it reaches the carts of this customer alone\n"
		"  --guest           it reaches the carts of guests alone: for the page of a shop\n"
		"  --expires 30d     it is good for so long; without it, until it is revoked\n"
		"\n"
		"Examples:\n"
		"  cartctl --config /etc/cart/cartd.ini token new --name shop --scope read,write\n"
		"  cartctl --config /etc/cart/cartd.ini token revoke shop\n",
	.run = ctl_token_run,
};
