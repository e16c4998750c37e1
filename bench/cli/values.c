#include "bench/cli/values.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const values_consistency[] = {"default", "strong", "eventual", NULL};
static const char *const values_arrivals[] = {"uniform", "poisson", NULL};

#define AT(field_) .at = offsetof(struct bench_values, field_)
#define OPTION(type_, name_, field_, value_, min_, max_, fallback_, help_)                         \
	{                                                                                          \
		.type = OPTION_##type_, .name = name_, AT(field_), .value = value_, .min = min_,   \
		.max = max_, .fallback = fallback_, .help = help_                                  \
	}
#define FLAG(name_, field_, help_) OPTION(FLAG, name_, field_, NULL, 0, 0, NULL, help_)
#define COUNT(name_, field_, min_, max_, fallback_, help_)                                         \
	OPTION(COUNT, name_, field_, "N", min_, max_, fallback_, help_)
#define DURATION(name_, field_, min_ms_, max_ms_, fallback_, help_)                                \
	OPTION(DURATION, name_, field_, "DURATION", min_ms_, max_ms_, fallback_, help_)
#define SHARE(name_, field_, min_, max_, fallback_, help_)                                         \
	OPTION(SHARE, name_, field_, "SHARE", min_, max_, fallback_, help_)
#define NUMBER(name_, field_, min_, max_, help_)                                                   \
	OPTION(NUMBER, name_, field_, "NUMBER", min_, max_, NULL, help_)
#define TEXT(name_, field_, value_, fallback_, help_)                                              \
	OPTION(TEXT, name_, field_, value_, 0, 0, fallback_, help_)
#define LIST(name_, field_, value_, help_) OPTION(LIST, name_, field_, value_, 0, 0, NULL, help_)

#define HOUR_MS 3600000
#define DAY_MS	86400000

