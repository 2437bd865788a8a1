/* SPDX-License-Identifier: MIT */
/*
 * packet.c: AF_PACKET sockets as programs see them (packet(7)): SOCK_RAW with the link header,
 * SOCK_DGRAM without. packet.h describes the other files and the locks. Not supported: SOCK_PACKET
 * of Linux 2.0.
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/net/socket/errqueue.h"
#include "kernel/net/packet/packet.h"
#include "kernel/net/socket/opt_table.h"
#include "kernel/net/link/vlan.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"

#define PACKET_MAX 65550U /* the longest packet, with a link header */
/* length of a sockaddr_ll with an address of @halen bytes */
#define LL_SIZE(halen) (12U + (halen))

/* ---- sending ---- */

static void wfree(struct sk_buff *skb)
{
	struct packet_sock *p = skb->owner;

	atomic_sub((s32)skb->charged, &p->wmem);
	wake_up_common(&p->c.wait, TASK_NORMAL, 0, EPOLLOUT | EPOLLWRNORM);
	packet_put(p);
}

bool packet_may_send(const struct packet_sock *p)
{
	return (u32)atomic_read(&p->wmem) < p->c.sndbuf;
}

/* Finds the destination of a message: by its address, or by what the socket is bound to. */
static int destination(struct packet_sock *p, const struct msg *m, struct packet_to *to)
{
	struct sockaddr_ll ll;
	int ifindex = p->ifindex;

	*to = (struct packet_to){ .proto = p->proto };
	if (m->name) {
		if (m->name->len < sizeof(ll))
			return -EINVAL;
		memcpy(&ll, m->name->data, sizeof(ll));
		if (m->name->len < LL_SIZE(ll.sll_halen))
			return -EINVAL;
		to->named = true;
		to->proto = ntohs(ll.sll_protocol);
		memcpy(to->addr, ll.sll_addr, sizeof(to->addr));
		to->halen = ll.sll_halen;
		ifindex = ll.sll_ifindex;
	}
	to->dev = netdev_find_index(p->c.net, ifindex);
	return to->dev ? 0 : -ENXIO;
}

/* Returns the greatest length of a frame: the tag of a VLAN may exceed the MTU. */
static u32 longest(const struct sk_buff *skb, u32 link, u32 mtu)
{
	u8 type[2] = { 0 };

	if (link)
		skb_copy(skb, link - 2, type, 2);
	return mtu + link + ((type[0] << 8 | type[1]) == ETH_P_8021Q ? VLAN_TAG : 0);
}

static u32 link_of(const struct packet_sock *p, const struct packet_to *to)
{
	return p->c.type == SOCK_RAW ? packet_link_len(to->dev->type) : 0;
}

static int check_packet(
	struct packet_sock *p, const struct sk_buff *skb, const struct packet_to *to, bool whole)
{
	u32 len = skb_len(skb), link = link_of(p, to);

	if (len < link)
		return -EINVAL;
	if (p->c.type == SOCK_DGRAM && !to->named && to->dev->type == ARPHRD_ETHER)
		/* there is no address for the link header */
		return -EINVAL;
	return whole && len > longest(skb, link, to->dev->mtu) ? -EMSGSIZE : 0;
}

int packet_prepare(
	struct packet_sock *p, struct sk_buff *skb, const struct packet_to *to, u32 *pieces)
{
	int err;

	if (pieces)
		*pieces = 0;
	skb->csum_ok = false;
	/* The program's checksums in the packet are not verified. */
	skb->foreign = true;
	err = p->vnet ? packet_vnet_take(p, skb, link_of(p, to), pieces) : 0;
	if (!err)
		err = check_packet(p, skb, to, !skb->gso && (!pieces || !*pieces));
	if (err)
		kfree_skb(skb);
	return err;
}

