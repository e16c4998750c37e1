#include "ctl/archive/file.h"

#include "ctl/archive/gzip.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_END     ".jsonl.gz"
#define FILE_DELETED "_deleted/"

bool archive_file_add(struct archive_file *file, const struct cart *cart)
{
	if (file->count == file->room) {
		size_t room = file->room > 0 ? 2 * file->room : 256;
		struct archive_cart *carts = reallocarray(file->carts, room, sizeof(*carts));

		if (carts == NULL)
			return false;
		file->carts = carts;
		file->room = room;
	}
	file->carts[file->count++] = (struct archive_cart){
		.id = cart->id, .version = cart->version, .at = file->text.len};
	archive_line_write(&file->text, cart);
	return !file->text.failed;
}

size_t archive_file_line_len(const struct archive_file *file, size_t at)
{
	size_t end = at + 1 < file->count ? file->carts[at + 1].at : file->text.len;

	return end - file->carts[at].at - 1;
}

void archive_file_clear(struct archive_file *file)
{
	buf_free(&file->text);
	free(file->carts);
	*file = (struct archive_file){0};
}

void archive_file_name(const char *stem, char name[ARCHIVE_NAME_ROOM])
{
	snprintf(name, ARCHIVE_NAME_ROOM, "dt=%.*s/%s" FILE_END, ARCHIVE_DATE_TEXT, stem,
		 stem + ARCHIVE_DATE_TEXT + 1);
}

bool archive_file_stem(const char *name, char stem[ARCHIVE_STEM_TEXT + 1])
{
	size_t len = strlen(name), end = strlen(FILE_END);

	return len > 3 + end && strncmp(name, "dt=", 3) == 0 &&
	       strcmp(name + len - end, FILE_END) == 0 &&
	       archive_stem_parse(name + 3, len - 3 - end, stem);
}

/* The stem that the content gives. */
static bool file_hash(const struct archive_file *file, char stem[ARCHIVE_STEM_TEXT + 1])
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	char *at = stem;

	if (EVP_Digest(file->text.data, file->text.len, hash, NULL, EVP_sha256(), NULL) != 1)
		return false;
	at += snprintf(at, ARCHIVE_STEM_TEXT + 1, "%s.", file->date);
	for (size_t i = 0; i < ARCHIVE_HASH_TEXT / 2; i++)
		at += snprintf(at, 3, "%02x", hash[i]);
	return true;
}

/* Whole: *text is what it holds. */
static enum archive_found file_unpack(struct archive_place *place, const char *name,
				      struct buf *text, struct cart_error *error)
{
	struct buf packed = {0};
	int rc = place->kind->read(place, name, &packed, error);
	enum archive_found found = rc < 0 ? ARCHIVE_FAILED : rc == 0 ? ARCHIVE_NONE : ARCHIVE_WHOLE;

	if (rc == 1 && !archive_gunzip(text, &packed)) {
		found = text->failed ? ARCHIVE_FAILED : ARCHIVE_DAMAGED;
		if (text->failed)
			cart_error_set(error, "out of memory");
		else
			cart_error_set(error, "%s is damaged: it is no whole gzip", name);
	}
	buf_free(&packed);
	return found;
}

/* A line that a cart is read from, and that is written for this cart. */
static int file_check_line(const char *line, size_t len, struct buf *again,
			   struct cart_error *error)
{
	struct cart cart;
	bool same;

	if (archive_line_read(&cart, line, len, error) != 0)
		return -1;
	buf_reset(again);
	archive_line_write(again, &cart);
	cart_clear(&cart);
	same = !again->failed && again->len == len + 1 && memcmp(again->data, line, len) == 0;
	return same ? 0 : cart_error_set(error, "it is read as another cart");
}

static int file_check(struct archive_place *place, const struct archive_file *file,
		      const char *name, struct cart_error *error)
{
	struct buf text = {0}, again = {0};
	enum archive_found found = file_unpack(place, name, &text, error);
	int rc = found == ARCHIVE_WHOLE ? 0 : -1;

	if (found == ARCHIVE_NONE)
		cart_error_set(error, "%s was written and is not there", name);
	else if (rc == 0 &&
		 (text.len != file->text.len || memcmp(text.data, file->text.data, text.len) != 0))
		rc = cart_error_set(error, "%s was written and holds something else", name);
	for (size_t i = 0; i < file->count && rc == 0; i++) {
		struct cart_error why;

		rc = file_check_line(text.data + file->carts[i].at, archive_file_line_len(file, i),
				     &again, &why);
		if (rc != 0)
			cart_error_set(error, "%s: line %zu: %s", name, i + 1, why.text);
	}
	buf_free(&text);
	buf_free(&again);
	return rc;
}

