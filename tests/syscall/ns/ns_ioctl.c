/* SPDX-License-Identifier: MIT */
/*
 * Linux 6.11: the namespaces of a pidfd; the id of a mount namespace; numbers of processes in
 * another pid namespace.
 */
#include "t.h"
#include <sys/ioctl.h>

#define PIDFD_GET(n) _IO(0xff, n)
#define MNTNS_ID _IOR(0xb7, 5, uint64_t)
#define PID_FROM _IOR(0xb7, 6, int)
#define TGID_FROM _IOR(0xb7, 7, int)
#define PID_IN _IOR(0xb7, 8, int)
#define TGID_IN _IOR(0xb7, 9, int)

static void namespaces(void)
{
	static const char *const names[] = { "cgroup", "ipc", "mnt", "net", "pid",
		"pid_for_children", "time", "time_for_children", "user", "uts" };
	int pidfd = NEED(syscall(SYS_pidfd_open, getpid(), 0));

	for (int i = 1; i <= 10; i++) {
		struct stat a, b;
		char path[64];
		int fd = ioctl(pidfd, PIDFD_GET(i), 0);

		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i - 1]);
		if (fd == -1 || fstat(fd, &a) || stat(path, &b))
			say("%s: %s", names[i - 1], t_errno(errno));
		else
			say("%s: %s, flags %d", names[i - 1],
				a.st_ino == b.st_ino && a.st_dev == b.st_dev ? "the same" : "other",
				fcntl(fd, F_GETFD));
		close(fd);
	}
	T(ioctl(pidfd, PIDFD_GET(0), 0));
	T(ioctl(pidfd, PIDFD_GET(1), 1));
	T(ioctl(pidfd, TCGETS, 0));
	T(open("/proc/self/ns/uts", O_RDWR));
	T(open("/proc/self/ns/user", O_WRONLY));
	close(pidfd);
}

static void numbers(void)
{
	int mnt = NEED(open("/proc/self/ns/mnt", O_RDONLY)),
	    pid = NEED(open("/proc/self/ns/pid", O_RDONLY)), below;
	uint64_t id = 0, again = 0;
	char path[64];
	pid_t c;

	T(ioctl(mnt, MNTNS_ID, &id));
	T(ioctl(mnt, MNTNS_ID, &again));
	IS(id && id == again);
	T(ioctl(mnt, MNTNS_ID, BAD));
	T(ioctl(pid, MNTNS_ID, &id));
	T(ioctl(mnt, PID_FROM, getpid()));
	IS(ioctl(pid, PID_FROM, getpid()) == getpid());
	IS(ioctl(pid, TGID_IN, getpid()) == getpid());
	T(ioctl(pid, PID_IN, 0));
	T(ioctl(pid, PID_IN, -1));
	T(ioctl(pid, PID_FROM, 4000000));
	if (unshare(CLONE_NEWPID)) /* not as root: no more to ask */
		return;
	c = SPAWN(pause());
	t_until(c, 'S');
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", c);
	below = NEED(open(path, O_RDONLY));
	IS(ioctl(below, PID_FROM, 1) == c);
	IS(ioctl(below, TGID_FROM, 1) == c);
	T(ioctl(below, PID_IN, c));
	T(ioctl(below, TGID_IN, c));
	T(ioctl(below, PID_IN, getpid()));
	T(ioctl(below, PID_FROM, 2));
	kill(c, SIGKILL);
	t_wait("child", c);
}

static void gone(void)
{
	pid_t c = SPAWN(_exit(0));
	int pidfd = NEED(syscall(SYS_pidfd_open, c, 0));

	t_until(c, 'Z');
	T(ioctl(pidfd, PIDFD_GET(1), 0));
	T(ioctl(pidfd, PIDFD_GET(5), 0) != -1);
	T(ioctl(pidfd, PIDFD_GET(9), 0) != -1);
	t_wait("child", c);
	T(ioctl(pidfd, PIDFD_GET(1), 0));
	T(ioctl(pidfd, PIDFD_GET(9), 0));
}

TEST(ns_ioctl)
{
	namespaces();
	gone();
	numbers();
}
