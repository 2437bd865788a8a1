/* SPDX-License-Identifier: MIT */
/*
 * qdisc_rtnl.c: RTM_*QDISC and RTM_*TCLASS: requests and dumps of tc(8) about a device's qdiscs. A
 * device without a tree (qdisc.h) is shown as in IFLA_QDISC: "noqueue", or "pfifo_fast" if the
 * device itself has a queue (cards, tun). That queue has no bands, since it is first in, first out.
 *
 * As on Linux, a request makes, changes or replaces a qdisc, or fails, by its flags NLM_F_CREATE,
 * _REPLACE and _EXCL, by whether its parent has a qdisc with a handle there already, and by whether
 * it names a handle. A qdisc below several parents is refused (EOPNOTSUPP), and so are estimators,
 * size tables and offload.
 *
 * Locks: everything is under link.c's mutex.
 */
#include <asm/errno.h>
#include <linux/gen_stats.h>
#include <linux/rtnetlink.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/link/link.h"
#include "kernel/net/netlink/netlink.h"
#include "kernel/net/sched/qdisc.h"

#define FIXED ((u32)sizeof(struct tcmsg))
/* refcount that Linux shows: one of the device, one of its queue */
#define REFS 2

static const struct qdisc_ops *const kinds[] = { &noqueue_qdisc, &pfifo_qdisc, &bfifo_qdisc,
	&pfifo_fast_qdisc, &tbf_qdisc, &netem_qdisc, &fq_codel_qdisc, &prio_qdisc, &htb_qdisc };

const struct qdisc_stats qdisc_no_stats;

/* ---- messages to programs ---- */

void qdisc_put_stats(struct nl_builder *b, const struct qdisc_stats *s, const void *app, u32 len)
{
	struct gnet_stats_basic basic;
	struct tc_stats old;
	const struct gnet_stats_queue queue = { .qlen = s->qlen,
		.backlog = s->backlog,
		.drops = s->drops,
		.requeues = s->requeues,
		.overlimits = s->overlimits };
	u32 at = nl_nest_plain(b, TCA_STATS2);

	memset(&basic, 0, sizeof(basic)); /* also clears padding at its end */
	basic.bytes = s->bytes;
	basic.packets = s->packets;
	memset(&old, 0, sizeof(old));
	old.bytes = s->bytes;
	old.packets = s->packets;
	old.drops = s->drops;
	old.overlimits = s->overlimits;
	old.qlen = s->qlen;
	old.backlog = s->backlog;
	if (s != &qdisc_no_stats) {
		nl_attr(b, TCA_STATS_BASIC, &basic, sizeof(basic));
		nl_attr(b, TCA_STATS_QUEUE, &queue, sizeof(queue));
	}
	if (len)
		nl_attr(b, TCA_STATS_APP, app, len);
	nl_nest_end(b, at);
	nl_attr(b, TCA_STATS, &old, sizeof(old));
	if (len)
		nl_attr(b, TCA_XSTATS, app, len);
}

/* What a message is about. */
struct about {
	struct net_device *dev;
	struct qdisc *q; /* NULL: the device has no tree */
	u32 parent, minor, refs;
	u16 type;
};

/* rtnl_put_fn: @what is a struct about, whose q is NULL for a device without a qdisc. */
static void put_qdisc(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	const struct about *a = what;
	const struct qdisc_stats none = { 0 };
	struct tcmsg *m = nl_begin(b, req, portid, a->type, flags, sizeof(*m));
	const char *kind = a->q ? a->q->ops->kind : a->dev->ops->qdisc;
	struct qdisc_stats st = none;
	u8 app[QDISC_APP_MAX];
	u32 len = 0;

	m->tcm_ifindex = a->dev->ifindex;
	m->tcm_handle = a->q ? a->q->handle : 0;
	m->tcm_parent = a->parent;
	m->tcm_info = a->refs;
	nl_attr(b, TCA_KIND, kind, (u32)strlen(kind) + 1);
	if (a->q) {
		spin_lock(&a->q->root->lock);
		if (a->q->ops->fill)
			a->q->ops->fill(b, a->q);
		st = a->q->st;
		len = a->q->ops->app ? a->q->ops->app(a->q, app) : 0;
		spin_unlock(&a->q->root->lock);
	}
	nl_attr(b, TCA_HW_OFFLOAD, &(u8){ 0 }, 1);
	qdisc_put_stats(b, &st, app, len);
	nl_end(b);
}

