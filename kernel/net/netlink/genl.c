/* SPDX-License-Identifier: MIT */
/*
 * genl.c: generic netlink: its controller, which lists the families, and the family TASKSTATS.
 * Sources: networking/generic_netlink.rst, <linux/genetlink.h>; accounting/taskstats.rst of
 * linux-doc.
 *
 * TASKSTATS reports the resource use of a thread or process, on request. Not supported: records of
 * tasks that end (REGISTER_CPUMASK), statistics of a group (CGROUPSTATS_CMD_GET).
 */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/genetlink.h>

#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/netlink/netlink.h"
#include "kernel/task/taskstats.h"

#define CTRL_VERSION 2
#define TASKSTATS_ID 0x13 /* the first dynamic family id */
#define ADMIN_PERM 1      /* GENL_ADMIN_PERM */

/* A family with one command. */
struct family {
	const char *name;
	u16 id;
	u32 version, max_attr;
	u32 op, op_flags;
	/* name of the family's multicast group, which has the family's number; NULL: none */
	const char *group;
	int (*serve)(struct nl_sock *n, const struct nlmsghdr *req);
};

static int ctrl_serve(struct nl_sock *n, const struct nlmsghdr *req);
static int taskstats_serve(struct nl_sock *n, const struct nlmsghdr *req);

static const struct family families[] = {
	{ "nlctrl", GENL_ID_CTRL, CTRL_VERSION, CTRL_ATTR_MCAST_GROUPS, CTRL_CMD_GETFAMILY,
		GENL_CMD_CAP_DO | GENL_CMD_CAP_DUMP, "notify", ctrl_serve },
	{ TASKSTATS_GENL_NAME, TASKSTATS_ID, TASKSTATS_GENL_VERSION, 0, TASKSTATS_CMD_GET,
		GENL_CMD_CAP_DO | GENL_CMD_CAP_HASPOL | ADMIN_PERM, NULL, taskstats_serve },
};

static void put_op(struct nl_builder *b, u32 index, u32 cmd, u32 flags)
{
	u32 at = nl_nest(b, (u16)index);

	nl_attr_u32(b, CTRL_ATTR_OP_ID, cmd);
	nl_attr_u32(b, CTRL_ATTR_OP_FLAGS, flags);
	nl_nest_end(b, at);
}

/* ---- the controller ---- */

static void put_family(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	struct genlmsghdr *g = nl_begin(b, req, portid, GENL_ID_CTRL, flags, sizeof(*g));
	const struct family *f = what;
	u32 list, one;

	g->cmd = CTRL_CMD_NEWFAMILY;
	g->version = CTRL_VERSION;
	nl_attr(b, CTRL_ATTR_FAMILY_NAME, f->name, (u32)strlen(f->name) + 1);
	nl_attr(b, CTRL_ATTR_FAMILY_ID, &f->id, sizeof(f->id));
	nl_attr_u32(b, CTRL_ATTR_VERSION, f->version);
	nl_attr_u32(b, CTRL_ATTR_HDRSIZE, 0);
	nl_attr_u32(b, CTRL_ATTR_MAXATTR, f->max_attr);
	list = nl_nest(b, CTRL_ATTR_OPS);
	put_op(b, 1, f->op, f->op_flags);
	nl_nest_end(b, list);
	if (f->group) {
		list = nl_nest(b, CTRL_ATTR_MCAST_GROUPS);
		one = nl_nest(b, 1);
		nl_attr_u32(b, CTRL_ATTR_MCAST_GRP_ID, f->id);
		nl_attr(b, CTRL_ATTR_MCAST_GRP_NAME, f->group, (u32)strlen(f->group) + 1);
		nl_nest_end(b, one);
		nl_nest_end(b, list);
	}
	nl_end(b);
}

/* Finds the family that the request names, by name or by number. */
static const struct family *family_of(const struct nlmsghdr *req)
{
	const char *name;
	const u16 *id;
	u32 n;

	name = nl_find(req, sizeof(struct genlmsghdr), CTRL_ATTR_FAMILY_NAME, 1, &n);
	id = nl_find(req, sizeof(struct genlmsghdr), CTRL_ATTR_FAMILY_ID, sizeof(*id), NULL);
	for (u32 i = 0; i < ARRAY_SIZE(families); i++) {
		size_t len = strlen(families[i].name) + 1;

		if ((name && n >= len && !memcmp(name, families[i].name, len)) ||
			(id && *id == families[i].id))
			return &families[i];
	}
	return NULL;
}

