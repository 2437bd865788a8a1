/* SPDX-License-Identifier: MIT */
/*
 * netlink.h: the public header of AF_NETLINK: sockets for protocols that answer requests and notify
 * listeners of changes.
 *
 * What the folder is for: the sockets themselves: ports, queues, messages between programs
 * (netlink.c), groups and the delivery of notifications (netlink_group.c); the protocols: route
 * (rtnl.h and rtnl_*.c), sock_diag (sock_diag.c), the generic family's controller (genl.c), the
 * connector (connector.c), kernel events (uevent.c); and the sysctls of devices (netconf.h), which
 * netlink also reports.
 *
 * Types: struct nl_proto, a protocol; struct nl_sock; struct nl_msg, a message in a queue; struct
 * nl_hub, the sockets and the notifications of a protocol in a namespace.
 *
 * Call sequence: a protocol registers its struct nl_proto; sendmsg() calls nl_proto.serve() with
 * each request, and acknowledges it. nl_to_group() sends notifications: to a small group at once,
 * else by the hub's log, from which each listener gets them at its next read or poll, or from a
 * worker.
 *
 * Locks: nl_lock (spin) for the list of sockets, their ports, groups and hubs; c.lock of a socket,
 * taken inside nl_lock, for its queue.
 *
 * The folder may include headers of link/, route/, neigh/, inet/, bridge/ and sched/, whose state
 * rtnetlink shows and changes.
 */
#ifndef NESTLING_NET_NETLINK_H
#define NESTLING_NET_NETLINK_H

#include <linux/netlink.h>

#include "kernel/net/packet/filter.h"
#include "kernel/net/internal.h"
#include "kernel/net/netlink/rtnl.h"

#define SOL_NETLINK 270
#define NL_GROUPS_MAX 64

struct nl_msg {
	struct list_head list;
	/*
	 * from: port number of the sender, 0: the kernel; group: the group to which the message was
	 * sent, 0: none
	 */
	u32 from, group;
	struct ucred cred;
	/* bytes of data */
	u32 len;
	u32 truesize; /* bytes charged against SO_RCVBUF */
	u8 data[];
};

struct nl_sock;

/* A protocol of netlink. */
struct nl_proto {
	int protocol;
	u32 groups; /* number of groups */
	/* all programs may join the groups; else only programs with CAP_NET_ADMIN */
	bool all_recv;
	/* all programs may send messages to each other; else only programs with CAP_NET_ADMIN */
	bool all_send;
	/*
	 * Serves a request, which it borrows. May sleep. Returns 0 when it is done (and
	 * acknowledged if requested), 1 when it has answered by itself, or -errno. NULL: the
	 * protocol takes no requests.
	 */
	int (*serve)(struct nl_sock *n, const struct nlmsghdr *req);
	/*
	 * Serves messages that belong together, from @off on. Returns the offset of the next
	 * message, or @off if the message at @off is to be served alone. NULL: all messages are
	 * served alone.
	 */
	u32 (*serve_batch)(struct nl_sock *n, const void *buf, u32 len, u32 off);
	/* requests are served in the first network namespace only */
	bool first_net;
	/*
	 * Filters a message to a group: true if its member @n gets the message @data. nl_lock held.
	 * NULL: each member gets it.
	 */
	bool (*wants)(const struct nl_sock *n, const void *data, u32 len);
	/*
	 * Ends the protocol's part of a socket that is being closed and is in no list. May be NULL.
	 */
	void (*release)(struct nl_sock *n);
};
extern const struct nl_proto nl_diag, nl_generic, nl_netfilter, nl_connector;

/* A message in the log of a hub. */
struct nl_copy {
	struct list_head list;
	u64 seq;
	/*
	 * bit g - 1 of @lost: messages to group g were lost after this one; @lost_seq: the number
	 * of the last of these, 0: none
	 */
	u64 lost_seq, lost;
	u32 group;
	/*
	 * A socket that does not get the message. The pointer is only compared: a later socket at
	 * this address has a greater @seen, and does not get the message either.
	 */
	const struct nl_sock *but;
	/* NULL: hub->spare, which only records a loss; seq is 0 then */
	struct nl_msg *m;
};

