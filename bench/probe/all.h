/* Runs all probes. Apart from run.h, so that the probes do not depend on the list of them. */
#ifndef BENCH_PROBE_ALL_H
#define BENCH_PROBE_ALL_H

#include "bench/cli/progress.h"
#include "bench/probe/run.h"

/* Runs those that the plan wants, and shows which, of what label; progress may be NULL. */
void probe_run_all(struct probe_rig *rig, struct probe_report *report,
		   struct bench_progress *progress, const char *label);
/* Adds what the plan wants and the report does not have, without a trial: it was not measured.
 * probe_run_all() has done that. */
void probe_report_complete(struct probe_report *report, const struct probe_plan *plan);

#endif