static u8 lo_pkt_type(const u8 *dst)
{
	static const u8 none[ETH_ALEN];

	if (!memcmp(dst, none, ETH_ALEN))
		return PKT_HOST;
	return eth_is_multicast(dst) ? PKT_MULTICAST : PKT_OTHERHOST;
}

/* Sends a frame; with PACKET_QDISC_BYPASS without the queueing discipline. */
static int leave(const struct packet_sock *p, struct net_device *dev, struct sk_buff *skb)
{
	return p->qdisc_bypass ? netdev_xmit_now(dev, skb) : dev_xmit(dev, skb);
}

/* Sends by a device without a link header. The link header of the message is parsed and removed. */
static int send_bare(struct packet_sock *p, struct sk_buff *skb, const struct packet_to *to)
{
	struct ethhdr h;

	if (p->c.type == SOCK_RAW && !link_of(p, to)) {
		if (!skb->protocol && skb->len)
			skb->protocol = skb_payload(skb)[0] >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP;
	} else if (p->c.type == SOCK_RAW) {
		skb_copy(skb, 0, &h, sizeof(h));
		skb->protocol = ntohs(h.h_proto);
		skb->pkt_type = lo_pkt_type(h.h_dest);
		skb->mac_len = skb_headlen(skb) ? 0 : ETH_HLEN;
		skb_pull(skb, ETH_HLEN);
	} else {
		skb->pkt_type = to->halen ? lo_pkt_type(to->addr) : PKT_HOST;
	}
	return leave(p, to->dev, skb);
}

int packet_leave(struct packet_sock *p, struct sk_buff *skb, const struct packet_to *to)
{
	if (to->dev->type != ARPHRD_ETHER)
		return send_bare(p, skb, to);
	if (p->c.type != SOCK_RAW)
		eth_push(to->dev, skb, to->addr, skb->protocol);
	return leave(p, to->dev, skb);
}

int packet_transmit(
	struct packet_sock *p, struct sk_buff *skb, const struct packet_to *to, u32 pieces)
{
	/* the device was moved to another namespace meanwhile */
	if (unlikely(READ_ONCE(to->dev->net) != p->c.net)) {
		kfree_skb(skb);
		return -ENETDOWN;
	}
	skb->protocol = to->proto;
	atomic_inc(&p->refs);
	skb->owner = p;
	skb->charged = skb_truesize(skb);
	skb->destructor = wfree;
	skb->mark = p->c.mark;
	skb->priority = p->c.priority;
	skb->prioidx = READ_ONCE(p->c.prioidx);
	atomic_add((s32)skb->charged, &p->wmem);
	if (unlikely(pieces))
		return packet_vnet_pieces(p, skb, to, link_of(p, to), pieces);
	return packet_leave(p, skb, to);
}

/*
 * Returns the greatest possible length of a message, to refuse larger ones before they are copied.
 */
static u32 upper_limit(const struct packet_sock *p, const struct packet_to *to)
{
	return p->vnet ? p->vnet + PACKET_MAX : to->dev->mtu + link_of(p, to) + VLAN_TAG;
}

/*
 * Requests timestamps. The packet has a reference to the sender's socket (wfree), which therefore
 * exists when they are reported.
 */
static void want_stamps(struct packet_sock *p, struct sk_buff *skb, const struct msg *m)
{
	skb->stamp_wanted = errq_wanted(&p->c, m);
	if (likely(!skb->stamp_wanted))
		return;
	skb->stamp_for = &p->c;
	skb->stamp_key = errq_key(&p->c, m);
}

static int send_one(struct packet_sock *p, struct msg *m, const struct packet_to *to)
{
	size_t len = m->iter.count;
	struct sk_buff *skb;
	u32 pieces;
	int err = 0;

	if (len > upper_limit(p, to))
		return -EMSGSIZE;
	if (unlikely(!packet_may_send(p)))
		err = sock_wait(&p->c, packet_may_send(p), m->nonblock, p->c.sndtimeo);
	if (err)
		return err;
	skb = skb_from_iter(&m->iter, len);
	if (IS_ERR(skb))
		return (int)PTR_ERR(skb);
	want_stamps(p, skb, m);
	err = packet_prepare(p, skb, to, &pieces);
	if (!err)
		err = packet_transmit(p, skb, to, pieces);
	net_rx_flush();
	return err;
}

