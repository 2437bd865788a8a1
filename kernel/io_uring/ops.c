/* SPDX-License-Identifier: MIT */
/*
 * ops.c: the table of operations, and those that are system calls in other words: done at once, by the task that submits.
 *
 * What has no row here is answered -EINVAL, as Linux answers codes that it does not know, and IORING_REGISTER_PROBE says so.
 */
#include <linux/fs.h>
#include <linux/openat2.h>

#include "kernel/io_uring/uring.h"

static long nop_issue(struct uring_req *r)
{
	return 0;
}

/* A completion for another ring, or this. Sending descriptors is not here. */
static int msg_ring_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return s->buf_index || s->addr != IORING_MSG_DATA || s->addr3 || s->file_index ||
			       s->msg_ring_flags ?
		       -EINVAL :
		       0;
}

static long msg_ring_issue(struct uring_req *r)
{
	struct uring *to = r->file->private_data;

	if (r->file->f_op != &uring_fops || READ_ONCE(to->flags) & IORING_SETUP_R_DISABLED)
		return -EBADFD;
	uring_post(to, r->sqe.off, (s32)r->sqe.len, true);
	return 0;
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

static long sync_range_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->addr || s->buf_index || s->splice_fd_in)
		return -EINVAL;
	return sys_sync_file_range(s->fd, (s64)s->off, s->len, (int)s->sync_range_flags);
}

/* Linux does it in a worker: SIGXFSZ is not the program's. */
static long quiet_fallocate(const struct io_uring_sqe *s)
{
	long ret;

	current->flags |= PF_NO_XFSZ;
	ret = sys_fallocate(s->fd, (int)s->len, (s64)s->off, (s64)s->addr);
	current->flags &= ~PF_NO_XFSZ;
	return ret;
}

static long fallocate_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->buf_index || s->rw_flags || s->splice_fd_in)
		return -EINVAL;
	return quiet_fallocate(s);
}

static long fadvise_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->buf_index || s->addr || s->splice_fd_in)
		return -EINVAL;
	return sys_fadvise64(s->fd, (s64)s->off, s->len, (int)s->fadvise_advice);
}

static long madvise_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->buf_index || s->off || s->splice_fd_in)
		return -EINVAL;
	return sys_madvise(s->addr, s->len, (int)s->fadvise_advice);
}

/* Of calls with descriptors as numbers: no registered files. */
static int plain_prep(struct uring_req *r)
{
	if (r->sqe.flags & IOSQE_FIXED_FILE)
		return -EBADF;
	return r->sqe.buf_index ? -EINVAL : 0;
}

/* A registered file is never closed by exec: O_CLOEXEC makes no sense for it. */
static int open_prep(struct uring_req *r)
{
	int err = plain_prep(r);

	return err ? err : r->sqe.file_index && r->sqe.open_flags & O_CLOEXEC ? -EINVAL : 0;
}

static int openat2_prep(struct uring_req *r)
{
	struct open_how how = { 0 };
	int err = plain_prep(r);

	if (err || !r->sqe.file_index)
		return err;
	if (copy_from_user(&how, UADDR(r->sqe.off), sizeof(how.flags)))
		return -EFAULT;
	return how.flags & O_CLOEXEC ? -EINVAL : 0;
}

static long openat_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return uring_place_fd(r, sys_openat(s->fd, UADDR(s->addr), (int)s->open_flags, s->len));
}

static long openat2_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return uring_place_fd(r, sys_openat2(s->fd, UADDR(s->addr), UADDR(s->off), s->len));
}

static int close_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->off || s->addr || s->len || s->rw_flags || s->buf_index || (s->file_index && s->fd))
		return -EINVAL;
	return s->flags & IOSQE_FIXED_FILE ? -EBADF : 0;
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

static long statx_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->splice_fd_in)
		return -EINVAL;
	return sys_statx(s->fd, UADDR(s->addr), (int)s->statx_flags, s->len, UADDR(s->off));
}

static long renameat_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->splice_fd_in)
		return -EINVAL;
	return sys_renameat2(
		s->fd, UADDR(s->addr), (int)s->len, UADDR(s->addr2), (int)s->rename_flags);
}

static long unlinkat_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->off || s->len || s->splice_fd_in)
		return -EINVAL;
	return sys_unlinkat(s->fd, UADDR(s->addr), (int)s->unlink_flags);
}

static long mkdirat_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->off || s->rw_flags || s->splice_fd_in)
		return -EINVAL;
	return sys_mkdirat(s->fd, UADDR(s->addr), s->len);
}

static long symlinkat_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->len || s->rw_flags || s->splice_fd_in)
		return -EINVAL;
	return sys_symlinkat(UADDR(s->addr), s->fd, UADDR(s->addr2));
}

static long linkat_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->splice_fd_in)
		return -EINVAL;
	return sys_linkat(
		s->fd, UADDR(s->addr), (int)s->len, UADDR(s->addr2), (int)s->hardlink_flags);
}

