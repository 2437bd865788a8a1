/* SPDX-License-Identifier: MIT */
/*
 * guest.c: the programs that tests/skas runs as guests. One static image without libc at
 * GUEST_BASE; rdi is the program's number, rsi its argument, rdx the base of the stub's window.
 */
#include <stdint.h>
#include "tests/skas/guest.h"

typedef uint64_t u64;
typedef uint32_t u32;

static u64 stub;
#define CTL (stub + STUB_SLOTS + SLOT_CTL)
#define ALT (stub + STUB_SLOTS + SLOT_ALT)
#define VOLATILE32(a) (*(volatile u32 *)(a))
#define VOLATILE64(a) (*(volatile u64 *)(a))

static long call(long nr, long a, long b, long c)
{
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return r;
}
__attribute__((noreturn)) static void leave(long status)
{
	for (;;)
		call(GNR_EXIT, status, 0, 0);
}
static long ppid(void)
{
	return call(GNR_GETPPID, 0, 0, 0);
}
static void say(const char *s)
{
	long n = 0;

	while (s[n])
		n++;
	call(GNR_WRITE, 1, (long)s, n);
}
static void spin(long n)
{
	for (volatile long i = 0; i < n; i++)
		;
}

/*
 * Checks that every register survives a call, and that rcx and r11 are as `syscall` leaves them.
 * Returns the exit status.
 */
static long check_regs(void)
{
	long bad = 0;

	__asm__ volatile(
		"mov $0x1111, %%rbx\n mov $0x2222, %%r8\n mov $0x3333, %%r9\n mov $0x4444, %%r10\n"
		"mov $0x5555, %%r12\n mov $0x6666, %%r13\n mov $0x7777, %%r14\n mov $0x8888, "
		"%%r15\n"
		"mov $0x9999, %%rdi\n mov $0xaaaa, %%rsi\n mov $0xbbbb, %%rdx\n"
		"mov %1, %%eax\n syscall\n 1: lea 1b(%%rip), %%r11\n"
		"xor %0, %0\n"
		"cmp %%r11, %%rcx\n setne %b0\n"
		"cmp $0x1111, %%rbx\n jne 2f\n cmp $0x2222, %%r8\n jne 2f\n cmp $0x3333, %%r9\n "
		"jne 2f\n"
		"cmp $0x4444, %%r10\n jne 2f\n cmp $0x5555, %%r12\n jne 2f\n cmp $0x6666, %%r13\n "
		"jne 2f\n"
		"cmp $0x7777, %%r14\n jne 2f\n cmp $0x8888, %%r15\n jne 2f\n cmp $0x9999, %%rdi\n "
		"jne 2f\n"
		"cmp $0xaaaa, %%rsi\n jne 2f\n cmp $0xbbbb, %%rdx\n jne 2f\n cmp %2, %%rax\n je "
		"3f\n"
		"2: mov $2, %0\n 3:"
		: "=&q"(bad)
		: "i"(GNR_GETPPID), "i"(GUEST_PPID)
		: "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
		"r14", "r15", "memory");
	return bad;
}

/*
 * Checks that general and vector registers keep their values over @n rounds, with a call (or a
 * wait) in each. Kicks may come at any time. Returns the exit status.
 */
static long check_fpu(long n, u64 seed, int calls)
{
	long bad = 0;

	for (long i = 0; i < n; i++) {
		u64 x = (i + seed) * 0x9e3779b97f4a7c15UL, y, z;

		__asm__ volatile("movq %3, %%xmm7\n movq %3, %%xmm15\n mov %3, %%r12\n stc\n"
				 "test %4, %4\n jz 1f\n mov %5, %%eax\n syscall\n jmp 2f\n"
				 "1: pause\n nop\n pause\n"
				 "2: movq %%xmm7, %0\n movq %%xmm15, %1\n xor %1, %0\n xor %%r12, "
				 "%1\n or %1, %0\n"
				 : "=&r"(y), "=&r"(z), "+m"(bad)
				 : "r"(x), "r"((long)calls), "i"(GNR_GETPPID)
				 : "rax", "rcx", "r11", "r12", "xmm7", "xmm15", "memory", "cc");
		bad += y != 0;
	}
	return bad;
}

static void fs_gs(void)
{
	u64 fs = 0x123456789000, gs = 0x2345678000, a, b;

	for (int i = 0; i < 100; i++) {
		__asm__ volatile("wrfsbase %0\n wrgsbase %1" : : "r"(fs + i), "r"(gs + i));
		ppid();
		__asm__ volatile("rdfsbase %0\n rdgsbase %1" : "=r"(a), "=r"(b));
		if (a != fs + i || b != gs + i)
			leave(1);
	}
	leave(0);
}

