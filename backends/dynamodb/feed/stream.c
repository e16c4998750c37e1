#include "backends/dynamodb/feed/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Before the 15 minutes are over. */
#define STREAM_ITERATOR_NS (14 * 60 * CLOCK_NS_PER_S)
/* While the stream is throttled the pause grows to so much, if it is not longer anyway. */
#define STREAM_PAUSE_MAX_NS (2 * CLOCK_NS_PER_S)

static const struct aws_service stream_service = {"streams.dynamodb",
						  "AWS_ENDPOINT_URL_DYNAMODB_STREAMS"};

/* Source: the endpoint rules that AWS publishes in its SDKs, of the service "DynamoDB Streams". */
static void stream_set_url(char to[AWS_ENDPOINT_ROOM], const char *url)
{
	const char *host = strstr(url, "://");
	bool dual_stack = strstr(url, ".api.aws") != NULL ||
			  strstr(url, ".api.amazonwebservices.com.cn") != NULL;

	if (host == NULL || !aws_endpoint_is_aws(url) || strncmp(host + 3, "dynamodb", 8) != 0)
		snprintf(to, AWS_ENDPOINT_ROOM, "%s", url);
	else
		snprintf(to, AWS_ENDPOINT_ROOM, "https://streams%c%s", dual_stack ? '-' : '.',
			 host + 3);
}

int ddb_stream_locate(char to[AWS_ENDPOINT_ROOM], const struct aws_endpoint *table,
		      const struct aws_credentials_config *credentials, const char *setting,
		      struct cart_error *error)
{
	struct aws_credentials_config of_stream = *credentials;
	const struct aws_endpoint_config config = {
		.credentials = &of_stream, .region = table->region, .endpoint = setting, .ca = ""};
	struct aws_endpoint *found = malloc(sizeof(*found));
	int result = -1;

	of_stream.service = &stream_service;
	if (found == NULL)
		cart_error_set(error, "out of memory");
	else
		result = aws_endpoint_find(found, &config, error);
	/* A server that stands in for DynamoDB, however it was named, has the stream too. */
	if (result == 0)
		stream_set_url(to, found->named ? found->url : table->url);
	free(found);
	return result;
}

struct ddb_stream *ddb_stream_new(const struct cart_clock *clock, int64_t poll_ns,
				  struct metrics *metrics)
{
	struct ddb_stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL)
		return NULL;
	stream->clock = clock;
	stream->poll_ns = stream->pause_ns = poll_ns;
	pthread_mutex_init(&stream->lock, NULL);
	for (enum ddb_operation i = 0; i < DDB_OPERATIONS; i++) {
		char labels[64];

		if (!ddb_operation_is_of_stream(i))
			continue;
		snprintf(labels, sizeof(labels), "operation=\"%s\"", ddb_operation_name(i));
		stream->calls[i] =
			metrics_counter(metrics, "cart_dynamodb_stream_calls_total",
					"Calls tried to read the table's stream", labels);
	}
	return stream;
}

void ddb_stream_free(struct ddb_stream **out)
{
	struct ddb_stream *stream = *out;

	*out = NULL;
	if (stream == NULL)
		return;
	for (size_t i = 0; i < DDB_ITERATOR_SETS; i++)
		for (size_t j = 0; j < DDB_ITERATOR_WAYS; j++)
			free(stream->iterators[i][j].text);
	ddb_shards_drop(&stream->shards);
	pthread_mutex_destroy(&stream->lock);
	free(stream);
}

struct ddb_shards *ddb_stream_shards(struct ddb_stream *stream)
{
	struct ddb_shards *shards;

	pthread_mutex_lock(&stream->lock);
	shards = stream->shards != NULL ? ddb_shards_use(stream->shards) : NULL;
	pthread_mutex_unlock(&stream->lock);
	return shards;
}

void ddb_stream_set_shards(struct ddb_stream *stream, struct ddb_shards *shards)
{
	struct ddb_shards *old;

	pthread_mutex_lock(&stream->lock);
	old = stream->shards;
	stream->shards = ddb_shards_use(shards);
	pthread_mutex_unlock(&stream->lock);
	ddb_shards_drop(&old);
}

bool ddb_spot_is(const struct ddb_spot *a, const struct ddb_spot *b)
{
	return a->shard == b->shard && a->place == b->place && a->nonce == b->nonce &&
	       a->stream == b->stream && strcmp(a->sequence, b->sequence) == 0;
}

/* The iterators among which the spot's is. */
static struct ddb_iterator *stream_set(struct ddb_stream *stream, const struct ddb_spot *spot)
{
	uint64_t hash = spot->shard ^ spot->nonce ^ ddb_shards_tag(spot->sequence);

