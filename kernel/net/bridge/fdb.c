/* SPDX-License-Identifier: MIT */
/*
 * fdb.c: a bridge's forwarding table: the port by which each link address is reached.
 *
 * An entry is learnt from the source of a frame, and expires; or it is the own address of a port or
 * of the bridge; or it was set by hand. An expired entry is ignored, and freed by the next run of
 * the timer.
 *
 * Invariants:
 * 1. An address has at most one entry.
 * 2. At most BR_LEARNED_MAX entries of a bridge, and BR_LEARNED_MAX_ALL of all bridges, are learnt.
 *    Beyond that no address is learnt, and frames to it are flooded.
 * 3. No entry refers to a port that has been removed.
 *
 * Locks: br->lock. Listeners are notified without it.
 */
#include <asm/errno.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/bridge/bridge.h"

#define GC_FIRST (NSEC_PER_SEC / 10)
#define GC_LAST (30 * NSEC_PER_SEC)

static atomic_t nr_learned_all;

static struct hlist_head *bucket(struct bridge *br, const u8 *mac)
{
	u32 low;

	memcpy(&low, mac + 2, sizeof(low));
	return &br->fdb[(low * 0x9e3779b1U) >> (32 - BR_FDB_BITS)];
}

static struct br_fdb *find(struct bridge *br, const u8 *mac)
{
	struct br_fdb *e;

	hlist_for_each_entry(e, bucket(br, mac), node)
		if (!memcmp(e->mac, mac, ETH_ALEN))
			return e;
	return NULL;
}

/* True if the learnt entry @e has expired, which is sooner while the topology changes. */
static bool is_old(const struct bridge *br, const struct br_fdb *e)
{
	u32 hold = br->stp.change ? br->stp.forward_delay : br->ageing;

	return !e->fixed && ktime_get() - e->updated >= hold * BR_TICK;
}

struct br_fdb *br_fdb_find_locked(struct bridge *br, const u8 *mac)
{
	struct br_fdb *e = find(br, mac);

	return e && !is_old(br, e) ? e : NULL;
}

/* ---- adding and removing entries; br->lock held ---- */

static void count(struct bridge *br, const struct br_fdb *e, int by)
{
	if (e->by_hand) {
		br->nr_by_hand += (u32)by;
	} else if (!e->own) {
		br->nr_learned += (u32)by;
		atomic_add(by, &nr_learned_all);
	}
}

static struct br_fdb *insert(struct bridge *br, const struct br_fdb *as)
{
	struct br_fdb *e = kmalloc(sizeof(*e), GFP_ATOMIC);

	assert_spin_held(&br->lock);
	if (!e)
		return NULL;
	*e = *as;
	e->updated = e->used = ktime_get();
	hlist_add_head(&e->node, bucket(br, e->mac));
	count(br, e, 1);
	return e;
}

static void drop(struct bridge *br, struct br_fdb *e)
{
	assert_spin_held(&br->lock);
	hlist_del_init(&e->node);
	count(br, e, -1);
	kfree(e);
}

static void start_gc(struct bridge *br)
{
	u64 wait = br->ageing * BR_TICK / 4;

	if (br->closing || timer_armed(&br->gc))
		return;
	timer_start(&br->gc, ktime_get() + min(max(wait, GC_FIRST), GC_LAST));
}

void br_fdb_info_locked(const struct bridge *br, const struct br_fdb *e, struct br_fdb_info *info)
{
	*info = (struct br_fdb_info){
		.local = e->local,
		.fixed = e->fixed,
		.sticky = e->sticky,
		.old = is_old(br, e),
		.ifindex = e->port ? e->port->dev->ifindex : br->dev->ifindex,
		.master = br->dev->ifindex,
		.port_no = e->port ? e->port->no : 0,
		.updated = e->updated,
		.used = e->used,
	};
	memcpy(info->mac, e->mac, ETH_ALEN);
}

/* ---- learning ---- */

bool br_fdb_learn_locked(struct bridge *br, struct br_port *p, const u8 *mac)
{
	struct br_fdb *e = find(br, mac), as = { .port = p };

	if (!br->ageing || p->gone)
		return false;
	if (e) {
		if (e->local)
			return false;
		e->updated = ktime_get();
		if (e->port == p || e->sticky)
			return false;
		e->port = p;
		return true;
	}
	if (br->nr_learned >= BR_LEARNED_MAX ||
		atomic_read(&nr_learned_all) >= (int)BR_LEARNED_MAX_ALL)
		return false;
	memcpy(as.mac, mac, ETH_ALEN);
	if (!insert(br, &as))
		return false;
	start_gc(br);
	return true;
}

/* ---- ageing and flushing ---- */

/* Entries are removed in portions, since listeners are notified without the lock. */
#define PIECE 16U

struct doomed {
	u32 n;
	struct br_fdb_info info[PIECE];
};

static bool is_doomed(
	const struct bridge *br, const struct br_fdb *e, const struct br_port *p, int what)
{
	if (what < 0)
		return is_old(br, e);
	if (p && e->port != p)
		return false;
	return what == BR_FLUSH_ALL || (!e->fixed && !e->local);
}

static void drop_some(struct bridge *br, const struct br_port *p, int what, struct doomed *d)
{
	struct hlist_node *next;
	struct br_fdb *e;

	for (u32 i = 0; i < ARRAY_SIZE(br->fdb); i++) {
		hlist_for_each_entry_safe(e, next, &br->fdb[i], node) {
			if (d->n == PIECE)
				return;
			if (!is_doomed(br, e, p, what))
				continue;
			br_fdb_info_locked(br, e, &d->info[d->n++]);
			drop(br, e);
		}
	}
}

