/* A file of bearer tokens for a cartd under test. */
#ifndef TESTS_LIB_TOKEN_FILE_H
#define TESTS_LIB_TOKEN_FILE_H

#include "server/access/tokens.h"

#define TOKEN_FILE_MAX 10

struct token_file {
	char path[300];
	struct token_file_entry {
		char secret[TOKEN_TEXT + 1];
		char header[TOKEN_TEXT + 32]; /* "Authorization: Bearer ...\r\n" */
		char json[512];
	} entries[TOKEN_FILE_MAX];
	size_t count;
};

/* Adds a token to those that token_file_write() writes. members: further ones, such as
 * ",\"customer\":\"7\"", or "". Returns the header line that sends it. */
const char *token_file_add(struct token_file *file, const char *name, const char *scopes,
			   const char *members);
/* Writes file->path anew, beside and renamed. */
void token_file_write(const struct token_file *file);

#endif
