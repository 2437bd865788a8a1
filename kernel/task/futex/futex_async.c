/* SPDX-License-Identifier: MIT */
/*
 * futex_async.c: waiters without a task (futex_async.h has the interface). A wake-up of a word
 * wakes the waiter's wait queue, under the bucket's lock.
 *
 * A wake-up takes one waiter off. If the waiter is cancelled before it has seen the wake-up, it
 * wakes the next waiter. Otherwise a lock could be free while its waiters sleep.
 *
 * Invariants:
 * 1. Calls of queue, end and destroy do not overlap.
 * 2. A reference (mmgrab) keeps the struct mm of private words, so that its address is not reused.
 */
#include "kernel/task/futex/futex_async.h"
#include "kernel/task/futex/futex_internal.h"

struct futex_async {
	struct wait_queue_head wait;
	struct mm *mm; /* only struct mm is kept (mmgrab) */
	bool queued;
	u32 nr;
	struct wait_word words[];
};

size_t futex_async_size(u32 nr)
{
	return sizeof(struct futex_async) + nr * sizeof(struct wait_word);
}

u32 futex_async_nr(const struct futex_async *a)
{
	return a->nr;
}

void futex_async_setup(struct futex_async *a, u32 nr)
{
	init_waitqueue_head(&a->wait);
	a->mm = current->mm;
	mmgrab(a->mm);
	a->nr = nr;
	for (u32 i = 0; i < nr; i++)
		a->words[i].q.wqh = &a->wait;
}

bool futex_async_right(u32 flags, u64 val, u64 mask)
{
	return futex2_right(flags, val) && futex2_right(flags, mask);
}

int futex_async_word(struct futex_async *a, u32 i, uaddr_t addr, u64 val, u64 mask, u32 flags)
{
	struct wait_word *w = &a->words[i];

	w->addr = addr;
	w->val = (u32)val;
	w->bitset = (u32)mask;
	w->private = flags & FUTEX_PRIVATE_FLAG;
	return futex2_node(addr, flags);
}

int futex_async_import(struct futex_async *a, uaddr_t waiters)
{
	int err = 0;

	for (u32 i = 0; i < a->nr && !err; i++)
		err = futex_word_get(
			uaddr_add(waiters, i * sizeof(struct futex_waitv)), &a->words[i]);
	return err;
}

int futex_async_queue(struct futex_async *a)
{
	int ret = futex_words_queue(a->words, a->nr);

	a->queued = !ret;
	return ret;
}

bool futex_async_queued(const struct futex_async *a)
{
	return a->queued;
}

bool futex_async_woken(struct futex_async *a)
{
	return futex_words_woken(a->words, a->nr);
}

int futex_async_end(struct futex_async *a)
{
	a->queued = false;
	return futex_words_unqueue(a->words, a->nr);
}

/* Ends the wait. For each word that was woken up, the next waiter is woken up instead. */
void futex_async_destroy(struct futex_async *a)
{
	for (u32 i = 0; a->queued && i < a->nr; i++) {
		struct futex_q *q = &a->words[i].q;

		if (!futex_unqueue(q))
			futex_wake_key(&q->key, 1, q->bitset);
		futex_key_put(&q->key);
	}
	mmdrop(a->mm);
}

struct wait_queue_head *futex_async_wait_queue(struct futex_async *a)
{
	return &a->wait;
}
