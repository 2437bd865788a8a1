/* SPDX-License-Identifier: MIT */
/*
 * genl.c: generic netlink: its controller, which tells what families there are: itself. Source: networking/generic_netlink.rst,
 * <linux/genetlink.h>.
 */
#include <asm/errno.h>
#include <linux/genetlink.h>

#include "kernel/lib/string.h"
#include "kernel/net/netlink.h"

#define CTRL_VERSION 2

static void put_op(struct nl_builder *b, u32 index, u32 cmd, u32 flags)
{
	u32 at = nl_nest(b, (u16)index);

	nl_attr_u32(b, CTRL_ATTR_OP_ID, cmd);
	nl_attr_u32(b, CTRL_ATTR_OP_FLAGS, flags);
	nl_nest_end(b, at);
}

/* What the controller says of itself. */
static void put_family(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	struct genlmsghdr *g = nl_begin(b, req, portid, GENL_ID_CTRL, flags, sizeof(*g));
	u16 id = GENL_ID_CTRL;
	u32 list, one;

	g->cmd = CTRL_CMD_NEWFAMILY;
	g->version = CTRL_VERSION;
	nl_attr(b, CTRL_ATTR_FAMILY_NAME, "nlctrl", 7);
	nl_attr(b, CTRL_ATTR_FAMILY_ID, &id, sizeof(id));
	nl_attr_u32(b, CTRL_ATTR_VERSION, CTRL_VERSION);
	nl_attr_u32(b, CTRL_ATTR_HDRSIZE, 0);
	nl_attr_u32(b, CTRL_ATTR_MAXATTR, CTRL_ATTR_MCAST_GROUPS);
	list = nl_nest(b, CTRL_ATTR_OPS);
	put_op(b, 1, CTRL_CMD_GETFAMILY, GENL_CMD_CAP_DO | GENL_CMD_CAP_DUMP);
	nl_nest_end(b, list);
	list = nl_nest(b, CTRL_ATTR_MCAST_GROUPS);
	one = nl_nest(b, 1);
	nl_attr_u32(b, CTRL_ATTR_MCAST_GRP_ID, GENL_ID_CTRL);
	nl_attr(b, CTRL_ATTR_MCAST_GRP_NAME, "notify", 7);
	nl_nest_end(b, one);
	nl_nest_end(b, list);
	nl_end(b);
}

static bool means_us(const struct nlmsghdr *req)
{
	const char *name;
	const u16 *id;
	u32 n;

	name = nl_find(req, sizeof(struct genlmsghdr), CTRL_ATTR_FAMILY_NAME, 1, &n);
	if (name && n >= 7 && !memcmp(name, "nlctrl", 7))
		return true;
	id = nl_find(req, sizeof(struct genlmsghdr), CTRL_ATTR_FAMILY_ID, sizeof(*id), &n);
	return id && *id == GENL_ID_CTRL;
}

static int genl_serve(struct nl_sock *n, const struct nlmsghdr *req)
{
	const struct genlmsghdr *g = NLMSG_DATA(req);
	bool dump = req->nlmsg_flags & NLM_F_DUMP;
	int err;

	if (req->nlmsg_type != GENL_ID_CTRL)
		return -ENOENT;
	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(*g)))
		return -EINVAL;
	if (g->cmd != CTRL_CMD_GETFAMILY)
		return -EOPNOTSUPP;
	if (!dump && !nl_find(req, sizeof(*g), CTRL_ATTR_FAMILY_NAME, 1, NULL) &&
		!nl_find(req, sizeof(*g), CTRL_ATTR_FAMILY_ID, 2, NULL))
		return -EINVAL;
	if (!dump && !means_us(req))
		return -ENOENT;
	err = nl_answer(n, req, put_family, NULL, dump ? NLM_F_MULTI : 0);
	if (!err && dump)
		err = nl_done(n, req);
	if (!err && !dump && req->nlmsg_flags & NLM_F_ACK)
		return 0;
	return err ? err : 1;
}

const struct nl_proto nl_generic = {
	.protocol = NETLINK_GENERIC,
	.groups = 32,
	.all_recv = true,
	.serve = genl_serve,
};
