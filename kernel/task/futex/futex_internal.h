/* SPDX-License-Identifier: MIT */
/*
 * futex_internal.h: declarations shared by futex.c (queues, waiting, waking), futex_pi.c,
 * futex_robust.c and the other files of this folder.
 */
#ifndef NESTLING_FUTEX_INTERNAL_H
#define NESTLING_FUTEX_INTERNAL_H

#include <asm/errno.h>
#include <linux/futex.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/mm/mm.h"
#include "kernel/task/futex/futex.h"
#include "kernel/task/process.h"
#include "kernel/task/signal/signal.h"

#define FUTEX_BUCKETS 256
#define BITS_ANY FUTEX_BITSET_MATCH_ANY

struct futex_key {
	const void *owner; /* the mm, or the file's mapping */
	u64 at;            /* address, or offset in the file */
	struct file *file; /* with a reference, or NULL */
};

struct futex_bucket {
	spinlock_t lock;
	struct list_head queue; /* of futex_q.list; under lock */
} __aligned(64);

/*
 * A waiter, on the stack of its task (or in an array: futex_waitv.c, futex_async.c). The lock of
 * its bucket protects list, bucket, key and chosen. pi, owner and pi_link change under that lock
 * and pi_lock. gone changes under pi_lock.
 */
struct futex_q {
	struct list_head list;
	struct futex_bucket *bucket;
	struct task *task;           /* NULL: no task sleeps, wake up @wqh */
	struct wait_queue_head *wqh; /* immutable */
	struct futex_key key;
	u32 bitset;
	/*
	 * Number of unlocks in progress that make this waiter the owner. The waiter stays in the
	 * queue until the number is 0.
	 */
	u32 chosen;
	bool woken; /* a waker has taken it off the queue */
	bool pi;    /* waits for a PI lock */
	/* Pid of the owner that has ended while it held the lock, or 0. */
	pid_t gone;
	/* The known owner of the lock, with a reference; NULL: none. */
	struct task *owner;
	struct list_head pi_link;
	/* FUTEX_WAIT_REQUEUE_PI: key of the futex to which this waiter may be moved. */
	const struct futex_key *requeue_to;
};

extern struct futex_bucket futex_table[FUTEX_BUCKETS];

bool futex_key_eq(const struct futex_key *a, const struct futex_key *b);
struct futex_bucket *futex_bucket_of(const struct futex_key *k);
/*
 * Makes the key of a word of current's mm. May sleep. Returns 0, after which the caller must call
 * futex_key_put(), -EINVAL (not aligned) or -EFAULT.
 */
int futex_key_get(uaddr_t addr, bool private, struct futex_key *k);
void futex_key_put(struct futex_key *k);
/* Queues @q, and takes the bucket's lock. @q->task becomes current, unless @q->wqh is set. */
void futex_enqueue(struct futex_q *q, const struct futex_key *k, u32 bitset);
/* Takes @q off its queue. Returns false if a waker has taken it off already. May sleep. */
bool futex_unqueue(struct futex_q *q);
/* Wakes up a waiter, under its bucket's lock. @q may be freed afterwards. */
void futex_wake_q(struct futex_q *q);
/*
 * Sleeps until woken up. Returns 0, -ETIMEDOUT or -ERESTARTSYS. The waiter must be queued before
 * the call, and is not queued after it.
 */
int futex_sleep(struct futex_q *q, struct wait_until until);

/* Moves a waiter to another futex's queue; both buckets are locked. */
void futex_move_q(struct futex_q *q, struct futex_bucket *to, const struct futex_key *k);

/* ---- the operations of futex(2), for futex2.c; they may sleep ---- */
/*
 * Sleeps until woken up, if the word has the value @val. Returns 0 (woken up), -EAGAIN (another
 * value), -ETIMEDOUT, -ERESTARTSYS or another -errno.
 */
int futex_wait_on(uaddr_t addr, bool private, u32 val, struct wait_until until, u32 bitset);
/*
 * Wake up to @nr waiters with a bit of @bitset. Return their number, or -errno. futex_wake_key()
 * does not sleep.
 */
int futex_wake_key(const struct futex_key *k, int nr, u32 bitset);
long futex_wake(uaddr_t addr, bool private, int nr, u32 bitset);
/*
 * Wakes up to @nr_wake waiters on @a1, and moves up to @nr_move more to @a2. @cmp: the value that
 * the word at @a1 must have (else -EAGAIN), or NULL. Returns the number of waiters woken and moved,
 * or -errno.
 */
