/* SPDX-License-Identifier: MIT */
/*
 * ndisc.c: IPv6 neighbour discovery and the addresses that a card gives itself (RFC 4861, 4862).
 *
 *	ndisc_up(dev)       the card has come up: it takes a link-local address, then looks for routers
 *	ndisc_solicit()     who has this address? (neigh.c asks)
 *	ndisc_rcv()         what others say: solicitations, advertisements of neighbours and routers
 *
 * States of an address of ours: tentative (nobody may use it; we ask whether somebody has it) -> valid after a second of silence, or gone
 * when somebody has. One from a router's prefix is gone when its lifetime ends, unless the router says it anew. Addresses set by hand
 * are valid at once.
 * A job is something that a card does later: the end of the test of an address, the next question for routers, the end of a route. addrs.c has the
 * lifetimes of addresses.
 *
 * Invariants: 1. nothing is believed that has not come from this link (hop limit 255). 2. A card has at most ADDRS_MAX addresses
 * from routers, a namespace at most JOBS_MAX jobs. 3. Each length in a message is checked against what is left of it.
 * Locks: jobs_lock (spin): the jobs of all namespaces. net->lock for addresses (addrs.c) and routes. Nothing is sent under either.
 * Not here: redirects (passed over), proxies, being a router, privacy addresses.
 */
#include <asm/errno.h>
#include <linux/icmpv6.h>
#include <linux/if_addr.h>

#include "arch/um/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/net/icmp.h"
#include "kernel/net/ip.h"
#include "kernel/net/neigh.h"

#define ND_RS 133
#define ND_RA 134
#define ND_NS 135
#define ND_NA 136
#define ND_REDIRECT 137
#define OPT_SOURCE 1
#define OPT_TARGET 2
#define OPT_PREFIX 3
#define NA_ROUTER 0x80
#define NA_SOLICITED 0x40
#define NA_OVERRIDE 0x20
#define PREFIX_AUTO 0x40

#define DAD_TIME NSEC_PER_SEC
#define RS_INTERVAL (4 * NSEC_PER_SEC)
#define RS_TRIES 3
#define RA_METRIC 1024
#define ADDRS_MAX 16U
#define JOBS_MAX 128
#define FOREVER (~0UL)
#define SHORTENED_TO                                                                               \
	7200 /* seconds: anybody on the link may say that an address ends (RFC 4862, 5.5.3 e) */
#define LIFETIME_MAX (1UL << 31) /* seconds; more is for ever */

enum job_kind { JOB_NONE, JOB_DAD, JOB_RS, JOB_ROUTE_ENDS };
struct job {
	struct list_head list; /* net->nd_jobs */
	enum job_kind kind;
	struct net_device *dev;
	ip_addr addr; /* of the address; of the router */
	u64 at;
	u32 tries;
};

static DEFINE_SPINLOCK(jobs_lock);

static const ip_addr all_nodes = { { htonl(0xff020000), 0, 0, htonl(1) } };
static const ip_addr all_routers = { { htonl(0xff020000), 0, 0, htonl(2) } };

ip_addr mcast_solicited_node(const ip_addr *a)
{
	return (ip_addr){ { htonl(0xff020000), 0, htonl(1),
		htonl(0xff000000 | (ntohl(a->w[3]) & 0xffffff)) } };
}

/* RFC 4291, appendix A. */
static ip_addr with_interface_id(const struct net_device *dev, u32 w0, u32 w1)
{
	const u8 *m = dev->addr;
	u8 id[8] = { m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5] };
	ip_addr a = { { w0, w1 } };

	memcpy(&a.w[2], id, 8);
	return a;
}

/* ---- messages out ---- */

static struct sk_buff *message(
	u8 type, u32 word, const ip_addr *target, const struct net_device *dev, u8 option)
{
	struct sk_buff *skb = skb_alloc(0, GFP_ATOMIC);
	struct icmphdr *h;
	u8 *p;

	if (!skb)
		return NULL;
	if (option) {
		p = skb_push(skb, 8);
		p[0] = option;
		p[1] = 1;
		memcpy(p + 2, dev->addr, ETH_ALEN);
	}
	if (target)
		memcpy(skb_push(skb, 16), target, 16);
	h = skb_push(skb, sizeof(*h));
	*h = (struct icmphdr){ .type = type, .word = htonl(word) };
	return skb;
}

static void send(
	struct net_device *dev, struct sk_buff *skb, const ip_addr *from, const ip_addr *to)
{
	struct flow f = {
		.saddr = *from,
		.daddr = *to,
		.next_hop = *to,
		.dev = dev,
		.mtu = dev->mtu,
		.proto = IPPROTO_ICMPV6,
		.ttl = 255,
	};
	struct icmphdr *h;

