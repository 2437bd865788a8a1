/* SPDX-License-Identifier: MIT */
/*
 * unix.h: the public header of AF_UNIX (unix(7)).
 *
 * What the folder is for: sockets, connections and options (unix.c), abstract names and names in
 * the file system (unix_names.c), polling (unix_poll.c), data and ancillary data (unix_send.c,
 * unix_recv.c), out-of-band data (unix_oob.c), and the collection of sockets in flight that only
 * refer to each other (unix_gc.c).
 *
 * Types: struct unix_sock; struct unix_msg, a message in a receiver's queue; struct unix_polled, a
 * peer whose queue is polled for room.
 *
 * Call sequence: unix_create(); bind(2) enters a name; connect(2) queues a socket at a listener,
 * accept(2) removes it; a sender adds a struct unix_msg to its peer's queue, and a reader removes
 * it; release() drops the file's reference, and starts the collector if descriptors are in flight.
 *
 * Locks, from the outside: read_mutex (one reader at a time) and polled_lock (mutexes);
 * unix_gc_lock (mutex), for counting the descriptors of a message before it is queued, and for
 * taking them out of it; unix_names_lock, for names; c.lock (spin) of a socket, for its queue, peer
 * and state. Two c.locks are taken by spin_lock_two().
 *
 * May depend on: socket/, vfs/ (files, names); no other family.
 */
#ifndef NESTLING_NET_UNIX_H
#define NESTLING_NET_UNIX_H

#include <linux/un.h>

#include "kernel/net/internal.h"
#include "kernel/vfs/landlock/landlock.h"

enum unix_state { UNIX_UNCONNECTED, UNIX_LISTEN, UNIX_CONNECTED, UNIX_DEAD };

struct unix_msg {
	struct list_head list; /* in the receiver's queue */
	/* len: bytes at data; done: those that a stream's readers have read so far */
	u32 len, done;
	/* bytes charged to the sender: the memory that Linux would need */
	u32 truesize;
	struct ucred cred;
	u64 stamp; /* time of sending, ktime_get_real() */
	/* the sender, which is charged, and is not freed before the charge ends */
	struct unix_sock *from;
	struct file **files; /* descriptors in flight, references */
	u32 nr_files;
	/* the user whose limit of descriptors in flight the files count against; a reference */
	struct user_struct *payer;
	/*
	 * the message is the out-of-band byte (done is 0), or the mark that remains after that byte
	 * was received (done is 1)
	 */
	bool oob;
	/*
	 * the bytes: behind this structure, or in a slab object of their own if the slab would
	 * otherwise round up to twice the size
	 */
	u8 *data;
};

struct unix_sock {
	/* c.lock protects the members below, except where a comment names another lock */
	struct sock_common c;
	atomic_t refs;
	/*
	 * sum of truesize of the messages that the socket sent and that are not freed yet, plus 1
	 * while refs is not 0; the atomic subtraction that reaches 0 frees the socket
	 */
	atomic64_t wmem;
	/* a writer has found no room: send SIGIO when there is room */
	bool nospace;
	struct hlist_node all; /* in the list of all; unix_names_lock */
	/* the namespace of the socket's abstract names, a reference; immutable */
	struct net *net;
	/* landlock domain of the creating task, a reference; immutable */
	struct landlock_domain *landlock;
	kuid_t uid; /* uid of the creating task; immutable */
	enum unix_state state;
	struct unix_sock *peer; /* a reference */
	struct list_head queue; /* of unix_msg */
	u64 queued;             /* bytes in the queue */
	u32 nr_queued;
	/* a reader of a stream has removed the first message, and may put it back */
	bool in_hand;
	/* the message with the out-of-band byte, while it is queued and not received; else NULL */
	struct unix_msg *oob;
	/* tasks that wait for room in the queue of datagrams, or to connect to the listener */
	struct wait_queue_head space;
	struct mutex polled_lock;
	/*
	 * datagram sockets: list of unix_polled, the peers on whose space queue our pollers may be;
	 * under polled_lock
	 */
	struct list_head polled;
	/* held by one reader at a time, which may have removed the first message while it copies */
	struct mutex read_mutex;
	struct ucred peercred;
	/* the peer's credentials, a reference, set once; NULL: none */
	const struct cred *peer_ids;
	struct pid *peer_pid; /* like peer_ids, for SO_PEERPIDFD */
	/* connections to a listener that are not accepted yet */
	struct list_head pending; /* unix_socks, by pending_link */
	struct list_head pending_link;
	/* nr_pending: sockets in `pending`; backlog: their limit, by listen(2) */
	u32 nr_pending, backlog;
	/* the name; protected by unix_names_lock */
	struct sockaddr_buf *name; /* set once */
	struct path path;          /* of a name in a file system */
	struct hlist_node name_hash;
	/* garbage collection; under unix_gc_lock */
	struct file *file; /* the open file, without a reference */
	struct list_head inflight_link;
	/*
	 * inflight: references to the file in flight. During a collection, gc_refs: those of them
	 * that are not in queues of candidates for garbage; gc_live: the socket is not garbage.
	 */
	u32 inflight, gc_refs;
	bool gc_live;
	/* the next socket that the collector visits */
	struct unix_sock *gc_next;
};
/* Returns the structure of an AF_UNIX socket, without a reference. */
static inline struct unix_sock *UNIX(struct socket *s)
{
	return container_of(s->sk, struct unix_sock, c);
}
/* Frees a message that is in no queue, with its files, and ends its charge. May sleep. */
void unix_msg_free(struct unix_msg *m);

