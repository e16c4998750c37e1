/*
 * Any JSON as an archived result of cartbench: report makes a page of it and compare compares it
 * with itself, or they refuse it; whatever its members are.
 */
#include "bench/result/session.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/json_mutate.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static FILE *nowhere;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	nowhere = fopen("/dev/null", "we");
	FUZZ_CHECK(nowhere != NULL);
	/* What the modes complain of. The fuzzer and the sanitizers do not use this variable. */
	stderr = nowhere;
	return 0;
}

static void fuzz_run(const struct bench_mode *mode, int argc, char **argv)
{
	FILE *out = stdout;
	enum bench_exit status;

	stdout = nowhere;
	status = bench_session_run(mode, argc, argv);
	stdout = out;
	FUZZ_CHECK(status == BENCH_PASS || status == BENCH_INVALID || status == BENCH_VIOLATED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("result.json", MFD_CLOEXEC);
	char path[64];
	char *report[] = {"report",  "--out",	  "/dev/null", "--markdown", "/dev/null",
			  "--brief", "/dev/null", path,	       NULL};
	char *compare[] = {"compare", path, path, NULL};

	FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fuzz_run(&report_mode, 8, report);
	fuzz_run(&compare_mode, 3, compare);
	close(fd);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	return json_mutate(data, size, max_size, seed);
}
