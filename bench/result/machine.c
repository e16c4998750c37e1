#include "bench/result/machine.h"

#include <openssl/evp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#define MACHINE_ID_DIGITS 12

/* A file's first line. False: there is none. */
static bool machine_line(const char *path, char *line, int room)
{
	FILE *file = fopen(path, "re");
	bool read = file != NULL && fgets(line, room, file) != NULL;

	if (file != NULL)
		fclose(file);
	line[read ? strcspn(line, "\n") : 0] = '\0';
	return line[0] != '\0';
}

static void machine_id(char id[MACHINE_ID_DIGITS + 1], const struct utsname *names)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char text[256];

	if (!machine_line("/etc/machine-id", text, sizeof(text)))
		snprintf(text, sizeof(text), "%s", names->nodename);
	id[0] = '\0';
	if (EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL) != 1)
		return;
	for (int i = 0; i < MACHINE_ID_DIGITS / 2; i++)
		snprintf(id + 2 * i, 3, "%02x", digest[i]);
}

/* "model name" where there is one (x86), else the machine's kind. */
static void machine_cpu(char *cpu, size_t room, const struct utsname *names)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[512];

	snprintf(cpu, room, "%s", names->machine);
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		const char *value = strchr(line, ':');

		if (strncmp(line, "model name", 10) != 0 || value == NULL)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(cpu, room, "%s", value + 1 + strspn(value + 1, " "));
		break;
	}
	if (file != NULL)
		fclose(file);
}

static json_t *machine_own_cores(void)
{
	json_t *cores = json_array();
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		for (int i = 0; i < CPU_SETSIZE; i++)
			if (CPU_ISSET((size_t)i, &set))
				json_array_append_new(cores, json_integer(i));
	return cores;
}

json_t *bench_machine_json(void)
{
	struct utsname names = {0};
	struct sysinfo memory = {0};
	char id[MACHINE_ID_DIGITS + 1], cpu[512], kernel[256];

	uname(&names);
	sysinfo(&memory);
	machine_id(id, &names);
	machine_cpu(cpu, sizeof(cpu), &names);
	snprintf(kernel, sizeof(kernel), "%.64s %.128s", names.sysname, names.release);
	return json_pack("{s:s, s:s, s:I, s:s, s:I, s:o}", "id", id, "cpu", cpu, "cores",
			 (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "kernel", kernel,
			 "memory_bytes", (json_int_t)memory.totalram * (json_int_t)memory.mem_unit,
			 "generator_cores", machine_own_cores());
}
