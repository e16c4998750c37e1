/*
 * One call to DynamoDB, or to what speaks its protocol, by means that are not the backend's:
 * libcurl's own signing, with the keys of AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
 * AWS_SESSION_TOKEN. Blocks.
 */
#ifndef TESTS_LIB_RAW_DYNAMODB_H
#define TESTS_LIB_RAW_DYNAMODB_H

#include <jansson.h>

/*
 * operation: "DescribeTable"; body: JSON. endpoint NULL: CART_DYNAMODB_ENDPOINT, or that of AWS in
 * CART_DYNAMODB_REGION. Returns the answer's JSON, the caller's to release (json_null() where it
 * has none), and its status, which may well be 400. Aborts with a line when nobody answers.
 */
json_t *raw_dynamodb_call(const char *endpoint, const char *operation, const char *body,
			  long *status);
/* The name of the error in an answer, without what is before "#"; "" where there is none. */
const char *raw_dynamodb_error(const json_t *answer);

#endif
