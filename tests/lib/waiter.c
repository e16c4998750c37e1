#include "tests/lib/waiter.h"

#include "tests/lib/cmocka.h"
#include "tests/lib/tls_client.h"

#include <time.h>

static void *waiter_run(void *user)
{
	struct waiter *waiter = user;

	if (tls_client_is_used())
		http_client_start_tls(&waiter->client);
	http_client_send_text(&waiter->client, waiter->text);
	return NULL;
}

void waiter_start(struct waiter *waiter, int port, const char *text)
{
	*waiter = (struct waiter){.text = text};
	http_client_open_from(&waiter->client, port, "127.0.0.1");
	assert_int_equal(pthread_create(&waiter->thread, NULL, waiter_run, waiter), 0);
}

bool waiter_join(struct waiter *waiter, int within_ms)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_nsec += within_ms % 1000 * 1000000L;
	end.tv_sec += within_ms / 1000 + end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	if (!waiter->joined)
		waiter->joined = pthread_timedjoin_np(waiter->thread, NULL, &end) == 0;
	return waiter->joined;
}

struct waiter *waiters_start(int port, size_t count, const char *text)
{
	struct waiter *waiters = calloc(count, sizeof(*waiters));

	assert_non_null(waiters);
	for (size_t i = 0; i < count; i++)
		waiter_start(&waiters[i], port, text);
	return waiters;
}

void waiters_close(struct waiter *waiters, size_t count)
{
	for (size_t left = count; left > 0;) {
		for (size_t i = 0; i < count; i++) {
			if (waiters[i].text == NULL || !waiter_join(&waiters[i], 1))
				continue;
			http_client_close(&waiters[i].client);
			waiters[i].text = NULL;
			left--;
		}
	}
	free(waiters);
}
