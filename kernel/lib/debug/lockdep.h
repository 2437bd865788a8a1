/* SPDX-License-Identifier: MIT */
/*
 * lockdep.h: checks the order of locks in debug builds; empty otherwise.
 *
 * Every lock belongs to a class, named by its initialiser. Taking B while A is held records the
 * edge A -> B. An edge that closes a cycle is a possible deadlock and is reported once, with both
 * classes and the place. The locks that a task holds are in its struct held_locks; the scheduler
 * sets the running task's at each switch (lockdep_switch()).
 */
#ifndef NESTLING_LIB_LOCKDEP_H
#define NESTLING_LIB_LOCKDEP_H

#include "kernel/lib/lock.h"
#include "kernel/lib/types.h"

#define MAX_HELD_LOCKS 48

struct held_locks {
	/* nr: locks held, the entries of held[]. spinning: spinlocks among them. */
	u32 nr, spinning;
	/* Set by lockdep_same_class_next(), cleared when the task takes its next lock. */
	bool same_class_next;
	/* The function that runs at a boundary and may not sleep, or NULL. */
	const void *atomic;
	struct {
		const void *lock;
		const void *ip; /* place that took the lock */
		u16 class;      /* index of the class's name */
		bool spin;      /* true: a spinlock */
	} held[MAX_HELD_LOCKS];
};

#ifdef CONFIG_DEBUG
/*
 * Records that the running task takes a lock of the class @name (NULL: none). @spin: it is a
 * spinlock. @try: it was taken by trylock, which cannot deadlock and records no edge. @ip: the
 * place, a return address.
 */
void lockdep_acquire(const void *lock, const char *name, bool spin, bool try, const void *ip);
void lockdep_release(const void *lock);
/*
 * Announces that the next lock of this task may be of a class that it holds already: the caller
 * defines their order.
 */
void lockdep_same_class_next(void);
/*
 * Records that @cpu switches to a task whose held locks are @h; NULL: a task that is not checked.
 */
void lockdep_switch(int cpu, struct held_locks *h);
/* Logs the locks in @h, with the places that took them. */
void lockdep_print_held(const struct held_locks *h);
/* Sets the function through which lockdep_write_edges() writes, line by line: @line of @n bytes. */
void lockdep_edges_to(void (*write)(const char *line, size_t n));
/*
 * Writes the graph to the function that lockdep_edges_to() set:
 *	class NAME spins|sleeps|both
 *	nameless PLACE                      a lock without a class was taken
 *	edge OUTER INNER task|boundary PLACE
 * with tabs between words, and as the last line "end", or "incomplete WHY".
 */
void lockdep_write_edges(void);
/*
 * Frame the call of @func, which runs at a boundary (of a timer, an interrupt line, a grace period)
 * on the stack of any task. That task may be about to sleep, so @func may not sleep.
 * lockdep_atomic_begin() returns the argument for lockdep_atomic_end().
 */
const void *lockdep_atomic_begin(const void *func);
void lockdep_atomic_end(const void *outer);
/*
 * Called by every function that may sleep, whether it sleeps this time or not. Panics if the task
 * holds a spinlock, or if called from a function framed by lockdep_atomic_begin().
 */
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
