/* The shared config and credentials files: where they are, and what they say of one profile. */
#include "aws/cred.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Without a HOME there is no usual file: its path is "". */
static void cred_files_locate(const struct cred_context *context, const char *variable,
			      const char *usual, struct cred_file *file)
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

static int cred_files_read(const struct cred_file *file, const struct cred_section_of *of,
			   struct cred_section *section, struct cart_error *error)
{
	struct cred_text text = {0};
	int failed = file->path[0] != '\0' ? cred_file_read(file->path, &text, error) : ENOENT;
	int result;

	if (failed == ENOENT || failed == ENOTDIR)
		return 0;
	/* A service often has no right to read its home directory. */
	if (failed == EACCES && file->implied)
		return 0;
	if (failed != 0)
		return -1;
	result = cred_section_read(section, &text, of, file->path, error);
	cred_text_free(&text);
	return result;
}

void cred_files_absent(const struct cred_files *files, struct cart_error *error)
{
	const char *first = files->credentials.path, *second = files->config.path;

	cart_error_set(error, "%s is neither in %.150s nor in %.150s", files->profile,
		       *first != '\0' ? first : "(no HOME)",
		       *second != '\0' ? second : "(no HOME)");
}

/* Nobody works with another account or server than the one that he has named. */
static int cred_files_check(const struct cred_files *files, const char *named_by,
			    struct cart_error *error)
{
	struct cart_error why;

	if (named_by == NULL || files->credentials.section.found || files->config.section.found)
		return 0;
	cred_files_absent(files, &why);
	return cart_error_set(error, "%s: profile %.480s", named_by, why.text);
}

int cred_files_open(const struct cred_context *context, struct cred_files *files,
		    struct cart_error *error)
{
	static const char *const variables[] = {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"};
	char setting[32];
	const char *named_by = context->profile[0] != '\0' ? setting : NULL;
	struct cred_section_of of = {0};

	snprintf(setting, sizeof(setting), "%s.profile", context->service->name);
	*files = (struct cred_files){.profile = named_by != NULL ? context->profile : NULL};
	for (int i = 0; i < 2 && files->profile == NULL; i++) {
		files->profile = cred_env(context, variables[i]);
		named_by = files->profile != NULL ? variables[i] : NULL;
	}
	if (files->profile == NULL)
		files->profile = "default";
	if (strlen(files->profile) > CRED_NAME_MAX)
		return cart_error_set(error, "%s: the profile's name is longer than %d bytes",
				      named_by, CRED_NAME_MAX);
	cred_files_locate(context, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials",
			  &files->credentials);
	cred_files_locate(context, "AWS_CONFIG_FILE", "~/.aws/config", &files->config);
	of.name = files->profile;
	if (cred_files_read(&files->credentials, &of, &files->credentials.section, error) != 0)
		return -1;
	of.is_config = true;
	if (cred_files_read(&files->config, &of, &files->config.section, error) != 0)
		return -1;
	return cred_files_check(files, named_by, error);
}

const char *cred_files_value(const struct cred_files *files, enum cred_key key)
{
	const char *first = files->credentials.section.values[key];
	const char *second = files->config.section.values[key];

	if (first != NULL && *first != '\0')
		return first;
	return second != NULL && *second != '\0' ? second : NULL;
}

int cred_files_service_url(struct cred_files *files, const char *service, const char **url,
			   struct cart_error *error)
{
	const struct cred_section_of of = {.name = cred_files_value(files, CRED_KEY_SERVICES),
					   .service = service,
					   .is_config = true};

	*url = NULL;
	if (of.name == NULL)
		return 0;
	if (cred_files_read(&files->config, &of, &files->service, error) != 0)
		return -1;
	if (!files->service.found)
		return cart_error_set(error,
				      "profile %.127s wants services = %.127s, but there is no "
				      "section [services %.127s] in %.100s",
				      files->profile, of.name, of.name, files->config.path);
	*url = files->service.values[CRED_KEY_ENDPOINT];
	return 0;
}

void cred_files_close(struct cred_files *files)
{
	cred_section_free(&files->credentials.section);
	cred_section_free(&files->config.section);
	cred_section_free(&files->service);
}
