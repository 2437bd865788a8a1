/* SPDX-License-Identifier: MIT */
/* link.h: devices that programs make. */
#ifndef NESTLING_NET_LINK_H
#define NESTLING_NET_LINK_H

#include <linux/netlink.h>

#include "kernel/net/net.h"

/* What RTM_NEWLINK with NLM_F_CREATE asks for: 0 or -errno (-EOPNOTSUPP: no such kind). */
int link_create(struct net *net, const struct nlmsghdr *req);
/* 0, or -EOPNOTSUPP for lo and cards. */
int link_delete(struct net *net, int ifindex);
/* To the namespace of a process or of a descriptor (the other is NULL; neither: stays). 0 or -errno. */
int link_move(struct net *net, int ifindex, const u32 *pid, const u32 *fd);
/* 0, -EINVAL, -EEXIST, -EBUSY (it is up). */
int link_rename(struct net *net, int ifindex, const char *name);
/* The namespace ends: what is at the other end of its veths ends too. */
void links_forget(struct net *net);
const char *link_kind(const struct net_device *dev);              /* NULL */
const struct net_device *link_peer(const struct net_device *dev); /* NULL */

#endif
