/* SPDX-License-Identifier: MIT */
/*
 * neigh.c: the neighbour table (RFC 4861, 7.3; arp(7)).
 *
 *     neigh_output(dev, to, skb)        sends the frame if the MAC address is known; else it queues
 *                                       the packet and sends a request
 *     neigh_learn(dev, addr, mac, how)  records the MAC address of a message
 *     neigh_confirm(dev, addr)          records that a higher layer has received something from the
 *                                       machine
 *
 * States:
 *     (none) -> INCOMPLETE       neigh_output(): requests to programs (app_solicit), then to all
 *                                machines, three times (mcast_solicit), a second apart
 *                                (retrans_time_ms); packets wait
 *     INCOMPLETE -> REACHABLE    an answer
 *     INCOMPLETE -> STALE        the machine has sent us a request
 *     INCOMPLETE -> FAILED       no answer; the waiting packets fail with EHOSTUNREACH
 *     REACHABLE -> STALE         half a minute without a confirmation (base_reachable_time_ms)
 *     STALE -> DELAY             neigh_output(): the address is used for five seconds without a
 *                                confirmation (delay_first_probe_time)
 *     DELAY -> PROBE             requests to that machine alone, three times (ucast_solicit), then
 *                                to programs, then to all machines (mcast_resolicit)
 *     PROBE -> REACHABLE         an answer
 *     PROBE -> FAILED            no answer
 *     STALE, FAILED -> (none)    a minute without use (gc_stale_time): removed by a collector,
 *                                which runs every gc_interval and does nothing while there are few
 *                                entries (gc_thresh1)
 *     FAILED -> INCOMPLETE       neigh_output()
 *     PERMANENT, NOARP           set by hand, do not change
 *     any -> (none)              the device goes down or gets another address; or the entry is
 *                                removed by hand or to make room. RTM_DELNEIGH reports it, with the
 *                                last state
 *     all but PERMANENT -> (none)
 *                                the device loses its carrier, unless
 *                                conf/NAME/{arp,ndisc}_evict_nocarrier is 0
 *
 * Invariants:
 * 1. Packets wait in INCOMPLETE entries only.
 * 2. A namespace has at most BY_HAND_MAX entries set by hand, so it cannot use up all entries.
 *    neigh_table.c bounds the other entries.
 * 3. The packets that wait for an entry have at most unres_qlen_bytes bytes, or a single packet
 *    waits.
 *
 * Locks: neigh_lock (spin) protects the table. No packet is sent under it: packets to send are
 * dequeued first.
 */
#include <asm/errno.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/neigh/neigh_table.h"
#include "kernel/net/socket/skb.h"

/* The receivers of the next request: one machine, programs, or all machines. */
enum ask { ASK_NOBODY, ASK_ONE, ASK_APP, ASK_ALL };

static enum ask next_question(const struct neigh *n)
{
	u64 one = neigh_param(n, NEIGH_ASK_ONE), app = one + neigh_param(n, NEIGH_ASK_APP);
	u64 all = app + neigh_param(n, n->state == NUD_PROBE ? NEIGH_ASK_AGAIN : NEIGH_ASK_ALL);

	if (n->state == NUD_PROBE && n->probes < one)
		return ASK_ONE;
	if (n->probes < app)
		return ASK_APP;
	return n->probes < all ? ASK_ALL : ASK_NOBODY;
}

/* ---- requests and packets; called without the lock ---- */

/*
 * Returns the source address of a packet, which begins with its header, in @to; NULL: it is not
 * IPv4.
 */
static const ip_addr *sender_of(const struct sk_buff *skb, ip_addr *to)
{
	u32 be;

	if (skb->protocol != ETH_P_IP || skb_len(skb) < 16)
		return NULL;
	skb_copy(skb, 12, &be, sizeof(be));
	*to = ip_v4(be);
	return to;
}

/* Sends a request to @whom. @from: the source of the waiting packet, or NULL. */
static void solicit(struct net *net, struct net_device *dev, enum ask whom,
	const struct neigh_info *about, const ip_addr *from)
{
	const u8 *mac = whom == ASK_ONE ? about->mac : NULL;

	if (whom == ASK_NOBODY)
		return;
	if (whom == ASK_APP)
		rtnl_notify_neigh(net, about, RTM_GETNEIGH);
	else if (ip_is_v4(&about->addr))
		arp_solicit(dev, &about->addr, mac, from);
	else
		ndisc_solicit(dev, &about->addr, mac);
}

