/* SPDX-License-Identifier: MIT */
/*
 * rt_sigreturn(2): registers, flags and floating point survive a handler; a handler may change
 * them; bad frames.
 */
#include "t.h"
#include <ucontext.h>

static volatile int hits;

static void clobber(int sig)
{
	volatile double d = 1.5;
	int i;

	for (i = 0; i < 10; i++)
		d = d * 3.25 + i;
	__asm__ volatile("xorps %%xmm0, %%xmm0; xorps %%xmm7, %%xmm7; xorps %%xmm15, %%xmm15; "
			 "fldpi; fstp %%st(0)" ::
				 : "xmm0", "xmm7", "xmm15");
	hits++;
}

static void registers(void)
{
	uint64_t in[12], out[12];
	int i, same = 0;

	for (i = 0; i < 12; i++)
		in[i] = 0x1111111111111111ul * (i + 1);
	/* kill USR1 */
	__asm__ volatile(
		"push %%rbp\n\t"
		"mov %0, %%rax\n\t"
		"mov 0(%%rax), %%rbx\n\tmov 8(%%rax), %%rcx\n\tmov 16(%%rax), %%r8\n\t"
		"mov 24(%%rax), %%r9\n\tmov 32(%%rax), %%r10\n\tmov 48(%%rax), %%r12\n\t"
		"mov 56(%%rax), %%r13\n\tmov 64(%%rax), %%r14\n\tmov 72(%%rax), %%r15\n\t"
		"mov 80(%%rax), %%rbp\n\t"
		"push %1\n\t"
		"mov $39, %%eax\n\tsyscall\n\t" /* getpid */
		"mov %%eax, %%edi\n\tmov $10, %%esi\n\tmov $62, %%eax\n\tsyscall # kill\n\t"
		"pop %%rax\n\t"
		"mov %%rbx, 0(%%rax)\n\tmov %%r8, 16(%%rax)\n\t"
		"mov %%r9, 24(%%rax)\n\tmov %%r10, 32(%%rax)\n\tmov %%r12, 48(%%rax)\n\t"
		"mov %%r13, 56(%%rax)\n\tmov %%r14, 64(%%rax)\n\tmov %%r15, 72(%%rax)\n\t"
		"mov %%rbp, 80(%%rax)\n\t"
		"pop %%rbp"
		:
		: "D"(in), "d"(out)
		: "rax", "rbx", "rcx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
		"memory");
	for (i = 0; i < 11; i++)
		same += i == 1 || i == 5 || in[i] == out[i];
	say("%d of 11 registers survive", same);
}

static void floating(void)
{
	double a[4] = { 1.25, 2.5, 3.75, 5.0 }, b[4], st = 7.5, got;

	__asm__ volatile(
		"movsd 0(%1), %%xmm0\n\tmovsd 8(%1), %%xmm7\n\tmovsd 16(%1), %%xmm15\n\t"
		"fldl %3\n\t"
		"mov $39, %%eax\n\tsyscall\n\t"
		"mov %%eax, %%edi\n\tmov $10, %%esi\n\tmov $62, %%eax\n\tsyscall\n\t"
		"movsd %%xmm0, 0(%2)\n\tmovsd %%xmm7, 8(%2)\n\tmovsd %%xmm15, 16(%2)\n\t"
		"fstpl %0"
		: "=m"(got)
		: "b"(a), "d"(b), "m"(st)
		: "rax", "rcx", "rdi", "rsi", "r11", "xmm0", "xmm7", "xmm15", "st", "memory");
	say("floating point: %d %d %d %d", b[0] == a[0], b[1] == a[1], b[2] == a[2], got == st);
}

static void change(int sig, siginfo_t *si, void *context)
{
	ucontext_t *uc = context;

	uc->uc_mcontext.gregs[REG_RAX] = 4711;
	sigaddset(&uc->uc_sigmask, SIGHUP);
}

static void skip(int sig, siginfo_t *si, void *context)
{
	ucontext_t *uc = context;

	say("fault: signo %d code %d address %p trap %d", si->si_signo, si->si_code, si->si_addr,
		(int)uc->uc_mcontext.gregs[REG_TRAPNO]);
	uc->uc_mcontext.gregs[REG_RIP] += 2; /* a mov of two bytes */
}

static void changed(void)
{
	struct sigaction sa = { .sa_sigaction = change, .sa_flags = SA_SIGINFO };
	sigset_t set;
	long ret;

	sigaction(SIGUSR2, &sa, NULL);
	ret = syscall(SYS_kill, getpid(), SIGUSR2);
	say("result changed by the handler: %ld", ret);
	sigprocmask(SIG_BLOCK, NULL, &set);
	say("mask changed by the handler: %d", sigismember(&set, SIGHUP));
	sa.sa_sigaction = skip;
	sigaction(SIGSEGV, &sa, NULL);
	__asm__ volatile("mov (%0), %%ecx" ::"a"(0x1000ul) : "ecx");
	say("went on");
}

static void flags(void)
{
	uint64_t before, after;

	__asm__ volatile("pushfq\n\torq $0x440, (%%rsp)\n\tpopfq\n\tpushfq\n\tpop %0\n\t"
			 "mov $39, %%eax\n\tsyscall\n\tmov %%eax, %%edi\n\tmov $10, %%esi\n\tmov "
			 "$62, %%eax\n\tsyscall\n\t"
			 "pushfq\n\tpop %1\n\tcld"
			 : "=&r"(before), "=&r"(after)
			 :
			 : "rax", "rcx", "rdi", "rsi", "r11", "memory", "cc");
	say("direction flag kept: %d", (before & 0x400) == (after & 0x400));
}

