/*
 * The API as its tests use it: a cartd over the backend under test, one call a line, answers as
 * JSON. What every answer must have is asserted on every answer.
 */
#ifndef TESTS_LIB_API_CLIENT_H
#define TESTS_LIB_API_CLIENT_H

#include "tests/lib/cartd.h"
#include "tests/lib/own_database.h"
#include "tests/lib/http_client.h"

#include <jansson.h>
#include <stdint.h>

/* A cartd over the backend that CART_BACKEND names (memory), with files of its own. */
struct api_server {
	struct cartd cartd;
	char directory[256]; /* "": none */
	struct own_database database;
};
/* Whether that backend has a feed. */
bool api_has_feed(void);
/* settings: as for cartd_start(), "backend" is not among them; NULL: none. */
void api_server_start(struct api_server *server, const char *const *settings);
void api_server_stop(struct api_server *server);

struct api_client {
	struct http_client http;
	struct http_response response;
	json_t *json; /* the body of the last answer, NULL when it is not JSON */
	char path[256];
};

void api_open(struct api_client *client, const struct api_server *server);
void api_close(struct api_client *client);

/* Sends one and returns the status. headers are lines with "\r\n", NULL: none; body NULL: none. */
int api_call(struct api_client *client, const char *method, const char *path, const char *headers,
	     const char *body);
/* The same for the path of a cart, and what follows it ("", "/items"). */
int api_call_cart(struct api_client *client, const char *method, const char *id, const char *after,
		  const char *headers, const char *body);

/* Of the last answer. */
const char *api_header(struct api_client *client, const char *name);
const char *api_string(const struct api_client *client, const char *member);
int64_t api_integer(const struct api_client *client, const char *member);
/* The version in its ETag; 0: none. */
int64_t api_version(struct api_client *client);
/* It is a problem with this status and error, and its detail holds says (NULL: anything). */
void api_expect(struct api_client *client, int status, const char *error, const char *says);

/* Waits until the clock that stamps carts has passed that time in the last answer. */
void api_wait_past(const struct api_client *client, const char *member);

#define API_ID_TEXT 36
/* Makes a cart; its id into id. */
void api_make_cart(struct api_client *client, int64_t customer_id, char id[API_ID_TEXT + 1]);
/* Adds to a line, expecting 204; returns the version. */
int64_t api_add(struct api_client *client, const char *id, int64_t product_id, int64_t quantity);
/* Reads a cart; the quantity of a product, 0: no such line. */
int64_t api_quantity(struct api_client *client, const char *id, int64_t product_id);

#endif
