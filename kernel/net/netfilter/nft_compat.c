/* SPDX-License-Identifier: MIT */
/*
 * nft_compat.c: the expressions "match" and "target", by which iptables-nft names matches and
 * targets of iptables: a name, a revision, and a structure of bytes, which is stored as it is.
 * xt_*.c interpret the structure.
 */
#include <linux/netfilter/nf_tables_compat.h>

#include "kernel/lib/printk.h"
#include "kernel/net/netfilter/nft.h"
#include "kernel/net/netfilter/nft_expr.h"
#include "kernel/net/netfilter/xt.h"

#define INFO_MAX 2048U

struct compat {
	const struct xt_kind *kind;
	void *state; /* returned by xt_kind.open(), or NULL */
	u32 len;
	u8 info[] __aligned(8);
};

static const struct xt_kind *const matches[] = { xt_matches, xt_head_matches, xt_keep_matches,
	xt_rate_matches, xt_bytes_matches, xt_proto_matches, xt_socket_matches, xt_label_matches,
	NULL },
				   *const targets[] = { xt_targets, xt_edit_targets,
					   xt_proxy_targets, xt_dup_targets, xt_npt_targets, NULL };

static const struct xt_kind *find(bool target, const char *name, u32 rev, u8 family)
{
	for (const struct xt_kind *const *list = target ? targets : matches; *list; list++)
		for (const struct xt_kind *k = *list; k->name; k++)
			if (!strcmp(k->name, name) && k->rev == rev &&
				(!k->family || k->family == family))
				return k;
	return NULL;
}

/* True if the match or target exists in any revision. */
static bool known(bool target, const char *name)
{
	for (const struct xt_kind *const *list = target ? targets : matches; *list; list++)
		for (const struct xt_kind *k = *list; k->name; k++)
			if (!strcmp(k->name, name))
				return true;
	return false;
}

static u32 compat_size(nla_t *tb)
{
	nla_t info = tb[NFTA_MATCH_INFO]; /* NFTA_TARGET_INFO has the same number */

	return info ? min(nla_len(info), INFO_MAX) : 0;
}
BUILD_BUG_ON((int)NFTA_MATCH_INFO != (int)NFTA_TARGET_INFO ||
	     (int)NFTA_MATCH_NAME != (int)NFTA_TARGET_NAME);

static bool may_be_in(const struct xt_kind *k, const struct nft_ctx *c)
{
	bool base = c->chain && c->chain->flags & NFT_CHAIN_BASE;

	if (k->nat_only && (!c->chain || (base && !c->chain->nat)))
		return false;
	if (k->table && strcmp(k->table, c->table->name))
		return false;
	return !k->hooks || !base || k->hooks >> c->chain->hook & 1;
}

/* True if the rule is for the protocol that the match or target requires. */
static bool has_proto(const struct xt_kind *k, const struct nft_ctx *c, const void *info)
{
	u8 want = k->needs ? k->needs(info) : k->proto;

	if (k->ports && ((c->proto != IPPROTO_TCP && c->proto != IPPROTO_UDP) || c->proto_not))
		return false;
	return !want || (want == c->proto && !c->proto_not);
}

/*
 * Makes a match or @target of iptables in a rule. Returns 0 or -errno; after an error nothing
 * remains.
 */
static int compat_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb, bool target)
{
	struct compat *x = nft_priv(e);
	nla_t info = tb[NFTA_MATCH_INFO];
	char name[NFT_COMPAT_NAME_MAX];
	u32 rev;
	int err;

	if (nla_text(tb[NFTA_MATCH_NAME], name, sizeof(name)) ||
		nla_be32(tb[NFTA_MATCH_REV], &rev) || !info)
		return -EINVAL;
	x->kind = find(target, name, rev, c->table->family);
	if (!x->kind)
		return nfnl_bad(c->r, tb[NFTA_MATCH_NAME], -ENOENT);
	if (nla_len(info) < x->kind->size || nla_len(info) > INFO_MAX)
		return -EINVAL;
	x->len = nla_len(info);
	memcpy(x->info, nla_data(info), x->len);
	if (!may_be_in(x->kind, c) || !has_proto(x->kind, c, x->info))
		return -EINVAL;
	err = x->kind->check ? x->kind->check(x->info) : 0;
	if (!err && x->kind->open) {
		x->state = x->kind->open(c, x->info);
		err = IS_ERR(x->state) ? PTR_ERR(x->state) : 0;
	}
	if (!err && x->kind->whole)
		WRITE_ONCE(c->net->nf.whole, true);
	if (err || !x->kind->tracks)
		return err;
	err = nf_ct_use(c->net);
	if (err && x->state)
		x->kind->close(c->nn, x->state);
	return err;
}

