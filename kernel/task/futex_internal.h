/* SPDX-License-Identifier: MIT */
/*
 * futex_internal.h: what futex.c (queues, waiting, waking), futex_pi.c and futex_robust.c share.
 */
#ifndef NESTLING_FUTEX_INTERNAL_H
#define NESTLING_FUTEX_INTERNAL_H

#include <asm/errno.h>
#include <linux/futex.h>

#include "arch/um/uaccess.h"
#include "kernel/mm/mm.h"
#include "kernel/task/futex.h"
#include "kernel/task/process.h"
#include "kernel/task/signal.h"

#define FUTEX_BUCKETS 256
#define BITS_ANY FUTEX_BITSET_MATCH_ANY

struct futex_key {
	const void *owner; /* the mm or the mapping */
	u64 at;            /* address, or offset in the file */
	struct file *file; /* of a mapping: a reference that keeps it */
};

struct futex_bucket {
	spinlock_t lock;
	struct list_head queue;
} __aligned(64);

struct futex_q {
	struct list_head list;
	struct futex_bucket *bucket;
	struct task *task;
	struct futex_key key;
	u32 bitset;
	pid_t pi_owner; /* waits for this thread to give a PI lock up; OWNER_GONE; 0: no PI waiter */
	bool chosen;    /* an unlock is making it the owner: it stays queued until that is done */
	bool woken;
};
#define OWNER_GONE (-1)

extern struct futex_bucket futex_table[FUTEX_BUCKETS];

bool futex_key_eq(const struct futex_key *a, const struct futex_key *b);
struct futex_bucket *futex_bucket_of(const struct futex_key *k);
/* 0 (futex_key_put), -EINVAL (not aligned), -EFAULT. */
int futex_key_get(uaddr_t addr, bool private, struct futex_key *k);
void futex_key_put(struct futex_key *k);
void futex_enqueue(struct futex_q *q, const struct futex_key *k, u32 bitset);
bool futex_unqueue(struct futex_q *q); /* false: a waker had taken it off */
void futex_wake_q(struct futex_q *q);  /* under its bucket's lock; q is gone afterwards */
/* Until woken: 0, -ETIMEDOUT or -ERESTARTSYS. Queued before, not afterwards. */
int futex_sleep(struct futex_q *q, u64 deadline);

long futex_lock_pi(uaddr_t addr, bool private, bool try, u64 deadline);
long futex_unlock_pi(uaddr_t addr, bool private);
/* Hands a word that current owns to its most urgent PI waiter, or to nobody. @flag: FUTEX_OWNER_DIED or 0. */
long futex_pi_hand_over(uaddr_t addr, const struct futex_key *k, u32 flag);
void futex_pi_exit(void);

#endif
