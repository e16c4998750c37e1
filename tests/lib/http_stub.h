/*
 * An HTTP server on 127.0.0.1 that answers by a table that a test changes while it runs, and counts
 * what it is asked. One connection at a time, one request each, in a thread.
 */
#ifndef TESTS_LIB_HTTP_STUB_H
#define TESTS_LIB_HTTP_STUB_H

#include "core/base/buf.h"

#include <pthread.h>
#include <stdbool.h>

#define HTTP_STUB_ROUTES 16

enum http_stub_manner {
	HTTP_STUB_WHOLE,
	HTTP_STUB_DRIP,	  /* a byte in 50 ms */
	HTTP_STUB_SILENT, /* nothing, until the client goes */
	HTTP_STUB_CUT	  /* half of the body, and the connection closes */
};

/* Strings live as long as the route is set. */
struct http_stub_route {
	const char *start;	   /* of the request, "GET /path": the first that fits is taken */
	int status;		   /* 0: 200 */
	const char *headers;	   /* "Name: value\r\n..."; NULL: none */
	const char *body;	   /* NULL: empty */
	char *(*make)(void *user); /* in place of body: malloc()ed, in the stub's thread */
	void *user;
	enum http_stub_manner manner;
	int times; /* that it is there for; 0: for ever */
};

struct http_stub {
	int port;
	int fd;
	int stop_fds[2]; /* a pipe: written to at the end */
	pthread_t thread;
	pthread_mutex_t lock; /* over the rest */
	struct http_stub_route routes[HTTP_STUB_ROUTES];
	int counts[HTTP_STUB_ROUTES];
	int count;
	struct buf said; /* all requests */
};

void http_stub_start(struct http_stub *stub);
/* Ends the thread, whatever it is at. */
void http_stub_stop(struct http_stub *stub);

/* Adds a route, or takes the place of the one with this start; its count goes on. What no route
 * fits gets 404. */
void http_stub_set(struct http_stub *stub, struct http_stub_route route);
/* Requests that a route has answered or is at. */
int http_stub_count(struct http_stub *stub, const char *start);
/* Waits for that many. False: not within ten seconds. */
bool http_stub_await(struct http_stub *stub, const char *start, int count);
/* Some request held this text. */
bool http_stub_saw(struct http_stub *stub, const char *text);

#endif
