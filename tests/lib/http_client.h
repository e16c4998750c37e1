/*
 * A small blocking HTTP/1.1 client over one kept connection, for tests: it sends what it is told,
 * valid or not, and reads answers strictly. What must not happen fails the running cmocka test.
 * It speaks TLS after tls_client_use().
 */
#ifndef TESTS_LIB_HTTP_CLIENT_H
#define TESTS_LIB_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

struct ssl_st;

struct http_client {
	struct ssl_st *tls; /* NULL: plain */
	bool broken; /* connected, but the TLS handshake failed: nothing can be sent or read */
	int fd;	     /* -1: closed */
	int port;
	char *bytes; /* read and not yet part of an answer */
	size_t len, room;
};

struct http_response {
	int status;
	char *head; /* status line and headers, NUL-terminated */
	char *body; /* NUL-terminated, though it may hold NULs */
	size_t body_len;
	bool close; /* the server said Connection: close */
};

enum http_read {
	HTTP_READ_ANSWER,
	HTTP_READ_CLOSED, /* the server closed in order, between answers */
	HTTP_READ_RESET,  /* the connection broke, or closed within an answer */
	HTTP_READ_TIMEOUT
};

/* Connects to 127.0.0.1. */
void http_client_open(struct http_client *client, int port);
/* The same, but says whether it could. */
bool http_client_try_open(struct http_client *client, int port);
/* Connects from an address of this machine ("127.0.0.2"); without TLS, which may begin later. */
void http_client_open_from(struct http_client *client, int port, const char *from);
/* Makes the handshake that http_client_open() makes after tls_client_use(). */
void http_client_start_tls(struct http_client *client);
void http_client_close(struct http_client *client);
/* Closes with a reset. */
void http_client_reset(struct http_client *client);

/* Sends all of it; false: the connection is gone. */
bool http_client_send(struct http_client *client, const void *bytes, size_t len);
bool http_client_send_text(struct http_client *client, const char *text);
/* No more from us: the server reads an end of file. */
void http_client_half_close(struct http_client *client);

/*
 * Reads one answer; head_only for the answer to HEAD. An answer that is no HTTP fails the test.
 * 1xx answers come as answers of their own.
 */
enum http_read http_client_read(struct http_client *client, struct http_response *response,
				bool head_only, int timeout_ms);
/* True once the server has closed, in order or not, within the time; answers still unread are
 * thrown away. */
bool http_client_await_close(struct http_client *client, int timeout_ms);

/*
 * One request and its answer, within 10 s; opens the connection again if the last answer closed it.
 * headers are lines "Name: value\r\n" (NULL: none); Host and, with a body, Content-Length are added
 * (and Content-Type: application/json unless headers name one). body NULL: none.
 */
void http_client_call(struct http_client *client, struct http_response *response,
		      const char *method, const char *path, const char *headers, const char *body);

/* The value of a header, any case, NULL when it is not there; valid until the thread calls this
 * again. */
const char *http_response_header(const struct http_response *response, const char *name);
size_t http_response_header_count(const struct http_response *response, const char *name);
void http_response_clear(struct http_response *response);

#endif
