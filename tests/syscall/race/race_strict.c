/* SPDX-License-Identifier: MIT */
/*
 * race_strict: a thread enters strict mode while another thread gives all threads a filter (TSYNC):
 * one of the two fails.
 */
#include "t.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#define ROUNDS 1000

/* Shared with the child of a round: a thread in strict mode can only write memory, read and end. */
struct round {
	bool ready, go, strict, strict_done;
	int hold[2]; /* a pipe */
	long synced;
};

static void *enter_strict(void *arg)
{
	struct round *r = arg;
	char c;

	__atomic_store_n(&r->ready, true, __ATOMIC_SEQ_CST);
	/* spins, since waking up takes too long, but not for ever on a single CPU */
	for (int n = 0; !__atomic_load_n(&r->go, __ATOMIC_SEQ_CST); n++)
		if (n > 5000)
			sched_yield();
	r->strict = !prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	__atomic_store_n(&r->strict_done, true, __ATOMIC_SEQ_CST);
	/* stays until the process ends, since TSYNC leaves out a thread that has ended */
	read(r->hold[0], &c, 1);
	syscall(SYS_exit, 0);
	return NULL;
}

static void one_round(struct round *r, int delay)
{
	struct sock_filter allow[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog prog = { 1, allow };
	pthread_t t;

	NEED(pipe(r->hold));
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	NEED0(pthread_create(&t, NULL, enter_strict, r));
	while (!__atomic_load_n(&r->ready, __ATOMIC_SEQ_CST))
		sched_yield();
	__atomic_store_n(&r->go, true, __ATOMIC_SEQ_CST);
	for (volatile int i = 0; i < delay; i++)
		;
	r->synced = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog);
	while (!__atomic_load_n(&r->strict_done, __ATOMIC_SEQ_CST))
		sched_yield();
}

TEST(race_strict)
{
	struct round *r =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int both = 0, neither = 0;

	NEED(r == MAP_FAILED ? -1 : 0);
	for (int i = 0; i < ROUNDS; i++) {
		pid_t pid;

		memset(r, 0, sizeof(*r));
		pid = NEED(fork());
		if (!pid) {
			one_round(r, i % 100 * 20);
			_exit(0);
		}
		NEED(waitpid(pid, NULL, 0));
		both += r->strict && !r->synced;
		neither += !r->strict && r->synced;
	}
	say("strict with a filter: %d times, neither: %d times", both, neither);
}
