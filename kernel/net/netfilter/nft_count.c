/* SPDX-License-Identifier: MIT */
/* nft_count.c: counts connections (nft_count.h); nft's `ct count`. */
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "kernel/lib/printk.h"
#include "kernel/net/netfilter/nft_count.h"
#include "kernel/net/netfilter/nft_expr.h"

#define SWEEP 8

struct ct_seen {
	struct ct_seen *next;
	struct nf_conn *ct; /* with a reference */
};

/*
 * True if the connection has ended. A connection that is not confirmed, and to which only the list
 * has a reference, counts as ended: its first packet was dropped.
 */
static bool over(const struct nf_conn *ct)
{
	if (READ_ONCE(ct->gone) || (!(ct->status & IPS_CONFIRMED) && atomic_read(&ct->refs) == 1))
		return true;
	if (ct->status & IPS_CONFIRMED && READ_ONCE(ct->expires) <= ktime_get())
		return true;
	return ct->dir[0].t.proto == IPPROTO_TCP &&
	       (ct->tcp_state == TCP_CONNTRACK_TIME_WAIT || ct->tcp_state == TCP_CONNTRACK_CLOSE);
}

static void drop(struct nft_net *nn, struct ct_list *l, struct ct_seen **at)
{
	struct ct_seen *s = *at;

	*at = s->next;
	l->n--;
	nf_conn_put(s->ct);
	kfree(s);
	nft_uncount(nn);
}

/* Drops connections that have ended. Returns true if @ct, which may be NULL, is in the list. */
static bool sweep(struct nft_net *nn, struct ct_list *l, const struct nf_conn *ct)
{
	struct ct_seen **at = &l->first;
	bool found = false;

	while (*at) {
		if ((*at)->ct == ct) {
			found = true;
		} else if (over((*at)->ct)) {
			drop(nn, l, at);
			continue;
		}
		at = &(*at)->next;
	}
	return found;
}

u32 ct_list_see(const struct nft_pkt *p, struct ct_list *l)
{
	struct nft_net *nn = p->net->nf.nft;
	int info;
	struct nf_conn *ct = nf_ct_get(p->skb, &info);
	struct ct_seen *s;

	p->s->work += l->n / 4;
	if (sweep(nn, l, ct) || !ct)
		return l->n;
	s = nft_count(nn) ? NULL : kmalloc(sizeof(*s), GFP_ATOMIC | __GFP_ACCOUNT);
	if (!s)
		return l->n + 1; /* counts @ct, which cannot be stored */
	nf_conn_get(ct);
	*s = (struct ct_seen){ l->first, ct };
	l->first = s;
	return ++l->n;
}

void ct_list_end(struct nft_net *nn, struct ct_list *l)
{
	while (l->first)
		drop(nn, l, &l->first);
}

/* ---- by address ---- */

struct ct_key {
	struct rb_node node;
	ip_addr addr;
	struct ct_list list;
};

static void free_key(struct nft_net *nn, struct ct_counts *t, struct ct_key *k)
{
	ct_list_end(nn, &k->list);
	rb_erase(&k->node, &t->root);
	t->n--;
	kfree(k);
	nft_uncount(nn);
}

/* Returns the first key at or after @a, or NULL. */
static struct ct_key *key_from(const struct ct_counts *t, const ip_addr *a)
{
	struct rb_node *n = t->root.node;
	struct ct_key *best = NULL;

