/* Any bytes as a line of a file of the archive, and as a mark: what is taken is written, and read
 * again as it was. */
#include "ctl/archive/line.h"
#include "ctl/archive/mark.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static void fuzz_line(const char *line, size_t size)
{
	struct buf first = {0}, second = {0};
	struct cart_error why;
	struct cart cart;

	if (archive_line_read(&cart, line, size, &why) != 0)
		return;
	archive_line_write(&first, &cart);
	cart_clear(&cart);
	FUZZ_CHECK(!first.failed && first.len > 0);
	FUZZ_CHECK(archive_line_read(&cart, first.data, first.len - 1, &why) == 0);
	archive_line_write(&second, &cart);
	cart_clear(&cart);
	FUZZ_CHECK(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
	buf_free(&first);
	buf_free(&second);
}

static void fuzz_mark(const char *text, size_t size)
{
	struct archive_mark mark = {0}, again = {0};
	struct buf in = {0}, out = {0};

	buf_add(&in, text, size);
	FUZZ_CHECK(archive_mark_parse(&mark, &in));
	archive_mark_format(&mark, &out);
	FUZZ_CHECK(archive_mark_parse(&again, &out) && again.count == mark.count);
	for (size_t i = 0; i < mark.count; i++)
		FUZZ_CHECK(archive_mark_find(&again, &mark.given[i].id) != NULL);
	archive_mark_clear(&mark);
	archive_mark_clear(&again);
	buf_free(&in);
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_line((const char *)data, size);
	if (size > 0)
		fuzz_mark((const char *)data, size);
	return 0;
}
