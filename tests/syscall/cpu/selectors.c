/* SPDX-License-Identifier: MIT */
/*
 * selectors: segment registers of a program without segments of its own are kept over calls,
 * switches, signals and forks, and with ptrace.
 */
#include "t.h"
#include <asm/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>

static unsigned get_ds(void)
{
	unsigned sel;

	__asm__ volatile("mov %%ds, %0" : "=r"(sel));
	return sel & 0xffff;
}

static unsigned get_gs(void)
{
	unsigned sel;

	__asm__ volatile("mov %%gs, %0" : "=r"(sel));
	return sel & 0xffff;
}

static void set_gs(unsigned sel)
{
	__asm__ volatile("mov %0, %%gs" : : "r"(sel));
}

static void set_ds(unsigned sel)
{
	__asm__ volatile("mov %0, %%ds; mov %0, %%es" : : "r"(sel));
}

static unsigned long base(void)
{
	unsigned long b = 77;

	syscall(SYS_arch_prctl, ARCH_GET_GS, &b);
	return b;
}

static void tell(const char *what)
{
	say("%s: gs %#x, ds %#x, base %#lx", what, get_gs(), get_ds(), base());
}

/* Yields and sleeps, so that other threads use this runner, and this thread perhaps another. */
static void *other(void *arg)
{
	for (int i = 0; i < 200; i++) {
		if (get_gs())
			say("another thread has %#x", get_gs());
		sched_yield();
		if (i % 20 == 0)
			usleep(100);
	}
	return NULL;
}

static void among_others(unsigned sel)
{
	pthread_t t[3];
	char what[32];

	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, other, NULL);
	set_gs(sel);
	for (int i = 0; i < 200; i++) {
		if (get_gs() != sel)
			break;
		getppid();
		if (i % 10 == 0)
			usleep(200);
	}
	snprintf(what, sizeof(what), "among others, %#x", sel);
	tell(what);
	set_gs(0);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
}

static void handler(int sig)
{
	tell("in a handler");
}

static void traced(void)
{
	struct user_regs_struct r;
	int status;
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		set_gs(0x2b);
		raise(SIGSTOP);
		say("the tracee's: %#x", get_gs());
		raise(SIGSTOP);
		say("the tracee's: %#x", get_gs());
		_exit(0);
	}
	NEED(waitpid(pid, &status, 0));
	NEED(ptrace(PTRACE_GETREGS, pid, 0, &r));
	say("traced: gs %#llx, ds %#llx, base %#llx", r.gs, r.ds, r.gs_base);
	NEED(ptrace(PTRACE_CONT, pid, 0, 0));
	NEED(waitpid(pid, &status, 0));
	NEED(ptrace(PTRACE_GETREGS, pid, 0, &r));
	r.gs = 0;
	T(ptrace(PTRACE_SETREGS, pid, 0, &r));
	r.gs = 0x20; /* not of this privilege */
	T(ptrace(PTRACE_SETREGS, pid, 0, &r));
	NEED(ptrace(PTRACE_CONT, pid, 0, 0));
	NEED(waitpid(pid, &status, 0));
}

TEST(selectors)
{
	int status;

	tell("at first");
	set_gs(0x2b);
	usleep(1000);
	tell("loaded");
	signal(SIGUSR1, handler);
	raise(SIGUSR1);
	tell("behind it");
	if (!fork()) {
		tell("the child's");
		_exit(0);
	}
	wait(&status);
	set_ds(0x2b);
	usleep(1000);
	tell("ds as well");
	set_ds(0);
	set_gs(0);
	tell("none");
	among_others(0x2b);
	among_others(0x23);
	T(syscall(SYS_arch_prctl, ARCH_SET_GS, 0x1000));
	tell("a base");
	set_gs(0x2b);
	usleep(1000);
	tell("a selector");
	T(syscall(SYS_arch_prctl, ARCH_SET_GS, 0));
	tell("no base");
	traced();
}
