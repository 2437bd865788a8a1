/* SPDX-License-Identifier: MIT */
/*
 * fpu: each thread has its own floating point and vector state: across switches, calls, signals,
 * fork and exec.
 */
#include "t.h"

struct state {
	uint64_t xmm[16][2];
	uint64_t st[2];
	uint32_t mxcsr;
	uint16_t cw;
};

static void load(const struct state *s)
{
	__asm__ volatile(
		"movdqu 0(%0), %%xmm0\n\tmovdqu 16(%0), %%xmm1\n\tmovdqu 32(%0), %%xmm2\n\tmovdqu "
		"48(%0), %%xmm3\n\t"
		"movdqu 64(%0), %%xmm4\n\tmovdqu 112(%0), %%xmm7\n\tmovdqu 128(%0), %%xmm8\n\t"
		"movdqu 192(%0), %%xmm12\n\tmovdqu 240(%0), %%xmm15\n\t"
		"ldmxcsr %1\n\tfldcw %2" ::"r"(s->xmm),
		"m"(s->mxcsr), "m"(s->cw)
		: "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm7", "xmm8", "xmm12", "xmm15");
}

static int check(int me, int rounds, int how)
{
	struct state s, got;
	int i, bad = 0;

	for (i = 0; i < rounds; i++) {
		memset(&s, 0, sizeof(s));
		memset(s.xmm, 17 * me + i, sizeof(s.xmm));
		s.mxcsr = 0x1f80 | (me & 3) << 13;
		s.cw = 0x037f & ~((me & 3) << 10);
		s.cw |= (me & 3) << 10;
		memcpy(&got, &s, sizeof(s));
		memset(got.xmm, 0, sizeof(got.xmm));
		load(&s);
		/*
		 * a call that may sleep or yield, with nothing in between that uses the registers
		 */
		__asm__ volatile(
			"syscall\n\t"
			"movdqu %%xmm0, 0(%3)\n\tmovdqu %%xmm1, 16(%3)\n\tmovdqu %%xmm2, 32(%3)\n\t"
			"movdqu %%xmm3, 48(%3)\n\tmovdqu %%xmm4, 64(%3)\n\tmovdqu %%xmm7, "
			"112(%3)\n\t"
			"movdqu %%xmm8, 128(%3)\n\tmovdqu %%xmm12, 192(%3)\n\tmovdqu %%xmm15, "
			"240(%3)\n\t"
			"stmxcsr %1\n\tfnstcw %2"
			: "+a"((long){ how ? SYS_sched_yield : SYS_getpid }), "=m"(got.mxcsr),
			"=m"(got.cw)
			: "r"(got.xmm)
			: "rcx", "r11", "memory");
		bad += memcmp(got.xmm[0], s.xmm[0], 5 * 16) != 0 ||
		       memcmp(got.xmm[7], s.xmm[7], 32) != 0 ||
		       memcmp(got.xmm[12], s.xmm[12], 16) != 0 ||
		       memcmp(got.xmm[15], s.xmm[15], 16) != 0;
		bad += (got.mxcsr & ~63u) != s.mxcsr || got.cw != s.cw;
	}
	return bad;
}

static int spin(int me)
{
	struct state s = { .mxcsr = 0x1f80, .cw = 0x37f }, got = { .cw = 0 };
	int i, bad = 0;

	memset(s.xmm, 3 * me + 1, sizeof(s.xmm));
	for (i = 0; i < 30; i++) {
		load(&s);
		/* long enough to be preempted */
		__asm__ volatile("mov $2000000, %%ecx\n1:\tdec %%ecx\n\tjnz 1b\n\t"
				 "movdqu %%xmm0, 0(%0)\n\tmovdqu %%xmm8, 128(%0)\n\tmovdqu "
				 "%%xmm15, 240(%0)" ::"r"(got.xmm)
				 : "ecx", "memory", "cc");
		bad += memcmp(got.xmm[0], s.xmm[0], 16) != 0 ||
		       memcmp(got.xmm[8], s.xmm[8], 16) != 0 ||
		       memcmp(got.xmm[15], s.xmm[15], 16) != 0;
	}
	return bad;
}

static void *thread(void *arg)
{
	int me = (int)(intptr_t)arg;

	return (void *)(intptr_t)(check(me, 3000, 1) + check(me, 1000, 0) + spin(me));
}

TEST(fpu)
{
	pthread_t t[6];
	void *bad;
	uint32_t mxcsr;
	uint16_t cw;
	int i, sum = 0;

	if (t_argc > 1) {
		__asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(cw));
		say("after exec: %#x %#x", mxcsr & ~63u, cw);
		return;
	}
	for (i = 0; i < 6; i++)
		NEED0(pthread_create(&t[i], NULL, thread, (void *)(intptr_t)(i + 1)));
	for (i = 0; i < 6; i++) {
		pthread_join(t[i], &bad);
		sum += (int)(intptr_t)bad;
	}
	say("threads: %d disturbed", sum);
	sum = 0;
	for (i = 0; i < 6; i++)
		SPAWN(_exit(check(i + 1, 2000, 1) + spin(i + 1) != 0));
	while (wait(&i) > 0)
		sum += i != 0;
	say("processes: %d disturbed", sum);
	CHILD({
		mxcsr = 0x1f80 | 3 << 13;
		cw = 0x37f & ~0x300;
		__asm__ volatile("ldmxcsr %0\n\tfldcw %1" ::"m"(mxcsr), "m"(cw));
		if (!fork()) {
			__asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(cw));
			say("a child inherits: %#x %#x", mxcsr & ~63u, cw);
			_exit(0);
		}
		wait(NULL);
		execl("/proc/self/exe", "fpu", "exec", NULL);
	});
}