	return stream->iterators[(hash ^ hash >> 20) % DDB_ITERATOR_SETS];
}

/* Under the lock; NULL: none. */
static struct ddb_iterator *stream_look(struct ddb_stream *stream, const struct ddb_spot *spot)
{
	struct ddb_iterator *set = stream_set(stream, spot);

	for (size_t i = 0; i < DDB_ITERATOR_WAYS; i++)
		if (set[i].text != NULL && ddb_spot_is(&set[i].spot, spot))
			return &set[i];
	return NULL;
}

static void iterator_clear(struct ddb_iterator *iterator)
{
	free(iterator->text);
	*iterator = (struct ddb_iterator){.text = NULL};
}

static struct ddb_news *stream_news(struct ddb_stream *stream, const struct ddb_spot *spot)
{
	return &stream->news[(spot->shard ^ spot->stream) % DDB_NEWS];
}

/* Under the lock. */
static void stream_note_news(struct ddb_stream *stream, const struct ddb_iterator *iterator)
{
	struct ddb_news *news = stream_news(stream, &iterator->spot);
	const char *sequence = iterator->spot.sequence;
	size_t len = strlen(sequence), had = strlen(news->sequence);

	/* Numbers, without zeros before them. */
	if (news->shard == iterator->spot.shard &&
	    (len < had || (len == had && strcmp(sequence, news->sequence) <= 0)))
		return;
	news->shard = iterator->spot.shard;
	memcpy(news->sequence, sequence, sizeof(news->sequence));
	if (iterator->read_ns > news->came_ns)
		news->came_ns = iterator->read_ns;
}

enum ddb_spot_state ddb_stream_find(struct ddb_stream *stream, const struct ddb_spot *spot,
				    struct ddb_iterator *found)
{
	int64_t now_ns = clock_monotonic_ns(stream->clock);
	enum ddb_spot_state state = DDB_SPOT_UNKNOWN;
	struct ddb_iterator *known;

	pthread_mutex_lock(&stream->lock);
	known = stream_look(stream, spot);
	if (known != NULL && now_ns - known->got_ns >= STREAM_ITERATOR_NS) {
		iterator_clear(known);
	} else if (known != NULL && known->empties >= DDB_STREAM_EMPTIES &&
		   now_ns - known->read_ns < stream->pause_ns &&
		   stream_news(stream, spot)->came_ns <= known->read_ns) {
		state = DDB_SPOT_QUIET;
	} else if (known != NULL) {
		*found = *known;
		found->text = strdup(known->text);
		if (found->text != NULL)
			state = DDB_SPOT_KNOWN;
	}
	pthread_mutex_unlock(&stream->lock);
	return state;
}

void ddb_stream_keep(struct ddb_stream *stream, const struct ddb_iterator *iterator)
{
	struct ddb_iterator *set = stream_set(stream, &iterator->spot), *at;
	char *text = strdup(iterator->text);

	if (text == NULL)
		return;
	pthread_mutex_lock(&stream->lock);
	at = stream_look(stream, &iterator->spot);
	/* In place of the oldest. */
	for (size_t i = 0; at == NULL && i < DDB_ITERATOR_WAYS; i++)
		if (set[i].text == NULL)
			at = &set[i];
	if (at == NULL) {
		at = &set[0];
		for (size_t i = 1; i < DDB_ITERATOR_WAYS; i++)
			if (set[i].got_ns < at->got_ns)
				at = &set[i];
	}
	iterator_clear(at);
	*at = *iterator;
	at->text = text;
	stream_note_news(stream, iterator);
	pthread_mutex_unlock(&stream->lock);
}

void ddb_stream_forget(struct ddb_stream *stream, const struct ddb_spot *spot)
{
	struct ddb_iterator *known;

	pthread_mutex_lock(&stream->lock);
	known = stream_look(stream, spot);
	if (known != NULL)
		iterator_clear(known);
	pthread_mutex_unlock(&stream->lock);
}

void ddb_stream_note(struct ddb_stream *stream, bool throttled)
{
	pthread_mutex_lock(&stream->lock);
	if (throttled)
		stream->pause_ns *= 2;
	else
		stream->pause_ns -= stream->pause_ns / 16;
	if (stream->pause_ns > STREAM_PAUSE_MAX_NS)
		stream->pause_ns = STREAM_PAUSE_MAX_NS;
	if (stream->pause_ns < stream->poll_ns)
		stream->pause_ns = stream->poll_ns;
	pthread_mutex_unlock(&stream->lock);
}
