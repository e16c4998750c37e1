/* Any bytes as an answer of S3: what is taken is a list or an error whose texts fit a line. */
#include "aws/s3/answer.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void check_line(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size > 0 ? size : 1); /* so that a read beyond it is found */
	const struct buf text = {.data = copy, .len = size};
	struct s3_answer answer = {0};

	if (copy == NULL)
		return 0;
	if (size > 0)
		memcpy(copy, data, size);
	if (s3_answer_read(&answer, &text)) {
		check_line(answer.code);
		check_line(answer.message);
		check_line(answer.region);
		for (size_t i = 0; i < answer.count; i++)
			if (strlen(answer.keys[i]) > size)
				abort();
	}
	s3_answer_clear(&answer);
	if (answer.keys != NULL || answer.token != NULL)
		abort();
	free(copy);
	return 0;
}
