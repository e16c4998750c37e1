#include "server/access/tokens_edit.h"

#include "core/base/buf.h"
#include "core/base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder of a file, opened. */
static int edit_open_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *name;
	int fd;

	if (slash == NULL)
		return open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	name = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	fd = name != NULL ? open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	free(name);
	return fd;
}

int tokens_edit_open(struct tokens_edit *edit, const char *path, struct cart_error *error)
{
	*edit = (struct tokens_edit){.path = path, .folder = edit_open_folder(path)};
	if (edit->folder < 0 || flock(edit->folder, LOCK_EX) != 0) {
		cart_error_set(error, "the folder of %s: %s", path, strerror(errno));
		tokens_edit_close(edit);
		return -1;
	}
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return 0;
	if (tokens_load(&edit->tokens, path, error) == 0)
		return 0;
	tokens_edit_close(edit);
	return -1;
}

bool tokens_edit_add(struct tokens_edit *edit, const struct token *token)
{
	struct tokens *tokens = &edit->tokens;
	struct token *all = reallocarray(tokens->all, tokens->count + 1, sizeof(*all));

	if (all == NULL)
		return false;
	all[tokens->count++] = *token;
	tokens->all = all;
	return true;
}

void tokens_edit_remove(struct tokens_edit *edit, struct token *token)
{
	struct tokens *tokens = &edit->tokens;

	*token = tokens->all[--tokens->count];
}

static void edit_add_time(struct buf *out, const char *name, int64_t ms)
{
	char time[UNITS_TIME_TEXT + 1];

	units_format_time(ms, time);
	buf_printf(out, ", \"%s\": \"%s\"", name, time);
}

static void edit_add_token(struct buf *out, const struct token *token)
{
	char hash[TOKEN_HASH_TEXT + 1];
	const char *comma = "";

	token_hash_format(token->hash, hash);
	buf_printf(out, "{\"name\": \"%s\", \"sha256\": \"%s\", \"scopes\": [", token->caller.name,
		   hash);
	for (unsigned i = 0; i < ACCESS_SCOPES; i++)
		if ((token->caller.scopes & 1u << i) != 0) {
			buf_printf(out, "%s\"%s\"", comma, access_scope_name(1u << i));
			comma = ", ";
		}
	buf_add_char(out, ']');
	if (token->caller.bound) {
		buf_add_string(out, ", \"customer\": ");
		if (token->caller.customer.size > 0)
			buf_add_json_string(out, token->caller.customer.text);
		else
			buf_add_string(out, "null");
	}
	edit_add_time(out, "created", token->created_ms);
	if (token->expires_ms != 0)
		edit_add_time(out, "expires", token->expires_ms);
	buf_add_char(out, '}');
}

static void edit_write(struct buf *out, const struct tokens *tokens)
{
	buf_add_string(out, "{\"tokens\": [");
	for (size_t i = 0; i < tokens->count; i++) {
		buf_add_string(out, i > 0 ? ",\n  " : "\n  ");
		edit_add_token(out, &tokens->all[i]);
	}
	buf_add_string(out, "\n]}\n");
}

/* cartd runs under an account of its own and must be able to read what root has written. */
static bool edit_give_to_owner(const struct tokens_edit *edit, int fd)
{
	struct stat owner;

	if (geteuid() != 0)
		return true;
	if (stat(edit->path, &owner) != 0 && fstat(edit->folder, &owner) != 0)
		return false;
	return fchown(fd, owner.st_uid, owner.st_gid) == 0;
}

static bool edit_write_all(int fd, const struct buf *out)
{
	for (size_t at = 0; at < out->len;) {
		ssize_t wrote = write(fd, out->data + at, out->len - at);

		if (wrote < 0)
			return false;
		at += (size_t)wrote;
	}
	return true;
}

int tokens_edit_save(const struct tokens_edit *edit, struct cart_error *error)
{
	struct buf out = {0};
	char *beside = NULL;
	int fd = -1, rc = -1;

	edit_write(&out, &edit->tokens);
	if (out.failed || asprintf(&beside, "%s.XXXXXX", edit->path) < 0) {
		beside = NULL;
		cart_error_set(error, "out of memory");
		goto out;
	}
	/* With mode 0600. */
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd >= 0 && edit_give_to_owner(edit, fd) && edit_write_all(fd, &out) && fsync(fd) == 0 &&
	    rename(beside, edit->path) == 0) {
		(void)fsync(edit->folder);
		rc = 0;
		goto out;
	}
	cart_error_set(error, "cannot write %s: %s", edit->path, strerror(errno));
	if (fd >= 0)
		unlink(beside);
out:
	if (fd >= 0)
		close(fd);
	free(beside);
	buf_free(&out);
	return rc;
}

void tokens_edit_close(struct tokens_edit *edit)
{
	tokens_clear(&edit->tokens);
	/* The lock goes with it. */
	if (edit->folder >= 0)
		close(edit->folder);
	edit->folder = -1;
}