static void put_class(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	const struct about *a = what;
	const struct qdisc_ops *ops = a->q->ops;
	struct tcmsg *m = nl_begin(b, req, portid, a->type, flags, sizeof(*m));

	m->tcm_ifindex = a->dev->ifindex;
	m->tcm_handle = TC_H_MAKE(a->q->handle, a->minor);
	m->tcm_parent = a->q->handle;
	nl_attr(b, TCA_KIND, ops->kind, (u32)strlen(ops->kind) + 1);
	spin_lock(&a->q->root->lock);
	ops->classes->fill(b, m, a->q, a->minor);
	spin_unlock(&a->q->root->lock);
	nl_end(b);
}

static void notify_about(const struct about *a, bool class, u16 flags)
{
	static const struct nlmsghdr none;
	struct nl_builder *b;

	if (!nl_has_listeners(a->dev->net, NETLINK_ROUTE, RTNLGRP_TC))
		return;
	b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b) {
		nl_broadcast_lost(a->dev->net, NETLINK_ROUTE, RTNLGRP_TC);
		return;
	}
	(class ? put_class : put_qdisc)(b, &none, 0, flags, a);
	nl_broadcast(a->dev->net, NETLINK_ROUTE, RTNLGRP_TC, b->buf, b->len);
	kfree(b);
}

static void notify_qdisc(
	struct net_device *dev, struct qdisc *q, u32 parent, u32 refs, u16 type, u16 flags)
{
	notify_about(&(struct about){ dev, q, parent, 0, refs, type }, false, flags);
}

/* ---- the qdisc that a request means ---- */

static const struct tcmsg *header(const struct nlmsghdr *req)
{
	return NLMSG_DATA(req);
}

static struct qdisc *by_handle(const struct net_device *dev, u32 handle)
{
	const struct qdisc_root *r = dev->qdisc;
	struct qdisc *q;

	handle = TC_H_MAJ(handle);
	if (r && handle)
		list_for_each_entry(q, &r->all, list)
			if (q->handle == handle)
				return q;
	return NULL;
}

/* Returns the pointer below @up that @parent names, or ERR_PTR. */
static struct qdisc **slot_of(struct qdisc *up, u32 parent)
{
	if (!up->ops->classes)
		return ERR_PTR(-EOPNOTSUPP);
	if (!TC_H_MIN(parent))
		return ERR_PTR(-ENOENT);
	return up->ops->classes->leaf(up, TC_H_MIN(parent));
}

/*
 * Returns the qdisc below @parent, which is TC_H_ROOT or a class; NULL if there is none. Returns an
 * ERR_PTR if there is no such class, or it cannot have a qdisc. *@up: the qdisc that has the class;
 * NULL for TC_H_ROOT.
 */
static struct qdisc *at_place(struct net_device *dev, u32 parent, struct qdisc **up)
{
	struct qdisc **slot;

	*up = NULL;
	if (parent == TC_H_ROOT)
		return dev->qdisc ? dev->qdisc->q : NULL;
	*up = by_handle(dev, parent);
	if (!*up)
		return ERR_PTR(-ENOENT);
	slot = slot_of(*up, parent);
	return IS_ERR(slot) ? ERR_PTR(PTR_ERR(slot)) : *slot;
}

static const struct qdisc_ops *find_kind(const struct nlmsghdr *req)
{
	u32 n;
	const char *kind = nl_find(req, FIXED, TCA_KIND, 1, &n);

	for (u32 i = 0; kind && i < ARRAY_SIZE(kinds); i++)
		if (strlen(kinds[i]->kind) == strnlen(kind, n) &&
			!memcmp(kinds[i]->kind, kind, strnlen(kind, n)))
			return kinds[i];
	return NULL;
}

