#include "backends/dynamodb/feed/cursor.h"

#include "core/base/take.h"
#include "core/feed/position.h"

#include <string.h>

#define CURSOR_TAG_TEXT	   8
#define CURSOR_TIME_TEXT   6
#define CURSOR_DIGITS_TEXT 23 /* of the largest sequence number */

static const char cursor_alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* -1: the character is no digit. */
static int cursor_digit(char c)
{
	const char *at = c != '\0' ? strchr(cursor_alphabet, c) : NULL;

	return at != NULL ? (int)(at - cursor_alphabet) : -1;
}

static char *cursor_write_number(char *to, uint64_t number, size_t width)
{
	for (size_t i = width; i-- > 0; number >>= 6)
		to[i] = cursor_alphabet[number & 63];
	return to + width;
}

static bool cursor_take_number(struct take *take, uint64_t *number, size_t width)
{
	*number = 0;
	for (size_t i = 0; i < width; i++) {
		int digit = take->at < take->end ? cursor_digit(*take->at++) : -1;

		if (digit < 0)
			return false;
		*number = *number << 6 | (uint64_t)digit;
	}
	return true;
}

bool ddb_cursor_is_sequence(const char *text)
{
	size_t len = strspn(text, "0123456789");

	return len >= 1 && len <= DDB_SEQUENCE_DIGITS && text[len] == '\0' &&
	       (text[0] != '0' || len == 1);
}

/* Divides the decimal number by 64. Returns the rest. */
static int sequence_divide(uint8_t digits[DDB_SEQUENCE_DIGITS], size_t count)
{
	int rest = 0;

	for (size_t i = 0; i < count; i++) {
		int value = 10 * rest + digits[i];

		digits[i] = (uint8_t)(value / 64);
		rest = value % 64;
	}
	return rest;
}

static bool sequence_is_zero(const uint8_t *digits, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (digits[i] != 0)
			return false;
	return true;
}

/* Digits to the base of 64, the last one first. Returns how many. */
static size_t sequence_to_64(const char *sequence, uint8_t to[CURSOR_DIGITS_TEXT])
{
	uint8_t digits[DDB_SEQUENCE_DIGITS];
	size_t count = strlen(sequence), len = 0;

	for (size_t i = 0; i < count; i++)
		digits[i] = (uint8_t)(sequence[i] - '0');
	do
		to[len++] = (uint8_t)sequence_divide(digits, count);
	while (!sequence_is_zero(digits, count));
	return len;
}

/* False: more digits than a sequence number has. */
static bool sequence_multiply(uint8_t digits[DDB_SEQUENCE_DIGITS], int add)
{
	for (size_t i = DDB_SEQUENCE_DIGITS; i-- > 0;) {
		int value = 64 * digits[i] + add;

		digits[i] = (uint8_t)(value % 10);
		add = value / 10;
	}
	return add == 0;
}

/* Takes the sequence number of so many characters. */
static bool cursor_take_sequence(struct take *take, size_t len, char sequence[DDB_SEQUENCE_ROOM])
{
	uint8_t digits[DDB_SEQUENCE_DIGITS] = {0};
	size_t zeros = 0, at = 0;

	if (len > 1 && take->at < take->end && *take->at == cursor_alphabet[0])
		return false;
	for (size_t i = 0; i < len; i++) {
		int digit = take->at < take->end ? cursor_digit(*take->at++) : -1;

		if (digit < 0 || !sequence_multiply(digits, digit))
			return false;
	}
	while (zeros < DDB_SEQUENCE_DIGITS - 1 && digits[zeros] == 0)
		zeros++;
	for (size_t i = zeros; i < DDB_SEQUENCE_DIGITS; i++)
		sequence[at++] = (char)('0' + digits[i]);
	sequence[at] = '\0';
	return true;
}

static bool cursor_take_shard(struct take *take, struct ddb_cursor_shard *shard)
{
	char kind;

	*shard = (struct ddb_cursor_shard){.tag = 0};
	if (!cursor_take_number(take, &shard->tag, CURSOR_TAG_TEXT) || take->at == take->end)
		return false;
	kind = *take->at++;
	if (kind == '0' || kind == '1') {
		shard->place = kind == '0' ? DDB_PLACE_END : DDB_PLACE_LATEST;
		return true;
	}
	if (kind >= 'a' && kind < 'a' + CURSOR_DIGITS_TEXT) {
		shard->place = DDB_PLACE_AFTER;
		return cursor_take_sequence(take, (size_t)(kind - 'a') + 1, shard->sequence);
	}
	shard->place = DDB_PLACE_SINCE;
	return kind >= 'A' && kind < 'A' + CURSOR_DIGITS_TEXT &&
	       cursor_take_sequence(take, (size_t)(kind - 'A') + 1, shard->sequence);
}

