/* SPDX-License-Identifier: MIT */
/*
 * socket.h: the public header of sockets: sockets as files, and the operations that address
 * families implement.
 *
 * What the folder is for: the parts that all families share: the system calls (socket.c), messages
 * and ancillary data (msg.c), options of level SOL_SOCKET (sockopt.c), queues of errors and
 * timestamps (errqueue.c), packets (skb.c), sockets of cgroups (sock_cgroup.c).
 *
 * Headers:
 *     socket.h     struct socket, struct sock_common, struct proto_ops
 *     msg.h        messages and their ancillary data
 *     sock_wait.h  waiting in a call
 *     opt_table.h  options that are one number
 *     skb.h        packets
 *     errqueue.h   errors, timestamps and notices about sent packets
 *     async.h      calls on a file, for io_uring
 *
 * Call sequence: a family calls sock_register(); socket(2) calls its create function, which sets
 * socket->ops and socket->sk; each later call uses ops. release() drops the family's structure when
 * the file is closed.
 * Locks: sock_common.lock (spin) protects the family's own state, by the family's rules. A pending
 * error is one word, set and taken without it. Options are single words, read without a lock. A
 * family writes them under its own lock. sockopt.c writes them without a lock, except for options
 * that decide which sockets share a port: those between inet_change_begin() and inet_change_end().
 * May know: vfs/ and what is below it; of the families only sock_create_fn and proto_ops.
 */
#ifndef NESTLING_NET_SOCKET_H
#define NESTLING_NET_SOCKET_H

#include <linux/socket.h>

#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/net/net.h"
#include "kernel/net/socket/msg.h"
#include "kernel/net/socket/sock_wait.h"
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

#define SOL_SOCKET 1

#define SHUT_RD 1 /* bits: shutdown(2)'s how + 1 */
#define SHUT_WR 2
#define SHUT_BOTH 3

/* sock_common.timestamp: SO_TIMESTAMP, SO_TIMESTAMPNS. */
#define STAMP_USEC 1
#define STAMP_NSEC 2

/* Options that are set and read, and seldom used otherwise. */
struct sock_rare {
	bool filter_locked, rxq_ovfl, nofcs, select_err, wifi_status, prefer_busy_poll, rcvmark,
		rcvpriority, passpidfd, no_passrights, no_check, zerocopy;
	/* SOCK_*BUF_LOCK: the buffers whose size a program has set */
	u8 buf_lock;
	u8 no_txrehash; /* SO_TXREHASH is off */
	/* SO_TXTIME was set, so messages may have SCM_TXTIME */
	bool has_txtime;
	/*
	 * timestamps were enabled by the new option numbers, so control messages have 64-bit times
	 */
	bool stamps_new;
	u32 tsflags;   /* SOF_TIMESTAMPING_* */
	u32 tskey;     /* next number of SOF_TIMESTAMPING_OPT_ID */
	int busy_poll; /* SO_BUSY_POLL, us; no effect */
	/*
	 * SO_INCOMING_CPU: the vCPU that received the last packet, -1: no packet was received. With
	 * cpu_wanted: the vCPU that the program has set
	 */
	int incoming_cpu;
	bool cpu_wanted; /* incoming_cpu was set by SO_INCOMING_CPU */
	/*
	 * device index of SO_BINDTODEVICE, 0: any, of families in which it has no effect; inet_sock
	 * has its own
	 */
	int bound_if;
	/* SO_MAX_PACING_RATE, bytes/s, inverted bitwise; 0: no limit */
	u64 pacing;
	/* SIOCGSTAMP: ktime_get_real() of the last packet read, ns; 0: none yet */
	u64 last_stamp;
	struct {
		int clock;
		u32 flags;
	} txtime; /* SO_TXTIME */
};

/*
 * Errors, timestamps and notices about sent packets (errqueue.h). The lock is the innermost one of
 * a socket.
 */
struct sock_errq {
	spinlock_t lock;
	struct list_head list; /* of err_record */
	/* bytes of errors and timestamps; SO_RCVBUF is their limit */
	u32 mem;
	/*
	 * bytes of the notices of MSG_ZEROCOPY, queued or reserved; net.core.optmem_max is their
	 * limit
	 */
	u32 notices;
	/* number of the next send with MSG_ZEROCOPY */
	u32 copies;
};

