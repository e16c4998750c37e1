#include "bench/result/html.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#define HTML_REPLACEMENT "\xef\xbf\xbd"

/* How many bytes the UTF-8 character at text has; 0: it is none. text ends with a NUL. */
static size_t html_character(const char *text)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)*text;
	size_t len = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	uint32_t code;

	if (first == 0 || first > 0xf4)
		return 0;
	if (len < 2)
		return len;
	code = first & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | ((unsigned char)text[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return len;
}

/* Marks that turn the direction of what follows: U+200E, U+200F, U+202A ... U+202E, U+2066 ...
 * U+2069. A page whose text runs backwards says something other than its file. */
static bool html_turns(const char *text, size_t len)
{
	unsigned char last;

	if (len != 3 || (unsigned char)text[0] != 0xe2)
		return false;
	last = (unsigned char)text[2];
	if ((unsigned char)text[1] == 0x80)
		return last == 0x8e || last == 0x8f || (last >= 0xaa && last <= 0xae);
	return (unsigned char)text[1] == 0x81 && last >= 0xa6 && last <= 0xa9;
}

static bool html_shows(const char *text, size_t len)
{
	unsigned char first = (unsigned char)*text;

	if (len == 1)
		return (first >= 0x20 && first != 0x7f) || first == '\t' || first == '\n';
	if (len == 2 && first == 0xc2 && (unsigned char)text[1] < 0xa0)
		return false;
	return len > 0 && !html_turns(text, len);
}

static const char *html_entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void html_add_text(struct buf *out, const char *text)
{
	size_t len;

	for (; *text != '\0'; text += len > 0 ? len : 1) {
		const char *entity = html_entity(*text);

		len = html_character(text);
		if (entity != NULL)
			buf_add_string(out, entity);
		else if (html_shows(text, len))
			buf_add(out, text, len);
		else
			buf_add_string(out, HTML_REPLACEMENT);
	}
}

void html_add(struct buf *out, const char *template, ...)
{
	const char *at, *text;
	va_list texts;

	va_start(texts, template);
	while ((at = strchr(template, '$')) != NULL) {
		buf_add(out, template, (size_t)(at - template));
		text = va_arg(texts, const char *);
		assert(text != NULL);
		html_add_text(out, text);
		template = at + 1;
	}
	assert(va_arg(texts, const char *) == NULL);
	va_end(texts);
	buf_add_string(out, template);
}

/* A character that means something in Markdown stands for itself behind a backslash; those of HTML
 * are entities there too. */
void html_add_markdown(struct buf *out, const char *text)
{
	size_t len;

	for (; *text != '\0'; text += len > 0 ? len : 1) {
		len = html_character(text);
		if (*text == '&' || *text == '<' || *text == '>')
			buf_add_string(out, html_entity(*text));
		else if (*text == '\n' || *text == '\t')
			buf_add_char(out, ' ');
		else if (!html_shows(text, len))
			buf_add_string(out, HTML_REPLACEMENT);
		else if (len == 1 && strchr("\\`*_[]|~#@", *text) != NULL)
			buf_printf(out, "\\%c", *text);
		else
			buf_add(out, text, len);
	}
}

size_t html_characters(const char *text)
{
	size_t count = 0, len;

	for (; *text != '\0'; text += len > 0 ? len : 1, count++)
		len = html_character(text);
	return count;
}

size_t html_bytes_of(const char *text, size_t most)
{
	const char *at = text;
	size_t len;

	for (; *at != '\0' && most > 0; at += len > 0 ? len : 1, most--)
		len = html_character(at);
	return (size_t)(at - text);
}
