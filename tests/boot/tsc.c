/* SPDX-License-Identifier: MIT */
/*
 * tsc.c: tests rdtsc and PR_SET_TSC. Without an argument: prints what the host answers too.
 * "times": prints differences of the counter around work and sleep, which are the same where time
 * repeats.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

static sigjmp_buf back;
static siginfo_t last;
static volatile int sink;

static void on_segv(int sig, siginfo_t *si, void *context)
{
	last = *si;
	siglongjmp(back, 1);
}

static const char *try(void)
{
	unsigned aux;

	if (sigsetjmp(back, 1))
		return last.si_code == SI_KERNEL && !last.si_addr ? "SIGSEGV" : "another SIGSEGV";
	sink = (int)(__rdtscp(&aux) + __rdtsc());
	return "reads";
}

static int mode(void)
{
	int m = -1;

	prctl(PR_GET_TSC, &m);
	return m;
}

/* An rdtsc at the end of a page that a hole follows, and an rdtsc with prefixes. */
static int odd_places(void)
{
	static const unsigned char insn[] = { 0x48, 0x66, 0x0f, 0x31 };
	unsigned char *p = mmap(
		NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned lo = 0, hi = 0;

	munmap(p + 4096, 4096);
	memcpy(p, insn, 4);
	p[4] = 0xc3;
	((void (*)(void))p)();
	/*
	 * a jmp to the rdtsc before the hole: it is done, and the fault comes at the hole's first
	 * byte
	 */
	memcpy(p + 4092, "\xeb\x00\x0f\x31", 4);
	if (sigsetjmp(back, 1))
		return last.si_addr == p + 4096;
	__asm__ volatile("call *%2" : "=a"(lo), "=d"(hi) : "r"(p + 4092) : "rcx", "memory");
	return 0;
}

/* ---- the trap flag over it, and code of a segment of the program's own ---- */

static volatile int traps, codes;
static volatile unsigned long after[8];

static void on_trap(int sig, siginfo_t *si, void *context)
{
	if (traps < 8)
		after[traps] = (unsigned long)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	codes += si->si_code == TRAP_TRACE && (unsigned long)si->si_addr == after[traps];
	traps++;
}

static void step_over(void)
{
	struct sigaction sa = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	unsigned long start;

	sigaction(SIGTRAP, &sa, NULL);
	__asm__ volatile("lea 1f(%%rip), %0\n\t"
			 "pushfq; orq $0x100, (%%rsp); popfq\n"
			 "1: rdtsc\n\t"
			 "nop\n\t"
			 "rdtscp\n\t"
			 "pushfq; andq $~0x100, (%%rsp); popfq"
			 : "=&r"(start)
			 :
			 : "rax", "rcx", "rdx", "memory", "cc");
	printf("steps: %d, %d as such, behind", traps, codes);
	for (int i = 0; i < traps && i < 8; i++)
		printf(" %lu", after[i] - start);
	puts("");
}

static void far_code(void)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	struct user_desc d = { .entry_number = 1,
		.base_addr = (unsigned)(unsigned long)low + 16,
		.limit = 0xfff,
		.seg_32bit = 1,
		.contents = 2,
		.read_exec_only = 0 };
	struct {
		unsigned offset;
		unsigned short sel;
	} __attribute__((packed)) *to = (void *)(low + 900);
	unsigned long count = 0;

	memcpy(low + 16 + 32, "\x90\x0f\x31\x09\xc2\xcb", 6); /* nop; rdtsc; or %eax,%edx; lret */
	to->offset = 32;
	to->sel = 1 << 3 | 7;
	if (syscall(SYS_modify_ldt, 0x11, &d, sizeof(d)))
		perror("modify_ldt");
	if (sigsetjmp(back, 1)) {
		printf("far code: SIGSEGV\n");
		return;
	}
	__asm__ volatile("mov %%rsp, %%r12; mov %1, %%rsp; lcall *(%2); mov %%r12, %%rsp"
			 : "=d"(count)
			 : "r"(low + 800), "r"(to)
			 : "rax", "rcx", "r12", "memory", "cc");
	printf("far code: %d\n", count != 0);
}

static void states(const char *self)
{
	printf("at first: %d %s\n", mode(), try());
	printf("odd places: %d\n", odd_places());
	step_over();
	far_code();
	printf("forbid: %d\n", prctl(PR_SET_TSC, PR_TSC_SIGSEGV));
	printf("then: %d %s\n", mode(), try());
	fflush(stdout);
	if (!fork()) {
		printf("child: %d %s\n", mode(), try());
		fflush(stdout);
		execl(self, self, "exec", NULL);
		_exit(1);
	}
	wait(NULL);
	printf("wrong mode: %d", prctl(PR_SET_TSC, 3));
	printf(" %s\n", strerrorname_np(errno));
	printf("wrong address: %d", prctl(PR_GET_TSC, 8));
	printf(" %s\n", strerrorname_np(errno));
	printf("allow: %d\n", prctl(PR_SET_TSC, PR_TSC_ENABLE));
	printf("at last: %d %s\n", mode(), try());
}

static void times(void)
{
	unsigned long long first = __rdtsc(), t = first;
	struct timespec nap = { 0, 12345678 }, a, b;

	for (int i = 0; i < 5; i++) {
		unsigned long long now;

		for (int k = 0; k < 100000 * i; k++)
			sink += k;
		now = __rdtsc();
		printf("%llu ", now - t);
		t = now;
	}
	clock_gettime(CLOCK_MONOTONIC, &a);
	t = __rdtsc();
	nanosleep(&nap, NULL);
	printf("sleep %llu ", __rdtsc() - t);
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("of %ld\n", (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec);
	while (__rdtsc() - first < 1000000000) /* a loop on the counter ends */
		;
	puts("a second");
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &sa, NULL);
	if (argc > 1 && !strcmp(argv[1], "times"))
		times();
	else if (argc > 1)
		printf("behind exec: %d %s\n", mode(), try());
	else
		states("/proc/self/exe");
	return 0;
}
