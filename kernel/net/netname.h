/* SPDX-License-Identifier: MIT */
/*
 * netname.h: the entries of device names in /sys/class/net and /proc/sys/net. All namespaces share
 * one entry for a name. A reader sees the entry while its own namespace has a device of that name,
 * and the entry shows that device. An entry that no device uses any more is reused for the next new
 * name.
 */
#ifndef NESTLING_NET_NETNAME_H
#define NESTLING_NET_NETNAME_H

#include "kernel/net/link/netdev.h"

struct netname {
	/* protected by names_mutex; also read without it */
	char name[IFNAMSIZ];
	char target[48]; /* target of the link in /sys/class/net */
	/* devices with this name, in all namespaces; protected by names_mutex */
	u32 users;
	/* number of queues that have a folder; protected by names_mutex */
	u32 rx_dirs, tx_dirs;
};

/*
 * Counts a device as a user of @name's entry, and makes the entry if there is none. A device whose
 * entry cannot be made works, but is not shown. May sleep.
 */
void netname_get(const char *name);
/* Uncounts a device as a user of @name's entry. May sleep. */
void netname_put(const char *name);
/*
 * Makes folders for @rx receive and @tx transmit queues of the device @name, if it has more than
 * one of either. A failure is logged once. May sleep.
 */
void netname_queues(const char *name, u32 rx, u32 tx);
/*
 * Adds the device @port, a new port of the bridge @master, to /sys/class/net/@master/brif. A
 * failure is logged once. May sleep.
 */
void netname_is_port(const char *master, const char *port);
/*
 * net_sysfs_queues.c: Makes the folders that are missing up to @rx and @tx queues. names_mutex
 * held. Returns 0 or -ENOMEM.
 */
int netname_add_queues(struct netname *n, u32 rx, u32 tx);
/*
 * netconf.c: Makes the files of a new entry in /proc/sys/net. names_mutex held, or at boot. Returns
 * 0 or -errno; files made before a failure stay.
 */
int netconf_files(struct netname *n);

#endif
