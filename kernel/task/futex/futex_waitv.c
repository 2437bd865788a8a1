/* SPDX-License-Identifier: MIT */
/*
 * futex_waitv.c: waits for the first of several words: each has a struct futex_q of the same task.
 *
 * As with one word, all are queued, then all words are read, then the task sleeps until one is
 * woken. The result is the index of a word whose futex_q a waker has taken off, the last one if
 * there were several: that wake-up was spent on this call.
 */
#include <linux/time.h>

#include "gen/syscalls.h"
#include "kernel/sched/sched.h"
#include "kernel/task/futex/futex_internal.h"

int futex_word_get(uaddr_t from, struct wait_word *w)
{
	struct futex_waitv v;

	if (copy_from_user(&v, from, sizeof(v)))
		return -EFAULT;
	if (v.__reserved || !futex2_right(v.flags, v.val))
		return -EINVAL;
	w->addr = UADDR(v.uaddr);
	w->val = (u32)v.val;
	w->bitset = BITS_ANY;
	w->private = v.flags & FUTEX_PRIVATE_FLAG;
	return futex2_node(w->addr, v.flags);
}

int futex_words_unqueue(struct wait_word *w, u32 n)
{
	int woken = -1;

	for (u32 i = 0; i < n; i++) {
		if (!futex_unqueue(&w[i].q))
			woken = (int)i;
		futex_key_put(&w[i].q.key);
	}
	return woken;
}

int futex_words_queue(struct wait_word *w, u32 n)
{
	u32 queued, now;
	int err = 0, woken;

	for (queued = 0; queued < n; queued++) {
		struct futex_key k;

		err = futex_key_get(w[queued].addr, w[queued].private, &k);
		if (err)
			break;
		futex_enqueue(&w[queued].q, &k, w[queued].bitset);
	}
	for (u32 i = 0; i < n && !err; i++) {
		err = load_user_u32(w[i].addr, &now);
		if (!err && now != w[i].val)
			err = -EAGAIN;
	}
	if (!err)
		return 0;
	woken = futex_words_unqueue(w, queued);
	return woken >= 0 ? woken + 1 : err;
}

bool futex_words_woken(struct wait_word *w, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (smp_load_acquire(&w[i].q.woken))
			return true;
	return false;
}

/*
 * Waits until one of the @n words is woken. Returns its index, or -errno: -ETIMEDOUT, -ERESTARTSYS
 * for a signal, -EAGAIN if a word does not have its expected value.
 */
static int wait_any(struct wait_word *w, u32 n, struct wait_until until)
{
	int err = futex_words_queue(w, n), woken;

	if (err)
		return err > 0 ? err - 1 : err;
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (futex_words_woken(w, n) || err)
			break;
		if (wait_interrupted(TASK_INTERRUPTIBLE))
			err = -ERESTARTSYS;
		else
			err = schedule_until(until);
	}
	__set_current_state(TASK_RUNNING);
	woken = futex_words_unqueue(w, n);
	return woken >= 0 ? woken : err;
}

long sys_futex_waitv(uaddr_t waiters, u32 nr, int flags, uaddr_t timeout, int clock)
{
	struct wait_word *w;
	struct wait_until until = WAIT_FOREVER;
	long ret = 0;

	if (flags || !nr || nr > FUTEX_WAITV_MAX || !waiters.v)
		return -EINVAL;
	if (timeout.v && clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME)
		return -EINVAL;
	ret = futex_deadline(clock == CLOCK_REALTIME, true, timeout, &until);
	if (ret)
		return ret;
	w = kcalloc(nr, sizeof(*w), GFP_KERNEL);
	if (!w)
		return -ENOMEM;
	for (u32 i = 0; i < nr && !ret; i++)
		ret = futex_word_get(uaddr_add(waiters, i * sizeof(struct futex_waitv)), &w[i]);
	if (!ret)
		ret = wait_any(w, nr, until);
	kfree(w);
	return ret;
}
