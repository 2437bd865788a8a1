/* SPDX-License-Identifier: MIT */
/*
 * patch_args: what a hot call keeps: all registers but rax, rcx and r11, flags, vector registers
 * and the red zone; its values of rcx and r11; six arguments; and gs, which is the program's.
 */
#include "site.h"
#include <asm/prctl.h>

SITE(args_mmap, 9);
SITE(args_pread, 17);
SITE(args_arch_prctl, 158);
SITE(args_getppid, 110);

struct regs {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15, flags;
	uint8_t xmm[16][16];
	uint64_t red[8];
};

void args_regs(struct regs *in, struct regs *out);
extern char args_after[];

/*
 * Loads all registers from *in, makes the call getppid at a site of its own, and stores them in
 * *out.
 */
__asm__(".pushsection .text\n\t.balign 16\nargs_regs:\n\t"
	"push %rbx\n\tpush %rbp\n\tpush %r12\n\tpush %r13\n\tpush %r14\n\tpush %r15\n\t"
	"push %rsi\n\tpush %rsi # *out, and a place for rcx\n\t"
	".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\t"
	"movdqu 128+16*\\n(%rdi), %xmm\\n\n\t.endr\n\t"
	".irp n, 0,1,2,3,4,5,6,7\n\tmov 384+8*\\n(%rdi), %rax\n\tmov %rax, -64+8*\\n(%rsp)\n\t"
	".endr\n\t"
	"push 120(%rdi)\n\tpopfq\n\t"
	"mov 384+56(%rdi), %rax\n\tmov %rax, -8(%rsp) # the push was there\n\t"
	"mov 8(%rdi), %rbx\n\tmov 24(%rdi), %rdx\n\tmov 32(%rdi), %rsi\n\tmov 48(%rdi), %rbp\n\t"
	"mov 56(%rdi), %r8\n\tmov 64(%rdi), %r9\n\tmov 72(%rdi), %r10\n\tmov 88(%rdi), %r12\n\t"
	"mov 96(%rdi), %r13\n\tmov 104(%rdi), %r14\n\tmov 112(%rdi), %r15\n\t"
	"mov 40(%rdi), %rdi\n\t"
	"mov $110, %eax\n\tsyscall\nargs_after:\n\t"
	"mov %rcx, (%rsp)\n\tmov 8(%rsp), %rcx\n\t"
	"mov %rax, 0(%rcx)\n\tmov %rbx, 8(%rcx)\n\tmov %rdx, 24(%rcx)\n\tmov %rsi, 32(%rcx)\n\t"
	"mov %rdi, 40(%rcx)\n\tmov %rbp, 48(%rcx)\n\tmov %r8, 56(%rcx)\n\tmov %r9, 64(%rcx)\n\t"
	"mov %r10, 72(%rcx)\n\tmov %r11, 80(%rcx)\n\tmov %r12, 88(%rcx)\n\tmov %r13, 96(%rcx)\n\t"
	"mov %r14, 104(%rcx)\n\tmov %r15, 112(%rcx)\n\t"
	".irp n, 0,1,2,3,4,5,6,7\n\tmov -64+8*\\n(%rsp), %rax\n\tmov %rax, 384+8*\\n(%rcx)\n\t"
	".endr\n\t"
	"pushfq\n\tpop 120(%rcx)\n\tcld\n\t"
	".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\t"
	"movdqu %xmm\\n, 128+16*\\n(%rcx)\n\t.endr\n\t"
	"mov (%rsp), %rax\n\tmov %rax, 16(%rcx)\n\t"
	"add $16, %rsp\n\tpop %r15\n\tpop %r14\n\tpop %r13\n\tpop %r12\n\tpop %rbp\n\tpop %rbx\n\t"
	"ret\n\t.popsection");

#define FLAGS_KEPT 0xcd5 /* CF PF AF ZF SF DF OF */

