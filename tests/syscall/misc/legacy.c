/* SPDX-License-Identifier: MIT */
/*
 * Calls that libc does not make any more, by their numbers: open, fork, nanosleep, getrlimit,
 * setrlimit, mknod ...
 */
#include "t.h"

TEST(legacy)
{
	struct timespec ts = { 0, 1000000 }, bad = { 0, -1 };
	struct rlimit lim, small = { 100, 100 };
	siginfo_t si;
	long r;
	char c;
	int fd;

	T(syscall(SYS_open, "f", O_RDONLY, 0));
	fd = OK(syscall(SYS_open, "f", O_RDWR | O_CREAT, 0640));
	T(write(fd, "x", 1));
	OK(syscall(SYS_creat, "f", 0600));
	T(pread(fd, &c, 1, 0));
	T(syscall(SYS_open, BAD, O_RDONLY, 0));
	r = syscall(SYS_fork);
	if (!r)
		_exit(5);
	t_wait("fork", r);
	r = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (!r)
		_exit(6);
	T(syscall(SYS_waitid, P_PID, r, &si, WEXITED, NULL));
	say("%d", si.si_status);
	T(syscall(SYS_nanosleep, &ts, NULL));
	T(syscall(SYS_nanosleep, &bad, NULL));
	T(syscall(SYS_getrlimit, RLIMIT_STACK, &lim));
	T(syscall(SYS_setrlimit, RLIMIT_NOFILE, &small));
	T(syscall(SYS_getrlimit, RLIMIT_NOFILE, &lim));
	say("%ld", (long)lim.rlim_cur);
	T(syscall(SYS_setrlimit, RLIMIT_CORE, BAD));
	T(syscall(SYS_getrlimit, 99, &lim));
	T(syscall(SYS_mknod, "node", S_IFREG | 0600, 0));
	T(syscall(SYS_mknod, "node", S_IFREG | 0600, 0));
	T(syscall(SYS_access, "node", R_OK));
	T(syscall(SYS_alarm, 0));
	T(syscall(SYS_getpgrp) == getpgrp());
}