/*
 * The sockets of one protocol in one namespace; exists while there is such a socket. All under
 * nl_lock.
 */
struct nl_hub {
	const struct net *net; /* immutable, like protocol */
	int protocol;
	u32 socks;
	struct list_head list; /* in the list of all hubs */
	/* members of group n + 1, by nl_member.node */
	struct hlist_head groups[NL_GROUPS_MAX];
	u32 members[NL_GROUPS_MAX]; /* numbers of members of the groups */
	/* listening sockets (nl_sock.listening), the lowest floor first */
	struct list_head listeners;
	/* messages (nl_copy) that some listeners have not received yet */
	struct list_head log;
	/* messages in log, and their bytes, both without spare */
	u32 logged, log_bytes;
	/* an entry of the log that takes no memory, for a loss while the log is empty */
	struct nl_copy spare;
	u64 newest; /* number of the latest message */
	struct work work;
	/* work is queued or runs, so the hub must not be freed */
	bool working;
};

struct nl_sock {
	struct sock_common c;
	const struct nl_proto *proto; /* immutable */
	struct nl_hub *hub;           /* immutable */
	/* under nl_lock, like the members below down to word */
	struct list_head all;
	struct hlist_node port_node; /* in a hash of bound sockets */
	struct list_head in;         /* memberships (nl_member.own) */
	/* in hub->listeners; empty: the socket is in no group */
	struct list_head listening;
	/* number of the last message in the hub's log that the socket has received */
	u64 seen;
	/* the value of seen when the socket was put at the end of hub->listeners */
	u64 floor;
	u32 portid; /* 0: not bound */
	u64 groups; /* bit n: member of group n + 1 */
	u64 word;   /* owned by the protocol */
	/*
	 * true once the socket has joined a group, or has used NETLINK_DROP_MEMBERSHIP:
	 * NETLINK_LIST_MEMBERSHIPS returns a list
	 */
	bool has_groups;
	/* set by connect(2); changed under c.lock, read without it */
	u32 dst_portid, dst_groups;
	struct list_head queue; /* of nl_msg; under c.lock */
	u64 queued;             /* bytes, sum of truesize; under c.lock */
	/* bit NETLINK_*: the option is set; read and changed without a lock */
	u32 options;
};

/*
 * Puts a copy of @len bytes, one or more messages, into the socket's queue. @force: the message is
 * (part of) an answer, which must be complete. May sleep. Returns 0, also if the queue is full,
 * which the next recvmsg(2) reports; or -ENOBUFS without memory.
 */
int nl_queue_bytes(struct nl_sock *n, const void *data, u32 len, bool force);
/* Queues a message for the socket, or drops it if there is no room. Does not sleep. */
void nl_notify(struct nl_sock *n, const void *data, u32 len);
/*
 * Answers @req: calls @put with @what and @flags to build a message, and queues the message if it
 * is not empty. May sleep. Returns 0, -ENOMEM or -ENOBUFS, as do the next three functions.
 */
int nl_answer(struct nl_sock *n, const struct nlmsghdr *req, rtnl_put_fn put, const void *what,
	u16 flags);
/*
 * Answers with the error @err (-errno), or if @err is 0 with an acknowledgement. A socket that has
 * set NETLINK_EXT_ACK also gets the text @why (NULL: none) and @offset, the bytes from the start of
 * the request to the attribute at fault (0: none). The answer is lost if the queue is full, which
 * the next recvmsg(2) reports. May sleep.
 */
int nl_error(struct nl_sock *n, const struct nlmsghdr *req, int err, const char *why, u32 offset);
/* Ends a dump: queues NLMSG_DONE. May sleep. */
int nl_done(struct nl_sock *n, const struct nlmsghdr *req);
/*
 * Ends a dump with the result @err (0 or -errno); NLMSG_DONE has @flags beside NLM_F_MULTI. May
 * sleep.
 */
