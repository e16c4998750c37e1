/*
 * Series live at fixed places in every shard's array of slots. A slot is written by one thread and
 * read by whoever merges: relaxed atomic loads and stores, which are plain moves on the machines
 * that we build for. A merge is not a snapshot: sums may be a few events older than others.
 */
#include "core/base/metrics.h"

#include "core/base/buf.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Upper bounds in nanoseconds; a histogram's slots are these, then +Inf, then the sum. */
static const int64_t bucket_bounds[] = {
	50000,	   100000,     250000,	   500000,     1000000,	    2500000,
	5000000,   10000000,   25000000,   50000000,   100000000,   250000000,
	500000000, 1000000000, 2500000000, 5000000000, 10000000000,
};
static const char *const bucket_names[] = {
	"0.00005", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025",
	"0.05",	   "0.1",    "0.25",	"0.5",	  "1",	   "2.5",    "5",     "10",
};

#define METRICS_BUCKETS		(sizeof(bucket_bounds) / sizeof(bucket_bounds[0]))
#define METRICS_HISTOGRAM_SLOTS (METRICS_BUCKETS + 2)

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM, METRICS_CALLBACK };

struct metrics_series {
	char *labels; /* without braces; "" for none */
	metric_t slot;
	double (*read)(void *user);
	void *user;
};

struct metrics_family {
	char *name;
	char *help;
	enum metrics_type type;
	struct metrics_series *series;
	size_t series_count;
};

struct metrics_shard {
	struct metrics_shard *next;
	_Atomic int64_t slots[];
};

struct metrics {
	struct metrics_family *families;
	size_t family_count;
	metric_t slot_count;
	pthread_mutex_t lock; /* the list of shards */
	struct metrics_shard *shards;
};

