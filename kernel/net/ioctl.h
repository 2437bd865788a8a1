/* SPDX-License-Identifier: MIT */
/*
 * ioctl.h: the parts of net_ioctl() (inet_ioctl.c) that are in files of their own. Each returns
 * -ENOTTY for a command that it does not handle.
 */
#ifndef NESTLING_NET_IOCTL_H
#define NESTLING_NET_IOCTL_H

#include "kernel/lib/types.h"

struct net;

long arp_ioctl(struct net *net, u32 cmd, u64 arg);   /* arp_ioctl.c */
long inet6_ioctl(struct net *net, u32 cmd, u64 arg); /* inet6_ioctl.c */

#endif
