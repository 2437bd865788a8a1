/* SPDX-License-Identifier: MIT */
/*
 * tun_io.c: frames between a tun or tap device and its program. Each read returns one frame, and
 * each write passes one:
 *
 *	[struct tun_pi, unless IFF_NO_PI] [struct virtio_net_hdr, with IFF_VNET_HDR] a packet
 *	(IFF_TUN) or a frame of Ethernet (IFF_TAP)
 *
 * A packet for the program is segmented and its checksum filled in, unless TUNSETOFFLOAD has
 * enabled uncut TCP packets. The checksum of an uncut packet is that of the pseudo header alone,
 * and its virtio_net_hdr, if there is one, has VIRTIO_NET_HDR_F_NEEDS_CSUM. A packet that the
 * program writes may also be uncut and without a checksum, as described by its virtio_net_hdr: it
 * is cut when a card sends it (gso.c). At most txqueuelen frames and QUEUE_BYTES wait for a reader;
 * more are dropped.
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/tcp.h>
#include <linux/virtio_net.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/net/link/gso.h"
#include "kernel/net/netfilter/netfilter.h"
#include "kernel/net/link/tun.h"
#include "kernel/net/link/vlan.h"

#define QUEUE_BYTES (4UL << 20)
#define PIECES_MAX 17 /* pieces of a frame, Linux's limit */
#define FRAME_MAX (65535U + ETH_HLEN + VLAN_TAG)

/* ---- out: to the program ---- */

/*
 * Queues a frame. Returns false if there is no room, or if @tf is no longer a queue of @t: it may
 * be attached to another device by now.
 */
static bool enqueue(const struct tun *t, struct tun_file *tf, struct sk_buff *skb, u32 most)
{
	bool room;

	spin_lock(&tf->lock);
	room = tf->tun == t && !tf->disabled && tf->queued < most &&
	       tf->bytes + skb_truesize(skb) <= QUEUE_BYTES;
	if (room) {
		tf->queued++;
		tf->bytes += skb_truesize(skb);
		list_add_tail(&skb->list, &tf->queue);
	}
	spin_unlock(&tf->lock);
	return room;
}

/* Uncharges the socket that sent @skb, so that its buffer space does not depend on a reader. */
static void orphan(struct sk_buff *skb)
{
	skb_orphan(skb);
	nf_reset(skb);
}

int tun_xmit(struct net_device *dev, struct sk_buff *skb)
{
	struct tun *t = READ_ONCE(*(struct tun *const *)&dev->private);
	struct tun_file *tf = t ? tun_queue_of(t, skb) : NULL;

	if (tf)
		orphan(skb);
	if (!tf || !enqueue(t, tf, skb, dev->txqlen)) {
		dev->stats.tx_dropped++;
		kfree_skb(skb);
		return 0;
	}
	wake_up_poll(&tf->wait, EPOLLIN | EPOLLRDNORM);
	if (unlikely(!fasync_none(&tf->async)))
		kill_fasync_list(&tf->async, EPOLLIN | EPOLLRDNORM);
	return 0;
}

static struct sk_buff *dequeue(struct tun_file *tf)
{
	struct sk_buff *skb;

	spin_lock(&tf->lock);
	skb = list_first_entry_or_null(&tf->queue, struct sk_buff, list);
	if (skb) {
		list_del_init(&skb->list);
		tf->queued--;
		tf->bytes -= skb_truesize(skb);
	}
	spin_unlock(&tf->lock);
	return skb;
}

void tun_purge(struct tun_file *tf)
{
	struct sk_buff *skb;

	while ((skb = dequeue(tf)))
		kfree_skb(skb);
}

/* Fills in the header: the work that is left to the program for @skb. */
static void describe(const struct tun_file *tf, const struct sk_buff *skb, struct virtio_net_hdr *v)
{
	struct gso_about a;

	if (likely(!skb->csum_head) || !gso_about(skb, tf->flags & IFF_TAP ? ETH_HLEN : 0, &a) ||
		!a.tcp)
		return;
	v->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	v->csum_start = (u16)a.csum_start;
	v->csum_offset = offsetof(struct tcphdr, check);
	if (!skb->gso)
		return;
	v->gso_type = a.v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
	v->gso_size = skb->gso;
	v->hdr_len = (u16)a.head_len;
}

