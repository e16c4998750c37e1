#include "backends/fault/plan.h"
#include "backends/fault/mutant.h"

#include <stdio.h>
#include <string.h>

static const struct fault_behaviour behaviours[FAULT_TYPES] = {
	[FAULT_NONE] = {.name = "none", .applies = true},
	[FAULT_REFUSE] = {.name = "refuse", .answers = true, .result = CART_BUSY},
	[FAULT_BUSY] = {.name = "busy", .answers = true, .result = CART_BUSY},
	[FAULT_FAIL] = {.name = "fail", .answers = true, .result = CART_FAILED},
	[FAULT_TIMEOUT] = {.name = "timeout", .answers = true, .result = CART_TIMEOUT},
	[FAULT_UNCERTAIN] = {.name = "uncertain", .answers = true, .result = CART_UNCERTAIN},
	[FAULT_DROP] = {.name = "drop", .applies = true, .answers = true, .result = CART_UNCERTAIN},
	[FAULT_HANG] = {.name = "hang"},
};

#define FAULT_COUNT_MAX INT64_C(1000000000)
#define FAULT_TRIGGER(name_, help_)                                                                \
	{.key = "fault." name_ "_nth",                                                             \
	 .type = SETTING_INTEGER,                                                                  \
	 .fallback = "0",                                                                          \
	 .max = FAULT_COUNT_MAX,                                                                   \
	 .help = help_ ", for the n-th operation; 0: for none"},                                   \
	{                                                                                          \
		.key = "fault." name_ "_every", .type = SETTING_INTEGER, .fallback = "0",          \
		.max = FAULT_COUNT_MAX, .help = help_ ", for every n-th operation; 0: for none"    \
	}

const struct setting fault_settings[] = {
	{.key = "fault.over",
	 .type = SETTING_STRING,
	 .fallback = "memory",
	 .help = "The backend that does the work"},
	{.key = "fault.delay",
	 .type = SETTING_DURATION,
	 .fallback = "0",
	 .max = 3600000,
	 .help = "Delay before every answer"},
	{.key = "fault.lanes",
	 .type = SETTING_INTEGER,
	 .fallback = "0",
	 .min = 0,
	 .max = 4096,
	 .help = "So many operations of a loop are delayed at the same time, as by a database that "
		 "takes no more; others wait in a queue; 0: all"},
	{.key = "fault.delays",
	 .type = SETTING_LIST,
	 .fallback = "",
	 .help = "Microseconds, of which one is drawn for each operation and comes on top"},
	{.key = "fault.stall",
	 .type = SETTING_DURATION,
	 .fallback = "0",
	 .max = 3600000,
	 .help = "How long there is no answer, and no delay passes, at the end of each "
		 "fault.stall_every"},
	{.key = "fault.stall_every",
	 .type = SETTING_DURATION,
	 .fallback = "5s",
	 .min = 1,
	 .max = 3600000,
	 .help = "The time from the end of one stall to the end of the next"},
	{.key = "fault.trickle",
	 .type = SETTING_DURATION,
	 .fallback = "0",
	 .max = 3600000,
	 .help = "In a stall one answer comes in each such time all the same"},
	{.key = "fault.newest_first",
	 .type = SETTING_BOOL,
	 .fallback = "false",
	 .help = "After a stall what came last is answered first"},
	{.key = "fault.work",
	 .type = SETTING_INTEGER,
	 .fallback = "0",
	 .max = FAULT_COUNT_MAX,
	 .help = "Nanoseconds of the processor that each operation takes more"},
	{.key = "fault.drift",
	 .type = SETTING_INTEGER,
	 .fallback = "0",
	 .max = FAULT_COUNT_MAX,
	 .help = "Nanoseconds that operations take longer after each 1,000 operations"},
	{.key = "fault.burn",
	 .type = SETTING_INTEGER,
	 .fallback = "0",
	 .max = FAULT_COUNT_MAX,
	 .help = "Nanoseconds of the processor that are used up after each answer"},
	{.key = "fault.leak",
	 .type = SETTING_SIZE,
	 .fallback = "0",
	 .max = 1 << 20,
	 .help = "Memory that is lost with each answer"},
	{.key = "fault.clock",
	 .type = SETTING_INTEGER,
	 .fallback = "0",
	 .min = -FAULT_COUNT_MAX,
	 .max = FAULT_COUNT_MAX,
	 .help = "Nanoseconds more than it took that an operation is said to have taken"},
	{.key = "fault.ops",
	 .type = SETTING_LIST,
	 .fallback = "create,get,change,checkout,delete,list,merge,import,feed",
	 .help = "Types of operations that are counted and spoilt"},
	FAULT_TRIGGER("refuse", "Refuse"),
	FAULT_TRIGGER("busy", "Answer BUSY without applying"),
	FAULT_TRIGGER("fail", "Answer FAILED without applying"),
	FAULT_TRIGGER("timeout", "Answer TIMEOUT without applying"),
	FAULT_TRIGGER("uncertain", "Answer UNCERTAIN without applying"),
	FAULT_TRIGGER("drop", "Apply and answer UNCERTAIN"),
	FAULT_TRIGGER("hang", "Never answer, so that the deadline ends it"),
	{.key = "fault.mutant",
	 .type = SETTING_CHOICE,
	 .fallback = "none",
	 .choices = fault_mutant_names,
	 .help = "What the store does wrong, in answers that look right"},
	{.key = "fault.mutant_share",
	 .type = SETTING_INTEGER,
	 .fallback = "1000",
	 .max = 1000,
	 .help = "How many of 1,000 operations that the mutant can spoil it does spoil"},
	{.key = "fault.mutant_age",
	 .type = SETTING_DURATION,
	 .fallback = "0",
	 .max = 3600000,
	 .help = "How long a cart's old copy is shown after a change; 0: until the next change"},
	{.key = "fault.mutant_reads",
	 .type = SETTING_CHOICE,
	 .fallback = "all",
	 .choices = fault_mutant_reads,
	 .help = "Which gets stale-cache and two-replicas spoil; eventual: no strong ones"},
	{.key = "fault.mutant_seed",
	 .type = SETTING_INTEGER,
	 .fallback = "1",
	 .max = FAULT_COUNT_MAX,
	 .help = "Seed of the choice of operations"},
	{0},
};

