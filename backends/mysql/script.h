/* A file of SQL, statement by statement. */
#ifndef BACKENDS_MYSQL_SCRIPT_H
#define BACKENDS_MYSQL_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Takes the next statement off *rest, a NUL-terminated text: its place and its length without the
 * semicolon. False: there is none left. It knows strings, quoted names and comments; comments
 * between statements are left out, and those of the kind that servers execute are statements.
 * DELIMITER is the client's, not known here.
 */
bool sql_script_next(const char **rest, const char **statement, size_t *len);

#endif
