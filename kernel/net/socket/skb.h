/* SPDX-License-Identifier: MIT */
/*
 * skb.h: a packet. Headers are in the skb itself, built from the end of room[] towards its start;
 * the payload is in a buffer that several skbs may share:
 *
 *	room[  ... free ... | IP | TCP ]   +   buf->data[off .. off + len)
 *	                    ^head                  payload
 *
 * So a retransmission queue keeps the payload, each transmission is a clone with its own headers,
 * and the receiver of a loopback packet reads the sender's bytes in place. A whole frame from a
 * device is in the buffer, with head at the end; parsing pulls headers off the front, whether they
 * are in room[] or in the buffer.
 *
 * Ownership: an skb has one owner. The buffer has a refcount, and must not be written to while it
 * is shared.
 * Locks: none of its own. No function sleeps, except those whose @gfp is GFP_KERNEL and those that
 * copy from or to a program. Functions borrow the skb unless their comment says that they consume
 * it. Offsets that functions take are in bytes, from the first header byte on.
 */
#ifndef NESTLING_NET_SKB_H
#define NESTLING_NET_SKB_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/rbtree.h"
#include "kernel/lib/types.h"
#include "kernel/mm/mm.h"
#include "kernel/net/inet/addr.h"

struct net_device;
struct sock_common;
struct sk_buff;
struct nf_conn;

/*
 * Bits of skb->stamp_wanted: events whose time the sender has requested (SO_TIMESTAMPING). SCHED
 * and SENT both get the time at which dev_xmit() gets the packet. ACK: TCP's peer has acknowledged
 * all bytes.
 */
#define SKB_STAMP_SCHED 1
#define SKB_STAMP_SENT 2
#define SKB_STAMP_ACK 4

struct pbuf {
	atomic_t refs;
	/* bytes at data */
	u32 size;
	/*
	 * the bytes: behind this structure, or, if large, in a separate page-aligned block, which
	 * records its size
	 */
	u8 *data;
};

/* Values of the network header, parsed by the network layer for the layers above. */
struct ip_meta {
	ip_addr saddr, daddr;
	u8 proto, ttl, tos;
	bool v6;
	/* the packet had a fragment header, whether it was a fragment or not */
	bool frag_header;
	/* the options had a router alert for MLD */
	bool alert_mld;
	/* bytes of the network header, which was pulled; without IPv6's extension headers */
	u8 hdr_len;
	/*
	 * skb->off and skb->head before the network header was pulled: the position of the header
	 */
	u32 front_off;
	u8 front_head;
	u32 label; /* flow label of IPv6 */
	/* offset in the buffer of IPv6's extension headers */
	u32 ext_at;
	u16 ext_len;  /* their bytes, 0: none */
	u8 ext_first; /* type of the first of them */
	/* the members below are valid for fragments */
	bool is_frag, frag_more;
	/* the fragment began where the bytes received before it ended */
	bool frag_appended;
	u16 frag_off, frag_len; /* bytes behind the headers */
	u32 frag_id;
};

/* TCP's part, while a segment is in one of its queues. */
struct tcp_meta {
	u32 seq, end_seq; /* SYN and FIN count one each */
	u32 ack_seq;
	u8 flags;
	u8 sacked; /* SKB_SACKED, SKB_LOST, SKB_RETRANS */
	/* number of retransmissions */
	u16 retrans;
	/* number of segments as which the skb was counted when it was sent */
	u16 segs;
	/* ktime_get() of the last transmission; 0: never */
	u64 sent;
	/* the window that a received segment offers, bytes; unscaled until tcp_in.c scales it */
	u32 window;
	u32 tsval, tsecr;
	bool saw_ts;
	bool eor; /* end of a record: no data may be appended */
	u8 hlen;  /* bytes of the segment's header */
};

/* skb->pkt_type: the receivers of a frame; values of <linux/if_packet.h>. */
enum { PKT_HOST, PKT_BROADCAST, PKT_MULTICAST, PKT_OTHERHOST, PKT_OUTGOING, PKT_LOOPBACK };

/*
 * AF_PACKET's part, in a clone for its sockets: the device may be removed before the clone is read.
 */
struct packet_meta {
	int ifindex;
	u16 hatype;
	u8 source[6]; /* source address of the link header */
	/* length of the packet before the filter truncated it */
	u32 len;
};

