/* SPDX-License-Identifier: MIT */
/*
 * xt_rate.c: matches of iptables that measure rates or amounts: hashlimit (a rate for each address,
 * port or pair of them), quota.
 *
 * A table of hashlimit belongs to all rules of the namespace and family that name it, has the
 * settings of the first of them, and is freed with the last. An entry has the masked addresses and
 * ports that the mode selects. It expires when no packet has matched it for cfg.expire ms; expired
 * entries are freed every cfg.gc_interval ms. Each entry counts as an object of the namespace, and
 * a table has at most cfg.max entries.
 *
 * Credits count what an entry may still let pass. For a rate of packets, a credit is a microsecond,
 * and a packet costs `avg`, in revision 1 a hundred times `avg`. For a rate of bytes, 2^32 credits
 * are a second, and each 16 bytes cost `avg`; the burst is a number of seconds whose credit is
 * given in advance. A rule with RATE_MATCH compares rates instead: a packet is over the limit if
 * the last interval had more than its share, or this interval has more than share and burst allow.
 * Lock: nn->lock for the entries; nfnl_mutex for the set of tables, and for their users.
 */
#define _LINUX_IF_H /* <linux/if.h> needs libc */
#define IFNAMSIZ 16
#include <linux/netfilter/xt_hashlimit.h>
#include <linux/netfilter/xt_quota.h>

#include "kernel/net/netfilter/conntrack.h"
#include "kernel/net/netfilter/xt.h"

/* ---- hashlimit ---- */

#define SIZE_DEFAULT 8192U
#define SIZE_MAX_ 1048576U
#define SECOND (1UL << 32) /* credits of a second, for bytes */
#define MODES                                                                                      \
	((u32)(XT_HASHLIMIT_HASH_DIP | XT_HASHLIMIT_HASH_DPT | XT_HASHLIMIT_HASH_SIP |             \
		XT_HASHLIMIT_HASH_SPT | XT_HASHLIMIT_INVERT | XT_HASHLIMIT_BYTES |                 \
		XT_HASHLIMIT_RATE_MATCH))

struct limit_key {
	ip_addr src, dst;
	u16 sport, dport;
	u32 zero;
};

struct limit_entry {
	/* in limit_table.entries, last used at the end */
	struct list_head list;
	struct rb_node node;
	struct limit_key key;
	/*
	 * both ktime_get(), ns; at: time up to which credit was added, or the start of the interval
	 */
	u64 expires, at;
	u64 credit, bursts;
	u64 seen; /* packets or bytes in this interval */
	bool was_over;
};

struct limit_table {
	struct list_head list, entries;
	struct rb_root root;
	struct hashlimit_cfg3 cfg;
	u64 next_gc;
	u32 users, n;
	u8 family, rev;
	char name[NAME_MAX];
};

/* State of a rule. */
struct limiter {
	struct limit_table *t;
	bool invert;
};

/*
 * Converts the settings of revision 1, whose rates have 32 bits, or 2, which has no interval, into
 * those of revision 3.
 */
#define NEWEST(c)                                                                                  \
	((struct hashlimit_cfg3){ .avg = (c).avg,                                                  \
		.burst = (c).burst,                                                                \
		.mode = (c).mode,                                                                  \
		.size = (c).size,                                                                  \
		.max = (c).max,                                                                    \
		.gc_interval = (c).gc_interval,                                                    \
		.expire = (c).expire,                                                              \
		.srcmask = (c).srcmask,                                                            \
		.dstmask = (c).dstmask })

static struct hashlimit_cfg3 cfg1(const void *i)
{
	return NEWEST(((const struct xt_hashlimit_mtinfo1 *)i)->cfg);
}

static struct hashlimit_cfg3 cfg2(const void *i)
{
	return NEWEST(((const struct xt_hashlimit_mtinfo2 *)i)->cfg);
}

static int check_cfg(const struct hashlimit_cfg3 *c, u8 rev, u8 family)
{
	u32 bits = family == NFPROTO_IPV4 ? 32 : 128;
	u64 all;

	if (!c->gc_interval || !c->expire || c->srcmask > bits || c->dstmask > bits ||
		c->mode & ~MODES)
		return -EINVAL;
	if (rev >= 3 && c->mode & XT_HASHLIMIT_RATE_MATCH) {
		if (!c->avg || c->avg > ~0U)
			return -ERANGE;
		return c->interval ? 0 : -EINVAL;
	}
	if (c->mode & XT_HASHLIMIT_BYTES)
		return c->avg <= 1 ? -EINVAL : 0;
	return !c->burst || __builtin_mul_overflow(c->avg, c->burst, &all) || all > ~0UL / 100 ?
		       -ERANGE :
		       0;
}

