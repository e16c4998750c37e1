/* The URL of a service, http[s]://HOST[:PORT][/PREFIX], as people type it. */
#ifndef BENCH_TARGET_URL_H
#define BENCH_TARGET_URL_H

#include "core/base/attr.h"
#include "core/base/error.h"

#include <stdbool.h>

#define BENCH_HOST_MAX 255 /* RFC 1035 */
#define BENCH_PATH_MAX 255

struct bench_url {
	bool tls;		       /* https */
	char host[BENCH_HOST_MAX + 1]; /* an IPv6 address without its brackets */
	char port[6]; /* digits, 1 ... 65535; "80" when none was given, "443" of https */
	char prefix[BENCH_PATH_MAX + 1]; /* before every path; "" or "/x", no slash at the end */
	/* What the Host header says: brackets kept, the port unless it is the scheme's. */
	char authority[BENCH_HOST_MAX + 10];
};

/* Reads "http[s]://HOST[:PORT][/PREFIX]"; without a scheme it is http. -1: error says what is
 * wrong.
 */
CART_MUST_CHECK int bench_url_parse(struct bench_url *url, const char *text,
				    struct cart_error *error);

#endif