/*
 * Overhead that each packet is charged, in bytes. It is a constant, not sizeof, so that the number
 * of packets in a default send buffer does not change with the structure.
 */
#define SKB_OVERHEAD 432U
/*
 * room for the headers of Ethernet with VLAN, of IPv6 and of TCP, and for 40 bytes of options each
 * of IPv6 and TCP
 */
#define SKB_ROOM 160

struct sk_buff {
	struct list_head list;
	/*
	 * the device that received the packet, or that sends it; the queue's owner holds a
	 * reference
	 */
	struct net_device *dev;
	struct pbuf *buf;
	u32 off, len; /* of the payload */
	u16 protocol; /* ETH_P_*, host order */
	u8 head;      /* index of the first header byte */
	/*
	 * the checksums need not be verified: the packet was never outside this machine, or the
	 * program or host that passed it to a device has verified them
	 */
	bool csum_ok;
	/* received: the destination is a multicast or broadcast address */
	bool broadcast;
	bool defragged; /* was reassembled from fragments */
	/* size of the largest of the fragments */
	u16 frag_size;
	u8 pkt_type; /* PKT_* */
	/*
	 * index in room[] of the transport header whose checksum the card is to fill in; the
	 * checksum field has the sum of the pseudo header. 0: the checksum is complete
	 */
	u8 csum_head;
	/* bytes of the link header, which eth_rx() has pulled; 0: there is none */
	u8 mac_len;
	bool unsummed; /* a datagram of IPv6 without a checksum */
	/* the headers that were last pulled are in room[] */
	bool room_pulled;
	/* UDP's, host byte order, once the header is parsed */
	u16 sport, dport;
	/*
	 * size of the payload of each segment if the packet has many segments of TCP (gso.c), or
	 * many datagrams of UDP; 0: it is one packet
	 */
	u16 gso;
	/*
	 * the packet was received with only the sum of the pseudo header in its checksum, which
	 * must be completed if the packet is sent on
	 */
	bool csum_owed;
	/*
	 * the packet was received from outside, or a program wrote its headers: its checksums may
	 * be wrong
	 */
	bool foreign;
	/* UDP-Lite: number of bytes that the checksum covers, 0: all */
	u16 covered;
	/*
	 * ktime_get_real() at the packet's arrival, 0: not recorded; while the packet waits in a
	 * qdisc, a time of that qdisc
	 */
	u64 stamp;
	/* VLAN tag that was taken out of the frame (IEEE 802.1Q); vlan_proto 0: no tag */
	u16 vlan_proto, vlan_tci;
	u32 mark, priority; /* of the sending socket */
	/*
	 * user and group of the sending socket, valid if owned is set: while the filter handles an
	 * outgoing packet
	 */
	u32 uid, gid;
	bool owned;
	/* net_cls of the sending socket, like uid */
	u32 classid;
	/* net_prio index of the sending socket; 0: none */
	u32 prioidx;
	/* connection state of the packet: 0, 1 + enum ip_conntrack_info, or NF_UNTRACKED */
	u32 nf_info;
	/* the packet's connection, with a reference (conntrack.h); NULL: none */
	struct nf_conn *nfct;
	/*
	 * address and port of the listener that gets the packet instead of the destination, if
	 * proxy_port is not 0 (netfilter/tproxy.c)
	 */
	ip_addr proxy;
	u16 proxy_port;
	/* a rule of the packet filter has made this copy (netfilter/dup.c) */
	bool is_copy;
	/*
	 * a rule's reject has made the packet (netfilter/reject.c), or the packet is a copy of such
	 * a packet
	 */
	bool is_answer;
	/* with is_copy: index of the device that must send the copy, 0: any */
	u32 copy_if;
	u8 stamp_wanted; /* SKB_STAMP_* */
	/* with stamp_wanted: number of the packet for the timestamps, from errq_key() */
	u32 stamp_key;
	/* the socket that gets these timestamps; valid until dev_xmit() returns */
	struct sock_common *stamp_for;
	/* flow_hash(), 0: not computed yet; fragments have the hash of the whole packet */
	u32 flow;
	/*
	 * number, from 1 on, of the card's queue that sends or has received the packet, if there
	 * are several
	 */
	u16 queue;
	/* number of packets that the receiver had dropped when this one was queued */
	u32 dropped;
	/* bytes that the destructor, or the send queue of TCP, uncharges */
	u32 charged;
	/*
	 * Uncharges @owner and drops the reference to it. Called once, at the latest by
	 * kfree_skb(). NULL: there is no owner.
	 */
	void (*destructor)(struct sk_buff *skb);
	/* the sender's socket, for the destructor; invalid without one */
	void *owner;
	struct ip_meta ip;
	union {
		struct tcp_meta tcp;
		struct packet_meta pkt;
	};
	/* node in the tree of a queue that is searched, besides list (skb_place()) */
	struct rb_node place;
	u8 room[SKB_ROOM];
};
_Static_assert(sizeof(struct sk_buff) <= 512,
	"it would need a larger class of kmalloc(), and SKB_OVERHEAD another look");

