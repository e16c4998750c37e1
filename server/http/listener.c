#include "server/http/listener.h"

#include "core/base/log.h"
#include "server/http/holder.h"
#include "server/http/sweep.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTENER_BACKLOG 1024
/* Sweeps to wait when accept() fails for want of file descriptors or memory. */
#define LISTENER_WAIT_SWEEPS 2
/* While draining, the accept queue has to be found empty in so many sweeps in a row: time for a
 * handshake to finish. */
#define LISTENER_EMPTY_SWEEPS 10
#define LISTENER_SYN	      0x02
#define LISTENER_ACK	      0x10

/* Of the whole process: every loop accepts, and they share one limit. */
static atomic_size_t listener_connections;
/* A client waits in a loop that has no idle connection to close; another loop may have one. */
static atomic_bool listener_place_wanted;

/* evhttp uses the one user pointer of an evconnlistener itself, so the error callback looks up the
 * server in this list. */
static struct listener_head listener_registry = SLIST_HEAD_INITIALIZER(listener_registry);
static pthread_mutex_t listener_registry_lock = PTHREAD_MUTEX_INITIALIZER;

/* Splits "host:port", "[host]:port". */
static int listener_split(const char *address, char host[256], char port[8],
			  struct cart_error *error)
{
	const char *colon = strrchr(address, ':');
	const char *from = address, *end = colon;

	if (colon == NULL || strlen(colon + 1) == 0 || strlen(colon + 1) >= 8 ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return cart_error_set(error, "\"%s\" is not host:port, such as 127.0.0.1:8080",
				      address);
	/* getaddrinfo() would take it modulo 65536. */
	if (strtol(colon + 1, NULL, 10) > UINT16_MAX)
		return cart_error_set(error, "\"%s\": a port is 0 to 65535", address);
	if (*from == '[' && end[-1] == ']') {
		from++;
		end--;
	} else if (memchr(from, ':', (size_t)(end - from)) != NULL) {
		return cart_error_set(error, "\"%s\": write an IPv6 address in brackets", address);
	}
	if (end <= from || end - from >= 256)
		return cart_error_set(error, "\"%s\" is not host:port", address);
	memcpy(host, from, (size_t)(end - from));
	host[end - from] = '\0';
	memcpy(port, colon + 1, strlen(colon + 1) + 1);
	return 0;
}

static int listener_resolve(const char *address, struct addrinfo **info, struct cart_error *error)
{
	const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
				       .ai_socktype = SOCK_STREAM};
	char host[256], port[8];
	int rc;

