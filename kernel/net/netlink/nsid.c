/* SPDX-License-Identifier: MIT */
/*
 * nsid.c: the numbers that a network namespace has for other namespaces (RTM_NEWNSID, RTM_GETNSID;
 * ip netns list-id; IFLA_LINK_NETNSID). A number is set by hand, or chosen when a link whose other
 * end is there is shown. It is removed with either namespace. There are at most NSIDS_MAX numbers
 * altogether.
 * Lock: nsid_lock (spin).
 */
#include <asm/errno.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#include "kernel/mm/mm.h"
#include "kernel/net/link/link.h"
#include "kernel/net/netlink/rtnl.h"

#define NSIDS_MAX 4096

struct nsid {
	struct list_head list;
	const struct net *net, *peer; /* without references; see nsids_forget() */
	int id;
};
static DEFINE_SPINLOCK(nsid_lock);
static LIST_HEAD(nsids);
static u32 nr_nsids;

static struct nsid *find(const struct net *net, const struct net *peer)
{
	struct nsid *n;

	list_for_each_entry(n, &nsids, list)
		if (n->net == net && n->peer == peer)
			return n;
	return NULL;
}

static struct nsid *by_id(const struct net *net, int id)
{
	struct nsid *n;

	list_for_each_entry(n, &nsids, list)
		if (n->net == net && n->id == id)
			return n;
	return NULL;
}

/* Records a number for @peer. @id -1: the lowest unused number. nsid_lock held. */
static int enter(const struct net *net, const struct net *peer, int id)
{
	struct nsid *n = nr_nsids < NSIDS_MAX ? kmalloc(sizeof(*n), GFP_ATOMIC) : NULL;

	if (!n)
		return -ENOMEM;
	for (int i = 0; id < 0; i++)
		if (!by_id(net, i))
			id = i;
	*n = (struct nsid){ .net = net, .peer = peer, .id = id };
	list_add_tail(&n->list, &nsids);
	nr_nsids++;
	return id;
}

int nsid_get(struct net *net, struct net *peer)
{
	struct nsid *n;
	int id;

	spin_lock(&nsid_lock);
	n = find(net, peer);
	id = n ? n->id : enter(net, peer, -1);
	spin_unlock(&nsid_lock);
	return id < 0 ? -1 : id;
}

void nsids_forget(struct net *net)
{
	struct nsid *n, *next;

	spin_lock(&nsid_lock);
	list_for_each_entry_safe(n, next, &nsids, list) {
		if (n->net == net || n->peer == net) {
			list_del(&n->list);
			kfree(n);
			nr_nsids--;
		}
	}
	spin_unlock(&nsid_lock);
}

static void put_nsid(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	struct rtgenmsg *g = nl_begin(b, req, portid, RTM_NEWNSID, flags, sizeof(*g));

	g->rtgen_family = 0;
	nl_attr_u32(b, NETNSA_NSID, (u32) * (const int *)what);
	nl_end(b);
}

static struct net *named(const struct nlmsghdr *req)
{
	const u32 *pid = nl_find(req, sizeof(struct rtgenmsg), NETNSA_PID, sizeof(u32), NULL);
	const u32 *fd = nl_find(req, sizeof(struct rtgenmsg), NETNSA_FD, sizeof(u32), NULL);
	struct net *peer = link_named_net(pid, fd, false);

	return peer ? peer : ERR_PTR(-EINVAL);
}

int nsid_ask(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg)
{
	const int *id = nl_find(req, sizeof(struct rtgenmsg), NETNSA_NSID, sizeof(int), NULL);
	struct net *peer;
	struct nsid *n;
	int got;

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(struct rtgenmsg)))
		return -EINVAL;
	if (id) {
		spin_lock(&nsid_lock);
		n = by_id(net, *id);
		spin_unlock(&nsid_lock);
		got = n ? *id : -1;
		return emit(arg, put_nsid, &got);
	}
	peer = named(req);
	if (IS_ERR(peer))
		return (int)PTR_ERR(peer);
	spin_lock(&nsid_lock);
	n = find(net, peer);
	got = n ? n->id : -1;
	spin_unlock(&nsid_lock);
	net_put(peer);
	return emit(arg, put_nsid, &got);
}

int nsid_dump(struct net *net, rtnl_emit_fn emit, void *arg)
{
	int at = -1, err = 0;

	while (!err) {
		struct nsid *n;
		int next = -1;

		spin_lock(&nsid_lock);
		list_for_each_entry(n, &nsids, list)
			if (n->net == net && n->id > at && (next < 0 || n->id < next))
				next = n->id;
		spin_unlock(&nsid_lock);
		if (next < 0)
			break;
		at = next;
		err = emit(arg, put_nsid, &at);
	}
	return err;
}

int nsid_set(struct net *net, const struct nlmsghdr *req)
{
	const int *id = nl_find(req, sizeof(struct rtgenmsg), NETNSA_NSID, sizeof(int), NULL);
	struct net *peer;
	int err;

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(struct rtgenmsg)) || !id)
		return -EINVAL;
	peer = named(req);
	if (IS_ERR(peer))
		return (int)PTR_ERR(peer);
	spin_lock(&nsid_lock);
	if (find(net, peer) || (*id >= 0 && by_id(net, *id)))
		err = -EEXIST;
	else
		err = enter(net, peer, *id);
	spin_unlock(&nsid_lock);
	net_put(peer);
	return err < 0 ? err : 0;
}