/* ---- descriptors ---- */

static long epoll_ctl_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->splice_fd_in)
		return -EINVAL;
	return sys_epoll_ctl(s->fd, (int)s->len, (int)s->off, UADDR(s->addr));
}

static int shutdown_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->off || s->addr || s->rw_flags || s->splice_fd_in)
		return -EINVAL;
	return plain_prep(r);
}

static long shutdown_issue(struct uring_req *r)
{
	return sys_shutdown(r->sqe.fd, (int)r->sqe.len);
}

static int socket_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->addr || s->rw_flags || (s->file_index && s->off & O_CLOEXEC /* SOCK_CLOEXEC */))
		return -EINVAL;
	return plain_prep(r);
}

static long socket_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return uring_place_fd(r, sys_socket(s->fd, (int)s->off, (int)s->len));
}

/* ---- the table ---- */

#define RW                                                                                         \
	{                                                                                          \
		.prep = rw_prep, .issue = rw_issue, .file = true, .ioprio = true,                  \
		.on_iopoll = true                                                                  \
	}
#define CALL(p, i)                                                                                 \
	{                                                                                          \
		.prep = p, .issue = i                                                              \
	}
#define MSG(p, i)                                                                                  \
	{                                                                                          \
		.prep = p, .issue = i, .file = true, .ioprio = true                                \
	}
#define NET(p, i)                                                                                  \
	{                                                                                          \
		.prep = p, .issue = i, .file = true                                                \
	}
const struct uring_op uring_ops[IORING_OP_LAST] = {
	[IORING_OP_NOP] = { .issue = nop_issue, .on_iopoll = true },
	[IORING_OP_READV] = RW,
	[IORING_OP_WRITEV] = RW,
	[IORING_OP_READ_FIXED] = RW,
	[IORING_OP_WRITE_FIXED] = RW,
	[IORING_OP_READ] = RW,
	[IORING_OP_WRITE] = RW,
	[IORING_OP_FSYNC] = NET(fsync_prep, fsync_issue),
	[IORING_OP_POLL_ADD] = NET(poll_add_prep, poll_add_issue),
	[IORING_OP_POLL_REMOVE] = CALL(poll_remove_prep, poll_remove_issue),
	[IORING_OP_SYNC_FILE_RANGE] = CALL(plain_prep, sync_range_issue),
	[IORING_OP_SENDMSG] = MSG(net_prep, sendmsg_issue),
	[IORING_OP_RECVMSG] = MSG(net_prep, recvmsg_issue),
	[IORING_OP_SEND] = MSG(net_prep, send_issue),
	[IORING_OP_RECV] = MSG(net_prep, recv_issue),
	[IORING_OP_TIMEOUT] = CALL(timeout_prep, timeout_issue),
	[IORING_OP_TIMEOUT_REMOVE] = CALL(timeout_remove_prep, timeout_remove_issue),
	[IORING_OP_ACCEPT] = MSG(accept_prep, accept_issue),
	[IORING_OP_ASYNC_CANCEL] = CALL(cancel_prep, cancel_issue),
	[IORING_OP_CONNECT] = NET(connect_prep, connect_issue),
	[IORING_OP_FALLOCATE] = CALL(plain_prep, fallocate_issue),
	[IORING_OP_OPENAT] = CALL(open_prep, openat_issue),
	[IORING_OP_CLOSE] = CALL(close_prep, close_issue),
	[IORING_OP_STATX] = CALL(plain_prep, statx_issue),
	[IORING_OP_FADVISE] = CALL(plain_prep, fadvise_issue),
	[IORING_OP_MADVISE] = CALL(plain_prep, madvise_issue),
	[IORING_OP_OPENAT2] = CALL(openat2_prep, openat2_issue),
	[IORING_OP_EPOLL_CTL] = CALL(plain_prep, epoll_ctl_issue),
	[IORING_OP_SHUTDOWN] = CALL(shutdown_prep, shutdown_issue),
	[IORING_OP_RENAMEAT] = CALL(plain_prep, renameat_issue),
	[IORING_OP_UNLINKAT] = CALL(plain_prep, unlinkat_issue),
	[IORING_OP_MKDIRAT] = CALL(plain_prep, mkdirat_issue),
	[IORING_OP_SYMLINKAT] = CALL(plain_prep, symlinkat_issue),
	[IORING_OP_LINKAT] = CALL(plain_prep, linkat_issue),
	[IORING_OP_LINK_TIMEOUT] = CALL(link_timeout_prep, link_timeout_issue),
	[IORING_OP_FILES_UPDATE] = { .prep = files_update_prep,
		.issue = files_update_issue,
		.on_iopoll = true },
	[IORING_OP_MSG_RING] = { .prep = msg_ring_prep,
		.issue = msg_ring_issue,
		.file = true,
		.on_iopoll = true },
	[IORING_OP_SOCKET] = CALL(socket_prep, socket_issue),
};
