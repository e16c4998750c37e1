#include "backends/fault/delays.h"

#include "core/base/clock.h"
#include "core/base/random.h"

#include <stdlib.h>

#define DELAY_MAX_US INT64_C(60000000)

static int delays_read(struct fault_delays *delays, const struct settings *settings,
		       struct cart_error *error)
{
	const char *const *texts = settings_list(settings, "fault.delays", &delays->count);

	delays->ns = delays->count > 0 ? calloc(delays->count, sizeof(*delays->ns)) : NULL;
	if (delays->ns == NULL && delays->count > 0)
		return cart_error_set(error, "out of memory");
	for (size_t i = 0; i < delays->count; i++) {
		char *end;
		long long us = strtoll(texts[i], &end, 10);

		if (*texts[i] == '\0' || *end != '\0' || us < 0 || us > DELAY_MAX_US)
			return cart_error_set(error,
					      "fault.delays: %s is not 0 to %lld microseconds",
					      texts[i], (long long)DELAY_MAX_US);
		delays->ns[i] = us * 1000;
	}
	return 0;
}

int fault_delays_init(struct fault_delays *delays, struct fault_stalls *stalls,
		      const struct settings *settings, struct cart_error *error)
{
	*delays = (struct fault_delays){0};
	atomic_init(&delays->drawn, 0);
	atomic_init(&delays->trickled, 0);
	*stalls = (struct fault_stalls){
		.stall_ns = settings_integer(settings, "fault.stall") * CLOCK_NS_PER_MS,
		.every_ns = settings_integer(settings, "fault.stall_every") * CLOCK_NS_PER_MS,
		.started_ns = clock_monotonic_ns(&cart_clock_system),
		.trickle_ns = settings_integer(settings, "fault.trickle") * CLOCK_NS_PER_MS,
		.newest_first = settings_bool(settings, "fault.newest_first")};
	if (stalls->stall_ns >= stalls->every_ns)
		return cart_error_set(error, "fault.stall: it must be below fault.stall_every");
	if (delays_read(delays, settings, error) == 0)
		return 0;
	fault_delays_destroy(delays);
	return -1;
}

void fault_delays_destroy(struct fault_delays *delays)
{
	free(delays->ns);
	delays->ns = NULL;
}

int64_t fault_delays_draw(struct fault_delays *delays)
{
	struct random random = {.state = atomic_fetch_add(&delays->drawn, 1)};

	return delays->count > 0 ? delays->ns[random_next(&random) % delays->count] : 0;
}

int64_t fault_stalls_due(const struct fault_stalls *stalls, int64_t now_ns, int64_t delay_ns)
{
	int64_t running_ns = stalls->every_ns - stalls->stall_ns; /* of each period */
	int64_t at_ns = (now_ns - stalls->started_ns) % stalls->every_ns;

	if (stalls->stall_ns == 0)
		return now_ns + delay_ns;
	if (at_ns >= running_ns) {
		now_ns += stalls->every_ns - at_ns;
		at_ns = 0;
	}
	return now_ns + delay_ns + (at_ns + delay_ns) / running_ns * stalls->stall_ns;
}

int64_t fault_delays_due(struct fault_delays *delays, const struct fault_stalls *stalls,
			 int64_t now_ns, int64_t delay_ns)
{
	int64_t due_ns = fault_stalls_due(stalls, now_ns, delay_ns);
	int64_t waits_ns = due_ns - now_ns - delay_ns;
	int64_t next, last;

	if (waits_ns > 0 && stalls->trickle_ns > 0) {
		next = (now_ns - stalls->started_ns) / stalls->trickle_ns + 1;
		last = atomic_load(&delays->trickled);
		if (last < next && atomic_compare_exchange_strong(&delays->trickled, &last, next) &&
		    stalls->started_ns + next * stalls->trickle_ns < due_ns)
			return stalls->started_ns + next * stalls->trickle_ns;
	}
	/* All come after the stall, in a thousandth of its length. */
	return stalls->newest_first ? due_ns + waits_ns / 1000 : due_ns;
}