	if (!skb)
		return;
	h = (struct icmphdr *)(skb->room + skb->head);
	h->checksum = csum_fold(
		skb_sum(skb, 0, skb_len(skb), csum_pseudo(from, to, IPPROTO_ICMPV6, skb_len(skb))));
	ip_send(dev->net, skb, &f);
}

void ndisc_solicit(struct net_device *dev, const ip_addr *addr, const u8 *mac)
{
	ip_addr from, to = mac ? *addr : mcast_solicited_node(addr);

	if (addr_source(dev, addr, &from))
		send(dev, message(ND_NS, 0, addr, dev, OPT_SOURCE), &from, &to);
}

/* Who has the address that we would like? */
static void probe(struct net_device *dev, const ip_addr *addr)
{
	ip_addr to = mcast_solicited_node(addr);

	send(dev, message(ND_NS, 0, addr, dev, 0), &IP_ANY, &to);
}

static void ask_for_routers(struct net_device *dev)
{
	ip_addr from;

	if (addr_source(dev, &all_routers, &from))
		send(dev, message(ND_RS, 0, NULL, dev, OPT_SOURCE), &from, &all_routers);
}

/* ---- jobs ---- */

static struct job *find_job(struct net_device *dev, enum job_kind kind, const ip_addr *addr)
{
	struct job *j;

	list_for_each_entry(j, &dev->net->nd_jobs, list)
		if (j->kind == kind && j->dev == dev && ip_equal(&j->addr, addr))
			return j;
	return NULL;
}

static void free_job(struct net *net, struct job *j)
{
	list_del(&j->list);
	net->nr_nd_jobs--;
	kfree(j);
}

/* The same job at another time, or a new one. False: too many, or no memory. */
static bool schedule_job(
	enum job_kind kind, struct net_device *dev, const ip_addr *addr, u64 at, u32 tries)
{
	struct net *net = dev->net;
	struct job *j;

	spin_lock(&jobs_lock);
	j = find_job(dev, kind, addr);
	if (!j && net->nr_nd_jobs < JOBS_MAX) {
		j = kzalloc(sizeof(*j), GFP_ATOMIC);
		if (j) {
			list_add_tail(&j->list, &net->nd_jobs);
			net->nr_nd_jobs++;
		}
	}
	if (j) {
		j->kind = kind;
		j->dev = dev;
		j->addr = *addr;
		j->at = at;
		j->tries = tries;
		if (at != FOREVER)
			timer_start(&net->nd_timer, 0); /* it finds the next */
	}
	spin_unlock(&jobs_lock);
	return j;
}

static void after_dad(struct net_device *dev, const ip_addr *addr)
{
	if (!addr_set_valid(dev, addr) || !ip_is_linklocal(addr))
		return;
	mcast_have_address(dev);
	schedule_job(JOB_RS, dev, &IP_ANY, 0, RS_TRIES);
}

static void route_ends(struct net_device *dev, const ip_addr *router)
{
	struct route r = {
		.dev = dev,
		.gateway = *router,
		.table = RT_TABLE_MAIN,
		.protocol = RTPROT_RA,
	};

	route_del(dev->net, &r);
}

static void do_job(const struct job *j)
{
	switch (j->kind) {
	case JOB_NONE: break;
	case JOB_DAD: after_dad(j->dev, &j->addr); break;
	case JOB_RS:
		ask_for_routers(j->dev);
		if (j->tries > 1)
			schedule_job(
				JOB_RS, j->dev, &j->addr, ktime_get() + RS_INTERVAL, j->tries - 1);
		break;
	case JOB_ROUTE_ENDS: route_ends(j->dev, &j->addr); break;
	}
}

/* Takes out one that is due. Else arms the timer for the next. */
static bool take_due(struct net *net, struct job *due)
{
	u64 now = ktime_get(), next = FOREVER;
	struct job *j, *found = NULL;

	spin_lock(&jobs_lock);
	list_for_each_entry(j, &net->nd_jobs, list) {
		if (!found && j->at <= now)
			found = j;
		next = min(next, j->at);
	}
	if (found) {
		*due = *found;
		free_job(net, found);
	} else if (next != FOREVER) {
		timer_start(&net->nd_timer, next);
	}
	spin_unlock(&jobs_lock);
	return found;
}

static void jobs_tick(struct ktimer *t)
{
	struct net *net = container_of(t, struct net, nd_timer);
	struct job j;

	while (take_due(net, &j))
		do_job(&j);
	net_rx_flush();
}

