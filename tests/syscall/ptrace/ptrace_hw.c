/* SPDX-License-Identifier: MIT */
/*
 * ptrace_hw: hardware breakpoints at a return from the kernel, RF, single steps, and the effect of
 * threads, exec and detaching on debug registers.
 */
#include "breakpoint.h"
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#define DR(n) offsetof(struct user, u_debugreg[n])
#define LOCAL(n) (1UL << (2 * (n)))
#define WRITE8(n) (LOCAL(n) | 0x9UL << (16 + 4 * (n)))
#define RF 0x10000UL
#define CALLS 40 /* more than make a patched site */

extern const char hw_call[], hw_behind[], hw_one[], hw_two[], hw_three[];
__asm__(".text\n"
	"hw_get: mov $39, %eax\n"
	"hw_call: syscall\n"
	"hw_behind: cmp $0, %eax\n\tret\n"
	"hw_steps: nop\n"
	"hw_one: nop\n"
	"hw_two: nop\n"
	"hw_three: ret\n");
extern void hw_get(void), hw_steps(void);

static volatile uint64_t watched;

static void on_usr1(int sig)
{
	(void)sig;
}

static const char *name_of(unsigned long rip)
{
	if (rip == (unsigned long)hw_call)
		return "the call";
	if (rip == (unsigned long)hw_behind)
		return "behind the call";
	if (rip == (unsigned long)hw_one)
		return "one";
	if (rip == (unsigned long)hw_two)
		return "two";
	if (rip == (unsigned long)hw_three)
		return "three";
	return rip == (unsigned long)on_usr1 ? "the handler" : "elsewhere";
}

static pid_t traced(void (*fn)(void))
{
	return TRACED(fn(); _exit(9));
}

static void set(pid_t pid, int n, const volatile void *addr, unsigned long dr7)
{
	NEED(ptrace(PTRACE_POKEUSER, pid, DR(n), addr));
	NEED(ptrace(PTRACE_POKEUSER, pid, DR(7), ptrace(PTRACE_PEEKUSER, pid, DR(7), 0) | dr7));
}

/* Continues the tracee by @request. Prints its next stop, or its end: then returns false. */
static bool go_with(pid_t pid, int request, int sig, const char *what)
{
	struct user_regs_struct r;
	siginfo_t si = { 0 };
	unsigned long dr6;
	int status;

	NEED(ptrace(request, pid, 0, sig));
	NEED(waitpid(pid, &status, 0));
	if (!WIFSTOPPED(status)) {
		t_status(what, status);
		return false;
	}
	NEED(ptrace(PTRACE_GETSIGINFO, pid, 0, &si));
	NEED(ptrace(PTRACE_GETREGS, pid, 0, &r));
	errno = 0;
	dr6 = ptrace(PTRACE_PEEKUSER, pid, DR(6), 0);
	say("%s: %s code %d dr6 %#lx RF %d orig_rax %d at %s", what, t_signame(WSTOPSIG(status)),
		si.si_code, dr6, !!(r.eflags & RF), (int)r.orig_rax == -1, name_of(r.rip));
	return true;
}

static bool go_on(pid_t pid, int request, const char *what)
{
	return go_with(pid, request, 0, what);
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	t_wait("end", pid);
}

/* ---- behind a call, and where a handler begins ---- */

static void calls(void)
{
	int i;

	signal(SIGUSR1, on_usr1);
	for (i = 0; i < CALLS; i++)
		hw_get();
	raise(SIGSTOP);
	hw_get();
	hw_get();
	raise(SIGUSR1);
}

static void from_kernel(void)
{
	pid_t pid = traced(calls);

	say("-- from the kernel");
	go_on(pid, PTRACE_CONT, "hot");
	set(pid, 0, hw_behind, LOCAL(0));
	set(pid, 1, (const void *)on_usr1, LOCAL(1));
	go_on(pid, PTRACE_CONT, "first");
	set(pid, 2, hw_call, LOCAL(2));
	go_on(pid, PTRACE_CONT, "second");
	go_on(pid, PTRACE_CONT, "third");
	go_on(pid, PTRACE_CONT, "SIGUSR1");
	go_with(pid, PTRACE_CONT, SIGUSR1, "handler");
	go_on(pid, PTRACE_CONT, "end");
}

