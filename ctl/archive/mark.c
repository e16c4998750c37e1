#include "ctl/archive/mark.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK_FOLDER   "_open/"
#define MARK_RESTORED "restored "
#define MARK_DELETED  "deleted "

bool archive_stem_parse(const char *text, size_t len, char stem[ARCHIVE_STEM_TEXT + 1])
{
	const char *hash = text + ARCHIVE_DATE_TEXT + 1;

	if (len != ARCHIVE_STEM_TEXT || strspn(text, "0123456789-") != ARCHIVE_DATE_TEXT ||
	    strspn(hash, "0123456789abcdef") < ARCHIVE_HASH_TEXT)
		return false;
	snprintf(stem, ARCHIVE_STEM_TEXT + 1, "%.*s.%.*s", ARCHIVE_DATE_TEXT, text,
		 ARCHIVE_HASH_TEXT, hash);
	return true;
}

bool archive_mark_stem(const char *name, char stem[ARCHIVE_STEM_TEXT + 1])
{
	size_t skip = strlen(MARK_FOLDER);

	return strncmp(name, MARK_FOLDER, skip) == 0 &&
	       archive_stem_parse(name + skip, strlen(name + skip), stem);
}

static void mark_name(const char *stem, char name[ARCHIVE_NAME_ROOM])
{
	snprintf(name, ARCHIVE_NAME_ROOM, MARK_FOLDER "%s", stem);
}

void archive_mark_clear(struct archive_mark *mark)
{
	free(mark->given);
	*mark = (struct archive_mark){0};
}

static int mark_order(const void *a, const void *b)
{
	const struct archive_given *first = a, *second = b;

	return cart_id_compare(&first->id, &second->id);
}

struct archive_given *archive_mark_find(const struct archive_mark *mark, const struct cart_id *id)
{
	const struct archive_given key = {.id = *id};

	return mark->sorted > 0 ? bsearch(&key, mark->given, mark->sorted, sizeof(key), mark_order)
				: NULL;
}

static bool mark_append(struct archive_mark *mark, const struct archive_given *given)
{
	if (mark->count == mark->room) {
		size_t room = mark->room > 0 ? 2 * mark->room : 64;
		struct archive_given *more = reallocarray(mark->given, room, sizeof(*more));

		if (more == NULL)
			return false;
		mark->given = more;
		mark->room = room;
	}
	mark->given[mark->count++] = *given;
	return true;
}

bool archive_mark_add(struct archive_mark *mark, const struct cart_id *id)
{
	struct archive_given *known = archive_mark_find(mark, id);

	if (known == NULL)
		return mark_append(mark, &(struct archive_given){.id = *id});
	known->state = ARCHIVE_RESTORED;
	return true;
}

/* False: it is no line of a cart. */
static bool mark_line(const char *line, size_t len, struct archive_given *given)
{
	size_t restored = strlen(MARK_RESTORED), deleted = strlen(MARK_DELETED);

	if (len > restored && memcmp(line, MARK_RESTORED, restored) == 0) {
		given->state = ARCHIVE_RESTORED;
		return cart_id_parse(&given->id, line + restored, len - restored);
	}
	given->state = ARCHIVE_DELETED;
	return len > deleted && memcmp(line, MARK_DELETED, deleted) == 0 &&
	       cart_id_parse(&given->id, line + deleted, len - deleted);
}

/* A line that is none of ours says nothing, as an empty mark. */
bool archive_mark_parse(struct archive_mark *mark, const struct buf *text)
{
	bool done = true;

	for (size_t at = 0; at < text->len && done;) {
		const char *line = text->data + at;
		const char *end = memchr(line, '\n', text->len - at);
		size_t len = end != NULL ? (size_t)(end - line) : text->len - at;
		struct archive_given given;

		at += len + 1;
		if (end != NULL && mark_line(line, len, &given))
			done = mark_append(mark, &given);
	}
	if (mark->count > 0)
		qsort(mark->given, mark->count, sizeof(*mark->given), mark_order);
	mark->sorted = mark->count;
	return done;
}

int archive_mark_load(struct archive_place *place, const char *stem, struct archive_mark *mark,
		      struct cart_error *error)
{
	char name[ARCHIVE_NAME_ROOM];
	struct buf text = {0};
	int rc;

	*mark = (struct archive_mark){0};
	mark_name(stem, name);
	rc = place->kind->read(place, name, &text, error);
	mark->there = rc == 1;
	if (rc == 1 && text.len == ARCHIVE_STEM_TEXT) {
		if (!archive_stem_parse(buf_string(&text), text.len, mark->replaces))
			rc = cart_error_set(error, "the mark of %s names no file", stem);
	} else if (rc == 1 && !archive_mark_parse(mark, &text)) {
		rc = cart_error_set(error, "out of memory");
	}
	buf_free(&text);
	return rc < 0 ? -1 : 0;
}

void archive_mark_format(const struct archive_mark *mark, struct buf *text)
{
	for (size_t i = 0; i < mark->count; i++) {
		char id[CART_ID_TEXT + 1];

		if (mark->given[i].state == ARCHIVE_ASKED)
			continue;
		cart_id_format(&mark->given[i].id, id);
		buf_add_string(text, mark->given[i].state == ARCHIVE_RESTORED ? MARK_RESTORED
									      : MARK_DELETED);
		buf_add_string(text, id);
		buf_add_char(text, '\n');
	}
}

static int mark_write(struct archive_place *place, const char *stem, const struct buf *text,
		      struct cart_error *error)
{
	char name[ARCHIVE_NAME_ROOM];

	mark_name(stem, name);
	return text->failed ? cart_error_set(error, "out of memory")
			    : place->kind->write(place, name, text, error);
}

int archive_mark_save(struct archive_place *place, const char *stem,
		      const struct archive_mark *mark, struct cart_error *error)
{
	struct buf text = {0};
	int rc;

	archive_mark_format(mark, &text);
	rc = mark_write(place, stem, &text, error);
	buf_free(&text);
	return rc;
}

int archive_mark(struct archive_place *place, const char *stem, const char *replaces,
		 struct cart_error *error)
{
	char name[ARCHIVE_NAME_ROOM];
	struct buf text = {0};
	int rc = 0;

	mark_name(stem, name);
	if (replaces != NULL)
		buf_add_string(&text, replaces);
	else
		rc = place->kind->read(place, name, &text, error);
	if (rc == 0)
		rc = mark_write(place, stem, &text, error);
	buf_free(&text);
	return rc < 0 ? -1 : 0;
}

int archive_unmark(struct archive_place *place, const char *stem, struct cart_error *error)
{
	char name[ARCHIVE_NAME_ROOM];

	mark_name(stem, name);
	return place->kind->remove(place, name, error);
}
