/*
 * The sources of credentials, each in a file of its own behind one function, and what they and
 * endpoint.c share. Internal to this folder and its tests. What fetches credentials runs in the
 * thread of credentials.c and may block, but returns soon after cancel_fd becomes readable.
 *
 * Source: "Standardized credential providers" (AWS SDKs and tools reference guide).
 */
#ifndef AWS_CRED_H
#define AWS_CRED_H

#include "aws/identity.h"
#include "core/base/attr.h"
#include "core/base/error.h"

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>

#define CRED_ANSWER_MAX	      65536 /* bytes of an HTTP answer, or of a process's output */
#define CRED_FILE_MAX	      (1 << 20)
#define CRED_NAME_MAX	      127 /* of a profile */
#define CRED_ORIGIN_ROOM      (CRED_NAME_MAX + 64)
#define CRED_IMDS_TOKEN_MAX   1023
#define CRED_REGION_MAX	      63
#define CRED_PROCESS_LIMIT_MS 60000

/* The first two are what functions return that get or do not get something, as cart_error_set()
 * does. */
enum cred_result {
	CRED_FAILED = -1, /* configured, but does not work now; error says why */
	CRED_GOT = 0,
	CRED_NONE, /* nothing is configured here; error says what is missing */
	CRED_WRONG /* configured, but cannot work until somebody changes the configuration */
};
/* Sets the error's text (a format and its arguments), and has the result as its value. */
#define CRED_END(result, ...) ((void)cart_error_set(__VA_ARGS__), (result))

struct cred_context {
	const struct aws_service *service;
	const struct cart_clock *clock;
	char profile[CRED_NAME_MAX + 1]; /* "": as cred_files_open() finds it */
	char region[CRED_REGION_MAX + 1];
	const char *(*environment)(const char *name, void *user);
	void *user;
	int cancel_fd; /* -1: none */
	int64_t process_limit_ms;
	char origin[CRED_ORIGIN_ROOM]; /* for logs; a source may write more than its name */
	/* The session of IMDSv2. */
	char imds_token[CRED_IMDS_TOKEN_MAX + 1];
	int64_t imds_until_ns;
};

/* -1: the profile's name or the region is too long. */
CART_MUST_CHECK int cred_context_init(struct cred_context *context,
				      const struct aws_credentials_config *config,
				      struct cart_error *error);
/* A variable of the environment; NULL: not set, or empty. */
const char *cred_env(const struct cred_context *context, const char *name);

typedef enum cred_result cred_fetch_fn(struct cred_context *context, struct aws_credentials *out,
				       struct cart_error *error);

struct cred_provider {
	const char *name;
	cred_fetch_fn *fetch;
	bool of_environment; /* skipped when the settings name a profile */
	bool extends;	     /* its credentials are used even after they expired */
};

extern const struct cred_provider cred_environment;
extern const struct cred_provider cred_web_identity;
extern const struct cred_provider cred_profile;
extern const struct cred_provider cred_container;
extern const struct cred_provider cred_imds;
/* AWS_EC2_METADATA_DISABLED is true. */
bool cred_imds_is_off(const struct cred_context *context);

/* Asks *chosen, or if that is NULL each in turn: the first that has something configured. Sets it
 * when it has given some. */
enum cred_result cred_chain_fetch(struct cred_context *context, const struct cred_provider **chosen,
				  struct aws_credentials *out, struct cart_error *error);

/* How long to wait before credentials with that lifetime are fetched again. random: any number. */
int64_t cred_refresh_ms(int64_t lifetime_ms, uint32_t random);
/* How long to wait after that many failures in a row, 1 or more. */
int64_t cred_backoff_ms(unsigned failures, uint32_t random);

/* Text that may be secret: of a fixed room, so that growing leaves no copies; NUL-terminated. Zero
 * it; free wipes. */
struct cred_text {
	char *data;
	size_t len, room;
};

CART_MUST_CHECK int cred_text_new(struct cred_text *text, size_t room, struct cart_error *error);
/* False: it does not fit, and nothing was added. */
CART_MUST_CHECK bool cred_text_add(struct cred_text *text, const void *data, size_t len);
void cred_text_trim(struct cred_text *text); /* removes newlines and blanks from its end */
void cred_text_free(struct cred_text *text);

/* The whole of a file. 0, or the errno; error names the path. */
CART_MUST_CHECK int cred_file_read(const char *path, struct cred_text *text,
				   struct cart_error *error);

/* Printable ASCII without spaces, 1 to room - 1 bytes: fit for a header. name is its name
 * in the error, which does not contain the value. */
CART_MUST_CHECK int cred_copy(char *to, size_t room, const char *value, size_t len,
			      const char *name, struct cart_error *error);
/* Copies text into an error: replaces what is not printable by "?", and cuts what does not fit. */
void cred_printable(char *to, size_t room, const char *text);
/* Wipes out, then sets all of it. expires: RFC 3339; NULL: never. token NULL: none. */
CART_MUST_CHECK int cred_set(struct aws_credentials *out, const char *id, const char *secret,
			     const char *token, const char *expires, struct cart_error *error);
