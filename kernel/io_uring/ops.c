/* SPDX-License-Identifier: MIT */
/*
 * ops.c: the table of operations, and the simple operations. Most of these make one system call,
 * at once and in the submitting task. Splices and MSG_RING may be queued and issued again later.
 *
 * An opcode without a row in the table fails with -EINVAL, as unknown opcodes do on Linux, and
 * IORING_REGISTER_PROBE reports the opcode as unsupported.
 */
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/fs.h>

#include "kernel/io_uring/uring.h"
#include "kernel/event/epoll.h"
#include "kernel/vfs/pipe/pipe.h"
#include "kernel/vfs/calls.h"

/* bits of the socket's type; the other bits are flags for the descriptor */
#define SOCK_TYPES 0xf
#define NOP_FLAGS                                                                                  \
	(URING_NOP_INJECT_RESULT | URING_NOP_FILE | URING_NOP_FIXED_FILE |                         \
		URING_NOP_FIXED_BUFFER | URING_NOP_TASK_WORK)

static int nop_prep(struct uring_req *r)
{
	return r->sqe.rw_flags & ~(int)NOP_FLAGS ? -EINVAL : 0;
}

/*
 * Completes at once. NOP_TASK_WORK is accepted and ignored: a program cannot tell whether task work
 * has posted a completion.
 */
static long nop_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	u32 flags = (u32)s->rw_flags;

	if (flags & URING_NOP_FILE)
		r->file = uring_req_file(r, s->fd, flags & URING_NOP_FIXED_FILE, &r->file_slot);
	if (flags & URING_NOP_FILE && !r->file)
		return -EBADF;
	if (flags & URING_NOP_FIXED_BUFFER && !uring_take_buffer(r))
		return -EFAULT;
	return flags & URING_NOP_INJECT_RESULT ? (int)s->len : 0;
}

#define MSG_RING_FLAGS (IORING_MSG_RING_CQE_SKIP | URING_MSG_RING_FLAGS_PASS)

/*
 * Checks MSG_RING, which posts a completion to this or another ring, or puts a registered file into
 * another ring's table. Returns 0 or -errno.
 */
static int msg_ring_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return s->buf_index || s->personality || s->msg_ring_flags & ~MSG_RING_FLAGS ? -EINVAL : 0;
}

static long send_data(struct uring_req *r, struct uring *to)
{
	const struct io_uring_sqe *s = &r->sqe;
	bool pass = s->msg_ring_flags & URING_MSG_RING_FLAGS_PASS;

	if (s->addr3 || s->msg_ring_flags & ~URING_MSG_RING_FLAGS_PASS || (s->file_index && !pass))
		return -EINVAL;
	if (READ_ONCE(to->flags) & IORING_SETUP_R_DISABLED)
		return -EBADFD;
	uring_post(to, (struct uring_result){ s->off, (s32)s->len, s->file_index }, true);
	return 0;
}

/*
 * Sends a registered file to another ring. Only tries to take that ring's lock, since this ring's
 * lock is held.
 */
static long send_file(struct uring_req *r, struct uring *to)
{
	const struct io_uring_sqe *s = &r->sqe;
	struct file *f;
	long ret;

	if (s->len || to == r->ring)
		return -EINVAL;
	if (READ_ONCE(to->flags) & IORING_SETUP_R_DISABLED)
		return -EBADFD;
	f = s->addr3 < URING_MAX_ENTRIES ? uring_file(r->ring, (int)s->addr3, true) : NULL;
	if (!f)
		return -EBADF;
	if (!mutex_trylock(&to->lock)) {
		fput(f);
		return uring_wait_a_while(r);
	}
	ret = uring_place_file(to, s->file_index, f);
	mutex_unlock(&to->lock);
	fput(f);
	if (ret >= 0 && !(s->msg_ring_flags & IORING_MSG_RING_CQE_SKIP))
		uring_post(to, (struct uring_result){ s->off, (s32)ret, 0 }, true);
	return ret;
}

static long msg_ring_issue(struct uring_req *r)
{
	struct uring *to = r->file->private_data;

	if (r->file->f_op != &uring_fops)
		return -EBADFD;
	switch (r->sqe.addr) {
	case IORING_MSG_DATA: return send_data(r, to);
	case IORING_MSG_SEND_FD: return send_file(r, to);
	}
	return -EINVAL;
}