static void send_all(struct net_device *dev, struct list_head *queue, const u8 *mac)
{
	struct sk_buff *skb, *next;

	list_for_each_entry_safe(skb, next, queue, list) {
		list_del_init(&skb->list);
		eth_send(dev, skb, mac, skb->protocol);
	}
}

/*
 * Fails packets: their senders get an ICMP error in @net, in which the packets were queued; the
 * device may be in another namespace by now.
 */
static void fail_all(struct net *net, struct net_device *dev, struct list_head *queue)
{
	struct sk_buff *skb, *next;

	list_for_each_entry_safe(skb, next, queue, list) {
		list_del_init(&skb->list);
		icmp_no_host(net, dev, skb);
		kfree_skb(skb);
	}
}

/* ---- output ---- */

static void enqueue(struct neigh *n, struct sk_buff *skb, struct neigh_grave *dead)
{
	u32 cost = skb_truesize(skb), most = neigh_param(n, NEIGH_QUEUE);

	while (!list_empty(&n->queue) && (u64)n->queued + cost > most) { /* the oldest is dropped */
		struct sk_buff *oldest = list_first_entry(&n->queue, struct sk_buff, list);

		n->queued -= skb_truesize(oldest);
		list_move_tail(&oldest->list, &dead->packets);
	}
	/* A TCP packet holds no reference on the socket that waits for its timestamp. */
	if (!skb->destructor)
		skb->stamp_for = NULL;
	list_add_tail(&skb->list, &n->queue);
	n->queued += cost;
}

/* Queues a packet. Returns the receivers of the first request, if it is to be sent now. */
static enum ask wait_for_answer(struct neigh *n, struct sk_buff *skb, struct neigh_grave *dead)
{
	enum ask whom = ASK_NOBODY;

	if (n->state != NUD_INCOMPLETE) {
		/* as if all unicast requests were sent */
		n->probes = neigh_param(n, NEIGH_ASK_ONE);
		neigh_set_state(n, NUD_INCOMPLETE, neigh_retrans_time(n));
		whom = next_question(n);
		n->probes++;
	}
	enqueue(n, skb, dead);
	return whom;
}

/*
 * Sends @skb if the MAC address is known; else queues it, and sends a request if one is due. Takes
 * neigh_lock. Consumes @skb. Returns 0 or -errno.
 */
static int resolve(struct net_device *dev, const ip_addr *to, struct sk_buff *skb)
{
	enum ask whom = ASK_NOBODY;
	struct neigh_info info;
	struct net *net = NULL;
	u8 mac[ETH_ALEN];
	ip_addr sender;
	const ip_addr *from = sender_of(skb, &sender);
	bool known = false;
	struct neigh_grave dead;
	struct neigh *n;

	neigh_grave_init(&dead);
	spin_lock(&neigh_lock);
	n = neigh_find(dev, to);
	/* A device that goes down loses IFF_UP first, and then drops its neighbours. */
	if (!n && READ_ONCE(dev->flags) & IFF_UP)
		n = neigh_create(dev, to, &dead);
	if (n) {
		n->used = ktime_get();
		if (!(n->state & NUD_BY_HAND))
			neigh_touch(n);
		known = n->state & NUD_VALID;
		if (n->state == NUD_STALE)
			neigh_set_delay(n);
		if (known)
			memcpy(mac, n->mac, ETH_ALEN);
		else
			whom = wait_for_answer(n, skb, &dead);
		if (whom != ASK_NOBODY) {
			neigh_describe(n, &info);
			net = n->net;
		}
	}
	spin_unlock(&neigh_lock);
	neigh_bury(&dead);
	solicit(net, dev, whom, &info, from);
	if (known)
		return eth_send(dev, skb, mac, skb->protocol);
	if (!n)
		kfree_skb(skb);
	return n ? 0 : -ENOBUFS;
}

/* Computes the MAC address of a multicast group (RFC 1112, 6.4; RFC 2464, 7). */
void mcast_mac_of(const ip_addr *group, u8 *mac)
{
	const u8 *a = (const u8 *)&group->w[3];

	if (ip_is_v4(group)) {
		mac[0] = 0x01;
		mac[1] = 0x00;
		mac[2] = 0x5e;
		mac[3] = a[1] & 0x7f;
		memcpy(mac + 4, a + 2, 2);
	} else {
		mac[0] = mac[1] = 0x33;
		memcpy(mac + 2, a, 4);
	}
}

int neigh_output(struct net_device *dev, const ip_addr *to, struct sk_buff *skb)
{
	u8 mac[ETH_ALEN];

	if (ip_is_multicast(to))
		mcast_mac_of(to, mac);
	else if (dev->flags & IFF_NOARP)
		memcpy(mac, dev->addr, ETH_ALEN);
	else
		return resolve(dev, to, skb);
	return eth_send(dev, skb, mac, skb->protocol);
}

