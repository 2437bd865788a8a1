/* SPDX-License-Identifier: MIT */
/*
 * uevent.c: sends uevents to udev when devices are added, changed or removed:
 * NETLINK_KOBJECT_UEVENT, group 1, "ACTION@DEVPATH" and variables, each ended by a zero byte.
 * /sys/kernel/uevent_seqnum counts them.
 * Locks: none.
 */
#include <asm/errno.h>

#include "kernel/fs/sysfs/device.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/link/link.h"
#include "kernel/net/net.h"
#include "kernel/net/netlink/netlink.h"
#include "kernel/sched/sched.h"

static atomic64_t seqnum;

static void send(struct net *net, char *text, int n, size_t size)
{
	n += scnprintf(text + n, size - (size_t)n, "SEQNUM=%lu\n", (u64)atomic_inc_return(&seqnum));
	for (int i = 0; i < n; i++)
		if (text[i] == '\n')
			text[i] = 0;
	nl_broadcast(net, NETLINK_KOBJECT_UEVENT, 1, text, (u32)n);
}

void netdev_uevent(
	const struct net_device *dev, const char *action, const char *old, const char *synth)
{
	const char *kind = link_kind(dev);
	char text[1024];
	int n;

	n = scnprintf(text, sizeof(text),
		"%s@/devices/virtual/net/%s\nACTION=%s\nDEVPATH=/devices/virtual/net/"
		"%s\nSUBSYSTEM=net\n%s",
		action, dev->name, action, dev->name, synth ? synth : "");
	if (old)
		n += scnprintf(text + n, sizeof(text) - (size_t)n,
			"DEVPATH_OLD=/devices/virtual/net/%s\n", old);
	if (kind && strcmp(kind, "veth") != 0 && strcmp(kind, "dummy") != 0)
		n += scnprintf(text + n, sizeof(text) - (size_t)n, "DEVTYPE=%s\n", kind);
	n += scnprintf(text + n, sizeof(text) - (size_t)n, "INTERFACE=%s\nIFINDEX=%d\n", dev->name,
		dev->ifindex);
	send(dev->net, text, n, sizeof(text));
}

static void queue_uevent(
	const struct net_device *dev, const char *kind, u32 index, const char *action)
{
	char text[512];
	int n = scnprintf(text, sizeof(text),
		"%s@/devices/virtual/net/%s/queues/%s-%u\nACTION=%s\n"
		"DEVPATH=/devices/virtual/net/%s/queues/%s-%u\nSUBSYSTEM=queues\n",
		action, dev->name, kind, index, action, dev->name, kind, index);

	send(dev->net, text, n, sizeof(text));
}

void netdev_queue_uevents(const struct net_device *dev, bool tx, u32 from, u32 to)
{
	const char *kind = tx ? "tx" : "rx";

	for (; from < to; from++) {
		queue_uevent(dev, kind, from, "add");
		/* there may be thousands of events, each of which goes to all listeners */
		cond_resched();
	}
	while (from > to) {
		queue_uevent(dev, kind, --from, "remove");
		cond_resched();
	}
}

/*
 * Sends the event of a device that belongs to no network namespace. It goes to every namespace that
 * the first user namespace owns.
 */
static void device_uevent(const struct uevent *e)
{
	size_t size = 2048;
	char *text = kmalloc(size, GFP_KERNEL);
	int n;

	if (!text)
		return;
	n = scnprintf(text, size, "%s@%s\nACTION=%s\nDEVPATH=%s\nSUBSYSTEM=%s\n%s%s", e->action,
		e->devpath, e->action, e->devpath, e->subsystem, e->synth ? e->synth : "", e->vars);
	send(NULL, text, n, size);
	kfree(text);
}

u64 uevent_seqnum(void)
{
	return (u64)atomic_read(&seqnum);
}

static const struct uevent_ops ops = { .send = device_uevent };

void uevent_init(void)
{
	WRITE_ONCE(uevent_ops, &ops);
}
