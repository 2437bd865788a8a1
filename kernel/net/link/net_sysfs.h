/* SPDX-License-Identifier: MIT */
/*
 * net_sysfs.h: files of a device below /sys/class/net/NAME; kinds of devices have further groups
 * of files (net_attrs.c).
 */
#ifndef NESTLING_NET_NET_SYSFS_H
#define NESTLING_NET_NET_SYSFS_H

#include "kernel/fs/proc/proc.h"
#include "kernel/net/net.h"

struct net_attribute {
	const char *file;
	/* Prints the value, with net->lock held: must not sleep. */
	void (*show)(struct seq *s, const struct net_device *d);
	int (*store)(struct net_device *d, const char *text); /* NULL: read only. 0 or -errno */
	/* Returns true if @d has the file or folder; NULL: each device has. net->lock held. */
	bool (*when)(const struct net_device *d);
};
struct net_attribute_group {
	const struct net_attribute *a;
	u32 n;
};
extern const struct net_attribute_group br_attributes, br_port_attributes, tun_attributes;
#define NET_ATTRIBUTE_GROUPS 3
extern const struct net_attribute_group *const net_attribute_groups[NET_ATTRIBUTE_GROUPS];

#endif
