/*
 * The happy path: the thread runs the chain, publishes the credentials under the next generation,
 * and sleeps until well before they expire. Loops compare the generation, an atomic, and copy the
 * credentials under a short lock when it has changed.
 *
 * How it fails. A source that fails is tried again with backoff, and the old credentials stay in
 * use; the log reports the first failure, and the recovery. Credentials that the service refuses
 * are replaced at once, but not more often than the backoff allows, since the source may have no
 * others. When the service stops, a descriptor becomes readable, which interrupts a transfer or a
 * process that the thread waits for.
 */
#include "aws/credentials.h"

#include "aws/cred.h"

#include "core/base/log.h"
#include "core/base/random.h"
#include "core/base/thread.h"
#include "core/base/units.h"
#include "core/base/wake.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CREDENTIALS_LOOK_MS 5000
#define CREDENTIALS_NEVER   INT64_MAX

#define CRED_EARLY_MS	    INT64_C(300000) /* before they expire */
#define CRED_JITTER_MS	    INT64_C(60000)
#define CRED_REFRESH_MS_MIN INT64_C(250)
#define CRED_BACKOFF_MS_MIN INT64_C(1000)
#define CRED_BACKOFF_MS_MAX INT64_C(60000)

struct credentials {
	struct aws_credentials_source source; /* first */
	int64_t look_ns;		      /* the longest that the thread sleeps */
	/* The thread's own. */
	struct random random;
	struct cred_context context;
	const struct cred_provider *provider; /* the one that succeeded; NULL: none yet */
	unsigned failures;		      /* in a row */
	unsigned repeats; /* fetches in a row that returned the same credentials */
	bool refusal_logged;
	int64_t asked_ns; /* when the last fetch ended */
	int64_t due_ns; /* the next fetch: monotonic, or by the wall clock, whichever comes first */
	int64_t due_wall_ms;

	pthread_t thread;
	pthread_mutex_t lock; /* for the fields that follow */
	pthread_cond_t wake;  /* wakes the thread */
	pthread_cond_t news;  /* wakes aws_credentials_wait() */
	atomic_bool stop;     /* read without the lock too */
	bool refused;	      /* the service refuses the newest */
	bool hopeless;	      /* only a change of the configuration can help */
	struct aws_credentials newest;
	struct cart_error lacking;
};

/* Five to six minutes before they expire; but not before half of their lifetime is over. */
int64_t cred_refresh_ms(int64_t lifetime_ms, uint32_t random)
{
	int64_t ms = lifetime_ms - CRED_EARLY_MS - (int64_t)(random % CRED_JITTER_MS);

	if (ms < lifetime_ms / 2)
		ms = lifetime_ms / 2;
	return ms > CRED_REFRESH_MS_MIN ? ms : CRED_REFRESH_MS_MIN;
}

/* 1 s, 2 s, ... 60 s, less a random part of up to a half; never less than a second. */
int64_t cred_backoff_ms(unsigned failures, uint32_t random)
{
	int64_t ms = failures > 6 ? CRED_BACKOFF_MS_MAX
				  : CRED_BACKOFF_MS_MIN << (failures > 0 ? failures - 1 : 0);

	if (ms > CRED_BACKOFF_MS_MAX)
		ms = CRED_BACKOFF_MS_MAX;
	ms -= (int64_t)random % (ms / 2);
	return ms > CRED_BACKOFF_MS_MIN ? ms : CRED_BACKOFF_MS_MIN;
}

static int64_t credentials_now_ns(void)
{
	return clock_monotonic_ns(&cart_clock_system);
}

static void credentials_plan(struct credentials *source, int64_t delay_ms)
{
	source->due_ns = source->asked_ns + delay_ms * CLOCK_NS_PER_MS;
	source->due_wall_ms = clock_wall_ms(source->context.clock) + delay_ms;
}

/* How long to sleep; 0: it is time to fetch. Call it with the lock held. */
static int64_t credentials_left_ns(const struct credentials *source)
{
	int64_t now_ns = credentials_now_ns();
	int64_t due_ns = source->due_ns;

	if (source->refused) {
		int64_t again_ns = source->asked_ns +
				   cred_backoff_ms(source->repeats + 1, 0) * CLOCK_NS_PER_MS;

		due_ns = again_ns < due_ns ? again_ns : due_ns;
	}
	if (now_ns >= due_ns || clock_wall_ms(source->context.clock) >= source->due_wall_ms)
		return 0;
	due_ns -= now_ns;
	return due_ns < source->look_ns ? due_ns : source->look_ns;
}

