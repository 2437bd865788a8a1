/* SPDX-License-Identifier: MIT */
/*
 * xt_keep.c: matches of iptables with state: recent (lists of addresses with the times when they
 * were seen), statistic, connlimit.
 *
 * A list of "recent" belongs to all rules of the namespace that name it, and is freed with the last
 * of them. It has at most RECENT_MAX addresses; a new address replaces the one that was not seen
 * for the longest time. Each address counts as an object of the namespace.
 * Lock: nn->lock for the addresses of a list; nfnl_mutex for the set of lists, and for their users.
 */
#include <linux/netfilter/xt_connlimit.h>
#include <linux/netfilter/xt_recent.h>
#include <linux/netfilter/xt_statistic.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/net/netfilter/conntrack.h"
#include "kernel/net/netfilter/nft_count.h"
#include "kernel/net/netfilter/xt.h"

#define RECENT_MAX 100U
#define STAMPS_MIN 16U
#define STAMPS_MAX 256U

/* ---- recent ---- */

struct seen {
	struct list_head list; /* in recent.seen, the last seen at the end */
	ip_addr addr;
	u8 ttl;
	/* number of stamps; index of the next stamp; size of `stamps` */
	u32 n, at, cap;
	u64 stamps[]; /* ktime_get(), ns, as a ring */
};

struct recent {
	struct list_head list;
	struct list_head seen;
	u32 users, n, stamps; /* stamps: size for new entries */
	char name[XT_RECENT_NAME_LEN];
};

static int check_recent(const void *i)
{
	const struct xt_recent_mtinfo *m = i;
	u8 what = m->check_set &
		  (XT_RECENT_SET | XT_RECENT_REMOVE | XT_RECENT_CHECK | XT_RECENT_UPDATE);

	if (m->check_set & ~XT_RECENT_VALID_FLAGS || !what || what & (what - 1))
		return -EINVAL;
	if (what & (XT_RECENT_SET | XT_RECENT_REMOVE) &&
		(m->seconds || m->hit_count || m->check_set & XT_RECENT_MODIFIERS))
		return -EINVAL;
	if (m->check_set & XT_RECENT_REAP && !m->seconds)
		return -EINVAL;
	if (m->hit_count >= STAMPS_MAX || !m->name[0] ||
		strnlen(m->name, sizeof(m->name)) == sizeof(m->name) || strchr(m->name, '/'))
		return -EINVAL;
	return 0;
}

/*
 * Returns the list that a rule of xt_recent names, with one user more, and makes it if needed.
 * nfnl_mutex held. ERR_PTR: -ENOSPC or -ENOMEM.
 */
static void *open_recent(struct nft_ctx *c, const void *i)
{
	const struct xt_recent_mtinfo *m = i;
	struct recent *t;
	u32 stamps = STAMPS_MIN;

	while (stamps < m->hit_count)
		stamps *= 2;
	list_for_each_entry(t, &c->nn->recent, list) {
		if (strcmp(t->name, m->name))
			continue;
		t->users++;
		spin_lock(&c->nn->lock); /* packets read t->stamps */
		t->stamps = max(t->stamps, stamps);
		spin_unlock(&c->nn->lock);
		return t;
	}
	if (nft_count(c->nn))
		return ERR_PTR(-ENOSPC);
	t = kzalloc(sizeof(*t), NFT_GFP);
	if (!t) {
		nft_uncount(c->nn);
		return ERR_PTR(-ENOMEM);
	}
	INIT_LIST_HEAD(&t->seen);
	t->users = 1;
	t->stamps = stamps;
	strscpy(t->name, m->name, sizeof(t->name));
	list_add_tail(&t->list, &c->nn->recent);
	return t;
}

static void forget(struct nft_net *nn, struct recent *t, struct seen *e)
{
	list_del(&e->list);
	t->n--;
	nft_uncount(nn);
	kfree(e);
}

static void close_recent(struct nft_net *nn, void *state)
{
	struct recent *t = state;

	if (--t->users)
		return;
	while (!list_empty(&t->seen))
		forget(nn, t, list_first_entry(&t->seen, struct seen, list));
	list_del(&t->list);
	nft_uncount(nn);
	kfree(t);
}

static struct seen *find_seen(struct recent *t, const ip_addr *a, u8 ttl)
{
	struct seen *e;

