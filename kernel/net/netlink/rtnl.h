/* SPDX-License-Identifier: MIT */
/*
 * rtnl.h: rtnetlink(7): links, addresses and routes as netlink messages. netlink.c passes these
 * messages from and to programs. Functions that serve requests do not keep the request, may sleep,
 * and return 0 or -errno. A dump or get passes each object to @emit, with @arg. The caller has
 * checked the rights for changes.
 */
#ifndef NESTLING_NET_RTNL_H
#define NESTLING_NET_RTNL_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "kernel/net/net.h"

/* A buffer in which a message is built. */
struct nl_builder {
	u8 buf[4096];
	u32 len;
	u32 msg; /* offset of the current message */
};
/*
 * Begins a message of @type for port @portid, and returns its fixed part of @body bytes, all 0.
 * @req: the request, whose sequence number the message gets. nl_end() ends the message. Does not
 * check whether the buffer has room.
 */
void *nl_begin(struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 type, u16 flags,
	u32 body);
/*
 * Appends an attribute. The buffer is large enough for each message of the kernel. An attribute
 * that does not fit nevertheless is left out.
 */
void nl_attr(struct nl_builder *b, u16 type, const void *data, u32 n);
void nl_attr_u32(struct nl_builder *b, u16 type, u32 v);
/* Appends an address: four bytes of an IPv4 address, else sixteen. */
void nl_attr_addr(struct nl_builder *b, u16 type, const ip_addr *a);
/* Begins a nest of attributes. Returns the position to pass to nl_nest_end(). */
u32 nl_nest(struct nl_builder *b, u16 type);
/* Does what nl_nest() does, without NLA_F_NESTED, as in the format of old attributes. */
u32 nl_nest_plain(struct nl_builder *b, u16 type);
/* Ends the nest that began at @at: sets its length. */
void nl_nest_end(struct nl_builder *b, u32 at);
/* Ends the message: sets its length. */
void nl_end(struct nl_builder *b);
/*
 * Finds attribute @type of a request whose fixed part has @fixed bytes. Returns its data in @req,
 * and the bytes of it in *@len unless that is NULL. NULL: the attribute is missing, or shorter than
 * @min.
 */
const void *nl_find(const struct nlmsghdr *req, u32 fixed, u16 type, u32 min, u32 *len);

/*
 * Finds attribute @type among the attributes at [p, p + len). Returns its data, and the bytes of it
 * in *@got. NULL: the attribute is missing, or shorter than @min.
 */
const void *nl_nested(const void *p, u32 len, u16 type, u32 min, u32 *got);

/*
 * Returns the room in entries for a copy of the list: its length and some more, since the list may
 * grow before it is copied. Takes net->lock.
 */
u32 rtnl_room_for(struct net *net, const struct list_head *list);
/*
 * rtnl_via.c: Appends the gateway of a route, unless it is the any address (no gateway). @v4: the
 * route is IPv4's.
 */
void rtnl_put_gateway(struct nl_builder *b, const ip_addr *gateway, bool v4);
/*
 * rtnl_via.c: Reads the gateway of a route of @family from the @len bytes of attributes at @attrs.
 * Returns 0 or -EINVAL. Without a gateway returns 0, and leaves *@out as it was.
 */
int rtnl_read_gateway(const void *attrs, u32 len, u8 family, ip_addr *out);
/*
 * Reads an address of @family from attribute @type of a request whose fixed part has @fixed bytes.
 * Returns false, with *@out unchanged, if the attribute is missing or too short.
 */
bool rtnl_attr_addr(const struct nlmsghdr *req, u32 fixed, u16 type, u8 family, ip_addr *out);

/* True for a type of route whose packets are dropped or not routed by this table. */
static inline bool route_leads_nowhere(u8 type)
{
	return type == RTN_BLACKHOLE || type == RTN_UNREACHABLE || type == RTN_PROHIBIT ||
	       type == RTN_THROW;
}

/*
 * Builds a message that describes the object @what; leaves @b empty if the object is gone. Must not
 * sleep.
 */
typedef void (*rtnl_put_fn)(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what);
/* Answers with one object. Returns 0 or -errno, which ends the dump. */
typedef int (*rtnl_emit_fn)(void *arg, rtnl_put_fn put, const void *what);

