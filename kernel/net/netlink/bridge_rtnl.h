/* SPDX-License-Identifier: MIT */
/*
 * bridge_rtnl.h: the requests of rtnetlink's family AF_BRIDGE (bridge/netlink.c), and brctl's calls
 * (bridge/ioctl.c). Functions may sleep, and return 0 or -errno. The caller has checked the rights
 * for changes, except those of br_ioctl().
 */
#ifndef NESTLING_NET_BRIDGE_RTNL_H
#define NESTLING_NET_BRIDGE_RTNL_H

#include "kernel/net/netlink/rtnl.h"

int br_dump_ports(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg);
int br_change_links(struct net *net, const struct nlmsghdr *req);
int br_dump_fdb(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg);
int br_get_fdb(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg);
int br_change_fdb(struct net *net, const struct nlmsghdr *req);
int br_dump_mdb(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg);
int br_change_mdb(struct net *net, const struct nlmsghdr *req);
/*
 * Serves SIOCGIFBR, SIOCSIFBR, SIOCDEVPRIVATE and SIOCBR*, on any socket; the caller passes no
 * other command. @arg: address in program memory. Returns 0, for some requests a number, or -errno;
 * -EPERM for a change without CAP_NET_ADMIN over @net.
 */
long br_ioctl(struct net *net, u32 cmd, u64 arg);

#endif
