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
 * Locks: none of its own.
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

#define SKB_STAMP_SCHED 1
#define SKB_STAMP_SENT 2
#define SKB_STAMP_ACK 4

struct pbuf {
	atomic_t refs;
	u32 size;
	/*
	 * the bytes: behind this structure, or, if large, in a separate page-aligned block, which
	 * records its size
	 */
	u8 *data;
};

/* The values that the network layer has read from its header, for the layers above. */
struct ip_meta {
	ip_addr saddr, daddr;
	u8 proto, ttl, tos;
	bool v6;
	/* the packet had a fragment header, whether it was a fragment or not */
	bool frag_header;
	/* the options had a router alert for MLD */
	bool alert_mld;
	/* bytes of the network header that was pulled, without IPv6's extension headers */
	u8 hdr_len;
	/* skb->off and skb->head before the network header was pulled: the header's place */
	u32 front_off;
	u8 front_head;
	u32 label; /* of IPv6's flow */
	/* offset of IPv6's extension headers in the buffer; the first is of kind ext_first */
	u32 ext_at;
	u16 ext_len;
	u8 ext_first;
	/* of a fragment */
	bool is_frag, frag_more;
	u16 frag_off, frag_len; /* bytes of the packet behind its headers */
	u32 frag_id;
};

/* TCP's, while a segment is in one of its queues. */
struct tcp_meta {
	u32 seq, end_seq; /* SYN and FIN count one each */
	u32 ack_seq;
	u8 flags;
	u8 sacked; /* TCPCB_* */
	u16 retrans;
	/* number of segments that it counted as when it was sent */
	u16 segs;
	/* ktime_get() of the last transmission; 0: never */
	u64 sent;
	u32 window;
	u32 tsval, tsecr;
	bool saw_ts;
	bool eor; /* end of a record: no data may be appended */
	u8 hlen;  /* length of its header */
};

/* Receivers of a frame; the values of <linux/if_packet.h>. */
enum { PKT_HOST, PKT_BROADCAST, PKT_MULTICAST, PKT_OTHERHOST, PKT_OUTGOING, PKT_LOOPBACK };

/* The part of AF_PACKET, in a clone that it shows: the device may be gone when it is read. */
struct packet_meta {
	int ifindex;
	u16 hatype;
	u8 source[6]; /* of its link header */
	u32 len;      /* before a filter cut it */
};

/*
 * Overhead that each packet is charged, in bytes. It is not sizeof, so that a new field does not
 * change how much fits into a default send buffer.
 */
#define SKB_OVERHEAD 432U
/*
 * room for the headers of Ethernet with VLAN, of IPv6, and of TCP, with 40 bytes of options in each
 */
#define SKB_ROOM 160

