#include "bench/probe/judge.h"

#include <inttypes.h>
#include <stdio.h>

/* Keeps the first example: one is enough to investigate. */
#define probe_example(finding, ...)                                                                \
	do {                                                                                       \
		if ((finding)->example[0] == '\0')                                                 \
			snprintf((finding)->example, sizeof((finding)->example), __VA_ARGS__);     \
	} while (0)

static void probe_judge_look(struct probe_finding *finding, const struct probe_look *look)
{
	struct probe_delay *delay = &finding->delays[look->delay];
	int64_t versions = look->written - look->seen, adds = look->added - look->held;
	int64_t behind = versions > adds ? versions : adds;

	if (look->written <= 0 || look->seen < 0) {
		finding->count.unknown++;
		delay->count.unknown++;
		return;
	}
	finding->count.trials++;
	delay->count.trials++;
	if (behind <= 0)
		return;
	finding->count.violations++;
	delay->count.violations++;
	if (behind > delay->most_behind)
		delay->most_behind = behind;
	if (versions > 0)
		probe_example(finding,
			      "version %" PRId64 " read %" PRId64 " ms after version %" PRId64
			      " was acknowledged",
			      look->seen, delay->delay_ms, look->written);
	else
		probe_example(finding,
			      "%" PRId64 " of %" PRId64 " adds read %" PRId64
			      " ms after the last was acknowledged, as version %" PRId64,
			      look->held, look->added, delay->delay_ms, look->seen);
}

void probe_judge_staleness(struct probe_finding *finding, const struct probe_look *looks,
			   size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (looks[i].read == finding->read)
			probe_judge_look(finding, &looks[i]);
}

/* A value that was looked at. */
static bool probe_is_less(int64_t value, int64_t than)
{
	return value >= 0 && value < than;
}

void probe_judge_read_your_writes(struct probe_finding *finding, const struct probe_step *steps,
				  size_t count)
{
	int64_t written = 0, set = 0;

	for (size_t i = 0; i < count; i++) {
		const struct probe_step *step = &steps[i];

		if (step->version < 0) {
			finding->count.unknown++;
		} else if (step->is_write) {
			if (step->version > written)
				written = step->version;
			set = step->value;
		} else if (written > 0) {
			finding->count.trials++;
			if (step->version >= written && !probe_is_less(step->value, set))
				continue;
			finding->count.violations++;
			if (step->version < written)
				probe_example(finding,
					      "a client read version %" PRId64
					      " after its write of version %" PRId64
					      " was acknowledged",
					      step->version, written);
			else
				probe_example(finding,
					      "a client read %" PRId64 " as version %" PRId64
					      " after its write of %" PRId64 " was acknowledged",
					      step->value, step->version, set);
		}
	}
}

void probe_judge_monotonic_reads(struct probe_finding *finding, const struct probe_step *steps,
				 size_t count)
{
	int64_t newest = -1, most = -1;

	for (size_t i = 0; i < count; i++) {
		const struct probe_step *step = &steps[i];

		if (step->is_write)
			continue;
		if (step->version < 0) {
			finding->count.unknown++;
			continue;
		}
		finding->count.trials += newest >= 0;
		if (step->version < newest || probe_is_less(step->value, most)) {
			finding->count.violations++;
			if (step->version < newest)
				probe_example(finding,
					      "a client read version %" PRId64
					      " after version %" PRId64,
					      step->version, newest);
			else
				probe_example(finding,
					      "a client read %" PRId64 " as version %" PRId64
					      " after it had read %" PRId64,
					      step->value, step->version, most);
		} else {
			newest = step->version;
			most = step->value;
		}
	}
}

/* Compares the cart's final state with the last acknowledged write. */
static void probe_judge_last_value(struct probe_finding *finding, int64_t set, int64_t found)
{
	finding->count.trials++;
	if (found >= set)
		return;
	finding->count.violations++;
	probe_example(finding,
		      "the last write acknowledged set %" PRId64 ", the cart holds %" PRId64, set,
		      found);
}

void probe_judge_monotonic_writes(struct probe_finding *finding, const struct probe_step *steps,
				  size_t count)
{
	int64_t version = 0, set = 0;

	for (size_t i = 0; i < count; i++) {
		const struct probe_step *step = &steps[i];

		if (!step->is_write) {
			if (i == count - 1 && step->version >= 0 && step->value >= 0)
				probe_judge_last_value(finding, set, step->value);
			continue;
		}
		if (step->version < 0) {
			finding->count.unknown++;
			continue;
		}
		finding->count.trials += version > 0;
		if (step->version <= version) {
			finding->count.violations++;
			probe_example(finding,
				      "a write was acknowledged with version %" PRId64
				      ", the one before it with %" PRId64,
				      step->version, version);
		} else {
			version = step->version;
		}
		set = step->value;
	}
}

