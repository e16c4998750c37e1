/* How to read all of this, and what not to conclude from it. */
#include "bench/page/page.h"

/* As bench/stats/verdict.h decides. */
static const char *const reading_verdicts[] = {
	"A WINS, B WINS: a difference was shown, and it was not shown to be too small to matter. "
	"By how much, the interval says: who needs \"by at least 5 %\" looks at its end nearer to "
	"zero.",
	"EQUIVALENT: two one-sided tests show the ratio to lie within the margin. That is more "
	"than having found no difference.",
	"DIFFERENT BUT TRIVIAL: both were shown: there is a difference, and it is smaller than the "
	"margin.",
	"INCONCLUSIVE: neither was shown. Not \"equal\": not known. The pairs needed say how much "
	"longer to measure.",
	"Verdicts are corrected for the number of rows (Holm), so that a table of twenty rows does "
	"not find something by luck; intervals are each row's own. So an interval may miss zero "
	"where the verdict is INCONCLUSIVE.",
	"NOT COMPARABLE: the sides did not do the same. One failed more often than the other, or "
	"more "
	"often than once in a thousand, or the ratio changed from one end of the run to the other. "
	"Neither is faster then.",
	"WRONG: a side does not hold what it acknowledged, as a sample of its carts shows that was "
	"read back in the end. Who does not store is fast.",
	"p50 is the typical call: half are faster. p99: one in a hundred is slower.",
};

static const char *const reading_limits[] = {
	"That one database is faster than another: two set-ups were compared, each with its "
	"settings, its server and its network, through this service.",
	"Anything about AWS from a local server in place of DynamoDB: neither its latency, nor its "
	"scaling, nor the staleness of its reads.",
	"Anything about other machines, data sizes, item sizes or mixes of operations than those "
	"measured.",
	"That a violation cannot happen because it was not seen; the tables say how often it may "
	"and still hide.",
	"That latency under no load is latency under load: the sweep and the runs say more of that "
	"than the pairs do.",
};

static void reading_list(struct report *report, const char *const *items, size_t count)
{
	page_list_begin(report);
	for (size_t i = 0; i < count; i++)
		page_list_item(report, PAGE_HTML, "%s", items[i]);
	page_list_end(report, PAGE_HTML);
}

static void reading_show(struct report *report)
{
	page_heading(report, PAGE_HTML, "reading", "How to read the verdicts");
	reading_list(report, reading_verdicts,
		     sizeof(reading_verdicts) / sizeof(*reading_verdicts));
	page_heading(report, PAGE_HTML, "limits", "What not to conclude");
	reading_list(report, reading_limits, sizeof(reading_limits) / sizeof(*reading_limits));
}

const struct page_section section_reading = {.before = reading_show};
