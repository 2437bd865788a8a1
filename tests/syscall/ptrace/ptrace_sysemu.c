/* SPDX-License-Identifier: MIT */
/*
 * ptrace_sysemu: PTRACE_SYSEMU and PTRACE_SYSEMU_SINGLESTEP: the tracer sees each call before it is
 * made, and the kernel does not make it; how they mix with PTRACE_SYSCALL, single steps, signals
 * and seccomp filters. Kernels that run guests depend on them.
 */
#include "t.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/user.h>

#define SYSEMU 31
#define SYSEMU_SINGLESTEP 32

static long pt(long request, pid_t pid, long addr, void *data)
{
	return syscall(SYS_ptrace, request, (long)pid, addr, data);
}

static struct user_regs_struct regs_of(pid_t pid)
{
	struct user_regs_struct r = { 0 };

	NEED(pt(PTRACE_GETREGS, pid, 0, &r));
	return r;
}

static const char *call_name(long nr)
{
	switch (nr) {
	case SYS_getppid: return "getppid";
	case SYS_getpid: return "getpid";
	case SYS_close: return "close";
	case SYS_exit_group: return "exit_group";
	case SYS_tgkill: return "tgkill";
	case SYS_gettid: return "gettid";
	case SYS_rt_sigprocmask: return "rt_sigprocmask";
	case -1: return "none";
	}
	return "?";
}

static int step(const char *what, long request, pid_t pid, long sig)
{
	struct ptrace_syscall_info info = { 0 };
	struct user_regs_struct r;
	int status = 0;
	long n;

	if (pt(request, pid, 0, (void *)sig)) {
		say("%s: %s", what, t_errno(errno));
		return -1;
	}
	NEED(waitpid(pid, &status, __WALL));
	if (!WIFSTOPPED(status)) {
		t_status(what, status);
		return status;
	}
	r = regs_of(pid);
	n = pt(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info);
	say("%s: %s%s event %d, call %s(%d) rax %s, info %ld op %d", what,
		t_signame(WSTOPSIG(status) & 0x7f), WSTOPSIG(status) & 0x80 ? "+0x80" : "",
		status >> 16, call_name((long)r.orig_rax),
		r.orig_rax == SYS_close || r.orig_rax == SYS_exit_group ? (int)r.rdi : 0,
		(long)r.rax == -ENOSYS ? "ENOSYS" :
		(long)r.rax < 0        ? "negative" :
					 "positive",
		n, info.op);
	return status;
}

static pid_t traced(void (*fn)(void), long options)
{
	int status;
	pid_t pid = SPAWN({
		NEED(pt(PTRACE_TRACEME, 0, 0, NULL));
		syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGSTOP);
		fn();
	});

	NEED(waitpid(pid, &status, 0));
	NEED(pt(PTRACE_SETOPTIONS, pid, 0, (void *)options));
	return pid;
}

static void end(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	t_status("end", status);
}

static void set_result(pid_t pid, long value)
{
	struct user_regs_struct r = regs_of(pid);

	r.rax = (unsigned long)value;
	NEED(pt(PTRACE_SETREGS, pid, 0, &r));
}

static int pipes[2];

/* Makes calls. Each result only determines the next call's argument. */
static void calls(void)
{
	long a = syscall(SYS_getppid), b = syscall(SYS_close, a == 4242 ? 77 : 66);

	syscall(SYS_close, b == 4343 ? 78 : 67);
	syscall(SYS_close, pipes[0]);
	syscall(SYS_close, 79);
	for (;;)
		syscall(SYS_exit_group, 3);
}