static int check_name(const char *name, u32 size)
{
	if (!name[0] || strnlen(name, size) == size || strchr(name, '/') || !strcmp(name, ".") ||
		!strcmp(name, ".."))
		return -EINVAL;
	return 0;
}

static struct limit_table *new_limits(
	struct nft_net *nn, const struct hashlimit_cfg3 *c, const char *name, u8 family, u8 rev)
{
	struct limit_table *t;
	u32 size = c->size ? min(c->size, SIZE_MAX_) : SIZE_DEFAULT;

	if (nft_count(nn))
		return ERR_PTR(-ENOSPC);
	t = kzalloc(sizeof(*t), NFT_GFP);
	if (!t) {
		nft_uncount(nn);
		return ERR_PTR(-ENOMEM);
	}
	INIT_LIST_HEAD(&t->entries);
	t->cfg = *c;
	t->cfg.max = c->max ? max(c->max, size) : 8 * size;
	t->family = family;
	t->rev = rev;
	strscpy(t->name, name, sizeof(t->name));
	list_add_tail(&t->list, &nn->limits);
	return t;
}

/*
 * Returns a new limiter of a rule, with a reference to the table called @name, which is made if
 * needed. @size: bytes of the name's field; @rev: revision of hashlimit. nfnl_mutex held. ERR_PTR
 * on error.
 */
static void *open_limit(
	struct nft_ctx *c, const struct hashlimit_cfg3 *cfg, const char *name, u32 size, u8 rev)
{
	u8 family = c->table->family;
	int err = check_name(name, size);
	struct limit_table *t;
	struct limiter *l;

	if (!err)
		err = check_cfg(cfg, rev, family);
	if (err)
		return ERR_PTR(err);
	l = kzalloc(sizeof(*l), NFT_GFP);
	if (!l)
		return ERR_PTR(-ENOMEM);
	l->invert = cfg->mode & XT_HASHLIMIT_INVERT;
	list_for_each_entry(t, &c->nn->limits, list)
		if (t->family == family && !strcmp(t->name, name))
			l->t = t;
	if (!l->t)
		l->t = new_limits(c->nn, cfg, name, family, rev);
	if (IS_ERR(l->t)) {
		err = PTR_ERR(l->t);
		kfree(l);
		return ERR_PTR(err);
	}
	l->t->users++;
	return l;
}

static void *open_limit1(struct nft_ctx *c, const void *i)
{
	struct hashlimit_cfg3 cfg = cfg1(i);

	return open_limit(c, &cfg, ((const struct xt_hashlimit_mtinfo1 *)i)->name, IFNAMSIZ, 1);
}

static void *open_limit2(struct nft_ctx *c, const void *i)
{
	struct hashlimit_cfg3 cfg = cfg2(i);

	return open_limit(c, &cfg, ((const struct xt_hashlimit_mtinfo2 *)i)->name, NAME_MAX, 2);
}

static void *open_limit3(struct nft_ctx *c, const void *i)
{
	const struct xt_hashlimit_mtinfo3 *m = i;

	return open_limit(c, &m->cfg, m->name, NAME_MAX, 3);
}

static void end_entry(struct nft_net *nn, struct limit_table *t, struct limit_entry *e)
{
	list_del(&e->list);
	rb_erase(&e->node, &t->root);
	t->n--;
	kfree(e);
	nft_uncount(nn);
}

static void close_limit(struct nft_net *nn, void *state)
{
	struct limit_table *t = ((struct limiter *)state)->t;

	kfree(state);
	if (--t->users)
		return;
	while (!list_empty(&t->entries))
		end_entry(nn, t, list_first_entry(&t->entries, struct limit_entry, list));
	list_del(&t->list);
	kfree(t);
	nft_uncount(nn);
}

static void mask_addr(ip_addr *a, u32 bits)
{
	for (u32 k = ip_is_v4(a) ? 3 : 0, n = bits; k < 4; k++) {
		a->w[k] &= n >= 32 ? ~0U : n ? htonl(~0U << (32 - n)) : 0;
		n = n >= 32 ? n - 32 : 0;
	}
}

static bool has_ports(u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE ||
	       proto == IPPROTO_SCTP || proto == IPPROTO_DCCP;
}

