/* SPDX-License-Identifier: MIT */
/*
 * ndisc.c: IPv6 neighbour discovery and address autoconfiguration (RFC 4861, 4862).
 *
 *     ndisc_up(dev)    the device has come up: adds a link-local address, then solicits routers
 *     ndisc_solicit()  solicits the MAC address of a neighbour, for neigh.c
 *     ndisc_rcv()      receives solicitations, and advertisements of neighbours and routers
 *
 * States of an address of this machine: tentative -> valid -> removed. A tentative address is not
 * used: dad_transmits solicitations test whether another machine has it. If there is no answer for
 * a second, the address is valid; if a machine answers, the address is removed. An address made
 * from a router's prefix is removed when its lifetime ends, unless the router renews it. Addresses
 * set by hand are valid at once. addrs.c handles the lifetimes of addresses.
 *
 * A job is a delayed action of a device: the next step of duplicate address detection, the next
 * router solicitation, the end of a route. The sysctls conf/NAME/accept_ra* control which parts of
 * a router advertisement are accepted (linux-doc networking/ip-sysctl).
 *
 * Invariants:
 * 1. A message is accepted only if it was sent on this link (hop limit 255).
 * 2. A device with max_addresses addresses gets no more from routers, and a namespace has at most
 *    JOBS_MAX jobs.
 * 3. Each length in a message is checked against the rest of the message.
 *
 * Locks: jobs_lock (spin) for the jobs of all namespaces; net->lock for addresses (addrs.c) and
 * routes. No packet is sent under either.
 * Not supported: redirects (ignored), proxies, being a router, privacy addresses.
 */
#include <asm/errno.h>
#include <linux/icmpv6.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/net/inet/icmp.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/neigh/ndisc.h"

#define OPT_NONCE 14 /* RFC 7527 */
#define NA_ROUTER 0x80
#define NA_SOLICITED 0x40
#define NA_OVERRIDE 0x20

/* shortest time between two solicitations, whatever the owner of a namespace sets */
#define SHORTEST (100 * NSEC_PER_MSEC)
#define JOBS_MAX 128

static DEFINE_SPINLOCK(jobs_lock);

static const ip_addr all_nodes = { { htonl(0xff020000), 0, 0, htonl(1) } };
static const ip_addr all_routers = { { htonl(0xff020000), 0, 0, htonl(2) } };

ip_addr mcast_solicited_node(const ip_addr *a)
{
	return (ip_addr){ { htonl(0xff020000), 0, htonl(1),
		htonl(0xff000000 | (ntohl(a->w[3]) & 0xffffff)) } };
}

/* ---- sending ---- */

/* Makes a message. @option: the type of its option, which contains @value; 0: it has no option. */
static struct sk_buff *message(
	u8 type, u32 word, const ip_addr *target, u8 option, const u8 value[ETH_ALEN])
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
		memcpy(p + 2, value, ETH_ALEN);
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
		.tos = (u8)CONF6(dev, CONF6_NDISC_TCLASS),
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
		send(dev, message(ND_NS, 0, addr, OPT_SOURCE, dev->addr), &from, &to);
}

/* Solicits our tentative address, to find a duplicate. */
static void probe(const struct nd_job *j)
{
	ip_addr to = mcast_solicited_node(&j->addr);

	send(j->dev, message(ND_NS, 0, &j->addr, j->has_nonce ? OPT_NONCE : 0, j->nonce), &IP_ANY,
		&to);
}

static void ask_for_routers(struct net_device *dev)
{
	ip_addr from;

	if (addr_source(dev, &all_routers, &from))
		send(dev, message(ND_RS, 0, NULL, OPT_SOURCE, dev->addr), &from, &all_routers);
}

/* ---- jobs ---- */

static bool same_job(const struct nd_job *a, const struct nd_job *b)
{
	return a->kind == b->kind && a->dev == b->dev && ip_equal(&a->addr, &b->addr) &&
	       (a->kind != JOB_ROUTE_ENDS ||
		       (a->prefix == b->prefix && ip_equal(&a->dst, &b->dst)));
}

static struct nd_job *find_job(const struct nd_job *like)
{
	struct nd_job *j;

	list_for_each_entry(j, &like->dev->net->neigh.jobs, list)
		if (same_job(j, like))
			return j;
	return NULL;
}

static void free_job(struct net *net, struct nd_job *j)
{
	list_del(&j->list);
	net->neigh.nr_jobs--;
	kfree(j);
}

