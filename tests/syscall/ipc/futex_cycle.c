/* SPDX-License-Identifier: MIT */
/*
 * futex_cycle: FUTEX_CMP_REQUEUE_PI that would make two threads wait for each other: EDEADLK, as
 * with FUTEX_LOCK_PI. Guests only: Linux before 7.1 may not survive it (CVE-2026-43499).
 */
#include "guest.h"

#include <linux/futex.h>

static int cond, target, chain;
static pid_t waiter, owner;

static long futex(int *addr, int op, long val, const void *arg, int *addr2)
{
	return syscall(SYS_futex, addr, op, val, arg, addr2, 0);
}

static void *waits(void *arg)
{
	futex(&chain, FUTEX_LOCK_PI, 0, NULL, NULL);
	__atomic_store_n(&waiter, gettid(), __ATOMIC_SEQ_CST);
	futex(&cond, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &target);
	return NULL;
}

static void *owns(void *arg)
{
	futex(&target, FUTEX_LOCK_PI, 0, NULL, NULL);
	__atomic_store_n(&owner, gettid(), __ATOMIC_SEQ_CST);
	futex(&chain, FUTEX_LOCK_PI, 0, NULL, NULL); /* the waiter has it */
	return NULL;
}

static void cycle(void)
{
	pthread_t t;

	GNEED0(pthread_create(&t, NULL, waits, NULL));
	while (in_guest() && !__atomic_load_n(&waiter, __ATOMIC_SEQ_CST))
		sched_yield();
	GNEED0(pthread_create(&t, NULL, owns, NULL));
	while (in_guest() && !__atomic_load_n(&owner, __ATOMIC_SEQ_CST))
		sched_yield();
	if (in_guest()) {
		t_until(waiter, 'S');
		t_until(owner, 'S');
	}
	G(futex(&cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, &target), "-1 EDEADLK");
	G(futex(&cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, &target), "-1 EDEADLK");
	GIS((target & FUTEX_TID_MASK) == owner && !(target & FUTEX_WAITERS));
}

TEST(futex_cycle)
{
	CHILD(cycle()); /* its threads end with it */
}
