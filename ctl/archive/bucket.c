/*
 * A prefix of a bucket as a place. Of what makes a folder safe (a temporary name, sync, rename,
 * sync of the folder) nothing is needed: a put is atomic, durable once it is answered, and seen by
 * all who read or list after that. What a folder does not have is a put that got no answer, which
 * the server may carry out later. That matters where the file was taken off meanwhile: it would be
 * back, without a mark, and its carts would count twice. So:
 *
 * - A file is removed only when no put is in doubt: the last one without an answer is a lease ago.
 *   Names are digests of what is in the files, so a put that comes late to a name that has been
 *   written again changes nothing.
 * - A run that was killed keeps the lock for a lease (lease.h), within which nothing is removed.
 * - A mark that comes back late is one too many, and the next run ends it.
 *
 * Before a change the lease is looked at, so that a run that stood still does not meet another one.
 * Before a file is removed the server is asked for the lock: another run may have written the same
 * file, and have removed its carts from the store, where this one then does not find them.
 */
#include "ctl/archive/bucket.h"

#include "aws/s3/client.h"
#include "aws/s3/location.h"
#include "aws/s3/options.h"
#include "ctl/archive/lease.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUCKET_CREDENTIALS_MS 10000

struct bucket {
	struct archive_place place; /* first */
	struct s3_location location;
	struct s3_options options;
	struct aws_credentials_source *credentials;
	struct s3_client *client;
	struct lease *lease; /* NULL: it is only read */
	char lock[S3_KEY_MAX + 1];
	char where[S3_KEY_MAX + 80];
};

static int bucket_key(const struct bucket *bucket, const char *name, char key[S3_KEY_MAX + 1],
		      struct cart_error *error)
{
	int len = snprintf(key, S3_KEY_MAX + 1, "%s%s", bucket->location.prefix, name);

	return len <= S3_KEY_MAX ? 0
				 : cart_error_set(error, "%s/%.100s is too long for a key",
						  bucket->where, name);
}

static int bucket_write(struct archive_place *place, const char *name, const struct buf *data,
			struct cart_error *error)
{
	struct bucket *bucket = (struct bucket *)place;
	char key[S3_KEY_MAX + 1];

	if (bucket_key(bucket, name, key, error) != 0 || lease_check(bucket->lease, error) != 0)
		return -1;
	return s3_put(bucket->client, key, data, NULL, NULL, error) == S3_DONE ? 0 : -1;
}

static int bucket_read(struct archive_place *place, const char *name, struct buf *data,
		       struct cart_error *error)
{
	struct bucket *bucket = (struct bucket *)place;
	char key[S3_KEY_MAX + 1];

	if (bucket_key(bucket, name, key, error) != 0)
		return -1;
	switch (s3_get(bucket->client, key, data, NULL, error)) {
	case S3_DONE:
		return 1;
	case S3_ABSENT:
		return 0;
	default:
		return -1;
	}
}

/* Until no put is in doubt. */
static void bucket_await_puts(const struct bucket *bucket)
{
	int64_t lease_ns = bucket->options.lease_ms * CLOCK_NS_PER_MS;
	int64_t doubt_ns = s3_doubt_ns(bucket->client);
	int64_t left_ns = doubt_ns + lease_ns - clock_monotonic_ns(&cart_clock_system);
	const struct timespec nap = {.tv_sec = left_ns / CLOCK_NS_PER_S,
				     .tv_nsec = left_ns % CLOCK_NS_PER_S};

	if (doubt_ns != 0 && left_ns > 0)
		nanosleep(&nap, NULL);
}

static int bucket_remove(struct archive_place *place, const char *name, struct cart_error *error)
{
	struct bucket *bucket = (struct bucket *)place;
	char key[S3_KEY_MAX + 1];

	if (bucket_key(bucket, name, key, error) != 0)
		return -1;
	if (strncmp(name, "dt=", 3) == 0) {
		bucket_await_puts(bucket);
		if (lease_confirm(bucket->lease, error) != 0)
			return -1;
	} else if (lease_check(bucket->lease, error) != 0) {
		return -1;
	}
	return s3_remove(bucket->client, key, NULL, error) == S3_DONE ? 0 : -1;
}