const struct fault_behaviour *fault_behaviour_of(enum fault_type type)
{
	return &behaviours[type];
}

static int fault_plan_read_ops(struct fault_plan *plan, const struct settings *settings,
			       struct cart_error *error)
{
	size_t count;
	const char *const *names = settings_list(settings, "fault.ops", &count);

	for (size_t i = 0; i < count; i++) {
		int type = 0;

		while (type < CART_OP_TYPES &&
		       strcmp(cart_op_type_name((enum cart_op_type)type), names[i]) != 0)
			type++;
		if (type == CART_OP_TYPES)
			return cart_error_set(error, "fault.ops: %s is not a type of operation",
					      names[i]);
		plan->ops[type] = true;
	}
	return 0;
}

static uint64_t fault_plan_setting(const struct settings *settings, int type, const char *what)
{
	char key[64];

	snprintf(key, sizeof(key), "fault.%s_%s", behaviours[type].name, what);
	return (uint64_t)settings_integer(settings, key);
}

int fault_plan_init(struct fault_plan *plan, const struct settings *settings,
		    struct cart_error *error)
{
	*plan = (struct fault_plan){0};
	if (fault_plan_read_ops(plan, settings, error) != 0)
		return -1;
	for (int type = FAULT_NONE + 1; type < FAULT_TYPES; type++) {
		plan->triggers[type].nth = fault_plan_setting(settings, type, "nth");
		plan->triggers[type].every = fault_plan_setting(settings, type, "every");
	}
	pthread_mutex_init(&plan->lock, NULL);
	return 0;
}

void fault_plan_destroy(struct fault_plan *plan)
{
	pthread_mutex_destroy(&plan->lock);
}

void fault_plan_arm(struct fault_plan *plan, enum fault_type type, uint64_t nth, uint64_t every)
{
	pthread_mutex_lock(&plan->lock);
	plan->triggers[type] = (struct fault_trigger){.nth = nth, .every = every};
	pthread_mutex_unlock(&plan->lock);
}

static bool fault_trigger_strikes(struct fault_trigger *trigger)
{
	trigger->seen++;
	return trigger->seen == trigger->nth ||
	       (trigger->every != 0 && trigger->seen % trigger->every == 0);
}

enum fault_type fault_plan_next(struct fault_plan *plan, enum cart_op_type op)
{
	enum fault_type strikes = FAULT_NONE;

	if (!plan->ops[op])
		return FAULT_NONE;
	pthread_mutex_lock(&plan->lock);
	for (int type = FAULT_TYPES - 1; type > FAULT_NONE; type--)
		if (fault_trigger_strikes(&plan->triggers[type]))
			strikes = (enum fault_type)type;
	if (strikes != FAULT_NONE)
		plan->hits++;
	pthread_mutex_unlock(&plan->lock);
	return strikes;
}

uint64_t fault_plan_hits(struct fault_plan *plan)
{
	uint64_t hits;

	pthread_mutex_lock(&plan->lock);
	hits = plan->hits;
	pthread_mutex_unlock(&plan->lock);
	return hits;
}
