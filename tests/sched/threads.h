/* SPDX-License-Identifier: MIT */
/*
 * threads.h: what the tests of kernel/sched share: threads that run one function, time, checks.
 */
#ifndef NESTLING_TEST_SCHED_THREADS_H
#define NESTLING_TEST_SCHED_THREADS_H

#include "arch/um/internal.h"
#include "kernel/init.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/internal.h"

#define check(c)                                                                                   \
	do {                                                                                       \
		if (!(c))                                                                          \
			panic("check failed: %s, line %d", #c, __LINE__);                          \
	} while (0)

/* Prints @fmt, which takes both numbers, the first, or none. */
void say(const char *fmt, u64 a, u64 b);
/* Returns the next number of the sequence that began with *@state. */
u64 random_next(u64 *state);
/* Starts @n threads that call @fn with their number, and waits until all have ended. */
void run(int (*fn)(u64 me), u64 n);
/* Returns the ns since @since. */
u64 elapsed(u64 since);
/*
 * Returns the ns since *@last that this loop has had, and moves *@last. A host that stands still,
 * or takes its CPU away, gives none.
 */
u64 had(u64 *last);
/* Fails if nine rounds in a row are wrong. The host may take much from one of them. */
void some_round(bool (*round)(void));

/* locks.c */
void test_mutex(void);
void test_rwsem(void);
void test_rcu(void);
void test_work(void);
void test_timers(void);
void test_lockdep(void);
void test_atomic(void);

#endif
