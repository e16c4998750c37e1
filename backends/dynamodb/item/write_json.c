#include "backends/dynamodb/item/write_json.h"

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
