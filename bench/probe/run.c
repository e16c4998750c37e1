#include "bench/probe/run.h"

#include <assert.h>

struct probe_finding *probe_report_add(struct probe_report *report, enum probe_kind kind,
				       enum probe_read read, bool promised)
{
	struct probe_finding *finding = &report->findings[report->finding_count++];

	assert(report->finding_count <= PROBE_FINDINGS_MAX);
	*finding = (struct probe_finding){.kind = kind, .read = read, .promised = promised};
	return finding;
}

void probe_run_all(struct probe_rig *rig, struct probe_report *report,
		   void (*begin)(const char *what, void *user), void *user)
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
		if (begin != NULL)
			begin(probes[i].what, user);
		probes[i].run(rig, report);
	}
}