long futex_requeue(uaddr_t a1, uaddr_t a2, bool private, int nr_wake, int nr_move, u32 *cmp);

/* ---- futex2.c ---- */
/* True if the flags exist, and the value fits into a word of the size that they select. */
bool futex2_right(u32 flags, u64 val);
/*
 * Checks the node number beside a word with FUTEX2_NUMA, and replaces -1 by 0. Returns 0, -EINVAL
 * or -EFAULT.
 */
int futex2_node(uaddr_t addr, u32 flags);

/* ---- futex_waitv.c ---- */
struct wait_word { /* a word of futex_waitv() */
	struct futex_q q;
	uaddr_t addr;
	u32 val, bitset;
	bool private;
};
/* Reads a struct futex_waitv. Returns 0, -EINVAL or -EFAULT. */
int futex_word_get(uaddr_t from, struct wait_word *w);
/*
 * Queues the waiter on all words, then checks all values. Returns 0; -errno, with the waiter in no
 * queue; or 1 plus the index of a word that was woken up already.
 */
int futex_words_queue(struct wait_word *w, u32 n);
/*
 * Takes the waiter off all queues. Returns the index of the last word that a waker had taken off,
 * or -1.
 */
int futex_words_unqueue(struct wait_word *w, u32 n);
bool futex_words_woken(struct wait_word *w, u32 n);
/*
 * Reads the timeout of a futex call from guest memory (0: none, WAIT_FOREVER). Returns 0, -EFAULT
 * or -EINVAL.
 */
int futex_deadline(bool realtime, bool absolute, uaddr_t timeout, struct wait_until *until);

/* ---- futex_pi.c, futex_requeue.c ---- */
/*
 * Makes @q a waiter for the lock of @owner (NULL: not known yet), or changes the owner of that
 * lock, and boosts the owner's priority. Takes its own reference to @owner. Under the bucket's
 * lock, as is pi_detach(), which undoes this.
 */
void pi_attach(struct futex_q *q, struct task *owner);
void pi_detach(struct futex_q *q);
/*
 * True if @owner (which may be NULL) waits for a lock of @t, directly or through a chain of owners.
 */
bool pi_would_deadlock(const struct task *t, const struct task *owner);
/*
 * Reads the word of a lock to which waiters were moved. Sets FUTEX_WAITERS if the lock has an
 * owner, otherwise gives the lock to the most urgent waiter. Returns 0 or -errno.
 */
long futex_pi_settle(uaddr_t addr, const struct futex_key *k);
/*
 * Finds the task @pid, the owner of the word. Returns 0 with a reference in *owner, or 1 if @pid
 * does not own the word any more. Waits until an exiting owner has given up its locks. -ESRCH: no
 * such task; -EPERM, -EFAULT; -EINTR: current is being killed.
 */
int futex_pi_owner(uaddr_t addr, pid_t pid, struct task **owner);
/*
 * Takes over the lock of @owner, which has ended while it held the lock. Returns 0, 1 if another
 * task has taken it first, or -errno.
 */
int futex_pi_inherit(uaddr_t addr, pid_t owner);
/*
 * Serve the PI operations of futex(2). May sleep. Return 0 (futex_cmp_requeue_pi(): the number of
 * waiters that were moved) or -errno. When futex_lock_pi() returns 0, current owns the word at
 * @addr, after futex_wait_requeue_pi() that at @a2. @try: -EAGAIN instead of waiting.
 */
long futex_wait_requeue_pi(uaddr_t a1, bool private, u32 val, struct wait_until until, uaddr_t a2);
long futex_cmp_requeue_pi(uaddr_t a1, uaddr_t a2, bool private, int nr_wake, int nr_move, u32 cmp);
long futex_lock_pi(uaddr_t addr, bool private, bool try, struct wait_until until);
long futex_unlock_pi(uaddr_t addr, bool private);
/*
 * Hands a word that current owns over to the most urgent PI waiter, or frees the word. @flag:
 * FUTEX_OWNER_DIED or 0. Returns 0 or -errno.
 */
long futex_pi_hand_over(uaddr_t addr, const struct futex_key *k, u32 flag);
/*
 * futex_pi_exit() is called at exit and exec, and wakes up waiters for those locks of current that
 * are in no robust list. futex_pi_dead() is called after it at exit: current owns no lock any more.
 * Neither sleeps.
 */
void futex_pi_exit(void);
void futex_pi_dead(void);

#endif