/* The part that every socket has; the first member of a family's own structure. */
struct sock_common {
	u16 family; /* AF_* */
	u16 type;   /* SOCK_* */
	u32 protocol;
	u64 ino; /* inode number of the socket's file */
	spinlock_t lock;
	u32 shutdown; /* SHUT_* bits */
	/* pending error as -errno, 0: none; read and cleared by SO_ERROR or the next call */
	int err;
	/* an error that does not end the connection; SO_ERROR returns this error if err is 0 */
	int soft_err;
	u32 sndbuf, rcvbuf;     /* bytes */
	u64 sndtimeo, rcvtimeo; /* ns, 0: none */
	u32 rcvlowat;           /* bytes */
	bool passcred, passsec, broadcast, reuseaddr, reuseport, keepalive, dontroute, oobinline,
		debug;
	u8 timestamp; /* STAMP_*: of received data */
	u32 priority, mark;
	/*
	 * net_cls class and net_prio index of the owner's cgroup; written and read without a lock
	 */
	u32 classid, prioidx;
	struct {
		int on, secs; /* secs: seconds */
	} linger;             /* SO_LINGER */
	/* the socket's namespace; the family holds the reference */
	struct net *net;
	/* attached BPF program (packet/filter.h), NULL: none; replaced under `lock` */
	struct sk_filter *filter;
	/* SO_PEEK_OFF, bytes, -1: none; protected by the family's lock of readers */
	int peek_off;
	u64 cookie; /* SO_COOKIE, 0: not read yet */
	struct sock_rare rare;
	struct sock_errq errq;
	struct wait_queue_head wait; /* readers, writers, pollers */
	struct fasync_list async;    /* files with O_ASYNC */
};
/*
 * Updates SO_PEEK_OFF: a peek has read @n bytes, or (negative) a read has consumed -@n bytes. The
 * family's lock of readers is held.
 */
static inline void sock_peeked(struct sock_common *c, int n)
{
	int off = READ_ONCE(c->peek_off);

	if (unlikely(off >= 0))
		WRITE_ONCE(c->peek_off, max(off + n, 0));
}

struct socket;
struct group_info;

/*
 * The operations of a family on one kind of its sockets. All are called without spinlocks and may
 * sleep. They return 0, sendmsg and recvmsg a number of bytes, or -errno. An operation that is NULL
 * fails with -EOPNOTSUPP, unless its comment says what NULL means. release, getname, poll, sendmsg
 * and recvmsg are never NULL. Addresses are borrowed for the call.
 */