	list_for_each_entry(e, &t->seen, list)
		if (ip_equal(&e->addr, a) && (!ttl || e->ttl == ttl))
			return e;
	return NULL;
}

static void stamp(struct recent *t, struct seen *e, u8 ttl)
{
	e->stamps[e->at] = ktime_get();
	e->at = (e->at + 1) % e->cap;
	e->n = min(e->n + 1, e->cap);
	e->ttl = ttl;
	list_move_tail(&e->list, &t->seen);
}

/*
 * Makes an entry with room for t->stamps stamps, and copies those of @old, which may be NULL.
 * Returns NULL if there is no memory.
 */
static struct seen *alloc_seen(const struct recent *t, const ip_addr *a, const struct seen *old)
{
	u32 cap = t->stamps;
	struct seen *e =
		kzalloc(sizeof(*e) + cap * sizeof(e->stamps[0]), GFP_ATOMIC | __GFP_ACCOUNT);

	if (!e)
		return NULL;
	e->addr = *a;
	e->cap = cap;
	for (u32 k = 0; old && k < old->n; k++)
		e->stamps[e->n++] = old->stamps[(old->at + old->cap - old->n + k) % old->cap];
	e->at = e->n % e->cap;
	return e;
}

/*
 * Adds an entry; if the list is full, in place of the oldest. Returns NULL if there is no memory,
 * or the namespace has too many objects.
 */
static struct seen *new_seen(struct nft_net *nn, struct recent *t, const ip_addr *a)
{
	struct seen *e;

	if (t->n >= RECENT_MAX)
		forget(nn, t, list_first_entry(&t->seen, struct seen, list));
	if (nft_count(nn))
		return NULL;
	e = alloc_seen(t, a, NULL);
	if (!e) {
		nft_uncount(nn);
		return NULL;
	}
	list_add_tail(&e->list, &t->seen);
	t->n++;
	return e;
}

/*
 * Enlarges an entry, since a rule that needs more stamps was added after it. Returns @old if there
 * is no memory.
 */
static struct seen *grow(const struct recent *t, struct seen *old)
{
	struct seen *e = alloc_seen(t, &old->addr, old);

	if (!e)
		return old;
	e->ttl = old->ttl;
	list_add(&e->list, &old->list);
	list_del(&old->list);
	kfree(old);
	return e;
}

static bool seen_enough(const struct xt_recent_mtinfo_v1 *m, const struct seen *e)
{
	u64 now = ktime_get(), span = m->seconds * NSEC_PER_SEC;
	u32 hits = 0;

	for (u32 k = 0; k < e->n; k++) {
		if (m->seconds && e->stamps[k] + span < now)
			continue;
		if (!m->hit_count || ++hits >= m->hit_count)
			return true;
	}
	return false;
}

/* Removes the address that was seen least recently, if that was more than @seconds ago. */
static void reap(struct nft_net *nn, struct recent *t, u32 seconds)
{
	struct seen *e;

	if (list_empty(&t->seen))
		return;
	e = list_first_entry(&t->seen, struct seen, list);
	if (e->stamps[(e->at + e->cap - 1) % e->cap] + seconds * NSEC_PER_SEC < ktime_get())
		forget(nn, t, e);
}

/*
 * Tests and updates the entry of @a, an address of the packet, in list @t. nn->lock held. True if
 * the packet matches.
 */
static bool do_recent(const struct nft_pkt *p, const struct xt_recent_mtinfo_v1 *m,
	const ip_addr *a, struct recent *t)
{
	struct nft_net *nn = p->net->nf.nft;
	bool hit = false;
	struct seen *e;
	u8 ttl;

	skb_copy(p->skb, p->v6 ? 7 : 8, &ttl, 1);
	e = find_seen(t, a, m->check_set & XT_RECENT_TTL ? ttl : 0);
	if (!e && !(m->check_set & XT_RECENT_SET))
		return m->invert;
	if (e && e->cap < t->stamps)
		e = grow(t, e);
	else if (!e)
		e = new_seen(nn, t, a);
	if (!e)
		return false;
	if (m->check_set & XT_RECENT_SET) {
		hit = true;
	} else if (m->check_set & XT_RECENT_REMOVE) {
		forget(nn, t, e);
		return !m->invert;
	} else {
		hit = seen_enough(m, e);
		if (m->check_set & XT_RECENT_REAP && !hit) {
			reap(nn, t, m->seconds);
			e = find_seen(t, a, 0);
		}
	}
	if (e && (m->check_set & XT_RECENT_SET ||
			 (m->check_set & XT_RECENT_UPDATE && hit != m->invert)))
		stamp(t, e, ttl);
	return hit != m->invert;
}