/*
 * Copies a frame with its headers to the program, cut at the buffer's end. Returns the number of
 * bytes, -EINVAL if the headers do not fit, or -EFAULT.
 */
static ssize_t put_frame(const struct tun_file *tf, const struct sk_buff *skb, struct iov_iter *to)
{
	struct tun_pi pi = { .proto = htons(skb->protocol) };
	struct virtio_net_hdr v = { 0 };
	size_t room = to->count;
	u32 len = skb_len(skb), vnet = tf->flags & IFF_VNET_HDR ? READ_ONCE(tf->vnet_len) : 0;
	ssize_t total = (ssize_t)len + vnet;

	if (!(tf->flags & IFF_NO_PI)) {
		if (to->count < sizeof(pi))
			return -EINVAL;
		total += (ssize_t)sizeof(pi);
		if ((size_t)total > room)
			pi.flags |= TUN_PKT_STRIP;
		if (copy_to_iter(&pi, sizeof(pi), to) != sizeof(pi))
			return -EFAULT;
	}
	if (vnet) {
		if (to->count < vnet)
			return -EINVAL;
		describe(tf, skb, &v);
		if (copy_to_iter(&v, TUN_VNET_MIN, to) != TUN_VNET_MIN ||
			iov_iter_zero(vnet - TUN_VNET_MIN, to) != vnet - TUN_VNET_MIN)
			return -EFAULT;
	}
	if (skb_copy_to_iter(skb, 0, (u32)min((size_t)len, to->count), to))
		return -EFAULT;
	return min(total, (ssize_t)room);
}

ssize_t tun_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct tun_file *tf = f->private_data;
	struct sk_buff *skb;
	ssize_t n;

	if (!READ_ONCE(tf->tun))
		return -EBADFD;
	if (!to->count)
		return 0;
	skb = dequeue(tf);
	if (!skb && file_nonblock(f, to))
		return -EAGAIN;
	if (!skb) {
		n = wait_event_interruptible_exclusive(
			&tf->wait, (skb = dequeue(tf)) || !READ_ONCE(tf->tun));
		if (n && !skb)
			return n;
	}
	if (!skb)
		/* The device was removed during the wait; the error is Linux's. */
		return -EFAULT;
	n = put_frame(tf, skb, to);
	kfree_skb(skb);
	return n;
}

/* ---- in: from the program ---- */

/* Reads the headers before the frame. Returns 0 or -errno. */
static int get_headers(const struct tun_file *tf, struct iov_iter *from, struct tun_pi *pi,
	struct virtio_net_hdr *v)
{
	u32 vnet = tf->flags & IFF_VNET_HDR ? READ_ONCE(tf->vnet_len) : 0;

	if (!(tf->flags & IFF_NO_PI)) {
		if (from->count < sizeof(*pi))
			return -EINVAL;
		if (copy_from_iter(pi, sizeof(*pi), from) != sizeof(*pi))
			return -EFAULT;
	}
	if (!vnet)
		return 0;
	if (from->count < vnet)
		return -EINVAL;
	if (copy_from_iter(v, TUN_VNET_MIN, from) != TUN_VNET_MIN)
		return -EFAULT;
	iov_iter_advance(from, vnet - TUN_VNET_MIN);
	if (v->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM &&
		v->csum_start + v->csum_offset + 2U > max((u32)v->hdr_len, (u32)from->count))
		return -EINVAL;
	return v->hdr_len > from->count ? -EINVAL : 0;
}

/* Returns the protocol of a packet without an Ethernet header, or 0 if it is unknown. */
static u16 protocol_of(
	const struct tun_file *tf, const struct tun_pi *pi, const struct sk_buff *skb)
{
	if (!(tf->flags & IFF_NO_PI))
		return ntohs(pi->proto);
	switch (skb->len ? skb_payload(skb)[0] >> 4 : 0) {
	case 4: return ETH_P_IP;
	case 6: return ETH_P_IPV6;
	}
	return 0;
}

