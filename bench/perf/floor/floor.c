#include "bench/perf/floor/floor.h"

#include "core/base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void floor_die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, why);
	exit(2);
}

void *floor_alloc(void *old, size_t count, size_t size)
{
	void *new = old != NULL ? reallocarray(old, count, size) : calloc(count, size);

	if (new == NULL)
		floor_die("memory", strerror(errno));
	return new;
}

int floor_number(const char *text, const char *what, int min, int max)
{
	char *end, why[80];
	long value = strtol(text, &end, 10);

	if (*text != '\0' && *end == '\0' && value >= min && value <= max)
		return (int)value;
	snprintf(why, sizeof(why), "\"%.20s\" is not %d to %d", text, min, max);
	floor_die(what, why);
}

int64_t floor_now_ns(void)
{
	return clock_monotonic_ns(&cart_clock_system);
}

void floor_read_ids(struct floor_ids *ids, const char *path)
{
	FILE *file = fopen(path, "r");
	char line[CART_ID_TEXT + 2];
	size_t room = 0;

	if (file == NULL)
		floor_die(path, strerror(errno));
	while (fgets(line, sizeof(line), file) != NULL) {
		if (line[0] == '\n')
			continue;
		if (ids->count == room) {
			room = 2 * room + 1024;
			ids->ids = floor_alloc(ids->ids, room, sizeof(*ids->ids));
		}
		if (!cart_id_parse(&ids->ids[ids->count++], line, strcspn(line, "\n")))
			floor_die(path, "not an id a line");
	}
	fclose(file);
	if (ids->count == 0)
		floor_die(path, "no ids");
}

static void floor_stop(evutil_socket_t signal_number, short what, void *user)
{
	(void)signal_number;
	(void)what;
	event_base_loopbreak(user);
}

static struct bufferevent *floor_accepted(struct event_base *base, void *user)
{
	++*(size_t *)user;
	return bufferevent_socket_new(base, -1, 0);
}

static void floor_print_port(struct evhttp_bound_socket *bound)
{
	struct sockaddr_in at;
	socklen_t len = sizeof(at);

	if (bound == NULL ||
	    getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&at, &len) != 0)
		floor_die("listen", strerror(errno));
	printf("%d\n", ntohs(at.sin_port));
	fflush(stdout);
}

size_t floor_serve(int port, void (*handle)(struct evhttp_request *request, void *user), void *user)
{
	struct event_config *config = event_config_new();
	struct event_base *base;
	struct evhttp *http;
	struct event *stop;
	size_t connections = 0;

	signal(SIGPIPE, SIG_IGN);
	event_config_set_flag(config,
			      EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	base = event_base_new_with_config(config);
	http = evhttp_new(base);
	stop = evsignal_new(base, SIGTERM, floor_stop, base);
	evhttp_set_gencb(http, handle, user);
	evhttp_set_bevcb(http, floor_accepted, &connections);
	floor_print_port(evhttp_bind_socket_with_handle(http, "127.0.0.1", (uint16_t)port));
	event_add(stop, NULL);
	event_base_dispatch(base);
	event_free(stop);
	evhttp_free(http);
	event_base_free(base);
	event_config_free(config);
	return connections;
}

void floor_took(struct floor_times *times, int64_t ns)
{
	if (times->count == times->room) {
		times->room = 2 * times->room + 65536;
		times->ns = floor_alloc(times->ns, times->room, sizeof(*times->ns));
	}
	times->ns[times->count++] = ns;
}

static int floor_compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double floor_us(const struct floor_times *times, size_t percent)
{
	return (double)times->ns[times->count * percent / 100] / 1e3;
}

void floor_print(struct floor_times *times, double seconds, size_t each)
{
	size_t operations = times->count * each;

	if (operations == 0)
		floor_die("time", "nothing was done within it");
	qsort(times->ns, times->count, sizeof(*times->ns), floor_compare);
	printf("{\"operations\": %zu, \"refused\": %zu, \"seconds\": %.6f, \"per_s\": %.1f, "
	       "\"p50_us\": %.2f, \"p99_us\": %.2f}\n",
	       operations, times->refused, seconds, (double)operations / seconds,
	       floor_us(times, 50), floor_us(times, 99));
	free(times->ns);
}