static bool other_kind(const struct nlmsghdr *req, const struct qdisc *q)
{
	return nl_find(req, FIXED, TCA_KIND, 1, NULL) && find_kind(req) != q->ops;
}

/* Returns a handle (8001:, 8002: and so on) for a qdisc that was given none. 0: all are in use. */
static u32 new_handle(const struct net_device *dev)
{
	static u32 last = 0x80000000;

	for (u32 i = 0; i < 0x8000; i++) {
		last += 0x10000;
		if (last == TC_H_MAJ_MASK || !(last & 0x80000000))
			last = 0x80010000;
		if (!by_handle(dev, last))
			return last;
	}
	return 0;
}

/* ---- making and changing ---- */

static const void *options(const struct nlmsghdr *req, u32 *len)
{
	*len = 0;
	return nl_find(req, FIXED, TCA_OPTIONS, 0, len);
}

static bool wants_more(const struct nlmsghdr *req)
{
	return nl_find(req, FIXED, TCA_RATE, 0, NULL) || nl_find(req, FIXED, TCA_STAB, 0, NULL);
}

/* Makes a new tree and replaces the old one. */
static int make_root(
	struct net_device *dev, const struct qdisc_ops *ops, const struct nlmsghdr *req, u32 handle)
{
	struct qdisc_root *r = qdisc_root_make(dev);
	struct qdisc *old = dev->qdisc ? dev->qdisc->q : NULL;
	const void *opt;
	u32 len;

	if (!r)
		return -ENOBUFS;
	opt = options(req, &len);
	r->q = qdisc_make(r, ops, NULL, TC_H_ROOT, handle, opt, len);
	if (IS_ERR(r->q)) {
		int err = (int)PTR_ERR(r->q);

		kfree(r);
		return err;
	}
	if (old || dev->flags & IFF_UP)
		notify_qdisc(dev, old, TC_H_ROOT, 1, RTM_DELQDISC, 0);
	qdisc_root_swap(dev, r);
	notify_qdisc(dev, r->q, TC_H_ROOT, REFS, RTM_NEWQDISC, NLM_F_REPLACE);
	return 0;
}

static int make_below(struct net_device *dev, struct qdisc *up, const struct qdisc_ops *ops,
	const struct nlmsghdr *req, u32 handle)
{
	u32 parent = header(req)->tcm_parent, len, depth = 0;
	const void *opt = options(req, &len);
	struct qdisc **slot = slot_of(up, parent), *q;

	for (const struct qdisc *a = up; a; a = a->up)
		depth++;
	if (depth > 7)
		return -ELOOP;
	if (!ops->enqueue)
		return -EINVAL;
	q = qdisc_make(up->root, ops, up, parent, handle, opt, len);
	if (IS_ERR(q))
		return (int)PTR_ERR(q);
	if (*slot && (*slot)->handle)
		notify_qdisc(dev, *slot, parent, 1, RTM_DELQDISC, 0);
	qdisc_swap(up, slot, q);
	notify_qdisc(dev, q, parent, 1, RTM_NEWQDISC, NLM_F_REPLACE);
	return 0;
}

static int make(struct net_device *dev, struct qdisc *up, const struct nlmsghdr *req)
{
	const struct qdisc_ops *ops = find_kind(req);
	u32 handle = header(req)->tcm_handle;

	if (!(req->nlmsg_flags & NLM_F_CREATE) || !ops)
		return -ENOENT;
	if (wants_more(req))
		return -EOPNOTSUPP;
	if (!handle)
		handle = new_handle(dev);
	if (!handle)
		return -ENOSPC;
	return up ? make_below(dev, up, ops, req, handle) : make_root(dev, ops, req, handle);
}

static int change(struct net_device *dev, struct qdisc *q, const struct nlmsghdr *req)
{
	u32 len;
	const void *opt = options(req, &len);
	int err = 0;

	if (!q)
		return -ENOENT;
	if (req->nlmsg_flags & NLM_F_EXCL)
		return -EEXIST;
	if (other_kind(req, q))
		return -EINVAL;
	if (wants_more(req))
		return -EOPNOTSUPP;
	if (opt)
		err = q->ops->change ? q->ops->change(q, opt, len) : -EINVAL;
	if (!err)
		notify_qdisc(dev, q, header(req)->tcm_parent, q->up ? 1 : REFS, RTM_NEWQDISC, 0);
	return err;
}

