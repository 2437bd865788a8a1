/* SPDX-License-Identifier: MIT */
/*
 * ptrace_orphan: a tracer ends while its tracee is at a system-call stop: what becomes of the
 * stop's signal.
 */
#include "t.h"
#include <sys/prctl.h>
#include <sys/ptrace.h>

static void tracee(int fd)
{
	char b;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	read(fd, &b, 1);
	for (int i = 0; i < 20; i++) {
		syscall(SYS_getppid);
		usleep(1000);
	}
	_exit(7);
}

/* Traces @pid, and ends at its stop @n. @waits: it has waited for that stop. */
static void tracer(pid_t pid, int fd, int n, long options, bool waits)
{
	int status;

	NEED(ptrace(PTRACE_ATTACH, pid, 0, 0));
	NEED(waitpid(pid, &status, 0));
	NEED(ptrace(PTRACE_SETOPTIONS, pid, 0, options));
	NEED(write(fd, "x", 1));
	for (int i = 0; i < n; i++) {
		NEED(ptrace(PTRACE_SYSCALL, pid, 0, 0));
		if (i + 1 < n || waits)
			NEED(waitpid(pid, &status, 0));
	}
	t_until(pid, 't');
	_exit(0);
}

static void orphan(int n, long options, bool waits)
{
	pid_t pid, by;
	int go[2], status;

	NEED(pipe(go));
	pid = NEED(fork());
	if (!pid)
		tracee(go[0]);
	by = NEED(fork());
	if (!by)
		tracer(pid, go[1], n, options, waits);
	NEED(waitpid(by, &status, 0));
	NEED(waitpid(pid, &status, 0));
	say("stop %d, options %ld, %s: %#x", n, options, waits ? "waited for" : "not waited for",
		status);
	close(go[0]);
	close(go[1]);
}

/* A thread that traces a child of its own process and ends after it. */
static void *trace_and_end(void *pid)
{
	NEED(ptrace(PTRACE_SEIZE, *(pid_t *)pid, 0, 0));
	NEED(kill(*(pid_t *)pid, SIGKILL));
	t_until(*(pid_t *)pid, 'Z');
	return NULL;
}

/* A process that ignores SIGCHLD has no zombies, also if one of its threads was the tracer. */
static void ignored(bool ignore)
{
	pid_t pid = SPAWN(for (;;) pause());
	pthread_t t;
	int status;

	if (ignore)
		signal(SIGCHLD, SIG_IGN);
	NEED0(pthread_create(&t, NULL, trace_and_end, &pid));
	pthread_join(t, NULL);
	if (ignore)
		T_WAIT(kill(pid, 0) == -1);
	say("ignored %d: reaped %d", ignore, waitpid(pid, &status, 0) == -1);
}

TEST(ptrace_orphan)
{
	for (int n = 4; n <= 5; n++) {
		orphan(n, 0, true);
		orphan(n, 0, false);
		orphan(n, PTRACE_O_TRACESYSGOOD, true);
		orphan(n, PTRACE_O_TRACESYSGOOD, false);
	}
	ignored(false);
	ignored(true);
}
