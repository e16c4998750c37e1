#include "backends/dynamodb/table/provisioner.h"

#include "core/base/log.h"
#include "core/base/thread.h"

#include <stdlib.h>

#define PROVISIONER_TRY_NS     (5 * 60 * CLOCK_NS_PER_S)
#define PROVISIONER_WAIT_MIN_S 1
#define PROVISIONER_WAIT_MAX_S 15

struct ddb_provisioner {
	struct ddb_table_config table;
	struct ddb_client_config client;
	enum cart_provision how;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	atomic_bool stop;
};

/* False: it is to end. */
static bool provisioner_wait(struct ddb_provisioner *provisioner, int64_t seconds)
{
	int64_t until_ns = clock_monotonic_ns(&cart_clock_system) + seconds * CLOCK_NS_PER_S;

	pthread_mutex_lock(&provisioner->lock);
	while (!atomic_load(&provisioner->stop) &&
	       thread_condition_wait(&provisioner->wake, &provisioner->lock, until_ns))
		continue;
	pthread_mutex_unlock(&provisioner->lock);
	return !atomic_load(&provisioner->stop);
}

static void *provisioner_run(void *user)
{
	struct ddb_provisioner *provisioner = user;
	const struct cart_clock *clock = provisioner->client.clock;
	int64_t wait_s = PROVISIONER_WAIT_MIN_S;
	struct cart_error error;

	while (provisioner_wait(provisioner, wait_s)) {
		enum ddb_table_state state = ddb_table_provision(
			&provisioner->table, &provisioner->client, provisioner->how,
			clock_monotonic_ns(clock) + PROVISIONER_TRY_NS, &provisioner->stop, &error);

		if (state == DDB_TABLE_READY) {
			log_event(LOG_INFO, "the table is ready",
				  LOG_STR("table", provisioner->table.name));
			break;
		}
		if (state == DDB_TABLE_REFUSED) {
			log_event(LOG_ERROR, "the table cannot be used",
				  LOG_STR("table", provisioner->table.name),
				  LOG_STR("why", error.text));
			break;
		}
		wait_s = wait_s * 2 < PROVISIONER_WAIT_MAX_S ? wait_s * 2 : PROVISIONER_WAIT_MAX_S;
	}
	return NULL;
}

struct ddb_provisioner *ddb_provisioner_new(const struct ddb_table_config *table,
					    const struct ddb_client_config *client,
					    enum cart_provision how)
{
	struct ddb_provisioner *provisioner = calloc(1, sizeof(*provisioner));

	if (provisioner == NULL)
		return NULL;
	provisioner->table = *table;
	provisioner->client = *client;
	provisioner->how = how;
	pthread_mutex_init(&provisioner->lock, NULL);
	thread_condition_init(&provisioner->wake);
	if (thread_start(&provisioner->thread, provisioner_run, provisioner) == 0)
		return provisioner;
	pthread_cond_destroy(&provisioner->wake);
	pthread_mutex_destroy(&provisioner->lock);
	free(provisioner);
	return NULL;
}

void ddb_provisioner_free(struct ddb_provisioner **out)
{
	struct ddb_provisioner *provisioner = *out;

	if (provisioner == NULL)
		return;
	pthread_mutex_lock(&provisioner->lock);
	atomic_store(&provisioner->stop, true);
	pthread_cond_signal(&provisioner->wake);
	pthread_mutex_unlock(&provisioner->lock);
	pthread_join(provisioner->thread, NULL);
	pthread_cond_destroy(&provisioner->wake);
	pthread_mutex_destroy(&provisioner->lock);
	free(provisioner);
	*out = NULL;
}
