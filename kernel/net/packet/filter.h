/* SPDX-License-Identifier: MIT */
/*
 * filter.h: BPF programs on sockets (SO_ATTACH_FILTER, SO_ATTACH_BPF), which select the packets
 * that a socket gets, and may truncate them.
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
	/* a program of kernel/bpf, used instead of @insn; a reference */
	void *extended;
	/* number of instructions */
	u32 len;
	struct sock_filter insn[];
};

/* A packet as it is presented to a program. Offsets are from the first byte of the view. */
struct filter_view {
	struct bpf_input in;
	const u8 *flat; /* the bytes, if there is no skb */
	/*
	 * the bytes, if there is an skb. The view begins @back bytes before the skb's front, with
	 * pulled headers; negative: it begins -@back bytes behind the front
	 */
	const struct sk_buff *skb;
	s32 back;
	s32 net; /* offset of the network header */
	u8 pkt_type;
};

/*
 * Runs the filter of a socket over a packet. Returns true if the socket gets it, also if the socket
 * has no filter. The program's view begins @back bytes before @skb's front (a pulled header), at or
 * behind the network header. If the program passes fewer bytes, @skb is truncated, except the
 * pulled header. Does not sleep, and does not consume @skb.
 */
bool sock_filter_skb(const struct sock_common *c, struct sk_buff *skb, u32 back);
/*
 * Runs the filter of @c over *@len bytes without an skb. Returns true if the socket gets them;
 * *@len becomes the number of bytes that pass. Does not sleep.
 */
bool sock_filter_bytes(const struct sock_common *c, const void *data, u32 *len);
/*
 * Runs the program on a view of @len bytes whose members are filled in, except @in. Returns the
 * program's result: how many bytes pass, 0 for none, or an index for a group of sockets.
 */
u32 sock_filter_view(const struct sk_filter *f, struct filter_view *v, u32 len);

/*
 * Makes a program from the struct sock_fprog at @uprog in program memory, which has @len bytes.
 * Returns it with one reference, or ERR_PTR(-EINVAL), -EFAULT or -ENOMEM. May sleep.
 */
struct sk_filter *filter_read(uaddr_t uprog, u32 len);
/* Takes a reference, and returns @f. NULL is allowed, as it is for filter_put(). */
struct sk_filter *filter_get(struct sk_filter *f);
/*
 * Returns the filter of a socket, with a reference, while other tasks may replace it; NULL: there
 * is none. Takes c->lock.
 */
struct sk_filter *filter_get_of(struct sock_common *c);
/* Drops a reference. The program is freed a grace period after the last one. */
void filter_put(struct sk_filter *f);

/* Operations on extended programs, those of bpf(2), which kernel/bpf provides. */
struct filter_view;
struct filter_programs {
	/* Returns a reference to the program, or ERR_PTR(-EBADF, -EINVAL). */
	void *(*get)(int fd);
	void (*put)(void *prog);
	/* Returns the result of sock_filter_view(). Does not sleep. */
	u32 (*run)(const void *prog, struct filter_view *v);
};
/* set by kernel/bpf at boot; NULL before */
extern const struct filter_programs *filter_programs;
/*
 * Copies @n bytes at offset @off of the view to @to. Returns false if the view does not have them.
 * @legacy: @off may be relative to SKF_NET_OFF or SKF_LL_OFF, and @n is at most 4.
 */
bool filter_view_bytes(const struct filter_view *v, s64 off, u32 n, void *to, bool legacy);
/*
 * Makes a program from current's descriptor @fd of bpf(2). Returns it with one reference, or
 * ERR_PTR(-EBADF), -EINVAL or -ENOMEM. May sleep.
 */
struct sk_filter *filter_extended(int fd);

/*
 * Options of SOL_SOCKET. They take c->lock, and may sleep. Return 0, -EPERM after SO_LOCK_FILTER,
 * the errors of the functions above, or -ENOENT if there is no filter to detach. @val: in program
 * memory.
 */
int sock_attach_program(struct sock_common *c, int fd);
int sock_attach_filter(struct sock_common *c, uaddr_t val, u32 len);
int sock_detach_filter(struct sock_common *c);
/*
 * Copies the instructions of the program to @val in program memory, which has room for @room
 * instructions. Returns their number, 0 without a program, -EACCES for a program of bpf(2), or
 * another -errno. @room 0: only returns the number.
 */
long sock_get_filter(struct sock_common *c, uaddr_t val, u32 room);

#endif
