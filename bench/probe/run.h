/* The probes: each runs operations and adds what it found to a report. */
#ifndef BENCH_PROBE_RUN_H
#define BENCH_PROBE_RUN_H

#include "bench/probe/rig.h"

/* The seed's four tests, with its counts. */
enum probe_seed_test {
	PROBE_WRITE_THEN_READ,	/* 20 times */
	PROBE_READS_IN_A_ROW,	/* 10 that should agree */
	PROBE_WRITE_READ_WRITE, /* 10 times */
	PROBE_UPDATE_POLLED,	/* one update, read until it shows */
	PROBE_SEED_TESTS
};

struct probe_seed_result {
	size_t trials;
	size_t consistent;
	size_t unknown;
	double visible_ms; /* PROBE_UPDATE_POLLED: until it showed; -1: it did not */
};

extern const char *const probe_seed_test_names[PROBE_SEED_TESTS];

#define PROBE_FINDINGS_MAX 16

/* What all probes of one database found, in the order in which they ran. */
struct probe_report {
	struct probe_seed_result seed[PROBE_SEED_TESTS];
	struct probe_finding findings[PROBE_FINDINGS_MAX];
	size_t finding_count;
};

/* Each runs as the plan says, and ends early when the rig must stop. */
void probe_seed_run(struct probe_rig *rig, struct probe_report *report);
void probe_staleness_run(struct probe_rig *rig, struct probe_report *report);
void probe_sessions_run(struct probe_rig *rig, struct probe_report *report);
void probe_updates_run(struct probe_rig *rig, struct probe_report *report);
void probe_once_run(struct probe_rig *rig, struct probe_report *report);
/* A new finding in the report. */
struct probe_finding *probe_report_add(struct probe_report *report, enum probe_kind kind,
				       enum probe_read read, bool promised);

#endif
