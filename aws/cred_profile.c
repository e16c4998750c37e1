/*
 * A profile of the shared files: its keys, or the output of its credential_process. If both files
 * have keys, those of the credentials file are used.
 */
#include "aws/cred.h"

#include <stdio.h>
#include <string.h>

/* The keys of one file, never an id of one with a secret of the other. */
static enum cred_result cred_profile_static(const struct cred_file *file, const char *name,
					    struct aws_credentials *out, struct cart_error *error)
{
	char *const *values = file->section.values;
	struct cart_error why = {""};
	enum cred_result result =
		cred_set_pair(out, &cred_key_names[CRED_KEY_ID], values[CRED_KEY_ID],
			      values[CRED_KEY_SECRET], values[CRED_KEY_TOKEN], &why);

	if (result == CRED_WRONG)
		cart_error_set(error, "%.300s: %.100s: %.100s", file->path, name, why.text);
	return result;
}

/* The profile has nothing that can be used. WRONG: that is a mistake. */
static enum cred_result cred_profile_nothing(const struct cred_files *files,
					     struct cart_error *error)
{
	for (int key = CRED_KEY_ROLE; key < CRED_KEYS; key++)
		if (cred_files_value(files, (enum cred_key)key) != NULL)
			return CRED_END(CRED_WRONG, error,
					"%s has %s, which is not supported: name another profile "
					"that has credential_process = aws configure "
					"export-credentials --profile %s --format process",
					files->profile, cred_key_names[key], files->profile);
	if (files->credentials.section.found || files->config.section.found)
		return CRED_END(CRED_NONE, error, "%s has neither keys nor a credential_process",
				files->profile);
	cred_files_absent(files, error);
	return CRED_NONE;
}

static enum cred_result cred_profile_choose(struct cred_context *context,
					    const struct cred_files *files,
					    struct aws_credentials *out, struct cart_error *error)
{
	const char *command = cred_files_value(files, CRED_KEY_PROCESS);
	enum cred_result result;

	snprintf(context->origin, sizeof(context->origin), "profile %s", files->profile);
	/* Keys beside a role only serve to request the role: they are another identity, with other
	 * rights. */
	if (cred_files_value(files, CRED_KEY_ROLE) != NULL)
		return cred_profile_nothing(files, error);
	result = cred_profile_static(&files->credentials, files->profile, out, error);
	if (result == CRED_NONE)
		result = cred_profile_static(&files->config, files->profile, out, error);
	if (result != CRED_NONE)
		return result;
	if (command == NULL)
		return cred_profile_nothing(files, error);
	snprintf(context->origin, sizeof(context->origin), "credential_process of profile %s",
		 files->profile);
	return cred_process_fetch(context, command, out, error);
}

static enum cred_result cred_profile_fetch(struct cred_context *context,
					   struct aws_credentials *out, struct cart_error *error)
{
	struct cred_files files;
	enum cred_result result = CRED_WRONG;

	if (cred_files_open(context, &files, error) == 0)
		result = cred_profile_choose(context, &files, out, error);
	cred_files_close(&files);
	return result;
}

const struct cred_provider cred_profile = {
	.name = "profile",
	.fetch = cred_profile_fetch,
};