struct sk_buff {
	struct list_head list;
	/* the device by which it came, or leaves; the queue's owner holds a reference */
	struct net_device *dev;
	struct pbuf *buf;
	u32 off, len; /* of the payload */
	u16 protocol; /* ETH_P_*, host order */
	u8 head;      /* index of the first header byte */
	/* the checksums need not be verified: the packet has never left this machine */
	bool csum_ok;
	bool broadcast;
	bool defragged; /* put together from fragments */
	u16 frag_size;  /* of the largest of these */
	u8 pkt_type;    /* PKT_* */
	/*
	 * index in room[] of the transport header, if the card fills in its checksum. The checksum
	 * field has the pseudo header's sum. 0: none
	 */
	u8 csum_head;
	/* bytes of the link header before the data that eth_rx() left; 0: none */
	u8 mac_len;
	bool unsummed; /* a datagram of IPv6 without a checksum */
	/* the headers that were pulled last are in room[] */
	bool room_pulled;
	u16 sport, dport; /* of UDP, once it is parsed */
	/*
	 * the payload of each of many segments of TCP (gso.c), or of many datagrams of UDP; 0: it
	 * is one packet
	 */
	u16 gso;
	/*
	 * it arrived with only the pseudo header's sum as its transport checksum, and needs a full
	 * one to be sent again
	 */
	bool csum_owed;
	/* came in, or was written by a program as a frame: its checksums are unverified */
	bool foreign;
	/* UDP-Lite: bytes that the checksum covers, 0: all */
	u16 covered;
	/* ktime_get_real() of its arrival, 0: not taken */
	u64 stamp;
	/* a tag that is not among the bytes (IEEE 802.1Q); vlan_proto 0: none */
	u16 vlan_proto, vlan_tci;
	u32 mark, priority; /* of the socket that sent it */
	/*
	 * user and group of the sending socket, while the filter sees an outgoing packet; valid if
	 * owned
	 */
	u32 uid, gid;
	bool owned;
	u32 classid; /* net_cls of that socket; valid like uid */
	/* net_prio of the socket that sent it; 0: none */
	u32 prioidx;
	/* state of the packet in nfct, whose reference is below (netfilter.h) */
	u32 nf_info;
	struct nf_conn *nfct;
	/*
	 * address and port of the listener that gets the packet in place of the destination's, if
	 * proxy_port is set (netfilter/tproxy.c)
	 */
	ip_addr proxy;
	u16 proxy_port; /* is not 0 */
	/* a rule has made it (netfilter/dup.c), for the device copy_if; 0: for any */
	bool is_copy;
	/* it was made by a rule's reject (netfilter/reject.c), or is a copy of such a packet */
	bool is_answer;
	u32 copy_if;
	/* SKB_STAMP_*: events whose time the sender asked for */
	u8 stamp_wanted;
	u32 stamp_key;
	/* the socket to stamp for; valid until dev_xmit() returns */
	struct sock_common *stamp_for;
	/* flow_hash(), 0: not computed yet; a fragment has that of the whole */
	u32 flow;
	/*
	 * the card's queue by which it leaves, or by which it came: from 1 on, where there are
	 * several
	 */
	u16 queue;
	u32 dropped; /* by the receiver before it */
	u32 charged; /* bytes that the destructor uncharges */
	void (*destructor)(struct sk_buff *skb);
	void *owner;
	struct ip_meta ip;
	union {
		struct tcp_meta tcp;
		struct packet_meta pkt;
	};
	/* place in a queue that is searched, besides list (skb_place()) */
	struct rb_node place;
	u8 room[SKB_ROOM];
};
_Static_assert(sizeof(struct sk_buff) <= 512,
	"it would need a larger class of kmalloc(), and SKB_OVERHEAD another look");

/* Makes a packet with a new buffer of @size bytes and no payload yet (len 0). NULL. */
struct sk_buff *skb_alloc(u32 size, gfp_t gfp);
/*
 * Makes a packet with @len bytes of @from, which a program sends, as payload. ERR_PTR(-ENOBUFS,
 * -EFAULT).
 */
struct sk_buff *skb_from_iter(struct iov_iter *from, size_t len);
/* Returns a second packet that shares the buffer of @skb and has no owner. NULL: no memory. */
struct sk_buff *skb_clone(const struct sk_buff *skb, gfp_t gfp);
void kfree_skb(struct sk_buff *skb); /* NULL is fine */
/* Removes the packet from its owner, and ends the charge. */
void skb_orphan(struct sk_buff *skb);
void skb_free_list(struct list_head *queue);
/*
 * Adds @skb to a queue's tree, behind @before (NULL: as the first). The queue's list, which also
 * has @skb, is in the order of the tree.
 */
void skb_place(struct rb_root *tree, struct sk_buff *skb, struct sk_buff *before);
static inline bool list_is_last_skb(const struct list_head *queue, const struct sk_buff *skb)
{
	return skb->list.next == queue;
}

