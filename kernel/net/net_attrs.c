/* SPDX-License-Identifier: MIT */
/* net_attrs.c: which groups of files kinds of devices bring to /sys/class/net/NAME. */
#include "kernel/net/net_sysfs.h"

const struct net_attribute_group net_attribute_group[] = {
	{ NULL, 0 },
};
const u32 net_attribute_groups = 0;
