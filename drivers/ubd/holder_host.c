/* SPDX-License-Identifier: MIT */
/*
 * holder_host.c: finds the owner of a lock on a file. F_OFD_GETLK cannot name the owner of a lock
 * of an open file description. But the fdinfo of the owner's descriptor has a line for the lock, if
 * /proc is mounted and this process may read the owner's files there.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/ubd/chain_host.h"
#include "os-linux/calls.h"

#define TRIES 20
#define TRY_MS 25

static bool fd_has_lock(const char *pid, const char *fd)
{
	char path[600], line[256];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, fd);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = !strncmp(line, "lock:", 5);
	if (f)
		fclose(f);
	return found;
}

static bool process_holds(const char *pid, const struct stat *file)
{
	char path[600];
	struct dirent *e;
	struct stat st;
	bool found = false;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	d = opendir(path);
	while (d && !found && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/%s/fd/%s", pid, e->d_name);
		found = *e->d_name != '.' && !stat(path, &st) && st.st_dev == file->st_dev &&
			st.st_ino == file->st_ino && fd_has_lock(pid, e->d_name);
	}
	if (d)
		closedir(d);
	return found;
}

static void name_of(const char *pid, char *name, size_t size)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	f = fopen(path, "re");
	if (!f || !fgets(name, (int)size, f))
		*name = 0;
	name[strcspn(name, "\n")] = 0;
	if (f)
		fclose(f);
}

const char *file_holder(int fd, char *out, size_t size)
{
	char self[16], name[32];
	struct dirent *e;
	struct stat st;
	DIR *d;

	*out = 0;
	snprintf(self, sizeof(self), "%d", (int)getpid());
	if (host_fstat(fd, &st) < 0)
		return out;
	d = opendir("/proc");
	while (d && !*out && (e = readdir(d))) {
		if (*e->d_name < '1' || *e->d_name > '9' || !strcmp(e->d_name, self) ||
			!process_holds(e->d_name, &st))
			continue;
		name_of(e->d_name, name, sizeof(name));
		snprintf(out, size, " (process %.10s, %s)", e->d_name, name);
	}
	if (d)
		closedir(d);
	return out;
}

int file_lock(int fd, struct flock *fl, char *who, size_t size)
{
	*who = 0;
	for (int tries = 0; fcntl(fd, F_OFD_SETLK, fl); tries++) {
		if (errno != EAGAIN && errno != EACCES)
			return -errno;
		if (*file_holder(fd, who, size) || tries == TRIES)
			return -EAGAIN;
		poll(NULL, 0, TRY_MS);
	}
	return 0;
}
