/* SPDX-License-Identifier: MIT */
/*
 * head.c: records for each running instance the state to which it was last saved or rolled back, or
 * from which it was started: the parent of the instance's next state. The record is a symbolic link
 * .at/PID-START in the store. START is the time when the kernel process began, so that a later
 * process with the same pid has no record. If the link cannot be written or read, the next state
 * has no parent.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/instance.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/state/state.h"

static const char *folder(void)
{
	return format("%s/.at", state_store());
}

static const char *link_of(pid_t pid)
{
	return format("%s/%d-%llu", folder(), (int)pid, process_start(pid));
}

/* Removes the records of processes that have ended. */
static void sweep(void)
{
	DIR *d = opendir(folder());

	for (struct dirent *e; d && (e = readdir(d));) {
		unsigned long long start;
		int pid;

		if (sscanf(e->d_name, "%d-%llu", &pid, &start) == 2 && process_start(pid) != start)
			unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		closedir(d);
}

void head_set(pid_t pid, const char *name)
{
	const char *link = link_of(pid), *fresh = format("%s.%d", link, (int)getpid());

	mkdir(folder(), 0700);
	sweep();
	if (symlink(name, fresh) || rename(fresh, link))
		unlink(fresh);
}

const char *head_get(pid_t pid)
{
	char name[PATH_MAX];
	ssize_t n = readlink(link_of(pid), name, sizeof(name) - 1);

	if (n <= 0)
		return NULL;
	name[n] = '\0';
	return format("%s", name);
}
