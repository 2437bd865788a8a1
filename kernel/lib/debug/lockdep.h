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
	const void *atomic; /* the function that runs and may not sleep; NULL: it may */
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
/* Asks for the graph at power-off, line by line, through @write. */
void lockdep_edges_to(void (*write)(const char *line, size_t n));
/*
 * Writes the graph where lockdep_edges_to() said:
 *	class NAME spins|sleeps|both
 *	nameless PLACE                      a lock without a class was taken
 *	edge OUTER INNER task|boundary PLACE
 * with tabs between words, and as the last line "end", or "incomplete WHY".
 */
void lockdep_write_edges(void);
/*
 * Around @func, which runs at a boundary (of a timer, an interrupt line, a grace period): on the stack of whatever task is there, which
 * may be about to sleep, so it may not sleep. Returns what lockdep_atomic_end() is to be given.
 */
const void *lockdep_atomic_begin(const void *func);
void lockdep_atomic_end(const void *outer);
/* Called by all that may sleep, whether it does so this time or not: panics in such a function. */
void might_sleep(void);
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
static inline void lockdep_write_edges(void)
{
}
static inline const void *lockdep_atomic_begin(const void *func)
{
	return NULL;
}
static inline void lockdep_atomic_end(const void *outer)
{
}
static inline void might_sleep(void)
{
}
#define lock_name(l) NULL
#endif

#endif