/*
 * Options of a dump. The caller sets @strict: the socket has NETLINK_GET_STRICT_CHK. A dump that is
 * filtered sets @each and @done to NLM_F_DUMP_FILTERED, flags of each message and of the last one.
 */
struct rtnl_dump {
	bool strict;
	u16 each, done;
};
/* Serve a dump, and a request for one object. */
int rtnl_dump(struct net *net, const struct nlmsghdr *req, struct rtnl_dump *d, rtnl_emit_fn emit,
	void *arg);
int rtnl_get(
	struct net *net, const struct nlmsghdr *req, bool strict, rtnl_emit_fn emit, void *arg);
/*
 * Serves NEW, DEL and SET requests. Returns 0 or -errno, and in *@why a static text for the error,
 * if there is one.
 */
int rtnl_change(struct net *net, const struct nlmsghdr *req, const char **why);

/*
 * ---- notifying listeners: functions may be called from a timer, with no spinlock held. Without
 * memory a notification is lost, and the listeners get ENOBUFS (nl_broadcast_lost()). @type:
 * RTM_NEW* or RTM_DEL* ----
 */
/* Sends the message that @put builds of @what to the members of @group (RTNLGRP_*). */
void rtnl_notify(struct net *net, u32 group, rtnl_put_fn put, const void *what);
/* Notifies RTNLGRP_LINK. @change: the IFF_* flags that have changed. */
void rtnl_notify_link(struct net_device *dev, u16 type, u32 change);
void rtnl_notify_addr(struct net *net, const struct ifaddr *a, u16 type);
void rtnl_notify_route(struct net *net, const struct route *r, u16 type);

/* rtnl_check.c: check a request of a strict socket. Return 0, -EINVAL or -ERANGE. */
int rtnl_check_dump(const struct nlmsghdr *req);
int rtnl_check_get(const struct nlmsghdr *req);

/* rtnl_link.c */
int rtnl_dump_links(struct net *net, const struct nlmsghdr *req, struct rtnl_dump *d,
	rtnl_emit_fn emit, void *arg);
int rtnl_dump_stats(struct net *net, const struct nlmsghdr *req, struct rtnl_dump *d,
	rtnl_emit_fn emit, void *arg);
int rtnl_get_stats(
	struct net *net, const struct nlmsghdr *req, bool strict, rtnl_emit_fn emit, void *arg);
int rtnl_get_link(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg);
int rtnl_change_link(struct net *net, const struct nlmsghdr *req, const char **why);

/* nsid.c: keeps the ids (nsid) that a namespace has for other namespaces. */
/* Returns @net's id of @peer, and makes one if there is none; -1: no memory, or too many ids. */
int nsid_get(struct net *net, struct net *peer);
/* Serve RTM_GETNSID for one id, for all ids, and RTM_NEWNSID. */
int nsid_ask(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg);
int nsid_dump(struct net *net, rtnl_emit_fn emit, void *arg);
int nsid_set(struct net *net, const struct nlmsghdr *req);
/*
 * Drops the ids that a namespace has for others, and those that others have for it, when it ends.
 */
void nsids_forget(struct net *net);

/* rtnl_route.c */
int rtnl_dump_routes(struct net *net, const struct nlmsghdr *req, struct rtnl_dump *d,
	rtnl_emit_fn emit, void *arg);
int rtnl_get_route(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg);
int rtnl_change_route(struct net *net, const struct nlmsghdr *req, const char **why);

/* rtnl_neigh.c */
int rtnl_dump_neigh(struct net *net, const struct nlmsghdr *req, struct rtnl_dump *d,
	rtnl_emit_fn emit, void *arg);
int rtnl_get_neigh(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg);
int rtnl_change_neigh(struct net *net, const struct nlmsghdr *req, const char **why);

/* rtnl_netconf.c */
int rtnl_dump_netconf(struct net *net, const struct nlmsghdr *req, const struct rtnl_dump *d,
	rtnl_emit_fn emit, void *arg);
int rtnl_get_netconf(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg);

/* sched/qdisc_rtnl.c */
int rtnl_dump_qdiscs(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg);
int rtnl_dump_classes(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg);
int rtnl_get_qdisc(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg);
int rtnl_change_qdisc(struct net *net, const struct nlmsghdr *req);

/* route/rules.c */
int rules_dump(struct net *net, u8 family, rtnl_emit_fn emit, void *arg);
int rules_change(struct net *net, const struct nlmsghdr *req);

#endif
