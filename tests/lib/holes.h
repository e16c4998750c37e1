/* Addresses on 127.0.0.1 at which things go wrong. */
#ifndef TESTS_LIB_HOLES_H
#define TESTS_LIB_HOLES_H

struct hole {
	int port;
	int fd;
	int filler; /* -1: none */
};

/* Refuses connections. */
struct hole hole_refusing(void);
/* Takes connections and never says a word. */
struct hole hole_silent(void);
/* Does not answer at all: the kernel drops what would begin a connection. */
struct hole hole_black(void);
void hole_free(struct hole *hole);

#endif
