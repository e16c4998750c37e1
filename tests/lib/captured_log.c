#include "tests/lib/captured_log.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"
#include "tests/lib/scratch.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CAPTURED_LOG_WAIT_NS (20 * CLOCK_NS_PER_S)

static int captured_fd = -1;

void captured_log_start(void)
{
	char path[SCRATCH_PATH_MAX];
	struct settings *settings = settings_new();
	struct cart_error error;

	captured_fd = scratch_make_file(path, "cart-log");
	settings_add(settings, "Log", log_settings);
	assert_int_equal(settings_set(settings, "log.file", path, SETTING_FLAG, &error), 0);
	assert_int_equal(log_open(settings, &error), 0);
	settings_free(&settings);
	unlink(path);
}

void captured_log_stop(void)
{
	log_close();
	close(captured_fd);
	captured_fd = -1;
}

const char *captured_log(void)
{
	static char text[65536];
	ssize_t len = pread(captured_fd, text, sizeof(text) - 1, 0);

	text[len > 0 ? len : 0] = '\0';
	return text;
}

int captured_log_count(const char *words)
{
	int count = 0;

	for (const char *at = captured_log(); (at = strstr(at, words)) != NULL; at += strlen(words))
		count++;
	return count;
}

void captured_log_await(const char *words, int count)
{
	int64_t until_ns = patience_ns() + CAPTURED_LOG_WAIT_NS;

	while (captured_log_count(words) < count) {
		if (patience_ns() > until_ns)
			fail_msg("not %d times \"%s\" in the log: %s", count, words,
				 captured_log());
		poll(NULL, 0, 5);
	}
}
