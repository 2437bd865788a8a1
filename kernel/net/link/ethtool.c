/* SPDX-License-Identifier: MIT */
/*
 * ethtool.c: SIOCETHTOOL, the basics: the driver, the link, its speed, what is offloaded, how many
 * queues. Source: <linux/ethtool.h>.
 * Locks: link.c's mutex while the number of queues changes.
 */
#include <asm/errno.h>
#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/rtnetlink.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/lib/release.h"
#include "kernel/lib/string.h"
#include "kernel/net/link/ethtool.h"
#include "kernel/net/link/link.h"
#include "kernel/net/net.h"
#include "kernel/net/netlink/rtnl.h"
#include "kernel/ident/cred.h"

#define SPEED_OF_A_VIRTUAL_LINK 10000

static long get_drvinfo(const struct net_device *d, u64 arg)
{
	struct ethtool_drvinfo i = { .cmd = ETHTOOL_GDRVINFO };

	strscpy(i.driver, d->ops->driver, sizeof(i.driver));
	strscpy(i.version, KERNEL_RELEASE, sizeof(i.version));
	return put_user(i, UADDR(arg));
}

static bool has_link(const struct net_device *d)
{
	return d->flags & IFF_UP && d->carrier;
}

static long get_value(u32 cmd, u32 data, u64 arg)
{
	struct ethtool_value v = { .cmd = cmd, .data = data };

	return put_user(v, UADDR(arg));
}

static long get_settings(const struct net_device *d, u64 arg)
{
	struct ethtool_cmd c = { .cmd = ETHTOOL_GSET, .duplex = DUPLEX_FULL, .port = PORT_TP };

	if (d->type != ARPHRD_ETHER)
		return -EOPNOTSUPP;
	ethtool_cmd_speed_set(&c, SPEED_OF_A_VIRTUAL_LINK);
	return put_user(c, UADDR(arg));
}

/*
 * Reports the settings of the link. The fixed part is followed by three masks of one word each, all
 * 0. A program's first call passes another number of words, and gets the right one as a negative
 * number.
 */
static long get_link_settings(const struct net_device *d, u64 arg)
{
	struct ethtool_link_settings s;

	if (d->type != ARPHRD_ETHER)
		return -EOPNOTSUPP;
	if (get_user(s, UADDR(arg)))
		return -EFAULT;
	if (s.link_mode_masks_nwords != 1) {
		s = (struct ethtool_link_settings){
			.cmd = ETHTOOL_GLINKSETTINGS,
			.link_mode_masks_nwords = -1,
		};
		return put_user(s, UADDR(arg));
	}
	s = (struct ethtool_link_settings){
		.cmd = ETHTOOL_GLINKSETTINGS,
		.speed = SPEED_OF_A_VIRTUAL_LINK,
		.duplex = DUPLEX_FULL,
		.port = PORT_TP,
		.link_mode_masks_nwords = 1,
	};
	if (put_user(s, UADDR(arg)))
		return -EFAULT;
	return copy_to_user(UADDR(arg + sizeof(s)), (u32[3]){ 0 }, 3 * sizeof(u32)) ? -EFAULT : 0;
}

/* Reports which timestamps packets have. */
static long get_ts_info(u64 arg)
{
	struct ethtool_ts_info ts = {
		.cmd = ETHTOOL_GET_TS_INFO,
		.so_timestamping = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE |
				   SOF_TIMESTAMPING_SOFTWARE,
		.phc_index = -1,
	};

	return put_user(ts, UADDR(arg));
}

/* ---- queues: of cards; each sends and receives ---- */

static struct ethtool_channels channels(const struct net_device *d)
{
	return (struct ethtool_channels){
		.cmd = ETHTOOL_GCHANNELS,
		.max_combined = d->nr_queues,
		.combined_count = READ_ONCE(d->real_tx),
	};
}

static long get_channels(const struct net_device *d, u64 arg)
{
	if (!d->ops->send)
		return -EOPNOTSUPP;
	return put_user(channels(d), UADDR(arg));
}

/*
 * Sets the number of queues in use. link.c's mutex held, so that the card is not removed meanwhile.
 */
static int use_queues(struct net *net, int ifindex, struct net_device *d, u32 n)
{
	int err;

	if (netdev_find_index(net, ifindex) != d)
		return -ENODEV;
	if (n == d->real_tx)
		return 0;
	if (n > d->nr_queues || !n)
		return -EINVAL;
	err = d->ops->set_queues(d, n);
	if (!err)
		rtnl_notify_link(d, RTM_NEWLINK, 0);
	return err;
}

static long set_channels(struct net *net, struct net_device *d, u64 arg)
{
	struct ethtool_channels c;
	int ifindex = d->ifindex;
	long err;

	if (!net_capable(net, CAP_NET_ADMIN))
		return -EPERM;
	if (!d->ops->send)
		return -EOPNOTSUPP;
	if (get_user(c, UADDR(arg)))
		return -EFAULT;
	if (c.rx_count || c.tx_count || c.other_count)
		return -EINVAL;
	link_lock();
	err = use_queues(net, ifindex, d, c.combined_count);
	link_unlock();
	return err;
}

/*
 * Reports the receive rings. The host distributes received packets by a table of flows that
 * programs cannot see, so there are rings but no rules.
 */
static long get_rings(const struct net_device *d, u64 arg)
{
	struct ethtool_rxnfc r = { .cmd = ETHTOOL_GRXRINGS, .data = READ_ONCE(d->real_rx) };

	if (!d->ops->send)
		return -EOPNOTSUPP;
	return copy_to_user(UADDR(arg), &r, offsetof(struct ethtool_rxnfc, fs)) ? -EFAULT : 0;
}

long ethtool_ioctl(struct net *net, struct net_device *d, u64 arg)
{
	u32 cmd;

	if (get_user(cmd, UADDR(arg)))
		return -EFAULT;
	switch (cmd) {
	case ETHTOOL_GDRVINFO: return get_drvinfo(d, arg);
	case ETHTOOL_GLINK: return get_value(cmd, has_link(d), arg);
	case ETHTOOL_GSET: return get_settings(d, arg);
	case ETHTOOL_GLINKSETTINGS: return get_link_settings(d, arg);
	case ETHTOOL_GFEATURES: return ethtool_get_features(d, arg);
	case ETHTOOL_SFEATURES: return ethtool_set_features(net, arg);
	case ETHTOOL_GET_TS_INFO: return get_ts_info(arg);
	case ETHTOOL_GSSET_INFO: return ethtool_get_sset_info(arg);
	case ETHTOOL_GSTRINGS: return ethtool_get_strings(arg);
	case ETHTOOL_GCHANNELS: return get_channels(d, arg);
	case ETHTOOL_SCHANNELS: return set_channels(net, d, arg);
	case ETHTOOL_GRXRINGS: return get_rings(d, arg);
	case ETHTOOL_GTXCSUM:
	case ETHTOOL_GSG:
	case ETHTOOL_GTSO: return get_value(cmd, d->csum_out, arg);
	case ETHTOOL_GRXCSUM:
	case ETHTOOL_GUFO:
	case ETHTOOL_GGSO:
	case ETHTOOL_GGRO:
	case ETHTOOL_GFLAGS: return get_value(cmd, 0, arg);
	}
	return -EOPNOTSUPP;
}
