/* SPDX-License-Identifier: MIT */
/*
 * Exceptions of the processor: which signal, which code, which address, and that a handler may go
 * on.
 */
#include "t.h"
#include <ucontext.h>

static volatile int skip;
static volatile unsigned long at;

static void on_fault(int sig, siginfo_t *si, void *context)
{
	ucontext_t *uc = context;
	long rip = uc->uc_mcontext.gregs[REG_RIP];

	say("  %s code %d, address is the instruction's %d, is the operand's %d, trap %d",
		t_signame(sig), si->si_code, (long)si->si_addr == rip,
		(unsigned long)si->si_addr == at, (int)uc->uc_mcontext.gregs[REG_TRAPNO]);
	uc->uc_mcontext.gregs[REG_RIP] += skip;
	uc->uc_mcontext.gregs[REG_EFL] &= ~0x40100l; /* AC, TF */
}

#define FAULT(what, length, ...)                                                                   \
	do {                                                                                       \
		say("%s", what);                                                                   \
		skip = length;                                                                     \
		__asm__ volatile(__VA_ARGS__);                                                     \
	} while (0)

static char page[8192] __attribute__((aligned(4096)));

static int steps;
static void on_step(int sig, siginfo_t *si, void *context)
{
	ucontext_t *uc = context;

	if (steps == 0)
		say("  %s code %d", t_signame(sig), si->si_code);
	if (++steps == 5)
		uc->uc_mcontext.gregs[REG_EFL] &= ~0x100l;
}

TEST(faults)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	static const int sigs[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
	unsigned cw = 0x1f80 & ~(1u << 9); /* MXCSR with division by zero unmasked */
	double one = 1, zero = 0;
	size_t i;

	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		sigaction(sigs[i], &sa, NULL);
	at = 0x1230;
	FAULT("read of an unmapped address", 3, "mov (%0), %%rax" ::"b"(0x1230ul) : "rax");
	FAULT("write to it", 3, "mov %%rax, (%0)" ::"b"(0x1230ul) : "memory");
	NEED(mprotect(page, 4096, PROT_READ));
	at = (unsigned long)page;
	FAULT("write to a read-only page", 3, "mov %%rax, (%0)" ::"b"(page) : "memory");
	at = 0;
	FAULT("no canonical address", 3, "mov (%0), %%rax" ::"b"(0x8000000000000000ul) : "rax");
	FAULT("ud2", 2, "ud2");
	FAULT("int3", 0, "int3");
	FAULT("hlt", 1, "hlt");
	FAULT("cli", 1, "cli");
	FAULT("in", 1, "inb %%dx, %%al" ::"d"(0x80) : "rax");
	FAULT("mov from cr0", 3, "mov %%cr0, %%rax" ::: "rax");
	FAULT("int $0x21", 2, "int $0x21");
	FAULT("division by zero", 2, "idivl %%ecx" ::"a"(1), "c"(0), "d"(0));
	FAULT("division that overflows", 2, "idivl %%ecx" ::"a"(0x80000000), "c"(-1), "d"(-1));
	__asm__ volatile("ldmxcsr %0" ::"m"(cw));
	FAULT("SSE division by zero", 4,
		"movsd %0, %%xmm0\n\tmovsd %1, %%xmm1\n\tdivsd %%xmm1, %%xmm0\n\t" ::"m"(one),
		"m"(zero)
		: "xmm0", "xmm1");
	cw = 0x1f80;
	__asm__ volatile("ldmxcsr %0" ::"m"(cw));
	CHILD({
		signal(SIGSEGV, SIG_DFL);
		((void (*)(void))0x1230)();
	});
	CHILD({
		signal(SIGSEGV, SIG_DFL);
		__asm__ volatile("mov $0x1000, %%rsp\n\tpush %%rax" ::: "memory");
	});
	CHILD({
		t_block(SIGSEGV);
		*(volatile int *)0x1230 = 1; /* blocked: still kills */
	});
	CHILD({
		signal(SIGSEGV, SIG_IGN);
		*(volatile int *)0x1230 = 1; /* ignored: still kills */
	});
	sa.sa_sigaction = on_step;
	sigaction(SIGTRAP, &sa, NULL);
	say("single steps");
	__asm__ volatile("pushfq\n\torq $0x100, "
			 "(%%rsp)\n\tpopfq\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop" ::
				 : "memory", "cc");
	say("  %d", steps);
	steps = 0;
	say("single steps over a system call");
	{
		long r;

		__asm__ volatile(
			"pushfq\n\torq $0x100, "
			"(%%rsp)"
			"\n\tpopfq\n\tnop\n\tsyscall\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop"
			: "=a"(r)
			: "0"(SYS_getppid)
			: "rcx", "r11", "memory", "cc");
		say("  %d, result right %d", steps, r == getppid());
	}
}