void ndisc_net_init(struct net *net)
{
	INIT_LIST_HEAD(&net->nd_jobs);
	timer_setup(&net->nd_timer, jobs_tick);
}

/* Its devices are down: there are no jobs, and nobody makes one. */
void ndisc_net_end(struct net *net)
{
	timer_cancel_sync(&net->nd_timer);
}

/* No job of this kind for that address, or for the whole card with @addr NULL, is done any more. */
static void cancel(struct net_device *dev, const ip_addr *addr, enum job_kind kind)
{
	struct job *j, *next;

	spin_lock(&jobs_lock);
	list_for_each_entry_safe(j, next, &dev->net->nd_jobs, list)
		if (j->dev == dev && (!addr || (j->kind == kind && ip_equal(&j->addr, addr))))
			free_job(dev->net, j);
	spin_unlock(&jobs_lock);
}

/* ---- addresses of our own ---- */

/* Takes @a, and tests first whether somebody has it (accept_dad). False: it is there already, or there is no room. */
static bool take_address(struct net_device *dev, struct ifaddr *a)
{
	bool dad = CONF6(dev, CONF6_ACCEPT_DAD) > 0 ||
		   READ_ONCE(dev->net->conf_all.v6[CONF6_ACCEPT_DAD]) > 0;

	a->flags = IFA_F_TENTATIVE;
	if (addr_add(dev, a))
		return false;
	if (!schedule_job(JOB_DAD, dev, &a->addr, ktime_get() + (dad ? DAD_TIME : 0), 0)) {
		addr_del(dev, &a->addr, -1); /* it would be tentative for ever */
		return false;
	}
	if (dad)
		probe(dev, &a->addr);
	return true;
}

void ndisc_up(struct net_device *dev)
{
	struct ifaddr a = { .prefix = 64, .scope = RT_SCOPE_LINK };

	if (dev->type != ARPHRD_ETHER || dev->flags & IFF_NOARP || dev->mtu < 1280 ||
		CONF6(dev, CONF6_ADDR_GEN_MODE))
		return;
	a.addr = with_interface_id(dev, htonl(0xfe800000), 0);
	take_address(dev, &a);
	net_rx_flush();
}

void ndisc_down(struct net_device *dev)
{
	cancel(dev, NULL, JOB_NONE);
	addrs6_forget(dev);
}

static void somebody_has(struct net_device *dev, const ip_addr *addr)
{
	cancel(dev, addr, JOB_DAD);
	addr_del(dev, addr, -1);
	pr_warn("%s: an IPv6 address of ours is in use elsewhere\n", dev->name);
}

/* ---- messages in ---- */

/* The MAC address in the option @type of the options in [p, end). False: they make no sense. */
static bool find_mac(const u8 *p, const u8 *end, u8 type, const u8 **mac)
{
	*mac = NULL;
	while (p < end) {
		if (end - p < 8 || !p[1] || end - p < p[1] * 8)
			return false;
		if (p[0] == type && p[1] == 1)
			*mac = p + 2;
		p += p[1] * 8;
	}
	return true;
}

static void advertise(struct net_device *dev, const ip_addr *addr, const ip_addr *asker)
{
	bool nobody = ip_is_any(asker);
	u32 flags = NA_OVERRIDE | (nobody ? 0 : (u32)NA_SOLICITED);

	send(dev, message(ND_NA, flags << 24, addr, dev, OPT_TARGET), addr,
		nobody ? &all_nodes : asker);
}

static void got_ns(struct net_device *dev, const struct ip_meta *ip, const u8 *m, u32 len)
{
	bool probing = ip_is_any(&ip->saddr);
	const u8 *mac;
	ip_addr target;
	int state;

	if (len < 24 || !find_mac(m + 24, m + len, OPT_SOURCE, &mac))
		return;
	memcpy(&target, m + 8, 16);
	if (ip_is_multicast(&target) || (probing && (mac || !ip_is_multicast(&ip->daddr))))
		return;
	state = addr_state(dev, &target);
	if (state == ADDR_TENTATIVE && probing)
		somebody_has(dev, &target);
	if (state != ADDR_VALID)
		return;
	if (!probing && mac)
		neigh_learn(dev, &ip->saddr, mac, NEIGH_CREATE | NEIGH_OVERRIDE);
	advertise(dev, &target, &ip->saddr);
}

