#include "server/api/query.h"

#include "server/http/text.h"

#include <stdio.h>
#include <string.h>

static int query_index(const char *const *known, const char *name, size_t len)
{
	for (int i = 0; known != NULL && known[i] != NULL; i++)
		if (strlen(known[i]) == len && memcmp(known[i], name, len) == 0)
			return i;
	return -1;
}

/* One name=value; *used bytes of query->text are taken. */
static bool query_take(struct query *query, size_t *used, const char *pair, size_t len,
		       const char *const *known, char detail[QUERY_DETAIL_MAX])
{
	const char *equals = memchr(pair, '=', len);
	size_t name_len = equals != NULL ? (size_t)(equals - pair) : len;
	const char *value = equals != NULL ? equals + 1 : pair + len;
	char *out = query->text + *used;
	char name[TEXT_QUOTED];
	int index = query_index(known, pair, name_len);

	text_quote(name, pair, name_len);
	if (index < 0) {
		snprintf(detail, QUERY_DETAIL_MAX, "unknown query parameter %s", name);
		return false;
	}
	if (query->values[index] != NULL) {
		snprintf(detail, QUERY_DETAIL_MAX, "query parameter %s is given twice", name);
		return false;
	}
	switch (text_percent_decode(out, sizeof(query->text) - *used, &query->lens[index], value,
				    (size_t)(pair + len - value))) {
	case TEXT_BAD_ESCAPE:
		snprintf(detail, QUERY_DETAIL_MAX, "query parameter %s is badly percent-encoded",
			 name);
		return false;
	case TEXT_TOO_LONG:
		snprintf(detail, QUERY_DETAIL_MAX, "query parameter %s is too long", name);
		return false;
	case TEXT_DECODED:
		break;
	}
	query->values[index] = out;
	*used += query->lens[index] + 1;
	return true;
}

bool query_parse(struct query *query, const char *text, const char *const *known,
		 char detail[QUERY_DETAIL_MAX])
{
	size_t used = 0;

	memset(query->values, 0, sizeof(query->values));
	while (text != NULL && *text != '\0') {
		size_t len = strcspn(text, "&");

		if (len > 0 && !query_take(query, &used, text, len, known, detail))
			return false;
		text += len + (text[len] == '&');
	}
	return true;
}

bool query_is(const struct query *query, size_t index, const char *text)
{
	return query->values[index] != NULL && query->lens[index] == strlen(text) &&
	       memcmp(query->values[index], text, query->lens[index]) == 0;
}
