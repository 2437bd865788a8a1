/* SPDX-License-Identifier: MIT */
/*
 * ifaddr.h: the addresses of this machine's devices (addrs.c, addr_find.c).
 *
 * Call sequence: addr_add() enters an address, and the route of its network; addr_find_local() and
 * addr_source_of() look it up; addr_del(), addrs_forget() or the end of its lifetime remove it.
 * Locks: net->lock (spin) protects the list and every struct ifaddr in it. Functions take it unless
 * they say that it is held.
 */
#ifndef NESTLING_NET_IFADDR_H
#define NESTLING_NET_IFADDR_H

#include "kernel/lib/list.h"
#include "kernel/net/inet/addr.h"
#include "kernel/net/link/netdev.h"

struct net;

struct ifaddr {
	struct list_head list; /* in net->addr.list */
	struct net_device *dev;
	/* peer: addr if the link has no single peer */
	ip_addr addr, peer, broadcast;
	u8 prefix; /* of the family's 32 or 128 bits */
	/* the device is in the address's solicited-node group */
	bool in_group;
	/* the route of its network has not been added yet */
	bool to_connect;
	u8 scope; /* RT_SCOPE_* */
	/* IFA_F_*; IFA_F_TENTATIVE: not to be used yet */
	u16 flags;
	u32 metric; /* of its network's route, 0: the default */
	/* ktime_get() at the end of its life; 0, or ~0 (by a router): it has none */
	u64 expires;
	/* ktime_get() when it becomes deprecated; 0: never, or it is already */
	u64 preferred_until;
	struct addr_places *places; /* its places in hash tables (addr_find.c) */
	char label[IFNAMSIZ];
};

/* ---- addrs.c ---- */

/* Adds a copy of @a: 0, -EEXIST, -ENOMEM, -EADDRNOTAVAIL. */
int addr_add(struct net_device *dev, const struct ifaddr *a);
int addr_del(struct net_device *dev, const ip_addr *addr, int prefix);
/* True if @a is an address of this machine, or of device @ifindex unless that is 0. */
bool addr_is_local(struct net *net, const ip_addr *a, int ifindex);
bool addr_is_broadcast(struct net *net, const ip_addr *a);
/* Returns the state of @a on device @dev. */
enum { ADDR_NONE, ADDR_TENTATIVE, ADDR_VALID };
int addr_state(struct net_device *dev, const ip_addr *a);
/* Copies the address @a of @dev to *@out. Returns true if it exists. */
bool addr_read(struct net_device *dev, const ip_addr *a, struct ifaddr *out);
/* Ends the tentative state of @a. Returns true if the address exists. */
bool addr_set_valid(struct net_device *dev, const ip_addr *a);
/*
 * Applies a router's lifetimes for @a: preferred until @preferred, valid until @expires, but at
 * least until @least or the present end, whichever is earlier (ktime_get(); ~0: never). Returns
 * true unless @a does not exist or was set by hand as permanent.
 */
bool addr_renew(struct net_device *dev, const ip_addr *a, u64 expires, u64 preferred, u64 least);
/*
 * Sets lifetimes, flags and metric of an address of @dev as in @a, and notifies listeners. 0 or
 * -ENOENT.
 */
int addr_replace(struct net_device *dev, const struct ifaddr *a);
/* Sets lifetimes of @a in seconds, ~0: for ever. 0 or -EINVAL. */
int addr_set_lifetimes(struct ifaddr *a, u32 valid, u32 preferred);
/* Begin and end the timer that removes expired addresses. addr_net_end() may sleep. */
void addr_net_init(struct net *net);
void addr_net_end(struct net *net);
u32 addr6_count(struct net_device *dev);
/* True if @a is in the network of an IPv6 address of @dev. */
bool addr6_is_near(struct net_device *dev, const ip_addr *a);
/* Removes all IPv6 addresses; with @keep not those set by hand to stay, except link-local ones. */
void addrs6_forget(struct net_device *dev, bool keep);
void addrs_forget(struct net_device *dev);
/*
 * Finds a source address for packets to @dst, of @dev if it has one. Returns true if there is an
 * address of that family.
 */
bool addr_source(const struct net_device *dev, const ip_addr *dst, ip_addr *out);
/* True if @a, and @b unless it is NULL, is in the network of an IPv4 address of @dev. */
bool addr_on_link(struct net_device *dev, const ip_addr *a, const ip_addr *b);
/*
 * Add the routes of addresses of @dev, which has come up; fill the route of one address's network.
 */
void addrs_connect(struct net_device *dev);
struct route;
void addr_connected_route(const struct ifaddr *a, struct route *r);
bool addr_same_network(const struct ifaddr *a, const struct ifaddr *b);
/* Frees an address that is in no list. NULL is allowed. */
void ifaddr_free(struct ifaddr *a);

/* ---- lookups with net->lock held; a result stays as long as the lock is held. NULL: none ---- */

struct ifaddr *addr_find_local(struct net *net, const ip_addr *a, int ifindex);
/* Returns the first address @a of @dev with that prefix, -1: any. */
struct ifaddr *addr_find_on(const struct net_device *dev, const ip_addr *a, int prefix);
const struct ifaddr *addr_source_of(
	struct net *net, const struct net_device *dev, const ip_addr *dst);
/*
 * Returns a source for packets sent by @dev: its own, or any other unless IPv6's use_oif_addrs_only
 * is set.
 */
const struct ifaddr *addr_source_by(
	struct net *net, const struct net_device *dev, const ip_addr *dst);
/*
 * True for all ones, and for the broadcast address of a network of @dev. Adds the cost to *@steps.
 */
bool addr_is_broadcast_of(
	struct net *net, const struct net_device *dev, const ip_addr *a, u32 *steps);

/* ---- addr_find.c ---- */

/* Allocates the memory for addr_enter(), without the lock. Returns false if there is none. */
bool addr_places_alloc(struct ifaddr *a);
/* Add @a, which is in the list of addresses, to the hash tables, and remove it. net->lock held. */
bool addr_enter(struct net *net, struct ifaddr *a);
void addr_leave(struct net *net, struct ifaddr *a);
/* Converts a prefix length of @prefix's own family to one of an ip_addr's 128 bits. */
static inline u32 addr_bits_of(const ip_addr *a, u32 prefix)
{
	return ip_is_v4(a) ? 96 + prefix : prefix;
}

#endif
