/*
 * The server and the client of a program whose tests of the API share them, and what cmocka starts
 * and ends them with. Each program that includes this has its own.
 */
#ifndef TESTS_LIB_API_GROUP_H
#define TESTS_LIB_API_GROUP_H

#include "tests/lib/api_client.h"

static struct api_server server;
static struct api_client client;

/* settings: as for api_server_start(). */
static inline int start_with(const char *const *settings)
{
	api_server_start(&server, settings);
	api_open(&client, &server);
	return 0;
}

static inline int start(void **state)
{
	(void)state;
	return start_with(NULL);
}

static inline int stop(void **state)
{
	(void)state;
	api_close(&client);
	api_server_stop(&server);
	return 0;
}

#endif
