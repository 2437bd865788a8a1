/* SPDX-License-Identifier: MIT */
/*
 * futex_pi.c: PI futexes: the word is the owner's thread number; the kernel is called only when there are waiters, and an unlock hands
 * the word to the waiter of the highest priority.
 *
 * Taking: pi_try() announces a waiter in the word (FUTEX_WAITERS), pi_wait() queues, looks whether the same owner still has it, sleeps.
 * Giving: futex_pi_hand_over() chooses an heir and marks it, so that it cannot leave by a timeout; writes its number into the word;
 * wakes it as the owner. An owner that ends with the lock held marks its waiters OWNER_GONE: the first to look takes the word.
 *
 * Owners are not boosted by their waiters. Locks: bucket->lock, never over access to the word.
 */
#include <linux/sched.h>

#include "arch/um/arch.h"
#include "kernel/task/futex_internal.h"

static bool pi_used; /* a PI waiter was ever queued: exits look for theirs */

/* A smaller number is more urgent. */
static int urgency(const struct task *t)
{
	if (t->policy == SCHED_FIFO || t->policy == SCHED_RR)
		return -t->rt_priority;
	return 100 + t->nice;
}

/* Under the bucket's lock: the most urgent PI waiter of the key, and whether there are others. */
static struct futex_q *top_waiter(struct futex_bucket *b, const struct futex_key *k, bool *more)
{
	struct futex_q *q, *top = NULL;

	*more = false;
	list_for_each_entry(q, &b->queue, list) {
		if (!q->pi_owner || !futex_key_eq(&q->key, k))
			continue;
		*more = top != NULL;
		if (!top || urgency(q->task) < urgency(top->task))
			top = q;
	}
	return top;
}

/* Who waited for the old owner waits for the new one. */
static void pi_new_owner(struct futex_bucket *b, const struct futex_key *k, pid_t owner)
{
	struct futex_q *q;

	list_for_each_entry(q, &b->queue, list)
		if (q->pi_owner && futex_key_eq(&q->key, k))
			q->pi_owner = owner;
}

/*
 * Takes the word from 0 (or from a dead owner) or announces a waiter. 0: taken; 1: *owner has it and knows of waiters; -errno.
 */
static int pi_try(uaddr_t addr, bool try, pid_t *owner)
{
	u32 me = (u32)current->pid, old, seen, want;
	int err = load_user_u32(addr, &old);

	while (!err) {
		if ((old & FUTEX_TID_MASK) == me)
			return -EDEADLK;
		if (!(old & FUTEX_TID_MASK))
			want = me | (old & (FUTEX_WAITERS | FUTEX_OWNER_DIED));
		else if (try)
			return -EAGAIN;
		else
			want = old | FUTEX_WAITERS;
		seen = old;
		err = cmpxchg_user_u32(addr, &seen, want);
		if (!err && seen == old) {
			*owner = (pid_t)(old & FUTEX_TID_MASK);
			return *owner ? 1 : 0;
		}
		old = seen;
		cond_resched();
	}
	return err;
}

/* 0; -EAGAIN: it is about to give up what it owns; -ESRCH: it is gone. */
static int owner_alive(pid_t pid)
{
	struct task *t = find_get_task(pid);
	int err = 0;

	if (!t)
		return -ESRCH;
	if (READ_ONCE(t->exit_state))
		err = -ESRCH;
	else if (READ_ONCE(t->flags) & PF_EXITING)
		err = -EAGAIN;
	put_task(t);
	return err;
}

