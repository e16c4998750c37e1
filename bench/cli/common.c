#include "bench/cli/common.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMMON_AT(member_) .at = offsetof(struct bench_common, member_)

const struct bench_option bench_common_options[] = {
	{.name = "seed",
	 .type = OPTION_COUNT,
	 COMMON_AT(seed),
	 .value = "N",
	 .max = BENCH_SEED_MAX,
	 .help = "of all that is random: the same seed asks the same again (default:\n"
		 "another each time, and the result says which)"},
	{.name = "out",
	 .type = OPTION_TEXT,
	 COMMON_AT(out),
	 .value = "FILE",
	 .help = "writes the result there as JSON"},
	{.name = "csv",
	 .type = OPTION_TEXT,
	 COMMON_AT(csv),
	 .value = "FILE",
	 .help = "writes a row an operation and quantile there"},
	{.name = "json",
	 .type = OPTION_FLAG,
	 COMMON_AT(json),
	 .help = "prints the result as JSON in place of tables"},
	{.name = "timeout",
	 .type = OPTION_DURATION,
	 COMMON_AT(timeout_ms),
	 .value = "DURATION",
	 .fallback = "10s",
	 .min = 1,
	 .max = 600000,
	 .help = "an operation without an answer by then has failed"},
	{.name = "describe",
	 .type = OPTION_LIST,
	 COMMON_AT(describe),
	 .value = "NAME=FILE",
	 .help = "the settings of side NAME (A, B, ...; of gate BASE, SAME, HEAD), as cartd "
		 "--print-config\n"
		 "writes them, to be kept in the result"},
	{.name = "label",
	 .type = OPTION_LIST,
	 COMMON_AT(label),
	 .value = "NAME=TEXT",
	 .help = "what tables call side NAME (default: its database)"},
	{.name = "pin",
	 .type = OPTION_TEXT,
	 COMMON_AT(pin),
	 .value = "CORES",
	 .help = "keeps cartbench on these cores, as 1 or 2,3; the target belongs on others"},
	{.name = "quiet",
	 .type = OPTION_FLAG,
	 COMMON_AT(quiet),
	 .help = "no progress on standard error"},
	{0},
};

static int common_parse_pin(struct bench_common *common, struct cart_error *error)
{
	const char *at = common->pin;

	for (;;) {
		char *end;
		long core = strtol(at, &end, 10);

		if (end == at || *at < '0' || *at > '9' || core >= CPU_SETSIZE ||
		    common->core_count == BENCH_PIN_MAX || (*end != ',' && *end != '\0'))
			return cart_error_set(error, "--pin takes cores as 1 or 2,3, not \"%s\"",
					      common->pin);
		common->cores[common->core_count++] = (int)core;
		if (*end == '\0')
			return 0;
		at = end + 1;
	}
}

static int common_pin(struct bench_common *common, struct cart_error *error)
{
	cpu_set_t cores;

	if (common->pin == NULL)
		return 0;
	if (common_parse_pin(common, error) != 0)
		return -1;
	CPU_ZERO(&cores);
	for (size_t i = 0; i < common->core_count; i++)
		CPU_SET((size_t)common->cores[i], &cores);
	/* Threads made from now on inherit it. */
	if (sched_setaffinity(0, sizeof(cores), &cores) != 0)
		return cart_error_set(error, "cannot keep to cores %s: %s", common->pin,
				      strerror(errno));
	return 0;
}

/* Leaves no file behind that was not there. */
static int common_try_file(const char *path, struct cart_error *error)
{
	char beside[4096];
	struct stat status;
	int fd;

	if (path == NULL)
		return 0;
	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
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

static int common_choose_seed(struct bench_common *common, struct cart_error *error)
{
	uint64_t random;

	if (common->seed >= 0)
		return 0;
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return cart_error_set(error, "no random bytes for a seed: %s", strerror(errno));
	common->seed = (int64_t)(random % 1000000000);
	return 0;
}

static int common_check_pairs(const struct bench_texts *list, const char *option,
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

int bench_common_prepare(struct bench_common *common, struct cart_error *error)
{
	if (common_check_pairs(&common->describe, "describe", error) != 0 ||
	    common_check_pairs(&common->label, "label", error) != 0 ||
	    common_pin(common, error) != 0 || common_try_file(common->out, error) != 0 ||
	    common_try_file(common->csv, error) != 0)
		return -1;
	return common_choose_seed(common, error);
}

const char *bench_common_of(const struct bench_texts *list, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < list->count; i++)
		if (strncmp(list->items[i], name, len) == 0 && list->items[i][len] == '=')
			return list->items[i] + len + 1;
	return NULL;
}
