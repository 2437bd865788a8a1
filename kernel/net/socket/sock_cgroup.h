/* SPDX-License-Identifier: MIT */
/*
 * sock_cgroup.h: what net_cls and net_prio of cgroup version 1 (kernel/cgroup/v1.h) mean for
 * sockets and cards.
 */
#ifndef NESTLING_NET_SOCK_CGROUP_H
#define NESTLING_NET_SOCK_CGROUP_H

#include "kernel/lib/types.h"

struct file;
struct net_device;
struct sk_buff;
struct sock_common;

/* Charge a new socket to current's group, and one that current has received from another task. */
void sock_cgroup_own(struct sock_common *sk);
void sock_cgroup_received(struct file *f);
/* Gives a packet without a priority that of its sender's group for @dev. Any context. */
void sock_cgroup_priority(struct net_device *dev, struct sk_buff *skb);
/* Drops the priorities of @dev, which has left its namespace's list for good. */
void sock_cgroup_forget(struct net_device *dev);

#endif
