/* SPDX-License-Identifier: MIT */
/* sigaltstack(2): where handlers run, SS_ONSTACK, SS_DISABLE, SS_AUTODISARM, stack overflow. */
#include "t.h"
#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif

static char *alt;
static size_t size = 65536;

static void on_alt(int sig)
{
	char here;
	stack_t old;

	sigaltstack(NULL, &old);
	say("on the alternate stack: %d, flags %#x", &here > alt && &here < alt + size,
		(unsigned)old.ss_flags);
	if (!(old.ss_flags & SS_ONSTACK))
		return;
	old.ss_flags = SS_DISABLE;
	T(sigaltstack(&old, NULL));
}

static int overflow(int n)
{
	volatile char big[4096];

	big[0] = (char)n;
	return overflow(n + 1) + big[0];
}

static void overflowed(int sig)
{
	char here;

	say("overflow caught on the alternate stack: %d", &here > alt && &here < alt + size);
	_exit(3);
}

static void *thread(void *arg)
{
	stack_t old;

	sigaltstack(NULL, &old);
	say("a thread has none: %d", old.ss_flags == SS_DISABLE);
	return NULL;
}

static void counted(int sig)
{
	say("handled");
}

/*
 * Stacks that get shorter: where the frame does not fit is a matter of the processor's state, but
 * the same on both sides.
 */
static void small(int flags)
{
	struct sigaction sa = { .sa_handler = counted, .sa_flags = SA_ONSTACK };

	sigaction(SIGUSR1, &sa, NULL);
	for (size_t n = 4096; n >= 2048; n -= 64) {
		stack_t ss = { .ss_sp = alt + size - n, .ss_size = n, .ss_flags = flags };

		NEED(sigaltstack(&ss, NULL));
		raise(SIGUSR1);
	}
}

TEST(sigaltstack)
{
	struct sigaction sa = { .sa_handler = on_alt, .sa_flags = SA_ONSTACK };
	stack_t ss = { 0 }, old;
	pthread_t t;

	alt = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	T(sigaltstack(NULL, &old));
	say("at first: %#x size %zu", (unsigned)old.ss_flags, old.ss_size);
	ss.ss_sp = alt;
	ss.ss_size = size;
	T(sigaltstack(&ss, NULL));
	T(sigaltstack(NULL, &old));
	say("set: %#x size %zu sp %d", (unsigned)old.ss_flags, old.ss_size, old.ss_sp == alt);
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	sa.sa_flags = 0;
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	NEED0(pthread_create(&t, NULL, thread, NULL));
	pthread_join(t, NULL);
	CHILD({
		sigaltstack(NULL, &old);
		say("a child has it: %d", old.ss_sp == alt);
	});
	ss.ss_flags = (int)SS_AUTODISARM;
	T(sigaltstack(&ss, NULL));
	sa.sa_flags = SA_ONSTACK;
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	T(sigaltstack(NULL, &old));
	say("armed again: %#x %d", (unsigned)old.ss_flags, old.ss_sp == alt);
	ss.ss_flags = 0;
	ss.ss_size = 100;
	T(sigaltstack(&ss, NULL));
	ss.ss_size = size;
	ss.ss_flags = 77;
	T(sigaltstack(&ss, NULL));
	T(sigaltstack(BAD, NULL));
	T(sigaltstack(NULL, BAD));
	ss.ss_flags = 0;
	NEED(sigaltstack(&ss, NULL));
	CHILD({
		struct rlimit lim = { 256 << 10, 256 << 10 };

		NEED(setrlimit(RLIMIT_STACK, &lim));
		sa.sa_handler = overflowed;
		sigaction(SIGSEGV, &sa, NULL);
		overflow(0);
	});
	CHILD({
		struct rlimit lim = { 256 << 10, 256 << 10 };

		NEED(setrlimit(RLIMIT_STACK, &lim));
		overflow(0);
	});
	CHILD(small(0));
	CHILD(small((int)SS_AUTODISARM));
	ss.ss_flags = SS_DISABLE;
	T(sigaltstack(&ss, NULL));
	T(sigaltstack(NULL, &old));
	say("disabled: %#x size %zu", (unsigned)old.ss_flags, old.ss_size);
}
