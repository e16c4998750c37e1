/* Small texts that attributes hold: names of keys, records, time keys. */
#include "backends/dynamodb/item/item.h"
#include "core/cart_id.h"

#include <string.h>

#define ITEM_TIME_DIGITS 15

static const char item_alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* base64url without padding (RFC 4648); NUL-terminated. */
static void item_encode(const uint8_t *bytes, size_t len, char *text)
{
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < len; i++) {
		bits = (bits << 8) | bytes[i];
		for (have += 8; have >= 6; have -= 6)
			*text++ = item_alphabet[(bits >> (have - 6)) & 63];
	}
	if (have > 0)
		*text++ = item_alphabet[(bits << (6 - have)) & 63];
	*text = '\0';
}

static bool item_decode(const char *text, uint8_t *bytes, size_t len)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t done = 0;

	for (; *text != '\0'; text++) {
		const char *at = strchr(item_alphabet, *text);

		if (at == NULL)
			return false;
		bits = (bits << 6) | (uint32_t)(at - item_alphabet);
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		if (done == len)
			return false;
		bytes[done++] = (uint8_t)(bits >> have);
	}
	return done == len;
}

void ddb_key_name(const uint8_t *key_hash, char name[DDB_KEY_NAME_ROOM])
{
	item_encode(key_hash, CART_KEY_HASH_BYTES, name);
}

/* Decimal digits of a time, with zeros before them. */
static void item_digits(int64_t value, char *text, size_t digits)
{
	while (digits > 0) {
		text[--digits] = (char)('0' + value % 10);
		value /= 10;
	}
}

void ddb_time_text(int64_t ms, char text[DDB_TIME_ROOM])
{
	item_digits(ms > 0 ? ms : 0, text, ITEM_TIME_DIGITS);
	text[ITEM_TIME_DIGITS] = '\0';
}

void ddb_record_write(int64_t stored_ms, const uint8_t *fingerprint, char record[DDB_RECORD_ROOM])
{
	item_digits(stored_ms, record, ITEM_TIME_DIGITS);
	record[ITEM_TIME_DIGITS] = '.';
	item_encode(fingerprint, CART_FINGERPRINT_BYTES, record + ITEM_TIME_DIGITS + 1);
}

bool ddb_record_read(const char *record, struct ddb_key *key)
{
	key->stored_ms = 0;
	for (size_t i = 0; i < ITEM_TIME_DIGITS; i++) {
		if (record[i] < '0' || record[i] > '9')
			return false;
		key->stored_ms = key->stored_ms * 10 + (record[i] - '0');
	}
	return record[ITEM_TIME_DIGITS] == '.' &&
	       item_decode(record + ITEM_TIME_DIGITS + 1, key->fingerprint, CART_FINGERPRINT_BYTES);
}

void ddb_time_key(int64_t ms, const struct cart_id *id, char key[DDB_TIME_KEY_ROOM])
{
	item_digits(ms, key, ITEM_TIME_DIGITS);
	key[ITEM_TIME_DIGITS] = '#';
	cart_id_format(id, key + ITEM_TIME_DIGITS + 1);
}

unsigned ddb_idle_shard(const struct cart_id *id, unsigned shards)
{
	/* The last bytes are random in every kind of id. */
	return (unsigned)(id->bytes[CART_ID_BYTES - 2] << 8 | id->bytes[CART_ID_BYTES - 1]) %
	       shards;
}

int64_t ddb_expires_s(int64_t ms)
{
	return (ms + 999) / 1000;
}
