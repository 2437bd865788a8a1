/* SPDX-License-Identifier: MIT */
/* net_attrs.c: the groups of files that each kind of device has in /sys/class/net/NAME. */
#include "kernel/net/link/net_sysfs.h"

const struct net_attribute_group *const net_attribute_groups[NET_ATTRIBUTE_GROUPS] = {
	&br_attributes,
	&br_port_attributes,
	&tun_attributes,
};
