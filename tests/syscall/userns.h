/* SPDX-License-Identifier: MIT */
/* userns.h: for root: a child that is root of a user namespace of its own, whose ids are those of its maker from @base on. */
#ifndef TESTS_SYSCALL_USERNS_H
#define TESTS_SYSCALL_USERNS_H

#include "t.h"

/* Writes one of /proc/PID's files: its maps, setgroups. */
static T_UNUSED void userns_write(pid_t pid, const char *which, const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, which);
	fd = NEED(open(path, O_WRONLY));
	NEED(write(fd, text, strlen(text)));
	close(fd);
}

static T_UNUSED void userns_map(pid_t pid, const char *which, int base, int n)
{
	char text[64];

	snprintf(text, sizeof(text), "0 %d %d", base, n);
	userns_write(pid, which, text);
}

/* Runs @fn in a child with namespaces @flags besides; it has @n ids. To be waited for. */
static T_UNUSED pid_t userns_spawn(int flags, int base, int n, void (*fn)(void))
{
	int up[2], down[2];
	pid_t pid;
	char c;

	NEED(pipe(up));
	NEED(pipe(down));
	pid = SPAWN({
		NEED(unshare(CLONE_NEWUSER | flags));
		NEED(write(up[1], "x", 1));
		NEED(read(down[0], &c, 1));
		NEED(setgroups(0, NULL));
		NEED(setresgid(0, 0, 0));
		NEED(setresuid(0, 0, 0));
		fn();
	});
	NEED(read(up[0], &c, 1));
	userns_map(pid, "uid_map", base, n);
	userns_map(pid, "gid_map", base, n);
	NEED(write(down[1], "x", 1));
	close(up[0]);
	close(up[1]);
	close(down[0]);
	close(down[1]);
	return pid;
}

#endif
