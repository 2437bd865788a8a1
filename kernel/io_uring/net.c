/* SPDX-License-Identifier: MIT */
/*
 * net.c: operations on sockets. ACCEPT, CONNECT, SEND, RECV, SENDMSG and RECVMSG are tried without
 * waiting, and again when the socket is ready. Also SHUTDOWN, BIND, LISTEN, and URING_CMD, which
 * only sockets support.
 *
 * With MSG_DONTWAIT a socket that is not ready returns -EAGAIN. O_NONBLOCK has no effect, except
 * for ACCEPT on a listener that stays ready although it has no connection. With MSG_WAITALL a
 * transfer on a stream continues until all bytes are moved. Headers and addresses are read when the
 * request is submitted. SIGPIPE is never sent.
 *
 * A multishot request has a completion for each message or connection, until an error, the end of a
 * stream, the lack of a buffer, or a full completion queue. SEND_ZC copies the data, as Linux does
 * for devices without zero copy, and reports that on request (REPORT_USAGE).
 */
#include <linux/eventpoll.h>

#include "kernel/io_uring/uring.h"
#include "kernel/net/socket/async.h"

#define ACCEPT_FLAGS (IORING_ACCEPT_MULTISHOT | URING_ACCEPT_DONTWAIT | URING_ACCEPT_POLL_FIRST)

static bool is_zc(const struct uring_req *r)
{
	return r->sqe.opcode == IORING_OP_SEND_ZC || r->sqe.opcode == IORING_OP_SENDMSG_ZC;
}

static bool is_msg(const struct uring_req *r)
{
	return r->sqe.opcode == IORING_OP_SENDMSG || r->sqe.opcode == IORING_OP_SENDMSG_ZC ||
	       r->sqe.opcode == IORING_OP_RECVMSG;
}

static bool is_receive(const struct uring_req *r)
{
	return r->sqe.opcode == IORING_OP_RECVMSG || r->sqe.opcode == IORING_OP_RECV;
}

static bool selects(const struct uring_req *r)
{
	return r->sqe.flags & IOSQE_BUFFER_SELECT;
}

static bool several(const struct uring_req *r)
{
	return is_receive(r) && r->sqe.ioprio & IORING_RECV_MULTISHOT;
}

/* ---- checks and copies at submission ---- */

void uring_header_free(struct uring_req *r)
{
	if (r->header)
		uring_uncharge(sizeof(*r->header));
	sock_header_free(r->header);
}

static struct sock_header *header_new(struct uring_req *r)
{
	if (uring_charge(sizeof(*r->header)))
		return NULL;
	r->header = kzalloc(sizeof(*r->header), GFP_KERNEL);
	if (!r->header)
		uring_uncharge(sizeof(*r->header));
	return r->header;
}

/*
 * Reads the header of a request for which the kernel chooses the buffer: it may have at most one
 * vector, which gives only the length. Stores that in r->sqe.len. Returns 0 or -errno.
 */
static int take_length(struct uring_req *r)
{
	struct user_msghdr *h = &r->header->h;
	struct uring_buffer one = { 0 };

	if (copy_from_user(h, UADDR(r->sqe.addr), sizeof(*h)))
		return -EFAULT;
	r->header->at = UADDR(r->sqe.addr);
	if (h->iovlen > 1 || h->namelen < 0)
		return -EINVAL;
	if (h->iovlen && copy_from_user(&one, UADDR(h->iov), sizeof(one)))
		return -EFAULT;
	r->sqe.len = (u32)min_t(u64, one.len, 0x7ffff000);
	return 0;
}

static int take_header(struct uring_req *r)
{
	if (!header_new(r))
		return -ENOMEM;
	if (selects(r))
		return take_length(r);
	return (int)sock_header_import(r->header, UADDR(r->sqe.addr), !is_receive(r));
}

/*
 * Reads the address of SEND: sqe.addr2 points to it, and addr_len is its length. Returns 0 or
 * -errno.
 */
static int take_address(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->__pad3[0])
		return -EINVAL;
	if (!s->addr2)
		return 0;
	if (!header_new(r))
		return -ENOMEM;
	return sock_header_name(r->header, UADDR(s->addr2), s->addr_len);
}

static u32 known_flags(const struct uring_req *r)
{
	if (is_receive(r))
		return IORING_RECVSEND_POLL_FIRST | IORING_RECV_MULTISHOT |
		       (is_msg(r) ? 0 : URING_RECVSEND_BUNDLE);
	if (is_zc(r))
		return IORING_RECVSEND_POLL_FIRST | IORING_SEND_ZC_REPORT_USAGE |
		       (is_msg(r) ? 0 : IORING_RECVSEND_FIXED_BUF);
	return IORING_RECVSEND_POLL_FIRST | (is_msg(r) ? 0 : URING_RECVSEND_BUNDLE);
}

