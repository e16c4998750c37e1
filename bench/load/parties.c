#include "bench/load/parties.h"

#include "bench/stats/alloc.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TCP_ESTABLISHED 1 /* as the kernel writes it */
#define TCP_LISTEN	0xa
#define UNIX_CONNECTED	3
#define PORTS		65536

struct process {
	long pid;
	double used_s;
	bool works; /* for this process */
};

/* A socket that a process has. */
struct held {
	unsigned long inode;
	size_t process;
};

struct connection {
	unsigned long inode;
	unsigned from, to; /* ports */
};

struct parties {
	struct process *processes;
	struct held *held;
	struct connection *connections;
	unsigned long *unix_inodes;
	size_t process_count, held_count, connection_count, unix_count;
	bool listening[PORTS];
	bool other_networks; /* of containers, say */
};

/* False: it has ended. */
static bool process_read(struct process *process, const char *pid)
{
	char path[64], line[1024];
	unsigned long long user, system;
	const char *after;
	FILE *file;
	bool read;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	/* The name is in parentheses, and may have some itself. */
	after = fgets(line, sizeof(line), file) != NULL ? strrchr(line, ')') : NULL;
	read = after != NULL &&
	       sscanf(after, ") %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu", &user,
		      &system) == 2;
	fclose(file);
	if (read)
		*process = (struct process){.pid = strtol(pid, NULL, 10),
					    .used_s = (double)(user + system) /
						      (double)sysconf(_SC_CLK_TCK)};
	return read;
}

struct parties *parties_now(void)
{
	struct parties *parties = bench_alloc(1, sizeof(*parties));
	const struct dirent *entry;
	DIR *proc = opendir("/proc");

	while (proc != NULL && (entry = readdir(proc)) != NULL) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		parties->processes = bench_grow(parties->processes, parties->process_count,
						sizeof(*parties->processes));
		parties->process_count +=
			process_read(&parties->processes[parties->process_count], entry->d_name);
	}
	if (proc != NULL)
		closedir(proc);
	return parties;
}

void parties_free(struct parties **parties)
{
	if (*parties == NULL)
		return;
	free((*parties)->processes);
	free((*parties)->held);
	free((*parties)->connections);
	free((*parties)->unix_inodes);
	free(*parties);
	*parties = NULL;
}

static void parties_read_sockets(struct parties *parties, size_t process)
{
	char path[600], target[64];
	const struct dirent *entry;
	unsigned long inode;
	ssize_t len;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%ld/fd", parties->processes[process].pid);
	fds = opendir(path);
	while (fds != NULL && (entry = readdir(fds)) != NULL) {
		len = readlinkat(dirfd(fds), entry->d_name, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = '\0';
		if (sscanf(target, "socket:[%lu]", &inode) != 1)
			continue;
		parties->held =
			bench_grow(parties->held, parties->held_count, sizeof(*parties->held));
		parties->held[parties->held_count++] = (struct held){inode, process};
	}
	if (fds != NULL)
		closedir(fds);
}

static void parties_read_network(struct parties *parties, size_t process)
{
	char path[64], own[64] = "", other[64] = "";

	snprintf(path, sizeof(path), "/proc/%ld/ns/net", parties->processes[process].pid);
	if (readlink("/proc/self/ns/net", own, sizeof(own) - 1) > 0 &&
	    readlink(path, other, sizeof(other) - 1) > 0 && strcmp(own, other) != 0)
		parties->other_networks = true;
}

static void parties_read_tcp(struct parties *parties, const char *table)
{
	FILE *file = fopen(table, "re");
	struct connection one;
	unsigned state;
	char line[512];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line,
			   " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%x %x %*s %*s %*s %*s %*s %lu",
			   &one.from, &one.to, &state, &one.inode) != 4)
			continue;
		if (state == TCP_LISTEN && one.from < PORTS)
			parties->listening[one.from] = true;
		if (state != TCP_ESTABLISHED)
			continue;
		parties->connections = bench_grow(parties->connections, parties->connection_count,
						  sizeof(*parties->connections));
		parties->connections[parties->connection_count++] = one;
	}
	if (file != NULL)
		fclose(file);
}

