/* SPDX-License-Identifier: MIT */
/*
 * lock.c: spinlocks and spinning reader-writer locks, whose contenders spin for a moment and then
 * sleep on the host.
 *
 * A spinlock's word: 0 free, 1 held, 2 held with sleepers (or vCPUs about to sleep) on the host
 * futex. A contender spins for SPINS pauses (one or two microseconds), then sets 2 and sleeps.
 * After a sleep it takes the lock as 2, because others may still sleep; an unlock that finds 2
 * wakes up one sleeper. The sleep has a timeout: a lost wake-up costs a millisecond and does not
 * hang the machine.
 *
 * A rwlock's word:
 *      RW_READERS      number of readers that hold the lock
 *      RW_WRITER       held for writing
 *      RW_WAITING      a writer waits; new readers stay out
 *      RW_SLEEPERS     a vCPU sleeps on the word, or is about to
 * The unlock after which the lock has no holder clears RW_SLEEPERS and wakes up all sleepers.
 */
#include "arch/um/machine/arch.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/debug/contention.h"
#include "kernel/lib/lock.h"
#include "kernel/lib/debug/lockdep.h"
#include "kernel/lib/printk.h"

#define SPINS 60
#define SLEEP_NS 1000000
#define YIELD_NS 50000

#define RW_WRITER BIT(31)
#define RW_WAITING BIT(30)
#define RW_SLEEPERS BIT(29)
#define RW_READERS (BIT(29) - 1)

void spin_lock_setup(spinlock_t *l, const char *name)
{
	l->word = 0;
#ifdef CONFIG_DEBUG
	l->name = name;
	l->owner = NULL;
#endif
}

