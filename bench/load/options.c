#include "bench/load/options.h"

#include "bench/cli/interrupt.h"
#include "bench/cli/progress.h"

#include <sched.h>
#include <string.h>
#include <sys/resource.h>

#define LOAD_OPTION_AT(member_) .at = offsetof(struct load_options, member_)
/* Beside those of clients: libraries, files, loops. */
#define LOAD_FILES_RESERVED 64

const struct bench_option load_workload_options[] = {
	{.name = "mix",
	 .type = OPTION_TEXT,
	 LOAD_OPTION_AT(mix),
	 .value = "MIX",
	 .help = "draws each operation by weight, as create=1,add=4,get=4,checkout=1, also\n"
		 "set, remove, delete, list (default: sessions)"},
	{.name = "keys",
	 .type = OPTION_TEXT,
	 LOAD_OPTION_AT(keys),
	 .value = "KEYS",
	 .help = "which carts a mix is about: uniform, zipfian, zipfian:S or hot, the same\n"
		 "always (default: uniform)"},
	{.name = "carts",
	 .type = OPTION_COUNT,
	 LOAD_OPTION_AT(carts),
	 .value = "N",
	 .min = 1,
	 .max = 10000000,
	 .help = "carts that are made first for a mix (default: 1000)"},
	{.name = "products",
	 .type = OPTION_COUNT,
	 LOAD_OPTION_AT(products),
	 .value = "N",
	 .fallback = "10",
	 .min = 1,
	 .max = WORKLOAD_PRODUCTS_MAX,
	 .help = "different products that are put into carts"},
	{.name = "adds",
	 .type = OPTION_COUNT,
	 LOAD_OPTION_AT(adds),
	 .value = "N",
	 .fallback = "3",
	 .min = 1,
	 .max = 50,
	 .help = "sessions: adds to a cart, on average"},
	{.name = "gets",
	 .type = OPTION_COUNT,
	 LOAD_OPTION_AT(gets),
	 .value = "N",
	 .fallback = "2",
	 .max = 1000,
	 .help = "sessions: then reads of it, on average"},
	{.name = "checkouts",
	 .type = OPTION_SHARE,
	 LOAD_OPTION_AT(checkouts),
	 .value = "SHARE",
	 .fallback = "30%",
	 .max = 1,
	 .help = "sessions: the share of carts that is checked out"},
	{.name = "think",
	 .type = OPTION_DURATION,
	 LOAD_OPTION_AT(think_ms),
	 .value = "DURATION",
	 .fallback = "0",
	 .max = 3600000,
	 .help = "a client waits so long on average before each next operation"},
	{.name = "threads",
	 .type = OPTION_COUNT,
	 LOAD_OPTION_AT(threads),
	 .value = "N",
	 .min = 1,
	 .max = LOAD_THREADS_MAX,
	 .help = "of cartbench's (default: one a core that it may use)"},
	{.name = "cold",
	 .type = OPTION_FLAG,
	 LOAD_OPTION_AT(cold),
	 .help = "opens a connection for each operation; times include it"},
	{0},
};

/* The prepared carts are asked for by some operation of the mix. */
static bool load_options_need_carts(const struct workload_config *config)
{
	return config->weights[BENCH_ADD] + config->weights[BENCH_SET] +
		       config->weights[BENCH_GET] + config->weights[BENCH_LIST] >
	       0;
}

int load_options_workload(struct workload_config *config, const struct load_options *options,
			  const struct bench_common *common, struct cart_error *error)
{
	*config = (struct workload_config){
		.seed = (uint64_t)common->seed,
		.sessions = options->mix == NULL,
		.adds = options->adds,
		.gets = options->gets,
		.checkouts = options->checkouts,
		.think_ms = options->think_ms,
		.products = options->products,
	};
	if (config->sessions && (options->keys != NULL || options->carts != 0))
		return cart_error_set(error, "--keys and --carts are about a --mix: sessions make "
					     "their own carts");
	if (config->sessions)
		return 0;
	if (workload_parse_mix(config, options->mix, error) != 0 ||
	    workload_parse_keys(config, options->keys != NULL ? options->keys : "uniform", error) !=
		    0)
		return -1;
	if (load_options_need_carts(config))
		config->carts = options->carts != 0 ? (size_t)options->carts : 1000;
	return 0;
}

size_t load_options_threads(const struct load_options *options, size_t clients)
{
	size_t threads = (size_t)options->threads;
	cpu_set_t set;

	if (threads == 0)
		threads =
			sched_getaffinity(0, sizeof(set), &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
	if (threads > LOAD_THREADS_MAX)
		threads = LOAD_THREADS_MAX;
	return threads < clients ? threads : clients;
}

int load_options_raise_files(size_t clients, struct cart_error *error)
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

static void load_session_watch(size_t made, size_t wanted, void *user)
{
	bench_progress_show(user, "preparing: %zu of %zu carts", made, wanted);
}

int load_session_open(struct load_session *session, const char *target,
		      const struct load_options *options, const struct workload_config *workload,
		      const struct bench_common *common, struct cart_error *error)
{
	const struct bench_drive_config config = {.timeout_ms = common->timeout_ms,
						  .cold = options->cold};
	int failed;

	if (bench_drive_open(&session->drive, target, &config, error) != 0 ||
	    workload_init(&session->workload, workload, error) != 0)
		return -1;
	bench_interrupt_catch();
	failed = load_prepare(&session->workload, session->drive, load_session_watch,
			      session->progress, error);
	bench_progress_end(session->progress);
	return failed;
}

void load_session_close(struct load_session *session)
{
	workload_free(&session->workload);
	bench_drive_close(&session->drive);
}
