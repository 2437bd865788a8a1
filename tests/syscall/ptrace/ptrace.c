/* SPDX-License-Identifier: MIT */
/*
 * ptrace(2): what strace and gdb need: stops at calls and signals, registers, memory, single steps,
 * events, attaching.
 */
#include "t.h"
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>

static volatile int variable = 11;

static void stopped(const char *what, pid_t pid, int status)
{
	siginfo_t si = { 0 };

	if (!WIFSTOPPED(status)) {
		t_status(what, status);
		return;
	}
	if (ptrace(PTRACE_GETSIGINFO, pid, 0, &si) == -1)
		say("%s: stopped by %s event %d, no siginfo: %s", what,
			t_signame(WSTOPSIG(status) & 0x7f), status >> 16, t_errno(errno));
	else
		say("%s: stopped by %s%s event %d, si_code %d", what,
			t_signame(WSTOPSIG(status) & 0x7f),
			WSTOPSIG(status) & 0x80 ? " at a call" : "", status >> 16, si.si_code);
}

static int go(const char *what, int request, pid_t pid, long sig)
{
	int status = 0;

	if (ptrace(request, pid, 0, sig) == -1) {
		say("%s: %s", what, t_errno(errno));
		return -1;
	}
	NEED(waitpid(pid, &status, __WALL));
	stopped(what, pid, status);
	return status;
}

static pid_t traced(void (*fn)(void))
{
	int status;
	pid_t pid = SPAWN({
		NEED(ptrace(PTRACE_TRACEME, 0, 0, 0));
		raise(SIGSTOP);
		fn();
	});

	NEED(waitpid(pid, &status, 0));
	stopped("at first", pid, status);
	return pid;
}

static void calls(void)
{
	syscall(SYS_getppid);
	syscall(SYS_close, -1);
	_exit(5);
}

static void trace_calls(void)
{
	struct user_regs_struct r;
	int i, status;
	pid_t pid = traced(calls);

	T(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD));
	for (i = 0; i < 20; i++) {
		status = go("call", PTRACE_SYSCALL, pid, 0);
		if (!WIFSTOPPED(status))
			break;
		NEED(ptrace(PTRACE_GETREGS, pid, 0, &r));
		if (r.orig_rax == SYS_getppid)
			say("  getppid: result %s", (long)r.rax == -ENOSYS   ? "not yet" :
						    (pid_t)r.rax == getpid() ? "right" :
									       "wrong");
		if (r.orig_rax == SYS_close)
			say("  close(%d): %ld", (int)r.rdi, (long)r.rax);
	}
}

static void target(void)
{
	int v;

	raise(SIGUSR1);
	v = variable;
	_exit(v);
}

static void memory(void)
{
	struct user_regs_struct r;
	struct user_fpregs_struct f;
	pid_t pid = traced(target);
	long word;

	errno = 0;
	word = ptrace(PTRACE_PEEKDATA, pid, &variable, 0);
	say("peek: %d %s", (int)word, t_errno(errno));
	T(ptrace(PTRACE_POKEDATA, pid, &variable, (word & ~0xffffffffl) | 22));
	T(ptrace(PTRACE_PEEKDATA, pid, 8, 0));
	T(ptrace(PTRACE_GETREGS, pid, 0, &r));
	say("rip in user space: %d", r.rip > 4096 && r.cs == 0x33);
	T(ptrace(PTRACE_GETFPREGS, pid, 0, &f));
	T(ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user_regs_struct, rip), 0) == (long)r.rip);
	T(ptrace(PTRACE_PEEKUSER, pid, 1, 0));
	T(ptrace(PTRACE_GETREGS, pid, 0, BAD));
	go("signal", PTRACE_CONT, pid, 0);
	go("signal suppressed, end", PTRACE_CONT, pid, 0);
	T(ptrace(PTRACE_CONT, pid, 0, 0));
	pid = traced(target);
	go("signal", PTRACE_CONT, pid, 0);
	go("signal delivered", PTRACE_CONT, pid, SIGUSR1);
}