static void registers(uint64_t flags)
{
	struct regs in, out;
	long i, bad = 0, rax = 0, rcx = 0, r11 = 0, fl = 0, xmm = 0, red = 0;

	for (i = 0; i < HOT; i++) {
		memset(&in, (int)(i * 37 + 11), sizeof(in));
		in.rbx = i * 0x9e3779b97f4a7c15;
		in.r10 = ~in.rbx;
		in.flags = 0x202 | flags;
		memset(&out, 0, sizeof(out));
		args_regs(&in, &out);
		bad += in.rbx != out.rbx || in.rdx != out.rdx || in.rsi != out.rsi ||
		       in.rdi != out.rdi || in.rbp != out.rbp || in.r8 != out.r8 ||
		       in.r9 != out.r9 || in.r10 != out.r10 || in.r12 != out.r12 ||
		       in.r13 != out.r13 || in.r14 != out.r14 || in.r15 != out.r15;
		rax += out.rax != (uint64_t)getppid();
		rcx += out.rcx != (uint64_t)args_after;
		r11 += (out.r11 & ~0x10000UL) != in.flags; /* RF is not compared */
		fl += ((out.flags ^ in.flags) & FLAGS_KEPT) != 0;
		xmm += memcmp(in.xmm, out.xmm, sizeof(in.xmm)) != 0;
		red += memcmp(in.red, out.red, sizeof(in.red)) != 0;
	}
	say("flags %lx: registers %ld, rax %ld, rcx %ld, r11 %ld, flags %ld, xmm %ld, red zone %ld",
		flags, bad, rax, rcx, r11, fl, xmm, red);
}

static void six(void)
{
	char c[4] = "";
	int i, fd = NEED(open("f", O_RDWR | O_CREAT, 0600));
	long p, bad = 0;

	NEED(ftruncate(fd, 3 * PAGE));
	NEED(pwrite(fd, "second", 6, PAGE));
	for (i = 0; i < 500; i++) {
		p = args_mmap(0, PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
		bad += memcmp((char *)p, "second", 6) != 0;
		NEED(munmap((char *)p, PAGE));
		bad += args_pread(fd, (long)c, 3, PAGE + 3, 0, 0) != 3 || memcmp(c, "ond", 3) != 0;
		bad += args_pread(fd, (long)c, 3, -1, 0, 0) != -EINVAL;
	}
	say("six arguments: %ld wrong", bad);
	close(fd);
}

static uint64_t cell[2] = { 0x1234, 0x5678 };
static uint64_t gs_load(long at)
{
	uint64_t v;

	__asm__ volatile("mov %%gs:(%1), %0" : "=r"(v) : "r"(at));
	return v;
}

static void *gs_thread(void *arg)
{
	uint64_t base = 1, mine = 0xabcd;
	long i, bad = 0;

	bad += args_arch_prctl(ARCH_SET_GS, (long)&mine, 0, 0, 0, 0) != 0;
	for (i = 0; i < HOT; i++) {
		args_getppid(0, 0, 0, 0, 0, 0);
		bad += gs_load(0) != 0xabcd;
	}
	bad += args_arch_prctl(ARCH_GET_GS, (long)&base, 0, 0, 0, 0) != 0 ||
	       base != (uint64_t)&mine;
	return (void *)bad;
}

/* gs base is zero at first, then what the program wants, before and after its calls are hot. */
static void gs(void)
{
	uint64_t base = 1;
	pthread_t t;
	void *r;
	long bad = 0, i;

	T(args_arch_prctl(ARCH_GET_GS, (long)&base, 0, 0, 0, 0));
	say("gs base at first: %lx", base);
	bad += site_heat((void *)args_getppid, getppid());
	for (i = 0; i < 200; i++)
		bad += args_arch_prctl(ARCH_GET_GS, (long)&base, 0, 0, 0, 0) != 0 || base != 0;
	CHILD({
		bad = args_arch_prctl(ARCH_SET_GS, (long)cell, 0, 0, 0, 0) != 0;
		bad += gs_load(8) != 0x5678 || site_heat((void *)args_getppid, getppid());
		bad += gs_load(0) != 0x1234;
		_exit(bad);
	});
	T(args_arch_prctl(ARCH_SET_GS, (long)cell, 0, 0, 0, 0));
	NEED0(pthread_create(&t, NULL, gs_thread, NULL));
	for (i = 0; i < HOT; i++) {
		bad += args_getppid(0, 0, 0, 0, 0, 0) != getppid();
		bad += gs_load(8) != 0x5678;
	}
	pthread_join(t, &r);
	say("gs: %ld wrong, in a thread %ld", bad, (long)r);
	T(args_arch_prctl(ARCH_SET_GS, 0, 0, 0, 0, 0));
	T(args_arch_prctl(ARCH_SET_GS, -1, 0, 0, 0, 0));
	say("again: %ld wrong", site_heat((void *)args_getppid, getppid()));
}

TEST(patch_args)
{
	registers(0);
	registers(0x8d5);
	registers(0x400); /* DF */
	six();
	gs();
}