/* The owner that we waited for has ended with the lock held: it is ours if nobody was faster. 0 or 1 (was), -errno. */
static int pi_inherit(uaddr_t addr, pid_t owner)
{
	u32 old, seen;
	int err = load_user_u32(addr, &old);

	if (err)
		return err;
	if ((old & FUTEX_TID_MASK) != (u32)owner)
		return 1;
	seen = old;
	err = cmpxchg_user_u32(
		addr, &seen, (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED | (u32)current->pid);
	return err ? err : seen != old;
}

/* Waits for @owner. 0: the lock is ours, 1: try again, -errno. */
static int pi_wait(uaddr_t addr, const struct futex_key *k, pid_t owner, u64 deadline)
{
	struct futex_q q = { .pi_owner = owner };
	u32 word;
	int err;

	pi_used = true;
	futex_enqueue(&q, k, BITS_ANY);
	err = load_user_u32(addr, &word);
	if (!err && ((word & FUTEX_TID_MASK) != (u32)owner || owner_alive(owner)))
		return futex_unqueue(&q) ? 1 : 0;
	if (err)
		return futex_unqueue(&q) ? err : 0;
	err = futex_sleep(&q, deadline);
	if (!err && !q.woken)
		return pi_inherit(addr, owner);
	return err == -ERESTARTSYS ? -ERESTARTNOINTR : err;
}

long futex_lock_pi(uaddr_t addr, bool private, bool try, u64 deadline)
{
	struct futex_key k;
	pid_t owner = 0;
	long err = futex_key_get(addr, private, &k);

	if (err)
		return err;
	do {
		err = pi_try(addr, try, &owner);
		if (err <= 0)
			break;
		err = owner_alive(owner);
		if (err == -EAGAIN) {
			yield();
			err = fatal_signal_pending(current) ? -EINTR : 1;
		} else if (!err) {
			err = pi_wait(addr, &k, owner, deadline);
		}
	} while (err > 0);
	futex_key_put(&k);
	return err;
}

/* The waiter that gets the lock, marked so that it cannot leave; NULL. */
static struct futex_q *choose_heir(struct futex_bucket *b, const struct futex_key *k, bool *more)
{
	struct futex_q *top;

	spin_lock(&b->lock);
	top = top_waiter(b, k, more);
	if (top)
		top->chosen = true;
	spin_unlock(&b->lock);
	return top;
}

static void release_heir(struct futex_bucket *b, struct futex_q *heir, bool owns)
{
	if (!heir)
		return;
	spin_lock(&b->lock);
	heir->chosen = false;
	if (owns) {
		struct futex_key k = heir->key;
		pid_t pid = heir->task->pid;

		futex_wake_q(heir);
		pi_new_owner(b, &k, pid);
	}
	spin_unlock(&b->lock);
}

/* Hands a word that current owns to its most urgent PI waiter, or to nobody. @flag: FUTEX_OWNER_DIED or 0. */
long futex_pi_hand_over(uaddr_t addr, const struct futex_key *k, u32 flag)
{
	struct futex_bucket *b = futex_bucket_of(k);
	struct futex_q *heir;
	u32 old, seen, want;
	bool more, done;
	long err;

	do {
		err = load_user_u32(addr, &old);
		if (err)
			return err;
		if ((old & FUTEX_TID_MASK) != (u32)current->pid)
			return -EPERM;
		heir = choose_heir(b, k, &more);
		want = flag;
		if (heir)
			want |= (u32)heir->task->pid | (more ? FUTEX_WAITERS : 0);
		seen = old;
		err = cmpxchg_user_u32(addr, &seen, want);
		done = !err && seen == old;
		release_heir(b, heir, done);
	} while (!err && !done);
	return err;
}

long futex_unlock_pi(uaddr_t addr, bool private)
{
	struct futex_key k;
	long err = futex_key_get(addr, private, &k);

	if (err)
		return err;
	err = futex_pi_hand_over(addr, &k, 0);
	futex_key_put(&k);
	return err;
}

/* PI locks that are in no robust list: their waiters look at the word again, find us gone and take it over. */
void futex_pi_exit(void)
{
	struct futex_q *q;

	if (likely(!pi_used))
		return;
	for (int i = 0; i < FUTEX_BUCKETS; i++) {
		if (list_empty(&futex_table[i].queue))
			continue;
		spin_lock(&futex_table[i].lock);
		list_for_each_entry(q, &futex_table[i].queue, list) {
			if (q->pi_owner == current->pid) {
				WRITE_ONCE(q->pi_owner, OWNER_GONE);
				wake_up_process(q->task);
			}
		}
		spin_unlock(&futex_table[i].lock);
	}
}