	while (n) {
		struct ct_key *k = rb_entry(n, struct ct_key, node);

		if (memcmp(a, &k->addr, sizeof(*a)) <= 0) {
			best = k;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return best;
}

/*
 * Sweeps the lists of the next few keys, and frees keys without connections. Called for each new
 * key.
 */
static void sweep_keys(struct nft_net *nn, struct ct_counts *t)
{
	struct ct_key *k = key_from(t, &t->next);

	for (u32 i = 0; k && i < SWEEP; i++) {
		struct ct_key *now = k;

		k = rb_entry_safe(rb_next(&k->node), struct ct_key, node);
		sweep(nn, &now->list, NULL);
		if (!now->list.n)
			free_key(nn, t, now);
	}
	t->next = k ? k->addr : (ip_addr){ 0 };
}

/*
 * Returns the list of address @a, or a new one. NULL: no memory, or too many objects. nn->lock
 * held.
 */
static struct ct_key *key_of(struct nft_net *nn, struct ct_counts *t, const ip_addr *a)
{
	struct rb_node **link, *parent = NULL;
	struct ct_key *k = key_from(t, a);
	int d;

	if (k && ip_equal(&k->addr, a))
		return k;
	sweep_keys(nn, t);
	link = &t->root.node;
	while (*link) {
		parent = *link;
		k = rb_entry(parent, struct ct_key, node);
		d = memcmp(a, &k->addr, sizeof(*a));
		link = d < 0 ? &parent->left : &parent->right;
	}
	if (nft_count(nn))
		return NULL;
	k = kzalloc(sizeof(*k), GFP_ATOMIC | __GFP_ACCOUNT);
	if (!k) {
		nft_uncount(nn);
		return NULL;
	}
	k->addr = *a;
	rb_link_node(&k->node, parent, link);
	rb_insert_color(&k->node, &t->root);
	t->n++;
	return k;
}

u32 ct_counts_see(const struct nft_pkt *p, struct ct_counts *t, const ip_addr *a)
{
	struct nft_net *nn = p->net->nf.nft;
	struct ct_key *k;

	if (!p->skb->nfct)
		return 0;
	k = key_of(nn, t, a);
	return k ? ct_list_see(p, &k->list) : ~0U; /* no memory: ~0 exceeds any limit */
}

void ct_counts_end(struct nft_net *nn, struct ct_counts *t)
{
	while (t->root.node)
		free_key(nn, t, rb_entry(t->root.node, struct ct_key, node));
}

/* ---- nft: ct count, also of elements ---- */

struct connlimit {
	u32 limit, flags;
	struct ct_list list;
};

static int connlimit_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct connlimit *x = nft_priv(e);
	int err;

	if (nla_be32(tb[NFTA_CONNLIMIT_COUNT], &x->limit) ||
		nla_opt32(tb[NFTA_CONNLIMIT_FLAGS], &x->flags))
		return -EINVAL;
	if (x->flags & ~(u32)NFT_CONNLIMIT_F_INV)
		return -EOPNOTSUPP;
	if (c->nn->counts_conns)
		return 0;
	/*
	 * Connection tracking stays on until the namespace ends. Expressions of set elements are
	 * copied and freed while a packet is handled, where nf_ct_use(), which may sleep, cannot be
	 * called.
	 */
	err = nf_ct_use(c->net);
	c->nn->counts_conns = !err;
	return err;
}

static void connlimit_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	struct connlimit *x = nft_priv(e);
	u32 n;

	if (!p->skb->nfct) {
		r->code = NFT_BREAK;
		return;
	}
	n = ct_list_see(p, &x->list);
	if ((n > x->limit) == !!(x->flags & NFT_CONNLIMIT_F_INV))
		return;
	r->code = NFT_BREAK;
}

static void connlimit_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct connlimit *x = nft_priv(e);

	nfb_be32(b, NFTA_CONNLIMIT_COUNT, x->limit);
	nfb_be32(b, NFTA_CONNLIMIT_FLAGS, x->flags);
}

static void connlimit_destroy(struct net *net, struct nft_expr *e)
{
	ct_list_end(net->nf.nft, &((struct connlimit *)nft_priv(e))->list);
}

const struct nft_expr_type nft_connlimit = { .name = "connlimit",
	.size = sizeof(struct connlimit),
	.max = NFTA_CONNLIMIT_MAX,
	.stateful = true,
	.init = connlimit_init,
	.eval = connlimit_eval,
	.dump = connlimit_dump,
	.destroy = connlimit_destroy };
