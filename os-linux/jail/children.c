/* SPDX-License-Identifier: MIT */
/*
 * children.c: calls of the jailed kernel process that act on another process: the filter cannot see
 * whose number it is. The broker makes them for children of the kernel process, which are zygote,
 * mappers and runners, and for its own threads.
 *
 * Signals are the kernel process's own call where Landlock keeps them among its children
 * (threads.c); elsewhere they come here.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os-linux/jail/broker.h"

#define MASK_MAX 128 /* bytes: 1,024 CPUs */
#define ATTR_MAX 128
#define ATTR_LEAST 48

static bool is_thread(int tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)broker.kernel, tid);
	return tid > 0 && !access(path, F_OK);
}

static bool is_ours(int tid)
{
	return is_thread(tid) || (tid > 0 && files_is_child(tid));
}

static int set_affinity(int tid, uint64_t size, uint64_t addr)
{
	char mask[MASK_MAX];

	if (size > sizeof(mask) || !memory_read(addr, mask, size))
		return -EINVAL;
	return syscall(SYS_sched_setaffinity, tid, size, mask) ? -errno : 0;
}

static int set_scheduler(int tid, int policy, uint64_t addr)
{
	struct sched_param param;

	if (!memory_read(addr, &param, sizeof(param)))
		return -EFAULT;
	return syscall(SYS_sched_setscheduler, tid, policy, &param) ? -errno : 0;
}

static int set_attr(int tid, uint64_t addr)
{
	union {
		uint32_t size;
		char room[ATTR_MAX];
	} attr;

	if (!memory_read(addr, &attr, ATTR_LEAST) || attr.size != ATTR_LEAST)
		return -EINVAL;
	return syscall(SYS_sched_setattr, tid, &attr, 0) ? -errno : 0;
}

/* By a pidfd: what had the number when it was looked at gets the signal. */
static int send_signal(int pid, int sig)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), err = 0;

	if (sig != SIGKILL && sig != SIGUSR1)
		return -EPERM;
	if (fd < 0)
		return -errno;
	if (!files_is_child(pid))
		err = -EPERM;
	else if (syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0))
		err = -errno;
	close(fd);
	return err;
}

bool children_call(const struct seccomp_notif *call)
{
	const uint64_t *args = (const uint64_t *)call->data.args;
	int tid = args[0] ? (int)args[0] : (int)call->pid, value = (int)args[1];

	switch (call->data.nr) {
	case SYS_kill: answer(call, send_signal((int)args[0], value)); return true;
	case SYS_tgkill: answer(call, send_signal((int)args[0], (int)args[2])); return true;
	case SYS_sched_setaffinity:
	case SYS_sched_setscheduler:
	case SYS_sched_setattr: break;
	default: return false;
	}
	if (!is_ours(tid))
		answer(call, -EPERM);
	else if (call->data.nr == SYS_sched_setaffinity)
		answer(call, set_affinity(tid, args[1], args[2]));
	else if (call->data.nr == SYS_sched_setscheduler)
		answer(call, set_scheduler(tid, value, args[2]));
	else
		answer(call, set_attr(tid, args[1]));
	return true;
}