const struct bench_option bench_value_options[] = {
	/* how much is asked, and how */
	COUNT("clients", clients, 1, 20000, NULL,
	      "how many work at the same time, each asking again when it has its answer;\n"
	      "with --rate the most that may wait for answers"),
	COUNT("from", from, 1, 20000, "1",
	      "clients of the first point; each next has twice as many"),
	COUNT("to", to, 1, 20000, "512", "the most clients"),
	NUMBER("rate", rate, 0.01, 1000000,
	       "open loop: so many operations a second, whatever the target does; of pairs: on "
	       "each\n"
	       "side (default: half of the slower one's knee)"),
	NUMBER("rate-from", rate_from, 0.01, 1000000,
	       "open loops in place of clients: the first rate; each next point has twice it"),
	NUMBER("rate-to", rate_to, 0.01, 1000000, "the highest rate"),
	{.name = "arrivals",
	 .type = OPTION_CHOICE,
	 AT(arrivals),
	 .value = "HOW",
	 .fallback = "uniform",
	 .choices = values_arrivals,
	 .help = "open loop: uniform, at equal distances, or poisson, independent"},
	DURATION("duration", duration_ms, 100, DAY_MS, NULL,
		 "how long is measured; of each point; of pairs: how long the open loop takes"),
	COUNT("blocks", blocks, 12, 10000, "40",
	      "of a run: the unit of the statistics, one ratio a block"),
	COUNT("pairs", pairs, 20, 100000, "500", "of each operation in a block"),
	DURATION("warmup", warmup_ms, 0, HOUR_MS, "1s",
		 "how long the targets are asked first, which is not measured"),
	DURATION("for", for_ms, 0, DAY_MS, "0s",
		 "begins nothing more after so long, counted for each part of a measurement: no\n"
		 "block, no trial; 0s: no limit"),
	{.name = "consistency",
	 .type = OPTION_CHOICE,
	 AT(consistency),
	 .value = "WHICH",
	 .fallback = "default",
	 .choices = values_consistency,
	 .help = "what gets ask for: strong, eventual or the default of the target"},
	TEXT("mix", mix, "MIX", NULL,
	     "draws each operation by weight, as create=1,add=4,get=4,checkout=1, also\n"
	     "set, remove, delete, list (default: sessions)"),
	TEXT("keys", keys, "KEYS", NULL,
	     "which carts a mix is about: uniform, zipfian, zipfian:S or hot, the same\n"
	     "always (default: uniform)"),
	COUNT("carts", carts, 1, 10000000, NULL,
	      "carts: of a mix those that are made first (1000 unless given), of a probe those\n"
	      "that it works on at the same time"),
	COUNT("products", products, 1, 150, "10", "different products that are put into carts"),
	COUNT("adds", adds, 1, 1000000, NULL,
	      "adds: of a session those to its cart, on average; of a probe all"),
	COUNT("gets", gets, 0, 1000, "2", "sessions: then reads of the cart, on average"),
	SHARE("checkouts", checkouts, 0, 1, "30%",
	      "sessions: the share of carts that is checked out"),
	DURATION("think", think_ms, 0, HOUR_MS, "0",
		 "a client waits so long on average before each next operation"),
	COUNT("threads", threads, 1, 64, NULL,
	      "of cartbench (default: one for each core that it may use)"),
	FLAG("cold", cold, "opens a connection for each operation; times include it"),
	FLAG("keep-alive", keep_alive, "one connection for all operations"),
	/* verdicts */
	SHARE("margin", margin, 0.001, 0.99, "5%",
	      "differences below it do not matter: what EQUIVALENT means"),
	SHARE("limit", limit, 0.001, 0.99, "5%", "HEAD may be slower by so much at p50"),
	SHARE("confidence", confidence, 0.5, 0.9999, "95%",
	      "of the intervals, and of all verdicts of a table together"),
	LIST("quantile", quantiles, "SHARE",
	     "compares this quantile; may be given up to four times (default: 50% and 95%)"),
	SHARE("control", control, 0, 10, NULL,
	      "by how much the control that must be found is slower (default: twice --limit)"),
	SHARE("slow-b", slow_b, 0, 10, "0%",
	      "makes each operation of B take this share longer: to see that it is found"),
	FLAG("no-calls", no_calls,
	     "does not count database calls afterwards (20 of each operation)"),
	FLAG("no-open", no_open, "leaves out the open loop, and with it p99 and who stands still"),
	FLAG("busy", busy,
	     "measures although others use more than 15 % of a core: with a note, and not INVALID"),
	FLAG("exact", exact,
	     "compares two files of exact counts and measures nothing; takes no other option"),
	FLAG("other-machine", other_machine,
	     "compares results of two machines, which says little of what ran on them"),
	/* probes of consistency */
	TEXT("probes", probes, "LIST", NULL,
	     "which, out of: seed, staleness, customer_index, read_your_writes,\n"
	     "monotonic_reads, monotonic_writes, lost_updates, lost_updates_one_line,\n"
	     "exactly_once (default: all)"),
	COUNT("trials", trials, 1, 1000000, "3000",
	      "reads of each kind after each delay, and of each session guarantee"),
	TEXT("delays", delays, "LIST", "0,1,2,5,10,20,50,100",
	     "milliseconds from a write's acknowledgement to its reads"),
	COUNT("repeats", repeats, 1, 1000000, "600",
	      "adds whose client goes away and asks again with its Idempotency-Key"),
	TEXT("promise", promise, "LIST", NULL,
	     "what is promised beside strong reads, so that a stale one is a violation:\n"
	     "eventual, index (default: neither)"),
	FLAG("same-database", same_database,
	     "the URLs are cartds on one database: writes go through one, reads through\n"
	     "the others"),
	FLAG("verbose", verbose, "prints an example of each violation that was found"),
	/* the report */
	TEXT("markdown", markdown, "FILE", NULL,
	     "verdicts and tables for a pull request; - is standard output"),
	TEXT("brief", brief, "FILE", NULL,
	     "the first screen in twenty lines, for a terminal; - is standard output"),
	TEXT("comparison", comparison, "FILE", NULL,
	     "the results.json of ./cart compare: what it was asked, what failed, delays"),
	TEXT("seed150", seed150, "DIR", NULL,
	     "adds the *_test_results.json of seed150, beside the seed's own"),
	TEXT("money", money, "FILE", NULL,
	     "also writes what carts cost as JSON, of the first result of h2h"),
	TEXT("prices", prices, "FILE", NULL,
	     "replaces the built-in, dated list (bench/report/prices.json)"),
	NUMBER("write-price", write_price, 0, 1e9, "of a million write units"),
	NUMBER("read-price", read_price, 0, 1e9, "of a million read units"),
	NUMBER("instance-price", instance_price, 0, 1e9, "of the database instance, an hour"),
	TEXT("instance-name", instance_name, "TEXT", NULL, "what that instance is"),
	/* of every mode that measures */
	COUNT("seed", seed, 0, BENCH_SEED_MAX, NULL,
	      "of all that is random: the same seed asks the same again (default: a new one\n"
	      "each time; the result names it)"),
	TEXT("out", out, "PATH", NULL,
	     "writes the mode's result there: the document as JSON; of report the page, of\n"
	     "seed150 its files into this folder"),
	TEXT("csv", csv, "FILE", NULL,
	     "writes the rows of the table there; of report those that compare layouts and\n"
	     "databases"),
	FLAG("json", json, "prints the result as JSON in place of tables"),
	DURATION("timeout", timeout_ms, 1, 600000, "10s",
		 "an operation without an answer by then has failed"),
	TEXT("cacert", cacert, "FILE", NULL,
	     "PEM file of the authorities that an https URL is verified by (default: the\n"
	     "system's)"),
	TEXT("token-file", token_file, "FILE", NULL,
	     "holds the bearer token for a cartd that knows its callers; its scopes are read\n"
	     "and write, and admin for what /metrics says"),
	LIST("describe", describe, "NAME=FILE",
	     "the settings of side NAME (A, B, ...; of gate BASE, SAME, HEAD), as cartd\n"
	     "--print-config writes them, to be kept in the result"),
	LIST("label", label, "NAME=TEXT", "what tables call side NAME (default: its database)"),
	TEXT("pin", pin, "CORES", NULL,
	     "keeps cartbench on these cores, as 1 or 2,3; the target belongs on others"),
	FLAG("quiet", quiet, "no progress on standard error"),
	{0},
};