	if (listener_split(address, host, port, error) != 0)
		return -1;
	rc = getaddrinfo(host, port, &hints, info);
	if (rc != 0)
		return cart_error_set(error, "\"%s\": %s", address,
				      rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
	return 0;
}

static void listener_set(int fd, int level, int option)
{
	const int on = 1;

	/* If this fails, bind() fails too, or it only costs speed. */
	(void)setsockopt(fd, level, option, &on, sizeof(on));
}

/* A socket bound to it and listening, or -1 and errno. */
static int listener_bind(const struct addrinfo *info, bool shared)
{
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	listener_set(fd, SOL_SOCKET, SO_REUSEADDR);
	if (shared)
		listener_set(fd, SOL_SOCKET, SO_REUSEPORT);
	if (info->ai_family == AF_INET6)
		listener_set(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	/* Accepted sockets inherit it: an answer never waits for the ACK of the one before. */
	listener_set(fd, IPPROTO_TCP, TCP_NODELAY);
	if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, LISTENER_BACKLOG) != 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static int listener_port_of(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
	return ntohs(((const struct sockaddr_in *)address)->sin_port);
}

/* Says in error why not; of a port that is taken, by whom. */
static void listener_refused(const char *address, const struct addrinfo *info, int reason,
			     struct cart_error *error)
{
	struct sockaddr_storage copy = {0};
	char holder[80] = "";

	memcpy(&copy, info->ai_addr, info->ai_addrlen);
	if (reason == EADDRINUSE)
		holder_describe(listener_port_of(&copy), holder, sizeof(holder));
	cart_error_set(error, "cannot listen on %s: %s%s", address, strerror(reason), holder);
}

static int listener_socket(const char *address, bool shared, struct cart_error *error)
{
	struct addrinfo *info;
	int fd;

	if (listener_resolve(address, &info, error) != 0)
		return -1;
	fd = listener_bind(info, shared);
	if (fd < 0)
		listener_refused(address, info, errno, error);
	freeaddrinfo(info);
	return fd;
}

int http_address_check(const char *address, struct cart_error *error)
{
	int fd = listener_socket(address, false, error);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int listener_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return 0;
	return listener_port_of(&address);
}

static void listener_apply(struct http_server *server)
{
	const struct listener_list *list = &server->listeners;
	const struct listener *listener;

	SLIST_FOREACH(listener, &list->all, link)
	{
		if (list->at_limit || list->sweeps_to_wait > 0)
			evconnlistener_disable(listener->listener);
		else
			evconnlistener_enable(listener->listener);
	}
}

static struct http_server *listener_owner(const struct evconnlistener *evlistener)
{
	struct http_server *server = NULL;
	const struct listener *listener;

	pthread_mutex_lock(&listener_registry_lock);
	SLIST_FOREACH(listener, &listener_registry, registry)
	{
		if (listener->listener == evlistener)
			server = listener->server;
	}
	pthread_mutex_unlock(&listener_registry_lock);
	return server;
}

/* accept() failed. Without a pause the loop would spin: the socket stays readable. */
static void listener_failed(struct evconnlistener *evlistener, void *user)
{
	static struct log_limit limit;
	int code = errno;
	struct http_server *server = listener_owner(evlistener);
	int64_t left_out;

	(void)user;
	http_count(server, server->config.metrics->out_of_files, 1);
	if (server->listeners.sweeps_to_wait == 0 && !sweep_reclaim(server) &&
	    log_limit_pass(&limit, clock_monotonic_ns(server->config.clock), &left_out))
		log_event(
			LOG_WARN,
			"cannot accept connections for now; raise the limit of open files if this "
			"goes on",
			LOG_STR("reason", strerror(code)),
			LOG_INT("connections", (int64_t)server->connections),
			LOG_COUNT("left_out", left_out));
	server->listeners.sweeps_to_wait = LISTENER_WAIT_SWEEPS;
	listener_apply(server);
}

static void listener_register(struct http_server *server, struct listener *listener)
{
	listener->server = server;
	SLIST_INSERT_HEAD(&server->listeners.all, listener, link);
	pthread_mutex_lock(&listener_registry_lock);
	SLIST_INSERT_HEAD(&listener_registry, listener, registry);
	pthread_mutex_unlock(&listener_registry_lock);
}

/* The socket is evhttp's, or closed. */
static void listener_forget(struct listener *listener)
{
	SLIST_REMOVE(&listener->server->listeners.all, listener, listener, link);
	pthread_mutex_lock(&listener_registry_lock);
	SLIST_REMOVE(&listener_registry, listener, listener, registry);
	pthread_mutex_unlock(&listener_registry_lock);
	free(listener);
}

int listener_open(struct http_server *server, const char *address, int *port,
		  struct cart_error *error)
{
	int fd = listener_socket(address, true, error);
	struct listener *listener;

	if (fd < 0)
		return -1;
	if (port != NULL)
		*port = listener_port(fd);
	listener = calloc(1, sizeof(*listener));
	if (listener == NULL)
		goto fail;
	listener->listener = evconnlistener_new(
		server->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (listener->listener == NULL)
		goto fail;
	fd = -1;
	listener->bound = evhttp_bind_listener(server->evhttp, listener->listener);
	if (listener->bound == NULL)
		goto fail;
	evconnlistener_set_error_cb(listener->listener, listener_failed);
	listener_register(server, listener);
	return 0;
fail:
	if (fd >= 0)
		close(fd);
	if (listener != NULL && listener->listener != NULL)
		evconnlistener_free(listener->listener);
	free(listener);
	return cart_error_set(error, "cannot listen on %s: no memory", address);
}

static size_t listener_limit(const struct http_server *server)
{
	return server->config.limits.connections_max;
}

static bool listener_has_queued(const struct http_server *server)
{
	const struct listener *listener;

	SLIST_FOREACH(listener, &server->listeners.all, link)
	{
		struct pollfd queue = {.fd = evconnlistener_get_fd(listener->listener),
				       .events = POLLIN};

		if (poll(&queue, 1, 0) > 0)
			return true;
	}
	return false;
}

/* An idle connection is closed only if a client waits for its place. */
static bool listener_make_room(struct http_server *server)
{
	if (!listener_has_queued(server) && !atomic_load(&listener_place_wanted))
		return false;
	bool made = sweep_reclaim(server);

	atomic_store(&listener_place_wanted, !made);
	return made;
}

void listener_accepted(struct http_server *server)
{
	size_t open = atomic_fetch_add(&listener_connections, 1) + 1;

	/* Loops that accept at the same moment may go over by one each. A service that drains takes
	 * what is queued, limit or not: those clients would be reset. */
	if (open < listener_limit(server) || server->draining || listener_make_room(server))
		return;
	if (!server->listeners.at_limit)
		http_count(server, server->config.metrics->at_limit, 1);
	server->listeners.at_limit = true;
	listener_apply(server);
}

void listener_released(struct http_server *server)
{
	size_t open = atomic_fetch_sub(&listener_connections, 1) - 1;

	if (server->listeners.at_limit && open < listener_limit(server)) {
		server->listeners.at_limit = false;
		listener_apply(server);
	}
}

void listener_sweep(struct http_server *server)
{
	struct listener_list *list = &server->listeners;
	bool full =
		atomic_load(&listener_connections) >= listener_limit(server) && !server->draining;

	/* Another loop may have taken the last place, or freed one. */
	if (full && list->at_limit)
		full = !listener_make_room(server);
	else if (!full)
		atomic_store(&listener_place_wanted, false);
	if (list->sweeps_to_wait == 0 && list->at_limit == full)
		return;
	list->at_limit = full;
	if (list->sweeps_to_wait > 0)
		list->sweeps_to_wait--;
	listener_apply(server);
}

/*
 * Closing a listening socket resets what is in its accept queue, and clients that come between the
 * last accept() and close() would believe to be connected. So the kernel drops their SYNs first
 * (they try again a second later, and are refused); handshakes under way can finish.
 */
static void listener_turn_away(int fd)
{
	struct sock_filter drop_syn[] = {
		/* The flags of the TCP header: SYN without ACK is dropped, all else passes. */
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, LISTENER_SYN | LISTENER_ACK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LISTENER_SYN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog program = {.len = sizeof(drop_syn) / sizeof(drop_syn[0]),
					   .filter = drop_syn};

	/* If this fails, some clients get a reset instead of a refused connection. */
	(void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

bool listener_drain(struct http_server *server)
{
	struct listener_list *list = &server->listeners;
	struct listener *listener;

	if (SLIST_EMPTY(&list->all))
		return true;
	if (list->empty_sweeps == 0) {
		SLIST_FOREACH(listener, &list->all, link)
		listener_turn_away(evconnlistener_get_fd(listener->listener));
	}
	list->empty_sweeps = listener_has_queued(server) ? 1 : list->empty_sweeps + 1;
	if (list->empty_sweeps <= LISTENER_EMPTY_SWEEPS)
		return false;
	while ((listener = SLIST_FIRST(&list->all)) != NULL) {
		evhttp_del_accept_socket(server->evhttp, listener->bound);
		listener_forget(listener);
	}
	return true;
}

void listener_free_all(struct http_server *server)
{
	struct listener *listener;

	while ((listener = SLIST_FIRST(&server->listeners.all)) != NULL)
		listener_forget(listener);
}