static void emulate(void)
{
	pid_t pid;

	say("-- results by the tracer");
	NEED(pipe(pipes));
	pid = traced(calls, PTRACE_O_TRACESYSGOOD);
	step("getppid", SYSEMU, pid, 0);
	set_result(pid, 4242);
	step("close", SYSEMU, pid, 0);
	set_result(pid, 4343);
	step("close", SYSEMU, pid, 0);
	/* it was emulated at its entry: the exit comes */
	step("close, really", PTRACE_SYSCALL, pid, 0);
	step("then", PTRACE_SYSCALL, pid, 0);
	step("exit_group is not made", SYSEMU, pid, 0);
	step("exit_group again", SYSEMU, pid, 0);
	step("again", SYSEMU, pid, 0);
	end(pid);
	close(pipes[0]);
	close(pipes[1]);
}

/* A request after the entry stop does not execute the call. */
static void mixed(void)
{
	pid_t pid;

	say("-- mixed with PTRACE_SYSCALL and steps");
	pid = traced(calls, 0);
	step("no sysgood", SYSEMU, pid, 0);
	step("syscall", PTRACE_SYSCALL, pid, 0);
	step("syscall", PTRACE_SYSCALL, pid, 0);
	step("sysemu at an exit", SYSEMU, pid, 0);
	step("step", PTRACE_SINGLESTEP, pid, 0);
	step("cont", PTRACE_CONT, pid, 0);
}

static void __attribute__((noinline, optimize("O0"))) three_calls(void)
{
	__asm__ volatile("mov $39, %%eax; syscall; nop; mov $110, %%eax; syscall; nop; nop; ud2" ::
				 : "rax", "rcx", "r11", "memory");
}

static void emulated_steps(void)
{
	pid_t pid;
	int i;

	say("-- single steps");
	pid = traced(three_calls, PTRACE_O_TRACESYSGOOD);
	do
		i = step("to the call", SYSEMU, pid, 0);
	while (regs_of(pid).orig_rax != SYS_getpid && WIFSTOPPED(i));
	for (i = 0; i < 6; i++)
		step("step", SYSEMU_SINGLESTEP, pid, 0);
	step("plain step", PTRACE_SINGLESTEP, pid, 0);
	step("signal", SYSEMU, pid, 0);
	step("deliver it", SYSEMU, pid, SIGILL);
}

static void with_filter(void)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { 4, f };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
	syscall(SYS_getpid);
	syscall(SYS_getppid);
	syscall(SYS_getpid);
	syscall(SYS_getppid);
	_exit(0);
}

static void filtered(void)
{
	pid_t pid;
	int i;

	say("-- a filter does not see emulated calls");
	pid = traced(with_filter, PTRACE_O_TRACESYSGOOD);
	for (i = 0; i < 4; i++) /* the two prctl are made */
		NEED(pt(PTRACE_SYSCALL, pid, 0, NULL)), NEED(waitpid(pid, NULL, 0));
	step("getpid", SYSEMU, pid, 0);
	step("getppid", SYSEMU, pid, 0);
	step("getpid", SYSEMU, pid, 0);
	step("killed", PTRACE_CONT, pid, 0);
}

static void spin_then_call(void)
{
	syscall(SYS_getppid);
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1);
	syscall(SYS_getppid);
	_exit(6);
}

/* Another number at the entry is of no use; a detached tracee makes its calls itself. */
static void leftovers(void)
{
	struct user_regs_struct r;
	pid_t pid;

	say("-- number changed, detached");
	pid = traced(spin_then_call, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	step("getppid", SYSEMU, pid, 0);
	r = regs_of(pid);
	r.orig_rax = SYS_exit_group;
	NEED(pt(PTRACE_SETREGS, pid, 0, &r));
	step("next", SYSEMU, pid, 0);
	T(pt(SYSEMU, pid, 0, (void *)4711));
	T(pt(SYSEMU, -1, 0, NULL));
	T(pt(PTRACE_DETACH, pid, 0, NULL));
	t_wait("detached", pid);
	T(pt(SYSEMU, pid, 0, NULL));
}

TEST(ptrace_sysemu)
{
	emulate();
	mixed();
	emulated_steps();
	filtered();
	leftovers();
}