/* Sets both bases by calls, as arch_prctl(2) does, and looks at once and later where they lead. */
static void bases(long rounds, long seed)
{
	u64 words[8], a, b;

	for (long i = 0; i < rounds; i++) {
		u64 *fs = &words[i % 4], *gs = &words[7 - i % 3];

		*fs = (u64)(seed + i);
		*gs = (u64)(seed - i);
		call(GNR_BASES, (long)fs, (long)gs, 0);
		for (int j = 0; j < 3; j++) {
			__asm__ volatile("mov %%fs:0, %0\n mov %%gs:0, %1" : "=r"(a), "=r"(b));
			if (a != *fs || b != *gs)
				leave(1);
			if (j == 1)
				spin(3000);
			else
				ppid();
		}
	}
	leave(0);
}

/* Jumps to @at with these registers. */
static void jump(u64 at, long rax, long rdi, long rsi, long rdx)
{
	__asm__ volatile("xor %%r10d, %%r10d\n jmp *%0"
			 :
			 : "r"(at), "a"(rax), "D"(rdi), "S"(rsi), "d"(rdx)
			 : "r10");
}

static void int80(void)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory");
	leave(r == -38 ? 0 : 1);
}

static void odd_flags(void)
{
	u64 flags;
	long r;

	__asm__ volatile("sub $128, %%rsp\n pushfq\n pop %%rcx\n or $0x44400, %%rcx\n push %%rcx\n "
			 "popfq\n mov %2, %%eax\n"
			 "syscall\n pushfq\n pop %1\n push $0x202\n popfq\n add $128, %%rsp"
			 : "=&a"(r), "=&r"(flags)
			 : "i"(GNR_GETPPID)
			 : "rcx", "r11", "memory");
	leave(r == GUEST_PPID && (flags & 0x40400) == 0x40400 ? 0 : 1);
}

static void wreck_own_state(long what)
{
	if (what == 0) {
		VOLATILE32(CTL + C_TURN) = 0;
		spin(3000000);
	} else if (what == 1) {
		for (int i = 0; i < 10; i++) {
			VOLATILE64(CTL + C_FP) = 1;
			VOLATILE32(CTL + C_RSLEEP) = 0;
			VOLATILE32(CTL + C_KWAIT) = 0;
			ppid();
		}
	} else if (what == 2) {
		for (int i = 0; i < 10; i++) {
			for (u64 a = ALT; a < ALT + SLOT_ALT_SIZE; a += 8)
				VOLATILE64(a) = ~0UL;
			ppid();
		}
	} else if (what == 3) {
		for (u64 a = CTL; a < CTL + 4096; a += 4)
			VOLATILE32(a) = (u32)a;
	} else if (what == 4) {
		/* reports events of every kind without giving up the CPU */
		for (u32 ev = 0; ev < 3000; ev++) {
			VOLATILE32(CTL + C_EV) = ev;
			VOLATILE32(CTL + C_TURN) = 0;
		}
	}
	leave(7);
}

static void misbehave(long what, u64 arg)
{
	static char m[] = "ESCAPED\n";

	switch (what) {
	case BAD_WRITE_ORDERS: VOLATILE32(stub + STUB_ORDERS) = 1; break;
	case BAD_WRITE_TEXT: VOLATILE32(stub) = 1; break;
	case BAD_EXEC_ALT: jump(ALT, 0, 0, 0, 0); break;
	case BAD_GATE_WRITE: jump(arg, 1, 1, (long)m, 8); break;
	case BAD_GATE_OTHER_WORD: jump(arg, 202, (long)m, 0, 0); break;
	/* sleeps, as after a hand-off */
	case BAD_GATE_SLEEP:
		VOLATILE32(CTL + C_TURN) = 1;
		jump(arg, 202, CTL + C_TURN, 0, 1);
		break;
	case BAD_MAPPER: jump(arg, 9, 0x10000000, 4096, 7); break;
	case BAD_NONCANONICAL: jump(0x8000000000000000UL, 0, 0, 0, 0); break;
	case BAD_RSP: __asm__ volatile("mov $8, %rsp\n push %rax"); break;
	/* a call with the stack pointer at the bottom of its alternate stack */
	case BAD_RSP_ALT:
		__asm__ volatile("mov %0, %%rsp\n mov %1, %%eax\n syscall"
				 :
				 : "r"(ALT + 512), "i"(GNR_GETPPID));
		break;
	case BAD_HANDLER: jump(arg, 31, 31, CTL + 1024, CTL + 1024); break;
	/* the stub's exit path with a damaged control page */
	case BAD_EXIT_PATH:
		VOLATILE64(CTL + C_RIP) = 0xdead000000000000UL;
		__asm__ volatile("mov %1, %%rbx\n jmp *%0" : : "r"(arg), "r"(CTL) : "rbx");
		break;
	case BAD_UD2: __asm__ volatile("ud2"); break;
	case BAD_DIV:
		__asm__ volatile("xor %%ecx, %%ecx\n div %%ecx" : : : "rax", "rdx", "rcx");
		break;
	case BAD_INT3: __asm__ volatile("int3"); break;
	case BAD_HLT: __asm__ volatile("hlt"); break;
	case BAD_NULL: VOLATILE32(8) = 1; break;
	case BAD_STEP: __asm__ volatile("pushfq\n orq $0x100, (%rsp)\n popfq\n nop\n nop"); break;
	}
	leave(7);
}

