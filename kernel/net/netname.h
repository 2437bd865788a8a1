/* SPDX-License-Identifier: MIT */
/*
 * netname.h: the name of a device as a place in /sys/class/net and /proc/sys/net. A place exists
 * while the reader's namespace has a device of that name, and shows that device. A place with a
 * name that no device has any more is reused for the next new name.
 */
#ifndef NESTLING_NET_NETNAME_H
#define NESTLING_NET_NETNAME_H

#include "kernel/net/link/netdev.h"

struct netname {
	char name[IFNAMSIZ]; /* under the names' mutex; read without */
	char target[48];     /* of the link in /sys/class/net */
	/* devices of that name, in all namespaces; under the mutex */
	u32 users;
	/* queues that have a folder; under the mutex */
	u32 rx_dirs, tx_dirs;
};

/* Take and give up a name for a device. May sleep. */
void netname_get(const char *name);
void netname_put(const char *name);
/* Gives the device of that name folders for so many queues. May sleep. */
void netname_queues(const char *name, u32 rx, u32 tx);
/* Notes that the device @port has become a port of @master. May sleep. */
void netname_is_port(const char *master, const char *port);
/* net_sysfs_queues.c: Adds queues, under the names' mutex: 0 or -ENOMEM. */
int netname_add_queues(struct netname *n, u32 rx, u32 tx);
/* netconf.c: Makes the files of a new place. 0 or -ENOMEM. */
int netconf_files(struct netname *n);

#endif
