/* One line of the log while it is written: bounded, escaped, whole whatever it holds. */
#ifndef CORE_BASE_LOG_LINE_H
#define CORE_BASE_LOG_LINE_H

#include "core/base/log_field.h"

/* What a pipe takes in one piece (PIPE_BUF on Linux). */
#define LOG_LINE_MAX 4096

struct log_line {
	char data[LOG_LINE_MAX];
	size_t len;
	bool cut; /* something found no room: nothing more is added */
};

/* Fills the line, its newline included. wall_ms: milliseconds since 1970. */
void log_line_text(struct log_line *line, int64_t wall_ms, enum log_level level,
		   const char *message, const struct log_field *fields, size_t count);
void log_line_json(struct log_line *line, int64_t wall_ms, enum log_level level,
		   const char *message, const struct log_field *fields, size_t count);

#endif
