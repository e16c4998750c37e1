/* What else this machine does: a judge who is disturbed is none. From /proc and the cgroup; what
 * they do not say counts as nothing. */
#ifndef BENCH_LOAD_BUSY_H
#define BENCH_LOAD_BUSY_H

#include "core/base/attr.h"

#include <jansson.h>
#include <stdbool.h>

/* Of a core, or of the time: above it a result is invalid. */
#define BUSY_MAX 0.15

/* Seconds since some instant. */
struct busy_clock {
	double at;	  /* the time */
	double cores;	  /* processor time of all cores, but for this process's own */
	double stolen;	  /* that the hypervisor gave to others */
	double throttled; /* in which a limit of the cgroup held this process back */
};

struct busy_clock busy_now(void);

/* What others did during a measurement. Zeroed: nothing is known. */
struct busy {
	double took_s;
	double rested_s;  /* of that, while nothing was asked */
	double others;	  /* core-seconds that others used in these rests */
	double stolen;	  /* seconds */
	double throttled; /* likewise */
	/* While it was asked, where the services could be told apart from others. */
	double loaded_s, beside; /* core-seconds that others used */
	bool untold;		 /* somewhere they could not be */
};

/* Adds a rest from an instant to another; and the time of a measurement. */
void busy_add_rest(struct busy *busy, const struct busy_clock *began,
		   const struct busy_clock *ended);
void busy_add_time(struct busy *busy, const struct busy_clock *began,
		   const struct busy_clock *ended);
/* Around a load, of which no rest is a part: each rests for a while and looks. *began is kept from
 * one to the other. Ctrl-C ends a rest. */
void busy_begin(struct busy *busy, struct busy_clock *began);
void busy_end(struct busy *busy, const struct busy_clock *began);
/* What a part of it found out about a load. */
void busy_add_load(struct busy *busy, const struct busy *load);
/* True: others used, or took, more than BUSY_MAX; why says what. Where the rests were too short to
 * know, only what was stolen or throttled counts. */
CART_MUST_CHECK bool busy_is_too_busy(const struct busy *busy, char *why, size_t room);
/* {"rested_s", "others": cores, "stolen": share of the time, "throttled": likewise,
 * "beside": cores while it was asked, or null} */
json_t *busy_json(const struct busy *busy);
/* The same in words, a sentence. */
const char *busy_describe(const json_t *busy, char *text, size_t room);

#endif
