/* SPDX-License-Identifier: MIT */
/*
 * ifaddr.h: the addresses of this machine's devices (addrs.c, addr_find.c).
 *
 * Call sequence: addr_add() adds an address, and the route to its network; addr_find_local() and
 * addr_source_of() look it up; addr_del(), addrs_forget() or the end of its lifetime remove it.
 * Locks: net->lock (spin) protects the list and every struct ifaddr in it. Functions take the lock
 * unless their comment says that the caller holds it, and do not sleep. Those that change addresses
 * notify rtnetlink listeners, without the lock. Results are copies; a device is borrowed from the
 * caller.
 */
#ifndef NESTLING_NET_IFADDR_H
#define NESTLING_NET_IFADDR_H

#include "kernel/lib/list.h"
#include "kernel/net/inet/addr.h"
#include "kernel/net/link/netdev.h"

struct net;

struct ifaddr {
	struct list_head list; /* in net->addr.list */
	/* the device, without a reference: netdev_unregister() removes its addresses */
	struct net_device *dev;
	/*
	 * peer: equal to addr if the link has no single peer; broadcast: the broadcast address, any
	 * if there is none
	 */
	ip_addr addr, peer, broadcast;
	u8 prefix; /* bits, of the family's 32 or 128 */
	/* the device has joined the address's solicited-node multicast group */
	bool in_group;
	/* the route to the address's network is still to be added */
	bool to_connect;
	u8 scope; /* RT_SCOPE_* */
	/* IFA_F_*; IFA_F_TENTATIVE: not usable yet */
	u16 flags;
	u32 metric; /* of the route to the network, 0: default */
	/*
	 * ktime_get() at the end of the valid lifetime, ns; 0, or ~0 if a router set it: never ends
	 */
	u64 expires;
	/* ktime_get() at the end of the preferred lifetime; 0: never ends, or has ended */
	u64 preferred_until;
	/* nodes in hash tables (addr_find.c), owned */
	struct addr_places *places;
	/*
	 * of an IPv4 address: normally the device's name, or that name, a colon and more; rtnetlink
	 * accepts any text
	 */
	char label[IFNAMSIZ];
};

/* Selects IPv4 addresses of a device. Each pointer may be NULL: any. */
struct addr4_match {
	const ip_addr *local;
	/* must lie in the network of the address's peer, whose prefix length must be `prefix` */
	const ip_addr *peer;
	const char *label;
	u8 prefix;
};

/* ---- addrs.c ---- */

/*
 * Adds a copy of @a. Returns 0, -EEXIST, -ENODEV (@dev is gone), -ENOBUFS, -ENOMEM or
 * -EADDRNOTAVAIL.
 */
int addr_add(struct net_device *dev, const struct ifaddr *a);
/*
 * Removes the address @addr with prefix length @prefix, in the family's bits; -1: with any length.
 * Returns 0 or -EADDRNOTAVAIL.
 */
int addr_del(struct net_device *dev, const ip_addr *addr, int prefix);
/* Removes @dev's first IPv4 address that @m selects. Returns 0 or -EADDRNOTAVAIL. */
int addr4_del(struct net_device *dev, const struct addr4_match *m);
/* True if @a is an address of this machine; with @ifindex not 0, an address of that device. */
bool addr_is_local(struct net *net, const ip_addr *a, int ifindex);
/* True for 255.255.255.255, and a broadcast address of a device's network. */
bool addr_is_broadcast(struct net *net, const ip_addr *a);
/* States of an address on a device. */
enum { ADDR_NONE, ADDR_TENTATIVE, ADDR_VALID };
/* Returns the state of @a on device @dev, an ADDR_*. */
int addr_state(struct net_device *dev, const ip_addr *a);
/*
 * Copies the address @a of @dev to *@out, whose `list` and `places` must not be used. Returns true
 * if @dev has it.
 */
bool addr_read(struct net_device *dev, const ip_addr *a, struct ifaddr *out);
/* Clears IFA_F_TENTATIVE of @a. Returns true if @dev has the address. */
bool addr_set_valid(struct net_device *dev, const ip_addr *a);
/*
 * Applies a router's lifetimes to @a: preferred until @preferred, valid until @expires. The valid
 * lifetime ends no earlier than @least or its present end, whichever is earlier. Times are
 * ktime_get(), ~0: never. Returns false if @dev does not have @a, or a user has set it as
 * permanent.
 */
bool addr_renew(struct net_device *dev, const ip_addr *a, u64 expires, u64 preferred, u64 least);
/*
 * Replaces the lifetimes, flags and metric of an address of @dev by those of @a, and notifies
 * rtnetlink listeners. Returns 0 or -ENOENT.
 */
