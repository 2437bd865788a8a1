/* SPDX-License-Identifier: MIT */
/* pidfd_open(2), pidfd_send_signal(2): polling, signalling, errors. */
#include "newer.h"

/* In another pid namespace, a descriptor shows no id of a process that has none there. */
static void from_within(int outside)
{
	pid_t pid = SPAWN(pause());

	T(syscall(SYS_pidfd_send_signal, outside, 0, NULL, 0));
	T(syscall(SYS_pidfd_send_signal, outside, SIGKILL, NULL, 0));
	T(syscall(SYS_pidfd_send_signal, NEED(syscall(SYS_pidfd_open, pid, 0)), SIGTERM, NULL, 0));
	t_wait("its own", pid);
}

static void another_namespace(void)
{
	int fd = NEED(syscall(SYS_pidfd_open, getpid(), 0));

	if (unshare(CLONE_NEWPID))
		NEED(unshare(CLONE_NEWUSER | CLONE_NEWPID));
	CHILD(from_within(fd));
}

/* Opens a descriptor again: the new one refers to the same process, and outlives the first. */
static void again(pid_t pid)
{
	int fd = NEED(syscall(SYS_pidfd_open, pid, 0)), other, path;
	struct pollfd p = { .events = POLLIN };
	struct stat a, b;
	char name[40];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	path = NEED(open(name, O_PATH));
	p.fd = other = OK(open(name, O_RDWR));
	NEED(fstat(fd, &a));
	NEED(fstat(other, &b));
	say("%s", a.st_ino == b.st_ino ? "the same" : "another");
	close(fd);
	T(poll(&p, 1, 0));
	T(syscall(SYS_pidfd_send_signal, other, 0, NULL, 0));
	close(other);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", path);
	other = OK(open(name, O_RDONLY));
	close(path);
	T(syscall(SYS_pidfd_send_signal, other, 0, NULL, 0));
	close(other);
}

/* The descriptor of a reaped process hangs up, also for a poll without events. */
static void reaped(int fd, pid_t pid)
{
	struct pollfd p = { .fd = fd };
	pid_t other;

	T(poll(&p, 1, 0));
	other = SPAWN(_exit(poll(&p, 1, 100000) == 1 ? p.revents : 0));
	t_until(other, 'S');
	t_wait("child", pid);
	t_wait("poller", other);
	p.events = POLLIN;
	T(poll(&p, 1, 0));
	say("revents %d", p.revents);
}

/*
 * A thread may send itself any info, also one that looks like kill()'s. The process is not the
 * thread unless the thread is its first.
 */
static void *to_itself(void *arg)
{
	siginfo_t si = { .si_signo = SIGURG };
	int thread = (int)syscall(SYS_pidfd_open, gettid(), O_EXCL), process;

	have = thread >= 0 && !syscall(SYS_pidfd_send_signal, -10000, 0, NULL, 0);
	CHECK(syscall(SYS_pidfd_send_signal, -10000, SIGURG, &si, 0), 0);
	CHECK(syscall(SYS_pidfd_send_signal, -10001, SIGURG, &si, 0), arg ? -EPERM : 0);
	CHECK(syscall(SYS_pidfd_send_signal, thread, SIGURG, &si, 0), 0);
	close(thread);
	process = NEED(syscall(SYS_pidfd_open, getpid(), 0));
	T(syscall(SYS_pidfd_send_signal, process, SIGURG, &si, 0));
	T(syscall(SYS_rt_sigqueueinfo, getpid(), SIGURG, &si));
	close(process);
	return NULL;
}

static void itself(void)
{
	pthread_t t;

	to_itself(NULL);
	pthread_create(&t, NULL, to_itself, "second");
	pthread_join(t, NULL);
}

TEST(pidfd)
{
	struct pollfd p = { .events = POLLIN };
	siginfo_t si = { 0 };
	pid_t pid = SPAWN(pause());
	char dir[40];
	int fd;
	char c;

	fd = OK(syscall(SYS_pidfd_open, pid, 0));
	T(fcntl(fd, F_GETFD));
	p.fd = fd;
	T(poll(&p, 1, 0));
	again(pid);
	T(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
	T(syscall(SYS_pidfd_send_signal, fd, 65, NULL, 0));
	T(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0x80));
	si.si_signo = SIGUSR1;
	T(syscall(SYS_pidfd_send_signal, fd, SIGTERM, &si, 0));
	T(read(fd, &c, 1));
	T(write(fd, &c, 1));
	T(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
	T(poll(&p, 1, 100000));
	say("revents %d", p.revents & POLLIN);
	T(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0)); /* the zombie exists */
	reaped(fd, pid);
	T(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
	T(syscall(SYS_pidfd_open, pid, 0));
	T(syscall(SYS_pidfd_open, -1, 0));
	T(syscall(SYS_pidfd_open, 0, 0));
	T(syscall(SYS_pidfd_open, getpid(), 0x10));
	fd = NEED(
		open("/proc/self", O_RDONLY | O_DIRECTORY)); /* as good as a pidfd, for this call */
	T(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
	T(syscall(SYS_pidfd_send_signal, NEED(open("/proc", O_RDONLY)), 0, NULL, 0));
	T(syscall(SYS_pidfd_send_signal, NEED(open("/proc/self/task", O_RDONLY)), 0, NULL, 0));
	T(syscall(SYS_pidfd_send_signal, NEED(open("/proc/thread-self", O_RDONLY)), 0, NULL, 0));
	T(syscall(SYS_pidfd_send_signal, NEED(open("/proc/self", O_PATH)), 0, NULL, 0));
	pid = SPAWN(pause());
	snprintf(dir, sizeof(dir), "/proc/%d", pid);
	fd = NEED(open(dir, O_RDONLY));
	T(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
	t_wait("child", pid);
	T(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
	T(syscall(SYS_pidfd_send_signal, 1, 0, NULL, 0));
	T(syscall(SYS_pidfd_send_signal, -1, 0, NULL, 0));
	CHILD(another_namespace());
	itself();
}
