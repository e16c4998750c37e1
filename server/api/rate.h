/* Whether a caller asks more often than http.rate allows. */
#ifndef SERVER_API_RATE_H
#define SERVER_API_RATE_H

#include "core/base/attr.h"

#include <stdbool.h>

struct call;

/* Counts the call for whoever makes it, once it is known who that is. False: the caller is over its
 * rate, and the call has been answered with 429. */
CART_MUST_CHECK bool rate_admits(struct call *call);

#endif
