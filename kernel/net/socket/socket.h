/* SPDX-License-Identifier: MIT */
/*
 * socket.h: sockets as files, and the tables by which address families plug in.
 *
 * A family registers a create function; it fills socket->ops and socket->sk. Everything that is the
 * same for all families (descriptors, copying addresses, messages and iovecs, options of level
 * SOL_SOCKET that only set a number) is in socket.c.
 *
 * Locks: sock_common.lock protects the options and, by the family's rules, its own state.
 */
#ifndef NESTLING_NET_SOCKET_H
#define NESTLING_NET_SOCKET_H

#include <linux/socket.h>

#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/net/net.h"
#include "kernel/vfs/lock/fasync.h"
#include "kernel/vfs/vfs.h"

/* Types, as in socket(2) (UAPI headers leave them to libc). */
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define SOCK_SEQPACKET 5
#define SOCK_TYPE_MASK 0xf
#define SOCK_CLOEXEC O_CLOEXEC
#define SOCK_NONBLOCK O_NONBLOCK

#define AF_UNSPEC 0
#define AF_UNIX 1
#define AF_INET 2
#define AF_BRIDGE 7
#define AF_INET6 10
#define AF_NETLINK 16
#define AF_PACKET 17
#define AF_MAX 46

#define MSG_OOB 1
#define MSG_PEEK 2
#define MSG_CTRUNC 8
#define MSG_TRUNC 0x20
#define MSG_DONTWAIT 0x40
#define MSG_EOR 0x80
#define MSG_WAITALL 0x100
#define MSG_ERRQUEUE 0x2000
#define MSG_NOSIGNAL 0x4000
#define MSG_MORE 0x8000
#define MSG_WAITFORONE 0x10000
#define MSG_ZEROCOPY 0x4000000
#define MSG_CMSG_CLOEXEC 0x40000000

#define SCM_RIGHTS 1
#define SCM_CREDENTIALS 2
#define SCM_MAX_FD 253
#define SOL_SOCKET 1

#define SHUT_RD 1 /* bits: shutdown(2)'s how + 1 */
#define SHUT_WR 2
#define SHUT_BOTH 3

struct ucred {
	u32 pid, uid, gid;
};

struct sockaddr_buf {
	u32 len;
	union {
		u16 family;
		u8 data[128];
	};
};

/* SO_TIMESTAMP, SO_TIMESTAMPNS. */
#define STAMP_USEC 1
#define STAMP_NSEC 2

/* Options that are set, read back, and seldom more. */
struct sock_rare {
	bool filter_locked, rxq_ovfl, nofcs, select_err, wifi_status, prefer_busy_poll, rcvmark,
		rcvpriority, passpidfd, no_passrights, no_check, zerocopy;
	u8 buf_lock, no_txrehash;
	/* SO_TXTIME was set: messages may bring SCM_TXTIME */
	bool has_txtime;
	/* SO_TIMESTAMP and its kin were last asked for by their new numbers, of 64 bits */
	bool stamps_new;
	u32 tsflags; /* SOF_TIMESTAMPING_* */
	/* the next number of SOF_TIMESTAMPING_OPT_ID */
	u32 tskey;
	int busy_poll, incoming_cpu;
	/*
	 * incoming_cpu was set: it is one that the socket wants, and not only one that it has seen
	 */
	bool cpu_wanted;
	/* SO_BINDTODEVICE of families for which it means nothing; inet_sock has its own */
	int bound_if;
	u64 pacing;     /* 0: not set */
	u64 last_stamp; /* SIOCGSTAMP; 0: nothing has been read yet */
	struct {
		int clock;
		u32 flags;
	} txtime;
};

/*
 * What went wrong and when what was sent left, of err_record (errqueue.h). The lock is innermost of
 * a socket's.
 */
