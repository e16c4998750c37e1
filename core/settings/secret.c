/* Secrets that stand in files of their own, as container platforms mount them. */
#include "core/settings/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETTINGS_SECRET_MAX 4096

/* Reads up to room bytes. -1: errno says why. */
static ssize_t settings_read_all(int fd, char *data, size_t room)
{
	size_t len = 0;

	while (len < room) {
		ssize_t got = read(fd, data + len, room - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	return (ssize_t)len;
}

/* The length without a newline at the end, of either kind. */
static size_t settings_trim_newline(const char *data, size_t len)
{
	if (len > 0 && data[len - 1] == '\n')
		len--;
	if (len > 0 && data[len - 1] == '\r')
		len--;
	return len;
}

char *settings_read_secret(const char *path, struct cart_error *error)
{
	char data[SETTINGS_SECRET_MAX + 1];
	char *secret = NULL;
	ssize_t len;
	/* Not blocking: a named pipe without a writer would hold the start for ever. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		cart_error_set(error, "cannot open %s: %s", path, strerror(errno));
		return NULL;
	}
	len = settings_read_all(fd, data, sizeof(data));
	if (len < 0)
		cart_error_set(error, "cannot read %s: %s", path, strerror(errno));
	else if (len > SETTINGS_SECRET_MAX)
		cart_error_set(error, "%s is longer than the %d bytes of a secret", path,
			       SETTINGS_SECRET_MAX);
	else if (memchr(data, '\0', (size_t)len) != NULL)
		cart_error_set(error, "%s holds a NUL byte", path);
	else if ((len = (ssize_t)settings_trim_newline(data, (size_t)len)) == 0)
		cart_error_set(error, "%s is empty", path); /* or is just being rewritten */
	else if ((secret = strndup(data, (size_t)len)) == NULL)
		cart_error_set(error, "out of memory");
	explicit_bzero(data, sizeof(data));
	close(fd);
	return secret;
}

/* Reads the file of every secret that has one. -1: some are read, all are the caller's. */
static int settings_read_secrets(const struct settings *settings, char **secrets,
				 struct cart_error *error)
{
	for (size_t i = 0; i < settings->count; i++) {
		const struct settings_entry *file = settings->entries[i];
		struct cart_error why;

		if (!settings_is_secret_file(file) || !settings_is_given(file))
			continue;
		secrets[i] = settings_read_secret(file->value.text, &why);
		if (secrets[i] == NULL)
			return cart_error_set(error, "%s: %s", file->key, why.text);
	}
	return 0;
}

int settings_reload_secrets(struct settings *settings, struct cart_error *error)
{
	char **secrets = calloc(settings->count + 1, sizeof(*secrets));
	int rc;

	if (secrets == NULL)
		return cart_error_set(error, "out of memory");
	rc = settings_read_secrets(settings, secrets, error);
	pthread_mutex_lock(settings->secrets);
	for (size_t i = 0; i < settings->count && rc == 0; i++) {
		if (secrets[i] == NULL)
			continue;
		char **text = &settings->entries[i]->partner->value.text;
		char *old = *text;

		*text = secrets[i];
		secrets[i] = old;
	}
	pthread_mutex_unlock(settings->secrets);
	for (size_t i = 0; i < settings->count; i++)
		settings_secret_free(secrets[i]);
	free(secrets);
	return rc;
}