struct proto_ops {
	/* the family's sendmsg() reports msg->ctl_err itself, since other errors take precedence */
	bool late_control;
	/*
	 * Frees the family's structure, or drops the file's reference to it. Called once, also for
	 * a socket that never got a file. The result is ignored.
	 */
	int (*release)(struct socket *s);
	int (*bind)(struct socket *s, struct sockaddr_buf *a);
	/* @nonblock: returns -EINPROGRESS instead of waiting for the connection. */
	int (*connect)(struct socket *s, struct sockaddr_buf *a, bool nonblock);
	/* @backlog: at most net.core.somaxconn. */
	int (*listen)(struct socket *s, int backlog);
	/*
	 * Makes @to, a new socket of the same family, type and protocol, the end of a connection.
	 */
	int (*accept)(struct socket *s, struct socket *to, enum sock_patience patience);
	/* Fills *@a with the socket's own address, or with @peer the peer's. */
	int (*getname)(struct socket *s, struct sockaddr_buf *a, bool peer);
	/*
	 * Fills in the peer's address for accept(2), also of a connection that has ended. NULL:
	 * accept uses getname().
	 */
	int (*accept_name)(struct socket *s, struct sockaddr_buf *a);
	/* Registers with @pt, and returns the EPOLL* events that are true now. */
	u32 (*poll)(struct socket *s, struct file *f, struct poll_table *pt);
	/* @how: SHUT_* bits. */
	int (*shutdown)(struct socket *s, int how);
	/*
	 * Consume the part of m->iter that was transferred. recvmsg also sets m->out_flags and
	 * fills *m->name; the caller then calls msg_end().
	 */
	ssize_t (*sendmsg)(struct socket *s, struct msg *m);
	ssize_t (*recvmsg)(struct socket *s, struct msg *m);
	/*
	 * Sets an option. @val: in program memory. Returns -ENOPROTOOPT for an unknown option;
	 * sockopt.c then handles it if the level is SOL_SOCKET. NULL: there are no others.
	 */
	int (*setsockopt)(struct socket *s, int level, int opt, uaddr_t val, u32 len);
	/*
	 * Reads an option into @val, a kernel buffer of 256 bytes. *@len: in, the program's room;
	 * out, the length of the value. Returns -ENOPROTOOPT as setsockopt() does. NULL: there are
	 * no options but those of SOL_SOCKET.
	 */
	int (*getsockopt)(struct socket *s, int level, int opt, void *val, u32 *len);
	/* @arg: as the program passed it. -ENOTTY, or NULL: net_ioctl() handles the command. */
	long (*ioctl)(struct socket *s, u32 cmd, u64 arg);
	/* Returns the value of FIONREAD or SIOCOUTQ in bytes, or -errno. */
	int (*queued)(struct socket *s, u32 cmd);
	/* Connects two new sockets to each other, for socketpair(2). */
	int (*pair)(struct socket *a, struct socket *b);
	/*
	 * Parses a control message of a send whose level is not SOL_SOCKET. @data: a copy of its @n
	 * bytes in the kernel. NULL: such messages are ignored.
	 */
	int (*cmsg)(const struct socket *s, struct msg *m, int level, int type, const void *data,
		u64 n);
	/* Checks a send before any control message is parsed. NULL: no check. */
	int (*may_send)(struct socket *s);
	/* Called when the socket has got its file. May be NULL. */
	void (*opened)(struct socket *s);
	/* Maps memory of the socket into @v. mmap_lock held. NULL: mmap(2) fails with -ENODEV. */
	int (*mmap)(struct socket *s, struct file *f, struct vm_area *v);
	/*
	 * Fills in the family's values of SO_MEMINFO in @n, an array of SK_MEMINFO_VARS that is all
	 * 0. May be NULL.
	 */
	void (*meminfo)(struct sock_common *sk, u32 *n);
	/*
	 * Sets rare.tskey when SOF_TIMESTAMPING_OPT_ID is switched on. NULL: rare.tskey becomes 0.
	 */
	int (*stamp_start)(struct socket *s, u32 flags);
	/*
	 * Returns the supplementary groups of the peer without a reference, or NULL. May be NULL.
	 */
	const struct group_info *(*peer_groups)(struct socket *s);
	/* Returns the process of the peer without a reference, or NULL. May be NULL. */
	struct pid *(*peer_pid)(struct socket *s);
};
/* A socket as a file. Freed with the file, or at once if it never gets one. */
struct socket {
	struct file *file; /* without a reference */
	const struct proto_ops *ops;
	struct sock_common *sk; /* the family's structure */
	bool listening;
};

/*
 * Creates the family's part of a new socket for current: sets s->ops and s->sk. May sleep. Returns
 * 0 or -errno; after an error *@s is freed, and release() is not called.
 */
typedef int (*sock_create_fn)(struct socket *s, int type, int protocol);
/* Registers a family, AF_*, at boot. */
void sock_register(int family, sock_create_fn create);
/*
 * Initialises @sk, which is all 0, with the defaults. Sets sk->net to current's namespace without
 * taking a reference.
 */
void sock_init_common(struct sock_common *sk, u16 family, u16 type, u32 protocol);
/* Returns the socket of a file, valid as long as the file, or NULL if the file is not a socket. */
struct socket *file_socket(struct file *f);
/*
 * Accepts a connection for asynchronous I/O, by the rules of async.h. @addr, @addrlen: as for
 * accept4(2). Returns a new descriptor or -errno.
 */
long sock_accept_file(struct file *f, uaddr_t addr, uaddr_t addrlen, int flags);
/* Receives up to @len bytes into @buf, by the rules of async.h. Returns their number or -errno. */
long sock_recv_file(struct file *f, uaddr_t buf, size_t len, u32 flags);
/*
 * Queues a copy of the @n bytes at @data as a message at the netlink socket @f; with @n 0 only
 * checks that @f is a netlink socket. If the queue is full, the message is lost, and the reader
 * gets ENOBUFS. Returns 0, -ENOTSOCK, -EINVAL or -ENOBUFS.
 */
int netlink_deliver(struct file *f, const void *data, u32 n);

#endif
