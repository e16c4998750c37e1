#include "ctl/ctl.h"

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
	size_t running; /* ops */
	bool drained;
};

/* -1: error says why; what is open is closed by the caller. */
static int ctl_session_start(struct ctl_session *session, const struct settings *settings,
			     const struct cart_backend *backend, enum cart_provision provision,
			     struct cart_error *error)
{
	struct metrics_shard *shard;

	session->metrics = metrics_new();
	session->env = (struct cart_env){
		.clock = &cart_clock_system,
		.settings = settings,
		.metrics = session->metrics,
		.rules = cart_rules_from(settings),
		.loops = 1,
		.bulk = true,
		.provision_strict = session->env.provision_strict,
	};
	session->deadline_ms = settings_integer(settings, "request.deadline");
	session->base = event_base_new();
	if (session->base == NULL)
		return cart_error_set(error, "cannot make an event loop");
	if (cart_db_start(&session->db, backend, &session->env, provision, error) != 0)
		return -1;
	shard = metrics_shard_new(session->metrics); /* after the backend's series */
	return cart_store_open(&session->store, session->db, session->base, shard, error);
}

enum ctl_status ctl_session_open(struct ctl_session **session, const struct ctl *ctl,
				 const struct cart_backend *backend, enum cart_provision provision,
				 bool strict)
{
	struct cart_error error;

	*session = calloc(1, sizeof(**session));
	if (*session == NULL)
		return ctl_fail(CTL_FAILED, "%s: out of memory", ctl->argv[0]);
	(*session)->env.provision_strict = strict;
	if (ctl_session_start(*session, ctl->settings, backend, provision, &error) == 0)
		return CTL_OK;
	ctl_session_close(session);
	return ctl_fail(CTL_FAILED, "%s: %s: %s", ctl->argv[0], cart_backend_name(backend),
			error.text);
}

enum ctl_status ctl_session_open_to_read(struct ctl_session **session, const struct ctl *ctl)
{
	const struct cart_backend *backend = ctl_backend(ctl);
	const char *provision = settings_string(ctl->settings, "provision");

	if (backend == NULL)
		return CTL_USAGE;
	if (!cart_backend_is_durable(backend))
		return ctl_fail(CTL_FAILED,
				"%s: the %s backend keeps carts in the memory of cartd, where no "
				"other process can read them",
				ctl->argv[0], cart_backend_name(backend));
	return ctl_session_open(
		session, ctl, backend,
		strcmp(provision, "off") == 0 ? CART_PROVISION_OFF : CART_PROVISION_CHECK, false);
}

static void ctl_session_done(struct cart_op *op, void *user)
{
	struct ctl_session *session = user;

	(void)op;
	session->running--;
}

static void ctl_session_turn(struct ctl_session *session)
{
	event_base_loop(session->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY);
}

static void ctl_session_submit(struct ctl_session *session, struct cart_op *op)
{
	enum cart_result refused = CART_BUSY;

	op->done = ctl_session_done;
	op->user = session;
	op->deadline_ns =
		clock_monotonic_ns(session->env.clock) + session->deadline_ms * CLOCK_NS_PER_MS;
	refused = cart_store_submit(session->store, op);
	/* No room, which those that run will make. */
	while (refused == CART_BUSY && session->running > 0) {
		ctl_session_turn(session);
		refused = cart_store_submit(session->store, op);
	}
	if (refused == CART_OK)
		session->running++;
	else
		op->result = refused;
}

void ctl_session_run_all(struct ctl_session *session, struct cart_op *ops, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ctl_session_submit(session, &ops[i]);
	while (session->running > 0)
		ctl_session_turn(session);
}

void ctl_session_run(struct ctl_session *session, struct cart_op *op)
{
	ctl_session_run_all(session, op, 1);
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