static int file_write(struct archive_place *place, const struct archive_file *file,
		      const char *name, struct cart_error *error)
{
	struct buf packed = {0};
	int rc = archive_gzip(&packed, &file->text)
			 ? place->kind->write(place, name, &packed, error)
			 : cart_error_set(error, "out of memory");

	buf_free(&packed);
	return rc;
}

int archive_file_publish(struct archive_place *place, struct archive_file *file,
			 const char *replaces, struct cart_error *error)
{
	char name[ARCHIVE_NAME_ROOM];

	if (!file_hash(file, file->stem))
		return cart_error_set(error, "no digest");
	archive_file_name(file->stem, name);
	if (archive_mark(place, file->stem, replaces, error) != 0 ||
	    file_write(place, file, name, error) != 0)
		return -1;
	return file_check(place, file, name, error);
}

int archive_file_put_aside(struct archive_place *place, struct archive_file *file,
			   struct cart_error *error)
{
	char name[ARCHIVE_NAME_ROOM];

	if (!file_hash(file, file->stem))
		return cart_error_set(error, "no digest");
	snprintf(name, sizeof(name), FILE_DELETED "%s" FILE_END, file->stem);
	return file_write(place, file, name, error) == 0 ? file_check(place, file, name, error)
							 : -1;
}

/* damaged as for archive_file_load_lines(). */
static enum archive_found file_take_lines(struct archive_file *file, const struct buf *text,
					  const char *name, archive_line_fn *damaged, void *user,
					  struct cart_error *error)
{
	size_t at = 0;

	for (size_t number = 1; at < text->len; number++) {
		const char *line = text->data + at;
		const char *end = memchr(line, '\n', text->len - at);
		size_t len = end != NULL ? (size_t)(end - line) : text->len - at;
		struct cart_error why = {.text = "it has no end"};
		struct cart cart = {0};
		bool added;

		at += len + 1;
		if (end == NULL || archive_line_read(&cart, line, len, &why) != 0) {
			cart_error_set(error, "%s: line %zu: %s", name, number, why.text);
			if (damaged == NULL)
				return ARCHIVE_DAMAGED;
			damaged(error->text, user);
			continue;
		}
		added = archive_file_add(file, &cart);
		cart_clear(&cart);
		if (!added) {
			cart_error_set(error, "out of memory");
			return ARCHIVE_FAILED;
		}
	}
	return ARCHIVE_WHOLE;
}

enum archive_found archive_file_load_lines(struct archive_place *place, const char *stem,
					   archive_line_fn *damaged, void *user,
					   struct archive_file *file, struct cart_error *error)
{
	char name[ARCHIVE_NAME_ROOM];
	struct buf text = {0};
	enum archive_found found;

	*file = (struct archive_file){0};
	archive_file_name(stem, name);
	memcpy(file->date, stem, ARCHIVE_DATE_TEXT);
	memcpy(file->stem, stem, sizeof(file->stem));
	found = file_unpack(place, name, &text, error);
	if (found == ARCHIVE_WHOLE)
		found = file_take_lines(file, &text, name, damaged, user, error);
	buf_free(&text);
	if (found != ARCHIVE_WHOLE)
		archive_file_clear(file);
	return found;
}

enum archive_found archive_file_load(struct archive_place *place, const char *stem,
				     struct archive_file *file, struct cart_error *error)
{
	char hash[ARCHIVE_STEM_TEXT + 1], name[ARCHIVE_NAME_ROOM];
	enum archive_found found = archive_file_load_lines(place, stem, NULL, NULL, file, error);

	if (found != ARCHIVE_WHOLE)
		return found;
	if (!file_hash(file, hash)) {
		cart_error_set(error, "no digest");
		found = ARCHIVE_FAILED;
	} else if (strcmp(hash, stem) != 0) {
		archive_file_name(stem, name);
		cart_error_set(error, "%s does not hold what its name says", name);
		found = ARCHIVE_DAMAGED;
	}
	if (found != ARCHIVE_WHOLE)
		archive_file_clear(file);
	return found;
}
