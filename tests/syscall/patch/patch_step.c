/* SPDX-License-Identifier: MIT */
/*
 * The trap flag, ptrace's single steps and breakpoints on hot sites: the same stops as at cold
 * ones.
 */
#include "site.h"
#include <sys/ptrace.h>
#include <sys/user.h>
#include <ucontext.h>

SITE(step_getppid, 110);

static int trail[64], steps;

static void on_trap(int sig, siginfo_t *si, void *arg)
{
	long off = ((ucontext_t *)arg)->uc_mcontext.gregs[REG_RIP] - (long)step_getppid;

	if (off >= 0 && off < SITE_BYTES && steps < 64)
		trail[steps++] = off;
}

/* Calls the site with TF set. */
static long call_stepped(void *at)
{
	long r;

	__asm__ volatile("sub $128, %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\t"
			 "call *%[at]\n\tpushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq\n\tadd $128, "
			 "%%rsp"
			 : "=a"(r)
			 : [at] "r"(at)
			 : "rcx", "r10", "r11", "memory", "cc");
	return r;
}

static void trap_flag(const char *what)
{
	struct sigaction sa = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	char text[256] = "";
	int i;
	long r;

	NEED(sigaction(SIGTRAP, &sa, NULL));
	steps = 0;
	r = call_stepped((void *)step_getppid);
	for (i = 0; i < steps; i++)
		sprintf(text + strlen(text), " %d", trail[i]);
	say("%s, trap flag: stops at%s, answer %d", what, text, r == getppid());
	signal(SIGTRAP, SIG_DFL);
}

static pid_t traced_caller(void)
{
	pid_t pid = SPAWN({
		long me = getppid();
		int bad = 0;

		bad += site_heat((void *)step_getppid, me);
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		bad += step_getppid(0, 0, 0, 0, 0, 0) != me;
		raise(SIGSTOP);
		bad += site_heat((void *)step_getppid, me);
		raise(SIGSTOP);
		bad += step_getppid(0, 0, 0, 0, 0, 0) != me;
		bad += step_getppid(0, 0, 0, 0, 0, 0) != me;
		_exit(bad);
	});

	NEED(waitpid(pid, NULL, 0));
	return pid;
}

static long rip_of(pid_t pid, struct user_regs_struct *r)
{
	NEED(ptrace(PTRACE_GETREGS, pid, 0, r));
	return r->rip - (long)step_getppid;
}

/* Continues the tracee by the request @how. Returns 1 if it stops by SIGTRAP next, or else 0. */
static int go(pid_t pid, int how)
{
	int status;

	NEED(ptrace(how, pid, 0, 0));
	NEED(waitpid(pid, &status, 0));
	return WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
}

/* Steps until SIGSTOP and prints the stops in the site. */
static void single_steps(pid_t pid)
{
	struct user_regs_struct r;
	char text[512] = "";
	long off;

	while (go(pid, PTRACE_SINGLESTEP)) {
		off = rip_of(pid, &r);
		if (off >= 0 && off < SITE_BYTES)
			sprintf(text + strlen(text), " %ld%s", off,
				off != SITE_AFTER                         ? "" :
				r.rcx == r.rip && (long)r.rax == getpid() ? " (rcx, rax)" :
									    " (wrong)");
	}
	say("single steps:%s", text);
}

static void breakpoint(pid_t pid, int offset)
{
	char *at = (char *)step_getppid + offset;
	struct user_regs_struct r;
	long word = ptrace(PTRACE_PEEKTEXT, pid, at, 0);
	int hit;

	NEED(ptrace(PTRACE_POKETEXT, pid, at, (word & ~0xffL) | 0xcc));
	say("breakpoint at %d reads back: %d", offset,
		(ptrace(PTRACE_PEEKTEXT, pid, at, 0) & 0xff) == 0xcc);
	hit = go(pid, PTRACE_CONT);
	say("hit %d, rip is behind it: %d", hit, rip_of(pid, &r) == offset + 1);
	NEED(ptrace(PTRACE_POKETEXT, pid, at, word));
	r.rip--;
	if (offset == SITE_SYSCALL)
		say("the number is in rax: %lld", r.rax);
	NEED(ptrace(PTRACE_SETREGS, pid, 0, &r));
}

static void syscall_stops(pid_t pid)
{
	struct user_regs_struct r;
	int n = 0;

	for (; go(pid, PTRACE_SYSCALL); n++) {
		rip_of(pid, &r);
		if (r.orig_rax == 110 && n < 2)
			say("call %lld, rip behind it %d, rcx %d, rax %s", r.orig_rax,
				r.rip == (uintptr_t)step_getppid + SITE_AFTER, r.rcx == r.rip,
				(long)r.rax == getpid() ? "is the tracer" : t_errno(-(long)r.rax));
		if (n >= 20)
			break;
	}
	say("%s", n >= 20 ? "20 stops" : "fewer");
}

static void traced(void)
{
	pid_t pid = traced_caller();
	int status;

	single_steps(pid);
	syscall_stops(pid);
	while (go(pid, PTRACE_CONT))
		;
	breakpoint(pid, SITE_MOV);
	NEED(ptrace(PTRACE_SINGLESTEP, pid, 0, 0));
	NEED(waitpid(pid, &status, 0));
	breakpoint(pid, SITE_SYSCALL);
	NEED(ptrace(PTRACE_CONT, pid, 0, 0));
	t_wait("traced", pid);
}

TEST(patch_step)
{
	trap_flag("cold");
	say("heating: %ld wrong", site_heat((void *)step_getppid, getppid()));
	trap_flag("hot");
	traced();
	say("after it: %ld wrong", site_heat((void *)step_getppid, getppid()));
}
