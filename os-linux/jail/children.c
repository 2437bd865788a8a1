/* SPDX-License-Identifier: MIT */
/*
 * children.c: calls of the jailed kernel process that act on another process or on a thread. The
 * seccomp filter cannot check whether a pid is a child's, so the broker (broker.c) makes these
 * calls. It accepts the descendants of the kernel process, which are the zygote, mappers and
 * runners (docs/skas.md), and for calls about scheduling also the threads of the kernel process. It
 * accepts neither itself nor its own children, which have all rights of the user.
 *
 * Signals: if Landlock confines the kernel process's signals to itself and its children
 * (threads.c), the kernel process sends them itself. Otherwise the broker sends them.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os-linux/jail/broker.h"

#define MASK_MAX 128 /* bytes: 1,024 CPUs */
#define ATTR_MAX 128
#define ATTR_LEAST 48
#define KEPT_FLAG 1UL /* SCHED_FLAG_RESET_ON_FORK */

/*
 * Children that were found recently. A pidfd shows whether the number still belongs to that
 * process, which is cheaper than reading the chain of its parents.
 */
#define FOUND_MAX 64
/* if the limit of open files is below this, no child is cached */
#define FILES_LEAST 512
static struct {
	int pid, fd;
} found[FOUND_MAX];

/* Returns the parent of @pid, or -1. */
static int parent_of(int pid)
{
	char path[64], text[512], *p;
	int fd, parent = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return -1;
	text[n] = 0;
	p = strrchr(text, ')');
	return p && sscanf(p, ") %*c %d", &parent) == 1 ? parent : -1;
}

static bool descends(int pid)
{
	for (int depth = 0; depth < 4 && pid > 1 && pid != getpid(); depth++) {
		if (pid == broker.kernel)
			return true;
		pid = parent_of(pid);
	}
	return false;
}

static bool may_keep(void)
{
	static int may = -1;
	struct rlimit rl;

	if (may < 0)
		may = !getrlimit(RLIMIT_NOFILE, &rl) && rl.rlim_cur >= FILES_LEAST;
	return may;
}

bool children_has(int pid)
{
	int slot = (unsigned)pid % FOUND_MAX, fd;

	if (pid > 0 && found[slot].pid == pid) {
		if (!syscall(SYS_pidfd_send_signal, found[slot].fd, 0, NULL, 0))
			return true;
		close(found[slot].fd);
		found[slot].pid = 0;
	}
	/*
	 * The pidfd comes first: the process that it names from now on is the one that is checked.
	 */
	fd = pid > 0 && may_keep() ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	if (!descends(pid)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	if (fd < 0)
		return true;
	if (found[slot].pid)
		close(found[slot].fd);
	found[slot].pid = pid;
	found[slot].fd = fd;
	return true;
}

static bool is_thread(int tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)broker.kernel, tid);
	return tid > 0 && !access(path, F_OK);
}

bool children_owns(int tid)
{
	return children_has(tid) || is_thread(tid);
}

static int set_affinity(int tid, uint64_t size, uint64_t addr)
{
	char mask[MASK_MAX];

	if (size > sizeof(mask) || !memory_read(addr, mask, size))
		return -EINVAL;
	return syscall(SYS_sched_setaffinity, tid, size, mask) ? -errno : 0;
}

/*
 * The policies that the kernel process uses. The broker may have rights that the kernel process has
 * given up, so it gives no task a real-time policy, whatever the host lets it do.
 */
static bool is_plain(int policy)
{
	return policy == SCHED_OTHER || policy == SCHED_BATCH;
}

static int set_scheduler(int tid, int policy, uint64_t addr)
{
	struct sched_param param;

	if (!is_plain(policy))
		return -EPERM;
	if (!memory_read(addr, &param, sizeof(param)))
		return -EFAULT;
	return syscall(SYS_sched_setscheduler, tid, policy, &param) ? -errno : 0;
}

/* The first fields of struct sched_attr, in room for those that a later host may write. */
union attr {
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
	};
	char room[ATTR_MAX];
};

