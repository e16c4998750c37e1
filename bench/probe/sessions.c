/*
 * What a client may expect of a sequence of its own operations: that it sees what it has written,
 * never an older cart than it has seen, and that its writes take effect in their order.
 *
 * Each cart has two clients. The author writes, each time a higher quantity, and reads at least
 * once after each write; the observer only reads. How often is random for both: in lockstep they
 * could miss two replicas that answer in turn. Each waits for every answer, and uses the targets in
 * turn, as behind a load balancer without sticky sessions. In the end the cart is read once more:
 * it must hold what was written last. A step that fails or gets no answer is unknown; the rest is
 * judged without it.
 */
#include "bench/probe/judge.h"
#include "bench/probe/run.h"

#include <stdlib.h>

#define SESSION_PRODUCT 1
#define SESSION_READS	3 /* of the observer, at most, a step of the author's */
#define SESSION_STEPS	3 /* of the author, at most, a write of it */

struct session_run {
	struct probe_rig *rig;
	enum bench_read read;
	size_t writes; /* of an author */
};

struct session_client {
	struct session_cart *cart;
	struct bench_link *links[PROBE_TARGETS_MAX];
	size_t turn; /* the next link */
	struct bench_op op;
	struct probe_step *steps;
	size_t step_count;
	size_t write_count;
};

struct session_cart {
	struct session_run *run;
	struct cart_id id;
	bool made;
	bool author_is_done;
	size_t observer_may; /* steps, so far */
	bool observer_waits; /* for the author's next step */
	struct session_client author;
	struct session_client observer;
};

/* True: after a read that was enough. */
static bool session_is_over(const struct session_client *client)
{
	const struct session_cart *cart = client->cart;
	size_t count = client->step_count;

	if (client == &cart->observer)
		return cart->author_is_done;
	return count == SESSION_STEPS * cart->run->writes ||
	       (client->write_count == cart->run->writes && !client->steps[count - 1].is_write);
}

static bool session_writes(const struct session_client *client)
{
	const struct session_cart *cart = client->cart;

	if (client == &cart->observer || client->write_count == cart->run->writes)
		return false;
	if (client->step_count == 0)
		return true;
	return !client->steps[client->step_count - 1].is_write &&
	       bench_rng_below(&cart->run->rig->rng, 3) > 0;
}

/* NULL: the client has done enough. */
static struct probe_step *session_step(struct session_client *client)
{
	struct probe_step *step = &client->steps[client->step_count];

	if (session_is_over(client) || !probe_rig_goes_on(client->cart->run->rig))
		return NULL;
	*step = (struct probe_step){.version = -1, .value = -1};
	step->is_write = session_writes(client);
	if (step->is_write)
		step->value = (int64_t)++client->write_count;
	return step;
}

static void session_next(struct session_client *client);

/* The author has made a step. */
static void session_wake_observer(struct session_cart *cart)
{
	cart->observer_may = cart->observer.step_count +
			     bench_rng_below(&cart->run->rig->rng, SESSION_READS + 1);
	if (!cart->observer_waits)
		return;
	cart->observer_waits = false;
	session_next(&cart->observer);
}

static void session_end(struct session_client *client)
{
	struct session_cart *cart = client->cart;

	cart->run->rig->running--;
	if (client == &cart->observer)
		return;
	cart->author_is_done = true;
	session_wake_observer(cart);
}

static void session_next(struct session_client *client)
{
	struct session_cart *cart = client->cart;
	struct bench_link *link = client->links[client->turn];
	struct probe_step *step;

	if (client == &cart->observer && client->step_count >= cart->observer_may &&
	    !cart->author_is_done) {
		cart->observer_waits = true;
		return;
	}
	step = session_step(client);
	if (step == NULL) {
		session_end(client);
		return;
	}
	client->turn = (client->turn + 1) % cart->run->rig->target_count;
	client->op.type = step->is_write ? BENCH_SET : BENCH_GET;
	client->op.quantity = step->value;
	client->op.want_cart = !step->is_write;
	bench_link_submit(link, &client->op);
}

static int64_t session_quantity(const struct cart *cart)
{
	const struct shop_id product = shop_id_of_number(SESSION_PRODUCT);
	const struct cart_line *line = cart_find_line(cart, &product);

	return line != NULL ? line->quantity : 0;
}

static void session_done(struct bench_op *op, void *user)
{
	struct session_client *client = user;
	struct session_cart *cart = client->cart;
	struct probe_step *step = &client->steps[client->step_count++];

	probe_rig_saw(cart->run->rig, op);
	if (op->outcome == BENCH_OK && op->type == BENCH_GET)
		step->value = session_quantity(&op->cart);
	if (op->outcome == BENCH_OK && op->version > 0)
		step->version = op->version;
	else if (op->type == BENCH_GET && op->status == 404)
		step->version = 0;
	/* A read after a second write is a trial of every guarantee. */
	cart->run->rig->outcomes +=
		op->outcome == BENCH_OK && op->type == BENCH_GET && client->write_count > 1;
	bench_op_clear(op);
	session_next(client);
	if (client == &cart->author)
		session_wake_observer(cart);
}

static void session_open_client(struct session_client *client, struct session_cart *cart,
				size_t room, size_t at)
{
	struct probe_rig *rig = cart->run->rig;

	client->cart = cart;
	client->steps = bench_alloc(room, sizeof(*client->steps));
	for (size_t i = 0; i < rig->target_count; i++)
		client->links[i] = probe_rig_link(rig, at + i);
	client->op = (struct bench_op){.product_id = SESSION_PRODUCT,
				       .read = cart->run->read,
				       .done = session_done,
				       .user = client};
}

