/* SPDX-License-Identifier: MIT */
/*
 * netlink_group.c: netlink's groups: who is in one, and what they are told.
 *
 *	nl_set_groups(n, mask, want)           joins and leaves
 *	nl_broadcast(net, protocol, group, ..) a message to all members
 *
 * The sockets of a protocol in a namespace have a hub, with a list of each group's members: what is told costs nothing where nobody listens, and does not
 * look at sockets that do not.
 *
 * Invariant: a socket is in the list of each group whose bit is set in groups, by an nl_member in its list `in', and in no other.
 *
 * Locks: nl_lock for all of it. It is innermost but for the queues of sockets.
 */
#include <asm/errno.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/netlink.h"

/* That a socket is in a group. */
struct nl_member {
	struct hlist_node node; /* of hub->groups */
	struct list_head own;   /* of nl_sock.in */
	struct nl_sock *n;
	u32 group;
};

static LIST_HEAD(all_hubs);

/* ---- hubs ---- */

int nl_hub_enter(struct nl_sock *n)
{
	struct nl_hub *fresh = kzalloc(sizeof(*fresh), GFP_KERNEL), **at;

	BUILD_BUG_ON(NETLINK_GENERIC >= NL_PROTOCOLS);
	if (!fresh)
		return -ENOMEM;
	fresh->net = n->c.net;
	fresh->protocol = n->proto->protocol;
	INIT_LIST_HEAD(&n->in);
	spin_lock(&nl_lock);
	at = &n->c.net->nl_hubs[n->proto->protocol];
	if (!*at) {
		*at = fresh;
		list_add_tail(&fresh->list, &all_hubs);
		fresh = NULL;
	}
	n->hub = *at;
	n->hub->socks++;
	spin_unlock(&nl_lock);
	kfree(fresh);
	return 0;
}

static void leave(struct nl_member *m)
{
	assert_spin_held(&nl_lock);
	hlist_del_init(&m->node);
	m->n->hub->members[m->group - 1]--;
	m->n->groups &= ~(1UL << (m->group - 1));
}

struct nl_hub *nl_hub_leave(struct nl_sock *n)
{
	struct nl_member *m, *next;
	struct nl_hub *hub = n->hub;

	assert_spin_held(&nl_lock);
	list_for_each_entry_safe(m, next, &n->in, own) {
		leave(m);
		list_del(&m->own);
		kfree(m);
	}
	if (--hub->socks)
		return NULL;
	n->c.net->nl_hubs[hub->protocol] = NULL;
	list_del(&hub->list);
	return hub;
}

/* ---- coming and going ---- */

/* One for each bit of @groups. False: there was no memory. */
static bool make_members(struct nl_sock *n, u64 groups, struct list_head *to)
{
	for (u32 g = 0; g < NL_GROUPS_MAX; g++) {
		struct nl_member *m;

		if (!(groups >> g & 1))
			continue;
		m = kzalloc(sizeof(*m), GFP_KERNEL);
		if (!m)
			return false;
		m->n = n;
		m->group = g + 1;
		list_add_tail(&m->own, to);
	}
	return true;
}

static void free_members(struct list_head *from)
{
	struct nl_member *m, *next;

	list_for_each_entry_safe(m, next, from, own)
		kfree(m);
}

/* What is left in @spare is to be freed: who has left, and whom another call has brought in meanwhile. */
static void change_groups(struct nl_sock *n, u64 mask, u64 want, struct list_head *spare)
{
	struct nl_hub *hub = n->hub;
	struct nl_member *m, *next;

	list_for_each_entry_safe(m, next, spare, own) {
		u64 bit = 1UL << (m->group - 1);

		if (n->groups & bit)
			continue;
		n->groups |= bit;
		list_move_tail(&m->own, &n->in);
		hlist_add_head(&m->node, &hub->groups[m->group - 1]);
		hub->members[m->group - 1]++;
	}
	list_for_each_entry_safe(m, next, &n->in, own) {
		if (!((mask & ~want) >> (m->group - 1) & 1))
			continue;
		leave(m);
		list_move_tail(&m->own, spare);
	}
}

int nl_set_groups(struct nl_sock *n, u64 mask, u64 want)
{
	LIST_HEAD(spare);
	int err = 0;

	if (!make_members(n, want & ~READ_ONCE(n->groups), &spare))
		err = -ENOMEM;
	spin_lock(&nl_lock);
	if (!err)
		change_groups(n, mask, want, &spare);
	n->has_groups |= !!n->groups;
	spin_unlock(&nl_lock);
	free_members(&spare);
	return err;
}

/* ---- telling ---- */

static void deliver(struct nl_sock *n, const struct nl_msg *m, u32 group)
{
	struct nl_msg *c;

	if (n->proto->wants && !n->proto->wants(n, m->data, m->len))
		return;
	c = nl_msg_new(m->data, m->len, GFP_ATOMIC);
	if (!c)
		return;
	c->from = m->from;
	c->cred = m->cred;
	c->group = group;
	nl_queue_msg(n, c, false);
}

static void tell(struct nl_hub *hub, u32 group, const struct nl_msg *m, const struct nl_sock *but)
{
	struct nl_member *to;

	hlist_for_each_entry(to, &hub->groups[group - 1], node)
		if (to->n != but)
			deliver(to->n, m, group);
}

void nl_to_group(
	struct net *net, int protocol, u32 group, const struct nl_msg *m, const struct nl_sock *but)
{
	struct nl_hub *hub;

	spin_lock(&nl_lock);
	if (net && net->nl_hubs[protocol])
		tell(net->nl_hubs[protocol], group, m, but);
	if (!net)
		list_for_each_entry(hub, &all_hubs, list)
			if (hub->protocol == protocol && hub->net->ns.owner == &init_user_ns)
				tell(hub, group, m, but);
	spin_unlock(&nl_lock);
}

bool nl_has_listeners(struct net *net, int protocol, u32 group)
{
	const struct nl_hub *hub;
	bool yes;

	spin_lock(&nl_lock);
	hub = net->nl_hubs[protocol];
	yes = hub && hub->members[group - 1];
	spin_unlock(&nl_lock);
	return yes;
}

void nl_broadcast_but(struct net *net, int protocol, u32 group, const void *data, u32 len,
	const struct nl_sock *but)
{
	struct nl_msg *m;

	if (net && !nl_has_listeners(net, protocol, group))
		return;
	m = nl_msg_new(data, len, GFP_ATOMIC); /* what a timer has changed is told, too */
	if (m)
		nl_to_group(net, protocol, group, m, but);
	kfree(m);
}

void nl_broadcast(struct net *net, int protocol, u32 group, const void *data, u32 len)
{
	nl_broadcast_but(net, protocol, group, data, len, NULL);
}
