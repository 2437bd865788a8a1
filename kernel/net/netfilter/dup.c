/* SPDX-License-Identifier: MIT */
/*
 * dup.c: sends a copy of a packet to another machine on the link: iptables' target TEE, nft's
 * expression "dup".
 *
 * The copy is made when the rule is evaluated, since later rules may change the packet, and is sent
 * after nn->lock is released. It keeps its addresses and is routed to a gateway. It passes the
 * output hooks with a smaller work limit than other packets (NFT_WORK_COPY), and is not copied
 * again. At one hook at most COPIES_MAX copies of a packet are made.
 * Source: iptables-extensions(8), nft(8); <linux/netfilter/xt_TEE.h>.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter/xt_TEE.h>

#include "kernel/net/inet/ip.h"
#include "kernel/net/netfilter/conntrack.h"
#include "kernel/net/netfilter/nft_expr.h"
#include "kernel/net/netfilter/xt.h"

#define COPIES_MAX 16

/*
 * Prepares a copy: sets "don't fragment" (IPv4), and decrements the hop limit at hooks where the
 * copy could come back, so that a loop ends. Returns false if the copy must be dropped.
 */
static bool edit(const struct nft_pkt *p, struct sk_buff *c)
{
	bool less = p->s->hook == NF_INET_PRE_ROUTING || p->s->hook == NF_INET_LOCAL_IN;
	struct iphdr *h4;
	struct ipv6hdr *h6;

	if (p->v6) {
		h6 = (struct ipv6hdr *)nf_writable(c, sizeof(*h6));
		h6->hop_limit = (u8)(h6->hop_limit - less);
		return h6->hop_limit;
	}
	h4 = (struct iphdr *)nf_writable(c, sizeof(*h4));
	if (h4->ihl < 5 || h4->ihl * 4U > skb_len(c)) /* a filter rule may have changed it */
		return false;
	h4->frag_off |= htons(IP_DF);
	h4->ttl = (u8)(h4->ttl - less);
	h4->check = 0;
	h4->check = csum_fold(skb_sum(c, 0, h4->ihl * 4U, 0));
	return h4->ttl;
}

/*
 * Fills in the checksums of a copy. A packet that stays on this machine has no checksum, but its
 * copy leaves the machine. A GSO packet gets its checksums when it is cut.
 */
static void fill_sums(const struct nft_pkt *p, struct sk_buff *c)
{
	const struct net_device *d = p->s->in ? p->s->in : p->s->out;

	if (d && d->flags & IFF_LOOPBACK && !c->gso && !c->foreign && !p->frag_off)
		nf_fill_checksum(c);
}

void nf_dup(struct nft_pkt *p, const ip_addr *gateway, u32 oif)
{
	struct sk_buff *c;

	if (p->skb->is_copy || p->s->copies >= COPIES_MAX)
		return;
	c = skb_clone(p->skb, GFP_ATOMIC);
	if (!c)
		return;
	nf_reset(c);
	c->nf_info = NF_UNTRACKED;
	c->is_copy = true;
	c->is_answer = p->skb->is_answer;
	c->proxy = *gateway; /* the gateway, until the copy is sent */
	c->copy_if = oif;
	if (!edit(p, c)) {
		kfree_skb(c);
		return;
	}
	fill_sums(p, c);
	p->s->copies++;
	if (!p->n_copies++)
		INIT_LIST_HEAD(&p->copies);
	list_add_tail(&c->list, &p->copies);
}

static void send(struct net *net, struct sk_buff *c, bool v6)
{
	struct flow f = { .daddr = c->proxy, .oif = (int)c->copy_if, .mark = c->mark };

	if (route_output(net, &f) || f.local || f.broadcast) {
		kfree_skb(c);
		return;
	}
	nf_addrs(c, v6, &f.saddr, &f.daddr);
	f.no_fragment = true;
	ip_send_on(net, c, &f);
}

void nf_send_copies(struct nft_pkt *p)
{
	while (!list_empty(&p->copies)) {
		struct sk_buff *c = list_first_entry(&p->copies, struct sk_buff, list);

		list_del_init(&c->list);
		send(p->net, c, p->v6);
	}
}

/* ---- TEE ---- */

static int check_tee(const void *i)
{
	const struct xt_tee_tginfo *m = i;
	u32 any = 0;

	for (u32 k = 0; k < 4; k++)
		any |= m->gw.all[k];
	return !any || m->oif[sizeof(m->oif) - 1] ? -EINVAL : 0;
}

static int target_tee(struct nft_pkt *p, const void *i)
{
	const struct xt_tee_tginfo *m = i;
	struct net_device *d = m->oif[0] ? netdev_find(p->net, m->oif) : NULL;
	ip_addr gw = ip_v4(m->gw.ip);

	if (p->v6)
		memcpy(&gw, &m->gw, sizeof(gw));
	if (!m->oif[0] || d)
		nf_dup(p, &gw, d ? (u32)d->ifindex : 0);
	return NFT_CONTINUE;
}

const struct xt_kind xt_dup_targets[] = {
	{ "TEE", 1, 0, sizeof(struct xt_tee_tginfo), .check = check_tee, .target = target_tee },
	{ NULL },
};

/* ---- dup ---- */

struct dup {
	u8 addr, dev; /* indices of registers */
	bool has_dev;
};

static int dup_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct dup *x = nft_priv(e);
	int err;

	if (c->table->family != NFPROTO_IPV4 && c->table->family != NFPROTO_IPV6)
		return -EOPNOTSUPP;
	if (!tb[NFTA_DUP_SREG_ADDR])
		return -EINVAL;
	err = nft_reg_load(
		tb[NFTA_DUP_SREG_ADDR], &x->addr, c->table->family == NFPROTO_IPV6 ? 16 : 4);
	x->has_dev = tb[NFTA_DUP_SREG_DEV];
	return err || !x->has_dev ? err : nft_reg_load(tb[NFTA_DUP_SREG_DEV], &x->dev, 4);
}

static void dup_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct dup *x = nft_priv(e);
	ip_addr gw = ip_v4(r->data[x->addr]);

	if (p->v6)
		memcpy(&gw, &r->data[x->addr], sizeof(gw));
	nf_dup(p, &gw, x->has_dev ? r->data[x->dev] : 0);
}

static void dup_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct dup *x = nft_priv(e);

	nft_reg_put(b, NFTA_DUP_SREG_ADDR, x->addr);
	if (x->has_dev)
		nft_reg_put(b, NFTA_DUP_SREG_DEV, x->dev);
}

const struct nft_expr_type nft_dup = { .name = "dup",
	.size = sizeof(struct dup),
	.max = NFTA_DUP_MAX,
	.init = dup_init,
	.eval = dup_eval,
	.dump = dup_dump };