static void session_open(struct session_cart *cart, struct session_run *run, size_t at)
{
	cart->run = run;
	/* And the read in the end. */
	session_open_client(&cart->author, cart, SESSION_STEPS * run->writes + 1, at);
	session_open_client(&cart->observer, cart,
			    SESSION_READS * (SESSION_STEPS * run->writes + 1), at + 1);
	cart->made = probe_rig_cart(run->rig, cart->author.links[0], &cart->id, NULL);
	cart->author.op.id = cart->observer.op.id = cart->id;
}

static void session_close(struct session_cart *cart)
{
	for (size_t i = 0; i < cart->run->rig->target_count; i++) {
		bench_link_close(&cart->author.links[i]);
		bench_link_close(&cart->observer.links[i]);
	}
	free(cart->author.steps);
	free(cart->observer.steps);
}

static int64_t session_newest(const struct session_client *client)
{
	int64_t newest = 0;

	for (size_t i = 0; i < client->step_count; i++)
		if (client->steps[i].is_write && client->steps[i].version > newest)
			newest = client->steps[i].version;
	return newest;
}

/* The author's last step: what the cart holds when all is done. */
static void session_read_last(struct session_cart *cart)
{
	struct session_client *author = &cart->author;
	struct probe_step *step = &author->steps[author->step_count];
	struct cart last;

	*step = (struct probe_step){.version = -1, .value = -1};
	if (probe_rig_settled(cart->run->rig, author->links[0], &cart->id, session_newest(author),
			      &last)) {
		step->version = last.version;
		step->value = session_quantity(&last);
	}
	author->step_count++;
	cart_clear(&last);
}

struct session_findings {
	struct probe_finding *own, *reads, *writes; /* NULL: not wanted */
};

static void session_forget_values(struct session_client *client)
{
	for (size_t i = 0; i < client->step_count; i++)
		if (!client->steps[i].is_write)
			client->steps[i].value = -1;
}

/* A write without an answer may take effect at any time, and put an older value in place. */
static void session_doubt_values(struct session_cart *cart)
{
	struct session_client *author = &cart->author;

	for (size_t i = 0; i < author->step_count; i++) {
		if (!author->steps[i].is_write || author->steps[i].version >= 0)
			continue;
		session_forget_values(author);
		session_forget_values(&cart->observer);
		return;
	}
}

static void session_judge(struct session_cart *cart, const struct session_findings *findings)
{
	const struct session_client *author = &cart->author, *observer = &cart->observer;

	if (author->step_count == 0)
		return;
	session_doubt_values(cart);
	if (findings->own != NULL)
		probe_judge_read_your_writes(findings->own, author->steps, author->step_count);
	if (findings->reads != NULL) {
		probe_judge_monotonic_reads(findings->reads, author->steps, author->step_count);
		probe_judge_monotonic_reads(findings->reads, observer->steps, observer->step_count);
	}
	if (findings->writes != NULL) {
		session_read_last(cart);
		probe_judge_monotonic_writes(findings->writes, author->steps, author->step_count);
	}
}

static void session_run(struct session_run *run, const struct session_findings *findings)
{
	const struct probe_plan *plan = run->rig->plan;
	struct session_cart *carts = bench_alloc(plan->carts, sizeof(*carts));

	probe_rig_begin(run->rig);
	run->writes = (plan->trials + plan->carts - 1) / plan->carts;
	/* One would compare nothing with nothing. */
	if (run->writes < 2)
		run->writes = 2;
	for (size_t i = 0; i < plan->carts; i++)
		session_open(&carts[i], run, i);
	for (size_t i = 0; i < plan->carts && probe_rig_goes_on(run->rig); i++) {
		if (!carts[i].made)
			continue;
		run->rig->running += 2;
		session_next(&carts[i].author);
		session_next(&carts[i].observer);
	}
	probe_rig_run(run->rig);
	for (size_t i = 0; i < plan->carts; i++) {
		session_judge(&carts[i], findings);
		session_close(&carts[i]);
	}
	free(carts);
}

void probe_sessions_run(struct probe_rig *rig, struct probe_report *report)
{
	static const struct {
		enum bench_read read;
		enum probe_read named;
	} ways[] = {{BENCH_READ_STRONG, PROBE_STRONG}, {BENCH_READ_EVENTUAL, PROBE_EVENTUAL}};
	const struct probe_plan *plan = rig->plan;
	struct session_findings findings = {0};

	if (!plan->kinds[PROBE_READ_YOUR_WRITES] && !plan->kinds[PROBE_MONOTONIC_READS] &&
	    !plan->kinds[PROBE_MONOTONIC_WRITES])
		return;
	if (plan->kinds[PROBE_MONOTONIC_WRITES])
		findings.writes =
			probe_report_add(report, PROBE_MONOTONIC_WRITES, PROBE_STRONG, true);
	for (size_t i = 0; i < 2 && probe_rig_is_alive(rig); i++) {
		struct session_run run = {.rig = rig, .read = ways[i].read};
		bool promised = plan->promised[ways[i].named];

		if (plan->kinds[PROBE_READ_YOUR_WRITES])
			findings.own = probe_report_add(report, PROBE_READ_YOUR_WRITES,
							ways[i].named, promised);
		if (plan->kinds[PROBE_MONOTONIC_READS])
			findings.reads = probe_report_add(report, PROBE_MONOTONIC_READS,
							  ways[i].named, promised);
		session_run(&run, &findings);
	}
}
