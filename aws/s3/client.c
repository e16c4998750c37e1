#include "aws/s3/client.h"

#include "aws/s3/explain.h"
#include "aws/s3/location.h"
#include "core/base/random.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CLIENT_TRIES	    10
#define CLIENT_PAUSE_MS	    100 /* before the second try, at random up to it; then twice as much */
#define CLIENT_PAUSE_MAX_MS 8000
#define CLIENT_IDENTITY_MS  200 /* while other credentials are waited for */
#define CLIENT_SKEW_MIN_S   60

struct s3_client {
	struct s3_config config;
	struct s3_target target;
	atomic_int_least64_t doubt_ns;
	atomic_int_least64_t skew_s; /* the server's time less ours */
	pthread_mutex_t lock;
	struct s3_link *idle; /* under the lock, like the next */
	struct random random;
};

struct s3_client *s3_client_new(const struct s3_config *config)
{
	struct s3_client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return NULL;
	client->config = *config;
	s3_target_set(&client->target, config->bucket, config->endpoint);
	pthread_mutex_init(&client->lock, NULL);
	random_seed(&client->random);
	return client;
}

void s3_client_free(struct s3_client **out)
{
	struct s3_client *client = *out;

	*out = NULL;
	if (client == NULL)
		return;
	while (client->idle != NULL) {
		struct s3_link *link = client->idle;

		client->idle = link->next;
		s3_link_free(link);
	}
	pthread_mutex_destroy(&client->lock);
	free(client);
}

int64_t s3_doubt_ns(const struct s3_client *client)
{
	return atomic_load(&client->doubt_ns);
}

/* One that is free, or a new one. NULL: no memory. */
static struct s3_link *client_take_link(struct s3_client *client)
{
	struct s3_link *link;

	pthread_mutex_lock(&client->lock);
	link = client->idle;
	if (link != NULL)
		client->idle = link->next;
	pthread_mutex_unlock(&client->lock);
	return link != NULL ? link : s3_link_new(&client->config);
}

static void client_give_link(struct s3_client *client, struct s3_link *link)
{
	pthread_mutex_lock(&client->lock);
	link->next = client->idle;
	client->idle = link;
	pthread_mutex_unlock(&client->lock);
}

static void client_pause(struct s3_client *client, int try)
{
	int64_t most = CLIENT_PAUSE_MS, ms;
	struct timespec nap;

	for (int i = 1; i < try && most < CLIENT_PAUSE_MAX_MS; i++)
		most *= 2;
	pthread_mutex_lock(&client->lock);
	ms = most / 2 + (int64_t)(random_next(&client->random) % (uint64_t)(most / 2));
	pthread_mutex_unlock(&client->lock);
	nap = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * CLOCK_NS_PER_MS};
	nanosleep(&nap, NULL);
}

/* Corrects our clock. False: that is not what is wrong. */
static bool client_take_time(struct s3_client *client, const struct s3_request *request,
			     int64_t signed_s)
{
	int64_t now_s = clock_wall_ms(client->config.clock) / 1000;

	if (request->server_s == 0 || llabs(request->server_s - signed_s) < CLIENT_SKEW_MIN_S)
		return false;
	atomic_store(&client->skew_s, request->server_s - now_s);
	return true;
}

/* Waits a moment for others than those of that generation. */
static void client_renew_identity(struct s3_client *client, uint64_t generation)
{
	const struct timespec nap = {.tv_nsec = CLIENT_IDENTITY_MS * CLOCK_NS_PER_MS};

	aws_credentials_refused(client->config.credentials, generation);
	for (int i = 0; i < 10; i++) {
		if (aws_credentials_generation(client->config.credentials) != generation)
			return;
		nanosleep(&nap, NULL);
	}
}

/* One try. What it means; S3_MEANS_REFUSED with an error text: it could not be made. */
static enum s3_meaning client_try(struct s3_client *client, struct s3_link *link,
				  struct s3_request *request, struct s3_answer *answer)
{
	struct aws_credentials credentials;
	uint64_t generation = aws_credentials_copy(client->config.credentials, &credentials);
	int64_t now_s = clock_wall_ms(client->config.clock) / 1000 + atomic_load(&client->skew_s);
	bool made = s3_request_try(link, &client->target, request, &credentials, now_s);
	enum s3_meaning meaning;

	explicit_bzero(&credentials, sizeof(credentials));
	if (!made)
		return S3_MEANS_REFUSED;
	if (request->status != 0 && request->status / 100 != 2) {
		const struct buf body = {.data = request->data->data + request->data_from,
					 .len = request->data->len - request->data_from};

		s3_answer_clear(answer);
		if (!s3_answer_read(answer, &body) || !answer->is_error)
			s3_answer_clear(answer);
		request->data->len = request->data_from;
	}
	meaning = s3_meaning_of(request, answer);
	if (meaning == S3_MEANS_DOUBT && request->body != NULL)
		atomic_store(&client->doubt_ns, clock_monotonic_ns(client->config.clock));
	if (meaning == S3_MEANS_CLOCK && !client_take_time(client, request, now_s))
		return S3_MEANS_REFUSED;
	if (meaning == S3_MEANS_IDENTITY)
		client_renew_identity(client, generation);
	return meaning;
}

