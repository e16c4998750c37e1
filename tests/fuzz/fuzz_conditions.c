/* Header values: entity-tags, keys, preferences, traces. */
#include "core/cart_op.h"
#include "server/api/conditions.h"
#include "server/http/request_id.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char id[REQUEST_ID_MAX + 1], trace[TRACE_ID_TEXT + 1], tag[CONDITIONS_TAG_MAX];
	char *value = malloc(size + 1);
	int64_t version;
	bool matches;

	if (value == NULL)
		return 0;
	memcpy(value, data, size);
	value[size] = '\0';
	if (conditions_if_match(value, &version) && version > 0) {
		/* The one way to write it. */
		conditions_format_tag(tag, version);
		if (strstr(value, tag) == NULL)
			abort();
		if (!conditions_if_none_match(value, version, &matches) || !matches)
			abort();
	}
	bool listed = conditions_if_none_match(value, 3, &matches);

	(void)listed;
	(void)conditions_read_return(value, &matches);
	(void)conditions_is_json(value);
	if (conditions_key_is_valid(value) && strlen(value) > CART_KEY_MAX)
		abort();
	if (request_id_take(value, id) && strcmp(id, value) != 0)
		abort();
	if (request_trace_id(value, trace) && strlen(trace) != TRACE_ID_TEXT)
		abort();
	free(value);
	return 0;
}
