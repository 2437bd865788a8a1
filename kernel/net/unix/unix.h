/* SPDX-License-Identifier: MIT */
/*
 * unix.h: the door of AF_UNIX (unix(7)).
 *
 * What the folder is for: sockets, connections and options (unix.c), names in the file system and
 * abstract ones (unix_names.c), polling a datagram's receiver (unix_poll.c), data and ancillary
 * data (unix_send.c, unix_recv.c), urgent data (unix_oob.c), descriptors in flight that only refer
 * to each other (unix_gc.c).
 *
 * Types: struct unix_sock; struct unix_msg, a message in a receiver's queue; struct unix_polled, a
 * peer whose room is polled.
 *
 * Call sequence: unix_create(); bind(2) enters a name; connect(2) queues a socket at a listener,
 * accept(2) removes it; a sender queues a struct unix_msg at its peer, and a reader takes it;
 * release() puts the last reference, and starts the collector if descriptors are in flight.
 *
 * Locks, from the outside: read_mutex (one reader at a time) and polled_lock (mutexes);
 * unix_gc_lock (mutex), for descriptors that enter and leave queues; unix_names_lock, for names;
 * c.lock (spin) of a socket, for its queue, peer and state. Two c.locks are taken by
 * spin_lock_two().
 *
 * May know: socket/, vfs/ (files, names); no other family.
 */
#ifndef NESTLING_NET_UNIX_H
#define NESTLING_NET_UNIX_H

#include <linux/un.h>

#include "kernel/net/internal.h"
#include "kernel/vfs/landlock/landlock.h"

enum unix_state { UNIX_UNCONNECTED, UNIX_LISTEN, UNIX_CONNECTED, UNIX_DEAD };

struct unix_msg {
	struct list_head list; /* receiver's queue */
	u32 len, done;         /* bytes; taken so far (streams) */
	/* bytes that it counts for: the memory that Linux would need */
	u32 truesize;
	struct ucred cred;
	u64 stamp; /* when it was sent, real time */
	/* the sender, charged for the memory: keeps it */
	struct unix_sock *from;
	struct file **files; /* references in flight */
	u32 nr_files;
	/* the user against whose limit they count while in flight; a reference */
	struct user_struct *payer;
	/* the out-of-band byte, or, once it was read (done), the mark in its place */
	bool oob;
	/*
	 * the bytes: behind the structure, or in a slab object of their own where that would double
	 * the slab's size
	 */
	u8 *data;
};

struct unix_sock {
	/* c.lock protects the members below that are not marked otherwise */
	struct sock_common c;
	atomic_t refs;
	/*
	 * true sizes of messages that it sent and that are not read, and 1 for refs; atomic: the
	 * subtraction that makes it 0 frees the socket
	 */
	atomic64_t wmem;
	/* a writer has found no room: SIGIO is sent once there is room */
	bool nospace;
	struct hlist_node all; /* under unix_names_lock */
	/* the namespace of its abstract names: a reference; immutable */
	struct net *net;
	struct landlock_domain *landlock; /* a reference: its maker's; immutable */
	kuid_t uid;                       /* its maker's; immutable */
	enum unix_state state;
	struct unix_sock *peer; /* a reference */
	struct list_head queue; /* of unix_msg */
	u64 queued;             /* bytes in it */
	u32 nr_queued;
	/* a reader of the stream has the first message outside the queue, and may put it back */
	bool in_hand;
	/* the out-of-band byte in the queue that is not taken yet, or NULL */
	struct unix_msg *oob;
	/* tasks that wait for room in the queue of datagrams, or to connect */
	struct wait_queue_head space;
	struct mutex polled_lock;
	/* datagrams: unix_polled entries: peers on whose space queue our pollers may be */
	struct list_head polled;
	/* held by one reader at a time, which may have the first message in hand while it copies */
	struct mutex read_mutex;
	struct ucred peercred;
	const struct cred *peer_ids; /* references, set once; NULL */
	struct pid *peer_pid;
	/* a listener's: connected sockets that are not accepted yet */
	struct list_head pending; /* of pending_link */
	struct list_head pending_link;
	u32 nr_pending, backlog;
	/* the name; under unix_names_lock */
	struct sockaddr_buf *name; /* set once */
	struct path path;          /* of a name in the file system */
	struct hlist_node name_hash;
	/* garbage collection; under unix_gc_lock */
	struct file *file; /* while open; not a reference */
	struct list_head inflight_link;
	u32 inflight, gc_refs;
	bool gc_live;
};
static inline struct unix_sock *UNIX(struct socket *s)
{
	return container_of(s->sk, struct unix_sock, c);
}
void unix_msg_free(struct unix_msg *m);

extern int unix_max_dgram_qlen; /* net.unix */
#define UNIX_MAX_DGRAM_QUEUE ((u32)READ_ONCE(unix_max_dgram_qlen))

