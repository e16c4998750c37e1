/* Text that may be secret, and credentials made of it. */
#include "aws/cred.h"

#include "core/base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int cred_text_new(struct cred_text *text, size_t room, struct cart_error *error)
{
	*text = (struct cred_text){.data = malloc(room + 1), .room = room};
	if (text->data == NULL)
		return cart_error_set(error, "out of memory");
	text->data[0] = '\0';
	return 0;
}

bool cred_text_add(struct cred_text *text, const void *data, size_t len)
{
	if (len > text->room - text->len)
		return false;
	memcpy(text->data + text->len, data, len);
	text->len += len;
	text->data[text->len] = '\0';
	return true;
}

void cred_text_trim(struct cred_text *text)
{
	while (text->len > 0 && strchr(" \t\r\n", text->data[text->len - 1]) != NULL)
		text->data[--text->len] = '\0';
}

void cred_text_free(struct cred_text *text)
{
	if (text->data != NULL)
		explicit_bzero(text->data, text->len);
	free(text->data);
	*text = (struct cred_text){0};
}

/* 0, or the errno. */
static int cred_file_fill(int fd, struct cred_text *text)
{
	for (;;) {
		/* Reads one byte more than the room, to detect a larger file. */
		ssize_t got = read(fd, text->data + text->len, text->room + 1 - text->len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		if ((size_t)got > text->room - text->len) {
			explicit_bzero(text->data, text->room + 1);
			return EFBIG;
		}
		text->len += (size_t)got;
		text->data[text->len] = '\0';
		if (got == 0)
			return 0;
	}
}

int cred_file_read(const char *path, struct cred_text *text, struct cart_error *error)
{
	/* Not blocking: a named pipe without a writer would block the thread for ever. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int failed;

	*text = (struct cred_text){0};
	if (fd < 0) {
		failed = errno;
	} else if (cred_text_new(text, CRED_FILE_MAX, error) != 0) {
		failed = ENOMEM;
	} else {
		failed = cred_file_fill(fd, text);
		if (failed != 0)
			cred_text_free(text);
	}
	if (failed != 0)
		cart_error_set(error, "cannot read %s: %s", path, strerror(failed));
	if (fd >= 0)
		close(fd);
	return failed;
}

int cred_copy(char *to, size_t room, const char *value, size_t len, const char *name,
	      struct cart_error *error)
{
	if (len == 0)
		return cart_error_set(error, "%s is empty", name);
	if (len >= room)
		return cart_error_set(error, "%s is longer than %zu bytes", name, room - 1);
	for (size_t i = 0; i < len; i++)
		if (value[i] <= ' ' || value[i] > '~')
			return cart_error_set(error, "%s holds a byte that is no visible ASCII",
					      name);
	memcpy(to, value, len);
	to[len] = '\0';
	return 0;
}

void cred_printable(char *to, size_t room, const char *text)
{
	size_t i;

	for (i = 0; i + 1 < room && text[i] != '\0'; i++)
		to[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	to[i] = '\0';
}

int cred_set(struct aws_credentials *out, const char *id, const char *secret, const char *token,
	     const char *expires, struct cart_error *error)
{
	explicit_bzero(out, sizeof(*out));
	if (cred_copy(out->access_key_id, sizeof(out->access_key_id), id, strlen(id),
		      "the access key's id", error) != 0)
		return -1;
	if (cred_copy(out->secret_access_key, sizeof(out->secret_access_key), secret,
		      strlen(secret), "the secret access key", error) != 0)
		return -1;
	if (token != NULL && *token != '\0' &&
	    cred_copy(out->session_token, sizeof(out->session_token), token, strlen(token),
		      "the session token", error) != 0)
		return -1;
	/* 0 means never, so 1970-01-01 becomes 1 ms later. */
	if (expires != NULL && !units_parse_time(expires, strlen(expires), &out->expires_ms))
		return cart_error_set(error, "the expiration is no RFC 3339 time");
	if (expires != NULL && out->expires_ms == 0)
		out->expires_ms = 1;
	return 0;
}

enum cred_result cred_set_pair(struct aws_credentials *out, const char *const names[2],
			       const char *id, const char *secret, const char *token,
			       struct cart_error *error)
{
	int given = id != NULL ? 0 : 1;

	if (id == NULL && secret == NULL)
		return CRED_END(CRED_NONE, error, "%s is not set", names[0]);
	if (id == NULL || secret == NULL)
		return CRED_END(CRED_WRONG, error, "%s is set, but not %s", names[given],
				names[1 - given]);
	return cred_set(out, id, secret, token, NULL, error) == 0 ? CRED_GOT : CRED_WRONG;
}
