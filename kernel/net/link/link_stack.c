/* SPDX-License-Identifier: MIT */
/*
 * link_stack.c: devices stacked on others (vlan, macvlan) or with others as ports (bridge): keeps
 * the relations and the levels, and notifies the devices stacked on a device of its changes.
 *
 * Invariants:
 * 1. No device is stacked on itself: a device does not become a port of a device below it.
 * 2. net_device.level is at least the number of devices below it in a row, and at most NEST_MAX. It
 *    never decreases while the device exists.
 *
 * Locks: link.c's mutex for all changes; uppers_lock (spin) for the list, which
 * link_carrier_changed() reads from any context.
 */
#include <asm/errno.h>

#include "kernel/lib/printk.h"
#include "kernel/net/link/link.h"

static DEFINE_SPINLOCK(uppers_lock);
/* net_device.upper_link of the devices stacked on others; under uppers_lock */
static LIST_HEAD(uppers);

struct net_device *link_next_upper(const struct net_device *dev, const struct net_device *after)
{
	bool seen = !after;
	struct net_device *d;

	if (dev->master && (seen || after == dev->master)) {
		if (seen)
			return dev->master;
		seen = true;
	}
	spin_lock(&uppers_lock);
	list_for_each_entry(d, &uppers, upper_link) {
		if (d->ops->type->lower(d) != dev)
			continue;
		if (seen)
			goto out;
		seen = d == after;
	}
	d = NULL;
out:
	spin_unlock(&uppers_lock);
	return d;
}

int link_may_stand(const struct net_device *dev, u32 level, const struct net_device *part)
{
	struct net_device *up = NULL;
	int err = 0;

	if (dev == part)
		return -EBUSY;
	if (level > NEST_MAX)
		return -EMLINK;
	if (dev->level >= level)
		return 0;
	while (!err && (up = link_next_upper(dev, up)))
		err = link_may_stand(up, level + 1, part);
	return err;
}

void link_stand(struct net_device *dev, u32 level)
{
	struct net_device *up = NULL;

	if (dev->level >= level)
		return;
	dev->level = (u8)level;
	while ((up = link_next_upper(dev, up)))
		link_stand(up, level + 1);
}

void link_step_on(struct net_device *dev)
{
	const struct link_type *type = dev->ops->type;
	struct net_device *lower = type->lower && type != &veth_link ? type->lower(dev) : NULL;

	if (!lower)
		return;
	dev->level = lower->level + 1;
	spin_lock(&uppers_lock);
	list_add_tail(&dev->upper_link, &uppers);
	WRITE_ONCE(lower->uppers, lower->uppers + 1);
	spin_unlock(&uppers_lock);
}

void link_step_off(struct net_device *dev)
{
	struct net_device *lower;

	spin_lock(&uppers_lock);
	if (!list_empty(&dev->upper_link)) {
		lower = dev->ops->type->lower(dev);
		WRITE_ONCE(lower->uppers, lower->uppers - 1);
		list_del_init(&dev->upper_link);
	}
	spin_unlock(&uppers_lock);
}

/* Returns the @nr-th device that is stacked on @dev, or NULL. */
static struct net_device *upper_at(const struct net_device *dev, u32 nr)
{
	struct net_device *d;

	spin_lock(&uppers_lock);
	list_for_each_entry(d, &uppers, upper_link)
		if (d->ops->type->lower(d) == dev && !nr--)
			goto out;
	d = NULL;
out:
	spin_unlock(&uppers_lock);
	return d;
}

void link_carrier_changed(struct net_device *dev)
{
	struct net_device *master = READ_ONCE(dev->master), *up;

	if (master && master->ops->type->port_carrier)
		master->ops->type->port_carrier(dev);
	if (likely(!READ_ONCE(dev->uppers)))
		return;
	/* The memory of @up stays valid even if the device is removed. */
	for (u32 i = 0; (up = upper_at(dev, i)); i++)
		netdev_set_carrier(up, dev->flags & IFF_UP && dev->carrier);
}

void link_changed(struct net_device *dev)
{
	struct net_device *master = dev->master, *up;

	if (master || dev->uppers)
		link_assert_locked();
	if (master && master->ops->type->port_changed)
		master->ops->type->port_changed(dev);
	for (u32 i = 0; dev->uppers && (up = upper_at(dev, i)); i++)
		if (up->ops->type->lower_changed)
			up->ops->type->lower_changed(up, dev);
	link_carrier_changed(dev);
}
