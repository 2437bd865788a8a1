/* SPDX-License-Identifier: MIT */
/*
 * guest.c: runs in the guest of the mm test: uses memory as programs do, by raw system calls.
 * Prints a line for each part; "FAIL" in it fails the test. Times are in TSC ticks and not
 * checked.
 */
typedef unsigned long u64;
typedef unsigned int u32;

#define PAGE 4096UL
#define NR(n) __NR_##n
#include <asm/unistd.h>

static long call(long nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	register u64 r10 __asm__("r10") = d;
	register u64 r8 __asm__("r8") = e;
	register u64 r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}
#define sys(nr, ...) sys_(__NR_##nr, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define sys_(nr, a, b, c, d, e, f, ...)                                                            \
	call(nr, (u64)(a), (u64)(b), (u64)(c), (u64)(d), (u64)(e), (u64)(f))

static char line[400];
static u32 len;
static void put(const char *s)
{
	while (*s)
		line[len++] = *s++;
}
static void num(u64 v)
{
	char b[24];
	int n = 0;

	do
		b[n++] = '0' + v % 10;
	while (v /= 10);
	while (n)
		line[len++] = b[--n];
}
static void end(void)
{
	line[len++] = '\n';
	sys(write, 1, line, len);
	len = 0;
}
static void check(const char *what, int ok)
{
	put(ok ? "ok " : "FAIL ");
	put(what);
	end();
}
static u64 tsc(void)
{
	u32 lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (u64)hi << 32 | lo;
}
static void rate(const char *what, u64 t, u64 n)
{
	put("time ");
	put(what);
	put(": ");
	num(t / n);
	put(" ticks");
	end();
}

#define PROT_RW 3
#define MAP_PRIVATE 2
#define MAP_ANON 0x20
#define MAP_FIXED 0x10
static char *map(u64 addr, u64 n, int prot, int flags)
{
	return (char *)sys(mmap, addr, n, prot, MAP_PRIVATE | MAP_ANON | flags, -1, 0);
}

static void touch(u64 mb)
{
	u64 n = mb << 20, sum = 0, t;
	char *p = map(0, n, PROT_RW, 0);

	t = tsc();
	for (u64 i = 0; i < n; i += PAGE)
		p[i] = (char)(i >> 12);
	rate("anon touch in order", tsc() - t, n / PAGE);
	for (u64 i = 0; i < n; i += PAGE)
		sum += p[i] != (char)(i >> 12);
	check("anon content", !sum);
	t = tsc();
	sys(munmap, p, n);
	rate("munmap a page", tsc() - t, n / PAGE);
}

static void sparse(void)
{
	u64 n = 128UL << 20, bad = 0;
	char *p = map(0, n, PROT_RW, 0);

	for (u64 i = 0; i < n; i += 1UL << 20)
		bad += p[i + 5000] != 0, p[i] = 1;
	for (u64 i = 0; i < n; i += 1UL << 20)
		bad += p[i] != 1;
	check("sparse", !bad);
	sys(munmap, p, n);
}

static void mmap16(void)
{
	u64 t = tsc();

	for (int k = 0; k < 200; k++) {
		char *p = map(0, 16 * PAGE, PROT_RW, 0);

		for (int i = 0; i < 16; i++)
			p[i * PAGE] = 1;
		sys(munmap, p, 16 * PAGE);
	}
	rate("mmap, touch 16, munmap", tsc() - t, 200);
}

static long fork_wait(void (*child)(void *), void *arg)
{
	int status = -1;
	long pid = sys(fork);

	if (!pid) {
		child(arg);
		sys(exit_group, 0);
	}
	if (pid < 0)
		return pid;
	sys(wait4, pid, &status, 0, 0);
	return status;
}

static void child_writes(void *arg)
{
	char *p = arg;
	int bad = 0;

	for (int i = 0; i < 256; i++) {
		bad += p[i * PAGE] != (char)i;
		p[i * PAGE] = (char)(i + 1);
	}
	for (int i = 0; i < 256; i++)
		bad += p[i * PAGE] != (char)(i + 1);
	sys(exit_group, bad != 0);
}
static void child_nothing(void *arg)
{
}

static void cow(void)
{
	char *p = map(0, 256 * PAGE, PROT_RW, 0);
	int bad = 0;
	u64 t;

	for (int i = 0; i < 256; i++)
		p[i * PAGE] = (char)i;
	check("fork, child writes", fork_wait(child_writes, p) == 0);
	for (int i = 0; i < 256; i++)
		bad += p[i * PAGE] != (char)i;
	check("parent unchanged", !bad);
	for (int i = 0; i < 256; i++)
		p[i * PAGE] = (char)i;
	t = tsc();
	for (int i = 0; i < 20; i++)
		bad |= fork_wait(child_nothing, 0) != 0;
	rate("fork, exit, wait", tsc() - t, 20);
	t = tsc();
	for (int i = 0; i < 20; i++) {
		bad |= fork_wait(child_writes, p) != 0;
		for (int k = 0; k < 256; k++)
			bad |= p[k * PAGE] != (char)k;
	}
	rate("fork, child writes 256 pages", tsc() - t, 20);
	check("forks", !bad);
	sys(munmap, p, 256 * PAGE);
}

