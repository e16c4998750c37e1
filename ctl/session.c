#include "ctl/session.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

struct ctl_session {
	struct metrics *metrics;
	struct cart_env env;
	struct event_base *base;
	struct cart_db *db;
	struct cart_store *store;
	int64_t deadline_ms;
	bool done; /* the op under way */
	bool drained;
};

static struct event_base *ctl_session_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config != NULL && event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0)
		base = event_base_new_with_config(config);
	if (config != NULL)
		event_config_free(config);
	return base;
}

struct ctl_session *ctl_session_open(const struct settings *settings,
				     const struct cart_backend *backend,
				     enum cart_provision provision, struct cart_error *error)
{
	struct ctl_session *session = calloc(1, sizeof(*session));
	struct metrics_shard *shard;

	if (session == NULL) {
		cart_error_set(error, "out of memory");
		return NULL;
	}
	session->metrics = metrics_new();
	session->env = (struct cart_env){
		.clock = &cart_clock_system,
		.settings = settings,
		.metrics = session->metrics,
		.rules = cart_rules_from(settings),
		.loops = 1,
	};
	session->deadline_ms = settings_integer(settings, "request.deadline");
	session->base = ctl_session_base();
	if (session->base == NULL) {
		cart_error_set(error, "cannot make an event loop");
		goto failed;
	}
	if (cart_db_start(&session->db, backend, &session->env, provision, error) != 0)
		goto failed;
	shard = metrics_shard_new(session->metrics); /* after the backend's series */
	if (cart_store_open(&session->store, session->db, session->base, shard, error) != 0)
		goto failed;
	return session;
failed:
	ctl_session_close(&session);
	return NULL;
}

static void ctl_session_done(struct cart_op *op, void *user)
{
	struct ctl_session *session = user;

	(void)op;
	session->done = true;
}

void ctl_session_run(struct ctl_session *session, struct cart_op *op)
{
	enum cart_result refused;

	op->done = ctl_session_done;
	op->user = session;
	session->done = false;
	op->deadline_ns =
		clock_monotonic_ns(session->env.clock) + session->deadline_ms * CLOCK_NS_PER_MS;
	refused = cart_store_submit(session->store, op);
	if (refused != CART_OK) {
		op->result = refused;
		return;
	}
	while (!session->done)
		event_base_loop(session->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY);
}

static void ctl_session_drained(void *user)
{
	struct ctl_session *session = user;

	session->drained = true;
}

void ctl_session_close(struct ctl_session **session_at)
{
	struct ctl_session *session = *session_at;

	*session_at = NULL;
	if (session == NULL)
		return;
	if (session->store != NULL) {
		cart_store_close(&session->store, ctl_session_drained, session);
		while (!session->drained)
			event_base_loop(session->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY);
	}
	cart_db_stop(&session->db);
	if (session->base != NULL)
		event_base_free(session->base);
	metrics_free(&session->metrics);
	free(session);
}

enum cart_provision ctl_session_provision(const struct settings *settings)
{
	return strcmp(settings_string(settings, "provision"), "off") == 0 ? CART_PROVISION_OFF
									  : CART_PROVISION_CHECK;
}
