/* SPDX-License-Identifier: MIT */
/*
 * rtnl_via.c: gateways in rtnetlink's messages: RTA_GATEWAY has a gateway of the route's own
 * family, RTA_VIA one of the other family (RFC 5549). An IPv4 route may have a gateway with an IPv6
 * address; an IPv6 route cannot have an IPv4 gateway.
 */
#include <asm/errno.h>
#include <linux/rtnetlink.h>

#include "kernel/lib/string.h"
#include "kernel/net/internal.h"
#include "kernel/net/netlink/rtnl.h"

void rtnl_put_gateway(struct nl_builder *b, const ip_addr *gateway, bool v4)
{
	struct {
		u16 family;
		u8 addr[16];
	} via = { .family = AF_INET6 };

	if (ip_is_any(gateway))
		return;
	if (ip_is_v4(gateway) == v4) {
		nl_attr_addr(b, RTA_GATEWAY, gateway);
		return;
	}
	memcpy(via.addr, gateway, sizeof(via.addr));
	nl_attr(b, RTA_VIA, &via, sizeof(via));
}

/* Reads a struct rtvia: a family, and an address of that family. Returns 0 or -EINVAL. */
static int read_via(const u8 *via, u32 len, u8 family, ip_addr *out)
{
	u16 of;
	u32 v4;

	if (family != AF_INET || len < sizeof(of))
		return -EINVAL;
	memcpy(&of, via, sizeof(of));
	len -= (u32)sizeof(of);
	if (of == AF_INET && len == sizeof(v4)) {
		memcpy(&v4, via + sizeof(of), sizeof(v4));
		*out = ip_v4(v4);
	} else if (of == AF_INET6 && len == sizeof(*out)) {
		memcpy(out, via + sizeof(of), sizeof(*out));
		/* a mapped IPv4 address cannot be an IPv6 gateway */
		return ip_is_v4(out) || ip_is_multicast(out) ? -EINVAL : 0;
	} else {
		return -EINVAL;
	}
	return 0;
}

int rtnl_read_gateway(const void *attrs, u32 len, u8 family, ip_addr *out)
{
	u32 size = family == AF_INET ? 4 : 16, got, via_len;
	const void *gw = nl_nested(attrs, len, RTA_GATEWAY, size, &got),
		   *via = nl_nested(attrs, len, RTA_VIA, 0, &via_len);

	if (via)
		return gw ? -EINVAL : read_via(via, via_len, family, out);
	if (gw && family == AF_INET)
		*out = ip_v4(*(const u32 *)gw);
	else if (gw)
		memcpy(out, gw, size);
	return 0;
}