extern int unix_max_dgram_qlen; /* sysctl of net.unix */
#define UNIX_MAX_DGRAM_QUEUE ((u32)READ_ONCE(unix_max_dgram_qlen))

/* unix.c: Wakes up readers and pollers of @u. */
void unix_wake_readers(struct unix_sock *u);
/* unix.c: Wakes up the tasks that wait for room in the queue of @u. */
void unix_wake_space(struct unix_sock *u);
/* proto_ops.connect of datagram sockets. */
int unix_dgram_connect(struct socket *s, struct sockaddr_buf *a, bool nonblock);
/* Take and drop a reference. */
void unix_get(struct unix_sock *u);
void unix_put(struct unix_sock *u);
/* Charges @m's memory to its sender @u, which is not freed before unix_msg_free(@m). */
void unix_charge(struct unix_sock *u, struct unix_msg *m);
/* Returns the bytes of messages that the socket has sent and that are not freed yet. */
static inline u64 unix_wmem(const struct unix_sock *u)
{
	return (u64)atomic_read(&u->wmem) - 1;
}
/*
 * True if a quarter of the send buffer, at most, is used. Counts the 1 for refs, as on Linux; since
 * uncharge() counts it too, poll(2) and wake-ups agree.
 */
static inline bool unix_has_much_room(const struct unix_sock *u)
{
	return (u64)atomic_read(&u->wmem) * 4 <= u->c.sndbuf;
}

/* unix_poll.c: Operations of struct proto_ops. */
u32 unix_poll(struct socket *s, struct file *f, struct poll_table *pt);
long unix_ioctl(struct socket *s, u32 cmd, u64 arg);
/*
 * Returns the value of FIONREAD: the bytes in the queue; of a SOCK_DGRAM socket, the bytes of the
 * first datagram. Takes c.lock.
 */
u32 unix_inq(struct unix_sock *u);
/* Ends the polls of @u, whose file is being closed. May sleep. */
void unix_forget_polled(struct unix_sock *u);

/* unix_names.c */
/* Chooses the key of the hash of names, at boot. */
void unix_names_init(void);
/*
 * Checks an address. A path gets a terminating zero byte, and a->len ends behind that byte. Returns
 * 0 or -EINVAL.
 */
int unix_check_addr(struct sockaddr_buf *a);
/* Checks an address to connect or send to. Returns 0 or -EINVAL. */
int unix_check_target(struct sockaddr_buf *a);
/*
 * True if current's Landlock domain (landlock.h) lets current reach the socket, as it does unless
 * the socket has an abstract name.
 */
bool unix_in_scope(const struct unix_sock *u);
/*
 * Returns the socket that is bound to an address, with a reference. May sleep. Returns
 * ERR_PTR(-ECONNREFUSED) if there is none, ERR_PTR(-EPROTOTYPE) if the socket of a path is not of
 * type @type (SOCK_*), or an error of the path's lookup. An abstract name is looked up among the
 * sockets of @net that have this type.
 */
struct unix_sock *unix_find_sock(const struct net *net, struct sockaddr_buf *a, u16 type);
/* proto_ops.bind. A length of 2 requests an automatic name. */
int unix_bind(struct socket *s, struct sockaddr_buf *a);
/*
 * Binds a socket that has SO_PASSCRED or SO_PASSPIDFD set, and no name, to an automatic name. May
 * sleep. Returns 0 or -errno.
 */
