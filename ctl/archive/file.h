/*
 * A file of the archive: the carts of one day, as JSON Lines. Its name is the SHA-256 of these, so
 * the same carts are the same file, and writing it again changes nothing:
 *
 *	dt=2026-08-29/9f86d0….jsonl.gz
 *	_open/2026-08-29.9f86d0…	its mark
 *
 * The promise that readers count on: of the carts in a file without a mark none is in the store.
 * So a file is marked before it is written, and its mark is removed when its carts were removed
 * from the store. Whoever finds a mark (mark.h) ends what it stands for (settle.h). A cart that has
 *changed since goes out of its file: another one without it takes its place, whose mark says so.
 */
#ifndef CTL_ARCHIVE_FILE_H
#define CTL_ARCHIVE_FILE_H

#include "ctl/archive/line.h"
#include "ctl/archive/mark.h"
#include "ctl/archive/place.h"

/* A cart of a file, and where its line begins. */
struct archive_cart {
	struct cart_id id;
	int64_t version;
	size_t at;
};

struct archive_file {
	char date[ARCHIVE_DATE_TEXT + 1];
	char stem[ARCHIVE_STEM_TEXT + 1]; /* once it was published or loaded */
	struct buf text;
	struct archive_cart *carts;
	size_t count;
	size_t room;
};

/* False: no memory. The cart is of the file's date. */
CART_MUST_CHECK bool archive_file_add(struct archive_file *file, const struct cart *cart);
/* The length of a line, without its newline. */
size_t archive_file_line_len(const struct archive_file *file, size_t at);
/* Frees what it holds; it is then empty. */
void archive_file_clear(struct archive_file *file);

/*
 * Marks and writes the file, reads it back, unpacks it, compares it and reads every cart in it.
 * replaces: the stem of the file whose place it takes; NULL: of none. Any thread. -1: error says
 * why.
 */
CART_MUST_CHECK int archive_file_publish(struct archive_place *place, struct archive_file *file,
					 const char *replaces, struct cart_error *error);
/*
 * Writes the carts of a file into _deleted/, where no reader of the archive looks, reads them back
 * and compares them. The name has their digest, so that a repeat overwrites itself.
 */
CART_MUST_CHECK int archive_file_put_aside(struct archive_place *place, struct archive_file *file,
					   struct cart_error *error);
enum archive_found {
	ARCHIVE_FAILED = -1, /* error says why; it may be otherwise another time */
	ARCHIVE_NONE,
	ARCHIVE_WHOLE,
	ARCHIVE_DAMAGED /* error says what is wrong with it */
};

/* Reads a file, which must be what its name says. It is empty unless it is whole. */
CART_MUST_CHECK enum archive_found archive_file_load(struct archive_place *place, const char *stem,
						     struct archive_file *file,
						     struct cart_error *error);
/* Is told of a line that no cart can be read from. */
typedef void archive_line_fn(const char *what, void *user);
/* Reads the lines of a file, whatever its name is. damaged: the file is whole without such lines;
 * NULL: it is damaged if it has one. */
CART_MUST_CHECK enum archive_found archive_file_load_lines(struct archive_place *place,
							   const char *stem,
							   archive_line_fn *damaged, void *user,
							   struct archive_file *file,
							   struct cart_error *error);

/* "dt=2026-08-29/9f86d0….jsonl.gz" of a stem, and the reverse. False: it is no such name. */
void archive_file_name(const char *stem, char name[ARCHIVE_NAME_ROOM]);
CART_MUST_CHECK bool archive_file_stem(const char *name, char stem[ARCHIVE_STEM_TEXT + 1]);

#endif
