#include "bench/h2h/h2h.h"

#include "bench/stats/alloc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum bench_op_type h2h_op_type(enum h2h_operation operation)
{
	static const enum bench_op_type types[H2H_OPERATIONS] = {
		[H2H_CREATE] = BENCH_CREATE,
		[H2H_ADD] = BENCH_ADD,
		[H2H_GET] = BENCH_GET,
	};

	return types[operation];
}

const char *h2h_operation_name(enum h2h_operation operation)
{
	return operation == H2H_OPEN ? "open loop" : bench_op_type_name(h2h_op_type(operation));
}

const struct tally *h2h_tally(const struct h2h *h2h, enum h2h_operation operation, int side)
{
	return operation == H2H_OPEN ? &h2h->open.sides[side].tally
				     : &h2h->cells[operation].arms[side];
}

bool h2h_times_hold(const struct h2h *h2h, int side, char why[TALLY_WHY])
{
	struct tally sum = {0};

	for (int i = 0; i <= H2H_OPEN; i++)
		tally_add_times(&sum, h2h_tally(h2h, (enum h2h_operation)i, side));
	return tally_times_hold(&sum, why);
}

void h2h_init(struct h2h *h2h, const struct h2h_config *config,
	      struct bench_drive *const drives[H2H_SIDES])
{
	size_t cycles = (size_t)(config->blocks * config->pairs);

	*h2h = (struct h2h){.config = *config, .gone = -1};
	h2h->block_cycles = bench_alloc((size_t)config->blocks, sizeof(*h2h->block_cycles));
	for (int i = 0; i < H2H_OPERATIONS; i++)
		h2h->cells[i].first = bench_alloc(cycles, 1);
	for (int side = 0; side < H2H_SIDES; side++) {
		h2h->drives[side] = drives[side];
		h2h->alone[side] =
			bench_alloc((size_t)config->blocks * H2H_ALONE, sizeof(**h2h->alone));
		for (int i = 0; i < H2H_OPERATIONS; i++) {
			struct h2h_cell *cell = &h2h->cells[i];

			cell->ns[side] = bench_alloc(cycles, sizeof(**cell->ns));
			tally_init(&cell->arms[side], false);
		}
	}
}

void h2h_free(struct h2h *h2h)
{
	for (int i = 0; i < H2H_OPERATIONS; i++)
		free(h2h->cells[i].first);
	for (int side = 0; side < H2H_SIDES; side++) {
		free(h2h->alone[side]);
		for (int i = 0; i < H2H_OPERATIONS; i++) {
			struct h2h_cell *cell = &h2h->cells[i];

			free(cell->ns[side]);
			tally_free(&cell->arms[side]);
		}
		for (int i = 0; i < H2H_SECONDS_MAX; i++)
			bench_hdr_free(&h2h->seconds[i].service[side]);
	}
	h2h_open_free(&h2h->open);
	free(h2h->block_cycles);
}

bool h2h_is_disturbed(const struct h2h *h2h, char *why, size_t room)
{
	return busy_is_too_busy(&h2h->busy, why, room) ||
	       busy_is_too_busy(&h2h->open.busy, why, room);
}

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
		.read = bench_read_of(values->consistency),
		.open = {.rate = values->rate,
			 .duration_ms = values->no_open ? 0 : values->duration_ms,
			 .seed = (uint64_t)values->seed,
			 .read = bench_read_of(values->consistency)},
	};
	return bench_options_within(session->mode, "clients", values->clients, 1, H2H_CLIENTS_MAX);
}

int64_t h2h_pairs_for(double quantile)
{
	return (int64_t)ceil(BENCH_HDR_BEYOND_MIN / fmin(quantile, 1 - quantile) - 1e-6);
}
