/* SPDX-License-Identifier: MIT */
/*
 * sock_cgroup.h: net_cls and net_prio of cgroup version 1 (kernel/cgroup/v1.h), applied to sockets
 * and cards.
 */
#ifndef NESTLING_NET_SOCK_CGROUP_H
#define NESTLING_NET_SOCK_CGROUP_H

#include "kernel/lib/types.h"

struct file;
struct net_device;
struct sk_buff;
struct sock_common;

/* Gives a new socket the net_cls class and the net_prio index of current's groups. */
void sock_cgroup_own(struct sock_common *sk);
/*
 * Gives the socket @f, which another task has passed to current (SCM_RIGHTS), the class and index
 * of current's groups. Ignores a file that is not a socket.
 */
void sock_cgroup_received(struct file *f);
/*
 * Gives a packet without a priority the priority that its sender's group has on @dev. Any context.
 */
void sock_cgroup_priority(struct net_device *dev, struct sk_buff *skb);
/* Frees the priorities of @dev, which was removed from its namespace's list. */
void sock_cgroup_forget(struct net_device *dev);

#endif
