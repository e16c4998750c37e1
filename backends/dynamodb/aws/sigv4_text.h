/* Text in a room of fixed size, for signing: what does not fit fails, and is said once at the end.
 */
#ifndef BACKENDS_DYNAMODB_AWS_SIGV4_TEXT_H
#define BACKENDS_DYNAMODB_AWS_SIGV4_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct sigv4_text {
	char *data; /* NUL-terminated */
	size_t len;
	size_t room;
	bool failed;
};

void sigv4_add(struct sigv4_text *text, const char *data, size_t len);
void sigv4_add_string(struct sigv4_text *text, const char *string);
/* Percent-encodes all but unreserved characters (RFC 3986), and "/" if slash. */
void sigv4_add_encoded(struct sigv4_text *text, const char *data, size_t len, bool slash);
/* The same, but what is percent-encoded already stays so. */
void sigv4_add_query(struct sigv4_text *text, const char *data, size_t len);
/* Of a path: with normalize, segments ".", ".." and empty ones are resolved before encoding. */
void sigv4_add_path(struct sigv4_text *text, const char *path, bool normalize);
/* A header's value: spaces around it removed, those in it and line ends made one. */
void sigv4_add_value(struct sigv4_text *text, const char *value);
void sigv4_add_lower(struct sigv4_text *text, const char *name);
void sigv4_hex(const unsigned char *bytes, size_t len, char *hex);

#endif
