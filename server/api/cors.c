#include "server/api/cors.h"

#include "core/settings/settings.h"
#include "server/http/http.h"

#include <ctype.h>
#include <string.h>

/* Every header that a call takes and that a page may not send without asking first. */
#define CORS_HEADERS                                                                               \
	"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, "          \
	"traceparent, X-Request-Id"
#define CORS_EXPOSED "ETag, Idempotency-Replayed, Location, Retry-After, X-Request-Id"
/* Seconds for which a browser need not ask again. */
#define CORS_MAX_AGE "600"

/* As browsers write it: scheme://host[:port] in lower case. What follows the scheme, or NULL. */
static const char *cors_authority(const char *origin)
{
	const char *colon = strstr(origin, "://");

	for (const char *c = origin; colon != NULL && c < colon; c++)
		if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) &&
		    strchr("+-.", *c) == NULL)
			return NULL;
	return colon == NULL || colon == origin ? NULL : colon + 3;
}

static bool cors_is_origin(const char *origin)
{
	const char *authority = cors_authority(origin);

	if (authority == NULL || *authority == '\0')
		return false;
	for (const char *c = authority; *c != '\0'; c++)
		if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) &&
		    strchr("-._:[]", *c) == NULL)
			return false;
	return true;
}

int cors_read(struct cors *cors, const struct settings *settings, struct cart_error *error)
{
	*cors = (struct cors){0};
	cors->origins = settings_list(settings, "http.cors_origins", &cors->count);
	for (size_t i = 0; i < cors->count; i++) {
		if (strcmp(cors->origins[i], "*") == 0)
			cors->any = true;
		else if (!cors_is_origin(cors->origins[i]))
			return cart_error_set(error,
					      "http.cors_origins: \"%s\" is not an origin as "
					      "browsers send it, such "
					      "as https://shop.example or http://localhost:3000, "
					      "in lower case and "
					      "without a slash at its end",
					      cors->origins[i]);
	}
	if (cors->any && cors->count > 1)
		return cart_error_set(error, "http.cors_origins: \"*\" allows every origin, so it "
					     "stands alone");
	return 0;
}

/* What Access-Control-Allow-Origin says to this request; NULL: nothing. */
static const char *cors_allowed(const struct cors *cors, const struct http_request *request)
{
	size_t count;
	const char *origin = http_request_header(request, "Origin", &count);

	if (cors->any)
		return "*";
	if (count != 1)
		return NULL;
	for (size_t i = 0; i < cors->count; i++)
		if (strcmp(cors->origins[i], origin) == 0)
			return cors->origins[i];
	return NULL;
}

void cors_answer(const struct cors *cors, struct http_request *request)
{
	const char *origin = cors_allowed(cors, request);

	/* Caches must not give the answer for one origin to another. */
	if (!cors->any)
		http_reply_header(request, "Vary", "Origin");
	if (origin == NULL)
		return;
	http_reply_header(request, "Access-Control-Allow-Origin", origin);
	http_reply_header(request, "Access-Control-Expose-Headers", CORS_EXPOSED);
}

void cors_preflight(const struct cors *cors, struct http_request *request, const char *methods)
{
	if (http_request_header(request, "Access-Control-Request-Method", NULL) == NULL ||
	    cors_allowed(cors, request) == NULL)
		return;
	http_reply_header(request, "Access-Control-Allow-Methods", methods);
	http_reply_header(request, "Access-Control-Allow-Headers", CORS_HEADERS);
	http_reply_header(request, "Access-Control-Max-Age", CORS_MAX_AGE);
}
