/* Suggests the key that a person most likely meant by an unknown one. */
#include "core/settings/internal.h"

#include <string.h>

#define SETTINGS_KEY_MAX 64

/* Number of edits between two keys: a character inserted, removed or replaced, or two swapped.
 * Above limit, and for keys too long to be real, limit + 1. */
static size_t settings_distance(const char *a, const char *b, size_t limit)
{
	size_t rows[3][SETTINGS_KEY_MAX + 1];
	size_t a_len = strlen(a), b_len = strlen(b);
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	if (a_len > SETTINGS_KEY_MAX || b_len > SETTINGS_KEY_MAX)
		return limit + 1;
	for (size_t j = 0; j <= b_len; j++)
		before[j] = last[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t least = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1 < least)
				least = last[j] + 1;
			if (row[j - 1] + 1 < least)
				least = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < least)
				least = before[j - 2] + 1;
			row[j] = least;
		}
		size_t *free_row = before;

		before = last;
		last = row;
		row = free_row;
	}
	return last[b_len] <= limit ? last[b_len] : limit + 1;
}

/* The key without its section. */
static const char *settings_name(const char *key)
{
	const char *dot = strrchr(key, '.');

	return dot == NULL ? key : dot + 1;
}

const struct settings_entry *settings_nearest(const struct settings *settings, const char *key)
{
	/* At most one edit for three characters. More would match anything. */
	size_t best = strlen(key) / 3 + 1;
	const struct settings_entry *nearest = NULL;

	for (size_t i = 0; i < settings->count; i++) {
		const char *known = settings->entries[i]->key;
		size_t distance = settings_distance(key, known, best);

		/* The right name without a section or in a wrong section is closer than two typing
		 * mistakes. */
		if (distance > 1 && strcmp(settings_name(key), settings_name(known)) == 0)
			distance = 1;
		if (distance < best) {
			best = distance;
			nearest = settings->entries[i];
		}
	}
	return nearest;
}

int settings_unknown(const struct settings *settings, const char *what, const char *prefix,
		     const char *key, struct cart_error *error)
{
	const struct settings_entry *nearest = settings_nearest(settings, key);
	size_t section = (size_t)(settings_name(key) - key); /* with its dot */
	char quoted[SETTINGS_QUOTED_TEXT], argument[SETTINGS_QUOTED_TEXT], known[320] = "";
	size_t len = 0;

	snprintf(argument, sizeof(argument), "%s%s", prefix, key);
	settings_quote(argument, quoted);
	if (nearest != NULL)
		return cart_error_set(error, "unknown %s %s (did you mean \"%s%s\"?)", what, quoted,
				      prefix, nearest->key);
	for (size_t i = 0; i < settings->count && section > 0; i++) {
		const char *other = settings->entries[i]->key;

		if (strncmp(key, other, section) == 0 && len < sizeof(known))
			len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s",
						len == 0 ? "" : ", ", other);
	}
	if (len > 0)
		return cart_error_set(error, "unknown %s %s (known: %s)", what, quoted, known);
	return cart_error_set(error, "unknown %s %s (--help lists the known ones)", what, quoted);
}
