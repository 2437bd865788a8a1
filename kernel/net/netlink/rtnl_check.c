/* SPDX-License-Identifier: MIT */
/*
 * rtnl_check.c: strict checks of rtnetlink's requests for dumps and for one device. Programs that
 * set NETLINK_GET_STRICT_CHK (iproute2, systemd) get errors for parts of a request that are ignored
 * for other programs: values in unused fields of a header, attributes that are no filter, and
 * attributes of a wrong length.
 */
#include <asm/errno.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "kernel/lib/string.h"
#include "kernel/net/netlink/rtnl.h"
#include "kernel/net/socket/socket.h"

/*
 * A type of request: which bytes of its header may be other than 0 (bit n: byte n), and which
 * attributes it may have.
 */
struct shape {
	u16 type, fixed;
	u32 bytes;
	u8 nr;
	u16 attrs[4];
};

#define BYTES(from, n) (((1U << (n)) - 1) << (from))

static const struct shape dumps[] = {
	{ RTM_GETLINK, 16, BYTES(0, 1), 3, { IFLA_MASTER, IFLA_LINKINFO, IFLA_EXT_MASK } },
	{ RTM_GETADDR, 8, BYTES(0, 1) | BYTES(4, 4), 0, { 0 } },
	/* bytes of family, table, protocol, type and flags */
	{ RTM_GETROUTE, 12, BYTES(0, 1) | BYTES(4, 2) | BYTES(7, 5), 2, { RTA_TABLE, RTA_OIF } },
	{ RTM_GETNEIGH, 12, BYTES(0, 1) | BYTES(10, 1), 2, { NDA_IFINDEX, NDA_MASTER } },
	{ RTM_GETRULE, 12, BYTES(0, 1), 0, { 0 } },
};

static const struct shape gets[] = {
	{ RTM_GETLINK, 16, BYTES(0, 1) | BYTES(4, 4), 3,
		{ IFLA_IFNAME, IFLA_EXT_MASK, IFLA_ALT_IFNAME } },
};

static bool is_number(u16 type, u16 attr)
{
	return type != RTM_GETLINK || attr == IFLA_MASTER || attr == IFLA_EXT_MASK;
}

static int check_attrs(const struct nlmsghdr *req, const struct shape *s)
{
	u32 at = NLMSG_SPACE(s->fixed);

	while (at < req->nlmsg_len && req->nlmsg_len - at >= sizeof(struct rtattr)) {
		const struct rtattr *a = (const void *)((const u8 *)req + at);
		u16 type = a->rta_type & 0x3fff;
		bool may = false;

		if (a->rta_len < sizeof(*a) || a->rta_len > req->nlmsg_len - at)
			return -EINVAL;
		for (u32 k = 0; k < s->nr; k++)
			may |= s->attrs[k] == type;
		if (!may)
			return -EINVAL;
		if (is_number(s->type, type) && a->rta_len != RTA_LENGTH(4))
			return a->rta_len < RTA_LENGTH(4) ? -ERANGE : -EINVAL;
		at += RTA_ALIGN((u32)a->rta_len);
	}
	return at < req->nlmsg_len ? -EINVAL : 0;
}

static int check(const struct nlmsghdr *req, const struct shape *shapes, u32 nr)
{
	const u8 *h = NLMSG_DATA(req);

	for (u32 k = 0; k < nr; k++) {
		const struct shape *s = &shapes[k];

		if (s->type != req->nlmsg_type)
			continue;
		if (req->nlmsg_len < (u32)NLMSG_LENGTH(s->fixed))
			return -EINVAL;
		for (u32 n = 0; n < s->fixed; n++)
			if (h[n] && !(s->bytes >> n & 1))
				return -EINVAL;
		return check_attrs(req, s);
	}
	return 0;
}

/* True for dumps of bridges' ports and entries, which bridge/ checks. */
static bool is_of_bridges(const struct nlmsghdr *req)
{
	return (req->nlmsg_type == RTM_GETLINK || req->nlmsg_type == RTM_GETNEIGH) &&
	       req->nlmsg_len > NLMSG_HDRLEN && *(const u8 *)NLMSG_DATA(req) == AF_BRIDGE;
}

int rtnl_check_dump(const struct nlmsghdr *req)
{
	const struct rtmsg *m = NLMSG_DATA(req);
	const struct ndmsg *n = NLMSG_DATA(req);
	int err = is_of_bridges(req) ? 0 : check(req, dumps, ARRAY_SIZE(dumps));

	if (err || is_of_bridges(req))
		return err;
	if (req->nlmsg_type == RTM_GETROUTE && m->rtm_flags & ~(u32)(RTM_F_CLONED | RTM_F_PREFIX))
		return -EINVAL;
	return req->nlmsg_type == RTM_GETNEIGH && n->ndm_flags & ~NTF_PROXY ? -EINVAL : 0;
}

int rtnl_check_get(const struct nlmsghdr *req)
{
	return is_of_bridges(req) ? 0 : check(req, gets, ARRAY_SIZE(gets));
}