/* unix.c */
void unix_wake_readers(struct unix_sock *u);
void unix_wake_space(struct unix_sock *u);
int unix_dgram_connect(struct socket *s, struct sockaddr_buf *a, bool nonblock);
void unix_get(struct unix_sock *u);
void unix_put(struct unix_sock *u);
/* Charges @m's memory to its sender @u, which stays until unix_msg_free(). */
void unix_charge(struct unix_sock *u, struct unix_msg *m);
static inline u64 unix_wmem(const struct unix_sock *u)
{
	return (u64)atomic_read(&u->wmem) - 1;
}
/* Counts the 1 for refs, as on Linux, so that poll(2) and uncharge(), which has it left, agree. */
static inline bool unix_has_much_room(const struct unix_sock *u)
{
	return (u64)atomic_read(&u->wmem) * 4 <= u->c.sndbuf;
}

/* unix_poll.c */
u32 unix_poll(struct socket *s, struct file *f, struct poll_table *pt);
long unix_ioctl(struct socket *s, u32 cmd, u64 arg);
/* Returns the value of FIONREAD: bytes to read; of a datagram socket those of the first. */
u32 unix_inq(struct unix_sock *u);
void unix_forget_polled(struct unix_sock *u); /* its file is closed: ends its polls */

/* unix_names.c */
/* Checks an address: 0 or -EINVAL. A path is terminated and its length is cut to it. */
void unix_names_init(void);
int unix_check_addr(struct sockaddr_buf *a);
int unix_check_target(struct sockaddr_buf *a); /* checks a name to connect or send to */
/* True if current's landlock domain lets it reach the socket. */
bool unix_in_scope(const struct unix_sock *u); /* landlock.h */
/* Finds the socket that an address names, with a reference. ERR_PTR. */
struct unix_sock *unix_find_sock(const struct net *net, struct sockaddr_buf *a, u16 type);
int unix_bind(struct socket *s, struct sockaddr_buf *a);
/* Gives a socket with SO_PASSCRED a name when it sends. */
int unix_name_asked(struct unix_sock *u);
int unix_getname(struct socket *s, struct sockaddr_buf *a, bool peer);
/* Writes the sender's name of @u to @a: of length 0 when it has none, or @u is NULL. */
void unix_name_told(const struct unix_sock *u, struct sockaddr_buf *a);
/* Gives an accepted socket its listener's name, by which it is not found. */
void unix_name_accepted(struct unix_sock *srv, const struct unix_sock *l);
void unix_unhash(struct unix_sock *u); /* found by its name no more */
void unix_enlist(struct unix_sock *u); /* onto the list of all */
void unix_unlist(struct unix_sock *u);
/* Finds a socket by its inode number: a reference, or NULL. */
struct unix_sock *unix_by_ino(const struct net *net, u64 ino);
/*
 * Takes references on sockets of @net behind the first @skip, at most @most, and returns their
 * number.
 */
u32 unix_list(const struct net *net, struct unix_sock **to, u32 most, u32 skip);

/* unix_send.c */
ssize_t unix_stream_sendmsg(struct socket *s, struct msg *m);
ssize_t unix_dgram_sendmsg(struct socket *s, struct msg *m);
bool unix_receiver_gone(const struct unix_sock *to);
/* Datagrams: as many are waiting in @to as may; not from its own peer. Under its lock. */
bool unix_queue_full(const struct unix_sock *u, const struct unix_sock *to);
struct unix_sock *unix_peer_get(struct unix_sock *u);

/* unix_recv.c */
ssize_t unix_stream_recvmsg(struct socket *s, struct msg *m);
ssize_t unix_dgram_recvmsg(struct socket *s, struct msg *m);
struct unix_msg *unix_dequeue(struct unix_sock *u);
/* Wakes senders that wait for room, after @n bytes were read, of datagrams one. */
void unix_consumed(struct unix_sock *u, u64 n);
/* True if there is something to read, in the queue or held by a reader that may put it back. */
bool unix_readable(struct unix_sock *u);

/* unix_oob.c */
/* Notes that @um, an out-of-band message, has come into @to's queue. to->c.lock held. */
void unix_oob_comes(struct unix_sock *to, struct unix_msg *um);
/*
 * True if the front message ends a read. @first: the read has nothing yet, and skips marks.
 * read_mutex held.
 */
bool unix_oob_stops(struct unix_sock *u, bool first);
/* True if the mark @um ends a peek that has data already (@some). */
bool unix_oob_stops_peek(struct unix_sock *u, const struct unix_msg *um, bool some);
/* Receives MSG_OOB: 1, -EINVAL (there is none) or -EFAULT. */
ssize_t unix_oob_recv(struct unix_sock *u, struct msg *m);

/* unix_gc.c */
/* True if current's user has too many in flight. */
bool unix_too_many_inflight(void);
void unix_inflight(struct unix_msg *m);    /* its files go into a queue */
void unix_notinflight(struct unix_msg *m); /* they leave the queue */
/* Collects cycles when a socket is closed; cheap when nothing is in flight. */
void unix_gc(void);
void unix_gc_lock_queue(void); /* around taking descriptors out of a queue */
void unix_gc_unlock_queue(void);
struct unix_sock *unix_of_file(struct file *f);

#endif