/*
 * Replaces the waiting job that is equal to @job, or adds @job. Returns false if there are too many
 * jobs, or no memory.
 */
bool nd_schedule(const struct nd_job *job)
{
	struct net *net = job->dev->net;
	struct nd_job *j;

	spin_lock(&jobs_lock);
	j = find_job(job);
	if (!j && net->neigh.nr_jobs < JOBS_MAX) {
		j = kzalloc(sizeof(*j), GFP_ATOMIC);
		if (j) {
			list_add_tail(&j->list, &net->neigh.jobs);
			net->neigh.nr_jobs++;
		}
	}
	if (j) {
		struct list_head place = j->list;

		*j = *job;
		j->list = place;
		if (j->at != FOREVER)
			/* the timer handler finds the next job */
			timer_start(&net->neigh.timer, 0);
	}
	spin_unlock(&jobs_lock);
	return j;
}

/*
 * Removes the job that is equal to @like, and copies it to *@was (may be NULL). Returns true if
 * there was one.
 */
bool nd_drop_job(const struct nd_job *like, struct nd_job *was)
{
	struct nd_job *j;

	spin_lock(&jobs_lock);
	j = find_job(like);
	if (j && was)
		*was = *j;
	if (j)
		free_job(like->dev->net, j);
	spin_unlock(&jobs_lock);
	return j;
}

/* ---- router solicitations, with the intervals of RFC 7559 ---- */

/* True if the device accepts router advertisements. With accept_ra 1, a router does not. */
bool nd_believes_routers(const struct net_device *dev)
{
	int accept = CONF6(dev, CONF6_ACCEPT_RA);

	return accept > 0 && (accept > 1 || !CONF6(dev, CONF6_FORWARDING));
}

static u64 time_of(const struct net_device *dev, u32 key)
{
	return (u64)max(CONF6(dev, key), 0) * NSEC_PER_MSEC;
}

/*
 * Returns @time, changed at random by up to a tenth, so that not all machines on the link solicit
 * at once.
 */
static u64 about(u64 time)
{
	u64 r;

	arch_random(&r, sizeof(r));
	return time - time / 10 + r % (time / 5 + 1);
}

static void look_for_routers(const struct nd_job *j)
{
	u64 most = time_of(j->dev, CONF6_RS_MAX_INTERVAL), wait;
	int limit = CONF6(j->dev, CONF6_RS_COUNT), sent = j->sent;
	struct nd_job next = *j;

	if (!nd_believes_routers(j->dev) || (limit >= 0 && sent >= limit))
		return;
	ask_for_routers(j->dev);
	next.sent = sent < INT32_MAX ? sent + 1 : sent;
	wait = j->waited ? j->waited + about(j->waited) : about(time_of(j->dev, CONF6_RS_INTERVAL));
	if (j->waited && wait > most)
		wait = about(most);
	next.waited = max(wait, SHORTEST);
	next.at = ktime_get() + next.waited;
	if (limit < 0 || next.sent < limit)
		nd_schedule(&next);
}

/* ---- duplicate address detection ---- */

static void after_dad(struct net_device *dev, const ip_addr *addr)
{
	struct nd_job rs = { .kind = JOB_RS, .dev = dev };

	if (!addr_set_valid(dev, addr))
		return;
	ndisc_added(dev, addr);
	if (!ip_is_linklocal(addr))
		return;
	mcast_have_address(dev);
	rs.at = dev->nd_up + time_of(dev, CONF6_RS_DELAY);
	nd_schedule(&rs);
}

static void do_dad(const struct nd_job *j)
{
	u64 wait = (u64)max(CONF_NEIGH(j->dev, false, NEIGH_RETRANS), 0) * NSEC_PER_MSEC;
	struct nd_job next = *j;

	if (j->tries <= 0) {
		after_dad(j->dev, &j->addr);
		return;
	}
	next.tries--;
	next.at = ktime_get() + max(wait, SHORTEST);
	if (nd_schedule(&next))
		probe(j);
	else
		/* without the job, the address would stay tentative */
		addr_del(j->dev, &j->addr, -1);
}

/*
 * Adds an address in @prefix, after testing that no other machine has it (accept_dad). @made:
 * number of addresses that were made before and are in use elsewhere.
 */
