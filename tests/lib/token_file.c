#include "tests/lib/token_file.h"

#include "tests/lib/cmocka.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

const char *token_file_add(struct token_file *file, const char *name, const char *scopes,
			   const char *members)
{
	struct token_file_entry *entry = &file->entries[file->count++];
	uint8_t hash[TOKEN_HASH_BYTES];
	char hex[TOKEN_HASH_TEXT + 1];

	assert_true(file->count <= TOKEN_FILE_MAX);
	assert_true(token_make(entry->secret, hash));
	token_hash_format(hash, hex);
	strcpy(stpcpy(stpcpy(entry->header, "Authorization: Bearer "), entry->secret), "\r\n");
	snprintf(entry->json, sizeof(entry->json),
		 "{\"name\":\"%s\",\"sha256\":\"%s\",\"scopes\":[%s],"
		 "\"created\":\"2025-11-01T23:30:00.000Z\"%s}",
		 name, hex, scopes, members);
	return entry->header;
}

void token_file_write(const struct token_file *file)
{
	char beside[320];
	FILE *out;

	snprintf(beside, sizeof(beside), "%s.new", file->path);
	out = fopen(beside, "w");
	assert_non_null(out);
	fputs("{\"tokens\":[", out);
	for (size_t i = 0; i < file->count; i++)
		fprintf(out, "%s%s\n", i > 0 ? "," : "", file->entries[i].json);
	fputs("]}\n", out);
	assert_int_equal(fchmod(fileno(out), 0600), 0);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(rename(beside, file->path), 0);
}