static int64_t probe_quantity(const struct cart *cart, int64_t product_id)
{
	const struct shop_id product = shop_id_of_number(product_id);
	const struct cart_line *line = cart_find_line(cart, &product);

	return line != NULL ? line->quantity : 0;
}

/* Judges one add by how much of it was found: an acknowledged one must be there once, a refused one
 * must not, an unknown one may. what and where are words for the example. */
static void probe_judge_once(struct probe_finding *finding, const struct probe_add *add,
			     int64_t found, const char *what, const char *where)
{
	static const char *const said[] = {[BENCH_OK] = "acknowledged",
					   [BENCH_REFUSED] = "refused",
					   [BENCH_UNKNOWN] = "left open"};
	bool right = found == (add->outcome == BENCH_OK ? add->quantity : 0);

	if (add->outcome == BENCH_UNKNOWN && (found == 0 || found == add->quantity)) {
		finding->count.unknown++;
		return;
	}
	finding->count.trials++;
	if (right)
		return;
	finding->count.violations++;
	probe_example(finding, "%s was %s, %s %" PRId64, what, said[add->outcome], where, found);
}

static void probe_judge_adds(struct probe_finding *finding, const struct probe_add *adds,
			     size_t count, const struct cart *cart, const char *what)
{
	if (cart == NULL) {
		finding->count.unknown += count;
		return;
	}
	for (size_t i = 0; i < count; i++)
		probe_judge_once(finding, &adds[i], probe_quantity(cart, adds[i].product_id), what,
				 "the cart holds");
}

/* Counts lines that no client added. */
static void probe_judge_strangers(struct probe_finding *finding, const struct probe_add *adds,
				  size_t count, const struct cart *cart)
{
	for (size_t i = 0; i < cart->line_count; i++) {
		size_t at = 0;

		while (at < count &&
		       adds[at].product_id != shop_id_number(&cart->lines[i].product_id))
			at++;
		if (at < count)
			continue;
		finding->count.trials++;
		finding->count.violations++;
		probe_example(finding, "the cart holds product %s, which nobody added",
			      cart->lines[i].product_id.text);
	}
}

void probe_judge_lost_updates(struct probe_finding *finding, const struct probe_add *adds,
			      size_t count, const struct cart *cart)
{
	probe_judge_adds(finding, adds, count, cart, "an add of 1");
	if (cart != NULL)
		probe_judge_strangers(finding, adds, count, cart);
}

void probe_judge_exactly_once(struct probe_finding *finding, const struct probe_add *adds,
			      size_t count, const struct cart *cart)
{
	probe_judge_adds(finding, adds, count, cart, "an add of 1 under one key");
}

void probe_judge_creates(struct probe_finding *finding, const struct probe_add *creates,
			 size_t count, const int64_t *found)
{
	for (size_t i = 0; i < count; i++)
		if (found[i] < 0)
			finding->count.unknown++;
		else
			probe_judge_once(finding, &creates[i], found[i], "a create under one key",
					 "carts of the customer:");
}

void probe_judge_one_line(struct probe_finding *finding, const struct probe_add *adds, size_t count,
			  const struct cart *cart)
{
	int64_t ok = 0, unknown = 0, found, wrong;

	for (size_t i = 0; i < count; i++) {
		ok += adds[i].outcome == BENCH_OK;
		unknown += adds[i].outcome == BENCH_UNKNOWN;
	}
	if (cart == NULL) {
		finding->count.unknown += count;
		return;
	}
	found = count > 0 ? probe_quantity(cart, adds[0].product_id) : 0;
	wrong = found < ok ? ok - found : found > ok + unknown ? found - ok - unknown : 0;
	/* An add that was applied three times is wrong twice, but it is one trial. */
	if ((size_t)wrong > count)
		wrong = (int64_t)count;
	if ((size_t)wrong > count - (size_t)unknown)
		unknown = (int64_t)count - wrong;
	finding->count.trials += count - (size_t)unknown;
	finding->count.unknown += (size_t)unknown;
	if (wrong == 0)
		return;
	finding->count.violations += (size_t)wrong;
	probe_example(finding,
		      "%" PRId64 " adds of 1 acknowledged and %" PRId64
		      " left open, the line holds %" PRId64,
		      ok, unknown, found);
}
