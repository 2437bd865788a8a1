/* SPDX-License-Identifier: MIT */
/*
 * addr_label.c: labels of IPv4 addresses, such as "eth0" or "eth0:1", by which ioctls and requests
 * of rtnetlink choose an address. A label is normally the device's name, or that name, a colon and
 * more. Requests of rtnetlink may set any text, also none.
 *
 * Locks: net->lock.
 */
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/net.h"
#include "kernel/net/netlink/rtnl.h"

struct ifaddr *addr4_labelled(const struct net_device *dev, const char *label, const ip_addr *addr)
{
	struct ifaddr *i;

	assert_spin_held(&dev->net->lock);
	list_for_each_entry(i, &dev->net->addr.list, list)
		if (i->dev == dev && ip_is_v4(&i->addr) && !strcmp(i->label, label) &&
			(!addr || ip_equal(&i->addr, addr)))
			return i;
	return NULL;
}

bool addr4_matches(const struct ifaddr *a, const struct addr4_match *m)
{
	return ip_is_v4(&a->addr) && (!m->local || ip_equal(&a->addr, m->local)) &&
	       (!m->label || !strcmp(a->label, m->label)) &&
	       (!m->peer || (a->prefix == m->prefix &&
				    ip_prefix_equal(&a->peer, m->peer, 96U + a->prefix)));
}

/*
 * Writes the label of a device's @n-th address after the device was renamed to @dev. The first
 * label is @dev. Any other is @dev with the old label's part from the colon on, or with a colon and
 * @n if it had none.
 */
static void relabel(char label[IFNAMSIZ], const char *dev, u32 n)
{
	const char *colon = strchr(label, ':');
	char end[IFNAMSIZ] = "";
	u32 room;

	if (n > 1 && colon)
		strscpy(end, colon, sizeof(end));
	else if (n > 1)
		snprintf(end, sizeof(end), ":%u", n);
	room = IFNAMSIZ - 1 - (u32)strlen(end);
	snprintf(label, IFNAMSIZ, "%.*s%s", (int)room, dev, end);
}

void addrs_relabel(struct net_device *dev)
{
	struct net *net = dev->net;
	u32 room = rtnl_room_for(net, &net->addr.list), n = 0, told;
	struct ifaddr *all = kcalloc(room, sizeof(*all), GFP_KERNEL), *i;

	spin_lock(&net->lock);
	list_for_each_entry(i, &net->addr.list, list) {
		if (i->dev != dev || !ip_is_v4(&i->addr))
			continue;
		relabel(i->label, dev->name, ++n);
		if (all && n <= room)
			all[n - 1] = *i;
	}
	spin_unlock(&net->lock);
	told = all ? min(n, room) : 0;
	for (u32 k = 0; k < told; k++)
		rtnl_notify_addr(net, &all[k], RTM_NEWADDR);
	kfree(all);
}