static ssize_t packet_sendmsg(struct socket *s, struct msg *m)
{
	struct packet_sock *p = PACKET(s);
	size_t len = m->iter.count;
	struct packet_to to;
	int err;

	err = destination(p, m, &to);
	if (!err && !(READ_ONCE(to.dev->flags) & IFF_UP))
		err = -ENETDOWN;
	if (err)
		return err;
	if (READ_ONCE(p->tx))
		return packet_tx_send(p, &to, m->nonblock);
	err = send_one(p, m, &to);
	return err ? err : (ssize_t)len;
}

/* ---- receiving ---- */

static struct sk_buff *take(struct packet_sock *p, bool peek)
{
	struct sk_buff *skb;

	spin_lock(&p->q_lock);
	skb = list_first_entry_or_null(&p->rq, struct sk_buff, list);
	if (skb && peek) {
		skb = skb_clone(skb, GFP_ATOMIC);
		if (!skb)
			skb = ERR_PTR(-ENOBUFS);
	} else if (skb) {
		list_del_init(&skb->list);
		p->rmem -= skb_truesize(skb);
	}
	spin_unlock(&p->q_lock);
	return skb;
}

static struct sk_buff *wait_packet(struct packet_sock *p, struct msg *m)
{
	struct sk_buff *skb;
	int err;

	while (!(skb = take(p, m->flags & MSG_PEEK))) {
		err = xchg(&p->c.err, 0);
		if (!err)
			err = sock_wait_again(
				&p->c, !list_empty(&p->rq) || p->c.err, m, p->c.rcvtimeo);
		if (err)
			return ERR_PTR(err);
	}
	return skb;
}

static void put_auxdata(struct packet_sock *p, struct msg *m, const struct sk_buff *skb)
{
	struct tpacket_auxdata a = {
		.tp_status = packet_status(skb),
		.tp_len = skb->pkt.len,
		.tp_snaplen = skb_len(skb),
		.tp_net = p->c.type == SOCK_RAW ? ETH_HLEN : 0,
		.tp_vlan_tci = skb->vlan_proto ? skb->vlan_tci : 0,
		.tp_vlan_tpid = skb->vlan_proto,
	};

	msg_put_cmsg(m, SOL_PACKET, PACKET_AUXDATA, &a, sizeof(a));
}

static ssize_t copy_out(struct packet_sock *p, struct msg *m, const struct sk_buff *skb)
{
	u32 len = skb_len(skb), vnet = p->vnet, n;
	int err = vnet ? packet_vnet_put(p, skb, &m->iter) : 0;

	if (err)
		return err;
	n = (u32)min_t(u64, len, m->iter.count);
	if (skb_copy_to_iter(skb, 0, n, &m->iter))
		return -EFAULT;
	if (n < len)
		m->out_flags |= MSG_TRUNC;
	return (ssize_t)vnet + (m->flags & MSG_TRUNC ? len : n);
}

static ssize_t packet_recvmsg(struct socket *s, struct msg *m)
{
	const u32 known = MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC | MSG_ERRQUEUE | MSG_CMSG_CLOEXEC;
	struct packet_sock *p = PACKET(s);
	struct sk_buff *skb;
	ssize_t ret;

	if (m->flags & ~known)
		return -EINVAL;
	if (m->flags & MSG_ERRQUEUE)
		return errq_recv_packet(&p->c, m);
	skb = wait_packet(p, m);
	if (IS_ERR(skb))
		return PTR_ERR(skb);
	ret = copy_out(p, m, skb);
	if (m->name) {
		struct sockaddr_ll a;

		packet_address(skb, &a);
		memcpy(m->name->data, &a, sizeof(a));
		m->name->len = sizeof(a);
	}
	msg_put_skb_info(m, &p->c, skb);
	if (p->auxdata)
		put_auxdata(p, m, skb);
	kfree_skb(skb);
	return ret;
}

