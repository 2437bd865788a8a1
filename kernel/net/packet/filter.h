/* SPDX-License-Identifier: MIT */
/*
 * filter.h: BPF programs on sockets (SO_ATTACH_FILTER, SO_ATTACH_BPF), which choose the packets
 * that a socket gets, and how much of each.
 *
 * A program is immutable and has a refcount: children of a listener share it. A socket's pointer to
 * it is replaced under c.lock and read without it; a program is freed after a grace period.
 */
#ifndef NESTLING_NET_FILTER_H
#define NESTLING_NET_FILTER_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/bpf.h"
#include "kernel/net/socket/socket.h"
#include "kernel/sched/timer.h"

struct sk_buff;

struct sk_filter {
	atomic_t refs;
	struct rcu_head rcu;
	/* a program of kernel/bpf, which takes the place of @insn; a reference */
	void *extended;
	u32 len;
	struct sock_filter insn[];
};

/* A packet as a program sees it. Offsets are from the view's first byte. */
struct filter_view {
	struct bpf_input in;
	const u8 *flat; /* the bytes, where there is no skb */
	/*
	 * the bytes, where there is an skb: @back pulled bytes, then its own; negative: all but the
	 * first ones
	 */
	const struct sk_buff *skb;
	s32 back;
	s32 net; /* offset of the network header */
	u8 pkt_type;
};

/*
 * True if the socket takes a packet. For the program the packet begins @back bytes before @skb's
 * front (a header that was pulled); its network header is before that or there. The bytes that the
 * program does not pass are cut off @skb, but never the header.
 */
bool sock_filter_skb(const struct sock_common *c, struct sk_buff *skb, u32 back);
/* Runs the filter of @c over bytes without an skb. *len becomes the number that passes. */
bool sock_filter_bytes(const struct sock_common *c, const void *data, u32 *len);
/* Runs the program on a view that is filled in except @in, and returns its result. */
u32 sock_filter_view(const struct sk_filter *f, struct filter_view *v, u32 len);

struct sk_filter *filter_read(uaddr_t uprog, u32 len); /* ERR_PTR(-EINVAL, -EFAULT, -ENOMEM) */
struct sk_filter *filter_get(struct sk_filter *f);     /* NULL is fine, for both */
/*
 * Returns a reference to the filter of a socket that may get another filter meanwhile. Takes
 * c->lock.
 */
struct sk_filter *filter_get_of(struct sock_common *c);
void filter_put(struct sk_filter *f);

/* Functions on extended programs, as kernel/bpf registers them; NULL before. */
struct filter_view;
struct filter_programs {
	void *(*get)(int fd); /* a reference, or ERR_PTR(-EBADF, -EINVAL) */
	void (*put)(void *prog);
	u32 (*run)(const void *prog, struct filter_view *v);
};
extern const struct filter_programs *filter_programs;
/*
 * Copies @n bytes of the view at @off, or returns false. @legacy: @off may be SKF_NET_OFF and the
 * like, @n at most 4.
 */
bool filter_view_bytes(const struct filter_view *v, s64 off, u32 n, void *to, bool legacy);
struct sk_filter *filter_extended(int fd); /* ERR_PTR(-EBADF, -EINVAL, -ENOMEM) */

/* Options of SOL_SOCKET. */
int sock_attach_program(struct sock_common *c, int fd);
int sock_attach_filter(struct sock_common *c, uaddr_t val, u32 len);
int sock_detach_filter(struct sock_common *c);
/* Copies the program's instructions to @val, or (NULL) only returns their number. */
long sock_get_filter(struct sock_common *c, uaddr_t val, u32 room);

#endif