int addr_replace(struct net_device *dev, const struct ifaddr *a);
/*
 * Sets the lifetimes of @a, in seconds from now on, ~0: for ever. Returns 0, or -EINVAL if @valid
 * is 0 or below @preferred. @a is in no list.
 */
int addr_set_lifetimes(struct ifaddr *a, u32 valid, u32 preferred);
/* Set up and stop the timer that removes expired addresses. addr_net_end() may sleep. */
void addr_net_init(struct net *net);
void addr_net_end(struct net *net);
/* Returns the number of IPv6 addresses of @dev. */
u32 addr6_count(struct net_device *dev);
/* True if @a is in the network of an IPv6 address of @dev. */
bool addr6_is_near(struct net_device *dev, const ip_addr *a);
/*
 * Removes all IPv6 addresses of @dev. @keep: keeps permanent ones that a user set, except
 * link-local ones.
 */
void addrs6_forget(struct net_device *dev, bool keep);
/* Removes all addresses of @dev. */
void addrs_forget(struct net_device *dev);
/*
 * Chooses a source address for packets to @dst, an address of @dev if it has one, and stores it in
 * *@out. Returns true if there is an address of @dst's family.
 */
bool addr_source(const struct net_device *dev, const ip_addr *dst, ip_addr *out);
/* True if @a, and @b unless it is NULL, is in the network of an IPv4 address of @dev. */
bool addr_on_link(struct net_device *dev, const ip_addr *a, const ip_addr *b);
/* Adds the routes to the networks of @dev's addresses, when @dev has come up. */
void addrs_connect(struct net_device *dev);
struct route;
/* Fills in *@r, the route to the network of @a. */
void addr_connected_route(const struct ifaddr *a, struct route *r);
/* True if both addresses are on one device and have the same network. */
bool addr_same_network(const struct ifaddr *a, const struct ifaddr *b);
/* Frees an address that is in no list. @a may be NULL. */
void ifaddr_free(struct ifaddr *a);

/* ---- lookups. net->lock held; a result is valid while it is held. NULL: not found ---- */

/*
 * Returns the entry by which @a is an address of this machine, on the device @ifindex, 0: on any.
 */
struct ifaddr *addr_find_local(struct net *net, const ip_addr *a, int ifindex);
/* Returns @dev's first entry for address @a with prefix length @prefix; -1: with any length. */
struct ifaddr *addr_find_on(const struct net_device *dev, const ip_addr *a, int prefix);
/*
 * Returns a source address for packets to @dst: an address of @dev, or of any device if @dev is
 * NULL.
 */
const struct ifaddr *addr_source_of(
	struct net *net, const struct net_device *dev, const ip_addr *dst);
/*
 * Returns a source address for packets sent by @dev to @dst: an address of @dev, or of any device
 * unless IPv6's use_oif_addrs_only is set.
 */
const struct ifaddr *addr_source_by(
	struct net *net, const struct net_device *dev, const ip_addr *dst);
/*
 * True if @a is 255.255.255.255 or the broadcast address of a network of @dev. Adds the number of
 * entries visited to *@steps.
 */
bool addr_is_broadcast_of(
	struct net *net, const struct net_device *dev, const ip_addr *a, u32 *steps);

/* ---- addr_label.c ---- */

/*
 * Returns @dev's first IPv4 address with label @label, and address @addr unless that is NULL. NULL:
 * there is none. net->lock held.
 */
struct ifaddr *addr4_labelled(const struct net_device *dev, const char *label, const ip_addr *addr);
/* True if @a is an IPv4 address that @m selects. net->lock held. */
bool addr4_matches(const struct ifaddr *a, const struct addr4_match *m);
/*
 * Changes the labels of @dev's addresses after @dev got a new name, and notifies rtnetlink
 * listeners. May sleep.
 */
void addrs_relabel(struct net_device *dev);

/* ---- addr_find.c ---- */

/*
 * Allocates the hash nodes that addr_enter() needs. Called without net->lock. Returns false if
 * there is no memory.
 */
bool addr_places_alloc(struct ifaddr *a);
/*
 * Add an address of net->addr.list to the hash tables, and remove it from them. addr_enter() is
 * called before the address enters the list, and returns false if there is no memory. net->lock
 * held.
 */
bool addr_enter(struct net *net, struct ifaddr *a);
void addr_leave(struct net *net, struct ifaddr *a);
/* Converts @prefix, a length in @a's own family, to a length in an ip_addr's 128 bits. */
static inline u32 addr_bits_of(const ip_addr *a, u32 prefix)
{
	return ip_is_v4(a) ? 96 + prefix : prefix;
}

#endif