static bool tx_room(struct packet_sock *p)
{
	bool room;

	spin_lock(&p->q_lock);
	room = p->tx && packet_tx_room(p->tx);
	spin_unlock(&p->q_lock);
	return room;
}

static u32 packet_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	struct packet_sock *p = PACKET(s);
	u32 mask = 0;

	poll_wait(f, &p->c.wait, pt);
	if (!list_empty(&p->rq) || (p->ring && packet_ring_ready(p)))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(p->c.err) || !errq_empty(&p->c))
		mask |= EPOLLERR | (p->c.rare.select_err ? EPOLLPRI : 0);
	if (packet_may_send(p) || tx_room(p))
		mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return mask;
}

/* ---- addresses ---- */

static int packet_bind(struct socket *s, struct sockaddr_buf *a)
{
	struct packet_sock *p = PACKET(s);
	struct sockaddr_ll ll;
	int err;

	if (a->len < sizeof(ll))
		return -EINVAL;
	memcpy(&ll, a->data, sizeof(ll));
	if (ll.sll_family != AF_PACKET)
		return -EINVAL;
	mutex_lock(&p->op);
	err = p->fanout ? -EINVAL :
			  packet_look(p, ll.sll_ifindex,
				  ll.sll_protocol ? ntohs(ll.sll_protocol) : p->proto);
	mutex_unlock(&p->op);
	/* as on Linux, the next call returns the error */
	if (err == -ENETDOWN) {
		WRITE_ONCE(p->c.err, err);
		return 0;
	}
	return err;
}

static int packet_getname(struct socket *s, struct sockaddr_buf *a, bool peer)
{
	struct packet_sock *p = PACKET(s);
	struct net *net = p->c.net;
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET,
		.sll_ifindex = p->ifindex,
		.sll_protocol = htons(p->proto),
	};
	struct net_device *d;

	if (peer)
		return -EOPNOTSUPP;
	spin_lock(&net->lock);
	d = p->ifindex ? netdev_by_index(net, p->ifindex) : NULL;
	if (d) {
		ll.sll_hatype = d->type;
		ll.sll_halen = ETH_ALEN;
		memcpy(ll.sll_addr, d->addr, ETH_ALEN);
	}
	spin_unlock(&net->lock);
	memcpy(a->data, &ll, sizeof(ll));
	a->len = LL_SIZE(ll.sll_halen);
	return 0;
}

static long packet_ioctl(struct socket *s, u32 cmd, u64 arg)
{
	struct packet_sock *p = PACKET(s);

	return skb_queue_ioctl(cmd, arg, &p->rq, &p->q_lock, &p->wmem);
}

/* ---- memberships ---- */

static bool same_member(const struct packet_member *m, const struct packet_mreq *r)
{
	return m->ifindex == r->mr_ifindex && m->type == r->mr_type && m->alen == r->mr_alen &&
	       !memcmp(m->addr, r->mr_address, r->mr_alen);
}

/*
 * Switches on or off the mode of a device that a membership requests: to receive packets for other
 * machines. Does nothing if the device was removed, even if another device has its index.
 */
static void apply_member(struct net *net, const struct packet_member *m, bool on)
{
	u16 type = m->type;
	u32 flag = type == PACKET_MR_PROMISC  ? IFF_PROMISC :
		   type == PACKET_MR_ALLMULTI ? IFF_ALLMULTI :
						0;
	struct net_device *d;

	spin_lock(&net->lock);
	d = netdev_by_index(net, m->ifindex);
	if (d && d->id != m->dev_id)
		d = NULL;
	if (d && type == PACKET_MR_MULTICAST && on)
		mcast_mac_add(d, m->addr, false);
	else if (d && type == PACKET_MR_MULTICAST)
		mcast_mac_del(d, m->addr, false);
	spin_unlock(&net->lock);
	/* the memory of @d stays valid even if the device is removed */
	if (d && flag)
		netdev_count_of(d, m->dev_id, flag, on ? 1 : -1);
}

