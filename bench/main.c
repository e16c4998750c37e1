#include "bench/result/session.h"
#include "core/base/log.h"
#include "core/version.h"

#include <stdio.h>
#include <string.h>

static const struct bench_mode *const modes[] = {
	&seed150_mode, &run_mode,  &h2h_mode,	 &sweep_mode,	 &consistency_mode,
	&compare_mode, &gate_mode, &report_mode, &selftest_mode,
};
#define MODE_COUNT (sizeof(modes) / sizeof(*modes))

static void main_print_help(FILE *out)
{
	size_t i;

	fputs("Usage: cartbench MODE [OPTIONS] ...\n\nMeasures running cartds over HTTP, and "
	      "stores in its own process.\n\n",
	      out);
	for (i = 0; i < MODE_COUNT; i++)
		fprintf(out, "  %s [OPTIONS] %s\n      %s\n", modes[i]->name, modes[i]->arguments,
			modes[i]->summary);
	fputs("\n`cartbench MODE --help` tells more; `cartbench --version` which build this is.\n"
	      "\nExample: cartbench seed150 http://127.0.0.1:8080\n",
	      out);
}

int main(int argc, char **argv)
{
	size_t i;

	log_set_level(LOG_WARN); /* a store in our own process says what it would in a cartd */
	if (argc < 2) {
		main_print_help(stderr);
		return BENCH_INVALID;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		main_print_help(stdout);
		return BENCH_PASS;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("cartbench %s (%s)\n", cart_version, cart_revision);
		return BENCH_PASS;
	}
	for (i = 0; i < MODE_COUNT; i++)
		if (strcmp(argv[1], modes[i]->name) == 0)
			return (int)bench_session_run(modes[i], argc - 1, argv + 1);
	fprintf(stderr, "cartbench: no such mode: %s; cartbench --help lists them\n", argv[1]);
	return BENCH_INVALID;
}