/*
 * Prepares SEND_ZC. From now on the request has a second completion, even if it is refused. Returns
 * 0 or -EINVAL.
 */
static int zc_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->flags & IOSQE_CQE_SKIP_SUCCESS || s->addr3 || s->__pad2[0])
		return -EINVAL;
	r->notify = true;
	return 0;
}

int net_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	int err = is_zc(r) ? zc_prep(r) : 0;

	if (err)
		return err;
	if (s->ioprio & ~known_flags(r)) {
		/* The second completion, which has to follow, must not depend on invalid flags. */
		r->sqe.ioprio = 0;
		return -EINVAL;
	}
	if (is_msg(r) || is_receive(r) ? s->file_index || s->addr2 : 0)
		return -EINVAL;
	if (several(r) && (!selects(r) || s->msg_flags & MSG_WAITALL))
		return -EINVAL;
	if (is_msg(r))
		return take_header(r);
	return is_receive(r) ? 0 : take_address(r);
}

/* ---- sending and receiving ---- */

/*
 * Handles -EAGAIN: waits for the socket, unless the request forbids that (@dontwait). Returns 0 if
 * the caller must try again, else the request's result.
 */
long uring_sock_again(struct uring_req *r, u32 events, bool dontwait)
{
	if (dontwait)
		return -EAGAIN;
	cond_resched();
	return uring_wait_file(r, events);
}

/*
 * If sqe.ioprio has @flag, waits until the socket is ready before the first try. Returns 0 if the
 * caller may try now, else the request's result.
 */
long uring_sock_ask_first(struct uring_req *r, u32 flag, u32 events, bool dontwait)
{
	if (!(r->sqe.ioprio & flag) || r->polled_first)
		return 0;
	if (dontwait)
		return -EAGAIN;
	r->polled_first = true;
	return uring_wait_file(r, events);
}

static bool dontwait(const struct uring_req *r)
{
	return r->sqe.msg_flags & MSG_DONTWAIT;
}

/*
 * True if MSG_WAITALL applies: on streams (also of packets) only, since a datagram arrives as a
 * whole.
 */
bool uring_sock_waits_all(const struct uring_req *r)
{
	const struct socket *s = file_socket(r->file);

	return r->sqe.msg_flags & MSG_WAITALL && s &&
	       (s->sk->type == SOCK_STREAM || s->sk->type == SOCK_SEQPACKET);
}

static int check_zc(struct uring_req *r)
{
	const struct socket *s = file_socket(r->file);

	if (!is_zc(r) || !s)
		return 0;
	if ((s->sk->family != AF_INET && s->sk->family != AF_INET6) || s->sk->type == SOCK_RAW)
		return -EOPNOTSUPP;
	if (r->sqe.ioprio & IORING_RECVSEND_FIXED_BUF)
		return uring_check_fixed(r);
	return 0;
}

/*
 * Sends or receives @len bytes at address @at, or the message of r->header. Returns the number of
 * bytes or -errno.
 */
static long transfer(struct uring_req *r, u64 at, size_t len)
{
	u32 flags = r->sqe.msg_flags & ~(u32)MSG_WAITALL;
	struct iov_iter it;

	if (uring_sock_waits_all(r))
		flags |= MSG_WAITALL;
	if (is_zc(r))
		/*
		 * The second completion reports that the data was copied, so the socket need not.
		 */
		flags &= ~(u32)MSG_ZEROCOPY;
	if (!is_receive(r))
		flags |= MSG_NOSIGNAL;
	if (is_msg(r) && !is_receive(r))
		return sock_async_sendmsg(r->file, r->header, flags);
	if (is_msg(r))
		return sock_async_recvmsg(r->file, r->header, flags);
	if (is_receive(r))
		return sock_recv_file(r->file, UADDR(at), len, flags);
	iov_iter_user(&it, UADDR(at), min_t(size_t, len, 0x7ffff000));
	return sock_async_send(r->file, &it, r->header, flags);
}

static bool is_all(const struct uring_req *r)
{
	if (!uring_sock_waits_all(r))
		return true;
	return is_msg(r) ? !r->header->iter.count : (size_t)r->done >= r->sqe.len;
}

/*
 * Sends or receives, with MSG_WAITALL until all bytes have moved. Returns bytes, -errno or
 * URING_QUEUED.
 */