/* True if the request, which names no handle, replaces @q by a new qdisc. */
static bool replaces(const struct nlmsghdr *req, const struct qdisc *q)
{
	const u16 both = NLM_F_CREATE | NLM_F_REPLACE;

	return (req->nlmsg_flags & both) == both &&
	       (req->nlmsg_flags & NLM_F_EXCL || other_kind(req, q));
}

/*
 * Serves RTM_NEWQDISC: changes a qdisc, or makes one, which replaces another. link.c's mutex held.
 * Returns 0 or -errno.
 */
static int new_qdisc(struct net_device *dev, const struct nlmsghdr *req)
{
	u32 handle = header(req)->tcm_handle, parent = header(req)->tcm_parent;
	struct qdisc *q, *up;

	if (!parent)
		return handle ? change(dev, by_handle(dev, handle), req) : -EINVAL;
	if (parent == TC_H_INGRESS)
		return -ENOENT; /* there are no ingress qdiscs */
	q = at_place(dev, parent, &up);
	if (IS_ERR(q))
		return (int)PTR_ERR(q);
	if (q && !q->handle)
		q = NULL;
	if (q && (handle == q->handle || (!handle && !replaces(req, q))))
		return change(dev, q, req);
	if (handle) {
		if (q && !(req->nlmsg_flags & NLM_F_REPLACE))
			return -EEXIST;
		if (TC_H_MIN(handle))
			return -EINVAL;
		q = by_handle(dev, handle);
		if (q)
			return req->nlmsg_flags & NLM_F_EXCL ? -EEXIST :
			       other_kind(req, q)            ? -EINVAL :
			       q == up                       ? -ELOOP :
							       -EOPNOTSUPP;
	}
	return make(dev, up, req);
}

/* ---- removing ---- */

static int remove_qdisc(struct net_device *dev, struct qdisc *up, struct qdisc *q)
{
	struct qdisc *with = NULL, **slot;

	if (up && up->ops->classes->refill)
		with = qdisc_default(up, TC_H_MIN(q->parent));
	notify_qdisc(dev, q, q->parent, 1, RTM_DELQDISC, 0);
	if (!up) {
		qdisc_root_swap(dev, NULL);
		return 0;
	}
	slot = slot_of(up, q->parent);
	qdisc_swap(up, slot, with);
	return 0;
}

/*
 * Finds the qdisc of a request that does not make one. Returns it, NULL for a device without a
 * tree, or ERR_PTR.
 */
static struct qdisc *meant(struct net_device *dev, const struct nlmsghdr *req, struct qdisc **up)
{
	const struct tcmsg *m = header(req);
	struct qdisc *q;

	*up = NULL;
	if (m->tcm_parent) {
		q = m->tcm_parent == TC_H_INGRESS ? ERR_PTR(-ENOENT) :
						    at_place(dev, m->tcm_parent, up);
		if (IS_ERR(q))
			return q;
		if (m->tcm_handle && (!q || q->handle != m->tcm_handle))
			return ERR_PTR(-EINVAL);
		if (!q && m->tcm_parent != TC_H_ROOT)
			return ERR_PTR(-ENOENT);
	} else {
		q = by_handle(dev, m->tcm_handle);
		if (!q)
			return ERR_PTR(-ENOENT);
	}
	return q && other_kind(req, q) ? ERR_PTR(-EINVAL) : q;
}

static int del_qdisc(struct net_device *dev, const struct nlmsghdr *req)
{
	struct qdisc *up, *q = meant(dev, req, &up);

	if (IS_ERR(q))
		return (int)PTR_ERR(q);
	if (!header(req)->tcm_parent)
		return -EINVAL;
	return q && q->handle ? remove_qdisc(dev, up, q) : -ENOENT;
}

/* ---- classes ---- */

/*
 * Finds the qdisc of a class request, and the minor numbers of the class and of its parent class.
 */
