/* SPDX-License-Identifier: MIT */
/*
 * ethtool.h: the parts of SIOCETHTOOL. @arg is the address of the program's structure. Functions
 * may sleep. They return 0 or -EFAULT, and the further values that each one names.
 */
#ifndef NESTLING_NET_ETHTOOL_H
#define NESTLING_NET_ETHTOOL_H

#include "kernel/lib/types.h"

struct net;
struct net_device;

/* ethtool_features.c */
long ethtool_get_features(const struct net_device *d, u64 arg);
/*
 * Sets features. Returns -EPERM, -EINVAL for another number of words, or ETHTOOL_F_UNSUPPORTED
 * (positive) if the program requests a change.
 */
long ethtool_set_features(struct net *net, u64 arg);
/* Reports the number of strings of each requested set. */
long ethtool_get_sset_info(u64 arg);
/* Lists strings; -EOPNOTSUPP: no such set. */
long ethtool_get_strings(u64 arg);

#endif
