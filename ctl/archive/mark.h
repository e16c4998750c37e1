/*
 * The mark of a file, _open/DAY.HASH: of its carts some may be in the store. It is empty, or holds:
 *
 *	DAY.HASH	the file takes the place of that one
 *	restored ID	a line each: the cart was put back into the store, or was found there
 *	deleted ID	and then it was not there
 *
 * A cart counts as restored as long as nobody has asked for its removal because of this file:
 * settle.c takes these lines out before it removes the first cart. So one that is restored, and not
 * in the store any more, is not taken for one that the archive itself has removed.
 */
#ifndef CTL_ARCHIVE_MARK_H
#define CTL_ARCHIVE_MARK_H

#include "core/cart_id.h"
#include "ctl/archive/line.h"
#include "ctl/archive/place.h"

/* "2026-08-29.9f86d0…" */
#define ARCHIVE_HASH_TEXT 64
#define ARCHIVE_STEM_TEXT (ARCHIVE_DATE_TEXT + 1 + ARCHIVE_HASH_TEXT)
#define ARCHIVE_NAME_ROOM (ARCHIVE_STEM_TEXT + 32)

enum archive_given_state {
	ARCHIVE_RESTORED,
	ARCHIVE_DELETED,
	ARCHIVE_ASKED /* its removal may have been asked for: it is in no mark */
};

struct archive_given {
	struct cart_id id;
	enum archive_given_state state;
};

struct archive_mark {
	bool there;
	char replaces[ARCHIVE_STEM_TEXT + 1]; /* "": no file */
	struct archive_given *given;
	size_t count;
	size_t room;
	size_t sorted; /* of them, by id: those that were loaded */
};

/* Reads the mark of a file; none is an empty one. */
CART_MUST_CHECK int archive_mark_load(struct archive_place *place, const char *stem,
				      struct archive_mark *mark, struct cart_error *error);
/* What the text of a mark says. False: no memory. */
CART_MUST_CHECK bool archive_mark_parse(struct archive_mark *mark, const struct buf *text);
/* Frees what it holds; it is then empty. */
void archive_mark_clear(struct archive_mark *mark);
/* A cart that was loaded with the mark; NULL: the mark does not name it. */
struct archive_given *archive_mark_find(const struct archive_mark *mark, const struct cart_id *id);
/* The cart is in the store. False: no memory. */
CART_MUST_CHECK bool archive_mark_add(struct archive_mark *mark, const struct cart_id *id);
/* Appends what the mark of a file with these carts holds. */
void archive_mark_format(const struct archive_mark *mark, struct buf *text);
/* Writes the carts as the mark of a file that takes no other one's place any more. */
CART_MUST_CHECK int archive_mark_save(struct archive_place *place, const char *stem,
				      const struct archive_mark *mark, struct cart_error *error);
/* Marks a file; a mark that is there stays. replaces: the stem of the file whose place it takes,
 * and the mark then says that alone; NULL: of none. */
CART_MUST_CHECK int archive_mark(struct archive_place *place, const char *stem,
				 const char *replaces, struct cart_error *error);
CART_MUST_CHECK int archive_unmark(struct archive_place *place, const char *stem,
				   struct cart_error *error);

/* Takes "2026-08-29", a character between, and a hash. False: it is something else. */
CART_MUST_CHECK bool archive_stem_parse(const char *text, size_t len,
					char stem[ARCHIVE_STEM_TEXT + 1]);
/* The stem of the name of a mark. False: it is no such name. */
CART_MUST_CHECK bool archive_mark_stem(const char *name, char stem[ARCHIVE_STEM_TEXT + 1]);

#endif
