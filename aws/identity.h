/* A service of AWS, a set of credentials, and where they are searched. */
#ifndef AWS_IDENTITY_H
#define AWS_IDENTITY_H

#include "core/base/clock.h"

#include <stddef.h>
#include <stdint.h>

#define AWS_ACCESS_KEY_MAX    128
#define AWS_SECRET_MAX	      128
#define AWS_SESSION_TOKEN_MAX 8192

/* A plain value, so that each loop has its own copy. */
struct aws_credentials {
	char access_key_id[AWS_ACCESS_KEY_MAX + 1];
	char secret_access_key[AWS_SECRET_MAX + 1];
	char session_token[AWS_SESSION_TOKEN_MAX + 1]; /* "": none */
	int64_t expires_ms;			       /* since 1970; 0: never */
};

struct aws_service {
	const char *name;     /* "dynamodb": in hosts and profiles; its settings begin with it */
	const char *variable; /* "AWS_ENDPOINT_URL_DYNAMODB" */
};

extern const struct aws_service aws_dynamodb, aws_s3;

struct aws_credentials_config {
	const struct aws_service *service; /* that they are for, whose settings errors name */
	const struct cart_clock *clock;
	const char
		*profile; /* "": AWS_PROFILE, AWS_DEFAULT_PROFILE, or "default". Strings are copied
			   */
	const char *region; /* for STS */
	int64_t look_ms;    /* the longest time until it is noticed that the wall clock was set or
			       the machine slept; 0: 5 s */
	/* Returns a variable of the environment; NULL: getenv. A test's own function must outlive
	 * the source. The thread calls it, so nobody may call setenv() meanwhile. */
	const char *(*environment)(const char *name, void *user);
	void *user;
};

#endif
