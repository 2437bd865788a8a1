/* SPDX-License-Identifier: MIT */
/*
 * bundle.c: SEND from buffers that the kernel chooses, and SEND and RECV with several of them at
 * once (IORING_RECVSEND_BUNDLE).
 *
 * A bundle on a stream uses as many buffers in one transfer as the group has, but SEND only if the
 * group is a ring. Other requests use a single buffer. A completion reports the first buffer of a
 * transfer and the bytes of all its buffers. A SEND continues until the group is empty, with a
 * completion for each transfer. If a socket takes only a part of a buffer, the rest is sent before
 * another buffer is chosen, and both parts have one completion. Such a buffer leaves its group at
 * once, since otherwise other requests could send it while this one waits. With IOU_PBUF_RING_INC
 * the rest stays in the group.
 */
#include <linux/eventpoll.h>

#include "kernel/io_uring/uring.h"
#include "kernel/net/socket/async.h"

#define MAX_SEVERAL 256U
#define MAX_BYTES 0x7ffff000UL

struct several {
	struct uvec one, *vec;
	u32 nr;
	struct iov_iter it;
};

static void several_free(struct several *s)
{
	if (s->vec != &s->one)
		kfree(s->vec);
}

/*
 * Chooses one buffer, or with @bundle several if the request and the socket allow it. Returns 0,
 * after which the caller calls several_free(), or -errno.
 */
static int several_choose(struct uring_req *r, struct several *s, bool bundle)
{
	u64 most = r->sqe.len ? r->sqe.len : MAX_BYTES, total = 0;
	int n;

	bundle = bundle && uring_bundles(r) && file_socket(r->file)->sk->type == SOCK_STREAM;
	s->vec = bundle ? kmalloc(MAX_SEVERAL * sizeof(*s->vec), GFP_KERNEL) : &s->one;
	if (!s->vec)
		return -ENOMEM;
	n = uring_choose_several(r, most, s->vec, bundle ? MAX_SEVERAL : 1);
	for (int i = 0; i < n; i++) {
		if (!access_ok(UADDR(s->vec[i].base), s->vec[i].len))
			n = -EFAULT;
		total += s->vec[i].len;
	}
	if (n < 0) {
		uring_unchoose(r);
		several_free(s);
		return n;
	}
	s->nr = (u32)n;
	s->it = (struct iov_iter){ .type = ITER_USER,
		.vec = s->vec,
		.nr_vecs = s->nr,
		.count = min(min(total, most), MAX_BYTES) };
	return 0;
}

/* ---- receiving ---- */

long uring_receive_bundle(struct uring_req *r)
{
	struct several s;
	long n = several_choose(r, &s, true);

	if (n)
		return n;
	n = sock_async_recv(r->file, &s.it, r->sqe.msg_flags);
	if (n > 0) {
		r->tries = 0;
		r->cflags = uring_use_several(r, s.vec, s.nr, (size_t)n);
	} else {
		uring_unchoose(r);
	}
	several_free(&s);
	return n;
}

/* ---- sending ---- */

static u32 send_flags(const struct uring_req *r)
{
	return (r->sqe.msg_flags & ~(u32)MSG_WAITALL) | MSG_NOSIGNAL;
}

/*
 * Returns the unsent rest of the buffer in which the first @n bytes end. The rest is empty if these
 * bytes end with a whole buffer.
 */
static struct uring_buffer rest_of(const struct several *s, u64 n)
{
	u64 left = s->it.count - n;

	for (u32 i = 0; i < s->nr && left; i++) {
		const struct uvec *v = &s->vec[i];

		if (n < v->len)
			return n ? (struct uring_buffer){ v->base + n, min(v->len - n, left) } :
				   (struct uring_buffer){ 0 };
		n -= v->len;
	}
	return (struct uring_buffer){ 0 };
}

static long send_next(struct uring_req *r)
{
	struct several s;
	long n = several_choose(r, &s, uring_group_ring(r));

	if (n)
		return n;
	n = sock_async_send(r->file, &s.it, r->header, send_flags(r));
	if (n < 0) {
		uring_unchoose(r);
	} else {
		if ((uring_bundles(r) || uring_sock_waits_all(r)) && !uring_group_inc(r))
			r->rest = rest_of(&s, (u64)n);
		else
			r->failed = (u64)n < s.it.count;
		r->cflags = uring_use_several(r, s.vec, s.nr, (size_t)n);
	}
	several_free(&s);
	return n;
}

static long send_rest(struct uring_req *r)
{
	struct iov_iter it;
	long n;

	iov_iter_user(&it, UADDR(r->rest.base), r->rest.len);
	n = sock_async_send(r->file, &it, r->header, send_flags(r));
	if (n > 0) {
		r->rest.base += (u64)n;
		r->rest.len -= (u64)n;
	}
	return n;
}

/*
 * Ends a transfer. Returns 0 with *last false if another transfer follows. Otherwise returns the
 * result of the request.
 */
static long next_transfer(struct uring_req *r, bool *last)
{
	long n = r->done;

	*last = !uring_bundles(r) || uring_group_empty(r) || !uring_post_more(r, n, r->cflags);
	if (*last)
		return n;
	r->done = 0;
	r->cflags = r->tries = 0;
	cond_resched();
	return 0;
}

long uring_send_chosen(struct uring_req *r)
{
	long n = file_socket(r->file) ? uring_sock_ask_first(r, IORING_RECVSEND_POLL_FIRST,
						EPOLLOUT, r->sqe.msg_flags & MSG_DONTWAIT) :
					-ENOTSOCK;
	bool last = false;

	while (!n) {
		n = r->rest.len ? send_rest(r) : send_next(r);
		if (n == -EAGAIN) {
			n = uring_sock_again(r, EPOLLOUT, r->sqe.msg_flags & MSG_DONTWAIT);
			continue;
		}
		if (n < 0)
			break;
		r->done += n;
		n = r->rest.len ? 0 : next_transfer(r, &last);
		if (last)
			return n;
	}
	if (n == URING_QUEUED || !r->done)
		return n;
	r->failed = true;
	return r->done;
}
