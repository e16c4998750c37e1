#include "core/feed/position.h"

#include "core/base/take.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define POSITION_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

void cart_feed_position_write(char text[CART_FEED_POSITION_TEXT], char form, int64_t number)
{
	snprintf(text, CART_FEED_POSITION_TEXT, "%c-%" PRId64, form, number);
}

bool cart_feed_is_foreign(const char *text, char form)
{
	if (text[0] < '1' || text[0] > CART_FEED_FORM_LAST || text[0] == form || text[1] != '-')
		return false;
	return text[2] != '\0' && text[strspn(text, POSITION_CHARACTERS)] == '\0';
}

enum cart_result cart_feed_position_read(const char *text, char form, int64_t *number)
{
	struct take take = {.at = text, .end = text + strlen(text)};

	if (cart_feed_is_foreign(text, form))
		return CART_CURSOR_FOREIGN;
	if (!take_char(&take, form) || !take_char(&take, '-') || !take_number(&take, number) ||
	    take.at != take.end)
		return CART_CURSOR_INVALID;
	/* As it is written: without zeros before it. */
	return text[2] != '0' || text[3] == '\0' ? CART_OK : CART_CURSOR_INVALID;
}
