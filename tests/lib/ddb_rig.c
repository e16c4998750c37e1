#include "tests/lib/ddb_rig.h"

#include "tests/lib/cmocka.h"

#include <stdlib.h>

void ddb_rig_start_stub(struct ddb_rig *r)
{
	static const char *const foreign[] = {"AWS_SESSION_TOKEN",
					      "AWS_PROFILE",
					      "AWS_REGION",
					      "AWS_DEFAULT_REGION",
					      "AWS_ENDPOINT_URL",
					      "AWS_ENDPOINT_URL_DYNAMODB",
					      "AWS_ENDPOINT_URL_DYNAMODB_STREAMS",
					      "AWS_WEB_IDENTITY_TOKEN_FILE",
					      "AWS_DEFAULT_PROFILE",
					      "AWS_USE_FIPS_ENDPOINT",
					      "AWS_USE_DUALSTACK_ENDPOINT",
					      "AWS_CA_BUNDLE",
					      "AWS_ACCOUNT_ID_ENDPOINT_MODE",
					      "CART_TEST_SETTINGS"};

	*r = (struct ddb_rig){.rig = NULL};
	ddb_stub_start(&r->stub);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		unsetenv(foreign[i]);
	setenv("no_proxy", "*", 1); /* of whoever runs this: not for the loopback */
	setenv("AWS_CONFIG_FILE", "/dev/null", 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
	setenv("AWS_ACCESS_KEY_ID", "STUBKEY", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	setenv("CART_DYNAMODB_REGION", "eu-central-1", 1);
	setenv("CART_DYNAMODB_ENDPOINT", r->stub.url, 1);
}

void ddb_rig_start(struct ddb_rig *r, size_t loops, const char *const *set)
{
	r->rig = rig_start(&(struct rig_config){.backend = "dynamodb", .loops = loops, .set = set});
	ddb_stub_forget(&r->stub);
}

void ddb_rig_stop(struct ddb_rig *r)
{
	/* What a rule would do to the end of the table is of no interest. */
	ddb_stub_clear(&r->stub);
	rig_stop(&r->rig);
	ddb_stub_stop(&r->stub);
}

static void ddb_rig_done(struct cart_op *op, void *user)
{
	struct ddb_rig_op *each = user;

	(void)op;
	each->done_ns = clock_monotonic_ns(&cart_clock_system);
	atomic_fetch_add(each->done, 1);
}

static void ddb_rig_submit_now(void *user)
{
	struct ddb_rig_op *each = user;

	if (cart_store_submit(each->r->rig->loops[0].store, &each->op) == CART_OK)
		return;
	each->refused = true;
	ddb_rig_done(&each->op, each);
}

void ddb_rig_submit(struct ddb_rig *r, struct ddb_rig_op *each, _Atomic int *done)
{
	each->r = r;
	each->done = done;
	each->task = (struct rig_task){.run = ddb_rig_submit_now, .user = each};
	each->op.done = ddb_rig_done;
	each->op.user = each;
	if (each->op.deadline_ns == 0)
		each->op.deadline_ns = clock_monotonic_ns(&cart_clock_system) + RIG_DEADLINE_NS;
	rig_post(r->rig, 0, &each->task);
}

static void ddb_rig_cancel_now(void *user)
{
	struct ddb_rig_op *each = user;

	cart_store_cancel(each->r->rig->loops[0].store, &each->op);
}

void ddb_rig_cancel(struct ddb_rig *r, struct ddb_rig_op *each)
{
	rig_call(r->rig, 0, ddb_rig_cancel_now, each);
}
