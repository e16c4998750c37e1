/* What S3 answers in XML: an error, or a page of a list. */
#ifndef AWS_S3_ANSWER_H
#define AWS_S3_ANSWER_H

#include "core/base/attr.h"
#include "core/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* Zero it. Texts are "" where the answer does not have them; what is too long is cut. */
struct s3_answer {
	bool is_error;
	char code[64];	   /* "NoSuchBucket" */
	char message[200]; /* printable */
	char region[64];   /* that the request should have been signed for */
	char **keys;
	size_t count;
	char *token; /* of the next page; NULL: this is the last one */
};

/* False: it is no whole XML, or no memory. What it holds is to be cleared in any case. */
CART_MUST_CHECK bool s3_answer_read(struct s3_answer *answer, const struct buf *text);
void s3_answer_clear(struct s3_answer *answer);

#endif