/* ---- files ---- */

static int fsync_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->addr || s->buf_index || s->splice_fd_in || s->fsync_flags & ~IORING_FSYNC_DATASYNC)
		return -EINVAL;
	return 0;
}

static long fsync_issue(struct uring_req *r)
{
	loff_t off = (loff_t)r->sqe.off, end = off + (loff_t)r->sqe.len;

	return vfs_fsync_range(
		r->file, off, end > 0 ? end : S64_MAX, r->sqe.fsync_flags & IORING_FSYNC_DATASYNC);
}

static int sync_range_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return s->addr || s->buf_index || s->splice_fd_in ? -EINVAL : 0;
}

static long sync_range_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return vfs_sync_file_range(r->file, (s64)s->off, s->len, s->sync_range_flags);
}

static int fallocate_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return s->buf_index || s->rw_flags || s->splice_fd_in ? -EINVAL : 0;
}

static long fallocate_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	long ret;

	uring_quiet(true);
	ret = vfs_fallocate(r->file, (int)s->len, (s64)s->off, (s64)s->addr);
	uring_quiet(false);
	return ret;
}

static int ftruncate_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->rw_flags || s->addr || s->len || s->buf_index || s->splice_fd_in || s->addr3)
		return -EINVAL;
	return 0;
}

static long ftruncate_issue(struct uring_req *r)
{
	long ret;

	uring_quiet(true);
	ret = vfs_ftruncate(r->file, (s64)r->sqe.off);
	uring_quiet(false);
	return ret;
}

static int fadvise_prep(struct uring_req *r)
{
	return r->sqe.buf_index || r->sqe.splice_fd_in ? -EINVAL : 0;
}

/* Calls fadvise64(2). The length is sqe.addr or, if that is 0, sqe.len. */
static long fadvise_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return vfs_fadvise(
		r->file, (s64)s->off, s->addr ? (s64)s->addr : s->len, (int)s->fadvise_advice);
}

static int madvise_prep(struct uring_req *r)
{
	return r->sqe.buf_index || r->sqe.splice_fd_in ? -EINVAL : 0;
}

/* Calls madvise(2). The length is sqe.off or, if that is 0, sqe.len. */
static long madvise_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return sys_madvise(s->addr, s->off ? s->off : s->len, (int)s->fadvise_advice);
}

int uring_plain_prep(struct uring_req *r)
{
	if (r->sqe.buf_index)
		return -EINVAL;
	return r->sqe.flags & IOSQE_FIXED_FILE ? -EBADF : 0;
}

static int close_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->off || s->addr || s->len || s->rw_flags || s->buf_index)
		return -EINVAL;
	if (s->flags & IOSQE_FIXED_FILE)
		return -EBADF;
	return s->file_index && s->fd ? -EINVAL : 0;
}

static long close_issue(struct uring_req *r)
{
	struct file *f;
	bool ring;

	if (r->sqe.file_index)
		return uring_remove_file(r->ring, r->sqe.file_index - 1);
	f = fget(r->sqe.fd);
	ring = f && f->f_op == &uring_fops;

	if (!f)
		f = fget_raw(r->sqe.fd);
	if (!f)
		return -EBADF;
	fput(f);
	return ring ? -EBADF : sys_close(r->sqe.fd);
}

/* ---- descriptors ---- */

static int epoll_ctl_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->buf_index || s->splice_fd_in)
		return -EINVAL;
	if (s->len != EPOLL_CTL_DEL && copy_from_user(&r->event, UADDR(s->addr), sizeof(r->event)))
		return -EFAULT;
	return 0;
}

static long epoll_ctl_issue(struct uring_req *r)
{
	return epoll_ctl_event(r->sqe.fd, (int)r->sqe.len, (int)r->sqe.off, &r->event);
}

static int socket_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->addr || s->rw_flags || s->buf_index)
		return -EINVAL;
	if (s->file_index && s->off & O_CLOEXEC) /* SOCK_CLOEXEC has the same value */
		return -EINVAL;
	return (u32)s->off & ~(u32)(SOCK_TYPES | O_CLOEXEC | O_NONBLOCK) ? -EINVAL : 0;
}

static long socket_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return uring_place_fd(r, sys_socket(s->fd, (int)s->off, (int)s->len));
}

