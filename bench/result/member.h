/* Members of a results document, of which any may be missing or of another type: NAN, "", false. */
#ifndef BENCH_RESULT_MEMBER_H
#define BENCH_RESULT_MEMBER_H

#include <jansson.h>
#include <stdbool.h>

double member_number(const json_t *object, const char *key);
const char *member_text(const json_t *object, const char *key);
bool member_true(const json_t *object, const char *key);
/* The i-th of a member that is an array; NULL: there is none. */
const json_t *member_item(const json_t *object, const char *key, size_t i);
/* What cannot be measured is null: JSON has no infinities. */
json_t *member_real(double value);

#endif
