/* SPDX-License-Identifier: MIT */
/*
 * ptrace_debug: debug registers by ptrace: watchpoints and breakpoints that hit, refused values,
 * inheritance; and FPU images that are refused.
 */
#include "breakpoint.h"
#include <elf.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#define DR(n) offsetof(struct user, u_debugreg[n])
#define LOCAL(n) (1UL << (2 * (n)))
#define WRITE(n, len) (LOCAL(n) | (0x1UL | (len) << 2) << (16 + 4 * (n)))
#define EXEC(n) LOCAL(n)
enum { LEN1, LEN2, LEN8, LEN4 };

static struct {
	uint64_t before;
	volatile uint64_t eight;
	volatile uint32_t four;
	volatile uint8_t one, other;
} v __attribute__((aligned(8)));

static void __attribute__((noinline)) landmark(void)
{
	__asm__ volatile("");
}

static void program(void)
{
	v.other = 1;
	v.eight = 2;
	v.four = 3;
	v.one = 4;
	landmark();
	v.eight = 5;
	CHILD(v.eight = 6);
	v.eight = 7;
	read(open("/dev/zero", O_RDONLY), (void *)&v.eight, 8); /* the kernel is not watched */
	landmark();
	_exit(9);
}

static pid_t traced(void (*fn)(void))
{
	return TRACED(fn());
}

static long poke(pid_t pid, int n, unsigned long value)
{
	return ptrace(PTRACE_POKEUSER, pid, DR(n), value);
}

static unsigned long peek(pid_t pid, int n)
{
	errno = 0;
	return ptrace(PTRACE_PEEKUSER, pid, DR(n), 0);
}

static bool go_on(pid_t pid, int request)
{
	struct user_regs_struct r;
	siginfo_t si = { 0 };
	int status;

	NEED(ptrace(request, pid, 0, 0));
	NEED(waitpid(pid, &status, 0));
	if (!WIFSTOPPED(status)) {
		t_status("end", status);
		return false;
	}
	if (WSTOPSIG(status) == SIGCHLD) /* of program()'s child */
		return go_on(pid, request);
	NEED(ptrace(PTRACE_GETSIGINFO, pid, 0, &si));
	NEED(ptrace(PTRACE_GETREGS, pid, 0, &r));
	errno = 0;
	say("%s code %d dr6 %#lx at landmark %d, TF %d, eight %ld four %ld one %ld",
		t_signame(WSTOPSIG(status)), si.si_code, peek(pid, 6),
		r.rip == (unsigned long)landmark, !!(r.eflags & 0x100),
		ptrace(PTRACE_PEEKDATA, pid, &v.eight, 0),
		ptrace(PTRACE_PEEKDATA, pid, &v.four, 0) & 0xffffffff,
		ptrace(PTRACE_PEEKDATA, pid, &v.four, 0) >> 32 & 0xff);
	poke(pid, 6, 0);
	return true;
}

static void watch(void)
{
	pid_t pid = traced(program);

	say("-- watch");
	say("dr6 %#lx dr7 %#lx", peek(pid, 6), peek(pid, 7));
	T(poke(pid, 0, (unsigned long)&v.eight));
	T(poke(pid, 1, (unsigned long)&v.four));
	T(poke(pid, 2, (unsigned long)&v.one));
	T(poke(pid, 3, (unsigned long)landmark));
	T(poke(pid, 7, WRITE(0, LEN8) | WRITE(1, LEN4) | WRITE(2, LEN1) | EXEC(3)));
	IS(peek(pid, 0) == (unsigned long)&v.eight);
	say("dr7 %#lx", peek(pid, 7));
	while (go_on(pid, PTRACE_CONT))
		;
}

/* Tests a breakpoint that is turned off again, and single steps over it. */
static void steps(void)
{
	int i;
	pid_t pid = traced(program);

	say("-- steps, and off");
	T(poke(pid, 3, (unsigned long)landmark));
	T(poke(pid, 7, EXEC(3)));
	go_on(pid, PTRACE_CONT);
	for (i = 0; i < 3; i++)
		go_on(pid, PTRACE_SINGLESTEP);
	T(poke(pid, 7, 0));
	T(poke(pid, 3, 0));
	go_on(pid, PTRACE_CONT);
}

