/* SPDX-License-Identifier: MIT */
/*
 * space_debug.c: debug registers of runners; os_space.h describes the interface.
 *
 * Only a tracer may set them, and they stay when it detaches. So a runner is seized, stopped,
 * written to and released at once. At all other times it has no tracer, receives its signals
 * directly, and has no costs. A futex call in which it slept is restarted.
 *
 * A jailed process may not trace: it asks its broker, with a ptrace(2) request number that the host
 * does not have (jail/children.c).
 */
#include <errno.h>
#include <linux/ptrace.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os-linux/jail/broker.h"
#include "os-linux/jail/jail.h"
#include "os-linux/os_space.h"
#include "os-linux/space_internal.h"

#define NR_BREAKS 4
#define DR6_FIXED 0xffff0ff0UL

static long trace(long request, pid_t pid, unsigned long addr, unsigned long data)
{
	return syscall(SYS_ptrace, request, (long)pid, addr, data) < 0 ? -errno : 0;
}

static unsigned long place_of(int reg)
{
	return offsetof(struct user, u_debugreg) + (unsigned long)reg * sizeof(long);
}

static pid_t wait_for(pid_t pid, int *status)
{
	pid_t r;

	do
		r = waitpid(pid, status, __WALL);
	while (r < 0 && errno == EINTR);
	return r;
}

/*
 * Detaches from the runner. If the runner was killed meanwhile, its zombie is reaped by the tracer
 * first, and then by its parent.
 */
static void let_go(pid_t pid, int signo)
{
	int status;

	if (trace(PTRACE_DETACH, pid, 0, (unsigned long)signo))
		wait_for(pid, &status);
}

/*
 * Stops the runner. If it stops for another signal first, that signal is returned in *@signo, to be
 * delivered when the runner continues. Returns 0 or -errno.
 */
static long hold(pid_t pid, int *signo)
{
	int status = 0;
	long err = trace(PTRACE_SEIZE, pid, 0, PTRACE_O_EXITKILL);

	if (err)
		return err;
	/* ESRCH: the runner is dead, and its tracer has reaped it */
	trace(PTRACE_INTERRUPT, pid, 0, 0);
	if (wait_for(pid, &status) < 0 || !WIFSTOPPED(status))
		return -ESRCH;
	*signo = status >> 16 ? 0 : WSTOPSIG(status);
	return 0;
}

/*
 * Returns DR7 without kind and length of disabled breakpoints: the host checks them too if the
 * breakpoint was enabled before.
 */
static uint64_t only_enabled(uint64_t dr7)
{
	uint64_t kept = dr7 & 0xffff;

	for (int i = 0; i < NR_BREAKS; i++)
		if (dr7 >> (2 * i) & 3)
			kept |= dr7 & ((uint64_t)0xf << (16 + 4 * i));
	return kept;
}

/*
 * Writes all registers. It disables all breakpoints first, so that the host refuses no write
 * because of an old value in another register.
 */
static long write_all(pid_t pid, const uint64_t addr[NR_BREAKS], uint64_t dr7)
{
	long err = trace(PTRACE_POKEUSR, pid, place_of(7), 0);

	for (int i = 0; i < NR_BREAKS && !err; i++)
		if (dr7 >> (2 * i) & 3)
			err = trace(PTRACE_POKEUSR, pid, place_of(i), addr[i]);
	if (!err && dr7)
		err = trace(PTRACE_POKEUSR, pid, place_of(7), only_enabled(dr7));
	return err;
}

int debug_set(pid_t pid, const uint64_t addr[NR_BREAKS], uint64_t dr7)
{
	int signo;
	long err = hold(pid, &signo);

	if (err)
		return (int)err;
	err = write_all(pid, addr, dr7);
	let_go(pid, signo);
	return (int)err;
}

int debug_hits(pid_t pid, uint64_t *dr6)
{
	unsigned long value = 0;
	int signo;
	long err = hold(pid, &signo);

	if (err)
		return (int)err;
	err = trace(PTRACE_PEEKUSR, pid, place_of(6), (unsigned long)&value);
	let_go(pid, signo);
	*dr6 = value ^ DR6_FIXED;
	return (int)err;
}

int os_space_debug_set(int task, const uint64_t addr[NR_BREAKS], uint64_t dr7)
{
	pid_t pid = os_space_pid(task);

	if (jail_has_no_ptrace())
		return (int)trace(DEBUG_SET, pid, (unsigned long)addr, dr7);
	return debug_set(pid, addr, dr7);
}

int os_space_debug_hits(int task, uint64_t *dr6)
{
	pid_t pid = os_space_pid(task);

	if (jail_has_no_ptrace())
		return (int)trace(DEBUG_HITS, pid, (unsigned long)dr6, 0);
	return debug_hits(pid, dr6);
}
