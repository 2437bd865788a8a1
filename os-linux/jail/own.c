/* SPDX-License-Identifier: MIT */
/*
 * own.c: calls of the jailed kernel process that are too rare for its filter: queries about itself,
 * mostly by libc, and new descriptors of kinds that give access to no other object. The broker
 * makes them and returns the result.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "os-linux/jail/broker.h"

#define MASK_MAX 1024 /* bytes: 8,192 CPUs */
#define NAME_ROOM 250 /* of a memfd */
#define ATTR_LEAST 48

#ifndef MFD_EXEC /* Linux 6.3 */
#define MFD_NOEXEC_SEAL 8U
#define MFD_EXEC 0x10U
#endif

static int64_t get_affinity(const struct seccomp_notif *call)
{
	const uint64_t *args = (const uint64_t *)call->data.args;
	int tid = args[0] ? (int)args[0] : (int)call->pid;
	size_t size = args[1] < MASK_MAX ? (size_t)args[1] : MASK_MAX;
	char mask[MASK_MAX];
	long n;

	if (!children_owns(tid))
		return -EPERM;
	n = syscall(SYS_sched_getaffinity, tid, size, mask);
	if (n < 0)
		return -errno;
	return memory_write(args[2], mask, (size_t)n) ? n : -EFAULT;
}

static int64_t get_attr(const struct seccomp_notif *call)
{
	const uint64_t *args = (const uint64_t *)call->data.args;
	int tid = args[0] ? (int)args[0] : (int)call->pid;
	char attr[ATTR_LEAST];

	if (args[2] != sizeof(attr))
		return -EINVAL;
	if (!children_owns(tid))
		return -EPERM;
	if (syscall(SYS_sched_getattr, tid, attr, sizeof(attr), 0))
		return -errno;
	return memory_write(args[1], attr, sizeof(attr)) ? 0 : -EFAULT;
}

/*
 * Reads a limit of the kernel process into its memory at @to. Returns the answer to the call: 0 or
 * -errno.
 */
static int64_t get_limit(uint64_t pid, uint64_t resource, uint64_t new, uint64_t to)
{
	struct rlimit rl;

	if ((pid && pid != (uint64_t)broker.kernel) || new)
		return -EPERM;
	if (syscall(SYS_prlimit64, broker.kernel, (int)resource, NULL, &rl))
		return -errno;
	return memory_write(to, &rl, sizeof(rl)) ? 0 : -EFAULT;
}

static int made(int fd)
{
	return fd < 0 ? -errno : fd;
}

static int make_memory(uint64_t name, uint64_t flags)
{
	char text[NAME_ROOM];

	if (flags & ~(uint64_t)(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC))
		return -EINVAL;
	if (!memory_string(name, text, sizeof(text)))
		return -EFAULT;
	return made((int)syscall(SYS_memfd_create, text, (unsigned)flags | MFD_CLOEXEC));
}

static int open_child(uint64_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, (int)pid, 0);

	/* the pidfd is open: now check the process that it names */
	if (fd < 0 || children_has((int)pid))
		return made(fd);
	close(fd);
	return -EPERM;
}

/* Makes a descriptor for the kernel process. Returns it, or -errno. */
static int make_descriptor(const struct seccomp_notif *call)
{
	const uint64_t *args = (const uint64_t *)call->data.args;

	switch (call->data.nr) {
	case SYS_eventfd2: return made(eventfd((unsigned)args[0], (int)args[1] | EFD_CLOEXEC));
	case SYS_timerfd_create:
		if (args[0] != CLOCK_MONOTONIC)
			return -EPERM;
		return made(timerfd_create(CLOCK_MONOTONIC, (int)args[1] | TFD_CLOEXEC));
	case SYS_memfd_create: return make_memory(args[0], args[1]);
	default: return open_child(args[0]);
	}
}

bool own_call(const struct seccomp_notif *call)
{
	const uint64_t *args = (const uint64_t *)call->data.args;
	int fd;

	switch (call->data.nr) {
	case SYS_getpid: answer(call, broker.kernel); return true;
	case SYS_getpgrp: answer(call, getpgid(broker.kernel)); return true;
	case SYS_gettid: answer(call, call->pid); return true;
	/* the ids of the owner, which the broker has, too */
	case SYS_geteuid: answer(call, geteuid()); return true;
	case SYS_getegid: answer(call, getegid()); return true;
	case SYS_sched_getaffinity: answer(call, get_affinity(call)); return true;
	case SYS_sched_getattr: answer(call, get_attr(call)); return true;
	case SYS_prlimit64:
		answer(call, get_limit(args[0], args[1], args[2], args[3]));
		return true;
	case SYS_eventfd2:
	case SYS_timerfd_create:
	case SYS_memfd_create:
	case SYS_pidfd_open: break;
	default: return false;
	}
	fd = make_descriptor(call);
	if (fd < 0) {
		answer(call, fd);
		return true;
	}
	answer_fd(call, fd);
	close(fd);
	return true;
}
