#include "bench/result/result.h"

#include "bench/result/member.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/units.h"
#include "core/version.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <openssl/evp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#define RESULT_LABEL	  160
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

static json_t *machine_json(void)
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

static json_t *result_command(int argc, char *const *argv)
{
	json_t *command = json_array();

	json_array_append_new(command, json_string("cartbench"));
	for (int i = 0; i < argc; i++)
		json_array_append_new(command, json_string(argv[i]));
	return command;
}

json_t *bench_result_new(const char *kind, const struct bench_values *values, int argc,
			 char *const *argv)
{
	char made_at[UNITS_TIME_TEXT + 1];

	units_format_time(clock_wall_ms(&cart_clock_system), made_at);
	return json_pack("{s:s, s:i, s:s, s:s, s:{s:s, s:s}, s:o, s:I, s:o, s:[], s:b, s:n, s:[]}",
			 "format", BENCH_RESULT_FORMAT, "format_version", BENCH_RESULT_VERSION,
			 "kind", kind, "made_at", made_at, "tool", "version", cart_version,
			 "revision", cart_revision, "command", result_command(argc, argv), "seed",
			 (json_int_t)values->seed, "machine", machine_json(), "sides",
			 "interrupted", 0, "invalid", "warnings");
}

/* libinih's callback: 1 is success. */
static int ini_take(void *user, const char *section, const char *name, const char *value)
{
	json_t *object = user;
	char key[256];

	snprintf(key, sizeof(key), "%s%s%s", section, *section != '\0' ? "." : "", name);
	return json_object_set_new(object, key, json_string(value)) == 0;
}

/* Reads what `cartd --print-config` writes, as {"mysql.pool": "8", ...}; a key before the first
 * section has no dot. NULL: error says which line is none. */
static json_t *ini_json(FILE *file, struct cart_error *error)
{
	json_t *object = json_object();
	int failed = object != NULL ? ini_parse_file(file, ini_take, object) : -1;

	if (failed == 0 && json_object_size(object) > 0)
		return object;
	json_decref(object);
	if (failed > 0)
		cart_error_set(error, "line %d is no setting", failed);
	else
		cart_error_set(error, failed < 0 ? "cannot be read" : "has no settings");
	return NULL;
}

/* JSON null: the settings are unknown. NULL: error says why they cannot be read. */
static json_t *result_settings(const char *name, struct bench_drive *drive,
			       const struct bench_values *values, struct cart_error *error)
{
	const char *path = bench_texts_find(&values->describe, name);
	struct cart_error why = {{0}};
	json_t *settings;
	FILE *file;

	if (path == NULL) {
		file = tmpfile();
		settings = NULL;
		if (file != NULL && bench_drive_print_settings(drive, file)) {
			rewind(file);
			settings = ini_json(file, NULL);
		}
		if (file != NULL)
			fclose(file);
		return settings != NULL ? settings : json_null();
	}
	file = fopen(path, "re");
	if (file == NULL) {
		cart_error_set(error, "cannot read %s: %s", path, strerror(errno));
		return NULL;
	}
	settings = ini_json(file, &why);
	fclose(file);
	if (settings == NULL)
		cart_error_set(error, "%s: %.200s", path, why.text);
	return settings;
}

/* A stand-in's label may say in brackets what it is: "dynalite (in memory, a stand-in for
 * DynamoDB)"; that becomes about, "" for others. One that does not say so is called one. */
static void result_label(char label[RESULT_LABEL], char about[RESULT_LABEL],
			 const struct bench_values *values, const char *name,
			 const struct bench_drive *drive)
{
	const char *given = bench_texts_find(&values->label, name), *bracket, *end;

	given = given != NULL ? given : drive->database;
	about[0] = '\0';
	bracket = strstr(given, " (");
	end = strstr(given, "a stand-in for DynamoDB)");
	if (drive->stand_in && bracket != NULL && end > bracket) {
		end += strcspn(end, ")");
		snprintf(about, RESULT_LABEL, "%.*s", (int)(end - bracket - 2), bracket + 2);
		snprintf(label, RESULT_LABEL, "%.*s%s", (int)(bracket - given), given, end + 1);
		return;
	}
	snprintf(label, RESULT_LABEL, "%s%s", given,
		 drive->stand_in && strstr(given, "stand-in") == NULL ? ", a stand-in" : "");
}

