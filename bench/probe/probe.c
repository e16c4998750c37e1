#include "bench/probe/probe.h"

#include "bench/stats/describe.h"

#include <string.h>

const char *const probe_kind_names[PROBE_KINDS] = {
	[PROBE_STALENESS] = "staleness",
	[PROBE_CUSTOMER_INDEX] = "customer_index",
	[PROBE_READ_YOUR_WRITES] = "read_your_writes",
	[PROBE_MONOTONIC_READS] = "monotonic_reads",
	[PROBE_MONOTONIC_WRITES] = "monotonic_writes",
	[PROBE_LOST_UPDATES] = "lost_updates",
	[PROBE_LOST_UPDATES_ONE_LINE] = "lost_updates_one_line",
	[PROBE_EXACTLY_ONCE] = "exactly_once",
};
const char *const probe_read_names[PROBE_READS] = {"strong", "eventual", "index"};
const char *const probe_verdict_names[] = {"clean", "allowed", "violated", "unmeasured"};

bool probe_kind_find(const char *name, enum probe_kind *kind)
{
	for (*kind = 0; *kind < PROBE_KINDS; ++*kind)
		if (strcmp(probe_kind_names[*kind], name) == 0)
			return true;
	return false;
}

enum probe_verdict probe_verdict_of(const struct probe_finding *finding)
{
	if (finding->count.violations > 0)
		return finding->promised ? PROBE_VIOLATED : PROBE_ALLOWED;
	return finding->count.trials > 0 ? PROBE_CLEAN : PROBE_UNMEASURED;
}

#define PROBE_CONFIDENCE 0.95

struct probe_rate probe_rate_of(const struct probe_count *count)
{
	struct probe_rate rate = {.high = 1};
	struct stats_proportion share;

	if (count->trials == 0)
		return rate;
	if (count->violations == 0) {
		rate.high = stats_zero_events(count->trials, PROBE_CONFIDENCE);
		return rate;
	}
	share = stats_wilson(count->violations, count->trials, PROBE_CONFIDENCE);
	return (struct probe_rate){share.seen, share.low, share.high};
}
