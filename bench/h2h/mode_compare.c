/* `cartbench compare`: two results files, and what changed. */
#include "bench/h2h/compare.h"
#include "bench/result/member.h"
#include "bench/result/result.h"
#include "bench/result/session.h"

static enum bench_exit compare_files(struct bench_session *session, const json_t *old_result,
				     const json_t *new_result)
{
	const struct bench_values *values = &session->values;
	struct cart_error error;

	if (!compare_print_conditions(stderr, old_result, new_result) && !values->other_machine)
		return bench_session_fail("the two were made on different machines "
					  "(--other-machine compares them nevertheless)");
	session->result =
		compare_results(old_result, new_result, values->margin, values->confidence, &error);
	if (session->result == NULL)
		return bench_session_fail("%s", error.text);
	compare_print(values->json ? NULL : stdout, &session->rows, session->result);
	return bench_session_end(session, member_true(session->result, "wrong") ? BENCH_VIOLATED
										: BENCH_PASS);
}

static enum bench_exit compare_run_mode(struct bench_session *session)
{
	static const char *const kinds[] = {"run", "h2h", NULL};
	json_t *results[2] = {NULL, NULL};
	enum bench_exit status;
	struct cart_error error;
	size_t read = 0;

	for (; read < 2; read++) {
		results[read] = bench_result_read(session->arguments.items[read], kinds, &error);
		if (results[read] == NULL)
			break;
	}
	status = read == 2
			 ? compare_files(session, results[0], results[1])
			 : bench_session_fail("%s: %s", session->arguments.items[read], error.text);
	json_decref(results[0]);
	json_decref(results[1]);
	return status;
}

const struct bench_mode compare_mode = {
	.name = "compare",
	.arguments = "OLD.json NEW.json",
	.arguments_min = 2,
	.arguments_max = 2,
	.summary = "two archived results: what changed, and whether it is more than chance",
	.takes = {"margin", "confidence", "out", "csv", "json", "other-machine"},
	.about = "Compares two results of `cartbench run --out`, or two of `cartbench h2h\n"
		 "--out`: the old one is A, the new one B. Says what differs in how they were\n"
		 "made, and which changes are more than chance. They were not measured in\n"
		 "pairs: a machine that was busier the second time is in the difference too.\n",
	.more = "Exit status: 0 compared, whatever the verdicts; 2 they cannot be compared; 3 one "
		"is of\n"
		"a side that did not hold what it acknowledged.\n",
	.example = "cartbench compare before.json after.json",
	.run = compare_run_mode,
};