/* ---- learning ---- */

static bool should_know(const struct net_device *dev)
{
	return dev->flags & IFF_UP && !(dev->flags & (IFF_NOARP | IFF_LOOPBACK));
}

/* Updates an entry by a message. Returns true if the waiting packets may be sent. */
static bool learn(struct neigh *n, const u8 *mac, u32 how)
{
	bool valid = n->state & NUD_VALID;
	bool differs = !valid || (mac && memcmp(n->mac, mac, ETH_ALEN) != 0);
	u64 now = ktime_get();

	if (n->state & NUD_BY_HAND || (!mac && !valid))
		return false;
	if (how & NEIGH_ISROUTER_KNOWN)
		n->flags = how & NEIGH_ROUTER ? NTF_ROUTER : 0;
	if (valid && differs && how & NEIGH_UNLESS_NEW &&
		now - n->updated < neigh_param(n, NEIGH_LOCK) * (NSEC_PER_SEC / 100))
		/* of several answers, only the first is used */
		return false;
	/* another machine has answered: the known address is probed */
	if (valid && differs && !(how & NEIGH_OVERRIDE)) {
		if (n->state == NUD_REACHABLE)
			neigh_set_stale(n);
		return false;
	}
	if (differs) {
		memcpy(n->mac, mac, ETH_ALEN);
		n->updated = now;
	}
	if (how & NEIGH_SOLICITED)
		neigh_set_reachable(n);
	else if (differs)
		neigh_set_stale(n);
	return true;
}

void neigh_learn(struct net_device *dev, const ip_addr *addr, const u8 *mac, u32 how)
{
	LIST_HEAD(queue);
	u8 to[ETH_ALEN], was = NUD_NONE;
	struct neigh_info info = { .state = NUD_NONE };
	struct neigh_grave dead;
	struct neigh *n;

	if (!should_know(dev) || (mac && eth_is_multicast(mac)))
		return;
	neigh_grave_init(&dead);
	spin_lock(&neigh_lock);
	n = neigh_find(dev, addr);
	if (!n && how & NEIGH_CREATE && mac)
		n = neigh_create(dev, addr, &dead);
	if (n && n->state == NUD_NONE) /* this machine had sent no request */
		how &= ~(u32)NEIGH_SOLICITED;
	if (n)
		was = n->state;
	if (n && learn(n, mac, how)) {
		list_splice_tail_init(&n->queue, &queue);
		n->queued = 0;
		memcpy(to, n->mac, ETH_ALEN);
	}
	if (n)
		neigh_describe(n, &info);
	spin_unlock(&neigh_lock);
	neigh_bury(&dead);
	if (info.state != was)
		rtnl_notify_neigh(dev->net, &info, RTM_NEWNEIGH);
	send_all(dev, &queue, to);
}

void neigh_confirm(struct net_device *dev, const ip_addr *addr)
{
	struct neigh *n;

	spin_lock(&neigh_lock);
	n = neigh_find(dev, addr);
	if (n && n->state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE))
		neigh_set_reachable(n);
	spin_unlock(&neigh_lock);
}

/* ---- time ---- */

/* The work at an entry's deadline that is done without the lock. */
struct due {
	struct net_device *dev;
	struct net *net;
	ip_addr sender;
	/* source of the packet that was queued last (then &sender), or NULL */
	const ip_addr *from;
	enum ask whom;
	bool notify;
	struct neigh_info info;
	struct list_head failed;
	struct neigh_grave dead;
};

static void give_up(struct neigh *n, struct due *d)
{
	neigh_set_failed(n);
	list_splice_tail_init(&n->queue, &d->failed);
	n->queued = 0;
}

static void expire(struct neigh *n, struct due *d)
{
	d->dev = n->dev;
	switch (n->state) {
	case NUD_REACHABLE: neigh_set_stale(n); return;
	case NUD_DELAY:
		n->probes = 0;
		n->state = NUD_PROBE;
		break;
	case NUD_INCOMPLETE:
	case NUD_PROBE: break;
	default: neigh_collect(n, &d->dead); return;
	}
	d->whom = next_question(n);
	if (d->whom == ASK_NOBODY) {
		give_up(n, d);
		return;
	}
	n->probes++;
	if (!list_empty(&n->queue))
		d->from = sender_of(list_last_entry(&n->queue, struct sk_buff, list), &d->sender);
	neigh_set_state(n, n->state, neigh_retrans_time(n));
}

