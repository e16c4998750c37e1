/*
 * Runs a fuzz target over files, without libFuzzer: each file named, and each in the folders named.
 * A crash, an abort or a sanitizer's report is the failure; the name of the file is printed first.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static size_t replay_count;

static void replay_die(const char *path)
{
	perror(path);
	exit(2);
}

static void replay_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "rb");
	/* Of exactly its size, so that a read past the end is seen. */
	uint8_t *data = malloc(size > 0 ? size : 1);

	if (file == NULL || data == NULL || fread(data, 1, size, file) != size)
		replay_die(path);
	fclose(file);
	printf("%s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	replay_count++;
}

static void replay_path(const char *path)
{
	struct stat about;
	struct dirent **entries = NULL;
	char inside[4096];
	int count;

	if (stat(path, &about) != 0)
		replay_die(path);
	if (S_ISREG(about.st_mode))
		replay_file(path, (size_t)about.st_size);
	if (!S_ISDIR(about.st_mode))
		return;
	count = scandir(path, &entries, NULL, alphasort);
	if (count < 0)
		replay_die(path);
	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.' &&
		    snprintf(inside, sizeof(inside), "%s/%s", path, entries[i]->d_name) <
			    (int)sizeof(inside))
			replay_path(inside);
		free(entries[i]);
	}
	free(entries);
}

int main(int argc, char **argv)
{
	if (LLVMFuzzerInitialize != NULL)
		LLVMFuzzerInitialize(&argc, &argv);
	/* Every target meets nothing at all, corpus or not. */
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++)
		replay_path(argv[i]);
	printf("%zu inputs\n", replay_count);
	return replay_count > 0 ? 0 : 1;
}