/*
 * Checks FIXED_FD_INSTALL, which installs a registered file as a descriptor. Returns 0 or -errno.
 */
static int install_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->off || s->addr || s->len || s->buf_index || s->splice_fd_in || s->addr3)
		return -EINVAL;
	if (!(s->flags & IOSQE_FIXED_FILE))
		return -EBADF;
	/*
	 * Refused, since the task that gets the descriptor has other credentials than the
	 * personality.
	 */
	if (s->personality)
		return -EPERM;
	return s->rw_flags & ~(int)URING_FIXED_FD_NO_CLOEXEC ? -EINVAL : 0;
}

static long install_issue(struct uring_req *r)
{
	int fd = get_unused_fd(r->sqe.rw_flags & (int)URING_FIXED_FD_NO_CLOEXEC ? 0 : O_CLOEXEC);

	if (fd >= 0)
		fd_install(fd, get_file(r->file));
	return fd;
}

/*
 * Checks the flags of a splice or tee. splice_issue() gets the files, of which the source may be a
 * registered one.
 */
static int splice_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	u32 known = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT;

	if (s->splice_flags & ~(known | SPLICE_F_FD_IN_FIXED))
		return -EINVAL;
	if (s->opcode == IORING_OP_TEE && (s->splice_off_in || s->off))
		return -EINVAL;
	return 0;
}

/*
 * True if the file can be polled. A request can then wait for the file in a queue, while its task
 * continues and releases ring->lock.
 */
static bool can_wait(const struct file *f)
{
	return f->f_op->poll && !S_ISREG(f->f_inode->i_mode);
}

/*
 * Moves some of the remaining bytes. Advances an explicit offset of the target by the bytes moved
 * before. Returns the number of bytes or -errno.
 */
static ssize_t move_some(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	loff_t from = (loff_t)s->splice_off_in, to = (loff_t)s->off;
	u32 flags = (s->splice_flags & ~SPLICE_F_FD_IN_FIXED) | SPLICE_F_NONBLOCK;

	if (can_wait(r->file))
		flags |= SPLICE_F_OUT_NOWAIT;
	if (s->opcode == IORING_OP_TEE)
		return tee_files(r->other, r->file, s->len, flags);
	if (to != -1)
		to += r->done;
	return splice_files(r->other, from == -1 ? NULL : &from, r->file, to == -1 ? NULL : &to,
		s->len - (size_t)r->done, flags);
}

static ssize_t move(struct uring_req *r)
{
	ssize_t n;

	uring_quiet(true);
	n = move_some(r);
	uring_quiet(false);
	return n;
}

static bool is_ready(struct file *f, u32 events)
{
	return !can_wait(f) || vfs_poll(f, NULL) & (events | EPOLLERR | EPOLLHUP);
}

/*
 * True if the splice continues, because a full socket took only a part of the pipe's bytes. The
 * rest is sent when the socket has room, as in a splice(2) that waits.
 */
static bool goes_on(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return r->done < s->len && !(s->splice_flags & SPLICE_F_NONBLOCK) && file_pipe(r->other) &&
	       !file_pipe(r->file) && can_wait(r->file) && vfs_poll(r->other, NULL) & EPOLLIN;
}

/*
 * Waits for the file that is not ready. Returns 0 to try again, URING_QUEUED or -errno. -EAGAIN if
 * the source is empty after a partial transfer: the splice then ends.
 */
static long splice_wait(struct uring_req *r)
{
	if (is_ready(r->other, EPOLLIN))
		return uring_wait_file(r, EPOLLOUT);
	return r->done ? -EAGAIN : uring_wait_other(r, r->other, EPOLLIN);
}

/*
 * Checks modes, pipes and offsets of a SPLICE that is not empty, before any wait. TEE checks its
 * own. Returns 0 or -errno.
 */
static int check_offsets(const struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	bool in = file_pipe(r->other) && (s64)s->splice_off_in != -1;
	bool out = file_pipe(r->file) && (s64)s->off != -1;

	if (s->opcode != IORING_OP_SPLICE || !s->len)
		return 0;
	if (!(r->other->f_mode & FMODE_READ) || !(r->file->f_mode & FMODE_WRITE))
		return -EBADF;
	if (!file_pipe(r->other) && !file_pipe(r->file))
		return -EINVAL;
	return in || out ? -ESPIPE : 0;
}