static void nothing(int sig)
{
}

/* MXCSR with DAZ and FTZ, as -ffast-math sets it, survives a signal. */
static void fast_math(void)
{
	uint32_t csr = 0x9fc0, plain = 0x1f80;

	signal(SIGUSR2, nothing);
	__asm__ volatile("ldmxcsr %0" ::"m"(csr));
	syscall(SYS_kill, getpid(), SIGUSR2);
	__asm__ volatile("stmxcsr %0\n\tldmxcsr %1" : "=m"(csr) : "m"(plain));
	say("fast math: mxcsr %x", csr & ~63u);
}

/* Frames with bad floating-point state cause SIGSEGV at the frame's rip and with its mask. */
static int damage;

static void spoil(int sig, siginfo_t *si, void *context)
{
	ucontext_t *uc = context;
	uint8_t *area = (uint8_t *)uc->uc_mcontext.fpregs;

	sigaddset(&uc->uc_sigmask, SIGHUP);
	uc->uc_mcontext.gregs[REG_RAX] = 4711;
	switch (damage) {
	case 0: memset(area + 512, 0xff, 8); break; /* components that are not there */
	case 1: memset(area + 520, 0xff, 8); break; /* the compact format */
	case 2: memset(area + 528, 0xff, 8); break; /* reserved */
	case 3: memset(area + 24, 0xff, 4); break;  /* mxcsr */
	case 4: uc->uc_mcontext.fpregs = (void *)0x1000; break;
	case 5: uc->uc_mcontext.fpregs = (void *)(area + 1); break;
	}
}

static void spoilt(int sig, siginfo_t *si, void *context)
{
	ucontext_t *uc = context;
	static int times;

	say("damage %d: signo %d code %d rax %lld, SIGHUP blocked %d", damage, si->si_signo,
		si->si_code, (long long)uc->uc_mcontext.gregs[REG_RAX],
		sigismember(&uc->uc_sigmask, SIGHUP));
	if (++times > 20)
		_exit(1);
}

static void bad_floating_point(void)
{
	struct sigaction sa = { .sa_sigaction = spoil, .sa_flags = SA_SIGINFO };
	uint32_t csr, odd = 0x1fc0;
	sigset_t none, now;
	long ret;

	sigaction(SIGUSR2, &sa, NULL);
	sa.sa_sigaction = spoilt;
	sigaction(SIGSEGV, &sa, NULL);
	sigemptyset(&none);
	for (damage = 0; damage < 6; damage++) {
		sigprocmask(SIG_SETMASK, &none, NULL);
		__asm__ volatile("ldmxcsr %0" ::"m"(odd));
		ret = syscall(SYS_kill, getpid(), SIGUSR2);
		__asm__ volatile("stmxcsr %0" : "=m"(csr));
		sigprocmask(SIG_BLOCK, NULL, &now);
		say("damage %d: went on, result %ld, mxcsr %x, SIGHUP blocked %d", damage, ret, csr,
			sigismember(&now, SIGHUP));
	}
	sigaddset(&none, SIGSEGV);
	CHILD({
		damage = 0;
		sa.sa_sigaction = spoil;
		sa.sa_mask = none;
		sigaction(SIGUSR2, &sa, NULL);
		sigprocmask(SIG_SETMASK, &none, NULL);
		kill(getpid(), SIGUSR2); /* SIGSEGV is blocked in the frame: the end */
	});
}

/*
 * A frame whose stack segment is a code segment: that does not matter if the code is 64-bit and
 * the frame does not insist on its stack segment.
 */
static unsigned short code_segment;
static bool strict;

static void bend(int sig, siginfo_t *si, void *context)
{
	ucontext_t *uc = context;
	uint64_t segments = (uint64_t)uc->uc_mcontext.gregs[REG_CSGSFS];

	segments = (segments & 0xffffffff0000) | code_segment | 0x33ul << 48;
	uc->uc_mcontext.gregs[REG_CSGSFS] = (long long)segments;
	uc->uc_mcontext.gregs[REG_RIP] = 0x20000;
	if (!strict)
		uc->uc_flags &= ~4ul; /* UC_STRICT_RESTORE_SS */
}

static void stack_segment(void)
{
	struct sigaction sa = { .sa_sigaction = bend, .sa_flags = SA_SIGINFO };
	unsigned char *p = mmap((void *)0x20000, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	NEED(p == MAP_FAILED ? -1 : 0);
	/* int3: a thread that gets here dies of SIGTRAP */
	*p = 0xcc;
	sigaction(SIGUSR2, &sa, NULL);
	for (int i = 0; i < 4; i++) {
		code_segment = i & 1 ? 0x23 : 0x33;
		strict = i & 2;
		say("code %x%s", code_segment, strict ? ", strict" : "");
		CHILD(kill(getpid(), SIGUSR2));
	}
	munmap(p, 4096);
}

TEST(rt_sigreturn)
{
	signal(SIGUSR1, clobber);
	registers();
	floating();
	flags();
	say("handler ran %d times", hits);
	changed();
	fast_math();
	bad_floating_point();
	signal(SIGSEGV, SIG_DFL);
	stack_segment();
	CHILD({ __asm__ volatile("mov $0x1000, %%rsp\n\tmov $15, %%eax\n\tsyscall" ::: "rax"); });
	/* a stack that is not there when a signal comes */
	CHILD({
		signal(SIGUSR1, clobber);
		__asm__ volatile(
			"mov $39, %%eax\n\tsyscall\n\tmov %%eax, %%edi\n\tmov $0x1000, %%rsp\n\t"
			"mov $10, %%esi\n\tmov $62, %%eax\n\tsyscall" ::
				: "rax");
	});
}