static void drop_member(struct packet_sock *p, struct packet_member *m)
{
	apply_member(p->c.net, m, false);
	list_del(&m->list);
	kfree(m);
}

/* Returns dev->id of the device that has @ifindex now; 0: there is none. */
static u64 id_of(struct net *net, int ifindex)
{
	const struct net_device *d;
	u64 id;

	spin_lock(&net->lock);
	d = netdev_by_index(net, ifindex);
	id = d ? d->id : 0;
	spin_unlock(&net->lock);
	return id;
}

/* Adds a membership, or a user to an equal one. op held. Returns 0, -ENODEV or -ENOBUFS. */
static int add_member(struct packet_sock *p, const struct packet_mreq *r)
{
	u64 id = id_of(p->c.net, r->mr_ifindex);
	struct packet_member *m, *next;
	u32 n = 0;

	if (!id)
		return -ENODEV;
	list_for_each_entry_safe(m, next, &p->members, list) {
		if (m->ifindex == r->mr_ifindex && m->dev_id != id) {
			drop_member(p, m);
			continue;
		}
		n++;
		if (same_member(m, r)) {
			m->users++;
			return 0;
		}
	}
	if (n >= PACKET_MEMBERS_MAX)
		return -ENOBUFS;
	m = kzalloc(sizeof(*m), GFP_KERNEL | __GFP_ACCOUNT);
	if (!m)
		return -ENOBUFS;
	m->ifindex = r->mr_ifindex;
	m->dev_id = id;
	m->users = 1;
	m->type = r->mr_type;
	m->alen = r->mr_alen;
	memcpy(m->addr, r->mr_address, sizeof(m->addr));
	list_add_tail(&m->list, &p->members);
	apply_member(p->c.net, m, true);
	return 0;
}

/*
 * Serves PACKET_ADD_MEMBERSHIP and PACKET_DROP_MEMBERSHIP; as on Linux, the second ignores a
 * membership that does not exist. op held. Returns 0 or -errno.
 */
static int membership(struct packet_sock *p, int opt, uaddr_t val, u32 len)
{
	struct packet_mreq r = { 0 };
	struct packet_member *m;

	if (len < sizeof(r))
		return -EINVAL;
	if (copy_from_user(&r, val, sizeof(r)))
		return -EFAULT;
	if (r.mr_alen > sizeof(r.mr_address))
		return -EINVAL;
	if (opt == PACKET_DROP_MEMBERSHIP) {
		list_for_each_entry(m, &p->members, list) {
			if (same_member(m, &r)) {
				if (!--m->users)
					drop_member(p, m);
				break;
			}
		}
		return 0;
	}
	if (!id_of(p->c.net, r.mr_ifindex))
		return -ENODEV;
	if (r.mr_type > PACKET_MR_UNICAST || r.mr_alen > ETH_ALEN)
		return -EINVAL;
	if ((r.mr_type == PACKET_MR_MULTICAST || r.mr_type == PACKET_MR_UNICAST) &&
		r.mr_alen != ETH_ALEN)
		return -EINVAL;
	return add_member(p, &r);
}

/* ---- options ---- */

/* Refuses options that affect the layout of a ring while there is one. */
static int no_ring(void *sk, const struct sock_opt *o, int n)
{
	const struct packet_sock *p = sk;

	return p->ring || p->tx ? -EBUSY : 0;
}

/* Sets PACKET_TX_HAS_OFF. While there is a ring this is ignored, as on Linux. */
static int set_tx_has_off(void *sk, const struct sock_opt *o, int n)
{
	if (!no_ring(sk, o, n))
		opt_store(o, sk, n);
	return 0;
}

