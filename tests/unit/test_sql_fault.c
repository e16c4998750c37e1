/* What the backend makes of an error: by its number, else by its SQLSTATE. */
#include "backends/mysql/fault.h"
#include "tests/lib/cmocka.h"

static void expect(const char *fault, unsigned error, const char *state)
{
	assert_string_equal(sql_fault_name(sql_fault_of(error, state)), fault);
}

static void refusals_of_changes_are_a_matter_of_the_host(void **state)
{
	(void)state;
	expect("read_only", 1290, "HY000"); /* read_only */
	expect("read_only", 1665, "HY000"); /* binlog_format=STATEMENT */
	expect("read_only", 1792, "25006"); /* a read-only transaction */
	expect("read_only", 1836, "HY000"); /* MySQL: the server is in read-only mode */
	expect("read_only", 3098, "HY000"); /* group replication does not allow it */
	expect("read_only", 1105, "HY000"); /* Vitess without its database */
}

static void a_statement_that_was_ended_is_tried_again(void **state)
{
	(void)state;
	expect("interrupted", 1317, "70100");
	expect("interrupted", 1969, "70100");
	expect("interrupted", 3024, "HY000");
}

static void a_number_that_is_not_listed_is_classed_by_its_state(void **state)
{
	(void)state;
	expect("deadlock", 4999, "40001");
	expect("duplicate", 4999, "23000");
	expect("connection", 4999, "08S01");
	expect("read_only", 4999, "25000");
	expect("interrupted", 4999, "70100");
	expect("busy", 4999, "HY001");
	expect("other", 4999, "HY000");
	expect("other", 4999, "42000");
}

static void errors_of_the_client_library_are_lost_answers(void **state)
{
	(void)state;
	expect("connection", 2013, "HY000");
	expect("connection", 5013, "HY000"); /* of MariaDB's library */
	assert_true(sql_fault_is_of_client(2006));
	assert_true(sql_fault_is_of_client(5014));
	assert_false(sql_fault_is_of_client(3159));
}

static void what_a_person_must_correct_is_told_from_what_passes(void **state)
{
	(void)state;
	assert_true(sql_fault_is_final(1045, "28000")); /* password */
	assert_true(sql_fault_is_final(1044, "42000")); /* no right to the database */
	assert_true(sql_fault_is_final(1049, "42000")); /* no such database */
	assert_true(sql_fault_is_final(1130, "HY000")); /* not from this machine */
	assert_true(sql_fault_is_final(2026, "HY000")); /* a certificate */
	assert_true(sql_fault_is_final(3159, "HY000")); /* it insists on encryption */
	assert_false(sql_fault_is_final(2002, "HY000"));
	assert_false(sql_fault_is_final(2005, "HY000")); /* a name that DNS may know soon */
	assert_false(sql_fault_is_final(1040, "08004"));
	assert_false(sql_fault_is_final(1053, "08S01"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals_of_changes_are_a_matter_of_the_host),
		cmocka_unit_test(a_statement_that_was_ended_is_tried_again),
		cmocka_unit_test(a_number_that_is_not_listed_is_classed_by_its_state),
		cmocka_unit_test(errors_of_the_client_library_are_lost_answers),
		cmocka_unit_test(what_a_person_must_correct_is_told_from_what_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