/* Touches v.eight in many ways, none of which changes it. */
static void touches_it(void)
{
	volatile uint64_t *p = &v.eight;
	uint64_t from[4] = { 0 }, index = 3;

	__asm__ volatile("mov (%0), %%rax\n\tmov %%rax, (%0)\n\tmovb $0, 7(%0)\n\t"
			 "cmpq $0, (%0)\n\ttestb $1, 3(%0)\n\taddl $0, 4(%0)\n\t"
			 "lea (%0), %%rax\n\tmovzbl -3(%0,%1), %%eax\n\tmovsd (%0), %%xmm0\n\t"
			 "movsd %%xmm0, (%0)\n\tmovdqu -8(%0), %%xmm0\n\tlock xaddq %%rax, (%0)\n\t"
			 "btq $3, (%0)\n\tfildll (%0)\n\tfistpll (%0)\n\tsetc (%0)\n\t"
			 "movntiq %%rax, (%0)\n\tprefetcht0 (%0)\n\tincl 8(%0)"
			 :
			 : "r"(p), "r"(index)
			 : "rax", "xmm0", "memory", "cc");
	__asm__ volatile("mov %0, %%rdi\n\tmov %1, %%rsi\n\tmov $3, %%ecx\n\tcld\n\trep movsq"
			 :
			 : "r"(p - 1), "r"(from)
			 : "rdi", "rsi", "rcx", "memory");
	__asm__ volatile("mov %%rsp, %%rax\n\tlea 8(%0), %%rsp\n\tpush $0\n\tpop %%rcx\n\t"
			 "mov %%rax, %%rsp"
			 :
			 : "r"(p)
			 : "rax", "rcx", "memory");
	_exit(1);
}

static int hits_of(unsigned long how)
{
	pid_t pid = traced(touches_it);
	int status, n = 0;

	NEED(poke(pid, 0, (unsigned long)&v.eight));
	NEED(poke(pid, 7, how));
	for (;;) {
		NEED(ptrace(PTRACE_CONT, pid, 0, 0));
		NEED(waitpid(pid, &status, 0));
		if (!WIFSTOPPED(status))
			break;
		n += WSTOPSIG(status) == SIGTRAP;
	}
	t_status("end", status);
	return n;
}

static void touches(void)
{
	say("-- touches");
	say("write, 8 bytes: %d", hits_of(WRITE(0, LEN8)));
	say("read or write, 8 bytes: %d", hits_of(WRITE(0, LEN8) | 3UL << 16));
	say("read or write, 1 byte: %d", hits_of(WRITE(0, LEN1) | 3UL << 16));
	say("write, 4 bytes: %d", hits_of(WRITE(0, LEN4)));
}

static void refusals(void)
{
	pid_t pid = traced(program);

	say("-- refused");
	T(poke(pid, 4, 0));
	T(poke(pid, 5, 1));
	T(poke(pid, 0, 0xffffffff81000000UL));
	T(poke(pid, 0, 0x7fffffffffffUL));
	T(poke(pid, 0, (unsigned long)&v.eight + 1));
	T(poke(pid, 7, WRITE(0, LEN8)));
	T(poke(pid, 7, WRITE(0, LEN1)));
	T(poke(pid, 7, LOCAL(0) | 2UL << 16));
	T(poke(pid, 7, LOCAL(0) | 4UL << 16));
	T(poke(pid, 7, LOCAL(1)));
	T(poke(pid, 7, 0xfc00));
	say("as written %#lx", peek(pid, 7));
	T(poke(pid, 7, 0));
	T(poke(pid, 6, 0xf));
	say("dr6 %#lx dr7 %#lx", peek(pid, 6), peek(pid, 7));
	T(ptrace(PTRACE_PEEKUSER, pid, DR(4), 0));
	T(ptrace(PTRACE_PEEKUSER, pid, sizeof(struct user), 0));
	T(ptrace(PTRACE_POKEUSER, pid, DR(7) + 4, 0));
	kill(pid, SIGKILL);
	t_wait("end", pid);
}

static void images(void)
{
	static unsigned char area[16384] __attribute__((aligned(64)));
	struct user_fpregs_struct fp;
	struct iovec iov = { area, sizeof(area) };
	unsigned long size;
	pid_t pid = traced(program);

	say("-- FPU images");
	T(ptrace(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &iov));
	size = iov.iov_len;
	T(ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &iov));
	area[520] = 1; /* xcomp_bv */
	T(ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &iov));
	area[520] = 0;
	area[519] |= 0x80; /* a feature that no CPU has */
	T(ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &iov));
	area[519] &= 0x7f;
	area[530] = 1; /* reserved */
	T(ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &iov));
	area[530] = 0;
	iov.iov_len = size - 8;
	T(ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &iov));
	iov.iov_len = 513;
	T(ptrace(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &iov));
	iov.iov_len = 512;
	T(ptrace(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &iov));
	T(ptrace(PTRACE_GETREGSET, pid, 0x4711, &iov));
	iov.iov_len = 16;
	T(ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov));
	say("%ld", (long)iov.iov_len);
	T(ptrace(PTRACE_GETFPREGS, pid, 0, &fp));
	fp.mxcsr |= 0x80000000;
	T(ptrace(PTRACE_SETFPREGS, pid, 0, &fp));
	fp.mxcsr = 0x1f80;
	T(ptrace(PTRACE_SETFPREGS, pid, 0, &fp));
	kill(pid, SIGKILL);
	t_wait("end", pid);
}

TEST(ptrace_debug)
{
	if (!in_guest() && !has_breakpoints())
		HOST_LACKS("hardware breakpoints");
	watch();
	steps();
	touches();
	refusals();
	images();
}
