/* SPDX-License-Identifier: MIT */
/*
 * net_sysctl.h: the public header of /proc/net and /proc/sys/net.
 *
 * What the folder is for: lists of sockets (lists_proc.c), of devices, routes and protocols
 * (net_proc.c), counters (net_snmp.c), and sysctls (net_sysctl.c). Other rooms have the files about
 * their own part of the network: netlink/netconf.h for devices, mcast/mcast_proc.c.
 *
 * Types: struct net_sysctl, a file with numbers of which each namespace has its own.
 *
 * Call sequence: the INITCALL of each C file registers its entries once. A read shows the namespace
 * of current.
 *
 * Locks: numbers are single words, read and written without a lock. Lists are shown in pieces, each
 * read under the lock that protects the list.
 *
 * May know: all of kernel/net. Other folders use only net_sysctl_own(), to register a table.
 */
#ifndef NESTLING_NET_NET_SYSCTL_H
#define NESTLING_NET_NET_SYSCTL_H

#include "kernel/lib/types.h"

/* A file with numbers. */
struct net_sysctl {
	const char *path; /* "sys/net/..." */
	/*
	 * The first of @n numbers. If it is in init_net, each namespace has its own numbers at this
	 * offset of its struct net; else the numbers are the machine's.
	 */
	int *at;
	u32 n;
	/* range of each number, inclusive */
	int min, max;
};
/*
 * Registers @table, which must be static, at boot. The owner of a namespace may set its numbers.
 * Returns 0 or -ENOMEM.
 */
int net_sysctl_own(const struct net_sysctl *table, u32 n);

#endif
