/* Changes the file of tokens, for cartctl. A change is a new file, written beside and renamed, so
 * that whoever reads it sees the old or the new one; editors wait for each other. */
#ifndef SERVER_ACCESS_TOKENS_EDIT_H
#define SERVER_ACCESS_TOKENS_EDIT_H

#include "server/access/tokens.h"

struct tokens_edit {
	struct tokens tokens; /* what the file holds; may be changed by the next three */
	const char *path;
	int folder; /* locked while the edit is open; -1: not open */
};

/* Locks and reads; a file that is not there holds no tokens. -1: error says why. */
CART_MUST_CHECK int tokens_edit_open(struct tokens_edit *edit, const char *path,
				     struct cart_error *error);
/* False: no memory. */
CART_MUST_CHECK bool tokens_edit_add(struct tokens_edit *edit, const struct token *token);
/* token: one of edit->tokens. */
void tokens_edit_remove(struct tokens_edit *edit, struct token *token);
/* Writes the file, mode 0600. For root: with the owner of the old file, or of its folder. */
CART_MUST_CHECK int tokens_edit_save(const struct tokens_edit *edit, struct cart_error *error);
void tokens_edit_close(struct tokens_edit *edit);

#endif