static void key_of(const struct nft_pkt *p, const struct hashlimit_cfg3 *c, struct limit_key *k)
{
	u16 ports[2];

	memset(k, 0, sizeof(*k));
	nf_addrs(p->skb, p->v6, &k->src, &k->dst);
	if (c->mode & XT_HASHLIMIT_HASH_SIP)
		mask_addr(&k->src, c->srcmask);
	else
		memset(&k->src, 0, sizeof(k->src));
	if (c->mode & XT_HASHLIMIT_HASH_DIP)
		mask_addr(&k->dst, c->dstmask);
	else
		memset(&k->dst, 0, sizeof(k->dst));
	if (!(c->mode & (XT_HASHLIMIT_HASH_SPT | XT_HASHLIMIT_HASH_DPT)) || !has_ports(p->proto) ||
		!xt_read_l4(p, ports, sizeof(ports)))
		return;
	if (c->mode & XT_HASHLIMIT_HASH_SPT)
		k->sport = ports[0];
	if (c->mode & XT_HASHLIMIT_HASH_DPT)
		k->dport = ports[1];
}

/*
 * Finds the entry for a key. If there is none, returns NULL, and sets *@parent and *@link to where
 * rb_link_node() is to link a new entry.
 */
static struct limit_entry *find_entry(struct limit_table *t, const struct limit_key *k,
	struct rb_node **parent, struct rb_node ***link)
{
	*parent = NULL;
	*link = &t->root.node;
	while (**link) {
		struct limit_entry *e = rb_entry(**link, struct limit_entry, node);
		int d = memcmp(k, &e->key, sizeof(*k));

		if (!d)
			return e;
		*parent = **link;
		*link = d < 0 ? &(*parent)->left : &(*parent)->right;
	}
	return NULL;
}

static u64 cost_of_packet(const struct limit_table *t)
{
	return t->rev == 1 ? t->cfg.avg * 100 : t->cfg.avg;
}

static u64 most_credit(const struct limit_table *t)
{
	return t->cfg.mode & XT_HASHLIMIT_BYTES ? SECOND : cost_of_packet(t) * t->cfg.burst;
}

/* Makes an entry. Returns NULL if there is no room. */
static struct limit_entry *new_entry(struct nft_net *nn, struct limit_table *t,
	const struct limit_key *k, struct rb_node *parent, struct rb_node **link)
{
	struct limit_entry *e;

	if (t->n >= t->cfg.max || nft_count(nn))
		return NULL;
	e = kzalloc(sizeof(*e), GFP_ATOMIC | __GFP_ACCOUNT);
	if (!e) {
		nft_uncount(nn);
		return NULL;
	}
	e->key = *k;
	e->at = ktime_get();
	e->credit = most_credit(t);
	e->bursts = t->cfg.burst;
	rb_link_node(&e->node, parent, link);
	rb_insert_color(&e->node, &t->root);
	list_add_tail(&e->list, &t->entries);
	t->n++;
	return e;
}

static void collect(struct nft_net *nn, struct limit_table *t, struct nf_state *s, u64 now)
{
	if (now < t->next_gc)
		return;
	t->next_gc = now + t->cfg.gc_interval * NSEC_PER_MSEC;
	while (!list_empty(&t->entries)) {
		struct limit_entry *e = list_first_entry(&t->entries, struct limit_entry, list);

		if (e->expires > now)
			break;
		end_entry(nn, t, e);
		s->work++;
	}
}

/* Adds the credit for the time since e->at. */
static void earn(const struct limit_table *t, struct limit_entry *e, u64 now)
{
	u64 most = most_credit(t), us = (now - e->at) / 1000, more;

	e->at += us * 1000;
	if (t->cfg.mode & XT_HASHLIMIT_BYTES)
		more = us >= 1000000 ? SECOND : us * SECOND / 1000000;
	else
		more = us;
	e->credit = more >= most - e->credit ? most : e->credit + more;
}

/*
 * Takes the packet's cost from the credit. With rates of bytes, uses up a second of the burst if
 * the credit does not suffice. Returns false if the packet is over the limit.
 */
static bool pay(const struct limit_table *t, struct limit_entry *e, u32 len)
{
	u64 cost = cost_of_packet(t);

	if (t->cfg.mode & XT_HASHLIMIT_BYTES) {
		cost = ((len >> XT_HASHLIMIT_BYTE_SHIFT) + 1) * min(t->cfg.avg, SECOND);
		cost = min(cost, SECOND);
		if (e->credit < cost && e->bursts) {
			e->bursts--;
			e->credit = SECOND;
		}
	}
	if (e->credit < cost)
		return false;
	e->credit -= cost;
	return true;
}

