/* SPDX-License-Identifier: MIT */
/*
 * uevent.c: what comes and goes among network devices, told as udev hears it: NETLINK_KOBJECT_UEVENT, group 1, "ACTION@DEVPATH" and
 * variables, each ended by a zero byte. /sys/kernel/uevent_seqnum counts. Locks: none.
 */
#include <asm/errno.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/link.h"
#include "kernel/net/net.h"
#include "kernel/net/netlink.h"

static atomic64_t seqnum;

void netdev_uevent(const struct net_device *dev, const char *action, const char *old)
{
	const char *kind = link_kind(dev);
	char text[512];
	int n;

	n = scnprintf(text, sizeof(text),
		"%s@/devices/virtual/net/%s\nACTION=%s\nDEVPATH=/devices/virtual/net/"
		"%s\nSUBSYSTEM=net\n",
		action, dev->name, action, dev->name);
	if (old)
		n += scnprintf(text + n, sizeof(text) - (size_t)n,
			"DEVPATH_OLD=/devices/virtual/net/%s\n", old);
	if (kind && strcmp(kind, "veth") != 0 && strcmp(kind, "dummy") != 0)
		n += scnprintf(text + n, sizeof(text) - (size_t)n, "DEVTYPE=%s\n", kind);
	n += scnprintf(text + n, sizeof(text) - (size_t)n, "INTERFACE=%s\nIFINDEX=%d\nSEQNUM=%lu\n",
		dev->name, dev->ifindex, (u64)atomic_inc_return(&seqnum));
	for (int i = 0; i < n; i++)
		if (text[i] == '\n')
			text[i] = 0;
	nl_broadcast(dev->net, NETLINK_KOBJECT_UEVENT, 1, text, (u32)n);
}

u64 uevent_seqnum(void)
{
	return (u64)atomic_read(&seqnum);
}
