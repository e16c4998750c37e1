#include "bench/target/url.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *url_default_port(const struct bench_url *url)
{
	return url->tls ? "443" : "80";
}

/* Skips "http://" or "https://"; NULL: another scheme. */
static const char *url_take_scheme(struct bench_url *url, const char *text,
				   struct cart_error *error)
{
	const char *after = strstr(text, "://");

	if (after == NULL)
		return text;
	if (after - text == 4 && strncasecmp(text, "http", 4) == 0)
		return after + 3;
	url->tls = after - text == 5 && strncasecmp(text, "https", 5) == 0;
	if (url->tls)
		return after + 3;
	cart_error_set(error, "the scheme %.*s is not spoken here, only http and https",
		       (int)(after - text), text);
	return NULL;
}

static bool url_is_printable(const char *text)
{
	for (; *text != '\0'; text++)
		if (!isgraph((unsigned char)*text))
			return false;
	return true;
}

static bool url_is_host(const char *host, size_t len, bool bracketed)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)host[i];

		if (bracketed ? !isxdigit(c) && c != ':' && c != '.'
			      : !isalnum(c) && strchr("-._", c) == NULL)
			return false;
	}
	return len > 0 && len <= BENCH_HOST_MAX;
}

static int url_set_port(struct bench_url *url, const char *text, size_t len,
			struct cart_error *error)
{
	long port = 0;

	if (len >= 1 && len < sizeof(url->port) && strspn(text, "0123456789") >= len)
		port = strtol(text, NULL, 10);
	if (port < 1 || port > 65535)
		return cart_error_set(error, "the port \"%.*s\" is not 1 to 65535", (int)len, text);
	snprintf(url->port, sizeof(url->port), "%ld", port);
	return 0;
}

/* HOST, HOST:PORT, [IPV6], [IPV6]:PORT */
static int url_set_authority(struct bench_url *url, const char *text, size_t len,
			     struct cart_error *error)
{
	const char *host = text, *end = text + len, *after;
	bool bracketed = len > 0 && *text == '[';

	if (bracketed) {
		host++;
		after = memchr(host, ']', len - 1);
		if (after == NULL)
			return cart_error_set(error, "a [ without its ]");
	} else {
		after = memchr(host, ':', len);
		if (after == NULL)
			after = end;
	}
	if (!url_is_host(host, (size_t)(after - host), bracketed))
		return cart_error_set(error, "\"%.*s\" is no name or address of a host",
				      (int)(after - host), host);
	memcpy(url->host, host, (size_t)(after - host));
	if (bracketed)
		after++;
	if (after < end && *after != ':')
		return cart_error_set(error, "\"%.*s\" after the address", (int)(end - after),
				      after);
	if (after < end && url_set_port(url, after + 1, (size_t)(end - after - 1), error) != 0)
		return -1;
	snprintf(url->authority, sizeof(url->authority), bracketed ? "[%s]" : "%s", url->host);
	if (strcmp(url->port, url_default_port(url)) != 0) {
		len = strlen(url->authority);
		snprintf(url->authority + len, sizeof(url->authority) - len, ":%s", url->port);
	}
	return 0;
}

int bench_url_parse(struct bench_url *url, const char *text, struct cart_error *error)
{
	size_t authority, prefix;

	*url = (struct bench_url){0};
	if (!url_is_printable(text))
		return cart_error_set(error, "a space or a control character");
	text = url_take_scheme(url, text, error);
	if (text == NULL)
		return -1;
	strcpy(url->port, url_default_port(url));
	if (strpbrk(text, "?#@") != NULL)
		return cart_error_set(error, "a %c does not belong here", *strpbrk(text, "?#@"));
	authority = strcspn(text, "/");
	if (url_set_authority(url, text, authority, error) != 0)
		return -1;
	text += authority;
	prefix = strlen(text);
	while (prefix > 0 && text[prefix - 1] == '/')
		prefix--;
	if (prefix > BENCH_PATH_MAX)
		return cart_error_set(error, "a path of more than %d characters", BENCH_PATH_MAX);
	memcpy(url->prefix, text, prefix);
	return 0;
}