/*
 * Returns the packets or bytes that an interval may have without putting the next one over the
 * limit, and in *@first those that it may let pass, which include the burst. (`avg` is the inverse
 * of the rate.)
 */
static u64 share(const struct hashlimit_cfg3 *c, u64 *first)
{
	u64 rate = c->mode & XT_HASHLIMIT_BYTES ?
			   (u64)(~0U / (u32)c->avg - 1) << XT_HASHLIMIT_BYTE_SHIFT :
			   XT_HASHLIMIT_SCALE_v2 / c->avg;

	if (!(c->mode & XT_HASHLIMIT_BYTES))
		*first = c->burst + rate;
	else if (!c->burst || __builtin_mul_overflow(rate, c->burst, first))
		*first = rate;
	return rate;
}

static u64 times(u64 a, u64 b)
{
	u64 c;

	return __builtin_mul_overflow(a, b, &c) ? ~0UL : c;
}

static bool within_rate(const struct limit_table *t, struct limit_entry *e, u32 len, u64 now)
{
	u64 first, rate = share(&t->cfg, &first), span = t->cfg.interval * 1000UL;
	u64 gone = (now - e->at) / NSEC_PER_MSEC;

	if (gone >= span) {
		e->was_over = times(e->seen, span) > times(rate, gone);
		e->seen = 0;
		e->at = now;
	}
	e->seen += t->cfg.mode & XT_HASHLIMIT_BYTES ? len : 1;
	return !e->was_over && e->seen <= first;
}

/* Matches by rate. Drops the packet if there is no memory or room for its entry. */
static bool hashlimit(const struct nft_pkt *p, const void *i, void *state)
{
	const struct limiter *l = state;
	struct limit_table *t = l->t;
	bool ok;
	struct nft_net *nn = p->net->nf.nft;
	struct rb_node *parent, **link;
	u64 now = ktime_get();
	struct limit_entry *e;
	struct limit_key k;
	u32 len = skb_len(p->skb);

	collect(nn, t, p->s, now);
	key_of(p, &t->cfg, &k);
	e = find_entry(t, &k, &parent, &link);
	if (!e)
		e = new_entry(nn, t, &k, parent, link);
	if (!e) {
		p->s->drop = true;
		return false;
	}
	list_move_tail(&e->list, &t->entries);
	e->expires = now + t->cfg.expire * NSEC_PER_MSEC;
	if (t->rev >= 3 && t->cfg.mode & XT_HASHLIMIT_RATE_MATCH) {
		ok = within_rate(t, e, len, now);
	} else {
		earn(t, e, now);
		ok = pay(t, e, len);
	}
	return ok != l->invert;
}

/* ---- quota ---- */

static int check_quota(const void *i)
{
	return ((const struct xt_quota_info *)i)->flags & ~XT_QUOTA_MASK ? -EINVAL : 0;
}

static void *open_quota(struct nft_ctx *c, const void *i)
{
	u64 *left = kmalloc(sizeof(*left), NFT_GFP);

	if (!left)
		return ERR_PTR(-ENOMEM);
	*left = ((const struct xt_quota_info *)i)->quota;
	return left;
}

static void close_quota(struct nft_net *nn, void *state)
{
	kfree(state);
}

static bool quota(const struct nft_pkt *p, const void *i, void *state)
{
	bool invert = ((const struct xt_quota_info *)i)->flags & XT_QUOTA_INVERT;
	u64 *left = state, n = skb_len(p->skb);

	if (*left < n) {
		*left = 0; /* the rest is not given to smaller packets */
		return invert;
	}
	*left -= n;
	return !invert;
}

const struct xt_kind xt_rate_matches[] = {
	{ "hashlimit", 1, 0, sizeof(struct xt_hashlimit_mtinfo1), .open = open_limit1,
		.close = close_limit, .keeps = hashlimit },
	{ "hashlimit", 2, 0, sizeof(struct xt_hashlimit_mtinfo2), .open = open_limit2,
		.close = close_limit, .keeps = hashlimit },
	{ "hashlimit", 3, 0, sizeof(struct xt_hashlimit_mtinfo3), .open = open_limit3,
		.close = close_limit, .keeps = hashlimit },
	{ "quota", 0, 0, sizeof(struct xt_quota_info), .check = check_quota, .open = open_quota,
		.close = close_quota, .keeps = quota },
	{ NULL },
};
