/*
 * A server that answers what a test tells it to, right or wrong, on 127.0.0.1: for testing clients.
 * One connection at a time, in a thread.
 */
#ifndef TESTS_LIB_FAKE_SERVER_H
#define TESTS_LIB_FAKE_SERVER_H

#include <pthread.h>
#include <stddef.h>

/*
 * Called in the server's thread for each whole request ("GET / HTTP/1.1\r\n..."): returns the bytes
 * to send, to be freed by the server. The connection then closes, unless the request asked to keep
 * it. NULL: it closes without an answer. "": it says nothing and waits for the client to go.
 */
typedef char *fake_server_fn(const char *request, void *user);

struct fake_server {
	int port;
	int fd;
	int connections; /* accepted; to be read after the stop */
	fake_server_fn *answer;
	void *user;
	pthread_t thread;
};

void fake_server_start(struct fake_server *server, fake_server_fn *answer, void *user);
/* Closes the listener, waits for the thread. Its clients must have closed. */
void fake_server_stop(struct fake_server *server);

#endif
