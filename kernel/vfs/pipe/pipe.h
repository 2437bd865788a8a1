/* SPDX-License-Identifier: MIT */
/* pipe.h: pipes for splice. All other code uses pipes as files. */
#ifndef NESTLING_IPC_PIPE_H
#define NESTLING_IPC_PIPE_H

#include "kernel/vfs/lock/fasync.h"
#include "kernel/vfs/vfs.h"

struct page;

struct pipe_buf {
	struct page *page; /* a reference */
	u32 offset, len;
	/* no other pipe has the page: a write may append to it */
	bool merge;
	bool packet; /* O_DIRECT: one write, read whole */
};

/* Buffers [tail, head) hold data, at index & (ring_size - 1). head == tail: empty. */
struct pipe_inode_info {
	struct mutex mutex;                      /* all below, except where marked */
	struct wait_queue_head rd_wait, wr_wait; /* woken without the mutex */
	u32 head, tail;
	u32 ring_size; /* a power of two */
	u32 readers, writers;
	/* opens ever made: a FIFO's opener waits for one */
	u32 r_counter, w_counter;
	/* number of open files of any mode; under inode->i_lock */
	u32 files;
	struct fasync_list rd_async, wr_async; /* of files with O_ASYNC */
	bool is_fifo;
	/* a task polls: every change wakes, not only the edges from empty and full */
	bool poll_usage;
	struct pipe_buf *bufs;
	struct page *spare[2];
	struct user_struct *user;
};

struct pipe_inode_info *file_pipe(struct file *f); /* NULL: no pipe */
static inline bool pipe_empty(const struct pipe_inode_info *p)
{
	return READ_ONCE(p->head) == READ_ONCE(p->tail);
}
static inline bool pipe_full(const struct pipe_inode_info *p)
{
	return READ_ONCE(p->head) - READ_ONCE(p->tail) >= READ_ONCE(p->ring_size);
}
static inline struct pipe_buf *pipe_slot(struct pipe_inode_info *p, u32 i)
{
	return &p->bufs[i & (p->ring_size - 1)];
}
/* All with p->mutex held. */
static inline void pipe_push(struct pipe_inode_info *p, const struct pipe_buf *b)
{
	*pipe_slot(p, p->head) = *b;
	WRITE_ONCE(p->head, p->head + 1);
}
/*
 * Waits (drops and takes the mutex) until there is room: 0, -EPIPE (SIGPIPE is sent), -EAGAIN,
 * -ERESTARTSYS. A writer that has waited (*waited) was woken alone, and wakes the next one when
 * room is left.
 */
int pipe_wait_writable(struct pipe_inode_info *p, bool nonblock, bool *waited);
/* Waits until there is data: 1, 0 at the end (no writers), -EAGAIN, -ERESTARTSYS. */
int pipe_wait_readable(struct pipe_inode_info *p, bool nonblock, bool *waited);
struct page *pipe_page_get(struct pipe_inode_info *p); /* NULL: no memory */
void pipe_buf_release(struct pipe_inode_info *p, struct pipe_buf *b);
/* Takes @n bytes off the first buffer. */
void pipe_consume(struct pipe_inode_info *p, u32 n);
/*
 * Copies from the first buffer; bytes, or -EFAULT. A buffer whose copy faults stays whole, as on
 * Linux: nothing is lost to a bad address. The rest of a packet that does not fit is dropped, or
 * with @keep stays in the buffer (splices).
 */
ssize_t pipe_read_buf(struct pipe_inode_info *p, struct iov_iter *to, bool keep);
void pipe_wake_readers(struct pipe_inode_info *p); /* without the mutex */
void pipe_wake_writers(struct pipe_inode_info *p);
void pipe_lock_two(struct pipe_inode_info *a, struct pipe_inode_info *b);
void pipe_unlock_two(struct pipe_inode_info *a, struct pipe_inode_info *b);

/* Splices from and to a file with f_op->splice_message. */
ssize_t message_to_pipe(struct file *f, loff_t *pos, struct file *pipe, size_t len, u32 flags);
ssize_t pipe_to_message(struct file *pipe, struct file *f, loff_t *pos, size_t len);

#define SPLICE_F_MOVE 1
#define SPLICE_F_NONBLOCK 2
#define SPLICE_F_MORE 4
#define SPLICE_F_GIFT 8
/* internal: do not wait for room even in a file that is no pipe */
#define SPLICE_F_OUT_NOWAIT 0x10000
/* Splice and tee between files, as splice(2) and tee(2). Offsets NULL: the file's own position. */
ssize_t splice_files(
	struct file *in, loff_t *off_in, struct file *out, loff_t *off_out, size_t len, u32 flags);
ssize_t pipe_send_stream(struct file *pipe, struct file *in, loff_t *pos, size_t n);
ssize_t tee_files(struct file *in, struct file *out, size_t len, u32 flags);

#endif
