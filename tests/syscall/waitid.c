/* SPDX-License-Identifier: MIT */
/* waitid(2): what siginfo tells, WNOWAIT, P_PIDFD, errors. */
#include "t.h"
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static void show(const char *what, int r, const siginfo_t *si, pid_t pid)
{
	if (r == -1)
		say("%s: %s", what, t_errno(errno));
	else
		say("%s: signo %d code %d status %d pid %s uid %d", what, si->si_signo, si->si_code,
			si->si_status,
			si->si_pid == 0   ? "0" :
			si->si_pid == pid ? "right" :
					    "wrong",
			(int)si->si_uid);
}

TEST(waitid)
{
	siginfo_t si;
	pid_t pid;

	pid = SPAWN(_exit(5));
	show("look", waitid(P_PID, pid, &si, WEXITED | WNOWAIT), &si, pid);
	show("exited", waitid(P_PID, pid, &si, WEXITED), &si, pid);
	show("gone", waitid(P_PID, pid, &si, WEXITED), &si, pid);
	pid = SPAWN(pause());
	show("not yet", waitid(P_PID, pid, &si, WEXITED | WNOHANG), &si, pid);
	kill(pid, SIGSTOP);
	show("stopped", waitid(P_PID, pid, &si, WSTOPPED), &si, pid);
	kill(pid, SIGCONT);
	show("continued", waitid(P_PID, pid, &si, WCONTINUED), &si, pid);
	kill(pid, SIGTERM);
	show("killed", waitid(P_ALL, 0, &si, WEXITED), &si, pid);
	pid = SPAWN(raise(SIGKILL));
	show("group", waitid(P_PGID, getpgrp(), &si, WEXITED), &si, pid);
	pid = SPAWN(_exit(6));
	T(syscall(SYS_waitid, P_PID, pid, NULL, WEXITED, NULL));
	pid = SPAWN(_exit(7));
	{
		int fd = syscall(SYS_pidfd_open, pid, 0);

		show("pidfd", waitid(P_PIDFD, fd, &si, WEXITED), &si, pid);
		show("pidfd again", waitid(P_PIDFD, fd, &si, WEXITED), &si, pid);
		show("bad pidfd", waitid(P_PIDFD, -1, &si, WEXITED), &si, pid);
		show("no pidfd", waitid(P_PIDFD, 1, &si, WEXITED), &si, pid);
	}
	show("no option", waitid(P_ALL, 0, &si, 0), &si, 0);
	show("bad option", waitid(P_ALL, 0, &si, WEXITED | 0x100), &si, 0);
	show("bad type", waitid(9, 0, &si, WEXITED), &si, 0);
	show("pid 0", waitid(P_PID, 0, &si, WEXITED), &si, 0);
	show("no children", waitid(P_ALL, 0, &si, WEXITED), &si, 0);
	pid = SPAWN(_exit(8));
	T(syscall(SYS_waitid, P_PID, pid, BAD, WEXITED, NULL));
}
