#include "server/http/forwarded.h"

#include <string.h>
#include <strings.h>

static bool forwarded_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool forwarded_is_port(const char *text, const char *end)
{
	const char *c = text + 1;

	if (text == end)
		return true;
	while (c < end && *c >= '0' && *c <= '9')
		c++;
	return *text == ':' && c == end && c > text + 1 && c - text <= 6;
}

/* An address, perhaps in brackets, perhaps with a port, which does not matter. */
static bool forwarded_parse_node(struct address *address, const char *text, const char *end)
{
	const char *colon = memchr(text, ':', (size_t)(end - text));
	const char *close;

	if (text < end && *text == '[') {
		close = memchr(text, ']', (size_t)(end - text));
		return close != NULL && memchr(text, ':', (size_t)(close - text)) != NULL &&
		       forwarded_is_port(close + 1, end) &&
		       address_parse(address, text + 1, (size_t)(close - text) - 1);
	}
	/* Two colons are IPv6 without brackets, as X-Forwarded-For has it. */
	if (colon != NULL && memchr(colon + 1, ':', (size_t)(end - colon) - 1) == NULL)
		return forwarded_is_port(colon, end) &&
		       address_parse(address, text, (size_t)(colon - text));
	return address_parse(address, text, (size_t)(end - text));
}

/* Where an element ends, also within quotes: no address has a delimiter, and a quote that a client
 * leaves open must not hide what a proxy adds behind it. */
static const char *forwarded_end(const char *text, const char *end, char delimiter)
{
	const char *found = memchr(text, delimiter, (size_t)(end - text));

	return found != NULL ? found : end;
}

static void forwarded_trim(const char **text, const char **end)
{
	while (*text < *end && forwarded_is_blank(**text))
		(*text)++;
	while (*end > *text && forwarded_is_blank((*end)[-1]))
		(*end)--;
}

/* for=192.0.2.1, for="[2001:db8::1]:4711": true if this pair is one, *known whether it has an
 * address. */
static bool forwarded_read_pair(const char *text, const char *end, struct address *address,
				bool *known)
{
	forwarded_trim(&text, &end);
	if (end - text < 4 || strncasecmp(text, "for=", 4) != 0)
		return false;
	text += 4;
	if (end - text >= 2 && *text == '"' && end[-1] == '"') {
		text++;
		end--;
	}
	*known = forwarded_parse_node(address, text, end);
	return true;
}

/* Adds one element of the list. */
static void forwarded_add_hop(struct forwarded *forwarded, enum forwarded_by by, const char *text,
			      const char *end)
{
	size_t at = forwarded->count % FORWARDED_HOPS_MAX;
	bool *known = &forwarded->hops[at].known;
	size_t pairs = 0;

	forwarded_trim(&text, &end);
	if (text == end)
		return;
	forwarded->count++;
	*known = false;
	if (by == FORWARDED_X) {
		*known = forwarded_parse_node(&forwarded->hops[at].address, text, end);
		return;
	}
	while (text < end) {
		const char *pair_end = forwarded_end(text, end, ';');

		pairs += forwarded_read_pair(text, pair_end, &forwarded->hops[at].address, known);
		text = pair_end + (pair_end < end);
	}
	/* Two answers to one question are none. */
	*known = *known && pairs == 1;
}

void forwarded_add(struct forwarded *forwarded, enum forwarded_by by, const char *value, size_t len)
{
	const char *end = value + len;

	while (value < end) {
		const char *hop_end = forwarded_end(value, end, ',');

		forwarded_add_hop(forwarded, by, value, hop_end);
		value = hop_end + (hop_end < end);
	}
}

struct address forwarded_client(const struct forwarded *forwarded, const struct address *peer,
				const struct networks *trusted)
{
	size_t kept = forwarded->count < FORWARDED_HOPS_MAX ? forwarded->count : FORWARDED_HOPS_MAX;
	struct address client = *peer;

	for (size_t i = 1; i <= kept && networks_hold(trusted, &client); i++) {
		size_t at = (forwarded->count - i) % FORWARDED_HOPS_MAX;

		if (!forwarded->hops[at].known)
			break;
		client = forwarded->hops[at].address;
	}
	return client;
}
