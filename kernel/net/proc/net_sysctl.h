/* SPDX-License-Identifier: MIT */
/* net_sysctl.h: numbers under /proc/sys/net that each network namespace has of its own, for the files that keep them (net_sysctl.c). */
#ifndef NESTLING_NET_NET_SYSCTL_H
#define NESTLING_NET_NET_SYSCTL_H

#include "kernel/lib/types.h"

/* Of @n numbers in one file, the first at @at: in init_net, and in the same place of every other one; else they are the machine's. */
struct net_sysctl {
	const char *path; /* "sys/net/..." */
	int *at;
	u32 n;
	int min, max;
};
/* At boot; the table lives forever, and a namespace's owner may set what is in it. 0 or -ENOMEM. */
int net_sysctl_own(const struct net_sysctl *table, u32 n);

#endif
