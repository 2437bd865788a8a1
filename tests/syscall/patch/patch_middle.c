/* SPDX-License-Identifier: MIT */
/*
 * patch_middle: jumps into the middle of a hot site: to its `syscall` with the jumper's number, and
 * to the instruction behind it, before the site is hot and after, by jump and by sigreturn.
 */
#include "site.h"
#include <ucontext.h>

SITE(middle_getppid, 110);

/* Calls @at with @rax. Returns the result. */
static long enter(char *at, long rax, long a, long b, long c)
{
	long r;

	__asm__ volatile("call *%[at]"
			 : "=a"(r)
			 : [at] "r"(at), "a"(rax), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return r;
}

static void jumps(const char *what)
{
	char *f = (char *)middle_getppid, text[] = "written by a jump\n";
	long i, bad = 0;
	char c = 1;

	for (i = 0; i < 500; i++) {
		bad += enter(f + SITE_SYSCALL, NR(getpid), 0, 0, 0) != getpid();
		bad += enter(f + SITE_SYSCALL, NR(dup), -1, 0, 0) != -EBADF;
		bad += enter(f + SITE_SYSCALL, -1, 0, 0, 0) != -ENOSYS;
		bad += enter(f + SITE_AFTER, 4711, 0, 0, 0) != 4711;
		bad += enter(f + SITE_MOV, 4711, 0, 0, 0) != getppid();
	}
	say("%s: %ld wrong", what, bad);
	T(enter(f + SITE_SYSCALL, NR(write), 1, (long)text, strlen(text)));
	T(enter(f + SITE_SYSCALL, NR(read), -1, (long)&c, 1));
	T(enter(f + SITE_SYSCALL, NR(write), 1, 1, 1));
}

static long landed[4]; /* rax, rcx, r11, rdx where it came out */
static greg_t go_rip, go_rax;

static void on_signal(int sig, siginfo_t *si, void *arg)
{
	ucontext_t *uc = arg;
	greg_t *g = uc->uc_mcontext.gregs;

	g[REG_RIP] = go_rip;
	g[REG_RAX] = go_rax;
	g[REG_RCX] = 0xcccc;
	g[REG_R11] = 0xbbbb;
	g[REG_RDX] = 0xdddd;
}

/*
 * Goes to @offset of the site by sigreturn, with register values that no call leaves. The site's
 * ret returns here.
 */
static void by_sigreturn(const char *what, int offset, long rax)
{
	go_rip = (greg_t)((char *)middle_getppid + offset);
	go_rax = rax;
	__asm__ volatile("lea 1f(%%rip), %%rax\n\tsub $128, %%rsp\n\tpush %%rax\n\tud2\n"
			 "1:\tadd $128, %%rsp\n\t"
			 "mov %%rax, 0(%0)\n\tmov %%rcx, 8(%0)\n\tmov %%r11, 16(%0)\n\t"
			 "mov %%rdx, 24(%0)"
			 :
			 : "b"(landed)
			 : "rax", "rcx", "r11", "rdx", "memory", "cc");
	say("%s: rcx %s, r11 %s, rdx %lx", what,
		landed[1] == 0xcccc                            ? "kept" :
		landed[1] == (long)middle_getppid + SITE_AFTER ? "of the call" :
								 "wrong",
		landed[2] == 0xbbbb ? "kept" : "of the call", landed[3]);
}

static void sigreturns(void)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	int i;

	NEED(sigaction(SIGILL, &sa, NULL));
	for (i = 0; i < 3; i++) {
		by_sigreturn("to the instruction behind", SITE_AFTER, 4712);
		say("rax %ld", landed[0]);
		by_sigreturn("to the syscall", SITE_SYSCALL, NR(getpid));
		say("rax %s", landed[0] == getpid() ? "is our pid" : "wrong");
		by_sigreturn("to the site", SITE_MOV, 1);
		say("rax %s", landed[0] == getppid() ? "is our parent's pid" : "wrong");
		site_heat((void *)middle_getppid, getppid());
	}
	signal(SIGILL, SIG_DFL);
}

TEST(patch_middle)
{
	jumps("cold");
	say("heating: %ld wrong", site_heat((void *)middle_getppid, getppid()));
	jumps("hot");
	sigreturns();
	CHILD(jumps("in a child"));
}
