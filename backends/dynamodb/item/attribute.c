#include "backends/dynamodb/item/attribute.h"

#include <string.h>

#define ATTRIBUTE_TIME_DIGITS 15

static const char attribute_alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* base64url without padding (RFC 4648); NUL-terminated. */
static void attribute_encode(const uint8_t *bytes, size_t len, char *text)
{
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < len; i++) {
		bits = (bits << 8) | bytes[i];
		for (have += 8; have >= 6; have -= 6)
			*text++ = attribute_alphabet[(bits >> (have - 6)) & 63];
	}
	if (have > 0)
		*text++ = attribute_alphabet[(bits << (6 - have)) & 63];
	*text = '\0';
}

static bool attribute_decode(const char *text, uint8_t *bytes, size_t len)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t done = 0;

	for (; *text != '\0'; text++) {
		const char *at = strchr(attribute_alphabet, *text);

		if (at == NULL)
			return false;
		bits = (bits << 6) | (uint32_t)(at - attribute_alphabet);
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
	attribute_encode(key_hash, CART_KEY_HASH_BYTES, name);
}

/* Decimal digits of a time, with zeros before them. */
static void attribute_digits(int64_t value, char *text, size_t digits)
{
	while (digits > 0) {
		text[--digits] = (char)('0' + value % 10);
		value /= 10;
	}
}

void ddb_time_text(int64_t ms, char text[DDB_TIME_ROOM])
{
	attribute_digits(ms > 0 ? ms : 0, text, ATTRIBUTE_TIME_DIGITS);
	text[ATTRIBUTE_TIME_DIGITS] = '\0';
}

void ddb_record_write(int64_t stored_ms, const uint8_t *fingerprint, char record[DDB_RECORD_ROOM])
{
	attribute_digits(stored_ms, record, ATTRIBUTE_TIME_DIGITS);
	record[ATTRIBUTE_TIME_DIGITS] = '.';
	attribute_encode(fingerprint, CART_FINGERPRINT_BYTES, record + ATTRIBUTE_TIME_DIGITS + 1);
}

bool ddb_record_read(const char *record, struct ddb_key *key)
{
	key->stored_ms = 0;
	for (size_t i = 0; i < ATTRIBUTE_TIME_DIGITS; i++) {
		if (record[i] < '0' || record[i] > '9')
			return false;
		key->stored_ms = key->stored_ms * 10 + (record[i] - '0');
	}
	return record[ATTRIBUTE_TIME_DIGITS] == '.' &&
	       attribute_decode(record + ATTRIBUTE_TIME_DIGITS + 1, key->fingerprint,
				CART_FINGERPRINT_BYTES);
}

void ddb_time_key(int64_t ms, const struct cart_id *id, char key[DDB_TIME_KEY_ROOM])
{
	attribute_digits(ms, key, ATTRIBUTE_TIME_DIGITS);
	key[ATTRIBUTE_TIME_DIGITS] = '#';
	cart_id_format(id, key + ATTRIBUTE_TIME_DIGITS + 1);
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

int64_t ddb_removable_s(const struct cart_rules *rules, int64_t now_ms)
{
	return ddb_expires_s(now_ms + rules->sweep_grace_ms +
			     (rules->ttl_ms > rules->idempotency_window_ms
				      ? rules->ttl_ms
				      : rules->idempotency_window_ms));
}

static const char *const attribute_strategies[CART_MERGE_STRATEGIES] = {
	[CART_MERGE_ADD] = "add",
	[CART_MERGE_MAX] = "max",
	[CART_MERGE_KEEP] = "keep",
};

const char *ddb_strategy(enum cart_merge_strategy strategy)
{
	return attribute_strategies[strategy];
}

bool ddb_strategy_read(const char *text, enum cart_merge_strategy *strategy)
{
	for (int i = 0; i < CART_MERGE_STRATEGIES; i++) {
		if (strcmp(text, attribute_strategies[i]) != 0)
			continue;
		*strategy = (enum cart_merge_strategy)i;
		return true;
	}
	return false;
}

void ddb_add_number(struct buf *body, const char *name, int64_t value)
{
	buf_add_string(body, name);
	buf_add_string(body, "{\"N\":\"");
	buf_add_integer(body, value);
	buf_add_string(body, "\"}");
}

void ddb_add_text(struct buf *body, const char *name, const char *text)
{
	buf_add_string(body, name);
	buf_add_string(body, "{\"S\":\"");
	buf_add_string(body, text);
	buf_add_string(body, "\"}");
}

void ddb_add_id(struct buf *body, const char *name, const struct cart_id *id)
{
	char text[CART_ID_TEXT + 1];

	cart_id_format(id, text);
	ddb_add_text(body, name, text);
}

void ddb_add_escaped(struct buf *body, const struct shop_id *id)
{
	char text[SHOP_ID_ESCAPED];

	buf_add(body, text, (size_t)(shop_id_escape(text, id) - text));
}

void ddb_add_shop_id(struct buf *body, const char *name, const struct shop_id *id)
{
	buf_add_string(body, name);
	buf_add_string(body, "{\"S\":\"");
	ddb_add_escaped(body, id);
	buf_add_string(body, "\"}");
}

void ddb_add_attributes(struct buf *body, const char *name, const char *attributes)
{
	buf_add_string(body, name);
	buf_add_string(body, "{\"S\":\"");
	while (*attributes != '\0') {
		size_t plain = strcspn(attributes, "\"\\");

		buf_add(body, attributes, plain);
		attributes += plain;
		if (*attributes == '\0')
			break;
		buf_add_char(body, '\\');
		buf_add_char(body, *attributes++);
	}
	buf_add_string(body, "\"}");
}

void ddb_attributes_name(const struct shop_id *id, char name[DDB_ATTRIBUTES_NAME_ROOM])
{
	name[0] = ' ';
	memcpy(name + 1, id->text, id->size);
	name[id->size + 1] = '\0';
}

void ddb_add_attributes_name(struct buf *body, const struct shop_id *id)
{
	buf_add_char(body, ' ');
	ddb_add_escaped(body, id);
}

void ddb_add_indexed(struct buf *body, const char *prefix, size_t index)
{
	buf_add_string(body, prefix);
	buf_add_integer(body, (int64_t)index);
}

void ddb_add_table(struct buf *body, const char *table)
{
	buf_reset(body);
	buf_add_string(body, "{\"TableName\":\"");
	buf_add_string(body, table);
	buf_add_char(body, '"');
}

void ddb_add_end(struct buf *body)
{
	buf_add_string(body, ",\"ReturnConsumedCapacity\":\"TOTAL\"}");
}
