/* SPDX-License-Identifier: MIT */
/* waitid(2): contents of siginfo, WNOWAIT, P_PIDFD, errors. */
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

/* Prints what waitid leaves in @si when there is no child to report, or the call is wrong. */
static void empty_info(const char *what, int which, id_t id, int options)
{
	siginfo_t si;

	memset(&si, 0x55, sizeof(si));
	errno = 0;
	waitid(which, id, &si, options);
	say("%s: %s, signo %d code %d pid %d status %d", what, t_errno(errno), si.si_signo,
		si.si_code, si.si_pid, si.si_status);
}

static void failures(void)
{
	pid_t pid;

	empty_info("no child", P_ALL, 0, WEXITED);
	empty_info("no option", P_ALL, 0, 0);
	empty_info("bad option", P_ALL, 0, WEXITED | 0x100);
	empty_info("bad type", 9, 0, WEXITED);
	empty_info("bad pidfd", P_PIDFD, 9999, WEXITED);
	T(syscall(SYS_waitid, P_ALL, 0, BAD, WEXITED, NULL));
	T(syscall(SYS_waitid, P_ALL, 0, BAD, 0, NULL));
	T(syscall(SYS_waitid, 9, 0, BAD, WEXITED, NULL));
	T(syscall(SYS_waitid, P_ALL, 0, NULL, WEXITED, NULL));
	t_handle(SIGALRM, 0);
	pid = SPAWN(pause());
	ualarm(10000, 10000);
	empty_info("interrupted", P_ALL, 0, WEXITED);
	ualarm(0, 0);
	empty_info("not yet", P_ALL, 0, WEXITED | WNOHANG);
	kill(pid, SIGKILL);
	t_wait("child", pid);
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
	failures();
}