static struct qdisc *class_qdisc(
	struct net_device *dev, const struct nlmsghdr *req, u32 *minor, u32 *parent)
{
	u32 class = header(req)->tcm_handle, up = header(req)->tcm_parent, major = TC_H_MAJ(class);
	struct qdisc *q;

	if (up != TC_H_ROOT) {
		if (major && TC_H_MAJ(up) && major != TC_H_MAJ(up))
			return ERR_PTR(-EINVAL);
		if (!major)
			major = TC_H_MAJ(up);
	}
	if (!major)
		major = dev->qdisc ? dev->qdisc->q->handle : 0;
	q = by_handle(dev, major);
	if (!q)
		return ERR_PTR(-ENOENT);
	*minor = TC_H_MIN(class);
	*parent = up == TC_H_ROOT ? 0 : TC_H_MIN(up);
	return q->ops->classes ? q : ERR_PTR(-EINVAL);
}

static int del_class(struct net_device *dev, struct qdisc *q, u32 minor)
{
	const struct qdisc_class_ops *c = q->ops->classes;
	struct about a = { dev, q, 0, minor, 0, RTM_DELTCLASS };
	struct nl_builder *b;
	int err = -ENOMEM;

	if (!c->remove)
		return -EOPNOTSUPP;
	b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (b) {
		put_class(b, &(struct nlmsghdr){ 0 }, 0, 0, &a); /* built while the class exists */
		err = c->remove(q, minor);
		if (!err)
			nl_broadcast(dev->net, NETLINK_ROUTE, RTNLGRP_TC, b->buf, b->len);
	}
	kfree(b);
	return err;
}

/*
 * Serves RTM_NEWTCLASS, RTM_DELTCLASS and RTM_GETTCLASS for one class. link.c's mutex held. Returns
 * 0 or -errno.
 */
static int class_request(struct net_device *dev, const struct nlmsghdr *req)
{
	u32 minor, parent, len;
	struct qdisc *q = class_qdisc(dev, req, &minor, &parent);
	const struct qdisc_class_ops *c;
	const void *opt = options(req, &len);
	int err;

	if (IS_ERR(q))
		return (int)PTR_ERR(q);
	c = q->ops->classes;
	if (minor && c->has(q, minor)) {
		if (req->nlmsg_type == RTM_DELTCLASS)
			return del_class(dev, q, minor);
		if (req->nlmsg_type == RTM_NEWTCLASS && req->nlmsg_flags & NLM_F_EXCL)
			return -EEXIST;
	} else if (req->nlmsg_type != RTM_NEWTCLASS || !(req->nlmsg_flags & NLM_F_CREATE)) {
		return -ENOENT;
	}
	if (req->nlmsg_type == RTM_NEWTCLASS) {
		if (!c->change || wants_more(req))
			return -EOPNOTSUPP;
		err = c->change(q, minor, parent, opt, len);
		if (err)
			return err;
	}
	notify_about(&(struct about){ dev, q, 0, minor, 0, RTM_NEWTCLASS }, true, 0);
	return 0;
}

/* ---- functions for rtnetlink ---- */

int rtnl_change_qdisc(struct net *net, const struct nlmsghdr *req)
{
	struct net_device *dev;
	int err = -ENODEV;

	if (req->nlmsg_len < NLMSG_LENGTH(FIXED))
		return -EINVAL;
	link_lock();
	dev = netdev_find_index(net, header(req)->tcm_ifindex);
	if (!dev)
		;
	else if (req->nlmsg_type == RTM_NEWQDISC)
		err = new_qdisc(dev, req);
	else if (req->nlmsg_type == RTM_DELQDISC)
		err = del_qdisc(dev, req);
	else
		err = class_request(dev, req);
	link_unlock();
	return err;
}

/*
 * Sends the answer to all listeners, as Linux does. The requesting socket gets a copy only if it
 * sets NLM_F_ECHO.
 */