static int set_vnet(void *sk, const struct sock_opt *o, int n)
{
	struct packet_sock *p = sk;
	int size = p->c.type == SOCK_RAW ? packet_vnet_size(o->opt, n) : -EINVAL;

	if (size < 0)
		return size;
	if (p->ring || p->tx)
		return -EBUSY;
	WRITE_ONCE(p->vnet, (u32)size);
	return 0;
}

static int get_vnet(void *sk, const struct sock_opt *o, int *n)
{
	const struct packet_sock *p = sk;

	*n = !!p->vnet;
	return 0;
}

static int get_fanout(void *sk, const struct sock_opt *o, int *n)
{
	*n = (int)packet_fanout_get(sk);
	return 0;
}

#define FIELD(f) OPT_FIELD(struct packet_sock, f)
#define EXACT .flags = OPT_EXACT

static const struct sock_opt packet_options[] = {
	{ PACKET_AUXDATA, FIELD(auxdata) },
	{ PACKET_ORIGDEV, FIELD(origdev) },
	{ PACKET_COPY_THRESH, FIELD(copy_thresh), EXACT },
	{ PACKET_TIMESTAMP, FIELD(timestamp), EXACT },
	{ PACKET_QDISC_BYPASS, FIELD(qdisc_bypass), EXACT },
	{ PACKET_IGNORE_OUTGOING, FIELD(ignore_outgoing), OPT_SWITCH, EXACT },
	{ PACKET_VERSION, FIELD(version), OPT_RANGE(TPACKET_V1, TPACKET_V3), EXACT,
		.may = no_ring },
	{ PACKET_RESERVE, FIELD(reserve), OPT_RANGE(0, 0x7fffffff), EXACT, .may = no_ring },
	{ PACKET_LOSS, FIELD(loss), EXACT, .may = no_ring },
	{ PACKET_TX_HAS_OFF, FIELD(tx_has_off), EXACT, .set = set_tx_has_off },
	{ PACKET_VNET_HDR, .set = set_vnet, .get = get_vnet },
	{ PACKET_VNET_HDR_SZ, FIELD(vnet), .set = set_vnet },
	{ PACKET_FANOUT, .get = get_fanout },
};

static const struct sock_opt *option(int opt)
{
	return opt_find(packet_options, ARRAY_SIZE(packet_options), opt);
}

static int set_number(struct packet_sock *p, int opt, uaddr_t val, u32 len)
{
	const struct sock_opt *o = option(opt);
	int n;

	if (!opt_may_set(o, &p->c))
		return -ENOPROTOOPT;
	if (len < sizeof(n) || (len > sizeof(n) && o->flags & OPT_EXACT))
		return -EINVAL;
	return get_user(n, val) ? -EFAULT : opt_set(o, &p->c, n);
}

static int packet_setsockopt(struct socket *s, int level, int opt, uaddr_t val, u32 len)
{
	struct packet_sock *p = PACKET(s);
	int err;

	if (level != SOL_PACKET)
		return -ENOPROTOOPT;
	mutex_lock(&p->op);
	switch (opt) {
	case PACKET_ADD_MEMBERSHIP:
	case PACKET_DROP_MEMBERSHIP: err = membership(p, opt, val, len); break;
	case PACKET_RX_RING:
	case PACKET_TX_RING: err = packet_set_ring(p, opt, val, len); break;
	case PACKET_FANOUT: err = packet_fanout_join(p, val, len); break;
	case PACKET_FANOUT_DATA: err = packet_fanout_data(p, val, len); break;
	default: err = set_number(p, opt, val, len);
	}
	mutex_unlock(&p->op);
	return err;
}

