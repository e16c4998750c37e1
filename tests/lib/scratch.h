/*
 * Temporary files and folders of a test, under $TMPDIR. The runner gives each program a $TMPDIR of
 * its own, and the program fails if anything is left in it.
 */
#ifndef TESTS_LIB_SCRATCH_H
#define TESTS_LIB_SCRATCH_H

enum { SCRATCH_PATH_MAX = 128 };

/* Makes an empty folder; its path goes to path. name: the start of its own name. Aborts if that
 * fails. */
void scratch_make_folder(char path[SCRATCH_PATH_MAX], const char *name);
/* Makes an empty file, open for reading and writing, closed on exec: its descriptor. Aborts if that
 * fails. */
int scratch_make_file(char path[SCRATCH_PATH_MAX], const char *name);

#endif
