#include "bench/load/setup.h"

#include "bench/result/result.h"

#include <sched.h>
#include <string.h>
#include <sys/resource.h>

#define LOAD_ADDS_MAX	    50
#define LOAD_CARTS	    1000 /* by default, for a mix */
#define LOAD_FILES_RESERVED 64	 /* beside those of clients: libraries, files, loops */

/* Whether some operation of the mix is done to the prepared carts. */
static bool load_needs_carts(const struct workload_config *config)
{
	return config->weights[BENCH_ADD] + config->weights[BENCH_SET] +
		       config->weights[BENCH_GET] + config->weights[BENCH_LIST] >
	       0;
}

static int load_configure(struct workload_config *config, const struct bench_values *values,
			  struct cart_error *error)
{
	*config = (struct workload_config){
		.seed = (uint64_t)values->seed,
		.sessions = values->mix == NULL,
		.adds = values->adds,
		.gets = values->gets,
		.checkouts = values->checkouts,
		.think_ms = values->think_ms,
		.products = values->products,
		.read = bench_read_of(values->consistency),
	};
	if (config->sessions && (values->keys != NULL || values->carts != 0))
		return cart_error_set(
			error,
			"--keys and --carts are about a --mix: sessions make their own carts");
	if (config->sessions)
		return 0;
	if (workload_parse_mix(config, values->mix, error) != 0 ||
	    workload_parse_keys(config, values->keys != NULL ? values->keys : "uniform", error) !=
		    0)
		return -1;
	if (load_needs_carts(config))
		config->carts = values->carts != 0 ? (size_t)values->carts : LOAD_CARTS;
	return 0;
}

void load_judge_busy(const struct bench_session *session, const struct busy *busy)
{
	char why[200];

	if (!busy_is_too_busy(busy, why, sizeof(why)))
		return;
	if (session->values.busy)
		bench_result_warn(session->result, "%s", why);
	else
		bench_result_invalidate(session->result, "%s", why);
}

size_t load_threads(const struct bench_values *values, size_t clients)
{
	size_t threads = (size_t)values->threads;
	cpu_set_t set;

	if (threads == 0)
		threads =
			sched_getaffinity(0, sizeof(set), &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
	if (threads > LOAD_THREADS_MAX)
		threads = LOAD_THREADS_MAX;
	return threads < clients ? threads : clients;
}

/* Raises the limit of open files, so that this many clients can be connected. */
static int load_raise_files(size_t clients, struct cart_error *error)
{
	rlim_t need = (rlim_t)clients + LOAD_FILES_RESERVED;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need)
		return 0;
	limit.rlim_cur =
		limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= need ? need : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < need)
		return cart_error_set(error,
				      "%zu clients need more files than may be open here (%llu): "
				      "ulimit -n raises it",
				      clients, (unsigned long long)limit.rlim_cur);
	return 0;
}

bool load_setup(struct bench_session *session, struct workload *workload, size_t clients)
{
	struct workload_config config;
	struct cart_error error;
	bool prepared;

	if (!bench_options_within(session->mode, "adds", session->values.adds, 1, LOAD_ADDS_MAX))
		return false;
	if (load_configure(&config, &session->values, &error) != 0 ||
	    load_raise_files(clients, &error) != 0) {
		bench_options_refuse(session->mode, "%s", error.text);
		return false;
	}
	if (!bench_session_open(session, NULL))
		return false;
	workload_init(workload, &config);
	prepared = load_prepare(workload, session->drives[0], &session->progress, &error) == 0;
	bench_progress_end(&session->progress);
	if (!prepared)
		bench_session_fail("%s: %s", session->arguments.items[0], error.text);
	return prepared;
}
