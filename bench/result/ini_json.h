/* What `cartd --print-config` writes, as JSON: {"mysql.pool": "8", ...}. */
#ifndef BENCH_RESULT_INI_JSON_H
#define BENCH_RESULT_INI_JSON_H

#include "core/base/attr.h"
#include "core/base/error.h"

#include <jansson.h>
#include <stdio.h>

/* A key before the first section has no dot. NULL: error says which line is none. */
CART_MUST_CHECK json_t *bench_ini_json(FILE *file, struct cart_error *error);

#endif
