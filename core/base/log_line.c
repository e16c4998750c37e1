#include "core/base/log_line.h"

#include "core/base/units.h"

#include <stdio.h>
#include <string.h>

/* Kept free for what ends a line that was cut: an ellipsis, quotes, the mark, the newline. */
#define LOG_LINE_TAIL 32

static void log_line_add(struct log_line *line, const char *data, size_t len)
{
	if (line->cut || line->len + len > LOG_LINE_MAX - LOG_LINE_TAIL) {
		line->cut = true;
		return;
	}
	memcpy(line->data + line->len, data, len);
	line->len += len;
}

static void log_line_add_string(struct log_line *line, const char *text)
{
	log_line_add(line, text, strlen(text));
}

/* Into the tail: always fits. */
static void log_line_end(struct log_line *line, const char *text)
{
	size_t len = strlen(text);

	memcpy(line->data + line->len, text, len);
	line->len += len;
}

/* The character that starts at text, which is not empty. False: its first byte starts none. */
static bool log_decode(const char *text, uint32_t *code, size_t *len)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *p = (const unsigned char *)text;

	*len = p[0] < 0x80 ? 1 : (p[0] & 0xe0) == 0xc0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : 4;
	if (*len == 1) {
		*code = p[0];
		return true;
	}
	if (*len == 4 && (p[0] & 0xf8) != 0xf0)
		return false;
	*code = p[0] & (0x7fu >> *len);
	for (size_t i = 1; i < *len; i++) {
		if ((p[i] & 0xc0) != 0x80) /* also the NUL of a text that ends here */
			return false;
		*code = *code << 6 | (p[i] & 0x3fu);
	}
	return *code >= least[*len] && *code <= 0x10ffff && (*code < 0xd800 || *code > 0xdfff);
}

/* Characters that change what a terminal or an editor shows instead of being shown: both sets of
 * control characters, line separators, and those that change the direction of the text. */
static bool log_is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x200e || code == 0x200f ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/* The text between quotes, with JSON's escapes; in_json: a stray byte becomes U+FFFD, else \xNN. */
static void log_line_add_escaped(struct log_line *line, const char *text, bool in_json)
{
	while (*text != '\0' && !line->cut) {
		char escaped[8];
		uint32_t code;
		size_t len;

		if (!log_decode(text, &code, &len)) {
			snprintf(escaped, sizeof(escaped), in_json ? "\\ufffd" : "\\x%02x",
				 (unsigned char)*text);
			log_line_add_string(line, escaped);
			text++;
			continue;
		}
		if (code == '"' || code == '\\') {
			log_line_add(line, code == '"' ? "\\\"" : "\\\\", 2);
		} else if (code == '\n' || code == '\r' || code == '\t') {
			log_line_add(line, code == '\n' ? "\\n" : code == '\r' ? "\\r" : "\\t", 2);
		} else if (log_is_control(code)) {
			snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned)code & 0xffff);
			log_line_add_string(line, escaped);
		} else {
			log_line_add(line, text, len);
		}
		text += len;
	}
}

static void log_line_add_integer(struct log_line *line, int64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%lld", (long long)value);
	log_line_add_string(line, digits);
}

/* False: the value needs quotes, or it could be mistaken for something else on the line. */
static bool log_is_plain(const char *text)
{
	if (*text == '\0')
		return false;
	while (*text != '\0') {
		uint32_t code;
		size_t len;

		if (!log_decode(text, &code, &len) || log_is_control(code) || code == ' ' ||
		    code == '"' || code == '=' || code == '\\')
			return false;
		text += len;
	}
	return true;
}

static void log_line_add_field(struct log_line *line, const struct log_field *field, bool in_json)
{
	size_t start = line->len;
	bool quoted = field->string != NULL && (in_json || !log_is_plain(field->string));

	log_line_add_string(line, in_json ? ",\"" : " ");
	log_line_add_string(line, field->name);
	log_line_add_string(line, in_json ? "\":" : "=");
	if (field->string == NULL)
		log_line_add_integer(line, field->integer);
	else if (quoted)
		log_line_add(line, "\"", 1);
	if (line->cut) {
		line->len = start; /* a name alone would say that the value is empty */
		return;
	}
	if (field->string == NULL)
		return;
	log_line_add_escaped(line, field->string, in_json);
	if (line->cut)
		log_line_end(line, "…");
	if (quoted)
		log_line_end(line, "\"");
}

static void log_line_add_fields(struct log_line *line, const struct log_field *fields, size_t count,
				bool in_json)
{
	for (size_t i = 0; i < count && !line->cut; i++)
		if (!fields[i].skip)
			log_line_add_field(line, &fields[i], in_json);
}

void log_line_text(struct log_line *line, int64_t wall_ms, enum log_level level,
		   const char *message, const struct log_field *fields, size_t count)
{
	static const char *const names[] = {" DEBUG ", " INFO  ", " WARN  ", " ERROR "};
	char time[UNITS_TIME_TEXT + 1];

	units_format_time(wall_ms, time);
	log_line_add(line, time, UNITS_TIME_TEXT);
	log_line_add_string(line, names[level]);
	log_line_add_escaped(line, message, false);
	log_line_add_fields(line, fields, count, false);
	log_line_end(line, line->cut ? " cut=true\n" : "\n");
}

void log_line_json(struct log_line *line, int64_t wall_ms, enum log_level level,
		   const char *message, const struct log_field *fields, size_t count)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};
	char time[UNITS_TIME_TEXT + 1];

	units_format_time(wall_ms, time);
	log_line_add_string(line, "{\"time\":\"");
	log_line_add(line, time, UNITS_TIME_TEXT);
	log_line_add_string(line, "\",\"level\":\"");
	log_line_add_string(line, names[level]);
	log_line_add_string(line, "\",\"message\":\"");
	log_line_add_escaped(line, message, true);
	log_line_end(line, "\"");
	log_line_add_fields(line, fields, count, true);
	log_line_end(line, line->cut ? ",\"cut\":true}\n" : "}\n");
}
