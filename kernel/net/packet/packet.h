/* SPDX-License-Identifier: MIT */
/*
 * packet.h: the public header of AF_PACKET (packet(7)): sockets for packets as devices send and
 * receive them; and of BPF programs on sockets (filter.h).
 *
 * What the folder is for:
 *     packet.c         sockets: addresses, sending, receiving, options
 *     packet_tap.c     taps: puts the packets of devices into the sockets' queues and rings
 *     packet_mem.c     the memory of rings, shared with the program (TPACKET_V1 to V3)
 *     packet_ring.c    received packets: PACKET_RX_RING
 *     packet_tx.c      packets to send: PACKET_TX_RING
 *     packet_fanout.c  sockets that share packets among them: PACKET_FANOUT
 *     packet_vnet.c    packets not yet segmented or checksummed: PACKET_VNET_HDR
 *     filter.c         SO_ATTACH_FILTER and SO_ATTACH_BPF, of all families
 *
 * Types: struct packet_sock; struct packet_ring; struct packet_fanout; struct sk_filter (filter.h).
 *
 * Call sequence: bind(2) makes a socket a tap of a device (packet_look()); dev_xmit() and eth_rx()
 * call packet_tap_out() and packet_tap_in() while there are taps; each tap queues a clone, or
 * copies the packet into its ring.
 *
 * Locks, from the outside: op (mutex) serializes changes of options; tx_op (mutex) is held while
 * frames of the ring are sent; packet_taps_lock (spin) protects the taps and their devices and
 * protocols, and is held while packets are queued; q_lock of a socket (spin) protects its queue,
 * ring and counts.
 *
 * May know: link/, socket/; filter.c is used by all families.
 */
#ifndef NESTLING_NET_PACKET_H
#define NESTLING_NET_PACKET_H

#include <linux/if_packet.h>

#include "kernel/net/packet/filter.h"
#include "kernel/net/internal.h"
#include "kernel/net/socket/skb.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/timer.h"

#define SOL_PACKET 263
#define PACKET_MEMBERS_MAX 32
#define PACKET_VNET_HDR_SZ 24 /* missing in older headers */

struct packet_ring;
struct packet_tx;
struct packet_fanout;
struct packet_rollover;

struct packet_member {
	struct list_head list;
	int ifindex;
	/* dev->id of the device: another device may have its index by now */
	u64 dev_id;
	/* number of times that the membership was added */
	u32 users;
	u16 type, alen;
	u8 addr[8];
};

struct packet_sock {
	struct sock_common c;
	/* references: one of the file, and one of each sent packet that is not freed yet */
	atomic_t refs;
	struct mutex op;
	/* the socket is a tap; under packet_taps_lock, like the members below */
	bool running;
	struct hlist_node tap;
	u16 proto;   /* host order; 0: no protocol */
	int ifindex; /* 0: every device */
	bool ignore_outgoing;
	struct packet_fanout *fanout;     /* written with op held, too */
	struct packet_rollover *rollover; /* the socket's own, while it is in a group */

	/* options, under op */
	bool auxdata, origdev, loss, tx_has_off, qdisc_bypass;
	/* version: TPACKET_*; reserve, copy_thresh: bytes; timestamp: SOF_TIMESTAMPING_* */
	u32 version, reserve, copy_thresh, timestamp;
	/* size of the virtio header before each packet (PACKET_VNET_HDR), 0: none */
	u32 vnet;
	struct list_head members; /* of packet_member */

	/* under q_lock, like the members below */
	spinlock_t q_lock;
	struct list_head rq;
	/*
	 * rmem: sum of skb_truesize() of the packets in rq; packets, drops: numbers since the last
	 * PACKET_STATISTICS
	 */
	u32 rmem, packets, drops;
	struct packet_ring *ring;
	struct packet_tx *tx; /* under tx_op, too */
	atomic_t wmem;        /* bytes of sent packets not freed yet */

	struct mutex tx_op;
	/* file with the memory of both rings; under op */
	struct file *ring_file;
};
/* Drops a reference; the last one frees the socket. */
void packet_put(struct packet_sock *p);
/* Returns the structure of an AF_PACKET socket, without a reference. */
static inline struct packet_sock *PACKET(struct socket *s)
{
	return container_of(s->sk, struct packet_sock, c);
}

/* Returns the length in bytes of the link header of a device of that type. */
static inline u32 packet_link_len(u16 hatype)
{
	return hatype == ARPHRD_NONE ? 0 : ETH_HLEN;
}

