#include "server/http/client.h"

#include "server/http/forwarded.h"

#include <string.h>

/* Whoever is at the other end of the connection, or whom its PROXY header names. */
static bool client_of_connection(const struct connection *connection, struct address *address)
{
	if (connection->proxy != NULL && connection->proxy->has_client) {
		*address = connection->proxy->client;
		return true;
	}
	return address_of_socket(address, connection->fd);
}

char *client_address(const struct http_request *request)
{
	const struct http_proxies *proxies = request->server->config.proxies;
	const char *name = proxies->forwarded == FORWARDED_X ? "X-Forwarded-For" : "Forwarded";
	struct forwarded forwarded = {0};
	char text[ADDRESS_TEXT];
	struct address address;
	const char *value;

	if (!client_of_connection(request->connection, &address))
		return NULL;
	if (proxies->forwarded != FORWARDED_OFF && networks_hold(&proxies->trusted, &address)) {
		for (size_t i = 0; (value = http_request_header_at(request, name, i)) != NULL; i++)
			forwarded_add(&forwarded, proxies->forwarded, value, strlen(value));
		address = forwarded_client(&forwarded, &address, &proxies->trusted);
	}
	address_format(&address, text);
	return strdup(text);
}
