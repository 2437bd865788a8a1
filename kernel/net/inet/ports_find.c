/* SPDX-License-Identifier: MIT */
/*
 * ports_find.c: finds the socket that a packet is for. A connection is found by its two addresses
 * and two ports. Any other packet goes to the socket whose binding fits best: the youngest of those
 * that fit equally, or a member of a group (SO_REUSEPORT). A lookup visits one of each set of equal
 * sockets (ports_crowd.c).
 * Locks: table->lock.
 */
#include "arch/um/machine/arch.h"
#include "kernel/net/inet/ports.h"

static bool family_takes(const struct inet_sock *i, const ip_addr *addr)
{
	if (!i->v6 || ip_is_v4(&i->laddr))
		return ip_is_v4(addr);
	return !ip_is_v4(addr) || !i->opts.v6only;
}

bool inet_matches(const struct inet_sock *i, struct net *net, const ip_addr *local, u16 lport,
	const ip_addr *remote, u16 rport, int ifindex)
{
	if (i->net != net || i->lport != lport || !family_takes(i, local))
		return false;
	if (i->bound_if && i->bound_if != ifindex)
		return false;
	if (!ip_is_any(&i->laddr) && !ip_equal(&i->laddr, local))
		return false;
	return !has_flow(i) || (i->rport == rport && ip_equal(&i->raddr, remote));
}

/* Rates how well a socket fits: a peer, an address, a device and AF_INET count, in this order. */
static int fitness(const struct inet_sock *i)
{
	return (has_flow(i) ? 8 : 0) + (ip_is_any(&i->laddr) ? 0 : 4) + (i->bound_if ? 2 : 0) +
	       (i->v6 ? 0 : 1);
}

struct inet_sock *inet_lookup_peer(struct port_table *t, struct net *net, const ip_addr *local,
	u16 lport, const ip_addr *remote, u16 rport, int ifindex)
{
	struct inet_sock *i, *found = NULL;

	spin_lock(&t->lock);
	hlist_for_each_entry(i, peer_bucket(t, net, local, lport, remote, rport), in.peer_node) {
		if (i->net == net && i->lport == lport && i->rport == rport &&
			ip_equal(&i->saddr, local) && ip_equal(&i->raddr, remote) &&
			(!i->bound_if || i->bound_if == ifindex)) {
			found = i;
			inet_get(i);
			break;
		}
	}
	spin_unlock(&t->lock);
	return found;
}

/* What a lookup searches for; `skb` is the packet, or NULL. */
struct wanted {
	struct net *net;
	const ip_addr *local, *remote;
	u16 lport, rport;
	int ifindex;
	const struct sk_buff *skb;
	u32 skip;
};

static bool candidate(const struct port_table *t, const struct inet_sock *i, const struct wanted *w)
{
	return (!t->stream || i->listening) &&
	       inet_matches(i, w->net, w->local, w->lport, w->remote, w->rport, w->ifindex);
}

/*
 * Returns the best fitting socket of bucket @at if it is better than @best, else @best. The
 * youngest socket of each set is in the bucket, so no others are checked.
 */
static struct inet_sock *better_of(
	const struct port_table *t, u32 at, const struct wanted *w, struct inet_sock *best)
{
	struct inet_sock *i;

	hlist_for_each_entry(i, &t->ways[at], in.way.node) {
		int more;

		if (!candidate(t, i, w))
			continue;
		more = best ? fitness(i) - fitness(best) : 1;
		if (more > 0 || (!more && i->in.age > best->in.age))
			best = i;
	}
	return best;
}

/*
 * Returns the socket that fits best, or NULL. Searches at most four buckets in order of fitness:
 * with peer and address, with peer, with address, and with neither. Parts of their hashes are
 * shared.
 */
static struct inet_sock *best_of_all(struct port_table *t, const struct wanted *w)
{
	u64 here, port, flow;
	struct inet_sock *best = NULL;

	port = ports_part(t, w->net, w->lport, 0);
	here = addr_part(t, 0, w->local);
	if (!t->stream) {
		flow = ports_part(t, w->net, w->lport, w->rport) + addr_part(t, 4, w->remote);
		best = better_of(t, way_of(flow + here), w, NULL);
		if (!best)
			best = better_of(t, way_of(flow), w, NULL);
	}
	if (!best)
		best = better_of(t, way_of(port + here), w, NULL);
	return best ? best : better_of(t, way_of(port), w, NULL);
}

/*
 * Returns the member of @best's group that gets the packet. A member that was bound to a device
 * later does not match all packets of the group; then @best gets the packet.
 */
static struct inet_sock *of_group(struct inet_sock *best, const struct wanted *w)
{
	u32 hash = (ip_hash(w->remote) ^ w->rport) * 0x9e3779b1U;
	struct inet_sock *i = w->skb ? group_ask(best->in.group, w->skb, w->skip) : NULL;

	if (!i)
		i = group_pick(best->in.group, hash);
	return candidate(best->table, i, w) ? i : best;
}

static struct inet_sock *lookup(struct port_table *t, const struct wanted *w)
{
	struct inet_sock *best;

	spin_lock(&t->lock);
	best = best_of_all(t, w);
	if (best && unlikely(best->in.group) && !has_flow(best))
		best = of_group(best, w);
	if (best)
		inet_get(best);
	spin_unlock(&t->lock);
	return best;
}

struct inet_sock *inet_lookup_port(struct port_table *t, struct net *net, const ip_addr *local,
	u16 lport, const ip_addr *remote, u16 rport, int ifindex)
{
	struct wanted w = { net, local, remote, lport, rport, ifindex, NULL, 0 };

	return lookup(t, &w);
}

struct inet_sock *inet_lookup_packet(
	struct port_table *t, struct net *net, const struct sk_buff *skb, u32 skip)
{
	bool proxy = unlikely(skb->proxy_port);
	struct wanted w = { net, proxy ? &skb->proxy : &skb->ip.daddr, &skb->ip.saddr,
		proxy ? skb->proxy_port : skb->dport, skb->sport, skb->dev->ifindex, skb, skip };

	return lookup(t, &w);
}

static bool is_for(const struct inet_sock *i, struct net *net, const struct sk_buff *skb)
{
	return inet_matches(
		i, net, &skb->ip.daddr, skb->dport, &skb->ip.saddr, skb->sport, skb->dev->ifindex);
}

static void take_all(
	struct hlist_head *h, struct net *net, const struct sk_buff *skb, struct dgram_crowd *c)
{
	struct inet_sock *i, *o;

	hlist_for_each_entry(i, h, in.way.node)
		if (is_for(i, net, skb))
			for (o = i; o; o = way_next(o))
				dgram_crowd_add(c, o);
}

void inet_lookup_all(
	struct port_table *t, struct net *net, const struct sk_buff *skb, struct dgram_crowd *c)
{
	const ip_addr *at[] = { &skb->ip.daddr, &IP_ANY }, *from = &skb->ip.saddr;

	spin_lock(&t->lock);
	for (u32 k = 0; k < ARRAY_SIZE(at); k++) {
		take_all(way_bucket(t, net, at[k], skb->dport, from, skb->sport), net, skb, c);
		take_all(way_bucket(t, net, at[k], skb->dport, &IP_ANY, 0), net, skb, c);
	}
	spin_unlock(&t->lock);
}
