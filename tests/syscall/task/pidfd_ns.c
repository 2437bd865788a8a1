/* SPDX-License-Identifier: MIT */
/*
 * pidfd_ns: features of younger kernels about processes: namespaces by pidfd (ioctl), pidfd_getfd
 * from a process that has ended, syscall user dispatch set by a tracer, the clocks of a program
 * that a vfork child execs, Kthread in /proc/PID/status.
 */
#include "guest.h"
#include "traced.h"

#include <linux/prctl.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define GET_NS(nr) _IO(0xff, nr)
#define SET_DISPATCH 0x4210
#define GET_DISPATCH 0x4211

static void namespaces(void)
{
	static const char *const name[] = { "cgroup", "ipc", "mnt", "net", "pid",
		"pid_for_children", "time", "time_for_children", "user", "uts" };
	pid_t pid = SPAWN(pause());
	int fd = NEED(syscall(SYS_pidfd_open, pid, 0));
	struct stat a, b;
	char path[64];

	for (int i = 0; i < 10; i++) {
		int ns = GNEED(ioctl(fd, GET_NS(i + 1), 0));
		bool same = false;

		snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name[i]);
		if (in_guest()) {
			NEED(fstat(ns, &a));
			NEED(stat(path, &b));
			same = a.st_ino == b.st_ino && a.st_dev == b.st_dev;
			close(ns);
		}
		say("%s: %s", name[i], !in_guest() || same ? "the same" : "another");
	}
	G(ioctl(fd, GET_NS(1), 1), "-1 EINVAL");
	G(ioctl(fd, GET_NS(0), 0), "-1 ENOTTY");
	G(ioctl(fd, GET_NS(50), 0), "-1 ENOTTY");
	NEED(kill(pid, SIGKILL));
	NEED(waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT));
	T(syscall(SYS_pidfd_getfd, fd, 0, 0));
	G(ioctl(fd, GET_NS(3), 0), "-1 ESRCH");
	t_wait("child", pid);
	G(ioctl(fd, GET_NS(3), 0), "-1 ESRCH");
}

static void dispatch(void)
{
	uint64_t c[4] = { PR_SYS_DISPATCH_ON, 0, 0x1000, 0x2000 }, got[4] = { 9, 9, 9, 9 };
	pid_t pid = TRACED();

	G(ptrace(GET_DISPATCH, pid, 32, got), "0");
	GIS(!got[0] && !got[1] && !got[2] && !got[3]);
	G(ptrace(SET_DISPATCH, pid, 24, c), "-1 EINVAL");
	G(ptrace(SET_DISPATCH, pid, 32, c), "0");
	G(ptrace(GET_DISPATCH, pid, 32, got), "0");
	GIS(!memcmp(c, got, sizeof(c)));
	c[0] = PR_SYS_DISPATCH_OFF;
	G(ptrace(SET_DISPATCH, pid, 32, c), "-1 EINVAL");
	NEED(kill(pid, SIGKILL));
	t_wait("traced", pid);
}

static long seconds(void)
{
	struct timespec t;

	NEED(clock_gettime(CLOCK_MONOTONIC, &t));
	return (long)t.tv_sec;
}

/*
 * Checks that a child of vfork keeps the clocks of its parent, in whose memory it lives, and that
 * its new program has those that children get.
 */
static void clocks(void)
{
	char was[32], *argv[] = { "pidfd_ns", was, NULL };
	pid_t pid;
	int fd;

	snprintf(was, sizeof(was), "%ld", seconds());
	if (!in_guest() || unshare(CLONE_NEWTIME)) {
		say("the parent's: yes");
		say("own: yes");
		return;
	}
	fd = NEED(open("/proc/self/timens_offsets", O_WRONLY));
	NEED(write(fd, "monotonic 36000 0", 17));
	close(fd);
	pid = vfork();
	if (!pid) {
		say("the parent's: %s", seconds() - atol(was) < 1000 ? "yes" : "no");
		execv("/proc/self/exe", argv);
		_exit(1);
	}
	NEED(waitpid(pid, NULL, 0));
}

static void status(void)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (in_guest() && !strncmp(line, "Kthread", 7))
			say("%.10s", line);
	if (!in_guest())
		say("Kthread:\t0");
}

TEST(pidfd_ns)
{
	if (t_argc > 1) {
		say("own: %s", seconds() - atol(t_argv[1]) >= 36000 ? "yes" : "no");
		return;
	}
	namespaces();
	dispatch();
	clocks();
	status();
}