int unix_name_asked(struct unix_sock *u);
/* proto_ops.getname. */
int unix_getname(struct socket *s, struct sockaddr_buf *a, bool peer);
/* Writes the name of @u to @a, for a receiver; length 0: it has none, or @u is NULL. */
void unix_name_reported(const struct unix_sock *u, struct sockaddr_buf *a);
/* Gives an accepted socket the name of its listener. Lookups do not find it by that name. */
void unix_name_accepted(struct unix_sock *srv, const struct unix_sock *l);
/* Removes the name of @u from the hash, so that no lookup finds it. Takes unix_names_lock. */
void unix_unhash(struct unix_sock *u);
/* Adds @u to the list of all sockets. Takes unix_names_lock. */
void unix_enlist(struct unix_sock *u);
/* Removes @u from the list of all sockets. Takes unix_names_lock. */
void unix_unlist(struct unix_sock *u);
/* Finds a socket by inode number, with a reference, or returns NULL. */
struct unix_sock *unix_by_ino(const struct net *net, u64 ino);
/*
 * Writes at most @most sockets of @net, with references, to @to, after skipping the first @skip.
 * Returns their number. Takes unix_names_lock.
 */
u32 unix_list(const struct net *net, struct unix_sock **to, u32 most, u32 skip);

/* unix_send.c: proto_ops.sendmsg of stream sockets. */
ssize_t unix_stream_sendmsg(struct socket *s, struct msg *m);
/* unix_send.c: proto_ops.sendmsg of datagram and seqpacket sockets. */
ssize_t unix_dgram_sendmsg(struct socket *s, struct msg *m);
/* True if @to is closed, or is shut down for reading. */
bool unix_receiver_gone(const struct unix_sock *to);
/*
 * True if @to's queue has no room for a datagram of @u. There is no limit if @u is @to or @to's
 * peer, or is not of type SOCK_DGRAM. to->c.lock held.
 */
bool unix_queue_full(const struct unix_sock *u, const struct unix_sock *to);
/* Returns the socket's peer, with a reference, or NULL. Takes c.lock. */
struct unix_sock *unix_peer_get(struct unix_sock *u);

/* unix_recv.c: proto_ops.recvmsg of stream sockets. */
ssize_t unix_stream_recvmsg(struct socket *s, struct msg *m);
/* unix_recv.c: proto_ops.recvmsg of datagram and seqpacket sockets. */
ssize_t unix_dgram_recvmsg(struct socket *s, struct msg *m);
/*
 * Removes the first message of the queue and returns it, owned by the caller; NULL: the queue is
 * empty. read_mutex held; takes c.lock.
 */
struct unix_msg *unix_dequeue(struct unix_sock *u);
/*
 * Subtracts from u->queued @n bytes that were read. For a SOCK_DGRAM socket, wakes up senders that
 * wait for room. Takes c.lock.
 */
void unix_consumed(struct unix_sock *u, u64 n);
/*
 * True if there is something to read: queued, or removed by a reader that may put it back. Takes
 * c.lock.
 */
bool unix_readable(struct unix_sock *u);

/* unix_oob.c */
/*
 * Handles the out-of-band message @um, which is about to be added to @to's queue. to->c.lock held.
 */
void unix_oob_comes(struct unix_sock *to, struct unix_msg *um);
/*
 * True if a read ends before the message at the front. @first: the read has no data yet, and skips
 * marks. read_mutex held.
 */
bool unix_oob_stops(struct unix_sock *u, bool first);
/* True if the mark @um ends a peek. @some: the peek has data already. read_mutex held. */
bool unix_oob_stops_peek(struct unix_sock *u, const struct unix_msg *um, bool some);
/* Receives MSG_OOB. Returns 1, -EINVAL if there is no such byte, or -EFAULT. read_mutex held. */
ssize_t unix_oob_recv(struct unix_sock *u, struct msg *m);

/* unix_gc.c */
/*
 * True if current's user has more than RLIMIT_NOFILE descriptors in flight, unless current has
 * CAP_SYS_RESOURCE or CAP_SYS_ADMIN.
 */
bool unix_too_many_inflight(void);
/*
 * Counts @m's files as in flight, before @m is queued at @to. Takes unix_gc_lock, unless the caller
 * holds it; may sleep.
 */
void unix_inflight(struct unix_msg *m, const struct unix_sock *to);
/*
 * Uncounts @m's files, which were received or are dropped. Takes unix_gc_lock, unless the caller
 * holds it; may sleep.
 */
void unix_notinflight(struct unix_msg *m);
/*
 * Frees garbage; called when a socket is closed. Cheap while no sockets in flight can refer to each
 * other in a cycle. May sleep.
 */
void unix_gc(void);
/* Take and release unix_gc_lock, so that no collection runs while descriptors leave a queue. */
void unix_gc_lock_queue(void);
void unix_gc_unlock_queue(void);
/* Returns the AF_UNIX socket of a file, valid as long as the file, or NULL for another file. */
struct unix_sock *unix_of_file(struct file *f);

#endif
