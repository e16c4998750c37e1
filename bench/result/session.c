#include "bench/result/session.h"

#include "bench/cli/interrupt.h"
#include "bench/result/member.h"
#include "bench/result/result.h"
#include "bench/target/cores.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum bench_exit bench_session_fail(const char *format, ...)
{
	va_list arguments;

	fputs("cartbench: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return BENCH_INVALID;
}

enum bench_exit bench_session_run(const struct bench_mode *mode, int argc, char **argv)
{
	struct bench_session session = {
		.mode = mode, .argc = argc, .argv = argv, .values = BENCH_VALUES_INIT};
	struct cart_error error;
	enum bench_exit status;

	if (!bench_options_parse(mode, bench_value_options, &session.values, argc, argv,
				 &session.arguments, &status))
		return status;
	if (bench_values_prepare(&session.values, mode->out_is_folder, &error) != 0)
		return bench_options_refuse(mode, "%s", error.text);
	status = mode->run(&session);
	for (size_t i = 0; i < session.drive_count; i++)
		bench_drive_close(&session.drives[i]);
	json_decref(session.result);
	buf_free(&session.rows);
	return status;
}

/* argument: what the user has typed of it. */
static bool session_open_side(struct bench_session *session, const char *name, const char *target,
			      const char *argument)
{
	const struct bench_drive_config config = {.timeout_ms = session->values.timeout_ms,
						  .cold = session->values.cold,
						  .cacert = session->values.cacert,
						  .token_file = session->values.token_file};
	struct bench_drive **drive = &session->drives[session->drive_count];
	struct cart_error error;

	session->names[session->drive_count] = name;
	if (bench_drive_open(drive, target, &config, &error) == 0) {
		session->drive_count++;
		if (bench_result_add_side(session->result, name, *drive, &session->values,
					  &error) == 0)
			return true;
	}
	bench_session_fail("%s: %s", argument, error.text);
	return false;
}

/* False: sides that are compared have different cores; said. */
static bool session_cores_are_alike(const struct bench_session *session)
{
	char text[2][CORES_TEXT];
	cpu_set_t first, other;
	size_t at = session->drive_count;

	for (size_t i = 0; i < session->drive_count; i++) {
		if (!bench_drive_cores(session->drives[i], &other))
			continue;
		if (at == session->drive_count) {
			at = i;
			first = other;
		} else if (!CPU_EQUAL(&first, &other)) {
			bench_session_fail(
				"%s runs on the cores %s and %s on %s, so that the verdict would "
				"be "
				"on the cores: pin both alike (taskset -a -c -p CORES PID for a "
				"service; a store runs on cartbench's, see --pin)",
				session->names[at], cores_format(&first, text[0]),
				session->names[i], cores_format(&other, text[1]));
			return false;
		}
	}
	return true;
}

bool bench_session_open(struct bench_session *session, const char *const *names)
{
	static const char *const letters[] = {"A", "B", "C", "D", "E", "F", "G", "H"};
	const struct bench_texts *arguments = &session->arguments;

	for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
		if (bench_texts_find(arguments, names[i]) != NULL)
			continue;
		bench_options_refuse(session->mode, "the targets are given as %s",
				     session->mode->arguments);
		return false;
	}
	session->result = bench_result_new(session->mode->name, &session->values, session->argc,
					   session->argv);
	for (size_t i = 0; i < arguments->count; i++) {
		const char *name = names != NULL ? names[i] : letters[i];
		const char *target =
			names != NULL ? bench_texts_find(arguments, name) : arguments->items[i];

		if (!session_open_side(session, name, target,
				       names != NULL ? target - strlen(name) - 1 : target))
			return false;
	}
	if (names != NULL && !session_cores_are_alike(session))
		return false;
	if (names != NULL && session->drive_count == 2)
		bench_result_tell_apart(session->result);
	bench_interrupt_catch();
	bench_progress_begin(&session->progress, session->values.quiet);
	return true;
}

const char *bench_session_label(const struct bench_session *session, size_t side)
{
	return member_text(member_item(session->result, "sides", side), "label");
}

/* With --json, standard output is the document's. */
static void session_print_notes(const struct bench_session *session)
{
	FILE *out = session->values.json ? stderr : stdout;
	const char *invalid = bench_result_invalid(session->result);
	const json_t *warning;

	if (json_is_true(json_object_get(session->result, "interrupted")))
		fputs("INTERRUPTED: this is what was measured until then\n", out);
	member_each(i, warning, json_object_get(session->result, "warnings"))
		fprintf(out, "note: %s\n", json_string_value(warning));
	if (invalid != NULL && !session->says_outcome)
		fprintf(out, "INVALID: %s\n", invalid);
}

enum bench_exit bench_session_end(struct bench_session *session, enum bench_exit status)
{
	struct cart_error error;

	if (session->drive_count > 0 && bench_interrupted())
		json_object_set_new(session->result, "interrupted", json_true());
	if (session->rows.failed ||
	    (session->drive_count > 0 && json_object_get(session->result, "results") == NULL))
		return bench_session_fail("no memory for the result");
	session_print_notes(session);
	if (bench_result_invalid(session->result) != NULL && status < BENCH_INVALID)
		status = BENCH_INVALID;
	if (bench_result_deliver(session->result, &session->values, &session->rows, &error) != 0) {
		bench_session_fail("%s", error.text);
		status = status < BENCH_INVALID ? BENCH_INVALID : status;
	}
	return status;
}