static void drop_all(struct bridge *br, const struct br_port *p, int what)
{
	struct doomed d;

	do {
		d.n = 0;
		spin_lock(&br->lock);
		drop_some(br, p, what, &d);
		spin_unlock(&br->lock);
		for (u32 i = 0; i < d.n; i++)
			br_fdb_notify(br->dev->net, &d.info[i], RTM_DELNEIGH);
	} while (d.n == PIECE);
}

void br_fdb_flush(struct bridge *br, const struct br_port *p, int what)
{
	drop_all(br, p, what);
}

void br_fdb_gc(struct ktimer *t)
{
	struct bridge *br = container_of(t, struct bridge, gc);

	drop_all(br, NULL, -1);
	spin_lock(&br->lock);
	if (br->nr_learned || br->nr_by_hand)
		start_gc(br);
	spin_unlock(&br->lock);
}

/* Restarts the timer after the ageing time of entries has changed. */
void br_fdb_gc_soon(struct bridge *br)
{
	spin_lock(&br->lock);
	if (!br->closing && (br->nr_learned || br->nr_by_hand))
		timer_start(&br->gc, ktime_get() + GC_FIRST);
	spin_unlock(&br->lock);
}

/* ---- own addresses ---- */

static void add_own(struct bridge *br, struct br_port *p, const u8 *mac)
{
	struct br_fdb as = { .port = p, .local = true, .fixed = true, .own = true }, *e;

	/* a bridge without ports has no address */
	if (!memcmp(mac, as.mac, ETH_ALEN))
		return;
	e = find(br, mac);
	if (e && e->own)
		return; /* another own entry has the address */
	if (e)
		drop(br, e);
	memcpy(as.mac, mac, ETH_ALEN);
	insert(br, &as);
}

void br_fdb_own(struct bridge *br)
{
	struct hlist_node *next;
	struct br_port *p;
	struct br_fdb *e;

	spin_lock(&br->lock);
	for (u32 i = 0; i < ARRAY_SIZE(br->fdb); i++)
		hlist_for_each_entry_safe(e, next, &br->fdb[i], node)
			if (e->own)
				drop(br, e);
	list_for_each_entry(p, &br->ports, list)
		add_own(br, p, p->dev->addr);
	if (!br->closing)
		add_own(br, NULL, br->dev->addr);
	spin_unlock(&br->lock);
}

/* ---- by hand ---- */

/*
 * Makes an entry by hand, in the place of an older one of the same address, and copies it to
 * *@info. br->lock held. Returns 0, -ENOENT, -EEXIST, -ENOSPC or -ENOMEM.
 */
static int put_by_hand(
	struct bridge *br, struct br_port *p, const struct br_fdb_wish *w, struct br_fdb_info *info)
{
	struct br_fdb as = { .port = p, .by_hand = true, .sticky = w->flags & NTF_STICKY }, *e;

	as.local = w->state & NUD_PERMANENT;
	as.fixed = w->state & (NUD_PERMANENT | NUD_NOARP);
	memcpy(as.mac, w->mac, ETH_ALEN);
	e = find(br, w->mac);
	if (!e && !(w->nlflags & NLM_F_CREATE))
		return -ENOENT;
	if (e && w->nlflags & NLM_F_EXCL)
		return -EEXIST;
	if (!(e && e->by_hand) && br->nr_by_hand >= BR_BY_HAND_MAX)
		return -ENOSPC;
	if (e)
		drop(br, e);
	e = insert(br, &as);
	if (!e)
		return -ENOMEM;
	br_fdb_info_locked(br, e, info);
	if (!e->fixed)
		start_gc(br);
	return 0;
}

int br_fdb_add(struct bridge *br, struct br_port *p, const struct br_fdb_wish *w)
{
	static const u8 zero[ETH_ALEN];
	struct br_fdb_info info;
	int err;

	if (!(w->state & (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE)) ||
		!memcmp(w->mac, zero, ETH_ALEN))
		return -EINVAL;
	if (w->flags & NTF_STICKY && w->state & NUD_PERMANENT)
		return -EINVAL;
	if (p && !(w->state & (NUD_PERMANENT | NUD_NOARP)) && p->state != BR_STATE_LEARNING &&
		p->state != BR_STATE_FORWARDING)
		return -EPERM;
	spin_lock(&br->lock);
	err = put_by_hand(br, p, w, &info);
	spin_unlock(&br->lock);
	if (!err)
		br_fdb_notify(br->dev->net, &info, RTM_NEWNEIGH);
	return err;
}

int br_fdb_del(struct bridge *br, const struct br_port *p, const u8 *mac)
{
	struct br_fdb_info info;
	struct br_fdb *e;

	spin_lock(&br->lock);
	e = find(br, mac);
	if (e && e->port != p)
		e = NULL;
	if (e) {
		br_fdb_info_locked(br, e, &info);
		drop(br, e);
	}
	spin_unlock(&br->lock);
	if (!e)
		return -ENOENT;
	br_fdb_notify(br->dev->net, &info, RTM_DELNEIGH);
	return 0;
}

u32 br_fdb_list(struct bridge *br, struct br_fdb_info *info, u32 max)
{
	struct br_fdb *e;
	u32 n = 0;

	spin_lock(&br->lock);
	for (u32 i = 0; i < ARRAY_SIZE(br->fdb); i++)
		hlist_for_each_entry(e, &br->fdb[i], node)
			if (n < max)
				br_fdb_info_locked(br, e, &info[n++]);
	spin_unlock(&br->lock);
	return n;
}
