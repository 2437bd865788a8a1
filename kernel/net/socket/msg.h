/* SPDX-License-Identifier: MIT */
/*
 * msg.h: struct msg, one message on its way through a socket call, with its ancillary data (msg.c).
 *
 * Call sequence: sendmsg(2) parses the program's header and records into a struct msg, and calls
 * proto_ops.sendmsg; recvmsg(2) calls proto_ops.recvmsg, which adds records by msg_put_cmsg(), and
 * lays them out for the program. msg_end() frees what a message has.
 * Locks: none; a message belongs to the task that makes the call.
 */
#ifndef NESTLING_NET_MSG_H
#define NESTLING_NET_MSG_H

#include "kernel/lib/types.h"
#include "kernel/net/inet/addr.h"
#include "kernel/vfs/vfs.h"

struct file;
struct sk_buff;
struct sock_common;

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

/*
 * Credentials as in SCM_CREDENTIALS and SO_PEERCRED. Ids are the kernel's; they are translated when
 * they are copied to the program.
 */
struct ucred {
	u32 pid, uid, gid;
};
/* Return current's credentials: as a sender; as a peer that connects or listens. */
struct ucred current_ucred(void);
struct ucred current_peercred(void);
/* Translates ids into those of current's namespaces. */
struct ucred ucred_to_user(const struct ucred *c);

struct sockaddr_buf {
	u32 len; /* bytes of data */
	union {
		u16 family;
		u8 data[128];
	};
};

/* The sender's options for one message (ip(7), ipv6(7)). */
struct inet_control {
	bool has_src, has_ttl, has_tos, has_mark, has_segment, has_label, has_dontfrag, dontfrag;
	ip_addr src;
	int ifindex, ttl, tos;
	u32 mark;    /* SO_MARK */
	u32 label;   /* flow label, by IPV6_FLOWINFO */
	u16 segment; /* UDP_SEGMENT, bytes */
	/* extension headers: a reference, NULL: none */
	struct ip6_ext *ext;
	struct ip4_opts *opts; /* IPv4's options: a reference, NULL: none */
};

struct msg {
	/* send: the destination, or NULL; receive: filled if not NULL */
	struct sockaddr_buf *name;
	struct iov_iter iter; /* the payload */
	u32 flags;            /* MSG_* of the call */
	u32 out_flags;        /* receive: MSG_* to return */
	/* ancillary data: parsed for a send, to be returned for a receive */
	struct ucred cred;
	bool has_cred;
	/* references; the array is freed by the owner */
	struct file **files;
	u32 nr_files;
	bool nonblock;
	/* if nonblock: means SOCK_WAITS_LATER (sock_wait.h) */
	bool waits_later;
	/* send, with proto_ops.late_control: the error of the control messages */
	int ctl_err;
	/* ktime_get() at the end of the call's wait, 0: it has not waited yet (sock_wait.h) */
	u64 until;
	/* receive, streams: the time at which the last byte came, ns, 0: not taken */
	u64 stamp;
	bool has_tsflags, has_ts_id;
	/* send: SO_TIMESTAMPING of this message, and its number */
	u32 tsflags, ts_id;
	struct inet_control inet; /* send, AF_INET and AF_INET6 */
	/* receive: records of a family, by msg_put_cmsg() */
	u32 ctl_len; /* bytes */
	u8 ctl[512];
	/* used in place of ctl if there is more, else NULL; freed by msg_end() */
	u8 *ctl_long;
};
/* Adds a record for the receiver. One that does not fit is dropped, and MSG_CTRUNC set. */
void msg_put_cmsg(struct msg *m, int level, int type, const void *data, u32 n);
/* Lays the records out as recvmsg(2) does, in @room bytes at @to. Returns the bytes needed. */
u32 msg_flatten(const struct msg *m, u8 *to, u32 room);
/* Adds timestamps of data that arrived at @ns, as the socket's options ask. */
void msg_put_stamps(struct msg *m, const struct sock_common *c, u64 ns);
/* Adds a record of SO_TIMESTAMPING, whether or not the option is set. */
void msg_put_stamping(struct msg *m, const struct sock_common *c, u64 ns);
/* Adds timestamps and the other records about a packet that SOL_SOCKET's options enable. */
void msg_put_skb_info(struct msg *m, struct sock_common *c, const struct sk_buff *skb);

#endif
