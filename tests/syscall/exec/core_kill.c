/* SPDX-License-Identifier: MIT */
/*
 * core_kill: SIGKILL interrupts the writing of a core dump of many pages, and the wait for a thread
 * that a tracer holds at its exit. A test may not change the host's core pattern, so the host's
 * side prints what is expected.
 */
#include "guest.h"
#include <glob.h>
#include <sys/ptrace.h>

#define MANY (4UL << 40)

static void dump(void)
{
	struct rlimit lim = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_CORE, &lim);
	abort();
}

static bool written(void)
{
	glob_t g;
	bool any = !glob("core*", 0, NULL, &g);

	globfree(&g);
	return any;
}

/* Kills @pid and returns its wait status. @thread: its thread that is traced, or 0. */
static int killed(pid_t pid, pid_t thread)
{
	int status = 0;

	NEED(kill(pid, SIGKILL));
	t_until(thread ? thread : pid, 'Z');
	if (thread)
		NEED(waitpid(thread, NULL, __WALL));
	NEED(waitpid(pid, &status, 0));
	return status;
}

static void *sleeps(void *tid)
{
	*(volatile pid_t *)tid = gettid();
	pause();
	return NULL;
}

static void thread_dump(volatile int *shared)
{
	pthread_t t;

	pthread_create(&t, NULL, sleeps, (void *)&shared[0]);
	while (!shared[1])
		sched_yield();
	dump();
}

/* Kills a dump that waits for a thread which its tracer leaves at PTRACE_EVENT_EXIT. */
static int held(void)
{
	volatile int *shared =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = SPAWN(thread_dump(shared));

	t_until_sleeps(&shared[0]);
	NEED(ptrace(PTRACE_SEIZE, shared[0], 0, PTRACE_O_TRACEEXIT));
	shared[1] = 1;
	t_until(shared[0], 't');
	return killed(pid, shared[0]);
}

TEST(core_kill)
{
	pid_t pid = 0;

	if (in_guest())
		pid = SPAWN({
			mmap(NULL, MANY, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
				0);
			dump();
		});
	if (in_guest())
		T_WAIT(written());
	G(killed(pid, 0), "9");
	G(held(), "9");
}