static void bring_in(struct net_device *dev, struct sk_buff *skb, bool tap)
{
	if (tap) {
		eth_rx(dev, skb);
		return;
	}
	skb->pkt_type = PKT_HOST;
	netif_rx(dev, skb);
}

/* Receives a packet, and consumes @skb. Does not sleep, so the device is not freed meanwhile. */
static int receive(struct tun_file *tf, struct sk_buff *skb, const struct virtio_net_hdr *v)
{
	struct tun *t = READ_ONCE(tf->tun);
	struct net_device *dev = t ? t->dev : NULL;

	if (!dev || !(READ_ONCE(dev->flags) & IFF_UP)) {
		if (dev)
			dev->stats.rx_dropped++;
		kfree_skb(skb);
		return dev ? -EIO : -EBADFD;
	}
	skb->foreign = true;
	skb->csum_owed = v->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
	skb->csum_ok = skb->csum_owed || v->flags & VIRTIO_NET_HDR_F_DATA_VALID;
	skb->gso = v->gso_type ? v->gso_size : 0;
	if (unlikely(READ_ONCE(t->nr) > 1) && !READ_ONCE(tf->disabled)) {
		skb->queue = (u16)(READ_ONCE(tf->index) + 1);
		tun_learn(t, tf, skb);
	}
	bring_in(dev, skb, tf->flags & IFF_TAP);
	return 0;
}

/* True for TCP segments, whose checksums are computed when they are cut. */
static bool is_tcp(const struct virtio_net_hdr *v)
{
	u32 type = v->gso_type & ~(u32)VIRTIO_NET_HDR_GSO_ECN;

	return v->gso_size && v->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM &&
	       (type == VIRTIO_NET_HDR_GSO_TCPV4 || type == VIRTIO_NET_HDR_GSO_TCPV6);
}

/*
 * Checks the pieces of a frame for IFF_NAPI_FRAGS: each piece behind the first must fit into a
 * page. Returns 0, -EMSGSIZE or -EINVAL.
 */
static int check_pieces(const struct iov_iter *from)
{
	if (from->type != ITER_USER || !from->vec)
		return 0;
	if (from->nr_vecs > 1 + PIECES_MAX)
		return -EMSGSIZE;
	for (u32 k = 1; k < from->nr_vecs; k++)
		if (!from->vec[k].len || from->vec[k].len > PAGE_SIZE)
			return -EINVAL;
	return 0;
}

ssize_t tun_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct tun_file *tf = f->private_data;
	struct virtio_net_hdr v = { 0 };
	struct tun_pi pi = { 0 };
	size_t all = from->count;
	struct sk_buff *skb;
	int err;

	if (!READ_ONCE(tf->tun))
		return -EBADFD;
	err = get_headers(tf, from, &pi, &v);
	if (err)
		return err;
	if (tf->flags & IFF_TAP && from->count < ETH_HLEN)
		return -EINVAL;
	if (from->count > FRAME_MAX)
		return -EMSGSIZE;
	if (v.gso_type && !is_tcp(&v))
		return -EINVAL;
	err = unlikely(tf->pieces) ? check_pieces(from) : 0;
	if (err)
		return err;
	skb = skb_from_iter(from, from->count);
	if (IS_ERR(skb))
		return PTR_ERR(skb);
	if (!(tf->flags & IFF_TAP)) {
		skb->protocol = protocol_of(tf, &pi, skb);
		if (!skb->protocol) {
			kfree_skb(skb);
			return -EINVAL;
		}
	}
	err = receive(tf, skb, &v);
	net_rx_flush();
	return err ? err : (ssize_t)all;
}

u32 tun_poll(struct file *f, struct poll_table *pt)
{
	struct tun_file *tf = f->private_data;
	const struct tun *t;
	u32 mask = 0;

	poll_wait(f, &tf->wait, pt);
	t = READ_ONCE(tf->tun);
	if (!t)
		return EPOLLERR;
	if (!list_empty(&tf->queue))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(t->dev->flags) & IFF_UP)
		mask |= EPOLLOUT | EPOLLWRNORM;
	return mask;
}
