/* SPDX-License-Identifier: MIT */
/*
 * lockdep.h: checks the order of locks in debug builds; empty otherwise.
 *
 * Every lock belongs to a class, named by what was given to its initialiser. Taking B while A is held records the edge
 * A -> B; an edge that closes a cycle is a possible deadlock and is reported once, with both classes and the place.
 * The locks that a task holds are in its struct held_locks; the scheduler says at each switch whose they are.
 */
#ifndef NESTLING_LIB_LOCKDEP_H
#define NESTLING_LIB_LOCKDEP_H

#include "kernel/lib/lock.h"
#include "kernel/lib/types.h"

#define MAX_HELD_LOCKS 48

struct held_locks {
	u32 nr, spinning; /* all; of these spinlocks */
	bool same_class_next;
	struct {
		const void *lock;
		const void *ip;
		u16 class;
		bool spin;
	} held[MAX_HELD_LOCKS];
};

#ifdef CONFIG_DEBUG
/* @spin: a spinlock; @try: cannot deadlock, records no edge. */
void lockdep_acquire(const void *lock, const char *name, bool spin, bool try, const void *ip);
void lockdep_release(const void *lock);
void lockdep_same_class_next(
	void); /* the next acquisition may be of a class that is held: the caller orders them */
void lockdep_switch(int cpu,
	struct held_locks *h); /* @cpu goes on with a task whose locks are @h; NULL: not checked */
void lockdep_print_held(const struct held_locks *h);
#define lock_name(l) ((l)->name)
#else
static inline void lockdep_acquire(
	const void *lock, const char *name, bool spin, bool try, const void *ip)
{
}
static inline void lockdep_release(const void *lock)
{
}
static inline void lockdep_same_class_next(void)
{
}
static inline void lockdep_switch(int cpu, struct held_locks *h)
{
}
#define lock_name(l) NULL
#endif

#endif
