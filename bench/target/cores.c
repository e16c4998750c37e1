/* /proc/net/tcp names the socket that listens on a port by its inode, /proc/PID/fd who has it. */
#include "bench/target/cores.h"

#include "bench/target/http_conn.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CORES_SOCKETS 16  /* that listen on one port: SO_REUSEPORT, or several addresses */
#define TCP_LISTEN    0xa /* as the kernel writes it */

/* Inodes, as readlink() shows them: "socket:[123]". */
struct cores_sockets {
	char names[CORES_SOCKETS][40];
	size_t count;
};

/* An address that a socket can be bound to is one of this machine. */
static bool cores_is_here(const struct http_address *address)
{
	struct sockaddr_storage any = address->storage;
	int fd = socket(any.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool here;

	if (any.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&any)->sin6_port = 0;
	else
		((struct sockaddr_in *)&any)->sin_port = 0;
	here = fd >= 0 && bind(fd, (const struct sockaddr *)&any, address->len) == 0;
	if (fd >= 0)
		close(fd);
	return here;
}

static void cores_find_sockets(struct cores_sockets *sockets, const char *table, unsigned port)
{
	FILE *file = fopen(table, "re");
	unsigned on, state;
	unsigned long inode;
	char line[512];

	while (file != NULL && sockets->count < CORES_SOCKETS &&
	       fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*s %*s %lu", &on,
			   &state, &inode) == 3 &&
		    on == port && state == TCP_LISTEN)
			snprintf(sockets->names[sockets->count++], sizeof(sockets->names[0]),
				 "socket:[%lu]", inode);
	if (file != NULL)
		fclose(file);
}

static bool cores_has_one(const char *pid, const struct cores_sockets *sockets)
{
	char path[600], target[40];
	const struct dirent *entry;
	bool found = false;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	fds = opendir(path);
	while (fds != NULL && !found && (entry = readdir(fds)) != NULL) {
		ssize_t len;

		snprintf(path, sizeof(path), "/proc/%.20s/fd/%s", pid, entry->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = '\0';
		for (size_t i = 0; i < sockets->count; i++)
			found = found || strcmp(target, sockets->names[i]) == 0;
	}
	if (fds != NULL)
		closedir(fds);
	return found;
}

/* Adds those of all threads of a process. */
static bool cores_add_threads(cpu_set_t *cores, const char *pid)
{
	char path[64];
	const struct dirent *entry;
	bool added = false;
	cpu_set_t set;
	DIR *threads;

	snprintf(path, sizeof(path), "/proc/%.20s/task", pid);
	threads = opendir(path);
	while (threads != NULL && (entry = readdir(threads)) != NULL) {
		pid_t id = (pid_t)strtol(entry->d_name, NULL, 10);

		if (id <= 0 || sched_getaffinity(id, sizeof(set), &set) != 0)
			continue;
		CPU_OR(cores, cores, &set);
		added = true;
	}
	if (threads != NULL)
		closedir(threads);
	return added;
}

bool cores_of_listener(cpu_set_t *cores, const struct http_address *address)
{
	/* The port is at the same place of both. */
	unsigned port = ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
	struct cores_sockets sockets = {.count = 0};
	const struct dirent *entry;
	bool found = false;
	DIR *processes;

	CPU_ZERO(cores);
	if (!cores_is_here(address))
		return false;
	cores_find_sockets(&sockets, "/proc/net/tcp", port);
	cores_find_sockets(&sockets, "/proc/net/tcp6", port);
	processes = sockets.count > 0 ? opendir("/proc") : NULL;
	while (processes != NULL && (entry = readdir(processes)) != NULL)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    cores_has_one(entry->d_name, &sockets))
			found = cores_add_threads(cores, entry->d_name) || found;
	if (processes != NULL)
		closedir(processes);
	return found;
}

const char *cores_format(const cpu_set_t *cores, char text[CORES_TEXT])
{
	size_t used = 0;

	text[0] = '\0';
	for (int i = 0; i < CPU_SETSIZE && used < CORES_TEXT - 8; i++)
		if (CPU_ISSET((size_t)i, cores))
			used += (size_t)snprintf(text + used, CORES_TEXT - used, "%s%d",
						 used > 0 ? "," : "", i);
	return text;
}
