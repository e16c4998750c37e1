/* What an answer of S3 means, and what to tell a person about it. */
#ifndef AWS_S3_EXPLAIN_H
#define AWS_S3_EXPLAIN_H

#include "aws/s3/answer.h"
#include "aws/s3/request.h"
#include "core/base/error.h"

enum s3_meaning {
	S3_MEANS_DONE,
	S3_MEANS_ABSENT,
	S3_MEANS_CONDITION,
	S3_MEANS_NO_CONDITIONS,
	S3_MEANS_AGAIN,	   /* refused for the moment: certainly not done */
	S3_MEANS_DOUBT,	   /* may have been done, or is being done */
	S3_MEANS_CLOCK,	   /* signed with the wrong time */
	S3_MEANS_IDENTITY, /* the credentials have expired, or are not known yet */
	S3_MEANS_REFUSED,  /* and will be again */
};

/* answer: the body's, of a request whose status is no success. */
enum s3_meaning s3_meaning_of(const struct s3_request *request, const struct s3_answer *answer);

/* One line: what failed, at which object, and what to do. Returns S3_FAILED. */
enum s3_result s3_explain(const struct s3_config *config, const struct s3_request *request,
			  const struct s3_answer *answer, struct cart_error *error);

#endif
