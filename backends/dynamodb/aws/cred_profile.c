/*
 * A profile of the shared files: its keys, or the output of its credential_process. If both files
 * have keys, those of the credentials file are used.
 */
#include "backends/dynamodb/aws/cred.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

struct cred_profile_file {
	char path[PATH_MAX];
	bool implied; /* the usual path, not one from a variable */
	bool is_config;
	int failed; /* the errno of reading it */
	struct cred_section section;
};

struct cred_profile_files {
	const char *name;
	bool chosen; /* the profile was named, by the settings or AWS_PROFILE */
	struct cred_profile_file credentials, config;
};

/* Without a HOME there is no usual file: its path is "". */
static void cred_profile_locate(const struct cred_context *context, const char *variable,
				const char *usual, struct cred_profile_file *file)
{
	const char *path = cred_env(context, variable);
	const char *home = cred_env(context, "HOME");
	int len;

	file->implied = path == NULL;
	if (path == NULL)
		path = usual;
	if (strncmp(path, "~/", 2) != 0)
		len = snprintf(file->path, sizeof(file->path), "%s", path);
	else if (home != NULL)
		len = snprintf(file->path, sizeof(file->path), "%s%s", home, path + 1);
	else
		len = snprintf(file->path, sizeof(file->path), "%s", "");
	if (len >= (int)sizeof(file->path))
		file->path[0] = '\0';
}

static int cred_profile_read(struct cred_profile_file *file, const char *profile,
			     struct cart_error *error)
{
	struct cred_text text = {0};
	int result;

	file->failed = file->path[0] != '\0' ? cred_file_read(file->path, &text, error) : ENOENT;
	if (file->failed == ENOENT || file->failed == ENOTDIR)
		return 0;
	/* A service often has no right to read its home directory. */
	if (file->failed == EACCES && file->implied)
		return 0;
	if (file->failed != 0)
		return -1;
	result = cred_section_read(&file->section, &text, profile, file->is_config, file->path,
				   error);
	cred_text_free(&text);
	return result;
}

static int cred_profile_open(const struct cred_context *context, struct cred_profile_files *files,
			     struct cart_error *error)
{
	const char *named =
		context->profile[0] != '\0' ? context->profile : cred_env(context, "AWS_PROFILE");

	files->chosen = named != NULL;
	files->name = named != NULL ? named : "default";
	cred_profile_locate(context, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials",
			    &files->credentials);
	cred_profile_locate(context, "AWS_CONFIG_FILE", "~/.aws/config", &files->config);
	files->config.is_config = true;
	if (strlen(files->name) > CRED_NAME_MAX)
		return cart_error_set(error, "the profile's name is longer than %d bytes",
				      CRED_NAME_MAX);
	if (cred_profile_read(&files->credentials, files->name, error) != 0)
		return -1;
	return cred_profile_read(&files->config, files->name, error);
}

/* NULL: neither file has the key, or it is empty. */
static const char *cred_profile_value(const struct cred_profile_files *files, enum cred_key key)
{
	const char *first = files->credentials.section.values[key];
	const char *second = files->config.section.values[key];

	if (first != NULL && *first != '\0')
		return first;
	return second != NULL && *second != '\0' ? second : NULL;
}

/* The keys of one file, never an id of one with a secret of the other. */
static enum cred_result cred_profile_static(const struct cred_profile_file *file, const char *name,
					    struct ddb_credentials *out, struct cart_error *error)
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
static enum cred_result cred_profile_nothing(const struct cred_profile_files *files,
					     struct cart_error *error)
{
	const char *first = files->credentials.path, *second = files->config.path;

	for (int key = CRED_KEY_ROLE; key < CRED_KEYS; key++)
		if (cred_profile_value(files, (enum cred_key)key) != NULL)
			return CRED_END(CRED_WRONG, error,
					"%s wants %s, which is not supported: have a "
					"credential_process ask for it",
					files->name, cred_key_names[key]);
	if (files->credentials.section.found || files->config.section.found)
		return CRED_END(CRED_NONE, error, "%s has neither keys nor a credential_process",
				files->name);
	return CRED_END(files->chosen ? CRED_WRONG : CRED_NONE, error,
			"%s is neither in %s nor in %s", files->name,
			*first != '\0' ? first : "(no HOME)",
			*second != '\0' ? second : "(no HOME)");
}

static enum cred_result cred_profile_choose(struct cred_context *context,
					    const struct cred_profile_files *files,
					    struct ddb_credentials *out, struct cart_error *error)
{
	const char *command = cred_profile_value(files, CRED_KEY_PROCESS);
	enum cred_result result;

	snprintf(context->origin, sizeof(context->origin), "profile %s", files->name);
	/* Keys beside a role only serve to request the role: they are another identity, with other
	 * rights. */
	if (cred_profile_value(files, CRED_KEY_ROLE) != NULL)
		return cred_profile_nothing(files, error);
	result = cred_profile_static(&files->credentials, files->name, out, error);
	if (result == CRED_NONE)
		result = cred_profile_static(&files->config, files->name, out, error);
	if (result != CRED_NONE)
		return result;
	if (command == NULL)
		return cred_profile_nothing(files, error);
	snprintf(context->origin, sizeof(context->origin), "credential_process of profile %s",
		 files->name);
	return cred_process_fetch(context, command, out, error);
}

static void cred_profile_close(struct cred_profile_files *files)
{
	cred_section_free(&files->credentials.section);
	cred_section_free(&files->config.section);
}

static enum cred_result cred_profile_fetch(struct cred_context *context,
					   struct ddb_credentials *out, struct cart_error *error)
{
	struct cred_profile_files files = {0};
	enum cred_result result = CRED_WRONG;

	if (cred_profile_open(context, &files, error) == 0)
		result = cred_profile_choose(context, &files, out, error);
	cred_profile_close(&files);
	return result;
}

const struct cred_provider cred_profile = {
	.name = "profile",
	.fetch = cred_profile_fetch,
};

void ddb_region_find(const struct ddb_credentials_config *config, char *region, size_t room)
{
	struct cred_context context;
	struct cred_profile_files files = {0};
	struct cart_error error;
	const char *found = NULL;

	region[0] = '\0';
	if (cred_context_init(&context, config, &error) != 0)
		return;
	found = cred_env(&context, "AWS_REGION");
	if (found == NULL)
		found = cred_env(&context, "AWS_DEFAULT_REGION");
	if (found == NULL && cred_profile_open(&context, &files, &error) == 0)
		found = cred_profile_value(&files, CRED_KEY_REGION);
	if (found != NULL && strlen(found) < room)
		memcpy(region, found, strlen(found) + 1);
	cred_profile_close(&files);
}