static void spin(void)
{
	__asm__ volatile("mov $1000, %%ecx\n1:\tnop\n\tdec %%ecx\n\tjnz 1b" ::: "ecx", "cc");
	_exit(3);
}

static void steps(void)
{
	struct user_regs_struct a, b;
	pid_t pid = traced(spin);
	int i, status, moved = 0;

	for (i = 0; i < 50; i++) {
		NEED(ptrace(PTRACE_GETREGS, pid, 0, &a));
		NEED(ptrace(PTRACE_SINGLESTEP, pid, 0, 0));
		NEED(waitpid(pid, &status, 0));
		if (!WIFSTOPPED(status))
			break;
		NEED(ptrace(PTRACE_GETREGS, pid, 0, &b));
		moved += a.rip != b.rip;
	}
	stopped("after 50 steps", pid, status);
	say("moved: %d", moved > 40);
	T(ptrace(PTRACE_KILL, pid, 0, 0));
	t_wait("killed", pid);
}

static void forks(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(1);
	waitpid(pid, NULL, 0);
	execl("/proc/self/exe", "ptrace", "child", NULL);
}

static void events(void)
{
	unsigned long msg = 0;
	int status;
	pid_t pid = traced(forks), child;

	T(ptrace(PTRACE_SETOPTIONS, pid, 0,
		PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT |
			PTRACE_O_EXITKILL));
	go("fork", PTRACE_CONT, pid, 0);
	T(ptrace(PTRACE_GETEVENTMSG, pid, 0, &msg));
	child = (pid_t)msg;
	NEED(waitpid(child, &status, __WALL));
	stopped("the child", child, status);
	T(ptrace(PTRACE_CONT, child, 0, 0));
	NEED(waitpid(child, &status, __WALL));
	stopped("the child", child, status);
	T(ptrace(PTRACE_CONT, child, 0, 0));
	NEED(waitpid(child, &status, __WALL));
	stopped("the child", child, status);
	NEED(ptrace(PTRACE_CONT, pid, 0, 0));
	NEED(waitpid(pid, &status, 0));
	stopped("SIGCHLD", pid, status);
	go("exec", PTRACE_CONT, pid, 0);
	go("exit", PTRACE_CONT, pid, 0);
	T(ptrace(PTRACE_GETEVENTMSG, pid, 0, &msg));
	say("status %#lx", msg);
	go("end", PTRACE_CONT, pid, 0);
}

static void attaching(void)
{
	int status;
	pid_t pid = SPAWN(for (;;) pause());

	t_until(pid, 'S');
	T(ptrace(PTRACE_ATTACH, pid, 0, 0));
	NEED(waitpid(pid, &status, 0));
	stopped("attached", pid, status);
	T(ptrace(PTRACE_ATTACH, pid, 0, 0));
	T(ptrace(PTRACE_DETACH, pid, 0, 0));
	T(ptrace(PTRACE_CONT, pid, 0, 0));
	t_until(pid, 'S');
	T(ptrace(PTRACE_SEIZE, pid, 0, 0));
	T(ptrace(PTRACE_INTERRUPT, pid, 0, 0));
	NEED(waitpid(pid, &status, 0));
	stopped("interrupted", pid, status);
	T(ptrace(PTRACE_CONT, pid, 0, 0));
	kill(pid, SIGKILL);
	t_wait("killed", pid);
	T(ptrace(PTRACE_ATTACH, 1 << 29, 0, 0));
	T(ptrace(PTRACE_ATTACH, getpid(), 0, 0));
	T(ptrace(9999, getppid(), 0, 0));
}

TEST(ptrace)
{
	if (t_argc > 1)
		_exit(7);
	trace_calls();
	memory();
	steps();
	events();
	attaching();
}
