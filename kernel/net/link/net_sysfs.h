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
	/*
	 * Sets the value from @text, which ends with a zero byte. Called without spinlocks, after a
	 * check of CAP_NET_ADMIN; may sleep. Returns 0 or -errno. NULL: read only.
	 */
	int (*store)(struct net_device *d, const char *text);
	/* Returns true if @d has the file or folder. net->lock held. NULL: each device has. */
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