/* Returns the counts since the last call, and resets them; version 3 has one count more. */
static int statistics(struct packet_sock *p, void *val, u32 *len)
{
	struct tpacket_stats_v3 st;
	u32 size = p->version == TPACKET_V3 ? sizeof(st) : sizeof(struct tpacket_stats);

	spin_lock(&p->q_lock);
	st = (struct tpacket_stats_v3){ p->packets, p->drops, packet_ring_freezes(p) };
	p->packets = p->drops = 0;
	spin_unlock(&p->q_lock);
	*len = min(*len, size);
	memcpy(val, &st, *len);
	return 0;
}

/*
 * Returns the length of a frame's header in *n. The version is read from the caller's @len bytes at
 * @val.
 */
static int header_length(const void *val, u32 len, int *n)
{
	u32 version;

	if (len < sizeof(version))
		return -EINVAL;
	memcpy(&version, val, sizeof(version));
	if (version > TPACKET_V3)
		return -EINVAL;
	*n = (int)packet_header_size(version);
	return 0;
}

static int packet_getsockopt(struct socket *s, int level, int opt, void *val, u32 *len)
{
	struct packet_sock *p = PACKET(s);
	int n, err;

	if (level != SOL_PACKET)
		return -ENOPROTOOPT;
	switch (opt) {
	case PACKET_STATISTICS: return statistics(p, val, len);
	case PACKET_ROLLOVER_STATS: return packet_rollover_stats(p, val, len);
	case PACKET_HDRLEN: err = header_length(val, *len, &n); break;
	default: err = opt_get(option(opt), &p->c, &n);
	}
	if (err)
		return err;
	*len = min(*len, (u32)sizeof(n));
	memcpy(val, &n, *len);
	return 0;
}

/* ---- making and freeing ---- */

void packet_put(struct packet_sock *p)
{
	if (!atomic_dec_and_test(&p->refs))
		return;
	filter_put(p->c.filter);
	errq_free(&p->c);
	net_put(p->c.net);
	kfree(p);
}

static int packet_release(struct socket *s)
{
	struct packet_sock *p = PACKET(s);
	struct packet_member *m, *next;

	packet_look_away(p);
	list_for_each_entry_safe(m, next, &p->members, list)
		drop_member(p, m);
	packet_fanout_leave(p);
	skb_free_list(&p->rq);
	packet_rings_end(p);
	packet_put(p);
	return 0;
}

static void packet_meminfo(struct sock_common *sk, u32 *n)
{
	const struct packet_sock *p = container_of(sk, struct packet_sock, c);

	n[0] = p->rmem;
	n[2] = (u32)atomic_read(&p->wmem);
}

static const struct proto_ops packet_ops = {
	.release = packet_release,
	.bind = packet_bind,
	.getname = packet_getname,
	.poll = packet_poll,
	.sendmsg = packet_sendmsg,
	.recvmsg = packet_recvmsg,
	.setsockopt = packet_setsockopt,
	.getsockopt = packet_getsockopt,
	.ioctl = packet_ioctl,
	.mmap = packet_mmap,
	.meminfo = packet_meminfo,
};

static int packet_create(struct socket *s, int type, int protocol)
{
	struct packet_sock *p;

	if (!net_capable(current_net(), CAP_NET_RAW))
		return -EPERM;
	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	p = kzalloc(sizeof(*p), GFP_KERNEL | __GFP_ACCOUNT);
	if (!p)
		return -ENOBUFS;
	sock_init_common(&p->c, AF_PACKET, (u16)type, 0);
	net_get(p->c.net);
	mutex_init(&p->op);
	mutex_init(&p->tx_op);
	atomic_set(&p->refs, 1);
	spin_lock_init(&p->q_lock);
	INIT_LIST_HEAD(&p->rq);
	INIT_LIST_HEAD(&p->members);
	INIT_HLIST_NODE(&p->tap);
	s->sk = &p->c;
	s->ops = &packet_ops;
	return packet_look(p, 0, ntohs((u16)protocol));
}

static int packet_init(void)
{
	sock_register(AF_PACKET, packet_create);
	return 0;
}
INITCALL(2, packet_init);
