/* SPDX-License-Identifier: MIT */
/*
 * ptrace_leader_exec: a thread that is not the leader execs. A tracer of only the leader, which is
 * not its parent, gets ECHILD from wait.
 */
#include "t.h"
#include <sys/ptrace.h>

static int go[2];

static void *exec_when_told(void *arg)
{
	char c;

	if (read(go[0], &c, 1) == 1)
		execl("/proc/thread-self/exe", "ptrace_leader_exec", "again", NULL);
	_exit(1);
}

/* The leader ends; its thread execs when it is told. */
static void tracee(void)
{
	pthread_t t;
	char c;

	if (read(go[0], &c, 1) != 1)
		_exit(1);
	pthread_create(&t, NULL, exec_when_told, NULL);
	pthread_exit(NULL);
}

/*
 * Traces @shared[0], and waits for an event. Sets @shared[1] when the leader has ended.
 */
static void tracer(volatile int *shared)
{
	pid_t pid = shared[0];

	NEED(ptrace(PTRACE_SEIZE, pid, 0, 0));
	NEED(write(go[1], "x", 1));
	t_until(pid, 'Z');
	shared[1] = 1;
	T(waitpid(-1, NULL, __WALL) > 0);
	_exit(0);
}

TEST(ptrace_leader_exec)
{
	volatile int *shared;
	pid_t middle, pid;
	int status = 0;

	if (t_argc > 1)
		return;
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(pipe(go));
	pid = NEED(fork());
	if (!pid) {
		/* the exec's process is no child of the tracer */
		middle = NEED(fork());
		if (!middle)
			tracee();
		shared[0] = middle;
		while (waitpid(middle, &status, 0) == -1 && errno == EINTR)
			;
		_exit(status != 0);
	}
	T_WAIT(shared[0]);
	middle = SPAWN(tracer(shared));
	T_WAIT(shared[1]);
	t_until(middle, 'S'); /* in waitpid() */
	NEED(write(go[1], "x", 1));
	T_WAIT(t_state(middle) == 'Z');
	kill(middle, SIGKILL);
	t_wait("tracer", middle);
	t_wait("parent", pid);
}
