#include "bench/probe/all.h"

/* All rows of a report. own: the service promises it whatever the reads are. */
static const struct {
	enum probe_kind kind;
	enum probe_read read;
	bool own;
} all_rows[] = {
	{PROBE_STALENESS, PROBE_STRONG, false},
	{PROBE_STALENESS, PROBE_EVENTUAL, false},
	{PROBE_CUSTOMER_INDEX, PROBE_INDEX, false},
	{PROBE_MONOTONIC_WRITES, PROBE_STRONG, true},
	{PROBE_READ_YOUR_WRITES, PROBE_STRONG, false},
	{PROBE_MONOTONIC_READS, PROBE_STRONG, false},
	{PROBE_READ_YOUR_WRITES, PROBE_EVENTUAL, false},
	{PROBE_MONOTONIC_READS, PROBE_EVENTUAL, false},
	{PROBE_LOST_UPDATES, PROBE_STRONG, true},
	{PROBE_LOST_UPDATES_ONE_LINE, PROBE_STRONG, true},
	{PROBE_EXACTLY_ONCE, PROBE_STRONG, true},
};

static bool all_has(const struct probe_report *report, enum probe_kind kind, enum probe_read read)
{
	for (size_t i = 0; i < report->finding_count; i++)
		if (report->findings[i].kind == kind && report->findings[i].read == read)
			return true;
	return false;
}

void probe_report_complete(struct probe_report *report, const struct probe_plan *plan)
{
	for (size_t i = 0; i < sizeof(all_rows) / sizeof(*all_rows); i++)
		if (plan->kinds[all_rows[i].kind] &&
		    !all_has(report, all_rows[i].kind, all_rows[i].read))
			probe_report_add(report, all_rows[i].kind, all_rows[i].read,
					 all_rows[i].own || plan->promised[all_rows[i].read]);
}

void probe_run_all(struct probe_rig *rig, struct probe_report *report,
		   struct bench_progress *progress, const char *label)
{
	static const struct {
		const char *what;
		void (*run)(struct probe_rig *rig, struct probe_report *report);
	} probes[] = {
		{"the seed's tests", probe_seed_run}, {"staleness", probe_staleness_run},
		{"sessions", probe_sessions_run},     {"lost updates", probe_updates_run},
		{"exactly once", probe_once_run},
	};

	*report = (struct probe_report){0};
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		if (!probe_rig_is_alive(rig))
			break;
		probe_rig_begin(rig);
		if (progress != NULL)
			bench_progress_show(progress, "%s: %s", label, probes[i].what);
		probes[i].run(rig, report);
	}
	probe_report_complete(report, rig->plan);
}
