#include "server/http/holder.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOLDER_LISTENS 0x0A /* TCP_LISTEN of proc_pid_net(5) */

/* The inode of a socket that listens on the port, by one of the kernel's tables; 0: none. */
static unsigned long holder_inode_in(const char *table, unsigned int wanted)
{
	FILE *file = fopen(table, "re");
	unsigned long inode, found = 0;
	unsigned int port, state;
	char line[512];

	while (file != NULL && found == 0 && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, " %*d: %*[0-9A-F]:%x %*s %x %*s %*s %*s %*s %*s %lu", &port,
			   &state, &inode) == 3 &&
		    port == wanted && state == HOLDER_LISTENS)
			found = inode;
	if (file != NULL)
		fclose(file);
	return found;
}

/* Whether one of the process's file descriptors is that socket. */
static bool holder_has(const char *process, const char *socket)
{
	char path[300], target[64];
	struct dirent *entry;
	bool found = false;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%s/fd", process);
	folder = opendir(path);
	while (folder != NULL && !found && (entry = readdir(folder)) != NULL) {
		ssize_t length = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target));

		found = length == (ssize_t)strlen(socket) &&
			memcmp(target, socket, (size_t)length) == 0;
	}
	if (folder != NULL)
		closedir(folder);
	return found;
}

static void holder_name(const char *process, char *text, size_t room)
{
	char path[300], name[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/comm", process);
	file = fopen(path, "re");
	if (file != NULL && fgets(name, sizeof(name), file) != NULL)
		snprintf(text, room, ", by %.*s (process %s)", (int)strcspn(name, "\n"), name,
			 process);
	if (file != NULL)
		fclose(file);
}

void holder_describe(int port, char *text, size_t room)
{
	unsigned long inode = holder_inode_in("/proc/net/tcp", (unsigned int)port);
	struct dirent *entry;
	char socket[64];
	DIR *processes;

	text[0] = '\0';
	if (inode == 0)
		inode = holder_inode_in("/proc/net/tcp6", (unsigned int)port);
	processes = inode != 0 ? opendir("/proc") : NULL;
	if (processes == NULL)
		return;
	snprintf(socket, sizeof(socket), "socket:[%lu]", inode);
	while (text[0] == '\0' && (entry = readdir(processes)) != NULL)
		if (strtol(entry->d_name, NULL, 10) > 0 && holder_has(entry->d_name, socket))
			holder_name(entry->d_name, text, room);
	closedir(processes);
}
