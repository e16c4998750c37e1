/*
 * The happy path: wait, try, done. Failures: still not reached: tried again after a pause that
 * grows to a second. Reached, and refused: the log says so once, and it is tried again more seldom,
 * because a person may correct the database as well as the settings.
 */
#include "core/provisioner.h"

#include "core/base/log.h"
#include "core/base/thread.h"

#include <stdatomic.h>
#include <stdlib.h>

#define PROVISIONER_TRY_NS     (5 * 60 * CLOCK_NS_PER_S)
#define PROVISIONER_PAUSE_NS   (CLOCK_NS_PER_S / 8)
#define PROVISIONER_MAX_NS     CLOCK_NS_PER_S
#define PROVISIONER_REFUSED_NS (15 * CLOCK_NS_PER_S)

struct cart_provisioner {
	struct cart_db *db;
	enum cart_provision how;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	atomic_bool stop;
	atomic_bool done;
};

/* False: it is to end. */
static bool provisioner_pause(struct cart_provisioner *p, int64_t pause_ns)
{
	int64_t until_ns = clock_monotonic_ns(&cart_clock_system) + pause_ns;

	pthread_mutex_lock(&p->lock);
	while (!atomic_load(&p->stop) && thread_condition_wait(&p->wake, &p->lock, until_ns))
		continue;
	pthread_mutex_unlock(&p->lock);
	return !atomic_load(&p->stop);
}

static enum cart_provisioned provisioner_try(struct cart_provisioner *p, struct cart_error *error)
{
	const struct cart_provision_try attempt = {
		.how = p->how,
		.until_ns = clock_monotonic_ns(p->db->env.clock) + PROVISIONER_TRY_NS,
		.stop = &p->stop,
	};

	return p->db->backend->provision(p->db, &attempt, error);
}

static void *provisioner_run(void *user)
{
	struct cart_provisioner *p = user;
	const char *backend = p->db->backend->name;
	int64_t pause_ns = PROVISIONER_PAUSE_NS;
	enum cart_provisioned last = CART_PROVISION_UNREACHED;
	struct cart_error error;

	while (provisioner_pause(p, pause_ns)) {
		enum cart_provisioned now = provisioner_try(p, &error);

		if (now == CART_PROVISIONED) {
			log_event(LOG_INFO, "the database is provisioned",
				  LOG_STR("backend", backend));
			atomic_store(&p->done, true);
			break;
		}
		if (now == CART_PROVISION_REFUSED && last != now)
			log_event(LOG_ERROR,
				  "the database cannot be used; not ready until it is corrected",
				  LOG_STR("backend", backend), LOG_STR("reason", error.text));
		last = now;
		pause_ns *= 2;
		if (pause_ns > PROVISIONER_MAX_NS)
			pause_ns = PROVISIONER_MAX_NS;
		if (now == CART_PROVISION_REFUSED)
			pause_ns = PROVISIONER_REFUSED_NS;
	}
	return NULL;
}

static void provisioner_destroy(struct cart_provisioner *p)
{
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

struct cart_provisioner *provisioner_new(struct cart_db *db, enum cart_provision how)
{
	struct cart_provisioner *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->db = db;
	p->how = how;
	pthread_mutex_init(&p->lock, NULL);
	thread_condition_init(&p->wake);
	if (thread_start(&p->thread, provisioner_run, p) == 0)
		return p;
	provisioner_destroy(p);
	return NULL;
}

bool provisioner_is_done(const struct cart_provisioner *p)
{
	return atomic_load(&p->done);
}

void provisioner_free(struct cart_provisioner **provisioner)
{
	struct cart_provisioner *p = *provisioner;

	*provisioner = NULL;
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	atomic_store(&p->stop, true);
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	provisioner_destroy(p);
}