/* Sets an id and a secret that a person has configured under these names; NULL: not configured. One
 * of the two alone is a mistake: another source would be another identity. */
enum cred_result cred_set_pair(struct aws_credentials *out, const char *const names[2],
			       const char *id, const char *secret, const char *token,
			       struct cart_error *error);

/* How a source writes credentials as JSON. */
struct cred_json_form {
	const char *what;	/* the text is, for errors */
	const char *token_name; /* of the member with the session token */
	/* Checks what else the object must have. NULL: nothing. */
	int (*check)(const json_t *object, struct cart_error *error);
};

/* Reads AccessKeyId, SecretAccessKey, Expiration and the session token of an object. An error
 * quotes nothing of the text. */
CART_MUST_CHECK int cred_json_read(const struct cred_text *text, const struct cred_json_form *form,
				   struct aws_credentials *out, struct cart_error *error);

struct cred_http {
	const char *method;
	const char *url;
	const char *const *headers; /* lines, NULL after the last; NULL: none */
	const char *body;	    /* NULL: none */
	int64_t connect_ms, total_ms;
	bool proxied;	/* uses the proxy of the environment */
	const char *ca; /* PEM file of certificate authorities; NULL: the system's */
	/* The answer. The caller frees it, also after -1. */
	bool timed_out; /* after -1 */
	long status;
	struct cred_text answer;
};

/* Makes one request and follows no redirects. -1: no answer came. */
CART_MUST_CHECK int cred_http_run(const struct cred_context *context, struct cred_http *http,
				  struct cart_error *error);

/* The keys of a profile that are read. */
enum cred_key {
	CRED_KEY_ID,
	CRED_KEY_SECRET,
	CRED_KEY_TOKEN,
	CRED_KEY_REGION,
	CRED_KEY_PROCESS,
	CRED_KEY_ENDPOINT,
	CRED_KEY_SERVICES,
	CRED_KEY_IGNORE_ENDPOINTS,
	CRED_KEY_FIPS,
	CRED_KEY_DUAL_STACK,
	CRED_KEY_ACCOUNT_MODE,
	CRED_KEY_CA,
	CRED_KEY_ROLE, /* this and the next are not supported; read to report them */
	CRED_KEY_WEB_TOKEN,
	CRED_KEY_SSO_SESSION,
	CRED_KEY_SSO_URL,
	CRED_KEY_LOGIN,
	CRED_KEYS
};

extern const char *const cred_key_names[CRED_KEYS];

struct cred_section {
	bool found;
	char *values[CRED_KEYS]; /* NULL: not in the file */
};

/* Which section of a file is read. */
struct cred_section_of {
	const char *name;    /* of the profile; or of a [services NAME] */
	const char *service; /* NULL: a profile's. Else the keys below "dynamodb =" of services */
	bool is_config;	     /* sections are [profile NAME], not [NAME] */
};

/* Adds what a file's text says in a section; the text is cut into pieces. error names path and
 * line. */
CART_MUST_CHECK int cred_section_read(struct cred_section *section, struct cred_text *text,
				      const struct cred_section_of *of, const char *path,
				      struct cart_error *error);
void cred_section_free(struct cred_section *section);

struct cred_file {
	char path[PATH_MAX]; /* "": no usual path without a HOME */
	bool implied;	     /* the usual path, not one from a variable */
	struct cred_section section;
};

/* What the shared config and credentials files say of one profile. */
struct cred_files {
	const char *profile;
	struct cred_file credentials, config;
	struct cred_section service; /* of cred_files_service_url() */
};

/* Reads the profile that the settings, AWS_PROFILE or AWS_DEFAULT_PROFILE name, or "default". Files
 * that do not exist are empty; but a profile that was named and is in neither is an error, so that
 * nobody works with another account or server than the one that he has named. Close after -1 too.
 */
CART_MUST_CHECK int cred_files_open(const struct cred_context *context, struct cred_files *files,
				    struct cart_error *error);
/* Says that the profile is in neither file, and where they are. */
void cred_files_absent(const struct cred_files *files, struct cart_error *error);
/* NULL: neither file has the key, or it is empty. */
const char *cred_files_value(const struct cred_files *files, enum cred_key key);
/* The endpoint_url of that service in the section that the profile's key services names. NULL: it
 * has none. *url is of the files. Ask for one service only. */
CART_MUST_CHECK int cred_files_service_url(struct cred_files *files, const char *service,
					   const char **url, struct cart_error *error);
void cred_files_close(struct cred_files *files);

/* Runs a command by /bin/sh. Its standard error is discarded, because it may contain a secret. */
CART_MUST_CHECK int cred_process_fetch(const struct cred_context *context, const char *command,
				       struct aws_credentials *out, struct cart_error *error);

/* Reads STS's answer: 0, or -1 and what STS reports. secret: text that the error must not quote. */
CART_MUST_CHECK int cred_sts_read(const struct cred_text *answer, const char *secret,
				  struct aws_credentials *out, struct cart_error *error);

/* Accepts a URL that is https, or http to an address of this host. */
CART_MUST_CHECK int cred_container_check(const char *url, struct cart_error *error);

#endif
