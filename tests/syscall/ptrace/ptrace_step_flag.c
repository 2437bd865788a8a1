/* SPDX-License-Identifier: MIT */
/*
 * ptrace_step_flag: the trap flag of a single step goes neither into the frame of a handler that is
 * stepped into, nor to a forked child.
 */
#include "t.h"
#include <sys/ptrace.h>
#include <ucontext.h>

#define TF 0x100

static volatile int frame_tf = -1;
static volatile int *forked; /* shared: the tracee is past fork() */

static void on_usr1(int sig, siginfo_t *info, void *uc)
{
	(void)sig;
	(void)info;
	frame_tf = !!(((ucontext_t *)uc)->uc_mcontext.gregs[REG_EFL] & TF);
}

static void handled(void)
{
	struct sigaction sa = { .sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO };

	NEED(sigaction(SIGUSR1, &sa, NULL));
	NEED(ptrace(PTRACE_TRACEME, 0, 0, 0));
	raise(SIGSTOP);
	_exit(frame_tf);
}

static void forks(void)
{
	int status = 0;
	pid_t pid;

	NEED(ptrace(PTRACE_TRACEME, 0, 0, 0));
	raise(SIGSTOP);
	pid = (pid_t)syscall(SYS_fork);
	if (!pid)
		syscall(SYS_exit_group, 3);
	*forked = 1;
	if (syscall(SYS_wait4, pid, &status, 0, NULL) != pid)
		_exit(100);
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static void go(const char *what, pid_t pid, int request, int sig)
{
	int status;

	/* a tracee stops for its child's SIGCHLD too, should the child end as late as that */
	do {
		NEED(ptrace(request, pid, 0, (long)sig));
		NEED(waitpid(pid, &status, 0));
	} while (request == PTRACE_CONT && WIFSTOPPED(status) && WSTOPSIG(status) == SIGCHLD);
	if (what)
		t_status(what, status);
	if (what && WIFSTOPPED(status) && request == PTRACE_CONT) {
		kill(pid, SIGKILL);
		NEED(waitpid(pid, &status, 0));
	}
}

TEST(ptrace_step_flag)
{
	pid_t pid = SPAWN(handled());
	int status;

	NEED(waitpid(pid, &status, WUNTRACED));
	go("step with a signal", pid, PTRACE_SINGLESTEP, SIGUSR1);
	go("on from the handler", pid, PTRACE_CONT, 0);

	forked = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = SPAWN(forks());
	NEED(waitpid(pid, &status, WUNTRACED));
	while (!*forked)
		go(NULL, pid, PTRACE_SINGLESTEP, 0);
	go("on from fork()", pid, PTRACE_CONT, 0);
}
