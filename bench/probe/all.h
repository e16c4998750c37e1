/* Runs all probes. Apart from run.h, so that the probes do not depend on the list of them. */
#ifndef BENCH_PROBE_ALL_H
#define BENCH_PROBE_ALL_H

#include "bench/probe/run.h"

/* Runs those that the plan wants. begin (may be NULL) is called before each, with its name. */
void probe_run_all(struct probe_rig *rig, struct probe_report *report,
		   void (*begin)(const char *what, void *user), void *user);

#endif
