/*
 * The guard around evhttp: every connection that it accepts, with what evhttp does not keep of it:
 * where it stands, since when, and how much it may still cost.
 *
 * The happy path: evhttp asks for a bufferevent (connection_bufferevent), so that it is ours too:
 * we hold a reference, cap what it reads, and see every byte before evhttp does (frame.h). evhttp
 * hands over a request, the handler answers, the connection is idle until the next. When evhttp
 * lets go, the close callback tells us, and we do.
 *
 * The ways in which it ends early: bytes that are no acceptable request are taken away from evhttp
 * and answered by http_refused_fn, after which the connection lingers (reads and drops, so that
 * the answer is not lost to a reset) and closes; a request that does not arrive in time is answered
 * 408 the same way; a reader too slow for its answer is reset; an idle connection is closed; a
 * client that goes while its answer is made is noticed by the sweep. evhttp reports nothing of a
 * connection that never had a request, so the sweep looks at those.
 */
#ifndef SERVER_HTTP_CONNECTION_H
#define SERVER_HTTP_CONNECTION_H

#include "server/http/internal.h"

/* For evhttp_set_bevcb(). */
struct bufferevent *connection_bufferevent(struct event_base *base, void *server);

/* Which connection a request came over; NULL: one that the guard does not know (no memory). */
struct connection *connection_of(struct http_server *server, struct evhttp_request *request);

/* For what comes before requests (greeting.c). */
void connection_enter(struct connection *connection, enum connection_state state);
/* Reads the file descriptor from the bufferevent, which evhttp gives it later than us. False: no
 * memory. */
bool connection_learn_fd(struct connection *connection);
/* evhttp no longer uses it. */
bool connection_is_let_go(const struct connection *connection);
/* Releases what the guard has of such a one. */
void connection_release(struct connection *connection);

/* evhttp's connection is known: evhttp tells when it lets go of it. */
void connection_meet(struct connection *connection, struct evhttp_connection *evcon);
/* The handler has the request of this connection from now on. */
void connection_busy(struct connection *connection, struct evhttp_connection *evcon);
/* The rest of an answer, len bytes, waits for the client to take it. */
void connection_writing(struct connection *connection, size_t len);
/* The answer has been sent whole; reads on where the next request starts. */
void connection_answered(struct connection *connection);

/* Ends it now. reset: without the unsent rest. linger: with the care that an answer arrives. */
enum connection_end { CONNECTION_RESET, CONNECTION_CLOSE, CONNECTION_LINGER };
void connection_end(struct connection *connection, enum connection_end how);
/* The same, counted by its reason. */
void connection_cut(struct connection *connection, enum connection_cut reason,
		    enum connection_end how);

/* Its request is answered with this status, and it ends. detail: a literal. */
void connection_refuse(struct connection *connection, int status, const char *detail);
/* What could not be done inside evhttp's callbacks; called later in the same turn of the loop. */
void connection_soon(struct http_server *server);

#endif