static void got_na(struct net_device *dev, const struct ip_meta *ip, const u8 *m, u32 len)
{
	const u8 *mac;
	ip_addr target;
	u32 how = NEIGH_ISROUTER_KNOWN;

	if (len < 24 || !find_mac(m + 24, m + len, OPT_TARGET, &mac))
		return;
	memcpy(&target, m + 8, 16);
	if (ip_is_multicast(&target) || (ip_is_multicast(&ip->daddr) && m[4] & NA_SOLICITED))
		return;
	switch (addr_state(dev, &target)) {
	case ADDR_TENTATIVE: somebody_has(dev, &target); return;
	case ADDR_VALID: return;
	}
	how |= m[4] & NA_SOLICITED ? NEIGH_SOLICITED : 0;
	how |= m[4] & NA_OVERRIDE ? NEIGH_OVERRIDE : 0;
	how |= m[4] & NA_ROUTER ? NEIGH_ROUTER : 0;
	neigh_learn(dev, &target, mac, how);
}

static u32 be32_at(const u8 *p)
{
	u32 v;

	memcpy(&v, p, 4);
	return ntohl(v);
}

static u64 end_of(u64 seconds)
{
	return seconds >= LIFETIME_MAX ? FOREVER : ktime_get() + seconds * NSEC_PER_SEC;
}

static void got_prefix(struct net_device *dev, const u8 *p)
{
	u64 valid = be32_at(p + 4), preferred = be32_at(p + 8);
	struct ifaddr a = { .prefix = 64, .expires = end_of(valid) };
	ip_addr prefix;

	memcpy(&prefix, p + 16, 16);
	if (p[2] != 64 || !(p[3] & PREFIX_AUTO) || ip_is_linklocal(&prefix) ||
		ip_is_multicast(&prefix) || preferred > valid)
		return;
	a.addr = with_interface_id(dev, prefix.w[0], prefix.w[1]);
	if (ip_is_v4(&a.addr) || ip_is_loopback(&a.addr))
		return;
	if (addr_renew(dev, &a.addr, a.expires, end_of(preferred), end_of(SHORTENED_TO)))
		return;
	a.preferred_until = preferred >= LIFETIME_MAX ? 0 : end_of(preferred);
	if (valid && addr_state(dev, &a.addr) == ADDR_NONE && addr_count(dev) < ADDRS_MAX)
		take_address(dev, &a);
}

/* @pref: how much it wants to be taken (RFC 4191). */
static void got_router(struct net_device *dev, const ip_addr *from, u32 lifetime, u8 pref)
{
	struct route r = {
		.dev = dev,
		.gateway = *from,
		.table = RT_TABLE_MAIN,
		.protocol = RTPROT_RA,
		.type = RTN_UNICAST,
		.metric = RA_METRIC,
		.pref = pref == 2 ? 0 : pref,
	};

	if (!lifetime) {
		cancel(dev, from, JOB_ROUTE_ENDS);
		route_ends(dev, from);
	} else if (schedule_job(JOB_ROUTE_ENDS, dev, from, end_of(lifetime), 0)) {
		route_add(dev->net, &r);
	}
}

static void got_ra(struct net_device *dev, const struct ip_meta *ip, const u8 *m, u32 len)
{
	const u8 *mac, *p = m + 16, *end = m + len;
	int accept = CONF6(dev, CONF6_ACCEPT_RA);

	if (accept <= 0 || (accept < 2 && CONF6(dev, CONF6_FORWARDING)))
		return; /* a router asks no other */
	if (len < 16 || !ip_is_linklocal(&ip->saddr) || !find_mac(p, end, OPT_SOURCE, &mac))
		return;
	cancel(dev, &IP_ANY, JOB_RS);
	if (mac)
		neigh_learn(dev, &ip->saddr, mac,
			NEIGH_CREATE | NEIGH_OVERRIDE | NEIGH_ROUTER | NEIGH_ISROUTER_KNOWN);
	got_router(dev, &ip->saddr, (u32)m[6] << 8 | m[7], m[5] >> 3 & 3);
	for (; p < end; p += p[1] * 8) /* find_mac() has seen that they are whole */
		if (p[0] == OPT_PREFIX && p[1] == 4 && CONF6(dev, CONF6_AUTOCONF))
			got_prefix(dev, p);
}

#define MESSAGE_MAX 1280

void ndisc_rcv(struct sk_buff *skb)
{
	struct net_device *dev = skb->dev;
	u32 len = min(skb_len(skb), (u32)MESSAGE_MAX);
	u8 m[MESSAGE_MAX];

	if (skb->ip.ttl == 255 && dev->type == ARPHRD_ETHER && len >= 8) {
		skb_copy(skb, 0, m, len);
		switch (m[1] ? 0 : m[0]) {
		case ND_NS: got_ns(dev, &skb->ip, m, len); break;
		case ND_NA: got_na(dev, &skb->ip, m, len); break;
		case ND_RA: got_ra(dev, &skb->ip, m, len); break;
		}
	}
	kfree_skb(skb);
}
