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

/* A device takes a name, gives it up. May sleep. */
void netname_get(const char *name);
void netname_put(const char *name);
/* The device of that name has so many queues: they have folders from now on. May sleep. */
void netname_queues(const char *name, u32 rx, u32 tx);
/* The device of one name has become a port of that of the other. May sleep. */
void netname_is_port(const char *master, const char *port);
/* net_sysfs_queues.c, under the names' mutex: 0 or -ENOMEM. */
int netname_add_queues(struct netname *n, u32 rx, u32 tx);
/* netconf.c: the files of a new place. 0 or -ENOMEM. */
int netconf_files(struct netname *n);

#endif
