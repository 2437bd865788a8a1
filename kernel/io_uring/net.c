/* SPDX-License-Identifier: MIT */
/*
 * net.c: ACCEPT, CONNECT, SEND, RECV, SENDMSG, RECVMSG: tried without waiting, then when the socket is ready.
 *
 * MSG_DONTWAIT answers -EAGAIN; O_NONBLOCK does not matter. With MSG_WAITALL, SEND and RECV of a stream go on until all is
 * done.
 */
#include <linux/eventpoll.h>

#include "kernel/io_uring/uring.h"
#include "kernel/net/socket.h"

int net_prep(struct uring_req *r)
{
	/* several shots, buffers that the kernel chooses, and the like: not here */
	return r->sqe.ioprio || r->sqe.file_index ? -EINVAL : 0;
}

/* -EAGAIN: waits for the socket unless it was asked not to. 0: try again. */
static long again(struct uring_req *r, u32 events, bool dontwait)
{
	if (dontwait)
		return -EAGAIN;
	cond_resched();
	return uring_wait_file(r, events);
}

static long message(struct uring_req *r, bool send)
{
	u32 flags = r->sqe.msg_flags;
	uaddr_t msg = UADDR(r->sqe.addr);
	long n;

	for (;;) {
		n = send ? sock_sendmsg_file(r->file, msg, flags | MSG_DONTWAIT) :
			   sock_recvmsg_file(r->file, msg, flags | MSG_DONTWAIT);
		if (n != -EAGAIN)
			return n;
		n = again(r, send ? EPOLLOUT : EPOLLIN, flags & MSG_DONTWAIT);
		if (n)
			return n;
	}
}

long sendmsg_issue(struct uring_req *r)
{
	return message(r, true);
}

long recvmsg_issue(struct uring_req *r)
{
	return message(r, false);
}

/* One buffer; what was done before counts. */
static long buffer(struct uring_req *r, bool send)
{
	const struct socket *s = file_socket(r->file);
	u32 flags = r->sqe.msg_flags;
	long n;

	if (s && s->sk->type != SOCK_STREAM && s->sk->type != SOCK_SEQPACKET)
		flags &= ~(u32)MSG_WAITALL; /* one datagram is all */
	for (;;) {
		uaddr_t at = UADDR(r->sqe.addr + (u64)r->done);
		size_t left = r->sqe.len - (size_t)r->done;

		n = send ? sock_send_file(r->file, at, left, flags | MSG_DONTWAIT) :
			   sock_recv_file(r->file, at, left, flags | MSG_DONTWAIT);
		if (n > 0) {
			r->done += n;
			if (!(flags & MSG_WAITALL) || (size_t)r->done >= r->sqe.len)
				return r->done;
			continue;
		}
		if (n != -EAGAIN)
			break;
		n = again(r, send ? EPOLLOUT : EPOLLIN, flags & MSG_DONTWAIT);
		if (n)
			break;
	}
	if (n == URING_QUEUED || !r->done)
		return n;
	r->failed = true; /* less than all */
	return r->done;
}

long send_issue(struct uring_req *r)
{
	return buffer(r, true);
}

long recv_issue(struct uring_req *r)
{
	return buffer(r, false);
}

int accept_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->file_index && s->accept_flags & SOCK_CLOEXEC)
		return -EINVAL;
	return s->len || s->buf_index || s->ioprio ? -EINVAL : 0;
}

long accept_issue(struct uring_req *r)
{
	long n;

	for (;;) {
		n = sock_accept_file(
			r->file, UADDR(r->sqe.addr), UADDR(r->sqe.addr2), (int)r->sqe.accept_flags);
		if (n != -EAGAIN)
			return uring_place_fd(r, n);
		n = again(r, EPOLLIN, false);
		if (n)
			return n;
	}
}

int connect_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return s->len || s->buf_index || s->rw_flags || s->splice_fd_in ? -EINVAL : 0;
}

long connect_issue(struct uring_req *r)
{
	bool waited = r->done;
	long n;

	n = sock_connect_file(r->file, UADDR(r->sqe.addr), (int)r->sqe.off);
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
	n = sock_connect_file(r->file, UADDR(r->sqe.addr), (int)r->sqe.off);
	return n == -EISCONN ? 0 : n;
}
