#include "ctl/archive/lease.h"

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/base/thread.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LEASE_OWNER 200
#define LEASE_LOOKS 20 /* in a lease, while another one's is watched */

struct lease {
	struct lease_config config;
	char owner[LEASE_OWNER]; /* of this process alone: what the lock begins with */
	bool conditional;	 /* the server knows conditions */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t end;
	/* Under the lock. */
	bool ending;
	bool lost;
	int64_t renewed_ns;
	int64_t beats;
	char etag[S3_ETAG_ROOM];
};

static int64_t lease_now(void)
{
	return clock_monotonic_ns(&cart_clock_system);
}

static void lease_set_owner(char owner[LEASE_OWNER])
{
	char host[100] = "?";
	struct random random;

	random_seed(&random);
	(void)gethostname(host, sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	snprintf(owner, LEASE_OWNER, "cartctl on %s, process %ld, %016" PRIx64 "\n", host,
		 (long)getpid(), random_next(&random));
}

/* The lock as it is. S3_DONE: *mine says whether it is ours. */
static enum s3_result lease_read(const struct lease *lease, char etag[S3_ETAG_ROOM], bool *mine,
				 char other[LEASE_OWNER], struct cart_error *error)
{
	struct buf data = {0};
	size_t len = strlen(lease->owner);
	enum s3_result result = s3_get(lease->config.client, lease->config.key, &data, etag, error);

	*mine = result == S3_DONE && data.len >= len && memcmp(data.data, lease->owner, len) == 0;
	if (result == S3_DONE)
		snprintf(other, LEASE_OWNER, "%.*s", (int)strcspn(buf_string(&data), ",\n"),
			 buf_string(&data));
	buf_free(&data);
	return result;
}

/* Writes the lock under a condition. A put that got no answer at first may have made it false. */
static enum s3_result lease_write(struct lease *lease, const struct s3_condition *condition,
				  struct cart_error *error)
{
	char other[LEASE_OWNER], etag[S3_ETAG_ROOM];
	int64_t began_ns = lease_now();
	enum s3_result result;
	struct buf data = {0};
	bool mine = false;

	buf_printf(&data, "%s%" PRId64 "\n", lease->owner, lease->beats++);
	if (data.failed) {
		cart_error_set(error, "out of memory");
		return S3_FAILED;
	}
	result = s3_put(lease->config.client, lease->config.key, &data, condition, etag, error);
	buf_free(&data);
	if (result == S3_CONDITION && lease_read(lease, etag, &mine, other, error) == S3_FAILED)
		return S3_FAILED;
	if (result != S3_DONE && !mine)
		return result;
	memcpy(lease->etag, etag, S3_ETAG_ROOM);
	lease->renewed_ns = began_ns;
	return S3_DONE;
}

static int lease_is_in_use(const struct lease *lease, const char *other, struct cart_error *error)
{
	return cart_error_set(error, "%s is in use by another %s", lease->config.where, other);
}

/* With the lock held. */
static int lease_renew(struct lease *lease, struct cart_error *error)
{
	char other[LEASE_OWNER] = "cartctl", etag[S3_ETAG_ROOM];
	const struct s3_condition same = {.if_match = lease->etag};
	enum s3_result result = S3_CONDITION;
	bool mine = true;

	if (!lease->lost && !lease->conditional &&
	    lease_read(lease, etag, &mine, other, error) == S3_FAILED)
		return -1;
	if (!lease->lost && mine)
		result = lease_write(lease, lease->conditional ? &same : NULL, error);
	if (result == S3_DONE)
		return 0;
	if (result == S3_FAILED)
		return -1;
	lease->lost = true;
	switch (lease_read(lease, etag, &mine, other, error)) {
	case S3_FAILED:
		return -1;
	case S3_ABSENT:
		return cart_error_set(error, "the lock of %s was removed by somebody else",
				      lease->config.where);
	default:
		return lease_is_in_use(lease, other, error);
	}
}

int lease_check(struct lease *lease, struct cart_error *error)
{
	int64_t half_ns = lease->config.ms * CLOCK_NS_PER_MS / 2;
	int rc = 0;

	pthread_mutex_lock(&lease->lock);
	if (lease->lost || lease_now() - lease->renewed_ns > half_ns)
		rc = lease_renew(lease, error);
	pthread_mutex_unlock(&lease->lock);
	return rc;
}

int lease_confirm(struct lease *lease, struct cart_error *error)
{
	int rc;

	pthread_mutex_lock(&lease->lock);
	rc = lease_renew(lease, error);
	pthread_mutex_unlock(&lease->lock);
	return rc;
}

static void *lease_keep(void *user)
{
	struct lease *lease = user;
	int64_t third_ns = lease->config.ms * CLOCK_NS_PER_MS / 3;
	struct cart_error error;

	pthread_mutex_lock(&lease->lock);
	while (!lease->ending && !lease->lost) {
		int64_t due_ns = lease->renewed_ns + third_ns;

		/* What stops it is found again by lease_check(), which tells. */
		if (lease_now() >= due_ns && lease_renew(lease, &error) != 0)
			due_ns = lease_now() + third_ns;
		thread_condition_wait(&lease->end, &lease->lock, due_ns);
	}
	pthread_mutex_unlock(&lease->lock);
	return NULL;
}

static void lease_warn_of_wait(const struct lease *lease, const char *other,
			       void (*warn)(const char *text))
{
	char text[512];

	snprintf(text, sizeof(text),
		 "%s is locked by %s: waiting up to %" PRId64 " s to see whether it still runs",
		 lease->config.where, other, (lease->config.ms + 999) / 1000);
	warn(text);
}

/* Watches the lock of another one. 0: *etag is one that did not change for a lease; or the lock is
 * gone, and *etag is "". */
static int lease_watch(const struct lease *lease, char etag[S3_ETAG_ROOM],
		       void (*warn)(const char *text), struct cart_error *error)
{
	char first[S3_ETAG_ROOM], other[LEASE_OWNER];
	int64_t nap_ns = lease->config.ms * CLOCK_NS_PER_MS / LEASE_LOOKS, since_ns = lease_now();
	const struct timespec nap = {.tv_sec = nap_ns / CLOCK_NS_PER_S,
				     .tv_nsec = nap_ns % CLOCK_NS_PER_S};
	enum s3_result result = lease_read(lease, first, &(bool){false}, other, error);

	if (result == S3_DONE)
		lease_warn_of_wait(lease, other, warn);
	while (result == S3_DONE) {
		nanosleep(&nap, NULL);
		result = lease_read(lease, etag, &(bool){false}, other, error);
		if (result == S3_DONE && strcmp(etag, first) != 0)
			return lease_is_in_use(lease, other, error);
		if (lease_now() - since_ns > lease->config.ms * CLOCK_NS_PER_MS)
			break;
	}
	if (result == S3_ABSENT)
		etag[0] = '\0';
	return result == S3_FAILED ? -1 : 0;
}

/* Whether the server knows conditions: the lock is there, so this one is false. */
static int lease_probe(struct lease *lease, void (*warn)(const char *text),
		       struct cart_error *error)
{
	const struct s3_condition absent = {.if_absent = "*"};
	struct buf data = {0};
	enum s3_result result;
	char etag[S3_ETAG_ROOM], text[512];

	buf_printf(&data, "%s%" PRId64 "\n", lease->owner, lease->beats++);
	result = data.failed ? S3_CONDITION
			     : s3_put(lease->config.client, lease->config.key, &data, &absent, etag,
				      error);
	buf_free(&data);
	lease->conditional = result == S3_CONDITION;
	if (result == S3_FAILED)
		return -1;
	if (lease->conditional)
		return 0;
	if (result == S3_DONE)
		memcpy(lease->etag, etag, S3_ETAG_ROOM);
	snprintf(text, sizeof(text),
		 "the server of %s does not know conditional writes: waiting %" PRId64
		 " s to see whether another cartctl started at the same moment",
		 lease->config.where, (lease->config.ms + 999) / 1000);
	warn(text);
	return 0;
}

/* Makes the lock, or takes one over that has the ETag. */
static int lease_make(struct lease *lease, const char *etag, struct cart_error *error)
{
	const struct s3_condition condition = {.if_match = etag[0] != '\0' ? etag : NULL,
					       .if_absent = etag[0] != '\0' ? NULL : "*"};
	enum s3_result result = lease_write(lease, &condition, error);

	if (result == S3_NO_CONDITIONS)
		result = lease_write(lease, NULL, error);
	if (result == S3_FAILED)
		return -1;
	return result == S3_DONE ? 0 : lease_is_in_use(lease, "cartctl", error);
}

static void lease_end(struct lease *lease)
{
	pthread_mutex_lock(&lease->lock);
	lease->ending = true;
	pthread_cond_signal(&lease->end);
	pthread_mutex_unlock(&lease->lock);
	pthread_join(lease->thread, NULL);
}

/* Without conditions two may have written the lock, each of which found none. After a lease the one
 * whose lock was written over has seen that, or it changes nothing. */
static int lease_await_others(struct lease *lease, struct cart_error *error)
{
	int64_t lease_ns = lease->config.ms * CLOCK_NS_PER_MS;
	const struct timespec nap = {.tv_sec = lease_ns / CLOCK_NS_PER_S,
				     .tv_nsec = lease_ns % CLOCK_NS_PER_S};

	nanosleep(&nap, NULL);
	return lease_confirm(lease, error);
}

static int lease_begin(struct lease *lease, void (*warn)(const char *text),
		       struct cart_error *error)
{
	char etag[S3_ETAG_ROOM] = "";

	if (lease_watch(lease, etag, warn, error) != 0 || lease_make(lease, etag, error) != 0 ||
	    lease_probe(lease, warn, error) != 0)
		return -1;
	if (thread_start(&lease->thread, lease_keep, lease) != 0)
		return cart_error_set(error, "cannot start a thread");
	if (lease->conditional || lease_await_others(lease, error) == 0)
		return 0;
	lease_end(lease);
	return -1;
}

static void lease_free(struct lease *lease)
{
	pthread_mutex_destroy(&lease->lock);
	pthread_cond_destroy(&lease->end);
	free(lease);
}

struct lease *lease_take(const struct lease_config *config, void (*warn)(const char *text),
			 struct cart_error *error)
{
	struct lease *lease = calloc(1, sizeof(*lease));

	if (lease == NULL) {
		cart_error_set(error, "out of memory");
		return NULL;
	}
	lease->config = *config;
	lease_set_owner(lease->owner);
	pthread_mutex_init(&lease->lock, NULL);
	thread_condition_init(&lease->end);
	if (lease_begin(lease, warn, error) == 0)
		return lease;
	lease_free(lease);
	return NULL;
}

/* A server may know the condition of a put and not that of a removal. A lock that stays expires. */
static void lease_remove(const struct lease *lease)
{
	const struct s3_condition same = {.if_match = lease->etag};
	enum s3_result result = S3_NO_CONDITIONS;
	struct cart_error error;

	if (lease->conditional)
		result = s3_remove(lease->config.client, lease->config.key, &same, &error);
	if (result == S3_NO_CONDITIONS)
		(void)!s3_remove(lease->config.client, lease->config.key, NULL, &error);
}

void lease_give(struct lease **out)
{
	struct lease *lease = *out;
	int64_t lease_ns, doubt_ns;

	*out = NULL;
	if (lease == NULL)
		return;
	lease_end(lease);
	lease_ns = lease->config.ms * CLOCK_NS_PER_MS;
	doubt_ns = s3_doubt_ns(lease->config.client);
	if (!lease->lost && lease_now() - lease->renewed_ns < lease_ns / 2 &&
	    (doubt_ns == 0 || lease_now() - doubt_ns > lease_ns))
		lease_remove(lease);
	lease_free(lease);
}
