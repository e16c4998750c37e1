/*
 * Raw messages and what the RFCs of HTTP say about them: tables for test_conformance.c. A case is
 * what a client sends on a new connection, and its verdict:
 *
 *	"200 open"		one answer, and the connection can be used again
 *	"200 404 closed"	two answers, of which the last says close, and then the end
 *	"100 201 open"		also the interim answer counts
 *	"head:200 open"		the answer to a HEAD
 *	"unfinished"		no answer; the end once the client has ended too
 *
 * followed by what has become of the store, where that is not nothing: "carts=1" (customer 1 has
 * got that many), "version=2" (of the cart at @ID@, which was at 1).
 */
#ifndef TESTS_LIB_RFC_CASE_H
#define TESTS_LIB_RFC_CASE_H

#include <stddef.h>

/* SECURE: over TLS, or by a trusted proxy. */
enum rfc_where { RFC_EVERYWHERE, RFC_PLAIN, RFC_SECURE };

struct rfc_case {
	const char *section; /* of which RFC: "9112 2.2" */
	const char *name;
	const char *bytes; /* @ID@ is a cart with one line, of product 1 and customer 2 */
	size_t len;
	const char *verdict;
	/* Of the last answer, each on its line: "Name", "Name: value", "!Name" (it is not there),
	 * "~text" (the body holds it). */
	const char *wants;
	const char *why; /* the RFC leaves a choice: why this one */
	enum rfc_where where;
};

struct rfc_group {
	const char *name;
	const struct rfc_case *cases;
	size_t count;
};

/* RFC 9112: messages and connections. */
extern const struct rfc_group rfc_messages[];
extern const size_t rfc_messages_count;
/* RFC 9112, sections 6 and 7, and smuggling: where a message ends. */
extern const struct rfc_group rfc_framing[];
extern const size_t rfc_framing_count;
/* RFC 9110, and what belongs to it. */
extern const struct rfc_group rfc_semantics[];
extern const size_t rfc_semantics_count;

/* Of all tables, with http.max_headers and http.max_body of 1 KiB. */
#define CASE(section_, name_, bytes_, ...) /* the verdict, and what else it has */                 \
	{                                                                                          \
		.section = section_, .name = name_, .bytes = bytes_, .len = sizeof(bytes_) - 1,    \
		.verdict = __VA_ARGS__                                                             \
	}
#define GROUP(name_, cases_)                                                                       \
	{                                                                                          \
		.name = name_, .cases = cases_, .count = sizeof(cases_) / sizeof((cases_)[0])      \
	}
#define HOST "Host: a\r\n"
#define GET  "GET /livez HTTP/1.1\r\n" HOST
#define JSON "Content-Type: application/json\r\n"
#define POST "POST /shopping-carts HTTP/1.1\r\n" HOST JSON
/* A cart of customer 1, 17 bytes. */
#define BODY "{\"customer_id\":1}"
#define SIZE "Content-Length: 17\r\n"
/* A whole request that makes a cart, 111 bytes: what must not be taken for a request. */
#define SMUGGLED POST SIZE "\r\n" BODY
#define X64	 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X256	 X64 X64 X64 X64
#define X1K	 X256 X256 X256 X256

#endif