/* Sleeps until it is time to fetch. False: the thread must end. */
static bool credentials_rest(struct credentials *source)
{
	int64_t left_ns;
	bool go_on;

	pthread_mutex_lock(&source->lock);
	while (!source->stop && (left_ns = credentials_left_ns(source)) > 0)
		thread_condition_wait(&source->wake, &source->lock, credentials_now_ns() + left_ns);
	go_on = !source->stop;
	pthread_mutex_unlock(&source->lock);
	return go_on;
}

static bool credentials_same(const struct aws_credentials *a, const struct aws_credentials *b)
{
	return strcmp(a->access_key_id, b->access_key_id) == 0 &&
	       strcmp(a->secret_access_key, b->secret_access_key) == 0 &&
	       strcmp(a->session_token, b->session_token) == 0;
}

/* True: they differ from those before. *refused: they are the same, and the service refuses them.
 */
static bool credentials_publish(struct credentials *source, const struct aws_credentials *fresh,
				bool *refused)
{
	uint64_t generation =
		atomic_load_explicit(&source->source.generation, memory_order_relaxed);
	bool differ;

	pthread_mutex_lock(&source->lock);
	differ = generation == 0 || !credentials_same(fresh, &source->newest);
	*refused = !differ && source->refused;
	source->refused = false;
	source->hopeless = false;
	source->newest = *fresh;
	if (differ) {
		atomic_fetch_add_explicit(&source->source.refreshes, 1, memory_order_relaxed);
		atomic_store_explicit(&source->source.generation, generation + 1,
				      memory_order_release);
	}
	pthread_cond_broadcast(&source->news);
	pthread_mutex_unlock(&source->lock);
	return differ;
}

static void credentials_succeed(struct credentials *source, const struct aws_credentials *fresh,
				int64_t lifetime_ms)
{
	bool refused;

	/* Before they are published: a test that sees them may then move the clock. */
	if (fresh->expires_ms == 0)
		source->due_ns = source->due_wall_ms = CREDENTIALS_NEVER;
	else
		credentials_plan(source, cred_refresh_ms(lifetime_ms,
							 (uint32_t)random_next(&source->random)));
	if (credentials_publish(source, fresh, &refused)) {
		source->repeats = 0;
		source->refusal_logged = false;
	} else {
		source->repeats++;
	}
	if (refused && !source->refusal_logged)
		log_event(LOG_WARN, "the service refuses the credentials, and there are no others",
			  LOG_STR("source", source->context.origin));
	source->refusal_logged |= refused;
	if (aws_credentials_generation(&source->source) == 1 && source->repeats == 0)
		log_event(LOG_INFO, "credentials found", LOG_STR("source", source->context.origin));
	else if (source->failures > 0)
		log_event(LOG_INFO, "credentials can be had again",
			  LOG_STR("source", source->context.origin));
	source->failures = 0;
}

static void credentials_fail(struct credentials *source, bool hopeless,
			     const struct cart_error *error)
{
	pthread_mutex_lock(&source->lock);
	source->lacking = *error;
	source->hopeless = hopeless;
	/* From now on the backoff decides when the source is asked. */
	source->refused = false;
	pthread_cond_broadcast(&source->news);
	pthread_mutex_unlock(&source->lock);
	/* The log has changes of state, not each try. The start itself reports what stops it. */
	if (source->failures++ == 0 && aws_credentials_generation(&source->source) > 0)
		log_event(LOG_WARN, "cannot get credentials", LOG_STR("error", error->text));
	else if (source->failures == 1 && !hopeless)
		log_event(LOG_INFO, "no credentials yet", LOG_STR("error", error->text));
	credentials_plan(source,
			 cred_backoff_ms(source->failures, (uint32_t)random_next(&source->random)));
	/* Last: whoever sees the count finds everything else done. */
	atomic_fetch_add_explicit(&source->source.failures, 1, memory_order_release);
}

/* The source returned credentials that have expired already, unless our clock is wrong. */
static void credentials_expired(struct credentials *source, const struct aws_credentials *fresh)
{
	char when[UNITS_TIME_TEXT + 1];
	struct cart_error error;
	bool refused;

	units_format_time(fresh->expires_ms, when);
	cart_error_set(&error, "%s: the credentials have expired at %s", source->provider->name,
		       when);
	if (source->provider->extends)
		credentials_publish(source, fresh, &refused);
	credentials_fail(source, false, &error);
}

