/* SPDX-License-Identifier: MIT */
/*
 * ioport.c: ioperm(2), iopl(2) and the instructions that they allow, on a machine with nothing on
 * its I/O bus. Each line says what was done and what came of it; tests/boot/ioport has what Linux's
 * manual and the processor's say about it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf back;
static siginfo_t last;
static unsigned char *page;   /* a hole follows */
static unsigned long regs[2]; /* index and count at the fault */

static void on_segv(int sig, siginfo_t *si, void *context)
{
	greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;

	last = *si;
	regs[0] = (unsigned long)g[REG_RDI];
	regs[1] = (unsigned long)g[REG_RCX];
	siglongjmp(back, 1);
}

static const char *fault(void)
{
	return last.si_code == SI_KERNEL   ? "general" :
	       last.si_code == SEGV_MAPERR ? "no page" :
					     "rights";
}

#define TRY(text, insns)                                                                           \
	do {                                                                                       \
		if (sigsetjmp(back, 1)) {                                                          \
			printf("%s: SIGSEGV, %s\n", text, fault());                                \
		} else {                                                                           \
			insns;                                                                     \
		}                                                                                  \
	} while (0)

static void result(const char *text, long ret)
{
	printf("%s: %ld %s\n", text, ret, ret < 0 ? strerrorname_np(errno) : "");
}
#define R(call) result(#call, call)

static void in_all(const char *when)
{
	unsigned long rax = 0x1122334455667788;

	printf("-- %s\n", when);
	TRY("inb", __asm__ volatile("inb %w1, %b0"
				    : "+a"(rax)
				    : "d"(0x80));
		printf("inb %lx\n", rax));
	rax = 0x1122334455667788;
	TRY("inb imm", __asm__ volatile("inb $0x80, %b0"
					: "+a"(rax));
		printf("inb imm %lx\n", rax));
	rax = 0x1122334455667788;
	TRY("inw", __asm__ volatile("inw %w1, %w0"
				    : "+a"(rax)
				    : "d"(0x80));
		printf("inw %lx\n", rax));
	rax = 0x1122334455667788;
	TRY("inl", __asm__ volatile("inl %w1, %k0"
				    : "+a"(rax)
				    : "d"(0x80));
		printf("inl %lx\n", rax));
	TRY("outb", outb(1, 0x80); puts("outb"));
	TRY("outl", outl(1, 0x80); puts("outl"));
	TRY("cli", __asm__ volatile("cli"); puts("cli"));
	TRY("sti", __asm__ volatile("sti"); puts("sti"));
}

static void string_forms(void)
{
	unsigned char *at = page + 4;
	unsigned long n = 3;

	puts("-- strings");
	memset(page, 0, 4096);
	__asm__ volatile("rep insw" : "+D"(at), "+c"(n) : "d"(0x80) : "memory");
	printf("insw: %ld, %ld left, %02x %02x %02x %02x\n", (long)(at - page), n, page[3], page[4],
		page[9], page[10]);
	__asm__ volatile("insb" : "+D"(at) : "d"(0x80) : "memory");
	printf("insb: %ld, %02x %02x\n", (long)(at - page), page[10], page[11]);
	n = 0;
	__asm__ volatile("rep insl" : "+D"(at), "+c"(n) : "d"(0x80) : "memory");
	printf("none: %ld\n", (long)(at - page));
	n = 1000;
	at = page;
	__asm__ volatile("rep outsl" : "+S"(at), "+c"(n) : "d"(0x80) : "memory");
	printf("outsl: %ld, %ld left\n", (long)(at - page), n);
	at = page + 100;
	n = 5;
	__asm__ volatile("std; rep insb; cld" : "+D"(at), "+c"(n) : "d"(0x80) : "memory");
	printf("down: %ld, %02x %02x %02x %02x\n", (long)(at - page), page[95], page[96], page[100],
		page[101]);
	/* the address has 32 bits: higher bits are ignored */
	at = (unsigned char *)((unsigned long)(page + 200) | 0x500000000UL);
	n = 0x700000002;
	__asm__ volatile("addr32 rep insb" : "+D"(at), "+c"(n) : "d"(0x80) : "memory");
	printf("addr32: %ld, %lx left, %02x %02x\n", (long)(at - page), n, page[201], page[202]);
}

