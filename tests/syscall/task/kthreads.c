/* SPDX-License-Identifier: MIT */
/*
 * kthreads: kernel threads: process 2 is their parent, they are in no group and no session, and no
 * other process is its child.
 */
#include "t.h"
#include <dirent.h>

#define PF_KTHREAD 0x00200000

static int wrong;

static void look(int pid)
{
	char path[64], text[512], *p;
	int ppid, pgrp, session, tty, tpgid;
	unsigned flags;
	ssize_t n;
	char state;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0) /* it has ended meanwhile */
		return;
	text[n] = 0;
	p = strrchr(text, ')');
	if (!p || sscanf(p + 1, " %c %d %d %d %d %d %u", &state, &ppid, &pgrp, &session, &tty,
			  &tpgid, &flags) != 7) {
		wrong++;
		return;
	}
	if (pid == 2) {
		text[p + 1 - text] = 0;
		say("%s %c, parent %d, group %d, session %d, tty %d %d, kernel thread: %d", text,
			state, ppid, pgrp, session, tty, tpgid, !!(flags & PF_KTHREAD));
	} else if (!!(flags & PF_KTHREAD) != (ppid == 2)) {
		wrong++;
	} else if (ppid == 2 && (pgrp || session || tty || tpgid != -1)) {
		wrong++;
	}
}

TEST(kthreads)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	NEED(d ? 0 : -1);
	while ((e = readdir(d)))
		if (atoi(e->d_name) > 0)
			look(atoi(e->d_name));
	closedir(d);
	say("wrong ones: %d", wrong);
	T(getpgid(2));
	T(getsid(2));
}
