/* An answer as a server sends it to cartbench: it is understood alike in whatever pieces it comes.
 */
#include "bench/target/http_answer.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static enum http_answer_state feed(struct http_answer *answer, const uint8_t *data, size_t size,
				   size_t piece)
{
	enum http_answer_state state = HTTP_ANSWER_MORE;

	http_answer_begin(answer, true);
	while (size > 0 && state == HTTP_ANSWER_MORE) {
		size_t room, part = piece < size ? piece : size;
		char *to = http_answer_room(answer, &room);

		if (room == 0)
			abort();
		if (part > room)
			part = room;
		memcpy(to, data, part);
		state = http_answer_take(answer, part);
		data += part;
		size -= part;
	}
	if (state == HTTP_ANSWER_MORE)
		return http_answer_end(answer);
	/* What would come next is too much. */
	return size > 0 ? HTTP_ANSWER_BROKEN : state;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t pieces[] = {1, 7};
	static struct http_answer whole, parts;
	enum http_answer_state state = feed(&whole, data, size, size);

	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		if (feed(&parts, data, size, pieces[i]) != state)
			abort();
		if (state != HTTP_ANSWER_WHOLE)
			continue;
		if (parts.status != whole.status || parts.keep != whole.keep ||
		    parts.version != whole.version || parts.replayed != whole.replayed ||
		    parts.has_id != whole.has_id || parts.total_ns != whole.total_ns ||
		    parts.body.len != whole.body.len ||
		    (whole.body.len > 0 &&
		     memcmp(parts.body.data, whole.body.data, whole.body.len) != 0))
			abort();
	}
	http_answer_free(&whole);
	http_answer_free(&parts);
	return 0;
}
