/*
 * Errors as clients see them: application/problem+json (RFC 9457) with the members error and
 * message beside the standard ones. Also the one place that turns a store's result into HTTP.
 */
#ifndef SERVER_API_PROBLEM_H
#define SERVER_API_PROBLEM_H

#include "core/base/buf.h"
#include "core/cart.h"

struct problem {
	int status;
	const char *error; /* "CART_NOT_FOUND": for programs */
};

/* The problem for a result other than CART_OK. */
struct problem problem_of_result(enum cart_result result);
/* The problem for a status with which the guard refused a request: BAD_REQUEST, or for some
 * TOO_LARGE and the like. */
struct problem problem_of_refusal(int status);

/* Appends the JSON. detail: one line, UTF-8, names what is wrong. */
void problem_write(struct buf *out, struct problem problem, const char *detail);

#endif