static void credentials_settle(struct credentials *source, enum cred_result result,
			       const struct aws_credentials *fresh, const struct cart_error *error)
{
	int64_t lifetime_ms = fresh->expires_ms - clock_wall_ms(source->context.clock);

	source->asked_ns = credentials_now_ns();
	if (result != CRED_GOT) {
		credentials_fail(source, result == CRED_WRONG, error);
	} else if (fresh->expires_ms != 0 && lifetime_ms <= 0) {
		credentials_expired(source, fresh);
	} else {
		credentials_succeed(source, fresh, lifetime_ms);
	}
}

static void *credentials_main(void *user)
{
	struct credentials *source = user;
	struct aws_credentials fresh = {0};
	struct cart_error error = {""};

	while (credentials_rest(source)) {
		enum cred_result result =
			cred_chain_fetch(&source->context, &source->provider, &fresh, &error);

		/* The fetch was interrupted by us: its result says nothing about the source. */
		if (atomic_load(&source->stop))
			break;
		credentials_settle(source, result, &fresh, &error);
		explicit_bzero(&fresh, sizeof(fresh));
	}
	explicit_bzero(&fresh, sizeof(fresh));
	return NULL;
}

static int credentials_start(struct credentials *source, struct cart_error *error)
{
	int rc;

	source->context.cancel_fd = wake_fd_open();
	if (source->context.cancel_fd < 0)
		return cart_error_set(error, "credentials: %s", strerror(errno));
	rc = thread_start(&source->thread, credentials_main, source);
	if (rc == 0)
		return 0;
	close(source->context.cancel_fd);
	return cart_error_set(error, "the credentials' thread: %s", strerror(rc));
}

static void credentials_destroy(struct credentials *source)
{
	pthread_cond_destroy(&source->wake);
	pthread_cond_destroy(&source->news);
	pthread_mutex_destroy(&source->lock);
	explicit_bzero(source, sizeof(*source));
	free(source);
	curl_global_cleanup();
}

int aws_credentials_new(struct aws_credentials_source **source,
			const struct aws_credentials_config *config, struct cart_error *error)
{
	struct credentials *made = calloc(1, sizeof(*made));

	*source = NULL;
	if (made == NULL)
		return cart_error_set(error, "out of memory");
	/* libcurl counts these calls; they are safe from any thread. */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(made);
		return cart_error_set(error, "libcurl does not start");
	}
	pthread_mutex_init(&made->lock, NULL);
	thread_condition_init(&made->wake);
	thread_condition_init(&made->news);
	random_seed(&made->random);
	made->look_ns =
		(config->look_ms > 0 ? config->look_ms : CREDENTIALS_LOOK_MS) * CLOCK_NS_PER_MS;
	if (cred_context_init(&made->context, config, error) != 0 ||
	    credentials_start(made, error) != 0) {
		credentials_destroy(made);
		return -1;
	}
	*source = &made->source;
	return 0;
}

void aws_credentials_free(struct aws_credentials_source **source)
{
	struct credentials *s = (struct credentials *)*source;

	*source = NULL;
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	wake_fd_send(s->context.cancel_fd);
	pthread_join(s->thread, NULL);
	close(s->context.cancel_fd);
	credentials_destroy(s);
}

int aws_credentials_wait(struct aws_credentials_source *source, int64_t timeout_ms,
			 struct cart_error *error)
{
	struct credentials *own = (struct credentials *)source;
	int64_t until_ns = credentials_now_ns() + timeout_ms * CLOCK_NS_PER_MS;
	bool there;

	pthread_mutex_lock(&own->lock);
	while (aws_credentials_generation(source) == 0 && !own->hopeless &&
	       thread_condition_wait(&own->news, &own->lock, until_ns))
		continue;
	there = aws_credentials_generation(source) != 0;
	if (!there)
		cart_error_set(error, "%s",
			       own->lacking.text[0] != '\0' ? own->lacking.text
							    : "no source has answered yet");
	pthread_mutex_unlock(&own->lock);
	return there ? 0 : -1;
}

uint64_t aws_credentials_copy(struct aws_credentials_source *source, struct aws_credentials *out)
{
	struct credentials *own = (struct credentials *)source;
	uint64_t generation;

	pthread_mutex_lock(&own->lock);
	generation = aws_credentials_generation(source);
	*out = own->newest;
	pthread_mutex_unlock(&own->lock);
	return generation;
}

void aws_credentials_refused(struct aws_credentials_source *source, uint64_t generation)
{
	struct credentials *own = (struct credentials *)source;
	pthread_mutex_lock(&own->lock);
	if (generation != 0 && generation == aws_credentials_generation(source)) {
		own->refused = true;
		pthread_cond_signal(&own->wake);
	}
	pthread_mutex_unlock(&own->lock);
}
