/* SPDX-License-Identifier: MIT */
/* pipe.h: the buffers of pipes, for splice. All other code uses pipes as files. */
#ifndef NESTLING_IPC_PIPE_H
#define NESTLING_IPC_PIPE_H

#include "kernel/vfs/lock/fasync.h"
#include "kernel/vfs/vfs.h"

struct page;

struct pipe_buf {
	struct page *page; /* holds a reference */
	u32 offset, len;   /* bytes in the page */
	/* No other pipe shares the page, so a write may append to it. */
	bool merge;
	bool packet; /* O_DIRECT: one write, one read */
};

/*
 * Buffers [tail, head) hold data, at index & (ring_size - 1). With head == tail the pipe is empty.
 */
struct pipe_inode_info {
	struct mutex mutex;                      /* for all members not marked otherwise */
	struct wait_queue_head rd_wait, wr_wait; /* woken up without the mutex */
	u32 head, tail;
	u32 ring_size; /* entries of @bufs, a power of two */
	/* Free entries that splices keep for what they are reading meanwhile without the mutex. */
	u32 reserved;
	u32 readers, writers; /* open files with that mode */
	/* Numbers of opens so far; an opener of a FIFO waits for the other side's to change. */
	u32 r_counter, w_counter;
	/* Number of open files of any mode; under inode->i_lock. */
	u32 files;
	struct fasync_list rd_async, wr_async; /* files with O_ASYNC */
	bool is_fifo;
	/*
	 * A task has polled the pipe. From then on every write wakes up the waiters of rd_wait, not
	 * only a write to an empty pipe.
	 */
	bool poll_usage;
	struct pipe_buf *bufs;
	struct page *spare[2];    /* unused pages for later writes, or NULL */
	struct user_struct *user; /* holds a reference; pays for @bufs */
};

struct pipe_inode_info *file_pipe(struct file *f); /* NULL if @f is not a pipe */
/*
 * pipe_empty() and pipe_full() may be called without the mutex; the result may then be out of date.
 * Reserved entries count as full.
 */
static inline bool pipe_empty(const struct pipe_inode_info *p)
{
	return READ_ONCE(p->head) == READ_ONCE(p->tail);
}
static inline bool pipe_full(const struct pipe_inode_info *p)
{
	return READ_ONCE(p->head) - READ_ONCE(p->tail) + READ_ONCE(p->reserved) >=
	       READ_ONCE(p->ring_size);
}
/* Returns the number of entries that are neither used nor reserved. Called with p->mutex held. */
static inline u32 pipe_room(const struct pipe_inode_info *p)
{
	return p->ring_size - (p->head - p->tail) - p->reserved;
}
static inline struct pipe_buf *pipe_slot(struct pipe_inode_info *p, u32 i)
{
	return &p->bufs[i & (p->ring_size - 1)];
}
/* The functions from here on are called with p->mutex held, unless marked otherwise. */
/*
 * Adds a buffer to a pipe that is not full, or whose caller has reserved an entry. Takes over b's
 * reference to the page.
 */
static inline void pipe_push(struct pipe_inode_info *p, const struct pipe_buf *b)
{
	*pipe_slot(p, p->head) = *b;
	WRITE_ONCE(p->head, p->head + 1);
}
/*
 * Waits until there is room; drops and retakes the mutex. Returns 0, -EPIPE (SIGPIPE was sent),
 * -EAGAIN or -ERESTARTSYS. Sets *waited if it slept: the writer was then woken up alone, and must
 * wake up the next writer if it leaves room.
 */
int pipe_wait_writable(struct pipe_inode_info *p, bool nonblock, bool *waited);
/*
 * Reserves @n entries, of which there is room; and gives them back. The caller pushes its buffers
 * after giving back, under the same hold of the mutex. If it pushes fewer than @n, it wakes up
 * writers after dropping the mutex.
 */
static inline void pipe_reserve(struct pipe_inode_info *p, u32 n)
{
	WRITE_ONCE(p->reserved, p->reserved + n);
}
static inline void pipe_unreserve(struct pipe_inode_info *p, u32 n)
{
	WRITE_ONCE(p->reserved, p->reserved - n);
}
/*
 * Waits until there is data; drops and retakes the mutex. Returns 1, 0 at the end (no data and no
 * writers), -EAGAIN or -ERESTARTSYS. Sets *waited if it slept.
 */
int pipe_wait_readable(struct pipe_inode_info *p, bool nonblock, bool *waited);
/* Returns a page with one reference and any content, or NULL without memory. May sleep. */
struct page *pipe_page_get(struct pipe_inode_info *p);
void pipe_buf_release(struct pipe_inode_info *p, struct pipe_buf *b); /* drops its page */
/* Removes @n bytes from the first buffer, which has at least as many. */
void pipe_consume(struct pipe_inode_info *p, u32 n);
/*
 * Copies from the first buffer. Returns bytes, -EFAULT, or -EIO if the host has lost the page's
 * memory. A buffer whose copy faults stays whole, as on Linux, so that a bad address loses no data.
 * If a packet does not fit, the rest is dropped; with @keep (splices) it stays in the buffer.
 */
ssize_t pipe_read_buf(struct pipe_inode_info *p, struct iov_iter *to, bool keep);
/*
 * The functions from here on are called without the mutex. Those that transfer may sleep, and
 * return bytes or -errno. @flags: SPLICE_F_*.
 */
void pipe_wake_readers(struct pipe_inode_info *p);
void pipe_wake_writers(struct pipe_inode_info *p);
/* Lock and unlock the mutexes of two pipes, which may be the same pipe. */
void pipe_lock_two(struct pipe_inode_info *a, struct pipe_inode_info *b);
void pipe_unlock_two(struct pipe_inode_info *a, struct pipe_inode_info *b);

/*
 * Splice up to @len bytes from and to a file that has f_op->splice_message. @pos: as in splice(2)'s
 * offsets, never NULL.
 */
ssize_t message_to_pipe(struct file *f, loff_t *pos, struct file *pipe, size_t len, u32 flags);
ssize_t pipe_to_message(struct file *pipe, struct file *f, loff_t *pos, size_t len);

#define SPLICE_F_MOVE 1
#define SPLICE_F_NONBLOCK 2
#define SPLICE_F_MORE 4
#define SPLICE_F_GIFT 8
/* Internal flag: do not wait for room, not even in an output file that is not a pipe. */
#define SPLICE_F_OUT_NOWAIT 0x10000
/*
 * Splices between two files, as splice(2). An offset of NULL means the file's own position.
 * -EINVAL: neither file is a pipe; -ESPIPE: an offset for a pipe.
 */
ssize_t splice_files(
	struct file *in, loff_t *off_in, struct file *out, loff_t *off_out, size_t len, u32 flags);
/* Implements file_operations.send_stream of pipes. */
ssize_t pipe_send_stream(struct file *pipe, struct file *in, loff_t *pos, size_t n);
/* Copies buffers from pipe to pipe without removing them, as tee(2). -EINVAL: not two pipes. */
ssize_t tee_files(struct file *in, struct file *out, size_t len, u32 flags);

#endif
