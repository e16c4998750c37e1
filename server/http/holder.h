/* Which process listens on a port, for the message that it is taken. */
#ifndef SERVER_HTTP_HOLDER_H
#define SERVER_HTTP_HOLDER_H

#include <stddef.h>

/* Writes ", by NAME (process ID)"; nothing where this user may not know. */
void holder_describe(int port, char *text, size_t room);

#endif