struct sock_errq {
	spinlock_t lock;
	struct list_head list;
	/* of errors and timestamps: SO_RCVBUF is their limit */
	u32 mem;
	/* of what is told, or will be, of MSG_ZEROCOPY: net.core.optmem_max is theirs */
	u32 notices;
	/* the number of the next send with MSG_ZEROCOPY */
	u32 copies;
};

/* What every socket has. Embedded first in a family's own structure. */
struct sock_common {
	u16 family;
	u16 type;
	u32 protocol;
	u64 ino; /* of its file, for lists */
	spinlock_t lock;
	u32 shutdown; /* SHUT_* bits */
	/* pending error, taken by SO_ERROR and the next call */
	int err;
	/* error that does not end a connection; SO_ERROR takes it where there is no other */
	int soft_err;
	u32 sndbuf, rcvbuf;
	u64 sndtimeo, rcvtimeo; /* ns; 0: for ever */
	u32 rcvlowat;
	bool passcred, passsec, broadcast, reuseaddr, reuseport, keepalive, dontroute, oobinline,
		debug;
	u8 timestamp; /* STAMP_*: of what is received */
	u32 priority, mark;
	/* cgroup1_net_ids of whose it is; written and read racily */
	u32 classid, prioidx;
	struct {
		int on, secs;
	} linger;
	/* whose it is; the family holds the reference */
	struct net *net;
	struct sk_filter *filter; /* filter.h; NULL; replaced under lock */
	/* SO_PEEK_OFF, -1: none; under the lock of readers */
	int peek_off;
	u64 cookie; /* SO_COOKIE; 0: nobody has asked yet */
	struct sock_rare rare;
	struct sock_errq errq;
	struct wait_queue_head wait; /* readers, writers, pollers */
	struct fasync_list async;    /* files that want SIGIO */
};

struct socket;
struct group_info;
struct sk_buff;

/* What a sender may say of one message, beside its destination (ip(7), ipv6(7)). */
struct inet_control {
	bool has_src, has_ttl, has_tos, has_mark, has_segment, has_label, has_dontfrag, dontfrag;
	ip_addr src;
	int ifindex, ttl, tos;
	u32 mark;              /* SO_MARK */
	u32 label;             /* IPV6_FLOWINFO's flow label */
	u16 segment;           /* UDP_SEGMENT */
	struct ip6_ext *ext;   /* a reference; NULL */
	struct ip4_opts *opts; /* the same */
};

struct msg {
	/* send: or NULL; receive: filled when not NULL */
	struct sockaddr_buf *name;
	struct iov_iter iter;
	/* MSG_*; receive: result flags are or-ed into out_flags */
	u32 flags;
	u32 out_flags;
	/* ancillary data: send: what was parsed; receive: what came */
	struct ucred cred;
	bool has_cred;
	struct file **files; /* references; kfree'd by the owner */
	u32 nr_files;
	bool nonblock;
	bool waits_later; /* with nonblock: as SOCK_WAITS_LATER */
	/* send, of who has late_control: what was wrong with its control messages */
	int ctl_err;
	/* how long the call waits, once it has waited: sock_wait_aside(), sock_wait_again() */
	u64 until;
	/* receive, streams: when the last byte came; 0: not taken */
	u64 stamp;
	bool has_tsflags, has_ts_id;
	/* send: SO_TIMESTAMPING of this message, and its number there */
	u32 tsflags, ts_id;
	struct inet_control inet; /* send, AF_INET and AF_INET6 */
	/* receive: a family's own records, by msg_put_cmsg() */
	u32 ctl_len;
	u8 ctl[512];
	/* in place of ctl, where there is more; freed by msg_end() */
	u8 *ctl_long;
};
/* Adds a control record for the receiver; what does not fit is dropped, with MSG_CTRUNC. */
void msg_put_cmsg(struct msg *m, int level, int type, const void *data, u32 n);
/*
 * The records as recvmsg(2) would lay them out in @room bytes at @to; returns how many that takes.
 */
