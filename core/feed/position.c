#include "core/feed/position.h"

#include "core/base/take.h"

#include <inttypes.h>
#include <stdio.h>

void cart_feed_position_write(char text[CART_FEED_POSITION_TEXT], int64_t number)
{
	snprintf(text, CART_FEED_POSITION_TEXT, "1-%" PRId64, number);
}

bool cart_feed_position_read(const char *text, int64_t *number)
{
	struct take take = {.at = text, .end = text + strlen(text)};

	if (!take_text(&take, "1-") || !take_number(&take, number) || take.at != take.end)
		return false;
	/* As it is written: without zeros before it. */
	return text[2] != '0' || text[3] == '\0';
}
