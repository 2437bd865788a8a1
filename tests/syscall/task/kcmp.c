/* SPDX-License-Identifier: MIT */
/* kcmp(2), pidfd_getfd(2): comparing the resources of two tasks. */
#include "t.h"
#include <linux/kcmp.h>

static long same(pid_t a, pid_t b, int type, unsigned long x, unsigned long y)
{
	long r = syscall(SYS_kcmp, a, b, type, x, y);

	return r > 0 ? 1 : r; /* only says "different" */
}

TEST(kcmp)
{
	int fd, copy, other, pidfd, got;
	pid_t me = getpid(), pid;
	char c = 0;

	t_text("f", "contents");
	fd = NEED(open("f", O_RDONLY));
	copy = NEED(dup(fd));
	other = NEED(open("f", O_RDONLY));
	T(same(me, me, KCMP_FILE, fd, copy));
	T(same(me, me, KCMP_FILE, fd, other));
	pid = SPAWN(pause());
	t_until(pid, 'S');
	T(same(me, pid, KCMP_FILE, fd, copy));
	T(same(me, pid, KCMP_FILES, 0, 0));
	T(same(me, pid, KCMP_VM, 0, 0));
	T(same(me, me, KCMP_VM, 0, 0));
	T(syscall(SYS_kcmp, me, me, 99, 0, 0));
	T(same(me, me, KCMP_IO, 0, 0));
	T(same(me, me, KCMP_SYSVSEM, 0, 0));
	T(same(me, me, KCMP_TYPES, 0, 0));
	T(same(me, me, -1, 0, 0));
	T(syscall(SYS_kcmp, me, 1 << 29, KCMP_VM, 0, 0));
	T(syscall(SYS_kcmp, me, me, KCMP_FILE, fd, 999));
	pidfd = NEED(syscall(SYS_pidfd_open, pid, 0));
	got = OK(syscall(SYS_pidfd_getfd, pidfd, fd, 0));
	T(same(me, pid, KCMP_FILE, got, fd));
	T(fcntl(got, F_GETFD));
	T(read(got, &c, 1));
	T(syscall(SYS_pidfd_getfd, pidfd, 999, 0));
	T(syscall(SYS_pidfd_getfd, pidfd, fd, 1));
	T(syscall(SYS_pidfd_getfd, 1, fd, 0));
	CHILD({
		NEED(setuid(65534));
		T(syscall(SYS_pidfd_getfd, pidfd, fd, 0));
		T(same(pid, me, KCMP_VM, 0, 0));
	});
	kill(pid, SIGKILL);
	t_wait("child", pid);
	T(syscall(SYS_pidfd_getfd, pidfd, fd, 0));
}