static bool cursor_take_shards(struct take *take, struct ddb_cursor *cursor)
{
	bool latest = false;

	while (take->at < take->end) {
		struct ddb_cursor_shard shard;

		if (cursor->count == DDB_CURSOR_SHARDS || !cursor_take_shard(take, &shard) ||
		    ddb_cursor_find(cursor, shard.tag) != NULL)
			return false;
		latest = latest || shard.place == DDB_PLACE_LATEST;
		cursor->shards[cursor->count++] = shard;
	}
	return latest == (cursor->nonce != 0);
}

enum cart_result ddb_cursor_read(struct ddb_cursor *cursor, const char *text)
{
	struct take take = {.at = text, .end = text + strlen(text)};
	uint64_t begun;

	cursor->count = 0;
	cursor->nonce = 0;
	if (cart_feed_is_foreign(text, CART_FEED_FORM_DYNAMODB))
		return CART_CURSOR_FOREIGN;
	if (!take_char(&take, CART_FEED_FORM_DYNAMODB) || !take_char(&take, '-') ||
	    !cursor_take_number(&take, &cursor->stream, CURSOR_TAG_TEXT) ||
	    !cursor_take_number(&take, &begun, CURSOR_TIME_TEXT))
		return CART_CURSOR_INVALID;
	cursor->begun_s = (int64_t)begun;
	if (take_char(&take, '.')) {
		if (!cursor_take_number(&take, &cursor->nonce, CURSOR_TAG_TEXT) ||
		    cursor->nonce == 0)
			return CART_CURSOR_INVALID;
	} else if (!take_char(&take, '-')) {
		return CART_CURSOR_INVALID;
	}
	return cursor_take_shards(&take, cursor) ? CART_OK : CART_CURSOR_INVALID;
}

static char *cursor_write_shard(char *to, const struct ddb_cursor_shard *shard)
{
	uint8_t digits[CURSOR_DIGITS_TEXT];
	size_t len;

	to = cursor_write_number(to, shard->tag, CURSOR_TAG_TEXT);
	if (shard->place == DDB_PLACE_END || shard->place == DDB_PLACE_LATEST) {
		*to++ = shard->place == DDB_PLACE_END ? '0' : '1';
		return to;
	}
	len = sequence_to_64(shard->sequence, digits);
	*to++ = (char)((shard->place == DDB_PLACE_AFTER ? 'a' : 'A') + (int)len - 1);
	while (len-- > 0)
		*to++ = cursor_alphabet[digits[len]];
	return to;
}

size_t ddb_cursor_write(const struct ddb_cursor *cursor, char text[CART_FEED_CURSOR_MAX + 1])
{
	char one[CURSOR_TAG_TEXT + 1 + CURSOR_DIGITS_TEXT];
	char *at = text;

	*at++ = CART_FEED_FORM_DYNAMODB;
	*at++ = '-';
	at = cursor_write_number(at, cursor->stream, CURSOR_TAG_TEXT);
	at = cursor_write_number(at, (uint64_t)cursor->begun_s, CURSOR_TIME_TEXT);
	*at++ = cursor->nonce != 0 ? '.' : '-';
	if (cursor->nonce != 0)
		at = cursor_write_number(at, cursor->nonce, CURSOR_TAG_TEXT);
	for (size_t i = 0; i < cursor->count; i++) {
		size_t len = (size_t)(cursor_write_shard(one, &cursor->shards[i]) - one);

		if ((size_t)(at - text) + len > CART_FEED_CURSOR_MAX)
			return 0;
		memcpy(at, one, len);
		at += len;
	}
	*at = '\0';
	return (size_t)(at - text);
}

struct ddb_cursor_shard *ddb_cursor_find(struct ddb_cursor *cursor, uint64_t tag)
{
	for (size_t i = 0; i < cursor->count; i++)
		if (cursor->shards[i].tag == tag)
			return &cursor->shards[i];
	return NULL;
}
