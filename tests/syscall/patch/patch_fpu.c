/* SPDX-License-Identifier: MIT */
/*
 * patch_fpu: vector state around signal handlers that a hot call causes. The handler begins with
 * the initial state, and the caller goes on with its old state, or with what the handler has
 * written into the frame. The values are the same again and again, or new; other threads run
 * beside.
 */
#include "site.h"
#include <ucontext.h>

#define MXCSR 24
#define XSTATE_BV 512
#define YMM_HIGH 576
#define ROUNDING 0x6000u
#define MXCSR_INITIAL 0x1f80u
#define AVX 4UL

SITE(fpu_tgkill, 234);

enum { NOTHING, DIRTY, LOW, ROUND, LEGACY, HIGH, NO_HIGH, KINDS };
static const char *const kinds[] = { "nothing", "registers", "xmm", "mxcsr", "header", "ymm",
	"no ymm" };

struct vector {
	uint64_t q[4];
	uint32_t mxcsr;
};

static bool avx;
static __thread int kind;
static __thread struct vector seen;

static void get(struct vector *v)
{
	memset(v->q, 0, sizeof(v->q));
	if (avx)
		__asm__ volatile("vmovdqu %%ymm6, %0" : "=m"(v->q));
	else
		__asm__ volatile("movdqu %%xmm6, %0" : "=m"(v->q));
	__asm__ volatile("stmxcsr %0" : "=m"(v->mxcsr));
}

static void set(const struct vector *v)
{
	if (avx)
		__asm__ volatile("vmovdqu %0, %%ymm6" ::"m"(v->q) : "xmm6");
	else
		__asm__ volatile("movdqu %0, %%xmm6" ::"m"(v->q) : "xmm6");
	__asm__ volatile("ldmxcsr %0" ::"m"(v->mxcsr));
}

static void change(char *fp, const struct vector *v)
{
	switch (kind) {
	case DIRTY: set(v); break;
	case LOW: memcpy(fp + 160 + 6 * 16, v->q, 16); break;
	case ROUND: memcpy(fp + MXCSR, &v->mxcsr, 4); break;
	case LEGACY: *(uint64_t *)(fp + XSTATE_BV) &= ~3UL; break;
	case HIGH:
		memcpy(fp + YMM_HIGH + 6 * 16, v->q + 2, 16);
		*(uint64_t *)(fp + XSTATE_BV) |= AVX;
		break;
	case NO_HIGH: *(uint64_t *)(fp + XSTATE_BV) &= ~AVX; break;
	}
}

static const struct vector other = { { 11, 12, 13, 14 }, MXCSR_INITIAL | ROUNDING };

static void on_signal(int sig, siginfo_t *si, void *context)
{
	get(&seen);
	change((char *)((ucontext_t *)context)->uc_mcontext.fpregs, &other);
}

static struct vector wanted(const struct vector *was)
{
	struct vector v = *was;

	if (kind == LOW)
		memcpy(v.q, other.q, 16);
	if (kind == ROUND)
		v.mxcsr = other.mxcsr;
	if (kind == LEGACY)
		memset(v.q, 0, 16);
	if (kind == HIGH)
		memcpy(v.q + 2, other.q + 2, 16);
	if (kind == NO_HIGH)
		memset(v.q + 2, 0, 16);
	return v;
}

static bool differ(const struct vector *a, const struct vector *b)
{
	return memcmp(a->q, b->q, avx ? 32 : 16) || a->mxcsr != b->mxcsr;
}

/*
 * Returns which kinds of rounds went wrong, as bits. Bit KINDS: a handler began with another state
 * than the initial one.
 */
static int check(uint64_t me, int rounds)
{
	static const struct vector initial = { { 0 }, MXCSR_INITIAL };
	long pid = getpid(), tid = syscall(SYS_gettid);
	int bad = 0;

	for (int i = 0; i < rounds; i++) {
		uint64_t x = me + i / 20; /* for all kinds in turn twice the same */
		struct vector v = { { x, x + 1, x + 2, x + 3 },
			MXCSR_INITIAL | (i / 40 % 2 ? 0x2000 : 0) },
			      got, want;

		kind = i % (avx ? KINDS : HIGH);
		want = wanted(&v);
		set(&v);
		fpu_tgkill(pid, tid, SIGUSR1, 0, 0, 0);
		get(&got);
		set(&initial);
		bad |= differ(&got, &want) << kind | differ(&seen, &initial) << KINDS;
	}
	return bad;
}

static void tell(const char *who, int bad)
{
	for (int i = 0; i < KINDS; i++)
		if (bad & 1 << i)
			say("%s: wrong after a handler that changed %s", who, kinds[i]);
	say("%s: handlers began with the initial state: %d", who, !(bad & 1 << KINDS));
}

static void *thread(void *arg)
{
	return (void *)(intptr_t)check((uintptr_t)arg << 32, 2000);
}

TEST(patch_fpu)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	pthread_t t[3];
	void *bad;
	int all = 0;

	avx = __builtin_cpu_supports("avx");
	NEED(sigaction(SIGUSR1, &sa, NULL));
	tell("alone", check(7, HOT));
	for (int i = 0; i < 3; i++)
		NEED0(pthread_create(&t[i], NULL, thread, (void *)(intptr_t)(i + 1)));
	for (int i = 0; i < 3; i++) {
		pthread_join(t[i], &bad);
		all |= (int)(intptr_t)bad;
	}
	tell("three threads", all);
}
