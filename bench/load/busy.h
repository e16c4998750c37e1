/* What else this machine does: a judge who is disturbed is none. From /proc and the cgroup; what
 * they do not say counts as nothing. */
#ifndef BENCH_LOAD_BUSY_H
#define BENCH_LOAD_BUSY_H

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

#endif