/* Writes TURN_RUN again and again, which undoes every turn that the handler gives to the kernel. */
static void stubborn(void)
{
	for (;;)
		if (VOLATILE32(CTL + C_TURN) != 1)
			VOLATILE32(CTL + C_TURN) = 1;
}

static void touch(u64 pages)
{
	for (u64 i = 0; i < pages; i++)
		VOLATILE64(GUEST_ANON + i * 4096) = i;
	for (u64 i = 0; i < pages; i++)
		if (VOLATILE64(GUEST_ANON + i * 4096) != i)
			leave(1);
	leave(0);
}

static u64 tsc(void)
{
	u32 lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (u64)hi << 32 | lo;
}

static void time_calls(long n)
{
	u64 t = tsc();

	for (long i = 0; i < n; i++)
		ppid();
	call(GNR_RESULT, (tsc() - t) / n, 0, 0);
	leave(0);
}

static void time_faults(long n)
{
	u64 t = tsc();

	for (long i = 0; i < n; i++)
		VOLATILE64(GUEST_ANON + i * 4096) = i;
	call(GNR_RESULT, (tsc() - t) / n, 0, 0);
	leave(0);
}

__attribute__((noreturn, used)) void guest_main(long which, u64 arg, u64 stub_base, long what)
{
	stub = stub_base;
	switch (which) {
	case G_HELLO:
		say("hello from the guest\n");
		leave(3);
		break;
	case G_REGS: leave(check_regs()); break;
	case G_FPU: leave(check_fpu(arg, 1, 0)); break;
	case G_FPU_CALLS: leave(check_fpu(arg, 1000003 * what, 1)); break;
	case G_FSGS: fs_gs(); break;
	case G_BASES: bases(arg, what); break;
	case G_TOUCH: touch(arg); break;
	case G_LOOP:
		for (;;)
			;
		break;
	case G_INT80: int80(); break;
	case G_FLAGS: odd_flags(); break;
	case G_WRECK: wreck_own_state(what); break;
	case G_BAD: misbehave(what, arg); break;
	case G_STUBBORN: stubborn(); break;
	case G_TIME_CALLS: time_calls(arg); break;
	case G_TIME_FAULTS: time_faults(arg); break;
	case G_NOTHING: leave(0); break;
	/* reads an address that a former guest had mapped */
	case G_PEEK: leave(VOLATILE64(GUEST_ANON) ? 1 : 0); break;
	case G_VSYSCALL: {
		long (*f)(long *) = (long (*)(long *))0xffffffffff600400;

		leave(f(0) == GUEST_TIME ? 0 : 1);
	} break;
	case G_SLEEPER: /* calls forever, for the second vCPU */
		for (;;)
			ppid();
		break;
	/* for a runner of the first slot, at any time */
	case G_SAYS_HELLO:
		for (;;) {
			VOLATILE32(CTL + C_EV) = EVT_HELLO;
			VOLATILE32(CTL + C_TURN) = TURN_KERNEL;
		}
		break;
	case G_COUNT:
		for (;;)
			VOLATILE64(GUEST_ANON)++;
		break;
	}
	leave(99);
}

__asm__(".section .start, \"ax\"\n"
	".globl _start\n"
	"_start:\n"
	"	and $-16, %rsp\n"
	"	call guest_main\n"
	"	ud2\n"
	".text\n");
