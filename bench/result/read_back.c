#include "bench/result/read_back.h"

#include "bench/result/member.h"
#include "bench/result/result.h"

#include <stdio.h>

static const char *read_back_get_example(const struct table_row *row, char text[TABLE_TEXT])
{
	const char *example = table_string(row, "example");

	(void)text;
	if (*example == '\0')
		example = table_string(row, "gets_example");
	if (*example != '\0')
		return example;
	if (table_number(row, "unread") > 0)
		return "the rest is there; whether the unread carts are is not known";
	return table_number(row, "carts") > 0 ? "all is there that was acknowledged"
					      : "not read back";
}

const struct table_column read_back_columns[] = {
	{.name = "read back", .places = FOR_PEOPLE, .get = table_get_side, .width = 32},
	COLUMN("carts", NULL, COUNT, FOR_PEOPLE),
	COLUMN("changes", NULL, COUNT, FOR_PEOPLE),
	COLUMN("wrong", NULL, COUNT, FOR_PEOPLE),
	COLUMN("unread", NULL, COUNT, FOR_PEOPLE),
	COLUMN("gets", "gets compared", COUNT, FOR_PEOPLE),
	COLUMN("gets_wrong", "wrong", COUNT, FOR_PEOPLE),
	COLUMN("gets_stale", "stale", COUNT, FOR_PEOPLE),
	COLUMN_GET(read_back_get_example, "what is wrong", NULL, TEXT, FOR_PEOPLE),
	{0},
};

json_t *read_back_json(const struct ledger_check *check)
{
	json_t *side = json_pack("{s:I, s:I, s:I, s:I, s:s?}", "carts", (json_int_t)check->carts,
				 "changes", (json_int_t)check->changes, "wrong",
				 (json_int_t)check->wrong, "unread", (json_int_t)check->unread,
				 "example", check->example[0] != '\0' ? check->example : NULL);

	if (check->gets > 0)
		json_object_update_new(
			side,
			json_pack("{s:I, s:I, s:I, s:s?}", "gets", (json_int_t)check->gets,
				  "gets_wrong", (json_int_t)check->gets_wrong, "gets_stale",
				  (json_int_t)check->gets_stale, "gets_example",
				  check->gets_example[0] != '\0' ? check->gets_example : NULL));
	return side;
}

bool read_back_is_wrong(const json_t *result, char *why, size_t room)
{
	const json_t *side;

	member_each(i, side, json_object_get(json_object_get(result, "results"), "read_back")) {
		struct ledger_check check = {.carts = member_count(side, "carts"),
					     .wrong = member_count(side, "wrong")};

		snprintf(check.example, sizeof(check.example), "%s", member_text(side, "example"));
		if (json_object_get(side, "gets") != NULL) {
			check.gets = member_count(side, "gets");
			check.gets_wrong = member_count(side, "gets_wrong");
			snprintf(check.gets_example, sizeof(check.gets_example), "%s",
				 member_text(side, "gets_example"));
		}
		if (ledger_check_is_wrong(&check,
					  member_text(member_item(result, "sides", i), "name"), why,
					  room))
			return true;
	}
	return false;
}

enum bench_exit read_back_judge(json_t *result, const char *name, const struct ledger_check *check)
{
	if (check->wrong > 0 || check->gets_wrong > 0)
		return BENCH_VIOLATED;
	if (check->made && !ledger_check_is_enough(check))
		bench_result_invalidate(result,
					"of %zu carts of %s %zu could be read back, %zu could not, "
					"and there was no time for the others",
					check->carts + check->left, name,
					check->carts - check->unread, check->unread);
	return BENCH_PASS;
}