static inline bool take(spinlock_t *l, u32 as)
{
	u32 free = 0;

	return __atomic_compare_exchange_n(
		&l->word, &free, as, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void spin_or_sleep(spinlock_t *l)
{
	for (int i = 0; i < SPINS; i++) {
		cpu_relax();
		if (!READ_ONCE(l->word) && take(l, 1))
			return;
	}
	while (__atomic_exchange_n(&l->word, 2, __ATOMIC_ACQUIRE))
		arch_futex_wait(&l->word, 2, SLEEP_NS);
}

static __noinline void spin_lock_slow(spinlock_t *l, const void *ip)
{
	u64 since = contention_begin();

	spin_or_sleep(l);
	contention_end("spin", ip, since);
}

static inline void took(spinlock_t *l)
{
#ifdef CONFIG_DEBUG
	l->owner = current;
#endif
}

void spin_lock(spinlock_t *l)
{
	lockdep_acquire(l, lock_name(l), true, false, __builtin_return_address(0));
#ifdef CONFIG_DEBUG
	if (l->word && READ_ONCE(l->owner) == (void *)current && current)
		panic("spinlock %s taken twice by one task", l->name);
#endif
	if (unlikely(!take(l, 1)))
		spin_lock_slow(l, __builtin_return_address(0));
	took(l);
}

bool spin_trylock(spinlock_t *l)
{
	if (!take(l, 1))
		return false;
	lockdep_acquire(l, lock_name(l), true, true, __builtin_return_address(0));
	took(l);
	return true;
}

void spin_unlock(spinlock_t *l)
{
	lockdep_release(l);
#ifdef CONFIG_DEBUG
	l->owner = NULL;
#endif
	if (unlikely(__atomic_exchange_n(&l->word, 0, __ATOMIC_RELEASE) == 2))
		arch_futex_wake(&l->word, 1);
}

/*
 * Unlocks and lets a sleeper take the lock first. A woken vCPU needs some time until the host runs
 * it. Meanwhile the caller, which is awake, would always take the lock again first. So the caller
 * sleeps for at most YIELD_NS, unless the lock is taken already.
 */
void spin_unlock_yield(spinlock_t *l)
{
	lockdep_release(l);
#ifdef CONFIG_DEBUG
	l->owner = NULL;
#endif
	if (__atomic_exchange_n(&l->word, 0, __ATOMIC_RELEASE) != 2)
		return;
	arch_futex_wake(&l->word, 1);
	arch_futex_wait(&l->word, 0, YIELD_NS);
}

void spin_lock_raw(spinlock_t *l)
{
	if (unlikely(!take(l, 1)))
		spin_lock_slow(l, __builtin_return_address(0));
}

bool spin_trylock_raw(spinlock_t *l)
{
	return take(l, 1);
}

void spin_unlock_raw(spinlock_t *l)
{
	if (unlikely(__atomic_exchange_n(&l->word, 0, __ATOMIC_RELEASE) == 2))
		arch_futex_wake(&l->word, 1);
}

void assert_spin_held(const spinlock_t *l)
{
#ifdef CONFIG_DEBUG
	if (!READ_ONCE(l->word))
		panic("spinlock %s is not held", l->name);
#endif
}

void spin_lock_two(spinlock_t *a, spinlock_t *b)
{
	if (a == b) {
		spin_lock(a);
		return;
	}
	spin_lock(a < b ? a : b);
	lockdep_same_class_next();
	spin_lock(a < b ? b : a);
}

void spin_unlock_two(spinlock_t *a, spinlock_t *b)
{
	spin_unlock(a);
	if (a != b)
		spin_unlock(b);
}

struct rw_wait {
	int spins;
	u64 since; /* from contention_begin() */
};

/*
 * Does one wait step: a pause in the first SPINS calls, then a sleep of up to SLEEP_NS while the
 * word stays @seen. May return early.
 */
static void rw_wait(rwlock_t *l, u32 seen, struct rw_wait *w)
{
	if (!w->spins)
		w->since = contention_begin();
	if (w->spins++ < SPINS) {
		cpu_relax();
		return;
	}
	if (!(seen & RW_SLEEPERS) && cmpxchg(&l->word, seen, seen | RW_SLEEPERS) != seen)
		return;
	arch_futex_wait(&l->word, seen | RW_SLEEPERS, SLEEP_NS);
}

void read_lock(rwlock_t *l)
{
	struct rw_wait w = { 0 };

	lockdep_acquire(l, lock_name(l), true, false, __builtin_return_address(0));
	for (;;) {
		u32 v = READ_ONCE(l->word);

		if (v & (RW_WRITER | RW_WAITING))
			rw_wait(l, v, &w);
		else if (cmpxchg(&l->word, v, v + 1) == v)
			break;
	}
	contention_end("read", __builtin_return_address(0), w.since);
}

void write_lock(rwlock_t *l)
{
	struct rw_wait w = { 0 };

	lockdep_acquire(l, lock_name(l), true, false, __builtin_return_address(0));
	for (;;) {
		u32 v = READ_ONCE(l->word);

		if (!(v & (RW_WRITER | RW_READERS))) {
			/* This clears RW_WAITING; other waiting writers set it again. */
			if (cmpxchg(&l->word, v, (v & RW_SLEEPERS) | RW_WRITER) == v)
				break;
		} else if (!(v & RW_WAITING)) {
			(void)cmpxchg(&l->word, v, v | RW_WAITING);
		} else {
			rw_wait(l, v, &w);
		}
	}
	contention_end("write", __builtin_return_address(0), w.since);
}

/* Subtracts @what from the word. If no holder is left, wakes up the sleepers. */
static void rw_release(rwlock_t *l, u32 what)
{
	for (;;) {
		u32 v = READ_ONCE(l->word), left = v - what;
		bool wake = !(left & (RW_WRITER | RW_READERS)) && (left & RW_SLEEPERS);

		if (wake)
			left &= ~(u32)RW_SLEEPERS;
		if (cmpxchg(&l->word, v, left) != v)
			continue;
		if (wake)
			arch_futex_wake(&l->word, 0x7fffffff);
		return;
	}
}

void read_unlock(rwlock_t *l)
{
	lockdep_release(l);
	rw_release(l, 1);
}

void write_unlock(rwlock_t *l)
{
	lockdep_release(l);
	rw_release(l, (u32)RW_WRITER);
}
