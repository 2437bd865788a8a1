/* SPDX-License-Identifier: MIT */
/*
 * net_sysfs.c: /sys/class/net/NAME. The entries are by name: they are there while the reader's namespace has a device of that name,
 * and tell of that one. What was added stays for the next device of that name.
 */
#include <asm/errno.h>

#include "arch/um/arch.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/fs/sysfs/sysfs.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/net.h"

#define NAMES_MAX 256

/* One file of one name. */
struct attribute {
	const char *file;
	void (*show)(struct seq *s, const struct net_device *d);
};
struct entry {
	const char *name;
	const struct attribute *a;
};

static void show_address(struct seq *s, const struct net_device *d)
{
	const u8 *m = d->addr;

	seq_printf(s, "%02x:%02x:%02x:%02x:%02x:%02x\n", m[0], m[1], m[2], m[3], m[4], m[5]);
}
static void show_broadcast(struct seq *s, const struct net_device *d)
{
	seq_puts(s, d->flags & IFF_LOOPBACK ? "00:00:00:00:00:00\n" : "ff:ff:ff:ff:ff:ff\n");
}
static void show_mtu(struct seq *s, const struct net_device *d)
{
	seq_printf(s, "%u\n", d->mtu);
}
static void show_flags(struct seq *s, const struct net_device *d)
{
	seq_printf(s, "0x%x\n", d->flags & 0xffff & ~(u32)IFF_RUNNING);
}
static void show_ifindex(struct seq *s, const struct net_device *d)
{
	seq_printf(s, "%d\n", d->ifindex);
}
static void show_type(struct seq *s, const struct net_device *d)
{
	seq_printf(s, "%u\n", d->type);
}
static void show_txqlen(struct seq *s, const struct net_device *d)
{
	seq_printf(s, "%u\n", d->txqlen);
}
static void show_carrier(struct seq *s, const struct net_device *d)
{
	seq_printf(s, "%d\n", d->carrier);
}
static void show_operstate(struct seq *s, const struct net_device *d)
{
	seq_puts(s, !(d->flags & IFF_RUNNING) ? "down\n" :
		    d->flags & IFF_LOOPBACK   ? "unknown\n" :
						"up\n");
}
static void show_addr_len(struct seq *s, const struct net_device *d)
{
	seq_puts(s, "6\n");
}
static void show_zero(struct seq *s, const struct net_device *d)
{
	seq_puts(s, "0\n");
}
static void show_speed(struct seq *s, const struct net_device *d)
{
	seq_puts(s, "10000\n");
}
static void show_duplex(struct seq *s, const struct net_device *d)
{
	seq_puts(s, "full\n");
}
static void show_uevent(struct seq *s, const struct net_device *d)
{
	seq_printf(s, "INTERFACE=%s\nIFINDEX=%d\n", d->name, d->ifindex);
}
#define SHOW_STAT(field)                                                                           \
	static void show_##field(struct seq *s, const struct net_device *d)                        \
	{                                                                                          \
		seq_printf(s, "%lu\n", d->stats.field);                                            \
	}
SHOW_STAT(rx_packets)
SHOW_STAT(tx_packets)
SHOW_STAT(rx_bytes)
SHOW_STAT(tx_bytes)
SHOW_STAT(rx_errors)
SHOW_STAT(tx_errors)
SHOW_STAT(rx_dropped)
SHOW_STAT(tx_dropped)
SHOW_STAT(multicast)

static const struct attribute attributes[] = {
	{ "address", show_address },
	{ "broadcast", show_broadcast },
	{ "mtu", show_mtu },
	{ "flags", show_flags },
	{ "ifindex", show_ifindex },
	{ "iflink", show_ifindex },
	{ "type", show_type },
	{ "tx_queue_len", show_txqlen },
	{ "carrier", show_carrier },
	{ "operstate", show_operstate },
	{ "addr_len", show_addr_len },
	{ "addr_assign_type", show_zero },
	{ "dev_id", show_zero },
	{ "dormant", show_zero },
	{ "link_mode", show_zero },
	{ "speed", show_speed },
	{ "duplex", show_duplex },
	{ "uevent", show_uevent },
	{ "statistics/rx_packets", show_rx_packets },
	{ "statistics/tx_packets", show_tx_packets },
	{ "statistics/rx_bytes", show_rx_bytes },
	{ "statistics/tx_bytes", show_tx_bytes },
	{ "statistics/rx_errors", show_rx_errors },
	{ "statistics/tx_errors", show_tx_errors },
	{ "statistics/rx_dropped", show_rx_dropped },
	{ "statistics/tx_dropped", show_tx_dropped },
	{ "statistics/multicast", show_multicast },
	{ "statistics/collisions", show_zero },
};

static int show_entry(struct seq *s, void *arg)
{
	const struct entry *e = arg;
	struct net *net = current_net();
	struct net_device *d;

	seq_reserve(s, 256);
	spin_lock(&net->lock);
	d = netdev_by_name(net, e->name);
	if (d)
		e->a->show(s, d);
	spin_unlock(&net->lock);
	return d ? 0 : -ENODEV;
}

static bool is_there(void *arg)
{
	struct net *net = current_net();
	struct net_device *d;

	spin_lock(&net->lock);
	d = netdev_by_name(net, arg);
	spin_unlock(&net->lock);
	return d;
}

static DEFINE_MUTEX(names_mutex);
static const char *names[NAMES_MAX]; /* under names_mutex, as nr_names */
static u32 nr_names;

static int add_files(const char *name)
{
	struct entry *e = kcalloc(ARRAY_SIZE(attributes), sizeof(*e), GFP_KERNEL);
	char path[64];
	int err = e ? 0 : -ENOMEM;

	for (u32 i = 0; i < ARRAY_SIZE(attributes) && !err; i++) {
		e[i] = (struct entry){ name, &attributes[i] };
		snprintf(path, sizeof(path), "class/net/%s/%s", name, attributes[i].file);
		err = sysfs_create(path, show_entry, &e[i]);
	}
	snprintf(path, sizeof(path), "class/net/%s", name);
	return err ? err : sysfs_show_when(path, is_there, (void *)name);
}

/* Devices beyond the bound work, they are not shown. */
void netdev_sysfs_add(const struct net_device *dev)
{
	char *name = NULL;

	mutex_lock(&names_mutex);
	for (u32 i = 0; i < nr_names; i++)
		if (!strcmp(names[i], dev->name))
			goto out;
	if (nr_names < NAMES_MAX)
		name = kmemdup(dev->name, IFNAMSIZ, GFP_KERNEL);
	if (name && !add_files(name))
		names[nr_names++] = name;
out:
	mutex_unlock(&names_mutex);
}

static int net_sysfs_init(void)
{
	struct net_device *d;

	list_for_each_entry(d, &init_net.devices, list)
		netdev_sysfs_add(d);
	return 0;
}
INITCALL(5, net_sysfs_init);
