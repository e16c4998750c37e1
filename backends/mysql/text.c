#include "backends/mysql/text.h"

#include "core/base/hex.h"

#include <string.h>

/* Room for a text that an idle lane may hold on to: several times that of a full batch of adds. */
#define SQL_TEXT_KEEP_MAX (64 * 1024)

const char *sql_statement_name(enum sql_statement_kind statement)
{
	static const char *const names[SQL_STATEMENTS] = {
		[SQL_BEGIN] = "begin",	 [SQL_LOCK] = "lock",	  [SQL_CARTS] = "carts",
		[SQL_ITEMS] = "items",	 [SQL_KEYS] = "keys",	  [SQL_SELECT] = "select",
		[SQL_EVENTS] = "events", [SQL_COMMIT] = "commit", [SQL_ROLLBACK] = "rollback",
	};

	return names[statement];
}

void sql_text_reset(struct sql_text *text)
{
	buf_reset(&text->buf);
	text->statements = 0;
	memset(text->kinds, 0, sizeof(text->kinds));
}

void sql_text_trim(struct sql_text *text)
{
	if (text->buf.room > SQL_TEXT_KEEP_MAX)
		buf_free(&text->buf);
}

void sql_add_writer(struct sql_text *text)
{
	if (text->check_writer)
		sql_add(text, " AND 18446744073709551615 + @@GLOBAL.read_only > 0");
}

void sql_add_for_update(struct sql_text *text)
{
	if (text->nowait)
		sql_add(text, " FOR UPDATE NOWAIT");
	else
		sql_add(text, " FOR UPDATE");
}

void sql_text_free(struct sql_text *text)
{
	buf_free(&text->buf);
}

void sql_text_statement(struct sql_text *text, enum sql_statement_kind kind, const char *literal,
			size_t len)
{
	if (text->statements++ > 0)
		buf_add_char(&text->buf, ';');
	text->kinds[kind]++;
	buf_add(&text->buf, literal, len);
}

void sql_add_literal(struct sql_text *text, const struct sql_literal *literal)
{
	buf_add(&text->buf, literal->text, literal->len);
}

void sql_add_integer(struct sql_text *text, int64_t value)
{
	buf_add_integer(&text->buf, value);
}

static void text_add_hex(struct sql_text *text, const uint8_t *bytes, size_t size)
{
	char *at;

	if (!buf_reserve(&text->buf, 2 * size + 3))
		return;
	at = text->buf.data + text->buf.len;
	*at++ = 'x';
	*at++ = '\'';
	at = hex_write(at, bytes, size);
	*at++ = '\'';
	text->buf.len = (size_t)(at - text->buf.data);
}

void sql_add_hex(struct sql_text *text, const uint8_t bytes[SQL_BINARY_BYTES])
{
	text_add_hex(text, bytes, SQL_BINARY_BYTES);
}

void sql_add_id(struct sql_text *text, const struct cart_id *id)
{
	text_add_hex(text, id->bytes, sizeof(id->bytes));
}

void sql_add_attributes(struct sql_text *text, const char *attributes)
{
	if (attributes == NULL || *attributes == '\0')
		sql_add(text, "NULL");
	else
		text_add_hex(text, (const uint8_t *)attributes, strlen(attributes));
}

void sql_add_shop_id(struct sql_text *text, const struct shop_id *id)
{
	text_add_hex(text, (const uint8_t *)id->text, id->size);
}
