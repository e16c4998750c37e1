#include "aws/s3/location.h"

#include <stdio.h>
#include <string.h>

#define LOCATION_SCHEME "s3://"

/* The names that any bucket made since 2018 has. */
static bool location_is_bucket(const char *name, size_t len)
{
	static const char ends[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	if (len < 3 || len > S3_BUCKET_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (strchr(ends, name[i]) == NULL && name[i] != '.' && name[i] != '-')
			return false;
	return strchr(ends, name[0]) != NULL && strchr(ends, name[len - 1]) != NULL &&
	       memmem(name, len, "..", 2) == NULL;
}

/* The length of a character in UTF-8 (RFC 3629) that is no control character; 0: it is none. */
static size_t location_character(const unsigned char *at)
{
	size_t len = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

	if (len == 1)
		return at[0] >= 0x20 && at[0] != 0x7f ? 1 : 0;
	if (at[0] < 0xc2 || at[0] > 0xf4 || (at[0] == 0xc2 && at[1] < 0xa0) ||
	    (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
	    (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

static bool location_is_text(const char *text)
{
	size_t len = 1;

	for (; *text != '\0' && len > 0; text += len)
		len = location_character((const unsigned char *)text);
	return len > 0;
}

static bool location_has_dots(const char *prefix)
{
	while (*prefix != '\0') {
		size_t len = strcspn(prefix, "/");

		if ((len == 1 && prefix[0] == '.') || (len == 2 && strncmp(prefix, "..", 2) == 0))
			return true;
		prefix += len + (prefix[len] == '/');
	}
	return false;
}

int s3_location_parse(struct s3_location *location, const char *text, struct cart_error *error)
{
	const char *bucket = text + strlen(LOCATION_SCHEME), *prefix;
	size_t bucket_len, len;

	if (strncmp(text, LOCATION_SCHEME, strlen(LOCATION_SCHEME)) != 0)
		return cart_error_set(error, "\"%.200s\" is not s3://BUCKET/PREFIX", text);
	bucket_len = strcspn(bucket, "/");
	if (!location_is_bucket(bucket, bucket_len))
		return cart_error_set(error,
				      "\"%.200s\": a bucket's name has 3 to 63 lower-case letters, "
				      "digits, dots and hyphens",
				      text);
	prefix = bucket + bucket_len + (bucket[bucket_len] == '/');
	len = strlen(prefix);
	while (len > 0 && prefix[len - 1] == '/')
		len--;
	if (len > S3_PREFIX_MAX)
		return cart_error_set(error, "the prefix is longer than %d bytes", S3_PREFIX_MAX);
	if (!location_is_text(prefix))
		return cart_error_set(error, "the prefix has a control character or is not UTF-8");
	if (location_has_dots(prefix))
		return cart_error_set(error, "\"%.200s\": a prefix may not have . or .. between /",
				      text);
	snprintf(location->bucket, sizeof(location->bucket), "%.*s", (int)bucket_len, bucket);
	snprintf(location->prefix, sizeof(location->prefix), "%.*s%s", (int)len, prefix,
		 len > 0 ? "/" : "");
	return 0;
}

void s3_encode(struct buf *out, const char *text, bool slashes)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *text != '\0'; text++) {
		if (strchr(plain, *text) != NULL || (slashes && *text == '/'))
			buf_add_char(out, *text);
		else
			buf_printf(out, "%%%02X", (unsigned char)*text);
	}
}
