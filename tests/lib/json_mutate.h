/* For fuzz targets that read JSON: changes the document and not its text, so that most of what the
 * fuzzer tries still parses. */
#ifndef TESTS_LIB_JSON_MUTATE_H
#define TESTS_LIB_JSON_MUTATE_H

#include <stddef.h>
#include <stdint.h>

/* What LLVMFuzzerCustomMutator() is to do; text that is no JSON is changed by bytes. */
size_t json_mutate(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

#endif
