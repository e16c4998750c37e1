/* The table of all routes. Only service.c uses it; all others get it in struct api_shared. */
#ifndef SERVER_API_ROUTES_H
#define SERVER_API_ROUTES_H

#include "server/api/router.h"

extern const struct route routes[];
extern const size_t routes_count;

#endif
