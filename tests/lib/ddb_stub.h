/*
 * A server in DynamoDB's place, on 127.0.0.1, that does by a script what a healthy one never does.
 * A thread a connection, any number of them, kept as long as the client keeps them.
 *
 * Rules are looked at in the order in which they were added; the first that fits a request and is
 * not used up says what becomes of it. What no rule fits is answered as a healthy server would,
 * from the shelf. Every request is noted as it arrives, whole, before anything is done with it.
 */
#ifndef TESTS_LIB_DDB_STUB_H
#define TESTS_LIB_DDB_STUB_H

#include "tests/lib/ddb_shelf.h"

#include <stdint.h>

#define DDB_STUB_RULES	  32
#define DDB_STUB_REQUESTS 4096

enum ddb_stub_manner {
	DDB_STUB_WHOLE,
	DDB_STUB_MUTE,	    /* the connection closes, and no byte was said */
	DDB_STUB_RESET,	    /* likewise, with RST */
	DDB_STUB_HALF,	    /* the head and half of the body, and it closes */
	DDB_STUB_HALF_HEAD, /* half of the head */
	DDB_STUB_DRIP,	    /* a byte in 20 ms */
	DDB_STUB_SILENT	    /* nothing, until the client goes */
};

struct ddb_stub_request {
	char operation[40]; /* "GetItem"; "" where there is no target */
	char *text;	    /* all of it: "POST / HTTP/1.1\r\n..." */
	const char *body;   /* in it */
	int connection;	    /* 1, 2, ... in the order of accepting */
	int64_t at_ns;	    /* when it had arrived, by the kernel's monotonic clock */
};

/* Strings live as long as the rule is there. */
struct ddb_stub_rule {
	const char *operation; /* NULL: any */
	const char *holds;     /* text in the request, head or body; NULL: any */
	int skip;	       /* so many that fit go by first */
	int times;	       /* that it is there for; 0: for ever */
	enum ddb_stub_manner manner;
	bool apply;	     /* the shelf does it first; what it says is the answer that is spoilt,
				unless one is given here */
	int status;	     /* 0: 200, or of the shelf, or 400 with an error */
	const char *error;   /* "ThrottlingException": the body is made of it */
	const char *body;    /* otherwise; NULL: of the shelf with apply, else "{}" */
	const char *headers; /* "Name: value\r\n..." */
	bool wrong_crc;
	size_t pad;   /* spaces behind the body */
	int delay_ms; /* before the answer */
	/* In the connection's thread. Whether the request fits: under the stub's lock, which it
	 * leaves alone. And what comes first, which may give a body (malloc()ed) or NULL. */
	bool (*fits)(const struct ddb_stub_request *request, void *user);
	char *(*make)(const struct ddb_stub_request *request, void *user);
	void *user;
};

struct ddb_stub_connection;

struct ddb_stub {
	int port;
	char url[64];
	struct ddb_shelf shelf;
	int fd;
	int stop_fds[2]; /* a pipe: written to at the end */
	pthread_t thread;
	pthread_mutex_t lock; /* over the rest */
	struct ddb_stub_connection
		*connections; /* the newest first; the list grows until the end */
	int opened;
	int open;
	int most;   /* that were open at once */
	int refuse; /* connections to close unread */
	struct ddb_stub_rule rules[DDB_STUB_RULES];
	int rule_count;
	struct ddb_stub_request *requests[DDB_STUB_REQUESTS];
	int request_count;
};

void ddb_stub_start(struct ddb_stub *stub);
/* Ends the threads, whatever they are at. */
void ddb_stub_stop(struct ddb_stub *stub);

void ddb_stub_add(struct ddb_stub *stub, struct ddb_stub_rule rule);
/* Forgets the requests so far, of which none may be in use or under way. */
void ddb_stub_forget(struct ddb_stub *stub);
/* All rules too. */
void ddb_stub_clear(struct ddb_stub *stub);
/* Closes the next connections that come, before it reads. */
void ddb_stub_refuse(struct ddb_stub *stub, int count);
/* Closes those that owe no more than an answer, as a server does with idle ones. */
void ddb_stub_hang_up(struct ddb_stub *stub);

/* Requests of an operation so far; NULL: all. */
int ddb_stub_count(struct ddb_stub *stub, const char *operation);
/* Waits for that many; fails the test after 20 seconds. */
void ddb_stub_await(struct ddb_stub *stub, const char *operation, int count);
/* The n-th of an operation (NULL: of all) from 0; fails the test if there is none. The stub's,
 * until it is cleared or stopped. */
const struct ddb_stub_request *ddb_stub_request(struct ddb_stub *stub, const char *operation,
						int n);
/* A header's value, "" without it, in a static buffer that is overwritten by the fourth next call.
 */
const char *ddb_stub_header(const struct ddb_stub_request *request, const char *name);
/* Connections so far; open now; most at once. */
int ddb_stub_opened(struct ddb_stub *stub);
int ddb_stub_open(struct ddb_stub *stub);
int ddb_stub_most(struct ddb_stub *stub);

#endif
