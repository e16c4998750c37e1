/*
 * Reads text from left to right that a program of ours has written itself, so that it accepts
 * exactly what was written. Each call takes what it names and moves on, or returns false; after
 * false the place is anywhere.
 */
#ifndef CORE_BASE_TAKE_H
#define CORE_BASE_TAKE_H

#include <stdbool.h>
#include <stdint.h>

struct take {
	const char *at;
	const char *end;
};

static inline bool take_char(struct take *take, char c)
{
	if (take->at == take->end || *take->at != c)
		return false;
	take->at++;
	return true;
}

/* A number of at most 18 digits, which fits into an int64_t. */
static inline bool take_number(struct take *take, int64_t *number)
{
	const char *start = take->at;

	*number = 0;
	while (take->at < take->end && *take->at >= '0' && *take->at <= '9' &&
	       take->at - start < 18)
		*number = *number * 10 + (*take->at++ - '0');
	return take->at > start;
}

#endif