void nd_take_address(struct net_device *dev, const ip_addr *prefix, u32 made, struct ifaddr *a)
{
	bool dad = CONF6(dev, CONF6_ACCEPT_DAD) > 0 ||
		   READ_ONCE(dev->net->conf_all.v6[CONF6_ACCEPT_DAD]) > 0;
	struct nd_job j = { .kind = JOB_DAD, .dev = dev, .made = made };

	addr_gen(dev, prefix, made, a);
	a->flags |= IFA_F_TENTATIVE;
	if (addr_add(dev, a))
		return;
	j.addr = a->addr;
	j.tries = dad ? CONF6(dev, CONF6_DAD_TRANSMITS) : 0;
	j.has_nonce = CONF6_OR(dev, CONF6_ENHANCED_DAD);
	if (j.has_nonce)
		arch_random(j.nonce, sizeof(j.nonce));
	do_dad(&j);
}

static void make_another(const struct nd_job *j)
{
	struct ifaddr a = {
		.prefix = 64,
		.scope = ip_is_linklocal(&j->addr) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.expires = j->expires,
		.preferred_until = j->preferred_until,
	};

	nd_take_address(j->dev, &j->addr, j->again, &a);
}

/* ---- due jobs ---- */

void nd_route_ends(const struct nd_job *j)
{
	struct route r = {
		.dev = j->dev,
		.dst = j->dst,
		.prefix = j->prefix,
		.gateway = j->addr,
		.metric = j->metric,
		.table = RT_TABLE_MAIN,
		.protocol = RTPROT_RA,
	};

	route_del(j->dev->net, &r);
}

static void do_job(const struct nd_job *j)
{
	switch (j->kind) {
	case JOB_NONE: break;
	case JOB_DAD: do_dad(j); break;
	case JOB_RS: look_for_routers(j); break;
	case JOB_ROUTE_ENDS: nd_route_ends(j); break;
	case JOB_ANOTHER: make_another(j); break;
	}
}

/*
 * Removes a job that is due, and copies it to *due. If none is due, arms the timer for the next,
 * and returns false.
 */
static bool take_due(struct net *net, struct nd_job *due)
{
	u64 now = ktime_get(), next = FOREVER;
	struct nd_job *j, *found = NULL;

	spin_lock(&jobs_lock);
	list_for_each_entry(j, &net->neigh.jobs, list) {
		if (!found && j->at <= now)
			found = j;
		next = min(next, j->at);
	}
	if (found) {
		*due = *found;
		free_job(net, found);
	} else if (next != FOREVER) {
		timer_start(&net->neigh.timer, next);
	}
	spin_unlock(&jobs_lock);
	return found;
}

static void jobs_tick(struct ktimer *t)
{
	struct net *net = container_of(t, struct net, neigh.timer);
	struct nd_job j;

	while (take_due(net, &j))
		do_job(&j);
	net_rx_flush();
}

void ndisc_net_init(struct net *net)
{
	INIT_LIST_HEAD(&net->neigh.jobs);
	timer_setup(&net->neigh.timer, jobs_tick);
}

/* Ends the jobs of a namespace. Its devices are down, so there are no jobs and none are added. */
void ndisc_net_end(struct net *net)
{
	timer_cancel_sync(&net->neigh.timer);
}

/* Cancels all jobs of the device. */
static void cancel_all(struct net_device *dev)
{
	struct nd_job *j, *next;

	spin_lock(&jobs_lock);
	list_for_each_entry_safe(j, next, &dev->net->neigh.jobs, list)
		if (j->dev == dev)
			free_job(dev->net, j);
	spin_unlock(&jobs_lock);
}

/* ---- our own addresses ---- */

static bool can_have_link_local(const struct net_device *dev)
{
	return dev->type == ARPHRD_ETHER && !(dev->flags & IFF_NOARP) && dev->mtu >= IPV6_MTU_MIN;
}

void ndisc_regenerate(struct net_device *dev)
{
	static const ip_addr prefix = { { htonl(0xfe800000) } };
	struct ifaddr a = { .prefix = 64, .scope = RT_SCOPE_LINK };

	if (!(READ_ONCE(dev->flags) & IFF_UP) || CONF6(dev, CONF6_DISABLE) ||
		!can_have_link_local(dev) ||
		CONF6(dev, CONF6_ADDR_GEN_MODE) == IN6_ADDR_GEN_MODE_NONE)
		return;
	nd_take_address(dev, &prefix, 0, &a);
	net_rx_flush();
}

