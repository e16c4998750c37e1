/*
 * A client of the DynamoDB backend's (backends/dynamodb/wire/call.h) against a stub, for tests of
 * calls and of what is made of them: a loop of its own, a fake wall clock, credentials that never
 * change.
 */
#ifndef TESTS_LIB_DDB_FIXTURE_H
#define TESTS_LIB_DDB_FIXTURE_H

#include "backends/dynamodb/wire/call.h"
#include "tests/lib/clock_fake.h"
#include "tests/lib/ddb_stub.h"

struct event;

struct ddb_fixture {
	struct ddb_stub stub;
	struct clock_fake clock; /* begins at the kernel's time */
	struct event_base *base;
	struct event *tick;
	struct ddb_shared shared;
	struct metrics *metrics;
	struct ddb_call_series series;
	struct aws_credentials_source *credentials;
	struct ddb_client_config config; /* may be changed before the client is made */
	struct ddb_client *client;	 /* NULL until it is asked for */
};

void ddb_fixture_start(struct ddb_fixture *f);
void ddb_fixture_stop(struct ddb_fixture *f);

/* In place of what it is for the source; before the client is made. */
void ddb_fixture_use(struct ddb_fixture *f, struct aws_credentials_source *credentials);
/* The one, made by config the first time. */
struct ddb_client *ddb_fixture_client(struct ddb_fixture *f);
/* Makes a call with that JSON and waits: its outcome. deadline_ms from now; 0: a minute. */
enum ddb_outcome ddb_fixture_call(struct ddb_fixture *f, struct ddb_call *call,
				  enum ddb_operation operation, const char *body,
				  int64_t deadline_ms);
/* The same of one that is given up because no time is left for another try: where the machine
 * stands still the deadline may pass first, and then the call is made again. */
enum ddb_outcome ddb_fixture_call_given_up(struct ddb_fixture *f, struct ddb_call *call,
					   enum ddb_operation operation, const char *body,
					   int64_t deadline_ms);
/* Starts it; *done grows by one when it is done. */
void ddb_fixture_begin(struct ddb_fixture *f, struct ddb_call *call, enum ddb_operation operation,
		       const char *body, int64_t deadline_ms, int *done);
/* Runs the loop until *done is that many; fails the test after 30 seconds. */
void ddb_fixture_await(struct ddb_fixture *f, const int *done, int count);
/* Runs the loop until the stub has had that many requests; likewise. */
void ddb_fixture_await_requests(struct ddb_fixture *f, int count);
/* The value of a counter by its line in the metrics: "cart_x_total{a=\"b\"}". */
long ddb_fixture_metric(struct ddb_fixture *f, const char *series);
/* Runs the loop until it is at least that; likewise. */
void ddb_fixture_await_metric(struct ddb_fixture *f, const char *series, long value);

#endif