static int match_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	return compat_init(c, e, tb, false);
}

static int target_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	return compat_init(c, e, tb, true);
}

/*
 * True if the match or target may be used at the packet's hook. A chain can be reached by a jump
 * from a base chain at another hook, so this is checked for each packet.
 */
static bool is_there(const struct xt_kind *k, const struct nft_pkt *p)
{
	return !k->hooks || k->hooks >> p->s->hook & 1;
}

static void match_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct compat *x = nft_priv(e);

	if (!is_there(x->kind, p) || !(x->kind->keeps ? x->kind->keeps(p, x->info, x->state) :
							x->kind->match(p, x->info)))
		r->code = p->s->drop ? NF_DROP : NFT_BREAK;
}

static void target_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct compat *x = nft_priv(e);

	if (is_there(x->kind, p))
		r->code = x->kind->target(p, x->info);
}

static void compat_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct compat *x = nft_priv(e);

	nfb_text(b, NFTA_MATCH_NAME, x->kind->name);
	nfb_be32(b, NFTA_MATCH_REV, x->kind->rev);
	nfb_attr(b, NFTA_MATCH_INFO, x->info, x->len);
}

static void compat_destroy(struct net *net, struct nft_expr *e)
{
	const struct compat *x = nft_priv(e);

	if (x->state)
		x->kind->close(net->nf.nft, x->state);
	if (x->kind->tracks)
		nf_ct_unuse(net);
}

const struct nft_expr_type nft_match = { .name = "match",
	.size = sizeof(struct compat),
	.max = NFTA_MATCH_MAX,
	.init = match_init,
	.eval = match_eval,
	.dump = compat_dump,
	.destroy = compat_destroy,
	.size_of = compat_size };

const struct nft_expr_type nft_target = { .name = "target",
	.size = sizeof(struct compat),
	.max = NFTA_TARGET_MAX,
	.init = target_init,
	.eval = target_eval,
	.dump = compat_dump,
	.destroy = compat_destroy,
	.size_of = compat_size };

/* Reads the protocol of a rule, before its expressions are parsed. */
int compat_proto(struct nft_ctx *c, nla_t a)
{
	nla_t tb[NFTA_RULE_COMPAT_MAX + 1];
	u32 proto, flags;

	if (!a)
		return 0;
	nla_parse_nested(tb, NFTA_RULE_COMPAT_MAX, a);
	if (nla_be32(tb[NFTA_RULE_COMPAT_PROTO], &proto) ||
		nla_be32(tb[NFTA_RULE_COMPAT_FLAGS], &flags))
		return -EINVAL;
	c->proto = (u8)proto;
	c->proto_not = flags & NFT_RULE_COMPAT_F_INV;
	return 0;
}

/* Reports to iptables whether a revision is supported, so that iptables can choose one. */
int compat_serve(struct nfnl_req *r)
{
	struct nfb_to to = nfnl_to(r);
	nla_t tb[NFTA_COMPAT_MAX + 1];
	char name[NFT_COMPAT_NAME_MAX];
	struct nfb b = { 0 };
	u32 rev, target;

	nla_parse(tb, NFTA_COMPAT_MAX, r->attrs, r->len);
	if (r->type != NFNL_MSG_COMPAT_GET || nla_text(tb[NFTA_COMPAT_NAME], name, sizeof(name)) ||
		nla_be32(tb[NFTA_COMPAT_REV], &rev) || nla_be32(tb[NFTA_COMPAT_TYPE], &target) ||
		target > 1)
		return -EINVAL;
	if (!find(target, name, rev, r->family))
		return known(target, name) ? -EPROTONOSUPPORT : -ENOENT;
	nfb_begin(&b, &to, NFNL_SUBSYS_NFT_COMPAT << 8 | NFNL_MSG_COMPAT_GET, r->family, 0);
	nfb_text(&b, NFTA_COMPAT_NAME, name);
	nfb_be32(&b, NFTA_COMPAT_REV, rev);
	nfb_be32(&b, NFTA_COMPAT_TYPE, target);
	nfb_end(&b);
	return nfnl_answer(r, &b);
}