/* Streams without a path: of those who have connected. */
static void parties_read_unix(struct parties *parties)
{
	FILE *file = fopen("/proc/net/unix", "re");
	unsigned type, state;
	unsigned long inode;
	char line[512], name[2];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "%*s %*x %*x %*x %x %x %lu %1s", &type, &state, &inode, name) !=
			    3 ||
		    type != 1 || state != UNIX_CONNECTED)
			continue;
		parties->unix_inodes = bench_grow(parties->unix_inodes, parties->unix_count,
						  sizeof(*parties->unix_inodes));
		parties->unix_inodes[parties->unix_count++] = inode;
	}
	if (file != NULL)
		fclose(file);
}

static const struct connection *parties_find(const struct parties *parties, unsigned long inode)
{
	for (size_t i = 0; i < parties->connection_count; i++)
		if (parties->connections[i].inode == inode)
			return &parties->connections[i];
	return NULL;
}

static bool parties_has_unix(const struct parties *parties, unsigned long inode)
{
	for (size_t i = 0; i < parties->unix_count; i++)
		if (parties->unix_inodes[i] == inode)
			return true;
	return false;
}

/* Marks who has the other end. False: that cannot be seen. */
static bool parties_mark_peer(struct parties *parties, const struct connection *one, bool *marked)
{
	bool here = false, found = false;

	for (size_t i = 0; i < parties->connection_count; i++) {
		const struct connection *other = &parties->connections[i];

		if (other->from != one->to || other->to != one->from)
			continue;
		here = true;
		for (size_t j = 0; j < parties->held_count; j++) {
			struct process *process = &parties->processes[parties->held[j].process];

			if (parties->held[j].inode != other->inode)
				continue;
			found = true;
			*marked = *marked || !process->works;
			process->works = true;
		}
	}
	return here ? found : !parties->other_networks;
}

/* One more step from those that are marked. False: somebody cannot be seen. */
static bool parties_mark(struct parties *parties, bool *marked, size_t *connections)
{
	*marked = false;
	for (size_t i = 0; i < parties->held_count; i++) {
		const struct held *held = &parties->held[i];
		const struct connection *one;

		if (!parties->processes[held->process].works)
			continue;
		if (parties_has_unix(parties, held->inode))
			return false;
		/* Whoever has connected to it is another client. */
		one = parties_find(parties, held->inode);
		if (one == NULL || parties->listening[one->from % PORTS])
			continue;
		++*connections;
		if (!parties_mark_peer(parties, one, marked))
			return false;
	}
	return true;
}

static double parties_before(const struct parties *began, long pid)
{
	for (size_t i = 0; i < began->process_count; i++)
		if (began->processes[i].pid == pid)
			return began->processes[i].used_s;
	return 0;
}

bool parties_used(const struct parties *began, bool alone, double *used_s)
{
	struct parties *now = parties_now();
	bool known = true, marked = true;
	size_t connections = 0;

	for (size_t i = 0; i < now->process_count; i++) {
		parties_read_sockets(now, i);
		parties_read_network(now, i);
		now->processes[i].works = now->processes[i].pid == getpid();
	}
	parties_read_tcp(now, "/proc/net/tcp");
	parties_read_tcp(now, "/proc/net/tcp6");
	parties_read_unix(now);
	while (marked && known)
		known = parties_mark(now, &marked, &connections);
	*used_s = 0;
	for (size_t i = 0; i < now->process_count; i++) {
		const struct process *process = &now->processes[i];

		if (process->works && process->pid != getpid())
			*used_s += process->used_s - parties_before(began, process->pid);
	}
	parties_free(&now);
	return known && (alone || connections > 0);
}
