/* SPDX-License-Identifier: MIT */
/*
 * splice_message.c: splices from and to a file that reads and writes whole messages (/dev/fuse).
 *
 * One splice is one read or one write. A message is read into pages outside the pipe, and then goes
 * into the pipe as a whole. A message to write is removed from the pipe first, whether or not the
 * file then accepts it. So neither the read nor the write happens with the pipe locked.
 */
#include <asm/errno.h>

#include "kernel/vfs/pipe/pipe.h"
#include "kernel/lib/string.h"

struct message {
	struct pipe_buf *bufs;
	u32 n, max;
	u32 at; /* index of the buffer to be read next */
};

static void message_free(struct message *m)
{
	for (u32 i = 0; i < m->n; i++)
		put_page(m->bufs[i].page);
	kfree(m->bufs);
}

/*
 * Returns a buffer of the message that has room, or NULL: the message has its limit of buffers, or
 * there is no memory.
 */
static struct pipe_buf *room_in(struct message *m)
{
	struct pipe_buf *b = m->n ? &m->bufs[m->n - 1] : NULL;

	if (b && b->len < PAGE_SIZE)
		return b;
	if (m->n == m->max)
		return NULL;
	b = &m->bufs[m->n];
	*b = (struct pipe_buf){ .page = alloc_page(GFP_KERNEL | __GFP_ACCOUNT), .merge = true };
	if (!b->page)
		return NULL;
	m->n++;
	return b;
}

/*
 * fill() copies bytes of a read into the message, drain() copies bytes of the message to a write.
 * Both return the number of bytes copied.
 */
static size_t fill(struct iov_iter *it, void *buf, size_t n)
{
	size_t done = 0;

	while (done < n) {
		struct pipe_buf *b = room_in(it->private);
		size_t piece;

		if (!b)
			break;
		piece = min_t(size_t, n - done, PAGE_SIZE - b->len);
		memcpy((char *)page_address(b->page) + b->len, (char *)buf + done, piece);
		b->len += (u32)piece;
		done += piece;
	}
	return done;
}

static size_t drain(struct iov_iter *it, void *buf, size_t n)
{
	struct message *m = it->private;
	size_t done = 0;

	while (done < n && m->at < m->n) {
		struct pipe_buf *b = &m->bufs[m->at];
		size_t piece = min_t(size_t, n - done, b->len);

		memcpy((char *)buf + done, (char *)page_address(b->page) + b->offset, piece);
		b->offset += (u32)piece;
		b->len -= (u32)piece;
		done += piece;
		m->at += !b->len;
	}
	return done;
}

/*
 * Waits until the pipe has room for a part of @len bytes. Returns the number of entries that it has
 * reserved, as many as @len needs and the pipe has, or -errno.
 */
static long reserve_room(struct pipe_inode_info *p, size_t len, bool nonblock)
{
	bool waited = false;
	long n;

	mutex_lock(&p->mutex);
	n = pipe_wait_writable(p, nonblock, &waited);
	if (!n) {
		n = (long)min_t(size_t, pipe_room(p), len / PAGE_SIZE + !!(len % PAGE_SIZE));
		pipe_reserve(p, (u32)n);
	}
	mutex_unlock(&p->mutex);
	/* This comes before the caller's read, which may wait for ever. */
	if (waited && !pipe_full(p))
		pipe_wake_writers(p);
	return n;
}

/* Gives back the @reserved entries. With @whole it puts the message into the pipe. */
static void put_in(struct pipe_inode_info *p, struct message *m, u32 reserved, bool whole)
{
	u32 n = whole ? m->n : 0;

	mutex_lock(&p->mutex);
	pipe_unreserve(p, reserved);
	for (u32 i = 0; i < n; i++)
		pipe_push(p, &m->bufs[i]);
	mutex_unlock(&p->mutex);
	m->n -= n;
	if (n)
		pipe_wake_readers(p);
	if (n < reserved)
		pipe_wake_writers(p);
}

ssize_t message_to_pipe(struct file *f, loff_t *pos, struct file *pipe, size_t len, u32 flags)
{
	bool nonblock = (flags & SPLICE_F_NONBLOCK) || (pipe->f_flags & O_NONBLOCK);
	struct pipe_inode_info *p = file_pipe(pipe);
	long room = reserve_room(p, len, nonblock);
	struct message m = { .max = (u32)room };
	struct iov_iter it;
	ssize_t n = -ENOMEM;

	if (room < 0)
		return room;
	m.bufs = kcalloc(m.max, sizeof(*m.bufs), GFP_KERNEL);
	if (m.bufs) {
		iov_iter_call(&it, fill, &m, min_t(size_t, len, (size_t)room * PAGE_SIZE));
		n = vfs_read_iter(f, &it, pos);
	}
	put_in(p, &m, (u32)room, n > 0);
	message_free(&m);
	return n;
}

/*
 * Returns how many of the pipe's buffers hold its first @len bytes; the last may hold more. Returns
 * 0 if the pipe has fewer bytes.
 */
static u32 buffers_of(struct pipe_inode_info *p, size_t len)
{
	size_t have = 0;
	u32 at = p->tail;

	while (at != p->head && have < len)
		have += pipe_slot(p, at++)->len;
	return have < len ? 0 : at - p->tail;
}

/* Moves the first @len bytes of the pipe, which has them, to the message. The mutex is held. */
static void take_out(struct pipe_inode_info *p, struct message *m, size_t len)
{
	while (len) {
		struct pipe_buf *b = pipe_slot(p, p->tail), *to = &m->bufs[m->n++];
		u32 n = (u32)min_t(size_t, b->len, len);

		*to = *b;
		to->len = n;
		get_page(to->page);
		/* The page is shared from now on, so no later write may append to it. */
		b->merge = false;
		pipe_consume(p, n);
		len -= n;
	}
}

ssize_t pipe_to_message(struct file *pipe, struct file *f, loff_t *pos, size_t len)
{
	struct pipe_inode_info *p = file_pipe(pipe);
	struct message m = { .n = 0 };
	struct iov_iter it;
	ssize_t n = 0;

	mutex_lock(&p->mutex);
	m.max = buffers_of(p, len);
	if (!m.max)
		n = -EINVAL;
	else if (!(m.bufs = kcalloc(m.max, sizeof(*m.bufs), GFP_KERNEL)))
		n = -ENOMEM;
	else
		take_out(p, &m, len);
	mutex_unlock(&p->mutex);
	if (n)
		return n;
	pipe_wake_writers(p);
	iov_iter_call(&it, drain, &m, len);
	n = vfs_write_iter(f, &it, pos);
	message_free(&m);
	return n;
}