static int set_attr(int tid, uint64_t addr)
{
	union attr attr, now;

	if (!memory_read(addr, &attr, ATTR_LEAST) || attr.size != ATTR_LEAST)
		return -EINVAL;
	if (!is_plain((int)attr.policy) || attr.flags & ~KEPT_FLAG)
		return -EPERM;
	if (syscall(SYS_sched_getattr, tid, &now, sizeof(now), 0))
		return -errno;
	if (attr.nice < now.nice)
		return -EPERM;
	return syscall(SYS_sched_setattr, tid, &attr, 0) ? -errno : 0;
}

/* Sends the signal through a pidfd, so that it reaches the process that was checked. */
static int send_signal(int pid, int sig)
{
	int fd, err = 0;

	if (sig != SIGKILL && sig != SIGUSR1)
		return -EPERM;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return -errno;
	if (!children_has(pid))
		err = -EPERM;
	else if (syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0))
		err = -errno;
	close(fd);
	return err;
}

static int debug(uint64_t request, int pid, uint64_t at, uint64_t dr7)
{
	uint64_t addr[4], dr6 = 0;
	int err;

	if (!children_has(pid) || pid == broker.kernel)
		return -EPERM;
	if (request == DEBUG_SET)
		return memory_read(at, addr, sizeof(addr)) ? debug_set(pid, addr, dr7) : -EFAULT;
	err = debug_hits(pid, &dr6);
	return err || memory_write(at, &dr6, sizeof(dr6)) ? err : -EFAULT;
}

/* True if the process executes the zygote's program, a memfd (os-linux/space_zygote.c). */
static bool is_space(int pid)
{
	static const char program[] = "/memfd:nestling-space";
	char path[64], target[sizeof(program)] = "";
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	n = readlink(path, target, sizeof(target) - 1);
	/* a container's filter may refuse one of the two calls */
	if (n < 0)
		n = readlinkat(AT_FDCWD, path, target, sizeof(target) - 1);
	return n > 0 && !strcmp(target, program);
}

/*
 * True for a mapper or a runner, which are children of the zygote. False for a child of the kernel
 * process, since a tracer would gain rights: the child is the zygote, whose filter lets it send to
 * addresses, or a program of the user without a filter, such as a terminal, from before the close.
 */
static bool may_be_traced(int pid)
{
	return children_has(pid) && pid != broker.kernel && parent_of(pid) != broker.kernel &&
	       is_space(pid);
}

/*
 * Lets the call be made if it begins to trace a mapper or a runner, and else refuses it. The number
 * of the process is in a register of the waiting thread, so it cannot change. The process can: if
 * it ends here, and another thread waits for it, the host may give its number to a process that
 * starts before the call is made.
 */
static void seize(const struct seccomp_notif *call, int pid)
{
	struct seccomp_notif_resp r = { .id = call->id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

	if (!may_be_traced(pid))
		answer(call, -EPERM);
	else
		ioctl(broker.listener, SECCOMP_IOCTL_NOTIF_SEND, &r);
}

bool children_call(const struct seccomp_notif *call)
{
	const uint64_t *args = (const uint64_t *)call->data.args;
	int tid = args[0] ? (int)args[0] : (int)call->pid, value = (int)args[1];

	switch (call->data.nr) {
	case SYS_tgkill: answer(call, send_signal((int)args[0], (int)args[2])); return true;
	case SYS_ptrace:
		if (broker.traces && args[0] == PTRACE_SEIZE) {
			seize(call, value);
			return true;
		}
		if (args[0] != DEBUG_SET && args[0] != DEBUG_HITS)
			return false;
		answer(call, debug(args[0], value, args[2], args[3]));
		return true;
	case SYS_sched_setaffinity:
	case SYS_sched_setscheduler:
	case SYS_sched_setattr: break;
	default: return false;
	}
	if (!children_owns(tid))
		answer(call, -EPERM);
	else if (call->data.nr == SYS_sched_setaffinity)
		answer(call, set_affinity(tid, args[1], args[2]));
	else if (call->data.nr == SYS_sched_setscheduler)
		answer(call, set_scheduler(tid, value, args[2]));
	else
		answer(call, set_attr(tid, args[1]));
	return true;
}
