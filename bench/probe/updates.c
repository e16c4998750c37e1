/*
 * Lost updates: several clients add to one cart at once, each waiting for its answers. First each
 * add is to a product of its own: every one acknowledged must be there in the end, once. Then all
 * are to one line: it must hold at least what was acknowledged and at most that and what was left
 * open. A cart takes PROBE_LINES_MAX adds, the next cart the following ones.
 */
#include "bench/probe/judge.h"
#include "bench/probe/run.h"

struct updates_run {
	struct probe_rig *rig;
	struct bench_link *links[PROBE_CLIENTS_MAX];
	bool one_line;
	struct probe_add adds[PROBE_LINES_MAX]; /* of the cart at hand */
	size_t next;
	size_t count; /* at most PROBE_LINES_MAX */
	int64_t newest;
};

struct updates_client {
	struct updates_run *run;
	struct bench_link *link;
	struct bench_op op;
	struct probe_add *add; /* under way */
};

static void updates_next(struct updates_client *client)
{
	struct updates_run *run = client->run;

	if (run->next == run->count || !probe_rig_goes_on(run->rig)) {
		run->rig->running--;
		return;
	}
	client->add = &run->adds[run->next++];
	*client->add = (struct probe_add){.product_id = run->one_line ? 1 : (int64_t)run->next,
					  .quantity = 1};
	client->op.product_id = client->add->product_id;
	bench_link_submit(client->link, &client->op);
}

static void updates_added(struct bench_op *op, void *user)
{
	struct updates_client *client = user;

	probe_rig_saw(client->run->rig, op);
	client->add->outcome = op->outcome;
	client->run->rig->outcomes += op->outcome == BENCH_OK;
	if (op->outcome == BENCH_OK && op->version > client->run->newest)
		client->run->newest = op->version;
	bench_op_clear(op);
	updates_next(client);
}

static void updates_one_cart(struct updates_run *run, struct probe_finding *finding)
{
	struct probe_rig *rig = run->rig;
	struct updates_client clients[PROBE_CLIENTS_MAX];
	struct cart_id id;
	struct cart cart;
	bool settled;

	run->next = 0;
	run->newest = 0;
	if (!probe_rig_cart(rig, run->links[0], &id, NULL))
		return;
	for (size_t i = 0; i < rig->plan->clients; i++) {
		clients[i] = (struct updates_client){.run = run, .link = run->links[i]};
		clients[i].op = (struct bench_op){.type = BENCH_ADD,
						  .id = id,
						  .quantity = 1,
						  .done = updates_added,
						  .user = &clients[i]};
		rig->running++;
		updates_next(&clients[i]);
	}
	probe_rig_run(rig);
	settled = probe_rig_settled(rig, run->links[0], &id, run->newest, &cart);
	if (run->one_line)
		probe_judge_one_line(finding, run->adds, run->next, settled ? &cart : NULL);
	else
		probe_judge_lost_updates(finding, run->adds, run->next, settled ? &cart : NULL);
	cart_clear(&cart);
}

void probe_updates_run(struct probe_rig *rig, struct probe_report *report)
{
	static const enum probe_kind kinds[] = {PROBE_LOST_UPDATES, PROBE_LOST_UPDATES_ONE_LINE};
	struct updates_run run = {.rig = rig};

	for (size_t i = 0; i < rig->plan->clients; i++)
		run.links[i] = probe_rig_link(rig, i);
	for (size_t i = 0; i < 2; i++) {
		struct probe_finding *finding;

		if (!rig->plan->kinds[kinds[i]])
			continue;
		run.one_line = kinds[i] == PROBE_LOST_UPDATES_ONE_LINE;
		finding = probe_report_add(report, kinds[i], PROBE_STRONG, true);
		probe_rig_begin(rig);
		for (size_t left = rig->plan->adds; left > 0 && probe_rig_goes_on(rig);
		     left -= run.count) {
			run.count = left < PROBE_LINES_MAX ? left : PROBE_LINES_MAX;
			updates_one_cart(&run, finding);
		}
	}
	for (size_t i = 0; i < rig->plan->clients; i++)
		bench_link_close(&run.links[i]);
}
