/* SPDX-License-Identifier: MIT */
/*
 * futex_requeue.c: moves waiters from a condition variable's word to a PI mutex, without waking
 * them in between.
 *
 * A waiter of FUTEX_WAIT_REQUEUE_PI is in the queue of its first word and names the PI word that it
 * may be moved to. FUTEX_CMP_REQUEUE_PI moves it there as a PI waiter, whether or not that word has
 * an owner. Then futex_pi_settle() reads the word: if it has no owner, the most urgent waiter gets
 * the lock; otherwise FUTEX_WAITERS is set in it. So the waiter wakes up as the owner, or a timeout
 * or a signal takes it out of whichever queue it is in.
 *
 * Locks: both buckets, in order of address. They are never held across an access to a word.
 */
#include "arch/um/machine/arch.h"
#include "kernel/task/futex/futex_internal.h"

/*
 * Moves at most @nr waiters, and counts them in *moved. Returns 0; -EINVAL if the queue has a
 * waiter of another kind; or -EDEADLK if a task would wait for itself, or for an owner that waits
 * for the task. After an error, waiters that were moved before it stay moved.
 */
static long move_waiters(const struct futex_key *from, const struct futex_key *to, long nr,
	struct task *owner, long *moved)
{
	struct futex_bucket *a = futex_bucket_of(from), *b = futex_bucket_of(to);
	struct futex_q *q, *next;
	long err = 0;

	spin_lock_two(&a->lock, &b->lock);
	list_for_each_entry_safe(q, next, &a->queue, list) {
		if (!futex_key_eq(&q->key, from))
			continue;
		if (*moved == nr)
			break;
		if (!q->requeue_to || !futex_key_eq(q->requeue_to, to) || q->pi)
			err = -EINVAL;
		else if (q->task == owner || pi_would_deadlock(q->task, owner))
			err = -EDEADLK;
		if (err)
			break;
		futex_move_q(q, b, to);
		pi_attach(q, owner);
		++*moved;
	}
	spin_unlock_two(&a->lock, &b->lock);
	return err;
}

/*
 * Stores the owner of the PI word, with a reference, in *owner, or NULL if it has none. Returns 0
 * or -errno.
 */
static int word_owner(uaddr_t addr, struct task **owner)
{
	u32 word;
	int err;

	for (;;) {
		*owner = NULL;
		err = load_user_u32(addr, &word);
		if (err || !(word & FUTEX_TID_MASK))
			return err;
		err = futex_pi_owner(addr, (pid_t)(word & FUTEX_TID_MASK), owner);
		if (err <= 0)
			return err;
	}
}

/*
 * Implements FUTEX_CMP_REQUEUE_PI: moves at most @nr waiters from the futex at @a1 to the PI futex
 * at @a2. Returns the number of moved waiters or -errno, -EAGAIN if the word at @a1 is not @cmp.
 */
static long requeue_pi(uaddr_t a1, const struct futex_key *k1, uaddr_t a2,
	const struct futex_key *k2, long nr, u32 cmp)
{
	struct task *owner;
	long moved = 0, err, bad;
	u32 now;

	err = load_user_u32(a1, &now);
	if (err)
		return err;
	if (now != cmp)
		return -EAGAIN;
	err = word_owner(a2, &owner);
	if (err)
		return err;
	bad = move_waiters(k1, k2, nr, owner, &moved);
	if (owner)
		put_task(owner);
	if (moved > 0) {
		err = futex_pi_settle(a2, k2);
		if (err)
			return err;
	}
	return bad ? bad : moved;
}

long futex_cmp_requeue_pi(uaddr_t a1, uaddr_t a2, bool private, int nr_wake, int nr_move, u32 cmp)
{
	struct futex_key k1, k2;
	long ret;

	if (nr_wake != 1 || nr_move < 0 || a1.v == a2.v)
		return -EINVAL;
	ret = futex_key_get(a1, private, &k1);
	if (ret)
		return ret;
	ret = futex_key_get(a2, private, &k2);
	if (!ret) {
		ret = futex_key_eq(&k1, &k2) ?
			      -EINVAL :
			      requeue_pi(a1, &k1, a2, &k2, (long)nr_move + nr_wake, cmp);
		futex_key_put(&k2);
	}
	futex_key_put(&k1);
	return ret;
}

/* Sleeps in one of the two queues. Returns 0 if current has got the lock, or -errno. */
static long wait_moved(struct futex_q *q, uaddr_t a2, bool private, struct wait_until until)
{
	long err = futex_sleep(q, until);

	/* The lock's owner has ended: take over the lock, or wait for the next owner. */
	if (!err && !q->woken) {
		err = futex_pi_inherit(a2, q->gone);
		return err > 0 ? futex_lock_pi(a2, private, false, until) : err;
	}
	if (err != -ERESTARTSYS)
		return err;
	return futex_key_eq(&q->key, q->requeue_to) ? -EAGAIN : -ERESTARTNOINTR;
}

long futex_wait_requeue_pi(uaddr_t a1, bool private, u32 val, struct wait_until until, uaddr_t a2)
{
	struct futex_key k1, k2;
	struct futex_q q = { .requeue_to = &k2 };
	long ret;
	u32 now;

	if (a1.v == a2.v)
		return -EINVAL;
	ret = futex_key_get(a2, private, &k2);
	if (ret)
		return ret;
	ret = futex_key_get(a1, private, &k1);
	if (ret)
		goto out_put_k2;
	if (futex_key_eq(&k1, &k2)) {
		ret = -EINVAL;
		goto out_put_k1;
	}
	futex_enqueue(&q, &k1, BITS_ANY);
	ret = load_user_u32(a1, &now);
	if (!ret && now != val)
		ret = -EAGAIN;
	/*
	 * A waiter that was moved and made the owner meanwhile has the lock, in spite of the error.
	 */
	if (ret)
		ret = futex_unqueue(&q) ? ret : 0;
	else
		ret = wait_moved(&q, a2, private, until);
out_put_k1:
	futex_key_put(&k1);
out_put_k2:
	futex_key_put(&k2);
	return ret;
}