static long all(struct uring_req *r, u32 events)
{
	bool recv = r->sqe.opcode == IORING_OP_RECV;
	long n = check_zc(r);

	/* Only RECV polls before it checks that the file is a socket. */
	if (!n && !recv && !file_socket(r->file))
		return -ENOTSOCK;
	if (!n)
		n = uring_sock_ask_first(r, IORING_RECVSEND_POLL_FIRST, events, dontwait(r));
	while (!n) {
		n = transfer(r, r->sqe.addr + (u64)r->done, r->sqe.len - (size_t)r->done);
		if (n > 0) {
			r->done += n;
			if (is_all(r))
				return r->done;
			n = 0;
			continue;
		}
		if (n != -EAGAIN)
			break;
		n = uring_sock_again(r, events, dontwait(r));
	}
	if (n == URING_QUEUED || !r->done)
		return n;
	r->failed = true; /* fewer bytes than requested */
	return r->done;
}

long send_issue(struct uring_req *r)
{
	return selects(r) ? uring_send_chosen(r) : all(r, EPOLLOUT);
}

/*
 * Returns IORING_CQE_F_SOCK_NONEMPTY if the socket has more to read, else 0. Only TCP sockets
 * report it.
 */
static u32 nonempty(const struct uring_req *r)
{
	const struct socket *s = file_socket(r->file);

	if (s->sk->type != SOCK_STREAM || s->sk->family == AF_UNIX)
		return 0;
	return vfs_poll(r->file, NULL) & EPOLLIN ? IORING_CQE_F_SOCK_NONEMPTY : 0;
}

/* Receives into the chosen buffer. Returns the number of bytes or -errno. */
static long into_chosen(struct uring_req *r)
{
	u32 len = r->buf.len, flags = r->sqe.msg_flags;
	uaddr_t at = UADDR(r->buf.addr);

	if (!access_ok(at, len))
		return -EFAULT;
	if (r->sqe.len)
		len = min(len, r->sqe.len);
	if (!is_msg(r))
		return sock_recv_file(r->file, at, len, flags);
	if (several(r))
		return sock_async_recvmsg_out(r->file, r->header, at, len, flags);
	iov_iter_user(&r->header->iter, at, len);
	return sock_async_recvmsg(r->file, r->header, flags);
}

/* Receives one message into a chosen buffer, which is then used. Returns its length or -errno. */
static long one_shot(struct uring_req *r)
{
	long n;

	if (uring_bundles(r)) {
		n = uring_receive_bundle(r);
		if (r->cflags)
			r->cflags |= nonempty(r);
		return n;
	}
	n = uring_choose(r);
	if (n)
		return n;
	n = into_chosen(r);
	/* As on Linux, an empty message uses no buffer. */
	if (n > 0) {
		r->tries = 0;
		r->cflags = uring_use(r, (size_t)n) | nonempty(r);
	} else {
		uring_unchoose(r);
	}
	return n;
}

/*
 * True if the result @n of one_shot() means an empty message or the end of a stream. As on Linux,
 * both end a multishot request.
 */
static bool was_empty(const struct uring_req *r, long n)
{
	const struct user_msghdr *h = is_msg(r) ? &r->header->h : NULL;

	return n <=
	       (h ? (long)(sizeof(struct io_uring_recvmsg_out) + (u32)h->namelen + h->controllen) :
		    0);
}

/*
 * Prepares the next receive. A stream first waits until it is readable. Other sockets are tried
 * again at once, so that a lack of buffers ends the request even if no message has arrived. Returns
 * 0 to try, else the request's result.
 */
static long next_shot(struct uring_req *r)
{
	r->cflags = 0;
	cond_resched();
	return file_socket(r->file)->sk->type == SOCK_STREAM ? uring_wait_file(r, EPOLLIN) : 0;
}

static long receive_chosen(struct uring_req *r)
{
	long n = file_socket(r->file) ?
			 uring_sock_ask_first(r, IORING_RECVSEND_POLL_FIRST, EPOLLIN, dontwait(r)) :
			 -ENOTSOCK;

	while (!n) {
		r->cflags = 0;
		n = one_shot(r);
		if (n == -EAGAIN) {
			n = uring_sock_again(r, EPOLLIN, dontwait(r));
			continue;
		}
		if (n < 0 || !r->cflags || !several(r) || was_empty(r, n) ||
			!uring_post_more(r, n, r->cflags))
			break;
		n = next_shot(r);
	}
	return n;
}

