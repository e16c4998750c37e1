/* The log of a test in a file, to be read while it is written. Not while another thread logs may it
 * be started or stopped. */
#ifndef TESTS_LIB_CAPTURED_LOG_H
#define TESTS_LIB_CAPTURED_LOG_H

/* From the level INFO on. */
void captured_log_start(void);
void captured_log_stop(void);

/* All of it so far, in a static buffer. */
const char *captured_log(void);
/* How often these words are in it. */
int captured_log_count(const char *words);
/* Waits until they are there that often; fails the test after 20 seconds. */
void captured_log_await(const char *words, int count);

#endif
