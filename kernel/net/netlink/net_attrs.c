/* SPDX-License-Identifier: MIT */
/* net_attrs.c: which groups of files kinds of devices bring to /sys/class/net/NAME. */
#include "kernel/net/link/net_sysfs.h"

const struct net_attribute_group *const net_attribute_groups[NET_ATTRIBUTE_GROUPS] = {
	&br_attributes,
	&br_port_attributes,
	&tun_attributes,
};