int bench_result_add_side(json_t *result, const char *name, struct bench_drive *drive,
			  const struct bench_values *values, struct cart_error *error)
{
	json_t *settings = result_settings(name, drive, values, error), *side;
	char label[RESULT_LABEL], about[RESULT_LABEL];

	result_label(label, about, values, name, drive);
	if (settings == NULL)
		return -1;
	if (json_is_null(settings))
		bench_result_warn(result,
				  "the settings of %s are not known; pass the output of cartd "
				  "--print-config with --describe %s=FILE",
				  label, name);
	side = json_pack("{s:s, s:s, s:s?, s:s, s:s, s:s, s:s, s:b, s:s?, s:s?, s:o}", "name", name,
			 "label", label, "about", about[0] != '\0' ? about : NULL, "target",
			 drive->text, "database", drive->database, "version", drive->version,
			 "revision", drive->revision, "stand_in", drive->stand_in, "server",
			 drive->server[0] != '\0' ? drive->server : NULL, "durability",
			 drive->durability[0] != '\0' ? drive->durability : NULL, "settings",
			 settings);
	if (side == NULL || json_array_append_new(json_object_get(result, "sides"), side) != 0)
		return cart_error_set(error, "no memory, or a label that is not UTF-8");
	return 0;
}

/* The first setting that both have and that says what they are, not where. NULL: they are alike. */
static const char *result_setting_that_differs(const json_t *a, const json_t *b)
{
	static const char *const places[] = {"listen", "sqlite.path", "mysql.database",
					     "dynamodb.table", NULL};
	json_t *settings = json_object_get(a, "settings"), *value;
	const char *key;

	json_object_foreach(settings, key, value)
	{
		json_t *other = json_object_get(json_object_get(b, "settings"), key);
		size_t i = 0;

		while (places[i] != NULL && strcmp(places[i], key) != 0)
			i++;
		if (places[i] == NULL && other != NULL && !json_equal(value, other))
			return key;
	}
	return NULL;
}

void bench_result_tell_apart(json_t *result)
{
	json_t *sides[] = {json_array_get(json_object_get(result, "sides"), 0),
			   json_array_get(json_object_get(result, "sides"), 1)};
	const char *label = member_text(sides[0], "label"), *key;
	char named[2][2 * RESULT_LABEL];

	if (strcmp(label, member_text(sides[1], "label")) != 0)
		return;
	key = result_setting_that_differs(sides[0], sides[1]);
	for (int i = 0; i < 2; i++) {
		const json_t *settings = json_object_get(sides[i], "settings");
		const char *by = strcmp(member_text(sides[0], "revision"),
					member_text(sides[1], "revision")) != 0
					 ? "revision"
					 : "target";

		if (key != NULL)
			snprintf(named[i], sizeof(named[i]), "%.120s (%.60s=%.60s)", label, key,
				 member_text(settings, key));
		else
			snprintf(named[i], sizeof(named[i]), "%.120s (%.120s)", label,
				 member_text(sides[i], by));
	}
	for (int i = 0; i < 2 && strcmp(named[0], named[1]) != 0; i++)
		json_object_set_new(sides[i], "label", json_string(named[i]));
}

void bench_result_warn(json_t *result, const char *format, ...)
{
	va_list arguments;
	char text[512];

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	json_array_append_new(json_object_get(result, "warnings"), json_string(text));
}

void bench_result_invalidate(json_t *result, const char *format, ...)
{
	va_list arguments;
	char text[512];

	if (bench_result_invalid(result) != NULL)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	json_object_set_new(result, "invalid", json_string(text));
}

const char *bench_result_invalid(const json_t *result)
{
	return json_string_value(json_object_get(result, "invalid"));
}

static int result_write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t written = write(fd, text, len);

		if (written < 0 && errno != EINTR)
			return -1;
		if (written > 0) {
			text += written;
			len -= (size_t)written;
		}
	}
	return 0;
}

/* Devices, pipes and /dev/stdout are written into and not replaced by a file. */
static bool result_is_special(const char *path)
{
	struct stat status;

	return strncmp(path, "/dev/", 5) == 0 ||
	       (stat(path, &status) == 0 && !S_ISREG(status.st_mode));
}