static enum s3_result client_end(const struct s3_client *client, const struct s3_request *request,
				 const struct s3_answer *answer, enum s3_meaning meaning,
				 struct cart_error *error)
{
	switch (meaning) {
	case S3_MEANS_DONE:
		return S3_DONE;
	case S3_MEANS_ABSENT:
		return S3_ABSENT;
	case S3_MEANS_CONDITION:
		return S3_CONDITION;
	case S3_MEANS_NO_CONDITIONS:
		return S3_NO_CONDITIONS;
	default:
		return s3_explain(&client->config, request, answer, error);
	}
}

static enum s3_result client_run(struct s3_client *client, struct s3_request *request,
				 struct cart_error *error)
{
	struct s3_link *link = client_take_link(client);
	enum s3_meaning meaning = S3_MEANS_REFUSED;
	struct s3_answer answer = {0};
	struct buf none = {0};
	enum s3_result result;

	if (request->data == NULL)
		request->data = &none;
	request->data_from = request->data->len;
	if (link == NULL || !s3_request_hash(request)) {
		if (link != NULL)
			client_give_link(client, link);
		cart_error_set(error, "out of memory");
		return S3_FAILED;
	}
	for (int try = 1; try <= CLIENT_TRIES; try++) {
		meaning = client_try(client, link, request, &answer);
		if (meaning != S3_MEANS_AGAIN && meaning != S3_MEANS_DOUBT &&
		    meaning != S3_MEANS_CLOCK && meaning != S3_MEANS_IDENTITY)
			break;
		if (try < CLIENT_TRIES && meaning != S3_MEANS_CLOCK)
			client_pause(client, try);
	}
	client_give_link(client, link);
	result = client_end(client, request, &answer, meaning, error);
	s3_answer_clear(&answer);
	buf_free(&none);
	return result;
}

enum s3_result s3_put(struct s3_client *client, const char *key, const struct buf *data,
		      const struct s3_condition *condition, char etag[S3_ETAG_ROOM],
		      struct cart_error *error)
{
	struct s3_request request = {
		.method = "PUT", .key = key, .body = data, .condition = condition};
	enum s3_result result;

	if (data->len > (size_t)S3_OBJECT_MAX) {
		cart_error_set(error,
			       "s3://%s/%.200s is larger than the 5 GiB of a put: archive with a "
			       "smaller --batch",
			       client->config.bucket, key);
		return S3_FAILED;
	}
	result = client_run(client, &request, error);
	if (etag != NULL)
		memcpy(etag, request.etag, S3_ETAG_ROOM);
	return result;
}

enum s3_result s3_get(struct s3_client *client, const char *key, struct buf *data,
		      char etag[S3_ETAG_ROOM], struct cart_error *error)
{
	struct s3_request request = {.method = "GET", .key = key, .data = data};
	enum s3_result result = client_run(client, &request, error);

	if (etag != NULL)
		memcpy(etag, request.etag, S3_ETAG_ROOM);
	return result;
}

enum s3_result s3_remove(struct s3_client *client, const char *key,
			 const struct s3_condition *condition, struct cart_error *error)
{
	struct s3_request request = {.method = "DELETE", .key = key, .condition = condition};
	enum s3_result result = client_run(client, &request, error);

	return result == S3_ABSENT ? S3_DONE : result;
}

/* One page; *token goes on, and is then that of the next page, or NULL. */
static enum s3_result client_list_page(struct s3_client *client, const char *prefix, char **token,
				       struct s3_answer *page, struct cart_error *error)
{
	struct buf query = {0}, text = {0};
	struct s3_request request = {.method = "GET", .data = &text};
	enum s3_result result = S3_FAILED;

	if (*token != NULL) {
		buf_add_string(&query, "continuation-token=");
		s3_encode(&query, *token, false);
		buf_add_char(&query, '&');
	}
	buf_add_string(&query, "list-type=2&prefix=");
	s3_encode(&query, prefix, false);
	free(*token);
	*token = NULL;
	request.query = buf_string(&query);
	if (query.failed)
		cart_error_set(error, "out of memory");
	else
		result = client_run(client, &request, error);
	if (result == S3_DONE && (!s3_answer_read(page, &text) || page->is_error)) {
		cart_error_set(error, "cannot list s3://%s/%.200s: the answer is no list",
			       client->config.bucket, prefix);
		result = S3_FAILED;
	}
	*token = page->token;
	page->token = NULL;
	buf_free(&query);
	buf_free(&text);
	return result;
}

enum s3_result s3_list(struct s3_client *client, const char *prefix, s3_key_fn *each, void *user,
		       struct cart_error *error)
{
	enum s3_result result = S3_DONE;
	char *token = NULL;
	bool more = true;

	while (more && result == S3_DONE) {
		struct s3_answer page = {0};

		result = client_list_page(client, prefix, &token, &page, error);
		for (size_t i = 0; i < page.count && more && result == S3_DONE; i++)
			more = each(page.keys[i], user);
		more = more && token != NULL;
		s3_answer_clear(&page);
	}
	free(token);
	return result;
}