static int ctrl_serve(struct nl_sock *n, const struct nlmsghdr *req)
{
	bool dump = req->nlmsg_flags & NLM_F_DUMP;
	const struct family *f;
	int err = 0;

	if (dump) {
		for (u32 i = 0; i < ARRAY_SIZE(families) && !err; i++)
			err = nl_answer(n, req, put_family, &families[i], NLM_F_MULTI);
		if (!err)
			err = nl_done(n, req);
		return err ? err : 1;
	}
	if (!nl_find(req, sizeof(struct genlmsghdr), CTRL_ATTR_FAMILY_NAME, 1, NULL) &&
		!nl_find(req, sizeof(struct genlmsghdr), CTRL_ATTR_FAMILY_ID, 2, NULL))
		return -EINVAL;
	f = family_of(req);
	err = f ? nl_answer(n, req, put_family, f, 0) : -ENOENT;
	if (err || req->nlmsg_flags & NLM_F_ACK)
		return err;
	return 1;
}

/* ---- taskstats ---- */

struct stats_answer {
	u32 nr;
	bool process;
	struct taskstats stats;
};

static void put_stats(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	struct genlmsghdr *g = nl_begin(b, req, portid, TASKSTATS_ID, flags, sizeof(*g));
	const struct stats_answer *a = what;
	u32 at;

	g->cmd = TASKSTATS_CMD_NEW;
	g->version = TASKSTATS_GENL_VERSION;
	at = nl_nest_plain(b, a->process ? TASKSTATS_TYPE_AGGR_TGID : TASKSTATS_TYPE_AGGR_PID);
	nl_attr_u32(b, a->process ? TASKSTATS_TYPE_TGID : TASKSTATS_TYPE_PID, a->nr);
	nl_attr(b, TASKSTATS_TYPE_STATS, &a->stats, sizeof(a->stats));
	nl_nest_end(b, at);
	nl_end(b);
}

/*
 * Answers with the statistics of a thread or process. Returns 1 after an answer without an
 * acknowledgement, 0 with one, or -errno.
 */
static int taskstats_serve(struct nl_sock *n, const struct nlmsghdr *req)
{
	const u32 fixed = sizeof(struct genlmsghdr);
	struct stats_answer *a;
	const void *mask, *nr;
	bool process;
	u32 len = 0;
	int err;

	mask = nl_find(req, fixed, TASKSTATS_CMD_ATTR_REGISTER_CPUMASK, 0, NULL);
	if (!mask)
		mask = nl_find(req, fixed, TASKSTATS_CMD_ATTR_DEREGISTER_CPUMASK, 0, NULL);
	if (mask)
		return -EOPNOTSUPP;
	nr = nl_find(req, fixed, TASKSTATS_CMD_ATTR_PID, 0, &len);
	process = !nr;
	if (!nr)
		nr = nl_find(req, fixed, TASKSTATS_CMD_ATTR_TGID, 0, &len);
	if (!nr || len != sizeof(a->nr))
		return nr ? -ERANGE : -EINVAL;
	a = kzalloc(sizeof(*a), GFP_KERNEL);
	if (!a)
		return -ENOMEM;
	memcpy(&a->nr, nr, sizeof(a->nr));
	a->process = process;
	err = process ? taskstats_of_process((pid_t)a->nr, &a->stats) :
			taskstats_of_thread((pid_t)a->nr, &a->stats);
	if (!err)
		err = nl_answer(n, req, put_stats, a, 0);
	kfree(a);
	if (err || req->nlmsg_flags & NLM_F_ACK)
		return err;
	return 1;
}

/* ---- all families ---- */

static int genl_serve(struct nl_sock *n, const struct nlmsghdr *req)
{
	const struct genlmsghdr *g = NLMSG_DATA(req);
	const struct family *f = NULL;

	for (u32 i = 0; i < ARRAY_SIZE(families); i++)
		if (families[i].id == req->nlmsg_type)
			f = &families[i];
	if (!f)
		return -ENOENT;
	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(*g)))
		return -EINVAL;
	if (g->cmd != f->op)
		return -EOPNOTSUPP;
	if (f->op_flags & ADMIN_PERM && !ns_capable(&init_user_ns, CAP_NET_ADMIN))
		return -EPERM;
	return f->serve(n, req);
}

const struct nl_proto nl_generic = {
	.protocol = NETLINK_GENERIC,
	.groups = 32,
	.all_recv = true,
	.serve = genl_serve,
};