int rtnl_get_qdisc(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg)
{
	struct about a = { .refs = REFS, .type = RTM_NEWQDISC };
	struct qdisc *up;
	int err = 0;

	if (req->nlmsg_len < NLMSG_LENGTH(FIXED))
		return -EINVAL;
	a.parent = header(req)->tcm_parent;
	link_lock();
	a.dev = netdev_find_index(net, header(req)->tcm_ifindex);
	if (!a.dev)
		err = -ENODEV;
	else if (req->nlmsg_type == RTM_GETTCLASS)
		err = class_request(a.dev, req);
	else if (IS_ERR(a.q = meant(a.dev, req, &up)))
		err = (int)PTR_ERR(a.q);
	else
		notify_about(&a, false, 0);
	if (!err && req->nlmsg_type == RTM_GETQDISC && req->nlmsg_flags & NLM_F_ECHO)
		err = emit(arg, put_qdisc, &a);
	link_unlock();
	return err;
}

static int dump_device(struct net_device *dev, bool all, rtnl_emit_fn emit, void *arg)
{
	struct about a = { dev, NULL, TC_H_ROOT, 0, REFS, RTM_NEWQDISC };
	struct qdisc_root *r = dev->qdisc;
	int err = 0;

	if (!r)
		return dev->flags & IFF_UP ? emit(arg, put_qdisc, &a) : 0;
	list_for_each_entry(a.q, &r->all, list) {
		if (err || (!a.q->handle && !all))
			continue;
		a.parent = a.q->parent;
		a.refs = a.q->up ? 1 : REFS;
		err = emit(arg, put_qdisc, &a);
	}
	return err;
}

/* Returns the device with the lowest index above @at, or NULL. link.c's mutex held. */
static struct net_device *next_device(struct net *net, int at)
{
	struct net_device *d, *next = NULL;

	spin_lock(&net->lock);
	list_for_each_entry(d, &net->devs.list, list)
		if (d->ifindex > at && (!next || d->ifindex < next->ifindex))
			next = d;
	spin_unlock(&net->lock);
	return next;
}

int rtnl_dump_qdiscs(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg)
{
	bool all = nl_find(req, FIXED, TCA_DUMP_INVISIBLE, 0, NULL);
	struct net_device *d;
	int err = 0, at = 0;

	if (req->nlmsg_len < NLMSG_LENGTH(FIXED))
		return -EINVAL;
	link_lock();
	while (!err && (d = next_device(net, at))) {
		at = d->ifindex;
		err = dump_device(d, all, emit, arg);
	}
	link_unlock();
	return err;
}

/*
 * /proc/net/psched: reports the length of a tick, 64 ns, in which tc(8) states the depth of a
 * bucket, and the resolution of times.
 */
static int show_psched(struct seq *s, void *arg)
{
	seq_printf(s, "%08x %08x %08x %08x\n", 1000, 64, 1000000, (u32)NSEC_PER_SEC);
	return 0;
}

static int qdisc_init(void)
{
	return proc_create(".net/psched", 0444, show_psched, NULL, NULL);
}
INITCALL(3, qdisc_init);

static int dump_of(struct net_device *dev, u32 major, rtnl_emit_fn emit, void *arg)
{
	struct about a = { .dev = dev, .type = RTM_NEWTCLASS };
	int err = 0;

	list_for_each_entry(a.q, &dev->qdisc->all, list) {
		const struct qdisc_class_ops *c = a.q->ops->classes;

		if (!a.q->handle || !c || (major && major != a.q->handle))
			continue;
		for (a.minor = c->next(a.q, 0); a.minor && !err; a.minor = c->next(a.q, a.minor))
			err = emit(arg, put_class, &a);
	}
	return err;
}

int rtnl_dump_classes(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg)
{
	struct net_device *dev;
	u32 parent;
	int err = 0;

	if (req->nlmsg_len < NLMSG_LENGTH(FIXED))
		return 0;
	parent = header(req)->tcm_parent;
	link_lock();
	dev = netdev_find_index(net, header(req)->tcm_ifindex);
	if (dev && dev->qdisc)
		err = dump_of(dev, parent == TC_H_ROOT ? 0 : TC_H_MAJ(parent), emit, arg);
	link_unlock();
	return err;
}
