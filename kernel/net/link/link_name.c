/* SPDX-License-Identifier: MIT */
/*
 * link_name.c: names of devices: checks them, makes new ones from patterns with %d, and keeps
 * alternative names beside dev->name (ip link set name, ip link property).
 *
 * Locks: net->lock for all names. A change of dev->name also needs link_lock(), taken first.
 */
#include <asm/errno.h>
#include <linux/rtnetlink.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/link/link.h"
#include "kernel/net/netname.h"
#include "kernel/net/netlink/rtnl.h"

bool link_good_name(const char *name)
{
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (; *name; name++)
		if (*name == '/' || *name == ':' || *name == ' ' || (u8)*name < 33)
			return false;
	return true;
}

/*
 * Checks a new name of @dev, which is NULL if there is no such device. @other: the device that has
 * this name already, also as an alternative name, or NULL. The present name of @dev is allowed.
 * net->lock held. Returns 0, -ENODEV or -EEXIST.
 */
static int may_rename(
	const struct net_device *dev, const struct net_device *other, const char *name)
{
	if (!dev)
		return -ENODEV;
	return other && (other != dev || strcmp(dev->name, name) != 0) ? -EEXIST : 0;
}

/*
 * Adds @dev, under its new name, to the ports of its master in /sys/class/net, and adds the ports
 * of @dev to the folder of the new name. link_lock() held.
 */
static void show_ports(struct net *net, struct net_device *dev)
{
	struct net_device *d;

	if (dev->master)
		netname_is_port(dev->master->name, dev->name);
	list_for_each_entry(d, &net->devs.list, list)
		if (d->master == dev)
			netname_is_port(dev->name, d->name);
}

/*
 * Numbers tried for a %d: more than a namespace has names. It has some cards and at most LINKS_MAX
 * other devices, each with one name and ALTNAMES_MAX alternative names.
 */
#define NUMBERS_MAX 65536U

/*
 * If @name matches the pattern @wanted, sets the bit in @used of the number that stands in @name
 * for %d. @mark: the %d in @wanted. Numbers with a leading zero do not match.
 */
static void note_number(const char *name, const char *wanted, const char *mark, u64 *used)
{
	u32 n = 0, digits = 0;

	if (strncmp(name, wanted, (size_t)(mark - wanted)) != 0)
		return;
	name += mark - wanted;
	for (; *name >= '0' && *name <= '9' && n < NUMBERS_MAX; name++, digits++) {
		if (digits && !n) /* a leading zero */
			return;
		n = n * 10 + (u32)(*name - '0');
	}
	if (digits && n < NUMBERS_MAX && !strcmp(name, mark + 2))
		used[n / 64] |= 1UL << n % 64;
}

/*
 * Fills @name with @wanted or, if that has a %d, with the first free name of the pattern. @used:
 * NUMBERS_MAX bits, all 0; unused without a % in @wanted. net->lock held. Returns 0, or -EINVAL for
 * another %, or a name that is too long.
 */
static int fill_name(struct net *net, const char *wanted, char name[IFNAMSIZ], u64 *used)
{
	const char *mark = strchr(wanted, '%');
	char text[IFNAMSIZ + 12];
	struct net_device *d;
	struct altname *a;
	u32 k = 0;

	strscpy(name, wanted, IFNAMSIZ);
	if (!mark)
		return 0;
	if (mark[1] != 'd' || strchr(mark + 1, '%'))
		return -EINVAL;
	list_for_each_entry(d, &net->devs.list, list) {
		note_number(d->name, wanted, mark, used);
		list_for_each_entry(a, &d->altnames, list)
			note_number(a->name, wanted, mark, used);
	}
	while (k < NUMBERS_MAX - 1 && used[k / 64] >> k % 64 & 1)
		k++;
	snprintf(text, sizeof(text), "%.*s%u%s", (int)(mark - wanted), wanted, k, mark + 2);
	if (strlen(text) >= IFNAMSIZ)
		return -EINVAL;
	strscpy(name, text, IFNAMSIZ);
	return 0;
}

int link_rename(struct net *net, int ifindex, const char *wanted)
{
	struct net_device *dev;
	char old[IFNAMSIZ], name[IFNAMSIZ];
	u64 *used = NULL;
	int err;

	if (!link_good_name(wanted) || strlen(wanted) >= IFNAMSIZ)
		return -EINVAL;
	if (strchr(wanted, '%')) {
		used = kzalloc(NUMBERS_MAX / 8, GFP_KERNEL);
		if (!used)
			return -ENOMEM;
	}
	link_lock();
	spin_lock(&net->lock);
	dev = netdev_by_index(net, ifindex);
	err = fill_name(net, wanted, name, used);
	if (!err)
		err = may_rename(dev, netdev_by_name(net, name), name);
	if (!err) {
		memcpy(old, dev->name, sizeof(old));
		strscpy(dev->name, name, sizeof(dev->name));
	}
	spin_unlock(&net->lock);
	if (!err && strcmp(old, name) != 0) {
		netname_get(name);
		netname_queues(name, dev->real_rx, dev->real_tx);
		netname_put(old);
		show_ports(net, dev);
		addrs_relabel(dev);
		rtnl_notify_link(dev, RTM_NEWLINK, 0);
		netdev_uevent(dev, "move", old, NULL);
	}
	link_unlock();
	kfree(used);
	return err;
}

int link_add_name(struct net_device *dev, const char *name)
{
	struct altname *a = kzalloc(sizeof(*a), GFP_KERNEL | __GFP_ACCOUNT), *o;
	u32 n = 0;
	int err = 0;

	if (!a)
		return -ENOMEM;
	strscpy(a->name, name, sizeof(a->name));
	netdev_lock_net(dev);
	list_for_each_entry(o, &dev->altnames, list)
		n++;
	if (netdev_by_name(dev->net, name))
		err = -EEXIST;
	else if (n >= ALTNAMES_MAX)
		err = -ENOSPC;
	if (!err)
		list_add_tail(&a->list, &dev->altnames);
	spin_unlock(&dev->net->lock);
	if (err)
		kfree(a);
	return err;
}

int link_del_name(struct net_device *dev, const char *name)
{
	struct altname *a, *found = NULL;
	bool taken;

	netdev_lock_net(dev);
	/*
	 * Used if no alternative name of @dev matches: another device has @name, or @name is
	 * dev->name.
	 */
	taken = netdev_by_name(dev->net, name);
	list_for_each_entry(a, &dev->altnames, list)
		if (!strcmp(a->name, name))
			found = a;
	if (found)
		list_del(&found->list);
	spin_unlock(&dev->net->lock);
	kfree(found);
	return found ? 0 : taken ? -EINVAL : -ENOENT;
}
