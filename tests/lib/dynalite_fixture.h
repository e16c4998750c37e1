/*
 * A local server that speaks DynamoDB's protocol, of a test program's own: dynalite by
 * tools/with-dynalite, in memory, on a free port of 127.0.0.1, ended with the program whatever
 * becomes of it. CART_TEST_DYNAMODB_ENDPOINT names a server to use in its place, on which a test
 * makes tables of its own (own_database.h) and deletes them.
 */
#ifndef TESTS_LIB_DYNALITE_FIXTURE_H
#define TESTS_LIB_DYNALITE_FIXTURE_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

struct dynalite_fixture {
	char endpoint[128]; /* "http://127.0.0.1:20123"; "": it was not started */
	pid_t keeper;	    /* tools/with-dynalite */
	int lifeline;	    /* it ends when this is closed */
};

/* False: there is no Node to run it; says so. */
bool dynalite_fixture_available(void);
/* Starts it. Fails the test if it cannot. table_ms: how long tables stay in CREATING, UPDATING and
 * DELETING; 1 will do for tests that are not about that. It takes any keys. */
void dynalite_fixture_start(struct dynalite_fixture *fixture, unsigned table_ms);
/* The same where there is one; else says so and leaves the fixture zeroed. */
void dynalite_fixture_start_if_any(struct dynalite_fixture *fixture, unsigned table_ms);
/* Skips the test if it was not started. */
void dynalite_fixture_need(const struct dynalite_fixture *fixture);
/* Ends it. Takes one that was never started, zeroed. */
void dynalite_fixture_free(struct dynalite_fixture *fixture);

/* One call: operation is "DescribeTable", body JSON. The answer is the caller's to release. Fails
 * the test where the status is not 200. */
json_t *dynalite_fixture_call(struct dynalite_fixture *fixture, const char *operation,
			      const char *body);

#endif