/* ---- RF ---- */

static void steps(void)
{
	hw_steps();
	raise(SIGSTOP);
	hw_steps();
}

static void resume_flag(void)
{
	pid_t pid = traced(steps);
	struct user_regs_struct r;

	say("-- RF");
	set(pid, 0, hw_one, LOCAL(0));
	go_on(pid, PTRACE_CONT, "first");
	NEED(ptrace(PTRACE_GETREGS, pid, 0, &r));
	r.eflags &= ~RF;
	NEED(ptrace(PTRACE_SETREGS, pid, 0, &r));
	go_on(pid, PTRACE_CONT, "again");
	set(pid, 1, hw_two, LOCAL(1));
	go_on(pid, PTRACE_CONT, "the next");
	go_on(pid, PTRACE_CONT, "SIGSTOP");
	go_on(pid, PTRACE_CONT, "one");
	go_on(pid, PTRACE_SINGLESTEP, "step");
	go_on(pid, PTRACE_SINGLESTEP, "step");
	go_on(pid, PTRACE_SINGLESTEP, "step");
	end(pid);
}

/* ---- whose they are ---- */

static void *writes(void *arg)
{
	watched++;
	return arg;
}

static void threads(void)
{
	pthread_t t;

	pthread_create(&t, NULL, writes, NULL);
	pthread_join(t, NULL);
	raise(SIGSTOP);
	watched++;
	execl("/bin/true", "true", (char *)NULL);
}

static void whose(void)
{
	pid_t pid = traced(threads);

	say("-- threads, exec");
	set(pid, 3, &watched, WRITE8(3));
	go_on(pid, PTRACE_CONT, "the thread has none");
	go_on(pid, PTRACE_CONT, "main has");
	NEED(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXEC));
	NEED(ptrace(PTRACE_CONT, pid, 0, 0));
	waitpid(pid, NULL, 0);
	T(ptrace(PTRACE_PEEKUSER, pid, DR(7), 0));
	T(ptrace(PTRACE_PEEKUSER, pid, DR(3), 0));
	T(ptrace(PTRACE_PEEKUSER, pid, DR(6), 0) & 0xf);
	go_on(pid, PTRACE_CONT, "after exec");
}

static void trap_alone(void)
{
	watched = 1;
}

/* Watchpoints outlive the detaching of the tracer. */
static void detached(void)
{
	pid_t pid = traced(trap_alone);

	say("-- detached");
	set(pid, 0, &watched, WRITE8(0));
	NEED(ptrace(PTRACE_DETACH, pid, 0, 0));
	t_wait("killed by it", pid);
}

/* ---- two that share a CPU, one of them watched ---- */

static void counts(void)
{
	int i;

	for (i = 0; i < 300; i++) {
		watched = watched + 1;
		sched_yield();
	}
}

static void neighbours(void)
{
	pid_t pid = traced(counts), other = SPAWN(counts(););
	int status, hits = 0;

	say("-- neighbours");
	set(pid, 0, &watched, WRITE8(0));
	for (;;) {
		NEED(ptrace(PTRACE_CONT, pid, 0, 0));
		NEED(waitpid(pid, &status, 0));
		if (!WIFSTOPPED(status))
			break;
		hits += WSTOPSIG(status) == SIGTRAP;
	}
	say("%d", hits);
	t_wait("the other", other);
}

TEST(ptrace_hw)
{
	if (!in_guest() && !has_breakpoints())
		HOST_LACKS("hardware breakpoints");
	from_kernel();
	resume_flag();
	whose();
	detached();
	neighbours();
}
