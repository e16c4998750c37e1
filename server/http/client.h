/* Who asks, where proxies speak for clients. */
#ifndef SERVER_HTTP_CLIENT_H
#define SERVER_HTTP_CLIENT_H

#include "server/http/internal.h"

/* The address of whoever a request comes from, as trusted proxies tell it, to be freed. NULL: what
 * evhttp knows is right, or no memory. For a request that was refused only the PROXY header counts.
 */
char *client_address(const struct http_request *request);

#endif
