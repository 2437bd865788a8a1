/* SPDX-License-Identifier: MIT */
/*
 * addr_find.c: finds out whether an address is this machine's, or a broadcast address. Each packet
 * needs this lookup, and a namespace may have thousands of addresses. The lookup therefore uses a
 * hash (prefix.h) instead of a walk.
 *
 * Each address is found by itself. An address of lo is also found by any address in its network,
 * such as 127.0.0.0/8. An IPv4 address is also found by the broadcast addresses of its network.
 * Locks: net->lock.
 */
#include <linux/if_addr.h>

#include "kernel/lib/printk.h"
#include "kernel/mm/mm.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/net.h"

/*
 * The keys by which an address is found. Each is a value of prefix_node.space, and an index of the
 * arrays in struct addr_places.
 */
enum { ITSELF, NETWORK, BROADCAST, ALL_ONES, PLACES };

struct addr_places {
	struct ifaddr *of;
	struct prefix_node at[PLACES];
	bool used[PLACES];
};

static struct ifaddr *addr_of(struct prefix_node *n)
{
	return n ? container_of(n - n->space, struct addr_places, at[0])->of : NULL;
}

/* ---- places ---- */

bool addr_places_alloc(struct ifaddr *a)
{
	a->places = kzalloc(sizeof(*a->places), GFP_ATOMIC | __GFP_ACCOUNT);
	return a->places;
}

void ifaddr_free(struct ifaddr *a)
{
	if (a)
		kfree(a->places);
	kfree(a);
}

static void enter(struct net *net, struct ifaddr *a, u32 what, const ip_addr *net_of, u32 bits)
{
	prefix_set(&a->places->at[what], what, net_of, bits);
	prefix_add(&net->addr.hash, &a->places->at[what], NULL);
	a->places->used[what] = true;
}

/* Returns an IPv4 address with all host bits of @a's network set, and no others. */
static u32 host_bits(const struct ifaddr *a)
{
	return htonl(a->prefix ? ~0U >> a->prefix : ~0U);
}

bool addr_enter(struct net *net, struct ifaddr *a)
{
	bool v4 = ip_is_v4(&a->addr);
	ip_addr all = a->peer;

	assert_spin_held(&net->lock);
	if (!prefix_ready(&net->addr.hash))
		return false;
	a->places->of = a;
	enter(net, a, ITSELF, &a->addr, 128);
	if (v4 && a->dev->flags & IFF_LOOPBACK) {
		enter(net, a, NETWORK, &a->addr, 96U + a->prefix);
		prefix_len_add(&net->addr.lo_lens, 96U + a->prefix);
	}
	if (v4 && !ip_is_any(&a->broadcast))
		enter(net, a, BROADCAST, &a->broadcast, 128);
	if (v4 && a->prefix && a->prefix < 31) {
		all.w[3] |= host_bits(a);
		enter(net, a, ALL_ONES, &all, 128);
	}
	net->addr.nr++;
	route_changed(net);
	return true;
}

void addr_leave(struct net *net, struct ifaddr *a)
{
	assert_spin_held(&net->lock);
	if (a->places->used[NETWORK])
		prefix_len_del(&net->addr.lo_lens, a->places->at[NETWORK].bits);
	for (u32 k = 0; k < PLACES; k++)
		if (a->places->used[k])
			prefix_del(&net->addr.hash, &a->places->at[k]);
	net->addr.nr--;
	route_changed(net);
}

/* ---- lookups ---- */

static struct prefix_node *first(struct net *net, u32 what, const ip_addr *a)
{
	return prefix_first(&net->addr.hash, what, 128, a);
}

static struct ifaddr *usable(struct net *net, struct prefix_node *n, int ifindex)
{
	for (; n; n = prefix_next(&net->addr.hash, n)) {
		struct ifaddr *i = addr_of(n);

		if ((!ifindex || i->dev->ifindex == ifindex) && !(i->flags & IFA_F_TENTATIVE))
			return i;
	}
	return NULL;
}

struct ifaddr *addr_find_local(struct net *net, const ip_addr *a, int ifindex)
{
	struct ifaddr *i = usable(net, first(net, ITSELF, a), ifindex);
	int bits = i || !ip_is_v4(a) ? -1 : prefix_longest(&net->addr.lo_lens, 128);

	for (; !i && bits >= 0; bits = prefix_longest(&net->addr.lo_lens, bits - 1))
		i = usable(net, prefix_first(&net->addr.hash, NETWORK, (u32)bits, a), ifindex);
	return i;
}

struct ifaddr *addr_find_on(const struct net_device *dev, const ip_addr *a, int prefix)
{
	struct net *net = dev->net;

	for (struct prefix_node *n = first(net, ITSELF, a); n;
		n = prefix_next(&net->addr.hash, n)) {
		struct ifaddr *i = addr_of(n);

		if (i->dev == dev && (prefix < 0 || i->prefix == prefix))
			return i;
	}
	return NULL;
}

bool addr_is_local(struct net *net, const ip_addr *a, int ifindex)
{
	bool yes;

	spin_lock(&net->lock);
	yes = addr_find_local(net, a, ifindex) != NULL ||
	      (unlikely(net->route.local) && !ifindex && ip_is_v4(a) && route_makes_local(net, a));
	spin_unlock(&net->lock);
	return yes;
}

/*
 * True for 255.255.255.255, a configured broadcast address, and an address whose host bits in a
 * configured network are all ones.
 */
bool addr_is_broadcast(struct net *net, const ip_addr *a)
{
	bool yes = ip_is_v4(a) && a->w[3] == ~0U;

	if (yes || !ip_is_v4(a))
		return yes;
	spin_lock(&net->lock);
	yes = first(net, BROADCAST, a) || first(net, ALL_ONES, a);
	spin_unlock(&net->lock);
	return yes;
}

bool addr_is_broadcast_of(
	struct net *net, const struct net_device *dev, const ip_addr *a, u32 *steps)
{
	if (!ip_is_v4(a))
		return false;
	if (a->w[3] == ~0U)
		return true;
	for (u32 what = BROADCAST; what <= ALL_ONES; what++)
		for (struct prefix_node *n = first(net, what, a); n;
			n = prefix_next(&net->addr.hash, n), ++*steps)
			if (addr_of(n)->dev == dev)
				return true;
	return false;
}