static void string_faults(void)
{
	unsigned char *at = page + 4090;
	unsigned long n = 4;

	puts("-- faults of strings");
	memset(page, 0, 4096);
	TRY("into a hole", __asm__ volatile("rep insl" : "+D"(at), "+c"(n) : "d"(0x80) : "memory"));
	printf("at %ld, index %ld, %ld left, %02x %02x\n",
		(long)((unsigned char *)last.si_addr - page), (long)(regs[0] - (unsigned long)page),
		regs[1], page[4090], page[4093]);
	mprotect(page, 4096, PROT_READ);
	TRY("read only", __asm__ volatile("insb" : : "D"(page), "d"(0x80) : "memory"));
	TRY("read only, out", __asm__ volatile("outsb"
					       :
					       : "S"(page), "d"(0x80)
					       : "memory");
		puts("outsb"));
	TRY("not canonical", __asm__ volatile("insb" : : "D"(1UL << 60), "d"(0x80) : "memory"));
	mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void bounds(void)
{
	puts("-- bounds");
	R(ioperm(0, 0, 1));
	R(ioperm(65536, 1, 1));
	R(ioperm(65535, 2, 1));
	R(ioperm(1, -1UL, 1));
	R(ioperm(65535, 1, 1));
	TRY("the last", inb(65535); puts("the last"));
	TRY("behind it", inw(65535); puts("behind it"));
	R(iopl(4));
	R(iopl(-1));
}

static volatile int traps;
static void on_trap(int sig)
{
	traps++;
}

static void steps(void)
{
	unsigned long n = 3;
	unsigned char *at = page;

	signal(SIGTRAP, on_trap);
	__asm__ volatile(
		"pushfq; orq $0x100, (%%rsp); popfq; rep insb; pushfq; andq $~0x100, (%%rsp); popfq"
		: "+D"(at), "+c"(n)
		: "d"(0x80)
		: "memory", "cc");
	printf("-- steps: %d\n", traps);
}

static void drop(void)
{
	if (setresuid(1000, 1000, 1000))
		puts("setresuid");
}

/* A thread that shares memory has ports of its own, a copy of its parent's. */
static char stack[65536];
static int thread(void *arg)
{
	ioperm(0x80, 4, 0);
	TRY("thread", inb(0x80); puts("thread: inb"));
	fflush(stdout);
	return 0;
}

static void children(const char *self)
{
	puts("-- children");
	R(ioperm(0x80, 4, 1));
	fflush(stdout);
	if (!fork()) {
		drop();
		in_all("a child that is nobody");
		R(ioperm(0x90, 1, 1));
		R(iopl(3));
		R(ioperm(0x80, 1, 0));
		in_all("which has given one back");
		fflush(stdout);
		execl(self, self, "exec", NULL);
		_exit(1);
	}
	wait(NULL);
	waitpid(clone(thread, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL), NULL, 0);
	in_all("the parent");
	R(ioperm(0, 65536, 0));
	in_all("none left");
}

static void levels(void)
{
	R(iopl(1));
	TRY("level 1", inb(0x80); puts("level 1: inb"));
	R(iopl(3));
	in_all("level 3");
	R(ioperm(0x80, 1, 0));
	TRY("still", inb(0x80); puts("still: inb"));
	fflush(stdout);
	if (!fork()) {
		drop();
		R(iopl(3));
		R(iopl(2));
		R(iopl(3));
		TRY("level 2", inb(0x80); puts("level 2: inb"));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	R(iopl(0));
	TRY("level 0", inb(0x80); puts("level 0: inb"));
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &sa, NULL);
	if (argc > 1) {
		TRY("behind exec 0x80", inb(0x80); puts("behind exec: inb 0x80"));
		TRY("behind exec 0x81", inb(0x81); puts("behind exec: inb 0x81"));
		return 0;
	}
	page = mmap((void *)0x20000000, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		-1, 0);
	munmap(page + 4096, 4096);
	in_all("at first");
	R(ioperm(0x80, 4, 0));
	R(ioperm(0x80, 4, 1));
	in_all("four ports");
	TRY("the next", inb(0x84); puts("the next: inb"));
	TRY("half of it", inl(0x81); puts("half of it: inl"));
	string_forms();
	string_faults();
	steps();
	bounds();
	children(argv[0]);
	levels();
	return 0;
}
