#include "bench/h2h/options.h"

#include "bench/h2h/h2h.h"

#include <stddef.h>

#define PAIRS_AT(member_) .at = offsetof(struct h2h_config, member_)

const struct bench_option h2h_pair_options[] = {
	{.name = "blocks",
	 .type = OPTION_COUNT,
	 PAIRS_AT(blocks),
	 .value = "N",
	 .fallback = "40",
	 .min = 5,
	 .max = 10000,
	 .help = "of a run, the unit of the statistics: a ratio a block"},
	{.name = "pairs",
	 .type = OPTION_COUNT,
	 PAIRS_AT(pairs),
	 .value = "N",
	 .fallback = "500",
	 .min = 20,
	 .max = 100000,
	 .help = "of each operation in a block"},
	{.name = "warmup",
	 .type = OPTION_COUNT,
	 PAIRS_AT(warmup),
	 .value = "N",
	 .fallback = "500",
	 .max = 1000000,
	 .help = "pairs of each operation before the first block of a run, not counted"},
	{.name = "clients",
	 .type = OPTION_COUNT,
	 PAIRS_AT(clients),
	 .value = "N",
	 .fallback = "1",
	 .min = 1,
	 .max = H2H_CLIENTS_MAX,
	 .help = "pairs under way at once; with one, latency alone is compared"},
	{0},
};