static void *metrics_must(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

struct metrics *metrics_new(void)
{
	struct metrics *metrics = metrics_must(calloc(1, sizeof(*metrics)));

	pthread_mutex_init(&metrics->lock, NULL);
	return metrics;
}

static void metrics_free_family(struct metrics_family *family)
{
	for (size_t i = 0; i < family->series_count; i++)
		free(family->series[i].labels);
	free(family->series);
	free(family->name);
	free(family->help);
}

void metrics_free(struct metrics **out)
{
	struct metrics *metrics = *out;
	struct metrics_shard *next;

	if (metrics == NULL)
		return;
	for (struct metrics_shard *shard = metrics->shards; shard != NULL; shard = next) {
		next = shard->next;
		free(shard);
	}
	for (size_t i = 0; i < metrics->family_count; i++)
		metrics_free_family(&metrics->families[i]);
	free(metrics->families);
	pthread_mutex_destroy(&metrics->lock);
	free(metrics);
	*out = NULL;
}

static struct metrics_family *metrics_family_of(struct metrics *metrics, const char *name,
						const char *help, enum metrics_type type)
{
	struct metrics_family *family;

	for (size_t i = 0; i < metrics->family_count; i++) {
		family = &metrics->families[i];
		if (strcmp(family->name, name) != 0)
			continue;
		if (family->type != type)
			abort();
		return family;
	}
	metrics->families = metrics_must(reallocarray(metrics->families, metrics->family_count + 1,
						      sizeof(*metrics->families)));
	family = &metrics->families[metrics->family_count++];
	*family = (struct metrics_family){
		.name = metrics_must(strdup(name)),
		.help = metrics_must(strdup(help)),
		.type = type,
	};
	return family;
}

static struct metrics_series *metrics_register(struct metrics *metrics, const char *name,
					       const char *help, const char *labels,
					       enum metrics_type type, metric_t slots)
{
	struct metrics_family *family = metrics_family_of(metrics, name, help, type);
	struct metrics_series *series;

	if (labels == NULL)
		labels = "";
	for (size_t i = 0; i < family->series_count; i++)
		if (strcmp(family->series[i].labels, labels) == 0)
			return &family->series[i];
	if (metrics->shards != NULL)
		abort();
	family->series = metrics_must(
		reallocarray(family->series, family->series_count + 1, sizeof(*family->series)));
	series = &family->series[family->series_count++];
	*series = (struct metrics_series){
		.labels = metrics_must(strdup(labels)),
		.slot = metrics->slot_count,
	};
	metrics->slot_count += slots;
	return series;
}

metric_t metrics_counter(struct metrics *metrics, const char *name, const char *help,
			 const char *labels)
{
	return metrics_register(metrics, name, help, labels, METRICS_COUNTER, 1)->slot;
}

metric_t metrics_gauge(struct metrics *metrics, const char *name, const char *help,
		       const char *labels)
{
	return metrics_register(metrics, name, help, labels, METRICS_GAUGE, 1)->slot;
}

metric_t metrics_histogram(struct metrics *metrics, const char *name, const char *help,
			   const char *labels)
{
	return metrics_register(metrics, name, help, labels, METRICS_HISTOGRAM,
				METRICS_HISTOGRAM_SLOTS)
		->slot;
}

void metrics_callback(struct metrics *metrics, const char *name, const char *help,
		      double (*read)(void *user), void *user)
{
	struct metrics_series *series =
		metrics_register(metrics, name, help, NULL, METRICS_CALLBACK, 0);

	series->read = read;
	series->user = user;
}

static double metrics_read_one(void *user)
{
	(void)user;
	return 1;
}

void metrics_info(struct metrics *metrics, const char *name, const char *help, const char *labels)
{
	metrics_register(metrics, name, help, labels, METRICS_CALLBACK, 0)->read = metrics_read_one;
}

struct metrics_shard *metrics_shard_new(struct metrics *metrics)
{
	struct metrics_shard *shard = metrics_must(
		calloc(1, sizeof(*shard) + metrics->slot_count * sizeof(shard->slots[0])));

	pthread_mutex_lock(&metrics->lock);
	shard->next = metrics->shards;
	metrics->shards = shard;
	pthread_mutex_unlock(&metrics->lock);
	return shard;
}

/* Not atomic as a whole, and need not be: a shard has one writer. */
void metrics_add(struct metrics_shard *shard, metric_t series, int64_t n)
{
	_Atomic int64_t *slot = &shard->slots[series];

	atomic_store_explicit(slot, atomic_load_explicit(slot, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

void metrics_observe(struct metrics_shard *shard, metric_t histogram, int64_t ns)
{
	metric_t bucket = 0;

	while (bucket < METRICS_BUCKETS && ns > bucket_bounds[bucket])
		bucket++;
	metrics_add(shard, histogram + bucket, 1);
	metrics_add(shard, histogram + METRICS_BUCKETS + 1, ns);
}

void metrics_sizes_register(struct metrics_sizes *sizes, size_t count, struct metrics *metrics,
			    const char *name, const char *help, const char *labels)
{
	char text[96];

	sizes->count = count;
	for (size_t i = 0; i < count; i++) {
		size_t from = (size_t)1 << i;

		if (i == count - 1)
			snprintf(text, sizeof(text), "%s=\"%zu+\"", labels, from);
		else if (i == 0)
			snprintf(text, sizeof(text), "%s=\"1\"", labels);
		else
			snprintf(text, sizeof(text), "%s=\"%zu-%zu\"", labels, from, 2 * from - 1);
		sizes->series[i] = metrics_counter(metrics, name, help, text);
	}
}

void metrics_add_size(struct metrics_shard *shard, const struct metrics_sizes *sizes, size_t size)
{
	size_t i = 0;

	while (i + 1 < sizes->count && size >> (i + 1) > 0)
		i++;
	metrics_add(shard, sizes->series[i], 1);
}

static int64_t metrics_sum(const struct metrics *metrics, metric_t slot)
{
	int64_t sum = 0;

	for (struct metrics_shard *shard = metrics->shards; shard != NULL; shard = shard->next)
		sum += atomic_load_explicit(&shard->slots[slot], memory_order_relaxed);
	return sum;
}

static const struct metrics_family *metrics_family_at(const struct metrics *metrics, metric_t slot)
{
	for (size_t i = 0; i < metrics->family_count; i++) {
		const struct metrics_family *family = &metrics->families[i];

		for (size_t j = 0; j < family->series_count; j++)
			if (family->series[j].slot == slot && family->type != METRICS_CALLBACK)
				return family;
	}
	abort();
}

int64_t metrics_value(const struct metrics *metrics, metric_t series)
{
	int64_t sum = 0;

	if (metrics_family_at(metrics, series)->type != METRICS_HISTOGRAM)
		return metrics_sum(metrics, series);
	for (metric_t i = 0; i <= METRICS_BUCKETS; i++)
		sum += metrics_sum(metrics, series + i);
	return sum;
}

static void metrics_print_labels(struct buf *out, const char *labels, const char *bound)
{
	if (labels[0] == '\0' && bound == NULL)
		return;
	buf_add_char(out, '{');
	buf_add_string(out, labels);
	if (bound != NULL)
		buf_printf(out, "%sle=\"%s\"", labels[0] != '\0' ? "," : "", bound);
	buf_add_char(out, '}');
}

static void metrics_print_value(struct buf *out, const char *name, const char *suffix,
				const char *labels, const char *bound, int64_t value)
{
	buf_add_string(out, name);
	buf_add_string(out, suffix);
	metrics_print_labels(out, labels, bound);
	buf_add_char(out, ' ');
	buf_add_integer(out, value);
	buf_add_char(out, '\n');
}

static void metrics_print_histogram(const struct metrics *metrics, const char *name,
				    const struct metrics_series *series, struct buf *out)
{
	int64_t count = 0;

	for (metric_t i = 0; i <= METRICS_BUCKETS; i++) {
		count += metrics_sum(metrics, series->slot + i);
		metrics_print_value(out, name, "_bucket", series->labels,
				    i < METRICS_BUCKETS ? bucket_names[i] : "+Inf", count);
	}
	buf_add_string(out, name);
	buf_add_string(out, "_sum");
	metrics_print_labels(out, series->labels, NULL);
	buf_printf(out, " %.9f\n",
		   (double)metrics_sum(metrics, series->slot + METRICS_BUCKETS + 1) / 1e9);
	metrics_print_value(out, name, "_count", series->labels, NULL, count);
}

static void metrics_print_series(const struct metrics *metrics, const struct metrics_family *family,
				 const struct metrics_series *series, struct buf *out)
{
	switch (family->type) {
	case METRICS_HISTOGRAM:
		metrics_print_histogram(metrics, family->name, series, out);
		break;
	case METRICS_CALLBACK:
		buf_add_string(out, family->name);
		metrics_print_labels(out, series->labels, NULL);
		buf_printf(out, " %.17g\n", series->read(series->user));
		break;
	case METRICS_COUNTER:
	case METRICS_GAUGE:
		metrics_print_value(out, family->name, "", series->labels, NULL,
				    metrics_sum(metrics, series->slot));
		break;
	}
}

void metrics_print(const struct metrics *metrics, struct buf *out)
{
	static const char *const types[] = {
		[METRICS_COUNTER] = "counter",
		[METRICS_GAUGE] = "gauge",
		[METRICS_HISTOGRAM] = "histogram",
		[METRICS_CALLBACK] = "gauge",
	};

	for (size_t i = 0; i < metrics->family_count; i++) {
		const struct metrics_family *family = &metrics->families[i];

		buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help,
			   family->name, types[family->type]);
		for (size_t j = 0; j < family->series_count; j++)
			metrics_print_series(metrics, family, &family->series[j], out);
	}
}