extern spinlock_t packet_taps_lock;
/*
 * packet_tap.c: Binds a socket to a device and a protocol, and makes it a tap. @ifindex 0: every
 * device. @proto: host order; 0: the socket is no tap any more. Takes net->lock, then
 * packet_taps_lock. Returns 0, -ENODEV with no change, or -ENETDOWN if the device is down: the
 * socket is then bound, but is no tap.
 */
int packet_look(struct packet_sock *p, int ifindex, u16 proto);
/* Calls @fn for each tap of @net, with packet_taps_lock held; for lists. */
void packet_for_each(
	struct net *net, void (*fn)(const struct packet_sock *p, void *arg), void *arg);
/* Ends the tap of a socket. Takes packet_taps_lock. */
void packet_look_away(struct packet_sock *p);

/* The destination of a packet. @proto is in host order; @dev has no reference (netdev.h). */
struct packet_to {
	struct net_device *dev;
	u16 proto;
	bool named; /* addr was given */
	u8 halen, addr[8];
};
/*
 * Checks a packet from the program. Returns 0 or -errno; on error the packet is freed. With
 * PACKET_VNET_HDR, removes the header with which the packet begins. @pieces (may be NULL) becomes
 * the size of the payload of each fragment into which the packet is to be cut, 0: it is not cut.
 */
int packet_prepare(
	struct packet_sock *p, struct sk_buff *skb, const struct packet_to *to, u32 *pieces);
/*
 * Sends a packet that packet_prepare() has accepted, and charges it to the socket. @pieces: from
 * there. Consumes @skb. Returns 0 or -errno.
 */
int packet_transmit(
	struct packet_sock *p, struct sk_buff *skb, const struct packet_to *to, u32 pieces);
/* Sends a frame, which keeps its owner. Consumes it. Returns 0 or -errno. */
int packet_leave(struct packet_sock *p, struct sk_buff *skb, const struct packet_to *to);
/* True if the socket's send buffer has room. */
bool packet_may_send(const struct packet_sock *p);

/*
 * packet_mem.c: Serves PACKET_RX_RING and PACKET_TX_RING. @val: in program memory. op held; may
 * sleep. Returns 0 or -errno.
 */
int packet_set_ring(struct packet_sock *p, int opt, uaddr_t val, u32 len);
/*
 * packet_mem.c: proto_ops.mmap: maps both rings. Takes q_lock, not op, since mmap_lock is held.
 * Returns 0, or -EINVAL unless @v has exactly the size of the rings.
 */
int packet_mmap(struct socket *s, struct file *f, struct vm_area *v);
/* Returns the bytes of a frame's header in the format @version, TPACKET_*. */
u32 packet_header_size(u32 version);
/*
 * Frees the rings of a socket that is closed and no tap any more. Programs keep what they have
 * mapped. May sleep.
 */
void packet_rings_end(struct packet_sock *p);

/* packet_ring.c: Frees a ring that no tap uses; NULL is allowed. May sleep. */
void packet_ring_free(struct packet_ring *r);
/*
 * True if a frame of the ring has room for fewer than @keep bytes of a packet, whose network header
 * is @netlen bytes behind its front; always false for TPACKET_V3. q_lock held; p->ring is not NULL.
 */
bool packet_ring_cuts(const struct packet_sock *p, u32 keep, u32 netlen);
/*
 * Writes the first @keep bytes of a packet to the ring, or as many as fit into a frame. @net: bytes
 * from the packet's front to its network header. @whole: the caller also puts the packet into the
 * queue (TP_STATUS_COPY). q_lock held. Returns false if there is no room.
 */
bool packet_ring_put(struct packet_sock *p, const struct sk_buff *skb,
	const struct sockaddr_ll *from, u32 keep, u32 net, bool whole);
/* True if the program has a frame or block to read. Takes q_lock. */
bool packet_ring_ready(struct packet_sock *p);
/*
 * Returns how often the ring (TPACKET_V3) was full since the last call, and clears the count.
 * q_lock held.
 */
u32 packet_ring_freezes(struct packet_sock *p);
/*
 * True if the next frame or block is free; with @part, the frame or block 1/@part of the ring
 * further on. q_lock held.
 */
bool packet_ring_has_room(const struct packet_ring *r, u32 part);

