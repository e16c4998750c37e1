/*
 * HTML whose every value is escaped: what is written is a template of ours, in which each `$` is
 * filled with the next argument. So a text from a file can neither begin an element nor leave an
 * attribute, whoever wrote the file.
 */
#ifndef BENCH_RESULT_HTML_H
#define BENCH_RESULT_HTML_H

#include "core/base/buf.h"

/* Adds text so that it stands for itself in an element and in a quoted attribute. What is not
 * UTF-8, controls but tab and newline, and marks that turn the direction of writing become U+FFFD.
 */
void html_add_text(struct buf *out, const char *text);

/* html_add(out, "<b title=\"$\">$</b>", title, text, NULL). As many texts as there are `$`. */
__attribute__((sentinel)) void html_add(struct buf *out, const char *template, ...);

/* The same of one line of Markdown: text stands for itself in a paragraph and in a table's cell. */
void html_add_markdown(struct buf *out, const char *text);

/* How many characters the text has, and how many bytes its first `most` have. */
size_t html_characters(const char *text);
size_t html_bytes_of(const char *text, size_t most);

#endif