static bool pipe_nonblock(struct file *f)
{
	return file_pipe(f) && f->f_flags & O_NONBLOCK;
}

/*
 * Splices until goes_on() returns false. If a file is not ready, queues the request, or returns
 * -EAGAIN if the splice may not wait. Returns r->done, 0 at the source's end, -errno or
 * URING_QUEUED.
 */
static long splice_tries(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	bool nonblock = s->splice_flags & SPLICE_F_NONBLOCK || pipe_nonblock(r->other) ||
			pipe_nonblock(r->file);
	long n;

	for (;;) {
		bool in = file_pipe(r->other) || is_ready(r->other, EPOLLIN);

		n = !s->len ? 0 : in ? move(r) : -EAGAIN;
		if (n > 0) {
			r->done += n;
			n = goes_on(r) ? 0 : r->done;
		} else if (n == -EAGAIN && !nonblock) {
			n = splice_wait(r);
		} else {
			return n;
		}
		if (n)
			return n;
		cond_resched();
	}
}

static long splice_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	long n;

	if (!r->other)
		r->other = uring_req_file(
			r, s->splice_fd_in, s->splice_flags & SPLICE_F_FD_IN_FIXED, &r->other_slot);
	if (!r->other)
		return -EBADF;
	n = check_offsets(r);
	if (!n)
		n = splice_tries(r);
	if (n == URING_QUEUED) /* @r may already be freed */
		return n;
	if (r->done)
		n = r->done;
	r->failed = n >= 0 && n != s->len;
	return n;
}

/* ---- the table ---- */

#define RW                                                                                         \
	{                                                                                          \
		.prep = rw_prep, .issue = rw_issue, .file = true, .ioprio = true,                  \
		.on_iopoll = true                                                                  \
	}
#define RW_CHOSEN                                                                                  \
	{                                                                                          \
		.prep = rw_prep, .issue = rw_issue, .file = true, .ioprio = true,                  \
		.on_iopoll = true, .select = true                                                  \
	}
#define SOFT_CALL(p, i)                                                                            \
	{                                                                                          \
		.prep = p, .issue = i, .soft = true                                                \
	}
#define SOFT_FILE(p, i)                                                                            \
	{                                                                                          \
		.prep = p, .issue = i, .file = true, .soft = true                                  \
	}
#define CALL(p, i)                                                                                 \
	{                                                                                          \
		.prep = p, .issue = i                                                              \
	}
#define ANY_RING(p, i)                                                                             \
	{                                                                                          \
		.prep = p, .issue = i, .on_iopoll = true                                           \
	}
#define MSG(p, i)                                                                                  \
	{                                                                                          \
		.prep = p, .issue = i, .file = true, .ioprio = true                                \
	}
#define MSG_CHOSEN(p, i)                                                                           \
	{                                                                                          \
		.prep = p, .issue = i, .file = true, .ioprio = true, .select = true                \
	}
#define NET(p, i)                                                                                  \
	{                                                                                          \
		.prep = p, .issue = i, .file = true                                                \
	}
