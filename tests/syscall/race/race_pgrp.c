/* SPDX-License-Identifier: MIT */
/*
 * race_pgrp: a process queries its own group (kill, getpriority, ioprio_get, wait) while its parent
 * moves it from group to group. The group that it leaves, whose founder is dead, ends with its id.
 * Whether the old group is still found is left open; a debug kernel notices an id that is used
 * after it was freed.
 */
#include "t.h"

static void ask(int out)
{
	NEED(write(out, "", 1));
	while (getppid() != 1) {
		kill(0, 0);
		getpriority(PRIO_PGRP, 0);
		syscall(SYS_ioprio_get, 2, 0);
		waitpid(0, NULL, WNOHANG);
	}
}

static void move(pid_t pid)
{
	for (int i = 0; i < 200; i++) {
		pid_t founder = t_group();

		NEED(setpgid(pid, founder));
		t_kill(founder);
		NEED(setpgid(pid, pid));
	}
}

TEST(race_pgrp)
{
	pid_t pid;
	int p[2];
	char c;

	NEED(pipe(p));
	pid = SPAWN(ask(p[1]));
	NEED(read(p[0], &c, 1));
	move(pid);
	kill(pid, SIGKILL);
	t_wait("who asks", pid);
}