/* Returns a packet with a new buffer of @size bytes and no payload yet (len 0). NULL: no memory. */
struct sk_buff *skb_alloc(u32 size, gfp_t gfp);
/*
 * Returns a packet whose payload is @len bytes of @from, sent by a program. May sleep. On failure
 * returns ERR_PTR(-ENOBUFS) or ERR_PTR(-EFAULT).
 */
struct sk_buff *skb_from_iter(struct iov_iter *from, size_t len);
/*
 * Returns a packet that shares the buffer of @skb, has a reference to its connection, and has no
 * owner. NULL: no memory.
 */
struct sk_buff *skb_clone(const struct sk_buff *skb, gfp_t gfp);
/* Calls the destructor and frees the packet. @skb may be NULL. */
void kfree_skb(struct sk_buff *skb);
/* Releases the packet from its owner, and uncharges it: calls the destructor now. */
void skb_orphan(struct sk_buff *skb);
/* Frees all packets of a queue, which is empty then. */
void skb_free_list(struct list_head *queue);
/*
 * Adds @skb to a queue's tree, behind @before (NULL: as the first). The queue's list, which also
 * contains @skb, has the same order as the tree.
 */
void skb_place(struct rb_root *tree, struct sk_buff *skb, struct sk_buff *before);
/* True if @skb is the last packet of its queue. */
static inline bool list_is_last_skb(const struct list_head *queue, const struct sk_buff *skb)
{
	return skb->list.next == queue;
}

/* Returns the bytes of headers in room[]. */
static inline u32 skb_headlen(const struct sk_buff *skb)
{
	return SKB_ROOM - skb->head;
}
/* Returns the bytes of the whole packet: headers in room[] and payload. */
static inline u32 skb_len(const struct sk_buff *skb)
{
	return skb_headlen(skb) + skb->len;
}
/* Returns the address of the payload, skb->len bytes. @skb has a buffer. */
static inline u8 *skb_payload(const struct sk_buff *skb)
{
	return skb->buf->data + skb->off;
}
/* Returns the number of bytes that the packet is charged. */
static inline u32 skb_truesize(const struct sk_buff *skb)
{
	return SKB_OVERHEAD + (skb->buf ? skb->buf->size : 0);
}
/* True if the packet's checksums need not be verified while it stays on this machine. */
static inline bool skb_sums_hold(const struct sk_buff *skb)
{
	return skb->csum_ok || !skb->foreign;
}
/* Returns the number of free bytes behind the payload; 0 if the buffer is shared. */
static inline u32 skb_tailroom(const struct sk_buff *skb)
{
	if (!skb->buf || atomic_read(&skb->buf->refs) != 1)
		return 0;
	return skb->buf->size - skb->off - skb->len;
}

/*
 * Makes room for @n header bytes in front, and returns their address. The caller has checked that
 * they fit (SKB_ROOM), and writes all of them.
 */
void *skb_push(struct sk_buff *skb, u32 n);
/*
 * Removes @n bytes from the front; the packet must have that many. They stay readable
 * (skb_pulled()).
 */
void skb_pull(struct sk_buff *skb, u32 n);
/*
 * Returns the @n bytes before the first byte of @skb: pulled headers, which must be contiguous
 * (skb_has_pulled()).
 */
static inline const u8 *skb_pulled(const struct sk_buff *skb, u32 n)
{
	return skb->room_pulled || !skb->buf ? skb->room + skb->head - n : skb_payload(skb) - n;
}
/*
 * True if the last @n pulled bytes are contiguous. They are not if the network header was in room[]
 * and the transport header in the buffer (raw sockets).
 */