static int values_parse_pin(struct bench_values *values, struct cart_error *error)
{
	const char *at = values->pin;

	for (;;) {
		char *end;
		long core = strtol(at, &end, 10);

		if (end == at || *at < '0' || *at > '9' || core >= CPU_SETSIZE ||
		    values->core_count == BENCH_PIN_MAX || (*end != ',' && *end != '\0'))
			return cart_error_set(error, "--pin takes cores as 1 or 2,3, not \"%s\"",
					      values->pin);
		values->cores[values->core_count++] = (int)core;
		if (*end == '\0')
			return 0;
		at = end + 1;
	}
}

static int values_pin(struct bench_values *values, struct cart_error *error)
{
	cpu_set_t cores;

	if (values->pin == NULL)
		return 0;
	if (values_parse_pin(values, error) != 0)
		return -1;
	CPU_ZERO(&cores);
	for (size_t i = 0; i < values->core_count; i++)
		CPU_SET((size_t)values->cores[i], &cores);
	/* Threads that are started later inherit the affinity. */
	if (sched_setaffinity(0, sizeof(cores), &cores) != 0)
		return cart_error_set(error, "cannot keep to cores %s: %s", values->pin,
				      strerror(errno));
	return 0;
}

/* Checks that the file can be written, and leaves no new file behind. */
static int values_try_file(const char *path, struct cart_error *error)
{
	char beside[4096];
	struct stat status;
	int fd;

	if (path == NULL || strcmp(path, "-") == 0)
		return 0;
	if (stat(path, &status) == 0 &&
	    (!S_ISREG(status.st_mode) || strncmp(path, "/dev/", 5) == 0)) {
		if (S_ISDIR(status.st_mode))
			return cart_error_set(error, "cannot write %s: it is a folder", path);
		return access(path, W_OK) == 0 ? 0
					       : cart_error_set(error, "cannot write %s: %s", path,
								strerror(errno));
	}
	if (snprintf(beside, sizeof(beside), "%s.new-%ld", path, (long)getpid()) >=
	    (int)sizeof(beside))
		return cart_error_set(error, "a path of more than %zu characters", sizeof(beside));
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return cart_error_set(error, "cannot write %s: %s", path, strerror(errno));
	close(fd);
	unlink(beside);
	return 0;
}

static int values_choose_seed(struct bench_values *values, struct cart_error *error)
{
	uint64_t random;

	if (values->seed >= 0)
		return 0;
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return cart_error_set(error, "no random bytes for a seed: %s", strerror(errno));
	values->seed = (int64_t)(random % 1000000000);
	return 0;
}

static int values_check_pairs(const struct bench_texts *list, const char *option,
			      struct cart_error *error)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *equals = strchr(list->items[i], '=');

		if (equals == NULL || equals == list->items[i] || equals[1] == '\0')
			return cart_error_set(error, "--%s takes NAME=%s, not \"%s\"", option,
					      strcmp(option, "label") == 0 ? "TEXT" : "FILE",
					      list->items[i]);
	}
	return 0;
}

/* The folder is made if it is missing. */
static int values_try_folder(const char *path, struct cart_error *error)
{
	if ((mkdir(path, 0777) == 0 || errno == EEXIST) && access(path, W_OK | X_OK) == 0)
		return 0;
	return cart_error_set(error, "cannot write into %s: %s", path, strerror(errno));
}

int bench_values_prepare(struct bench_values *values, bool out_is_folder, struct cart_error *error)
{
	if (values_check_pairs(&values->describe, "describe", error) != 0 ||
	    values_check_pairs(&values->label, "label", error) != 0 ||
	    values_pin(values, error) != 0 ||
	    (out_is_folder ? values_try_folder(values->out, error)
			   : values_try_file(values->out, error)) != 0 ||
	    values_try_file(values->csv, error) != 0)
		return -1;
	return values_choose_seed(values, error);
}
