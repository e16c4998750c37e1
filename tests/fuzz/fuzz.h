/*
 * A fuzz target: tests/fuzz/fuzz_NAME.c defines this function, tests/fuzz/corpus/NAME/ holds what
 * it starts from. Built with libFuzzer (VARIANT=fuzz) it looks for more; elsewhere replay.c runs it
 * over the corpus. Returns 0; what must not happen is an abort.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* A target that needs to prepare once defines this too. */
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
/* One that reads JSON defines this, by json_mutate() (tests/lib/json_mutate.h). */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
/* libFuzzer's; not there when a target only replays its corpus. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) __attribute__((weak));

#endif