static inline bool skb_has_pulled(const struct sk_buff *skb, u32 n)
{
	return n <= (skb->room_pulled || !skb->buf ? skb->head : skb->off);
}
/* Returns the network header of a parsed packet, which is contiguous. */
static inline const u8 *skb_network(const struct sk_buff *skb)
{
	return skb->ip.front_head < SKB_ROOM ? skb->room + skb->ip.front_head :
					       skb->buf->data + skb->ip.front_off;
}
/*
 * True if the network header is in room[], but the headers pulled behind it are in the buffer:
 * extension headers, or headers that a program wrote.
 */
static inline bool skb_network_apart(const struct sk_buff *skb)
{
	return skb->ip.hdr_len && skb->ip.front_head < SKB_ROOM && skb->buf && !skb->room_pulled;
}
/*
 * Returns the distance in bytes from the network header of a parsed packet to the packet's first
 * byte. Extension headers and other pulled headers are in between.
 */
static inline u32 skb_network_back(const struct sk_buff *skb)
{
	bool in_room = skb->ip.front_head < SKB_ROOM;

	if (in_room == (skb->room_pulled || !skb->buf))
		return in_room ? (u32)skb->head - skb->ip.front_head : skb->off - skb->ip.front_off;
	/* The pulled headers are in two pieces. */
	return (u32)(skb->head - skb->ip.front_head) + skb->off - skb->ip.front_off;
}
/* Cuts the packet to @n bytes, headers included; it must have at least that many. */
void skb_trim(struct sk_buff *skb, u32 n);
/*
 * Returns the first @n bytes in one piece, copied to @tmp if necessary, or NULL if the packet is
 * shorter. @tmp has room for @n bytes.
 */
const void *skb_header(const struct sk_buff *skb, u32 n, void *tmp);
/* Copies @n bytes from offset @from; the packet must have that many there. */
void skb_copy(const struct sk_buff *skb, u32 from, void *to, u32 n);
/* Copies @n bytes from offset @from to a reader's iterator. Returns 0 or -EFAULT. */
int skb_copy_to_iter(const struct sk_buff *skb, u32 from, u32 n, struct iov_iter *to);
/*
 * Returns a number of bytes. With @cmd SIOCOUTQ it is *@wmem, which counts the sent packets that
 * are not freed yet. With another @cmd (FIONREAD) it is the length of the first datagram in @rq, or
 * 0 if @rq is empty; @lock is taken for that.
 */
int skb_queue_bytes(u32 cmd, const struct list_head *rq, spinlock_t *lock, atomic_t *wmem);
/*
 * Writes the result of skb_queue_bytes() to the program's int at @arg. May sleep. Returns 0,
 * -EFAULT, or -ENOTTY if @cmd is neither SIOCOUTQ nor FIONREAD.
 */
long skb_queue_ioctl(
	u32 cmd, u64 arg, const struct list_head *rq, spinlock_t *lock, atomic_t *wmem);
/*
 * Copies the payload if its buffer is shared, so that no other skb sees later writes. Returns
 * false, with nothing changed, if there is no memory.
 */
bool skb_own_payload(struct sk_buff *skb);
/*
 * Writes @n bytes at offset @to; the packet must have that many there. If they reach into the
 * payload, the buffer must not be shared.
 */
void skb_write(struct sk_buff *skb, u32 to, const void *from, u32 n);
/* Returns the ones' complement sum of bytes [from, from + n) and @sum, not folded. */
u32 skb_sum(const struct sk_buff *skb, u32 from, u32 n, u32 sum);
/* Returns a copy of @skb whose own payload has all bytes, headers included. NULL: no memory. */
struct sk_buff *skb_linear(const struct sk_buff *skb, gfp_t gfp);

/* ---- checksums (RFC 1071) ---- */
/* Returns the ones' complement sum of @n bytes and @sum, not folded. @p needs no alignment. */
u32 csum_partial(const void *p, u32 n, u32 sum);
/* Returns the checksum for a sum: folded and inverted, in the byte order of the packet. */
static inline u16 csum_fold(u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)~sum;
}
/*
 * Returns the sum, not folded, of the pseudo header of TCP, UDP or ICMPv6. @len: bytes of the
 * transport header and payload.
 */
u32 csum_pseudo(const ip_addr *saddr, const ip_addr *daddr, u8 proto, u32 len);

#endif