int nl_done_with(struct nl_sock *n, const struct nlmsghdr *req, int err, u16 flags);
/*
 * Sends a copy of a message to every member of @group (from 1 on) of @protocol in @net; NULL: in
 * every namespace that the initial user namespace owns. Does not sleep. Without memory the message
 * is lost, and the members get ENOBUFS.
 */
void nl_broadcast(struct net *net, int protocol, u32 group, const void *data, u32 len);
/* Sends a message to every member of @group except @but (NULL: to all). */
void nl_broadcast_but(struct net *net, int protocol, u32 group, const void *data, u32 len,
	const struct nl_sock *but);
/* Reports ENOBUFS to every member of @group: there was no memory for a message. */
void nl_broadcast_lost(struct net *net, int protocol, u32 group);
/* True if the group (from 1 on) has members. Takes nl_lock. */
bool nl_has_listeners(struct net *net, int protocol, u32 group);
/* Sets nl_sock.word and returns the old value. */
u64 nl_set_word(struct nl_sock *n, u64 word);
/*
 * Walks over all sockets in portions, for sock_diag and /proc/net/netlink. Sockets that are made
 * meanwhile are left out:
 *
 *	mark = nl_walk_begin();			NULL: no memory
 *	while (nl_walk(mark, 128, fn, arg))	calls @fn with nl_lock held, for at most 128
 *		...				sockets; false: no socket is left
 *	nl_walk_end(mark);
 */
struct nl_sock *nl_walk_begin(void);
bool nl_walk(
	struct nl_sock *mark, u32 most, void (*fn)(const struct nl_sock *n, void *arg), void *arg);
void nl_walk_end(struct nl_sock *mark);

/* ---- netlink.c and netlink_group.c ---- */

extern spinlock_t nl_lock;
/* Returns a message with a copy of @data, owned by the caller, or NULL. */
struct nl_msg *nl_msg_new(const void *data, u32 len, gfp_t gfp);
/*
 * Puts a message into the socket's queue, unless the socket's filter drops it. @force: also if the
 * queue is full, unless all queues together take a sixteenth of the memory. Consumes @m. Takes
 * c.lock. Returns 0, or -ENOBUFS if the message was lost.
 */
int nl_queue_msg(struct nl_sock *n, struct nl_msg *m, bool force);
/*
 * Adds a socket to the hub of its protocol and namespace, which it makes if there is none. May
 * sleep. Returns 0 or -ENOMEM.
 */
int nl_hub_enter(struct nl_sock *n);
/*
 * Removes a socket from its groups and its hub. nl_lock held. Returns the hub if the caller must
 * free it, else NULL.
 */
struct nl_hub *nl_hub_leave(struct nl_sock *n);
/*
 * Joins the groups in both @mask and @want, and leaves the others of @mask. May sleep. Returns 0,
 * or -ENOMEM with no change.
 */
int nl_set_groups(struct nl_sock *n, u64 mask, u64 want);
/*
 * Queue the messages of the hub's log that the socket has not received yet. nl_catch_up() may
 * sleep, and returns true if there were any; nl_catch_up_locked() is called with nl_lock held.
 */
bool nl_catch_up(struct nl_sock *n);
void nl_catch_up_locked(struct nl_sock *n);
/*
 * If the socket's queue is empty, queues some of the logged messages for it. For a caller that only
 * tests whether the socket has a message.
 */
void nl_catch_up_some(struct nl_sock *n);
/*
 * Delivers logged messages of @n's hub while the log is more than half full. For a task that logs
 * many messages. May sleep.
 */
void nl_help(struct nl_sock *n);
/*
 * Sends a copy of @m to the members of @group (from 1 on) except @but (NULL: to all), in the
 * namespaces of nl_broadcast(). Does not consume @m; NULL: the message is lost, which the members
 * learn as ENOBUFS. Takes nl_lock.
 */
void nl_to_group(struct net *net, int protocol, u32 group, const struct nl_msg *m,
	const struct nl_sock *but);

#endif