const struct uring_op uring_ops[URING_OP_LAST] = {
	[IORING_OP_NOP] = ANY_RING(nop_prep, nop_issue),
	[IORING_OP_READV] = RW_CHOSEN,
	[IORING_OP_WRITEV] = RW,
	[IORING_OP_READ_FIXED] = RW,
	[IORING_OP_WRITE_FIXED] = RW,
	[IORING_OP_READ] = RW_CHOSEN,
	[IORING_OP_WRITE] = RW,
	[IORING_OP_FSYNC] = SOFT_FILE(fsync_prep, fsync_issue),
	[IORING_OP_POLL_ADD] = NET(poll_add_prep, poll_add_issue),
	[IORING_OP_POLL_REMOVE] = CALL(poll_remove_prep, poll_remove_issue),
	[IORING_OP_SYNC_FILE_RANGE] = SOFT_FILE(sync_range_prep, sync_range_issue),
	[IORING_OP_SENDMSG] = MSG(net_prep, send_issue),
	[IORING_OP_RECVMSG] = MSG_CHOSEN(net_prep, recv_issue),
	[IORING_OP_SEND] = MSG_CHOSEN(net_prep, send_issue),
	[IORING_OP_RECV] = MSG_CHOSEN(net_prep, recv_issue),
	[IORING_OP_TIMEOUT] = CALL(timeout_prep, timeout_issue),
	[IORING_OP_TIMEOUT_REMOVE] = CALL(timeout_remove_prep, timeout_remove_issue),
	[IORING_OP_ACCEPT] = MSG(accept_prep, accept_issue),
	[IORING_OP_ASYNC_CANCEL] = CALL(cancel_prep, cancel_issue),
	[IORING_OP_CONNECT] = NET(name_prep, connect_issue),
	[IORING_OP_FALLOCATE] = SOFT_FILE(fallocate_prep, fallocate_issue),
	[IORING_OP_OPENAT] = CALL(openat_prep, openat_issue),
	[IORING_OP_CLOSE] = CALL(close_prep, close_issue),
	[IORING_OP_STATX] = SOFT_CALL(statx_prep, statx_issue),
	[IORING_OP_FADVISE] = NET(fadvise_prep, fadvise_issue),
	[IORING_OP_MADVISE] = SOFT_CALL(madvise_prep, madvise_issue),
	[IORING_OP_OPENAT2] = CALL(openat2_prep, openat2_issue),
	[IORING_OP_EPOLL_CTL] = CALL(epoll_ctl_prep, epoll_ctl_issue),
	[IORING_OP_SHUTDOWN] = SOFT_FILE(shutdown_prep, shutdown_issue),
	[IORING_OP_RENAMEAT] = SOFT_CALL(renameat_prep, renameat_issue),
	[IORING_OP_UNLINKAT] = SOFT_CALL(unlinkat_prep, unlinkat_issue),
	[IORING_OP_MKDIRAT] = SOFT_CALL(mkdirat_prep, mkdirat_issue),
	[IORING_OP_SYMLINKAT] = SOFT_CALL(symlinkat_prep, symlinkat_issue),
	[IORING_OP_LINKAT] = SOFT_CALL(linkat_prep, linkat_issue),
	[IORING_OP_LINK_TIMEOUT] = CALL(link_timeout_prep, link_timeout_issue),
	[IORING_OP_FILES_UPDATE] = ANY_RING(files_update_prep, files_update_issue),
	[IORING_OP_MSG_RING] = { .prep = msg_ring_prep,
		.issue = msg_ring_issue,
		.file = true,
		.on_iopoll = true },
	[IORING_OP_SOCKET] = CALL(socket_prep, socket_issue),
	[IORING_OP_FGETXATTR] = SOFT_CALL(fxattr_prep, xattr_issue),
	[IORING_OP_FSETXATTR] = SOFT_CALL(fxattr_prep, xattr_issue),
	[IORING_OP_GETXATTR] = SOFT_CALL(xattr_prep, xattr_issue),
	[IORING_OP_SETXATTR] = SOFT_CALL(xattr_prep, xattr_issue),
	[IORING_OP_PROVIDE_BUFFERS] = ANY_RING(provide_prep, provide_issue),
	[IORING_OP_REMOVE_BUFFERS] = ANY_RING(remove_prep, remove_issue),
	[IORING_OP_SPLICE] = NET(splice_prep, splice_issue),
	[IORING_OP_TEE] = NET(splice_prep, splice_issue),
	[IORING_OP_SEND_ZC] = MSG(net_prep, send_issue),
	[IORING_OP_SENDMSG_ZC] = MSG(net_prep, send_issue),
	[IORING_OP_URING_CMD] = { .prep = command_prep,
		.issue = command_issue,
		.file = true,
		.on_iopoll = true },
	[URING_OP_READ_MULTISHOT] = MSG_CHOSEN(read_shots_prep, read_shots_issue),
	[URING_OP_WAITID] = CALL(waitid_prep, waitid_issue),
	[URING_OP_FUTEX_WAIT] = CALL(futex_wait_prep, futex_wait_issue),
	[URING_OP_FUTEX_WAKE] = CALL(futex_wait_prep, futex_wake_issue),
	[URING_OP_FUTEX_WAITV] = CALL(futex_waitv_prep, futex_waitv_issue),
	[URING_OP_FIXED_FD_INSTALL] = NET(install_prep, install_issue),
	[URING_OP_FTRUNCATE] = SOFT_FILE(ftruncate_prep, ftruncate_issue),
	[URING_OP_BIND] = NET(name_prep, bind_issue),
	[URING_OP_LISTEN] = NET(listen_prep, listen_issue),
};