static int result_write_into(const char *path, const char *text, size_t len,
			     struct cart_error *error)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	int failed = fd < 0 || result_write_all(fd, text, len) != 0;

	if (failed)
		cart_error_set(error, "cannot write %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return failed ? -1 : 0;
}

int bench_result_write_text(const char *path, const char *text, size_t len,
			    struct cart_error *error)
{
	char beside[4096];
	int fd = -1, failed;

	if (strcmp(path, "-") == 0)
		return fwrite(text, 1, len, stdout) == len
			       ? 0
			       : cart_error_set(error, "cannot print the result");
	if (result_is_special(path))
		return result_write_into(path, text, len, error);
	snprintf(beside, sizeof(beside), "%s.new-%ld", path, (long)getpid());
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	failed = fd < 0 || result_write_all(fd, text, len) != 0 || fsync(fd) != 0;
	if (!failed)
		failed = rename(beside, path) != 0;
	if (failed)
		cart_error_set(error, "cannot write %s: %s", path, strerror(errno));
	if (fd >= 0) {
		close(fd);
		if (failed)
			unlink(beside);
	}
	return failed ? -1 : 0;
}

int bench_result_write(const json_t *result, const char *path, struct cart_error *error)
{
	char *text = json_dumps(result, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	int failed;

	if (text == NULL)
		return cart_error_set(error, "cannot write %s: no memory for it", path);
	failed = bench_result_write_text(path, text, strlen(text), error);
	free(text);
	return failed;
}

int bench_result_deliver(const json_t *result, const struct bench_values *values,
			 const struct buf *rows, struct cart_error *error)
{
	struct cart_error later;
	int failed = 0;

	if (values->out != NULL)
		failed = bench_result_write(result, values->out, error);
	if (values->csv != NULL && bench_result_write_text(values->csv, rows->data, rows->len,
							   failed ? &later : error) != 0)
		failed = -1;
	if (values->json)
		json_dumpf(result, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	if ((values->json && putchar('\n') == EOF) || fflush(stdout) != 0 || ferror(stdout)) {
		cart_error_set(failed ? &later : error, "cannot print the result");
		failed = -1;
	}
	return failed;
}

json_t *bench_json_read(const char *path, struct cart_error *error)
{
	FILE *file = fopen(path, "re");
	json_error_t why;
	json_t *json;

	if (file == NULL) {
		cart_error_set(error, "cannot read it: %s", strerror(errno));
		return NULL;
	}
	json = json_loadf(file, JSON_REJECT_DUPLICATES, &why);
	if (json == NULL && json_error_code(&why) == json_error_premature_end_of_input)
		cart_error_set(error, "cut short, or empty: the JSON ends in line %d", why.line);
	else if (json == NULL)
		cart_error_set(error, "not JSON: line %d: %.160s", why.line, why.text);
	fclose(file);
	return json;
}

static int result_check(const json_t *result, const char *const *kinds, struct cart_error *error)
{
	const char *kind = member_text(result, "kind");
	double version = member_number(result, "format_version");

	if (strcmp(member_text(result, "format"), BENCH_RESULT_FORMAT) != 0)
		return cart_error_set(error, "not a results file of cartbench: its \"format\" is "
					     "not " BENCH_RESULT_FORMAT);
	if (version != BENCH_RESULT_VERSION)
		return cart_error_set(error,
				      "of format_version %.10g; this cartbench reads version %d",
				      version, BENCH_RESULT_VERSION);
	while (*kinds != NULL && strcmp(kind, *kinds) != 0)
		kinds++;
	if (*kinds == NULL)
		return cart_error_set(error, "of a kind that cannot be used here: %.40s",
				      *kind != '\0' ? kind : "none");
	if (json_array_size(json_object_get(result, "sides")) == 0)
		return cart_error_set(error, "does not say what was measured (\"sides\")");
	if (!json_is_object(json_object_get(result, "results")))
		return cart_error_set(error, "has no \"results\"");
	return 0;
}

json_t *bench_result_read(const char *path, const char *const *kinds, struct cart_error *error)
{
	json_t *result = bench_json_read(path, error);

	if (result != NULL && result_check(result, kinds, error) != 0) {
		json_decref(result);
		result = NULL;
	}
	return result;
}