/* Handles one entry whose deadline has passed. Takes neigh_lock. Returns false if there is none. */
static bool do_due(void)
{
	struct due d = { .whom = ASK_NOBODY };
	struct neigh *n;

	INIT_LIST_HEAD(&d.failed);
	neigh_grave_init(&d.dead);
	spin_lock(&neigh_lock);
	n = neigh_due();
	if (n) {
		struct net *net = n->dev->net;

		d.notify = n->state & (NUD_REACHABLE | NUD_INCOMPLETE | NUD_PROBE);
		d.net = net;
		expire(n, &d);
		if (d.notify || d.whom != ASK_NOBODY)
			neigh_describe(n, &d.info);
	}
	spin_unlock(&neigh_lock);
	if (d.notify && d.info.state & (NUD_STALE | NUD_FAILED))
		rtnl_notify_neigh(d.net, &d.info, RTM_NEWNEIGH);
	solicit(d.net, d.dev, d.whom, &d.info, d.from);
	fail_all(d.net, d.dev, &d.failed);
	neigh_bury(&d.dead);
	return n;
}

static void neigh_tick(struct ktimer *t)
{
	while (do_due())
		;
	net_rx_flush();
}

/* ---- entries set by hand, and lists for programs ---- */

static int set_locked(struct neigh *n, const u8 *mac, u16 state, u8 flags)
{
	if (mac)
		memcpy(n->mac, mac, ETH_ALEN);
	else if (state & NUD_VALID && !(n->state & NUD_VALID) && !(state & NUD_NOARP))
		return -EINVAL;
	n->flags = flags;
	n->probes = 0;
	switch (state) {
	case NUD_REACHABLE: neigh_set_reachable(n); break;
	case NUD_DELAY: neigh_set_delay(n); break;
	case NUD_PROBE:
	case NUD_INCOMPLETE: neigh_set_state(n, (u8)state, 0); break;
	case NUD_NONE:
	case NUD_FAILED: neigh_set_failed(n); break;
	case NUD_STALE: neigh_set_stale(n); break;
	default: neigh_set_state(n, (u8)state, FOREVER);
	}
	return 0;
}

static bool may_set(const struct net *net, const struct neigh *n, u16 state)
{
	return !(state & NUD_BY_HAND) || (n && n->state & NUD_BY_HAND) ||
	       net->neigh.by_hand < BY_HAND_MAX;
}

static bool is_worth_notice(const struct neigh_info *before, const struct neigh_info *now)
{
	return (before->state | now->state) & NUD_VALID &&
	       (before->state != now->state || before->flags != now->flags ||
		       memcmp(before->mac, now->mac, ETH_ALEN) != 0);
}

int neigh_set(struct net_device *dev, const ip_addr *addr, const u8 *mac, u16 state, u8 flags,
	u32 nlflags)
{
	LIST_HEAD(queue);
	struct neigh_info info;
	struct neigh_grave dead;
	struct neigh_info before = { .state = NUD_NONE };
	u8 to[ETH_ALEN];
	struct neigh *n;
	int err = 0;

	if (state & ~0xffU || (state & (state - 1)))
		return -EINVAL;
	neigh_grave_init(&dead);
	spin_lock(&neigh_lock);
	n = neigh_find(dev, addr);
	if (n && nlflags & NLM_F_EXCL)
		err = -EEXIST;
	else if (!n && !(nlflags & NLM_F_CREATE))
		err = -ENOENT;
	else if (!n && state & NUD_VALID && !mac && !(state & NUD_NOARP))
		err = -EINVAL;
	else if (!may_set(dev->net, n, state))
		err = -ENOBUFS;
	else if (!n)
		n = neigh_create(dev, addr, &dead);
	if (n)
		neigh_describe(n, &before);
	if (!err)
		err = n ? set_locked(n, mac, state, flags) : -ENOBUFS;
	if (!err)
		neigh_describe(n, &info);
	if (!err && n->state & NUD_VALID) {
		list_splice_tail_init(&n->queue, &queue);
		n->queued = 0;
		memcpy(to, n->mac, ETH_ALEN);
	}
	spin_unlock(&neigh_lock);
	/* The entry that was removed to make room may be of another device and namespace. */
	neigh_bury(&dead);
	if (!err && is_worth_notice(&before, &info))
		rtnl_notify_neigh(dev->net, &info, RTM_NEWNEIGH);
	send_all(dev, &queue, to);
	net_rx_flush();
	return err;
}

static int neigh_init(void)
{
	timer_setup(&neigh_timer, neigh_tick);
	return 0;
}
INITCALL(1, neigh_init);