static inline u32 skb_headlen(const struct sk_buff *skb)
{
	return SKB_ROOM - skb->head;
}
static inline u32 skb_len(const struct sk_buff *skb)
{
	return skb_headlen(skb) + skb->len;
}
static inline u8 *skb_payload(const struct sk_buff *skb)
{
	return skb->buf->data + skb->off;
}
/* Returns the packet's cost in its owner's budget. */
static inline u32 skb_truesize(const struct sk_buff *skb)
{
	return SKB_OVERHEAD + (skb->buf ? skb->buf->size : 0);
}
/* True if its checksums need not be checked when it stays on this machine. */
static inline bool skb_sums_hold(const struct sk_buff *skb)
{
	return skb->csum_ok || !skb->foreign;
}
/* Returns the free bytes behind the payload; 0 if the buffer is shared. */
static inline u32 skb_tailroom(const struct sk_buff *skb)
{
	if (!skb->buf || atomic_read(&skb->buf->refs) != 1)
		return 0;
	return skb->buf->size - skb->off - skb->len;
}

/* Makes room for @n header bytes in front. The caller has checked that they fit (SKB_ROOM). */
void *skb_push(struct sk_buff *skb, u32 n);
/* Drops @n bytes from the front; there are as many. */
void skb_pull(struct sk_buff *skb, u32 n);
/*
 * Returns the @n bytes in front of the first one: headers that were pulled, and that are
 * contiguous.
 */
static inline const u8 *skb_pulled(const struct sk_buff *skb, u32 n)
{
	return skb->room_pulled || !skb->buf ? skb->room + skb->head - n : skb_payload(skb) - n;
}
/*
 * True if @n pulled bytes are in one piece. They are not if the network header was in room[] and
 * the transport header in the buffer (raw sockets).
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
 * Returns the distance in bytes from a parsed packet's network header to its first byte. Extension
 * headers and other pulled headers are in between.
 */
static inline u32 skb_network_back(const struct sk_buff *skb)
{
	bool in_room = skb->ip.front_head < SKB_ROOM;

	if (in_room == (skb->room_pulled || !skb->buf))
		return in_room ? (u32)skb->head - skb->ip.front_head : skb->off - skb->ip.front_off;
	/* The header is in two pieces. */
	return (u32)(skb->head - skb->ip.front_head) + skb->off - skb->ip.front_off;
}
/* Makes it @n bytes long, headers included; it was at least that. */
void skb_trim(struct sk_buff *skb, u32 n);
/* Returns the first @n bytes in one piece, copied to @tmp if they are not. NULL: it is shorter. */
const void *skb_header(const struct sk_buff *skb, u32 n, void *tmp);
/* Copies @n bytes from offset @from; there are as many. */
void skb_copy(const struct sk_buff *skb, u32 from, void *to, u32 n);
/* Copies @n bytes from offset @from to a reader's iterator: 0 or -EFAULT. */
int skb_copy_to_iter(const struct sk_buff *skb, u32 from, u32 n, struct iov_iter *to);
/*
 * Returns the result of SIOCOUTQ and FIONREAD, of a socket with datagrams in @rq under @lock, and
 * with @wmem sent bytes that are not freed yet. -ENOTTY: @cmd is neither of these.
 */
int skb_queue_bytes(u32 cmd, const struct list_head *rq, spinlock_t *lock, atomic_t *wmem);
long skb_queue_ioctl(
	u32 cmd, u64 arg, const struct list_head *rq, spinlock_t *lock, atomic_t *wmem);
/*
 * Unshares the payload: no other skb sees later writes to it. Returns false if there is no memory.
 */
bool skb_own_payload(struct sk_buff *skb);
/*
 * Writes @n bytes at offset @to; there are as many, and the payload is its own where they reach it.
 */
void skb_write(struct sk_buff *skb, u32 to, const void *from, u32 n);
/* Sums bytes [from, from + n) in ones' complement, not folded. */
u32 skb_sum(const struct sk_buff *skb, u32 from, u32 n, u32 sum);
/* Returns a copy whose own payload holds all bytes, headers included. NULL: no memory. */
struct sk_buff *skb_linear(const struct sk_buff *skb, gfp_t gfp);

/* ---- checksums (RFC 1071) ---- */
u32 csum_partial(const void *p, u32 n, u32 sum);
static inline u16 csum_fold(u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)~sum;
}
/* Returns the sum of the pseudo header of TCP, UDP and ICMPv6. */
u32 csum_pseudo(const ip_addr *saddr, const ip_addr *daddr, u8 proto, u32 len);

#endif
