/* SPDX-License-Identifier: MIT */
/*
 * futex.c: FUTEX_WAIT, FUTEX_WAITV, FUTEX_WAKE.
 *
 * A pseudo file represents the futex words: it becomes readable when a word is woken up. A waiting
 * request is queued on its words when it is submitted, and a task that wakes up a word finds the
 * request among the sleeping tasks (kernel/task/futex/futex_async.c).
 */
#include <linux/eventpoll.h>
#include <linux/futex.h>

#include "kernel/io_uring/uring.h"
#include "kernel/task/futex/futex_async.h"

static u32 words_poll(struct file *f, struct poll_table *pt)
{
	struct futex_async *a = f->private_data;

	poll_wait(f, futex_async_wait_queue(a), pt);
	return futex_async_woken(a) ? EPOLLIN : 0;
}

static int words_release(struct inode *inode, struct file *f)
{
	struct futex_async *a = f->private_data;

	futex_async_destroy(a);
	uring_free(a, 1, futex_async_size(futex_async_nr(a)));
	return 0;
}

static const struct file_operations words_fops = {
	.llseek = no_llseek,
	.poll = words_poll,
	.release = words_release,
};

/* Makes r->other, the pseudo file for @nr words. Returns 0 or -errno. */
static int words_make(struct uring_req *r, u32 nr)
{
	struct futex_async *a = uring_zalloc(1, futex_async_size(nr));
	struct file *f;

	if (!a)
		return -ENOMEM;
	f = anon_file("[io_uring:futex]", &words_fops, a, 0);
	if (IS_ERR(f)) {
		uring_free(a, 1, futex_async_size(nr));
		return PTR_ERR(f);
	}
	futex_async_setup(a, nr);
	r->other = f;
	return 0;
}

/*
 * Checks an entry for one word: sqe.fd has the flags, off the value, addr3 the mask. Returns 0 or
 * -EINVAL.
 */
static int word_right(const struct io_uring_sqe *s)
{
	if (s->len || s->rw_flags || s->buf_index || s->file_index)
		return -EINVAL;
	return futex_async_right((u32)s->fd, s->off, s->addr3) ? 0 : -EINVAL;
}

int futex_wait_prep(struct uring_req *r)
{
	return word_right(&r->sqe);
}

int futex_waitv_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	int err;

	if (s->fd || s->buf_index || s->file_index || s->off || s->rw_flags || s->addr3)
		return -EINVAL;
	if (!s->len || s->len > FUTEX_WAITV_MAX)
		return -EINVAL;
	err = words_make(r, s->len);
	return err ? err : futex_async_import(r->other->private_data, UADDR(s->addr));
}

static int word_take(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	int err;

	if (!(u32)s->addr3)
		return -EINVAL;
	err = words_make(r, 1);
	if (err)
		return err;
	return futex_async_word(
		r->other->private_data, 0, UADDR(s->addr), s->off, s->addr3, (u32)s->fd);
}

/* Waits. Returns the index of the word that was woken up, URING_QUEUED or -errno. */
static long wait_words(struct uring_req *r)
{
	struct futex_async *a = r->other->private_data;
	long ret = futex_async_queued(a) ? 0 : futex_async_queue(a);

	if (ret)
		return ret > 0 ? ret - 1 : ret;
	while (!futex_async_woken(a)) {
		r->tries = 0;
		ret = uring_wait_other(r, r->other, EPOLLIN);
		if (ret)
			return ret;
		cond_resched();
	}
	return futex_async_end(a);
}

long futex_wait_issue(struct uring_req *r)
{
	long ret = r->other ? 0 : word_take(r);

	return ret ? ret : wait_words(r);
}

long futex_waitv_issue(struct uring_req *r)
{
	return wait_words(r);
}

long futex_wake_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return sys_futex_wake(UADDR(s->addr), s->addr3, (int)s->off, (u32)s->fd);
}
