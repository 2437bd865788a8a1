/* SPDX-License-Identifier: MIT */
/*
 * atomic.h: atomic words and reference counts. All read-modify-write operations are full barriers;
 * atomic_read(), atomic_set() and test_bit() order nothing. xchg() and cmpxchg() return the old
 * value, *_return() the new one.
 */
#ifndef NESTLING_LIB_ATOMIC_H
#define NESTLING_LIB_ATOMIC_H

#include "kernel/lib/types.h"

typedef struct {
	s32 v;
} atomic_t;
typedef struct {
	s64 v;
} atomic64_t;

#define ATOMIC_INIT(n)                                                                             \
	{                                                                                          \
		(n)                                                                                \
	}
#define atomic_read(a) __atomic_load_n(&(a)->v, __ATOMIC_RELAXED)
#define atomic_set(a, n) __atomic_store_n(&(a)->v, (n), __ATOMIC_RELAXED)
#define atomic_add(n, a) ((void)__atomic_add_fetch(&(a)->v, (n), __ATOMIC_SEQ_CST))
#define atomic_sub(n, a) ((void)__atomic_sub_fetch(&(a)->v, (n), __ATOMIC_SEQ_CST))
#define atomic_inc(a) atomic_add(1, a)
#define atomic_dec(a) atomic_sub(1, a)
#define atomic_add_return(n, a) __atomic_add_fetch(&(a)->v, (n), __ATOMIC_SEQ_CST)
#define atomic_sub_return(n, a) __atomic_sub_fetch(&(a)->v, (n), __ATOMIC_SEQ_CST)
#define atomic_inc_return(a) atomic_add_return(1, a)
#define atomic_dec_and_test(a) (__atomic_sub_fetch(&(a)->v, 1, __ATOMIC_SEQ_CST) == 0)
#define atomic_xchg(a, n) __atomic_exchange_n(&(a)->v, (n), __ATOMIC_SEQ_CST)

/* Takes a reference unless the count is already 0. Returns true if it took one. */
static inline bool atomic_inc_not_zero(atomic_t *a)
{
	s32 old = atomic_read(a);

	while (old)
		if (__atomic_compare_exchange_n(
			    &a->v, &old, old + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			return true;
	return false;
}

#define xchg(p, v) __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define cmpxchg(p, old, new)                                                                       \
	({                                                                                         \
		__typeof__(*(p)) o_ = (old);                                                       \
		__atomic_compare_exchange_n(                                                       \
			p, &o_, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                   \
		o_;                                                                                \
	})
#define smp_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_load_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)

/* Single bits, 0 to 63, of the u64 at @p. */
#define set_bit(n, p) ((void)__atomic_or_fetch((p), 1UL << (n), __ATOMIC_SEQ_CST))
#define clear_bit(n, p) ((void)__atomic_and_fetch((p), ~(1UL << (n)), __ATOMIC_SEQ_CST))
#define test_bit(n, p) ((__atomic_load_n((p), __ATOMIC_RELAXED) >> (n)) & 1)
#define test_and_set_bit(n, p) ((__atomic_fetch_or((p), 1UL << (n), __ATOMIC_SEQ_CST) >> (n)) & 1)
#define test_and_clear_bit(n, p)                                                                   \
	((__atomic_fetch_and((p), ~(1UL << (n)), __ATOMIC_SEQ_CST) >> (n)) & 1)

#endif