void ndisc_up(struct net_device *dev)
{
	dev->nd_up = ktime_get();
	if (!can_have_link_local(dev))
		return;
	ndisc_notify(dev);
	ndisc_regenerate(dev);
}

/*
 * Ends the device's jobs and addresses: it has gone down, is being removed, or IPv6 was disabled.
 */
void ndisc_down(struct net_device *dev)
{
	bool keep = CONF6_FIRST(dev, CONF6_KEEP_ADDR) > 0 && !CONF6(dev, CONF6_DISABLE);

	cancel_all(dev);
	addrs6_forget(dev, keep && !dev->gone);
}

/*
 * Removes an address that another machine has. If the address was made with a secret, another one
 * is made, at most idgen_retries times.
 */
static void address_is_taken(struct net_device *dev, const ip_addr *addr)
{
	struct nd_job dad = { .kind = JOB_DAD, .dev = dev, .addr = *addr }, was;
	struct nd_job another = { .kind = JOB_ANOTHER, .dev = dev, .addr = *addr };
	struct ifaddr a;
	bool there = addr_read(dev, addr, &a);

	if (!nd_drop_job(&dad, &was))
		was.made = ~0U;
	addr_del(dev, addr, -1);
	pr_warn("%s: an IPv6 address of ours is in use elsewhere\n", dev->name);
	if (!there || !(a.flags & IFA_F_STABLE_PRIVACY) ||
		was.made >= (u32)max(READ_ONCE(dev->net->ipv6.idgen_retries), 0))
		return;
	another.again = was.made + 1;
	another.expires = a.expires;
	another.preferred_until = a.preferred_until;
	another.at =
		ktime_get() + (u64)max(READ_ONCE(dev->net->ipv6.idgen_delay), 0) * NSEC_PER_SEC;
	nd_schedule(&another);
}

/* ---- receiving ---- */

/*
 * Finds the option @type of the options in [p, end): a MAC address, or another value of that size;
 * *mac NULL: there is none. Returns false if the options are malformed.
 */
bool nd_find_mac(const u8 *p, const u8 *end, u8 type, const u8 **mac)
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

/*
 * Advertises @addr to the machine @asker, or (NULL) to all. @where: the message contains our link
 * address, which overrides a known one; a machine that has sent a unicast solicitation does not
 * need it.
 */
static void advertise(struct net_device *dev, const ip_addr *addr, const ip_addr *asker, bool where)
{
	u32 flags = (where ? (u32)NA_OVERRIDE : 0) | (asker ? (u32)NA_SOLICITED : 0) |
		    (CONF6(dev, CONF6_FORWARDING) ? (u32)NA_ROUTER : 0);

	where |= CONF6(dev, CONF6_FORCE_TLLAO) != 0;
	send(dev, message(ND_NA, flags << 24, addr, where ? OPT_TARGET : 0, dev->addr), addr,
		asker ? asker : &all_nodes);
}

void ndisc_added(struct net_device *dev, const ip_addr *addr)
{
	if (dev->type == ARPHRD_ETHER && !(dev->flags & IFF_NOARP) && dev->flags & IFF_UP &&
		!ip_is_v4(addr) && CONF6_OR(dev, CONF6_NDISC_NOTIFY))
		advertise(dev, addr, NULL, true);
}

/* Copies up to @max IPv6 addresses of @dev, without the first @skip ones. Returns their number. */
static u32 copy_addresses(struct net_device *dev, u32 skip, ip_addr *to, u32 max)
{
	const struct ifaddr *i;
	u32 n = 0;

	netdev_lock_net(dev);
	list_for_each_entry(i, &dev->net->addr.list, list)
		if (i->dev == dev && !ip_is_v4(&i->addr) && !(i->flags & IFA_F_TENTATIVE) &&
			(!skip || !skip--) && n < max)
			to[n++] = i->addr;
	spin_unlock(&dev->net->lock);
	return n;
}

void ndisc_notify(struct net_device *dev)
{
	ip_addr some[8];
	u32 n, done = 0;

	if (!CONF6_OR(dev, CONF6_NDISC_NOTIFY))
		return;
	do {
		n = copy_addresses(dev, done, some, ARRAY_SIZE(some));
		for (u32 k = 0; k < n; k++)
			ndisc_added(dev, &some[k]);
		done += n;
	} while (n == ARRAY_SIZE(some));
	net_rx_flush();
}