u32 msg_flatten(const struct msg *m, u8 *to, u32 room);
/*
 * Timestamps of what arrived at @ns, as the socket has asked for them; and one of SO_TIMESTAMPING,
 * asked for or not.
 */
void msg_put_stamps(struct msg *m, const struct sock_common *c, u64 ns);
void msg_put_stamping(struct msg *m, const struct sock_common *c, u64 ns);
/* A peek has seen @n bytes, or (negative) a read has taken so many: SO_PEEK_OFF moves. */
static inline void sock_peeked(struct sock_common *c, int n)
{
	int off = READ_ONCE(c->peek_off);

	if (unlikely(off >= 0))
		WRITE_ONCE(c->peek_off, max(off + n, 0));
}
/* These, and what else SOL_SOCKET may tell of a packet. */
void msg_put_skb_info(struct msg *m, struct sock_common *c, const struct sk_buff *skb);

/* How a call meets what it would wait for. */
enum sock_patience {
	SOCK_WAITS,
	/* -EAGAIN, also where one who waits would be told something at once */
	SOCK_TRIES,
	/* io_uring: -EAGAIN only where one who waits would wait */
	SOCK_WAITS_LATER,
};

struct proto_ops {
	/* sendmsg says itself when msg->ctl_err is due: other errors come first */
	bool late_control;
	int (*release)(struct socket *s);
	int (*bind)(struct socket *s, struct sockaddr_buf *a);
	int (*connect)(struct socket *s, struct sockaddr_buf *a, bool nonblock);
	int (*listen)(struct socket *s, int backlog);
	int (*accept)(struct socket *s, struct socket *to, enum sock_patience patience);
	int (*getname)(struct socket *s, struct sockaddr_buf *a, bool peer);
	/* accept()'s peer address, also of an ended connection; NULL: getname */
	int (*accept_name)(struct socket *s, struct sockaddr_buf *a);
	u32 (*poll)(struct socket *s, struct file *f, struct poll_table *pt);
	int (*shutdown)(struct socket *s, int how);
	ssize_t (*sendmsg)(struct socket *s, struct msg *m);
	ssize_t (*recvmsg)(struct socket *s, struct msg *m);
	int (*setsockopt)(
		struct socket *s, int level, int opt, uaddr_t val, u32 len); /* -ENOPROTOOPT */
	int (*getsockopt)(struct socket *s, int level, int opt, void *val, u32 *len);
	long (*ioctl)(struct socket *s, u32 cmd, u64 arg);
	/* what FIONREAD or SIOCOUTQ gives, or -errno */
	int (*queued)(struct socket *s, u32 cmd);
	int (*pair)(struct socket *a, struct socket *b);
	/* A record of a level that is not SOL_SOCKET: 0 or -errno. NULL: such are ignored. */
	int (*cmsg)(const struct socket *s, struct msg *m, int level, int type, const void *data,
		u64 n);
	/* What a socket says before it looks at any record: 0 or -errno. NULL: nothing. */
	int (*may_send)(struct socket *s);
	/* The socket has its file now. */
	void (*opened)(struct socket *s);
	/* NULL: there is nothing to map. */
	int (*mmap)(struct socket *s, struct file *f, struct vm_area *v);
	/* Fills what the family knows of SO_MEMINFO's numbers. NULL: nothing. */
	void (*meminfo)(struct sock_common *sk, u32 *n);
	/* SOF_TIMESTAMPING_OPT_ID begins: sets rare.tskey. NULL: at 0. */
	int (*stamp_start)(struct socket *s, u32 flags);
	/* Groups of the peer, or NULL. */
	const struct group_info *(*peer_groups)(struct socket *s);
};
struct socket {
	struct file *file; /* not a reference */
	const struct proto_ops *ops;
	struct sock_common *sk; /* the family's */
	bool listening;
};

