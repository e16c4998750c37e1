/* What server.c needs of requests beside http.h. */
#ifndef SERVER_HTTP_REQUEST_H
#define SERVER_HTTP_REQUEST_H

#include "server/http/internal.h"

/* A zeroed request, from the server's free list if that has one. NULL: no memory. */
struct http_request *http_request_take(struct http_server *server);
void http_request_destroy(struct http_request *request);
/* The client of a request that has no answer yet is gone. */
void http_request_lost(struct http_request *request);

#endif
