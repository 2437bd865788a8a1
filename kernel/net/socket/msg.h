/* SPDX-License-Identifier: MIT */
/*
 * msg.h: struct msg, one message on its way through a socket call, with its ancillary data (msg.c).
 *
 * Call sequence: sendmsg(2) parses the program's header and records into a struct msg, and calls
 * proto_ops.sendmsg. recvmsg(2) calls proto_ops.recvmsg, which adds records by msg_put_cmsg(), and
 * copies them to the program. msg_end() frees the memory and references of a message.
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
/* Return the credentials of current: as a sender, and as a peer that connects or listens. */
struct ucred current_ucred(void);
struct ucred current_peercred(void);
/*
 * Translates ids into those of current's namespaces. An id without a mapping becomes 0 (pid) or the
 * overflow id.
 */
struct ucred ucred_to_user(const struct ucred *c);

/* An address, as the program has passed it or will get it; not necessarily complete. */
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
	/*
	 * ifindex: device index to send by, 0: any; ttl: TTL or hop limit, if has_ttl; tos: TOS or
	 * traffic class, if has_tos
	 */
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
	/* ancillary data: parsed by a send, to be returned by a receive */
	struct ucred cred;
	bool has_cred;
	/* files of SCM_RIGHTS, with references; msg_end() frees the array */
	struct file **files;
	u32 nr_files; /* number of `files` */
	/* the call must not wait */
	bool nonblock;
	/* with nonblock: the call's patience is SOCK_WAITS_LATER, not SOCK_TRIES (sock_wait.h) */
	bool waits_later;
	/* send, with proto_ops.late_control: the error found in the control messages, as -errno */
	int ctl_err;
	/* end of the call's wait (ktime_get()), 0: the call has not waited yet (sock_wait.h) */
	u64 until;
	/* receive, streams: arrival time of the last byte, ns, 0: not recorded */
	u64 stamp;
	bool has_tsflags, has_ts_id;
	/* send: SO_TIMESTAMPING and SCM_TS_OPT_ID for this message */
	u32 tsflags, ts_id;
	struct inet_control inet; /* send, AF_INET and AF_INET6 */
	/* receive: records that msg_put_cmsg() has added */
	u32 ctl_len; /* bytes */
	u8 ctl[512];
	/* used instead of ctl if that is too short, else NULL; freed by msg_end() */
	u8 *ctl_long;
};
/*
 * Adds a record with a copy of the @n bytes at @data for the receiver. A record that does not fit
 * is dropped, and MSG_CTRUNC is set. Does not sleep.
 */
void msg_put_cmsg(struct msg *m, int level, int type, const void *data, u32 n);
/*
 * Writes the records in the layout of recvmsg(2) to @to, a kernel buffer of @room bytes, and
 * truncates them if they do not fit. Returns the number of bytes written.
 */
u32 msg_flatten(const struct msg *m, u8 *to, u32 room);
/*
 * Adds timestamps of data that arrived at @ns (ktime_get_real()), which the socket's options
 * enable.
 */
void msg_put_stamps(struct msg *m, const struct sock_common *c, u64 ns);
/* Adds a record of SO_TIMESTAMPING with the time @ns, also if the option is not set. */
void msg_put_stamping(struct msg *m, const struct sock_common *c, u64 ns);
/* Adds timestamps, and the other records about a packet that options of SOL_SOCKET enable. */
void msg_put_skb_info(struct msg *m, struct sock_common *c, const struct sk_buff *skb);

#endif
