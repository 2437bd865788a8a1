/* SPDX-License-Identifier: MIT */
/*
 * lock.h: spinlocks, and reader-writer locks that spin.
 *
 * Kernel code is never preempted and takes interrupts at boundaries only, so a spinlock needs no
 * interrupt masking. It spins a microsecond or two, then sleeps on a host futex (the host may have
 * taken the holder's CPU). It is never held over schedule(), uaccess or a blocking os_ call.
 * Mutexes and rwsems, whose waiters sleep in the guest's scheduler, are in kernel/sched/lock.h.
 *
 * The order of all locks, level by level, is kernel/lib/lock_order; docs/locking.md has a drawing
 * of it, and describes how to add a lock. A debug build checks the order by classes (lockdep in
 * kernel/lib/debug/lockdep.c): a class is the file and the argument of the macro that makes a lock.
 */
#ifndef NESTLING_LIB_LOCK_H
#define NESTLING_LIB_LOCK_H

#include "kernel/lib/types.h"

typedef struct spinlock {
	/* 0 free, 1 held, 2 held with sleepers on the futex */
	u32 word;
#ifdef CONFIG_DEBUG
	/* Class of the lock (LOCK_CLASS); NULL: none. */
	const char *name;
	/* The task that holds the lock, or NULL; the _raw functions do not set it. */
	void *owner;
#endif
} spinlock_t;

/* The name of a lock's class: where it is made, and the argument of the macro that makes it. */
#ifdef CONFIG_DEBUG
#define SPINLOCK_INIT(n)                                                                           \
	{                                                                                          \
		0, LOCK_CLASS(n), NULL                                                             \
	}
#define LOCK_CLASS(l) __FILE__ ":" #l
#else
#define SPINLOCK_INIT(n)                                                                           \
	{                                                                                          \
		0                                                                                  \
	}
#define LOCK_CLASS(l) NULL
#endif
/* Initialises *@l as a free lock, with the class of this line's file and argument. */
#define spin_lock_init(l) spin_lock_setup(l, LOCK_CLASS(l))
#define DEFINE_SPINLOCK(n) spinlock_t n = SPINLOCK_INIT(n)

/* The body of spin_lock_init(). @name is kept by pointer. */
void spin_lock_setup(spinlock_t *l, const char *name);
void spin_lock(spinlock_t *l);
/* True if it has taken the lock; never waits. */
bool spin_trylock(spinlock_t *l);
void spin_unlock(spinlock_t *l);
/*
 * Unlocks and lets a sleeping contender take the lock first. For a holder that takes the lock again
 * at once, for the next batch. No other spinlock is held.
 */
void spin_unlock_yield(spinlock_t *l);
/*
 * Take and release locks that are held across a switch (the runqueues') or under those. lockdep
 * does not check them.
 */
void spin_lock_raw(spinlock_t *l);
bool spin_trylock_raw(spinlock_t *l);
void spin_unlock_raw(spinlock_t *l);
/* Panics in debug builds if @l is free. Does not check which task holds it. */
void assert_spin_held(const spinlock_t *l);
/* Take and release two locks of one class, ordered by address; both may be one lock. */
void spin_lock_two(spinlock_t *a, spinlock_t *b);
void spin_unlock_two(spinlock_t *a, spinlock_t *b);

/*
 * A spinning reader-writer lock, for short sections with many readers (tasklist, dentry hash).
 * Writers are preferred, so a reader must not take it again: it would wait for a waiting writer.
 */
typedef struct rwlock {
	/* Number of readers. Bit 29: sleepers; bit 30: a writer waits; bit 31: a writer holds it */
	u32 word;
#ifdef CONFIG_DEBUG
	const char *name; /* as in struct spinlock */
#endif
} rwlock_t;
#ifdef CONFIG_DEBUG
#define RWLOCK_INIT(n)                                                                             \
	{                                                                                          \
		0, LOCK_CLASS(n)                                                                   \
	}
#else
#define RWLOCK_INIT(n)                                                                             \
	{                                                                                          \
		0                                                                                  \
	}
#endif
#define DEFINE_RWLOCK(n) rwlock_t n = RWLOCK_INIT(n)
void read_lock(rwlock_t *l);
void read_unlock(rwlock_t *l);
void write_lock(rwlock_t *l);
void write_unlock(rwlock_t *l);

/*
 * Debug builds: returns how many spinlocks this vCPU's current task holds; else 0. schedule() and
 * calls into the host assert that it is 0.
 */
int spin_depth(void);

#endif