/*
 * packet_tx.c: Sends the frames that the program has put into PACKET_TX_RING. @nonblock: does not
 * wait for room. Takes tx_op; may sleep. Returns the number of bytes sent, -EBUSY if there is no
 * such ring, or another -errno.
 */
ssize_t packet_tx_send(struct packet_sock *p, const struct packet_to *to, bool nonblock);
/* Frees a ring whose frames no task sends; NULL is allowed. */
void packet_tx_free(struct packet_tx *t);
/* True if the program can write its next frame. q_lock held. */
bool packet_tx_room(const struct packet_tx *t);

/*
 * packet_fanout.c: Serves PACKET_FANOUT: joins a group, or makes one. @val: in program memory. op
 * held; may sleep. Returns 0 or -errno.
 */
int packet_fanout_join(struct packet_sock *p, uaddr_t val, u32 len);
/*
 * Serves PACKET_FANOUT_DATA: sets the program that chooses a member. @val: in program memory. op
 * held; may sleep. Returns 0 or -errno.
 */
int packet_fanout_data(struct packet_sock *p, uaddr_t val, u32 len);
/* Returns the value of PACKET_FANOUT for programs; 0: the socket is in no group. */
u32 packet_fanout_get(const struct packet_sock *p);
/*
 * Reads PACKET_ROLLOVER_STATS into @val in the kernel, cut at *@len. Returns 0, or -EINVAL without
 * such a group. Takes no lock.
 */
int packet_rollover_stats(const struct packet_sock *p, void *val, u32 *len);
/* Leaves the group when the socket is closed. Takes packet_taps_lock; may sleep. */
void packet_fanout_leave(struct packet_sock *p);
/*
 * Adds the socket to the members that get packets, or removes it: only a tap gets a share.
 * packet_taps_lock is held here and in the functions below.
 */
void packet_fanout_listen(struct packet_sock *p, bool on);
/*
 * Returns the member that gets @skb. The packet begins with the link header; the network header is
 * @net bytes behind the front. The group has a member that listens; the result has no reference.
 */
struct packet_sock *packet_fanout_pick(struct packet_fanout *f, struct sk_buff *skb, u32 net);
/*
 * Returns the packet that the group gets instead of @all: @all itself, or with
 * PACKET_FANOUT_FLAG_DEFRAG the packet that this fragment completes, which the caller then owns.
 * NULL: other fragments are missing. Packets to be freed after the lock is released are added to
 * @dead.
 */
struct sk_buff *packet_fanout_whole(
	struct packet_fanout *f, struct sk_buff *all, struct list_head *dead);
/* True if @p is the first member of its group, which acts for the whole group. */
bool packet_fanout_is_first(const struct packet_sock *p);
/* True if the group gets a packet that @owner (sk_buff.owner) has sent. */
bool packet_fanout_wants_sent(const struct packet_fanout *f, const void *owner);

/* packet_vnet.c */
/*
 * Returns the size in bytes of the virtio header that option @opt selects by value @n, 0: none; or
 * -EINVAL.
 */
int packet_vnet_size(int opt, int n);
/*
 * Removes the virtio header at the front of @skb, and applies it. @link: bytes of the link header
 * behind it; @pieces as in packet_prepare(). Returns 0 or -errno; does not free @skb.
 */
int packet_vnet_take(const struct packet_sock *p, struct sk_buff *skb, u32 link, u32 *pieces);
/*
 * Sends a datagram in fragments with @size bytes of payload each, all of which begin with its first
 * @link bytes. Consumes @skb. Returns 0 or -errno.
 */
int packet_vnet_pieces(
	struct packet_sock *p, struct sk_buff *skb, const struct packet_to *to, u32 link, u32 size);
/*
 * Returns @skb in a form that a virtio header can describe, maybe a copy. Consumes @skb. NULL: no
 * memory.
 */
struct sk_buff *packet_vnet_show(struct sk_buff *skb);
/*
 * Writes the virtio header of @skb to the program. Returns 0, -EINVAL if there is no room, or
 * -EFAULT.
 */
int packet_vnet_put(const struct packet_sock *p, const struct sk_buff *skb, struct iov_iter *to);

/* Fills *@a with the address of a queued packet. */
void packet_address(const struct sk_buff *skb, struct sockaddr_ll *a);
/* Returns the tp_status of a queued packet for PACKET_AUXDATA. */
u32 packet_status(const struct sk_buff *skb);

#endif
