/* SPDX-License-Identifier: MIT */
/*
 * rtnl_qdisc.c: RTM_GETQDISC: how devices queue what is sent, as tc(8) lists it. It is as IFLA_QDISC says: "noqueue", or
 * for what has a queue of its own (cards, tun) "pfifo_fast", without bands, since nothing goes before anything else. No other may be set.
 */
#include <asm/errno.h>
#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "kernel/lib/string.h"
#include "kernel/net/rtnl.h"

struct qdisc {
	int ifindex;
	const char *kind; /* lasts */
};

#define REFS 2 /* as Linux counts them: the device's and its queue's */

/* Counters of what does not queue stay 0, as on Linux; nobody keeps the others. */
static void put_qdisc(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	static const struct gnet_stats_basic basic;
	static const struct gnet_stats_queue queue;
	static const u8 old[40]; /* struct tc_stats, with what is behind its last field */
	struct tcmsg *m = nl_begin(b, req, portid, RTM_NEWQDISC, flags, sizeof(*m));
	const struct qdisc *q = what;
	const u8 offload = 0;
	u32 at;

	m->tcm_ifindex = q->ifindex;
	m->tcm_parent = TC_H_ROOT;
	m->tcm_info = REFS;
	nl_attr(b, TCA_KIND, q->kind, (u32)strlen(q->kind) + 1);
	nl_attr(b, TCA_HW_OFFLOAD, &offload, sizeof(offload));
	at = nl_nest_plain(b, TCA_STATS2);
	nl_attr(b, TCA_STATS_BASIC, &basic, sizeof(basic));
	nl_attr(b, TCA_STATS_QUEUE, &queue, sizeof(queue));
	nl_nest_end(b, at);
	nl_attr(b, TCA_STATS, old, sizeof(old));
	nl_end(b);
}

/* Goes on to the device that is up with the next number. False: there is none. */
static bool next_up(struct net *net, struct qdisc *q)
{
	const struct net_device *d;
	int at = q->ifindex;

	q->ifindex = 0;
	spin_lock(&net->lock);
	list_for_each_entry(d, &net->devices, list)
		if (d->flags & IFF_UP && d->ifindex > at &&
			(!q->ifindex || d->ifindex < q->ifindex))
			*q = (struct qdisc){ d->ifindex, d->ops->qdisc };
	spin_unlock(&net->lock);
	return q->ifindex;
}

int rtnl_dump_qdiscs(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg)
{
	struct qdisc q = { 0 };
	int err = 0;

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(struct tcmsg)))
		return -EINVAL;
	while (!err && next_up(net, &q))
		err = emit(arg, put_qdisc, &q);
	return err;
}