/* True if a solicitation for our tentative address is our own, sent back to us. */
static bool is_ours(struct net_device *dev, const ip_addr *addr, const u8 *nonce)
{
	struct nd_job *j;
	bool ours;

	spin_lock(&jobs_lock);
	j = find_job(&(struct nd_job){ .kind = JOB_DAD, .dev = dev, .addr = *addr });
	ours = j && j->has_nonce && nonce && !memcmp(j->nonce, nonce, NONCE);
	spin_unlock(&jobs_lock);
	return ours;
}

static void got_ns(struct net_device *dev, const struct ip_meta *ip, const u8 *m, u32 len)
{
	bool probing = ip_is_any(&ip->saddr);
	const u8 *mac, *nonce;
	ip_addr target;
	int state;

	if (len < 24 || !nd_find_mac(m + 24, m + len, OPT_SOURCE, &mac) ||
		!nd_find_mac(m + 24, m + len, OPT_NONCE, &nonce))
		return;
	memcpy(&target, m + 8, 16);
	if (ip_is_multicast(&target) || (probing && (mac || !ip_is_multicast(&ip->daddr))))
		return;
	state = addr_state(dev, &target);
	if (state == ADDR_TENTATIVE && probing && !is_ours(dev, &target, nonce))
		address_is_taken(dev, &target);
	if (state != ADDR_VALID)
		return;
	if (!probing && mac)
		neigh_learn(dev, &ip->saddr, mac, NEIGH_CREATE | NEIGH_OVERRIDE);
	advertise(dev, &target, probing ? NULL : &ip->saddr, ip_is_multicast(&ip->daddr));
}

/*
 * True if an unsolicited advertisement may make a new entry (RFC 9131): on routers only, and with
 * accept_untracked_na 2 only if its sender is in this network.
 */
static bool accepts_untracked(struct net_device *dev, const ip_addr *from)
{
	int accept = CONF6(dev, CONF6_ACCEPT_UNTRACKED_NA);

	return accept && CONF6(dev, CONF6_FORWARDING) && (accept == 1 || addr6_is_near(dev, from));
}

static void got_na(struct net_device *dev, const struct ip_meta *ip, const u8 *m, u32 len)
{
	const u8 *mac;
	ip_addr target;
	u32 how = NEIGH_ISROUTER_KNOWN;

	if (len < 24 || !nd_find_mac(m + 24, m + len, OPT_TARGET, &mac))
		return;
	memcpy(&target, m + 8, 16);
	if (ip_is_multicast(&target) || (ip_is_multicast(&ip->daddr) && m[4] & NA_SOLICITED))
		return;
	if (!(m[4] & NA_SOLICITED) && CONF6(dev, CONF6_DROP_UNSOLICITED_NA))
		return;
	switch (addr_state(dev, &target)) {
	case ADDR_TENTATIVE: address_is_taken(dev, &target); return;
	case ADDR_VALID: return;
	}
	how |= m[4] & NA_SOLICITED ? NEIGH_SOLICITED : 0;
	how |= m[4] & NA_OVERRIDE ? NEIGH_OVERRIDE : 0;
	how |= m[4] & NA_ROUTER ? NEIGH_ROUTER : 0;
	how |= accepts_untracked(dev, &ip->saddr) ? NEIGH_CREATE : 0;
	neigh_learn(dev, &target, mac, how);
}

#define MESSAGE_MAX 1280

/*
 * True for a message in fragments, which is ignored: switches that filter router advertisements
 * cannot check it, and no message needs to be fragmented (RFC 6980).
 */
static bool came_in_pieces(const struct sk_buff *skb)
{
	return (skb->defragged || skb->ip.frag_header) && CONF6(skb->dev, CONF6_SUPPRESS_FRAG);
}

void ndisc_rcv(struct sk_buff *skb)
{
	struct net_device *dev = skb->dev;
	u32 len = min(skb_len(skb), (u32)MESSAGE_MAX);
	u8 m[MESSAGE_MAX];

	if (skb->ip.ttl == 255 && dev->type == ARPHRD_ETHER && len >= 8 && !came_in_pieces(skb)) {
		skb_copy(skb, 0, m, len);
		switch (m[1] ? 0 : m[0]) {
		case ND_NS: got_ns(dev, &skb->ip, m, len); break;
		case ND_NA: got_na(dev, &skb->ip, m, len); break;
		case ND_RA: nd_got_ra(dev, &skb->ip, m, len); break;
		}
	}
	kfree_skb(skb);
}