static void protect(void)
{
	char *p = map(0, 64 * PAGE, PROT_RW, 0);
	u32 sum = 0;

	for (int i = 0; i < 64; i++)
		p[i * PAGE] = 1;
	sys(mprotect, p, 64 * PAGE, 1);
	check("write(2) into read-only memory", sys(getrandom, p, 16, 0) == -14);
	sys(mprotect, p + 8 * PAGE, 8 * PAGE, PROT_RW);
	p[8 * PAGE] = 2;
	p[15 * PAGE] = 3;
	sys(mprotect, p, 64 * PAGE, 0);
	sys(mprotect, p, 64 * PAGE, PROT_RW);
	for (int i = 0; i < 64; i++)
		sum += p[i * PAGE]++;
	check("mprotect keeps content", sum == 64 + 3);
	sys(madvise, p, 32 * PAGE, 4);
	check("DONTNEED gives zeros", p[0] == 0 && p[31 * PAGE] == 0 && p[32 * PAGE] == 2);
	p[0] = 7;
	check("and memory again", p[0] == 7);
	sys(munmap, p + 16 * PAGE, 16 * PAGE);
	check("hole", sys(getrandom, p + 16 * PAGE, 16, 0) == -14 &&
			      sys(getrandom, p + 15 * PAGE, 16, 0) == 16);
	p = (char *)sys(mremap, p + 32 * PAGE, 32 * PAGE, 64 * PAGE, 1, 0);
	check("mremap", (u64)p < -4096UL && p[0] == 2 && p[31 * PAGE] == 2 && p[32 * PAGE] == 0);
	p[63 * PAGE] = 1;
	check("stack grows", ((volatile char *)__builtin_frame_address(0))[-300000] == 0);
	u64 brk = sys(brk, 0);
	check("brk", (u64)sys(brk, brk + 100 * PAGE) == brk + 100 * PAGE);
	((char *)brk)[99 * PAGE] = 1;
	sys(brk, brk);
	check("brk shrinks", sys(getrandom, brk + 50 * PAGE, 16, 0) == -14);
}

/* ---- threads ---- */

static volatile u32 go, done, stop;
static char *volatile shared;
static char stacks[8][16384] __attribute__((aligned(16)));

static long thread(int i, void (*fn)(long), long arg)
{
	u64 *sp = (u64 *)(stacks[i] + sizeof(stacks[i]));
	long ret;

	*--sp = (u64)arg;
	*--sp = (u64)fn;
	__asm__ volatile("syscall\n\ttest %%rax,%%rax\n\tjnz 1f\n\txor %%ebp,%%ebp\n\tpop "
			 "%%rax\n\tpop %%rdi\n\tcall *%%rax\n\t"
			 "mov $60,%%eax\n\txor %%edi,%%edi\n\tsyscall\n1:"
			 : "=a"(ret)
			 : "a"(__NR_clone), "D"(0x50f00UL), "S"(sp), "d"(0)
			 : "rcx", "r11", "memory");
	return ret;
}

static void toucher(long i)
{
	u64 bad = 0;

	while (!go)
		;
	for (int round = 0; round < 200; round++) {
		char *p = map(0, 64 * PAGE, PROT_RW, 0);

		for (int k = 0; k < 64; k++)
			bad += p[k * PAGE] != 0, p[k * PAGE] = (char)(i + k);
		for (int k = 0; k < 64; k++)
			bad += p[k * PAGE] != (char)(i + k);
		sys(munmap, p, 64 * PAGE);
	}
	for (int k = 0; k < 1024; k++) /* all threads touch the same pages */
		__atomic_fetch_add((u32 *)(shared + k * PAGE), 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&done, bad ? 1000 : 1, __ATOMIC_SEQ_CST);
}

static void threads(void)
{
	int bad = 0;

	shared = map(0, 1024 * PAGE, PROT_RW, 0);
	for (int i = 0; i < 4; i++)
		thread(i, toucher, i);
	go = 1;
	while (done < 4)
		sys(sched_yield);
	for (int k = 0; k < 1024; k++)
		bad += *(u32 *)(shared + k * PAGE) != 4;
	check("threads fault at once", !bad && done == 4);
}

/*
 * A thread writes while another forks: a child must not see what the parent writes after the fork.
 */
static void writer(long arg)
{
	while (!stop)
		for (int k = 0; k < 64; k++)
			(*(volatile u64 *)(shared + k * PAGE))++;
	__atomic_fetch_add(&done, 1, __ATOMIC_SEQ_CST);
}

static void child_looks(void *arg)
{
	u64 sum = 0, again = 0;

	for (int k = 0; k < 64; k++)
		sum += *(volatile u64 *)(shared + k * PAGE);
	for (int i = 0; i < 50; i++)
		sys(sched_yield);
	for (int k = 0; k < 64; k++)
		again += *(volatile u64 *)(shared + k * PAGE);
	sys(exit_group, sum != again);
}

static void fork_race(void)
{
	int bad = 0;

	done = 0;
	thread(4, writer, 0);
	for (int i = 0; i < 30; i++)
		bad += fork_wait(child_looks, 0) != 0;
	stop = 1;
	while (!done)
		sys(sched_yield);
	check("fork against a writing thread", !bad);
}

/* Uses more memory than there is, in pieces that are unmapped again. */
static void pressure(void)
{
	int bad = 0;

	for (int i = 0; i < 6; i++) {
		char *p = map(0, 64UL << 20, PROT_RW, 0);

		for (u64 k = 0; k < 64UL << 20; k += PAGE)
			bad += p[k] != 0, p[k] = 1;
		sys(munmap, p, 64UL << 20);
	}
	check("pressure", !bad);
}

__attribute__((section(".start"))) void _start(void)
{
	touch(16);
	touch(64);
	touch(64);
	sparse();
	mmap16();
	cow();
	protect();
	threads();
	fork_race();
	pressure();
	sys(write, 99, 0, 0);
}
