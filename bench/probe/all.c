#include "bench/probe/all.h"

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
			return;
		probe_rig_begin(rig);
		if (progress != NULL)
			bench_progress_show(progress, "%s: %s", label, probes[i].what);
		probes[i].run(rig, report);
	}
}
