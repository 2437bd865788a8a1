/* SPDX-License-Identifier: MIT */
/*
 * core_kill: SIGKILL interrupts the writing of a core dump of many pages. A thread that a tracer
 * holds at its exit does not hold up the dump. A test may not change the host's core pattern, so
 * the host's side prints what is expected.
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

/* Kills @pid and returns its wait status. */
static int killed(pid_t pid)
{
	int status = 0;

	NEED(kill(pid, SIGKILL));
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

/*
 * A thread stops at PTRACE_EVENT_EXIT after the dump of its process, as since Linux 5.16. Returns
 * the wait status of the process.
 */
static int not_held(void)
{
	volatile int *shared =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = SPAWN(thread_dump(shared));
	int status;

	t_until_sleeps(&shared[0]);
	NEED(ptrace(PTRACE_SEIZE, shared[0], 0, PTRACE_O_TRACEEXIT));
	shared[1] = 1;
	t_until(shared[0], 't');
	t_until(pid, 'Z');
	NEED(waitpid(shared[0], &status, __WALL));
	NEED(ptrace(PTRACE_CONT, shared[0], 0, 0));
	NEED(waitpid(shared[0], &status, __WALL));
	NEED(waitpid(pid, &status, 0));
	return status;
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
	G(killed(pid), "9");
	G(not_held(), "134");
}
