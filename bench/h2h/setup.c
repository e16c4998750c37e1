#include "bench/h2h/setup.h"

bool h2h_setup(struct h2h_config *config, const struct bench_session *session)
{
	const struct bench_values *values = &session->values;

	*config = (struct h2h_config){
		.blocks = values->blocks,
		.pairs = values->pairs,
		.warmup_ms = values->warmup_ms,
		.clients = values->clients,
		.most_ms = values->for_ms,
		.seed = (uint64_t)values->seed,
	};
	return bench_options_within(session->mode, "clients", values->clients, 1, H2H_CLIENTS_MAX);
}
