/* SPDX-License-Identifier: MIT */
/*
 * seccomp_exit: filters of a task are released when it exits, not when it is waited for: their
 * listener hangs up then (since Linux 6.11).
 */
#include "recorded.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#define SET_FLAGS SECCOMP_IOW(4, __u64)

static const char expected[] = "it ends: hung up 1, still a zombie 1, filters 2\n"
			       "ioctl(fd, SET_FLAGS, 1) = 0\n"
			       "ioctl(fd, SET_FLAGS, 2) = -1 EINVAL\n"
			       "ioctl(fd, SET_FLAGS, 0) = 0\n"
			       "a child has it still: hung up 0\n"
			       "no more: hung up 1\n";

static int install(unsigned flags)
{
	struct sock_filter f[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog prog = { 1, f };

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

static int *shared;

static pid_t with_listener(void (*fn)(void))
{
	pid_t pid;

	*shared = -2;
	pid = (pid_t)NEED(syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0));
	if (!pid) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		install(0);
		__atomic_store_n(
			shared, install(SECCOMP_FILTER_FLAG_NEW_LISTENER), __ATOMIC_RELEASE);
		fn();
		_exit(0);
	}
	T_WAIT(__atomic_load_n(shared, __ATOMIC_ACQUIRE) != -2);
	return pid;
}

static int hung_up(int fd, int ms)
{
	struct pollfd p = { .fd = fd };

	NEED(poll(&p, 1, ms));
	return p.revents == POLLHUP;
}

static int filters(pid_t pid)
{
	char path[32], line[256];
	int n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "Seccomp_filters: %d", &n);
	if (f)
		fclose(f);
	return n;
}

static void ends(void)
{
}

static void leaves_a_child(void)
{
	pid_t pid = fork();

	if (!pid) {
		pause();
		_exit(0);
	}
	shared[1] = pid;
}

TEST(seccomp_exit)
{
	pid_t pid, child;
	int fd;

	if (older_than(6, 11))
		RECORDED(expected);
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = with_listener(ends);
	fd = NEED(*shared);
	t_until(pid, 'Z');
	say("it ends: hung up %d, still a zombie %d, filters %d", hung_up(fd, 100000),
		t_state(pid) == 'Z', filters(pid) - filters(getpid()));
	NEED(waitpid(pid, NULL, 0));
	T(ioctl(fd, SET_FLAGS, 1));
	T(ioctl(fd, SET_FLAGS, 2));
	T(ioctl(fd, SET_FLAGS, 0));
	close(fd);

	NEED(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	pid = with_listener(leaves_a_child);
	fd = NEED(*shared);
	NEED(waitpid(pid, NULL, 0));
	say("a child has it still: hung up %d", hung_up(fd, 0));
	child = (pid_t)NEED(shared[1]);
	NEED(kill(child, SIGKILL));
	t_until(child, 'Z');
	say("no more: hung up %d", hung_up(fd, 100000));
	NEED(waitpid(child, NULL, 0));
	close(fd);
}
