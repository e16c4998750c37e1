#include "bench/load/busy.h"

#include "bench/cli/interrupt.h"
#include "bench/result/member.h"
#include "bench/result/number.h"
#include "core/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BUSY_REST_MS 100
/* The kernel counts in hundredths of a second: of less a share says nothing. */
#define BUSY_RESTED_MIN_S 0.15
#define BUSY_TOOK_MIN_S	  1

static double busy_own_s(void)
{
	struct timespec own = {0};

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
	return (double)own.tv_sec + (double)own.tv_nsec / 1e9;
}

/* The first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal. */
static void busy_read_stat(struct busy_clock *clock)
{
	unsigned long long of[8] = {0};
	FILE *file = fopen("/proc/stat", "re");
	double tick_s = 1 / (double)sysconf(_SC_CLK_TCK);

	if (file == NULL)
		return;
	if (fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &of[0], &of[1], &of[2],
		   &of[3], &of[4], &of[5], &of[6], &of[7]) == 8) {
		clock->cores = (double)(of[0] + of[1] + of[2] + of[5] + of[6]) * tick_s;
		clock->stolen = (double)of[7] * tick_s;
	}
	fclose(file);
}

/* Of cgroup v2, as a container sees its own. */
static void busy_read_cgroup(struct busy_clock *clock)
{
	FILE *file = fopen("/sys/fs/cgroup/cpu.stat", "re");
	unsigned long long us;
	char line[128];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "throttled_usec %llu", &us) == 1)
			clock->throttled = (double)us / 1e6;
	if (file != NULL)
		fclose(file);
}

struct busy_clock busy_now(void)
{
	struct busy_clock clock = {.at = (double)clock_monotonic_ns(&cart_clock_system) / 1e9};

	busy_read_stat(&clock);
	busy_read_cgroup(&clock);
	clock.cores -= busy_own_s();
	return clock;
}

void busy_add_rest(struct busy *busy, const struct busy_clock *began,
		   const struct busy_clock *ended)
{
	busy->rested_s += ended->at - began->at;
	busy->others += ended->cores - began->cores;
}

void busy_add_time(struct busy *busy, const struct busy_clock *began,
		   const struct busy_clock *ended)
{
	busy->took_s += ended->at - began->at;
	busy->stolen += ended->stolen - began->stolen;
	busy->throttled += ended->throttled - began->throttled;
}

void busy_add_load(struct busy *busy, const struct busy *load)
{
	busy->loaded_s += load->loaded_s;
	busy->beside += load->beside;
	busy->untold = busy->untold || load->untold;
}

static struct busy_clock busy_rest(struct busy *busy)
{
	struct busy_clock began = busy_now(), ended;

	bench_interrupt_wait(BUSY_REST_MS);
	ended = busy_now();
	busy_add_rest(busy, &began, &ended);
	return ended;
}

void busy_begin(struct busy *busy, struct busy_clock *began)
{
	*began = busy_rest(busy);
}

void busy_end(struct busy *busy, const struct busy_clock *began)
{
	struct busy_clock ended = busy_now();

	busy_add_time(busy, began, &ended);
	busy_rest(busy);
}

static double busy_share(double of, double whole)
{
	return whole > 0 ? of / whole : 0;
}

bool busy_is_too_busy(const struct busy *busy, char *why, size_t room)
{
	const struct {
		double share;
		bool known;
		const char *what;
	} of[] = {{busy_share(busy->others, busy->rested_s), busy->rested_s >= BUSY_RESTED_MIN_S,
		   "of a core was used by others while nothing was asked"},
		  {busy_share(busy->beside, busy->loaded_s),
		   busy->loaded_s >= BUSY_TOOK_MIN_S && !busy->untold,
		   "of a core was used by others during the load"},
		  {busy_share(busy->stolen, busy->took_s), busy->took_s >= BUSY_TOOK_MIN_S,
		   "of the time was stolen by the hypervisor"},
		  {busy_share(busy->throttled, busy->took_s), busy->took_s >= BUSY_TOOK_MIN_S,
		   "of the time a limit of the cgroup held cartbench back"}};

	for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++) {
		if (!of[i].known || of[i].share <= BUSY_MAX)
			continue;
		snprintf(why, room, "the machine is busy: %.0f %% %s (at most %.0f %%)",
			 100 * of[i].share, of[i].what, 100 * BUSY_MAX);
		return true;
	}
	return false;
}

json_t *busy_json(const struct busy *busy)
{
	bool told = busy->loaded_s > 0 && !busy->untold;
	json_t *json = json_pack("{s:f, s:f, s:f, s:f}", "rested_s", busy->rested_s, "others",
				 busy_share(busy->others, busy->rested_s), "stolen",
				 busy_share(busy->stolen, busy->took_s), "throttled",
				 busy_share(busy->throttled, busy->took_s));

	if (told)
		json_object_set_new(json, "beside",
				    json_real(busy_share(busy->beside, busy->loaded_s)));
	else if (busy->untold)
		json_object_set_new(json, "beside", json_null());
	return json;
}

const char *busy_describe(const json_t *busy, char *text, size_t room)
{
	char others[NUMBER_TEXT], stolen[NUMBER_TEXT], throttled[NUMBER_TEXT];
	char beside[NUMBER_TEXT + 20] = "", share[NUMBER_TEXT];
	const json_t *of = json_object_get(busy, "beside");

	if (json_is_number(of))
		snprintf(beside, sizeof(beside), ", during the load %s",
			 number_share(json_number_value(of), share));
	snprintf(text, room,
		 "While nothing was asked others used %s of a core%s%s; %s of the time was stolen, "
		 "%s throttled.",
		 number_share(member_number(busy, "others"), others), beside,
		 json_is_null(of) ? " (during the load they could not be told apart from the "
				    "services)"
				  : "",
		 number_share(member_number(busy, "stolen"), stolen),
		 number_share(member_number(busy, "throttled"), throttled));
	return text;
}