long recv_issue(struct uring_req *r)
{
	long n;

	if (selects(r))
		return receive_chosen(r);
	n = all(r, EPOLLIN);
	if (n > 0 && n != URING_QUEUED)
		r->cflags = nonempty(r);
	return n;
}

/* ---- connections ---- */

int accept_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	bool more = s->ioprio & IORING_ACCEPT_MULTISHOT;

	if (s->accept_flags & ~(u32)(SOCK_CLOEXEC | SOCK_NONBLOCK) ||
		(s->file_index && s->accept_flags & SOCK_CLOEXEC))
		return -EINVAL;
	if (more && s->file_index && s->file_index != IORING_FILE_INDEX_ALLOC)
		return -EINVAL;
	return s->len || s->buf_index || s->ioprio & ~ACCEPT_FLAGS ? -EINVAL : 0;
}

long accept_issue(struct uring_req *r)
{
	bool more = r->sqe.ioprio & IORING_ACCEPT_MULTISHOT;
	bool nowait = r->sqe.ioprio & URING_ACCEPT_DONTWAIT;
	long n = uring_sock_ask_first(r, URING_ACCEPT_POLL_FIRST, EPOLLIN, nowait);

	if (n)
		return n;
	for (;;) {
		r->cflags = 0;
		n = sock_accept_file(
			r->file, UADDR(r->sqe.addr), UADDR(r->sqe.addr2), (int)r->sqe.accept_flags);
		if (n != -EAGAIN) {
			n = uring_place_fd(r, n);
			if (n >= 0)
				r->cflags = nonempty(r);
			if (n < 0 || !more || !uring_post_more(r, n, r->cflags))
				return n;
			r->tries = 0;
			cond_resched();
			continue;
		}
		n = uring_sock_again(r, EPOLLIN, nowait || uring_in_vain(r));
		if (n)
			return n;
	}
}

/* Copies the address at sqe.addr, whose length is sqe.off. Also for BIND. Returns 0 or -errno. */
int name_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->len || s->buf_index || s->rw_flags || s->splice_fd_in)
		return -EINVAL;
	if (!header_new(r))
		return -ENOMEM;
	return sock_header_name(r->header, UADDR(s->addr), (int)s->off);
}

long connect_issue(struct uring_req *r)
{
	bool waited = r->done;
	long n;

	n = sock_async_connect(r->file, r->header);
	if (waited && n == -EISCONN)
		return 0;
	if (n == -EAGAIN) /* AF_UNIX: the listener's queue is full */
		return uring_wait_a_while(r);
	if (n != -EINPROGRESS)
		return n;
	r->done = 1;
	n = uring_wait_file(r, EPOLLOUT);
	if (n)
		return n;
	n = sock_async_connect(r->file, r->header);
	return n == -EISCONN ? 0 : n;
}

int shutdown_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return s->off || s->addr || s->rw_flags || s->buf_index || s->splice_fd_in ? -EINVAL : 0;
}

long shutdown_issue(struct uring_req *r)
{
	long n = sock_shutdown_file(r->file, (int)r->sqe.len);

	r->failed = n == -ENOTSOCK;
	return n;
}

long bind_issue(struct uring_req *r)
{
	return sock_async_bind(r->file, r->header);
}

int listen_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return s->off || s->addr || s->rw_flags || s->buf_index || s->splice_fd_in ? -EINVAL : 0;
}

long listen_issue(struct uring_req *r)
{
	return sock_listen_file(r->file, (int)r->sqe.len);
}

/* ---- URING_CMD ---- */

/*
 * Checks the entry: sqe.off has the command in its low 32 bits and must be 0 above. Refuses the
 * flag that selects a registered buffer, since no command of sockets supports it. Returns 0 or
 * -errno.
 */
int command_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return s->off >> 32 || s->rw_flags & ~(int)IORING_URING_CMD_FIXED ? -EINVAL : 0;
}

long command_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	int level = (int)(u32)s->addr, option = (int)(s->addr >> 32), len = s->splice_fd_in;

	if (!file_socket(r->file))
		return -EOPNOTSUPP;
	switch ((u32)s->off) {
	case SOCKET_CMD_SIOCINQ: return sock_queued_file(r->file, false);
	case SOCKET_CMD_SIOCOUTQ: return sock_queued_file(r->file, true);
	case SOCKET_CMD_GETSOCKOPT:
		return sock_getsockopt_file(r->file, level, option, UADDR(s->addr3), len);
	case SOCKET_CMD_SETSOCKOPT:
		return sock_setsockopt_file(r->file, level, option, UADDR(s->addr3), len);
	}
	return -EOPNOTSUPP;
}