/* Passes on names in folders, without the prefix. */
struct bucket_names {
	size_t skip;
	archive_name_fn *each;
	void *user;
};

static bool bucket_pass_on(const char *key, void *user)
{
	const struct bucket_names *names = user;
	const char *name = strlen(key) > names->skip ? key + names->skip : "";
	const char *slash = strchr(name, '/');

	if (slash == NULL || slash[1] == '\0' || strchr(slash + 1, '/') != NULL)
		return true;
	return names->each(name, names->user);
}

static int bucket_list(struct archive_place *place, const char *prefix, archive_name_fn *each,
		       void *user, struct cart_error *error)
{
	struct bucket *bucket = (struct bucket *)place;
	struct bucket_names names = {
		.skip = strlen(bucket->location.prefix), .each = each, .user = user};
	char key[S3_KEY_MAX + 1];

	if (bucket_key(bucket, prefix, key, error) != 0)
		return -1;
	return s3_list(bucket->client, key, bucket_pass_on, &names, error) == S3_DONE ? 0 : -1;
}

static void bucket_close(struct archive_place *place)
{
	struct bucket *bucket = (struct bucket *)place;

	lease_give(&bucket->lease);
	s3_client_free(&bucket->client);
	aws_credentials_free(&bucket->credentials);
	free(bucket);
}

static const struct archive_place_kind bucket_kind = {
	.write = bucket_write,
	.read = bucket_read,
	.remove = bucket_remove,
	.list = bucket_list,
	.close = bucket_close,
};

static int bucket_connect(struct bucket *bucket, const struct settings *settings,
			  struct cart_error *error)
{
	struct aws_credentials_config credentials = {
		.service = &aws_s3,
		.clock = &cart_clock_system,
		.profile = settings_string(settings, "s3.profile"),
	};
	struct s3_config config = {.clock = &cart_clock_system,
				   .bucket = bucket->location.bucket,
				   .endpoint = &bucket->options.endpoint};

	/* A connection that breaks is an error, not the end. */
	signal(SIGPIPE, SIG_IGN);
	if (s3_options_read(&bucket->options, settings, &credentials, error) != 0)
		return -1;
	credentials.region = bucket->options.endpoint.region;
	if (aws_credentials_new(&bucket->credentials, &credentials, error) != 0 ||
	    aws_credentials_wait(bucket->credentials, BUCKET_CREDENTIALS_MS, error) != 0)
		return -1;
	config.credentials = bucket->credentials;
	config.connect_timeout_ms = bucket->options.connect_timeout_ms;
	config.timeout_ms = bucket->options.timeout_ms;
	bucket->client = s3_client_new(&config);
	return bucket->client != NULL ? 0 : cart_error_set(error, "out of memory");
}

static int bucket_lock(struct bucket *bucket, void (*warn)(const char *text),
		       struct cart_error *error)
{
	const struct lease_config config = {.client = bucket->client,
					    .key = bucket->lock,
					    .where = bucket->where,
					    .ms = bucket->options.lease_ms};

	if (bucket_key(bucket, "_lock", bucket->lock, error) != 0)
		return -1;
	bucket->lease = lease_take(&config, warn, error);
	return bucket->lease != NULL ? 0 : -1;
}

struct archive_place *archive_bucket_open(const char *where, const struct settings *settings,
					  enum archive_access access,
					  void (*warn)(const char *text), struct cart_error *error)
{
	struct bucket *bucket = calloc(1, sizeof(*bucket));

	if (bucket == NULL) {
		cart_error_set(error, "out of memory");
		return NULL;
	}
	bucket->place.kind = &bucket_kind;
	if (s3_location_parse(&bucket->location, where, error) == 0) {
		snprintf(bucket->where, sizeof(bucket->where), "s3://%s/%s",
			 bucket->location.bucket, bucket->location.prefix);
		bucket->where[strlen(bucket->where) - 1] = '\0'; /* its last '/' */
		if (bucket_connect(bucket, settings, error) == 0 &&
		    (access == ARCHIVE_READ || bucket_lock(bucket, warn, error) == 0))
			return &bucket->place;
	}
	bucket_close(&bucket->place);
	return NULL;
}
