/* SPDX-License-Identifier: MIT */
/*
 * sock_cgroup.c: net_cls and net_prio of cgroup version 1: a class and a priority index in each
 * socket, and a table of priorities by index in each card.
 *
 * Packets have both numbers. The filter uses the class (struct flow, skb->classid). dev_xmit() uses
 * the index: it looks up the priority in the card's table, unless the packet has a priority of its
 * own. Only cards of the first namespace have such a table, as on Linux.
 *
 * Locks: init_net.lock for the list of cards, then prio_lock, innermost, for their tables.
 */
#include <asm/errno.h>

#include "kernel/cgroup/cgroup.h"
#include "kernel/cgroup/v1.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/net.h"
#include "kernel/net/link/netdev.h"
#include "kernel/net/socket/skb.h"
#include "kernel/net/socket/sock_cgroup.h"
#include "kernel/net/socket/socket.h"
#include "kernel/vfs/vfs.h"

#define MAP_LEAST 64 /* entries */

struct prio_map {
	u32 len, prio[];
};
static DEFINE_SPINLOCK(prio_lock);

/* ---- sockets ---- */

static void mark(struct sock_common *sk, u32 which, const struct cgroup1_net_ids *ids)
{
	if (which & CG1_NET_CLS)
		WRITE_ONCE(sk->classid, ids->classid);
	if (which & CG1_NET_PRIO)
		WRITE_ONCE(sk->prioidx, ids->prioidx);
}

static void mark_file(struct file *f, u32 which, const struct cgroup1_net_ids *ids)
{
	struct socket *s = file_socket(f);

	if (s && s->sk)
		mark(s->sk, which, ids);
}

void sock_cgroup_own(struct sock_common *sk)
{
	struct cgroup1_net_ids ids;

	cgroup1_net_ids(current, &ids);
	mark(sk, CG1_NETWORK, &ids);
}

void sock_cgroup_received(struct file *f)
{
	struct cgroup1_net_ids ids;

	cgroup1_net_ids(current, &ids);
	mark_file(f, CG1_NETWORK, &ids);
}

static void mark_open(struct task *t, u32 which)
{
	struct cgroup1_net_ids ids;
	struct file *f;

	cgroup1_net_ids(t, &ids);
	for (int fd = 0; (f = fget_task_next(t, &fd)); fd++) {
		mark_file(f, which, &ids);
		fput(f);
		cond_resched();
	}
}

/* ---- priorities; under prio_lock ---- */

static u32 get_prio(const struct net_device *dev, u32 prioidx)
{
	const struct prio_map *m = dev->prio_map;

	return m && prioidx < m->len ? m->prio[prioidx] : 0;
}

/* Makes a table with an entry for @prioidx. May sleep. */
static struct prio_map *new_map(u32 prioidx)
{
	struct prio_map *m;
	u32 len = MAP_LEAST;

	while (len <= prioidx)
		len *= 2;
	m = kzalloc(sizeof(*m) + len * sizeof(u32), GFP_KERNEL | __GFP_ACCOUNT);
	if (m)
		m->len = len;
	return m;
}

/*
 * Sets a priority. Returns 0, or -EAGAIN if the table must be extended and *spare is NULL or too
 * short. To extend it, makes *spare the table, and sets *spare to the old one, which the caller
 * frees. The value 0 needs no extension, since entries beyond the end are 0.
 */
static int set_prio(struct net_device *dev, u32 prioidx, u32 prio, struct prio_map **spare)
{
	struct prio_map *m = dev->prio_map, *wider = *spare;

	if (!m || prioidx >= m->len) {
		if (!prio)
			return 0;
		if (!wider || wider->len <= prioidx)
			return -EAGAIN;
		if (m)
			memcpy(wider->prio, m->prio, m->len * sizeof(u32));
		WRITE_ONCE(dev->prio_map, wider);
		*spare = m;
		m = wider;
	}
	m->prio[prioidx] = prio;
	return 0;
}

/* ---- cards ---- */

void sock_cgroup_priority(struct net_device *dev, struct sk_buff *skb)
{
	if (skb->priority || !skb->prioidx)
		return;
	spin_lock(&prio_lock);
	skb->priority = get_prio(dev, skb->prioidx);
	spin_unlock(&prio_lock);
}

void sock_cgroup_forget(struct net_device *dev)
{
	struct prio_map *m;

	spin_lock(&prio_lock);
	m = dev->prio_map;
	WRITE_ONCE(dev->prio_map, NULL);
	spin_unlock(&prio_lock);
	kfree(m);
}

/*
 * Returns the card with the name @name. With @name NULL, returns the next card by ifindex after
 * *after, and sets *after to its ifindex. NULL: no such card. init_net.lock held.
 */
static struct net_device *card(const char *name, int *after)
{
	struct net_device *dev;

	if (name)
		return netdev_by_name(&init_net, name);
	list_for_each_entry(dev, &init_net.devs.list, list) {
		if (dev->ifindex > *after) {
			*after = dev->ifindex;
			return dev;
		}
	}
	return NULL;
}

/*
 * Sets the priority of a card, found by name or as the next after *after: to @prio, or to its
 * priority of index *@from. -ENODEV: there is no such card.
 */
static int set_one(const char *name, int *after, u32 prioidx, u32 prio, const u32 *from)
{
	struct prio_map *spare = NULL;
	struct net_device *dev;
	int err, at = *after;

	do {
		err = -ENODEV;
		spin_lock(&init_net.lock);
		*after = at;
		dev = card(name, after);
		spin_lock(&prio_lock);
		if (dev)
			err = set_prio(dev, prioidx, from ? get_prio(dev, *from) : prio, &spare);
		spin_unlock(&prio_lock);
		spin_unlock(&init_net.lock);
		if (err != -EAGAIN)
			break;
		spare = new_map(prioidx);
	} while (spare);
	kfree(spare);
	return err == -EAGAIN ? -ENOMEM : err;
}

static int set_of_card(u32 prioidx, const char *name, u32 prio)
{
	return set_one(name, &(int){ 0 }, prioidx, prio, NULL);
}

static int copy_all(u32 from, u32 to)
{
	int err, after = 0;

	do {
		err = set_one(NULL, &after, to, 0, &from);
		cond_resched();
	} while (!err);
	return err == -ENODEV ? 0 : err;
}

static bool show_nth(u32 prioidx, u32 nth, char name[16], u32 *prio)
{
	struct net_device *dev;
	bool found = false;

	spin_lock(&init_net.lock);
	spin_lock(&prio_lock);
	list_for_each_entry(dev, &init_net.devs.list, list)
		if (!nth--) {
			strscpy(name, dev->name, IFNAMSIZ);
			*prio = get_prio(dev, prioidx);
			found = true;
			break;
		}
	spin_unlock(&prio_lock);
	spin_unlock(&init_net.lock);
	return found;
}

static const struct cgroup1_net_ops ops = {
	.mark = mark_open,
	.set = set_of_card,
	.copy = copy_all,
	.show = show_nth,
	.received = sock_cgroup_received,
};

static int sock_cgroup_init(void)
{
	cgroup1_net = &ops;
	return 0;
}
INITCALL(2, sock_cgroup_init);
