/* SPDX-License-Identifier: MIT */
/*
 * ioctl.h: the parts of net_ioctl() (inet_ioctl.c) that are in files of their own. @arg is an
 * address in program memory. Each may sleep, checks the rights of current itself, and returns 0 or
 * -errno.
 */
#ifndef NESTLING_NET_IOCTL_H
#define NESTLING_NET_IOCTL_H

#include "kernel/lib/types.h"

struct net;

/* arp_ioctl.c: SIOCGARP, SIOCSARP and SIOCDARP; the caller passes no other command. */
long arp_ioctl(struct net *net, u32 cmd, u64 arg);
/* inet6_ioctl.c: Returns -ENOTTY for a command that it does not handle. */
long inet6_ioctl(struct net *net, u32 cmd, u64 arg);

#endif