typedef int (*sock_create_fn)(struct socket *s, int type, int protocol);
void sock_register(int family, sock_create_fn create);
void sock_init_common(struct sock_common *sk, u16 family, u16 type, u32 protocol);
/* The socket behind a file; NULL when it is none. */
struct socket *file_socket(struct file *f);
/* For asynchronous I/O, beside async.h, whose rules these have. */
long sock_accept_file(struct file *f, uaddr_t addr, uaddr_t addrlen, int flags);
long sock_recv_file(struct file *f, uaddr_t buf, size_t len, u32 flags);
/*
 * Puts a message as it is into the queue of the netlink socket @f (n 0: only asks whether it is
 * one): 0, -ENOTSOCK, -EINVAL, -ENOBUFS.
 */
int netlink_deliver(struct file *f, const void *data, u32 n);
/* Credentials of current. */
/* Ids and numbers in here are the kernel's, until they are told. */
struct ucred current_ucred(void);    /* of who sends */
struct ucred current_peercred(void); /* of who connects or listens */
struct ucred ucred_to_user(const struct ucred *c);
/*
 * Waits on sk->wait until cond: 0, -EAGAIN (nonblock, or timed out), -ERESTARTSYS or -EINTR
 * (timeouts do not restart).
 */
#define sock_wait(sk, cond, nonblock, timeout)                                                     \
	({                                                                                         \
		u64 t_ = (timeout);                                                                \
		sock_wait_until(sk, cond, nonblock, t_, t_ ? ktime_get() + t_ : ~0UL, 0);          \
	})

/*
 * The same in a call that waits several times: until @until, which is looked at only where it
 * waits; @timed: that is a limit. @events: 0, or the EPOLL* one of which comes with whatever makes
 * @cond true.
 */
#define sock_wait_until(sk, cond, nonblock, timed, until, events)                                  \
	({                                                                                         \
		int w_ = 0;                                                                        \
		if (!(cond)) {                                                                     \
			if (nonblock)                                                              \
				w_ = -EAGAIN;                                                      \
			else                                                                       \
				w_ = wait_event_poll(&(sk)->wait, cond, until, events);            \
			if (w_ == -ETIMEDOUT)                                                      \
				w_ = -EAGAIN;                                                      \
			else if (w_ == -ERESTARTSYS && (timed))                                    \
				w_ = -EINTR;                                                       \
		}                                                                                  \
		w_;                                                                                \
	})

/*
 * The same for a call that may wait more than once, since another may be first: @timeout is the
 * limit of all of it (m->until).
 */
#define sock_wait_again(sk, cond, m, timeout)                                                      \
	({                                                                                         \
		u64 l_ = (timeout);                                                                \
		if (!(m)->until)                                                                   \
			(m)->until = l_ ? ktime_get() + l_ : ~0UL;                                 \
		sock_wait_until(sk, cond, (m)->nonblock, l_, (m)->until, 0);                       \
	})

/*
 * Waits for @cond without @mutex, so that who comes with MSG_DONTWAIT is told so meanwhile. It is
 * held again afterwards, or, with an error,
 * *@held is false. @timeout, ns, is the limit of the call, however often it waits (m->until). @events: as above.
 */
#define sock_wait_aside(sk, cond, m, timeout, mutex, held, events)                                 \
	({                                                                                         \
		u64 l_ = (timeout);                                                                \
		int a_ = 0;                                                                        \
		if ((m)->nonblock) {                                                               \
			a_ = (cond) ? 0 : -EAGAIN;                                                 \
		} else {                                                                           \
			if (!(m)->until)                                                           \
				(m)->until = l_ ? ktime_get() + l_ : ~0UL;                         \
			mutex_unlock(mutex);                                                       \
			a_ = sock_wait_until(sk, cond, false, l_, (m)->until, events);             \
			*(held) = !mutex_lock_interruptible(mutex);                                \
			if (!*(held) && !a_)                                                       \
				a_ = l_ ? -EINTR : -ERESTARTSYS;                                   \
		}                                                                                  \
		a_;                                                                                \
	})

#endif