static bool recent1(const struct nft_pkt *p, const void *i, void *state)
{
	const struct xt_recent_mtinfo_v1 *m = i;
	ip_addr src, dst, *a = m->side == XT_RECENT_DEST ? &dst : &src;

	nf_addrs(p->skb, p->v6, &src, &dst);
	if (!p->v6)
		a->w[3] &= m->mask.ip;
	for (u32 k = 0; k < 4 && p->v6; k++)
		a->w[k] &= m->mask.ip6[k];
	return do_recent(p, m, a, state);
}

static bool recent0(const struct nft_pkt *p, const void *i, void *state)
{
	struct xt_recent_mtinfo_v1 m;

	memcpy(&m, i, sizeof(struct xt_recent_mtinfo));
	memset(&m.mask, 0xff, sizeof(m.mask));
	return recent1(p, &m, state);
}
BUILD_BUG_ON(offsetof(struct xt_recent_mtinfo, side) != offsetof(struct xt_recent_mtinfo_v1, side));

/* ---- statistic ---- */

static int check_statistic(const void *i)
{
	const struct xt_statistic_info *m = i;

	return m->mode > XT_STATISTIC_MODE_MAX || m->flags & ~XT_STATISTIC_MASK ? -EINVAL : 0;
}

static void *open_statistic(struct nft_ctx *c, const void *i)
{
	const struct xt_statistic_info *m = i;
	u32 *count = kmalloc(sizeof(*count), NFT_GFP);

	if (!count)
		return ERR_PTR(-ENOMEM);
	*count = m->mode == XT_STATISTIC_MODE_NTH ? m->u.nth.count : 0;
	return count;
}

static void close_statistic(struct nft_net *nn, void *state)
{
	kfree(state);
}

static bool statistic(const struct nft_pkt *p, const void *i, void *state)
{
	const struct xt_statistic_info *m = i;
	bool invert = m->flags & XT_STATISTIC_INVERT;
	u32 n, *count = state;

	if (m->mode == XT_STATISTIC_MODE_RANDOM) {
		arch_random(&n, sizeof(n));
		return ((n & 0x7fffffff) < m->u.random.probability) != invert;
	}
	*count = *count >= m->u.nth.every ? 0 : *count + 1;
	return !*count != invert;
}

/* ---- connlimit ---- */

static void *open_connlimit(struct nft_ctx *c, const void *i)
{
	struct ct_counts *t = kzalloc(sizeof(*t), NFT_GFP);

	return t ? t : ERR_PTR(-ENOMEM);
}

static void close_connlimit(struct nft_net *nn, void *state)
{
	ct_counts_end(nn, state);
	kfree(state);
}

static bool connlimit(const struct nft_pkt *p, const void *i, void *state)
{
	const struct xt_connlimit_info *m = i;
	ip_addr src, dst, *a = m->flags & XT_CONNLIMIT_DADDR ? &dst : &src;
	u32 n;

	nf_addrs(p->skb, p->v6, &src, &dst);
	if (!p->v6)
		a->w[3] &= m->mask.ip;
	for (u32 k = 0; k < 4 && p->v6; k++)
		a->w[k] &= m->mask.ip6[k];
	n = ct_counts_see(p, state, a);
	return (n > m->limit) != !!(m->flags & XT_CONNLIMIT_INVERT);
}

const struct xt_kind xt_keep_matches[] = {
	{ "recent", 0, 0, sizeof(struct xt_recent_mtinfo), .check = check_recent,
		.open = open_recent, .close = close_recent, .keeps = recent0 },
	{ "recent", 1, 0, sizeof(struct xt_recent_mtinfo_v1), .check = check_recent,
		.open = open_recent, .close = close_recent, .keeps = recent1 },
	{ "statistic", 0, 0, sizeof(struct xt_statistic_info), .check = check_statistic,
		.open = open_statistic, .close = close_statistic, .keeps = statistic },
	{ "connlimit", 1, 0, sizeof(struct xt_connlimit_info), .tracks = true,
		.open = open_connlimit, .close = close_connlimit, .keeps = connlimit },
	{ NULL },
};
