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
