/* SPDX-License-Identifier: MIT */
/* nft_rule.c: rules: requests and messages, and the layout of their expressions. */
#include "kernel/lib/printk.h"
#include "kernel/net/netfilter/nft.h"

/* ---- expressions ---- */

struct nft_expr *nft_expr_new(struct nft_ctx *c, nla_t nest)
{
	nla_t tb[NFTA_EXPR_MAX + 1], attrs[NFT_EXPR_ATTRS + 1];
	const struct nft_expr_type *type;
	struct nft_expr *e;
	u32 size;
	int err;

	nla_parse_nested(tb, NFTA_EXPR_MAX, nest);
	if (!tb[NFTA_EXPR_NAME])
		return ERR_PTR(-EINVAL);
	type = nft_expr_type(tb[NFTA_EXPR_NAME]);
	if (!type)
		return ERR_PTR(nfnl_bad(c->r, tb[NFTA_EXPR_NAME], -ENOENT));
	memset(attrs, 0, sizeof(attrs));
	if (tb[NFTA_EXPR_DATA])
		nla_parse_nested(attrs, min(type->max, (u32)NFT_EXPR_ATTRS), tb[NFTA_EXPR_DATA]);
	size = type->size + (type->size_of ? type->size_of(attrs) : 0);
	e = kzalloc(sizeof(*e) + size, NFT_GFP);
	if (!e)
		return ERR_PTR(-ENOMEM);
	e->type = type;
	err = type->init ? type->init(c, e, attrs) : 0;
	if (err) {
		kfree(e);
		return ERR_PTR(err);
	}
	return e;
}

struct nft_expr *nft_stateful_new(struct nft_ctx *c, nla_t nest)
{
	const struct nft_expr_type *type = NULL;
	nla_t tb[NFTA_EXPR_MAX + 1];

	nla_parse_nested(tb, NFTA_EXPR_MAX, nest);
	if (tb[NFTA_EXPR_NAME])
		type = nft_expr_type(tb[NFTA_EXPR_NAME]);
	/*
	 * Checked before it is made: a dynset contains an expression, which could be a dynset
	 * again, and so on.
	 */
	if (type && !type->stateful)
		return ERR_PTR(-EOPNOTSUPP);
	return nft_expr_new(c, nest);
}

void nft_expr_free(struct net *net, struct nft_expr *e)
{
	if (e->type->destroy)
		e->type->destroy(net, e);
	kfree(e);
}

void nft_expr_put(struct nfb *b, u16 type, const struct nft_expr *e)
{
	u32 nest = nfb_nest(b, type), data;

	nfb_text(b, NFTA_EXPR_NAME, e->type->name);
	if (e->type->dump) {
		data = nfb_nest(b, NFTA_EXPR_DATA);
		e->type->dump(e, b);
		nfb_nest_end(b, data);
	}
	nfb_nest_end(b, nest);
}

/* ---- life of a rule ---- */

void nft_rule_deactivate(struct nft_rule *r)
{
	for (u32 i = 0; i < r->n; i++)
		if (r->exprs[i]->type->deactivate)
			r->exprs[i]->type->deactivate(r->exprs[i]);
}

void nft_rule_activate(struct nft_rule *r)
{
	for (u32 i = 0; i < r->n; i++)
		if (r->exprs[i]->type->activate)
			r->exprs[i]->type->activate(r->exprs[i]);
}

void nft_rule_free(struct net *net, struct nft_rule *r)
{
	for (u32 i = 0; i < r->n; i++)
		nft_expr_free(net, r->exprs[i]);
	nft_uncount(r->chain->table->nn);
	kfree(r->udata);
	kfree(r);
}

/* Deletes a rule, and the anonymous sets that it uses. */
int nft_rule_delete(struct nft_net *nn, struct nft_rule *r)
{
	int err;

	for (u32 i = 0; i < r->n; i++) {
		struct nft_set *s = nft_lookup_set(r->exprs[i]);

		if (s && s->flags & NFT_SET_ANONYMOUS && !(s->pend & NFT_DEL)) {
			err = nft_set_delete(nn, s);
			if (err)
				return err;
		}
	}
	err = nft_log(nn, T_RULE, true, r);
	if (!err)
		nft_rule_deactivate(r);
	return err;
}

/* ---- requests ---- */

/*
 * Finds a rule by its handle. Falls back to a rule that this batch has deleted, since rules may
 * still be placed relative to it. (A rule that replaces another has its handle.)
 */
static struct nft_rule *by_handle(const struct nft_chain *ch, u64 handle)
{
	struct nft_rule *r, *gone = NULL;

	list_for_each_entry(r, &ch->rules, list) {
		if (r->handle != handle)
			continue;
		if (!(r->pend & NFT_DEL))
			return r;
		gone = r;
	}
	return gone;
}

static struct nft_rule *by_id(const struct nft_chain *ch, u32 id)
{
	struct nft_rule *r;

	list_for_each_entry(r, &ch->rules, list)
		if (r->pend == NFT_NEW && r->id == id)
			return r;
	return NULL;
}

/*
 * Finds the rule that an attribute names, or with @place the rule next to which a new one goes.
 * NULL: the request has no such attribute.
 */
static struct nft_rule *find(struct nft_ctx *c, nla_t handle, nla_t id, bool place)
{
	struct nft_rule *r = NULL;
	u64 h;
	u32 i;

	if (!handle && !id)
		return NULL;
	if (handle && nla_be64(handle, &h))
		return ERR_PTR(-EINVAL);
	if (!handle && nla_be32(id, &i))
		return ERR_PTR(-EINVAL);
	r = handle ? by_handle(c->chain, h) : by_id(c->chain, i);
	if (r && r->pend & NFT_DEL && !place)
		r = NULL;
	return r ? r : ERR_PTR(nfnl_bad(c->r, handle ? handle : id, -ENOENT));
}

/* Stops nft_expr_jumps() at the first jump. */
static int has_jump(struct nft_chain *to, u32 depth)
{
	return 1;
}

/* True if the rule has no jump, so that nft_validate() need not run. */
static int no_visit(const struct nft_rule *r)
{
	for (u32 i = 0; i < r->n; i++)
		if (nft_expr_jumps(r->exprs[i], has_jump, 0))
			return 0;
	return 1;
}

/* Parses the expressions of a new rule. */
static int fill(struct nft_ctx *c, struct nft_rule *r, nla_t list)
{
	nla_t a;

	if (!list)
		return 0;
	nla_for_each(a, list)
	{
		struct nft_expr *e =
			nla_type(a) == NFTA_LIST_ELEM ? nft_expr_new(c, a) : ERR_PTR(-EINVAL);

		if (IS_ERR(e))
			return c->misplaced ? PTR_ERR(e) : nfnl_bad(c->r, a, PTR_ERR(e));
		r->exprs[r->n++] = e;
	}
	return 0;
}

static u32 count_list(nla_t list)
{
	u32 n = 0;
	nla_t a;

	if (list)
		nla_for_each(a, list) n++;
	return n;
}

/*
 * Makes a rule, in no list yet, with references to what its expressions use. Returns it, or an
 * ERR_PTR.
 */
static struct nft_rule *make(struct nft_ctx *c, nla_t *tb)
{
	u32 n = count_list(tb[NFTA_RULE_EXPRESSIONS]);
	struct nft_rule *r;
	int err;

	if (n > NFT_EXPRS_MAX)
		return ERR_PTR(-E2BIG);
	if (nft_count(c->nn))
		return ERR_PTR(-ENOSPC);
	r = kzalloc(sizeof(*r) + n * sizeof(r->exprs[0]), NFT_GFP);
	if (!r) {
		nft_uncount(c->nn);
		return ERR_PTR(-ENOMEM);
	}
	r->chain = c->chain;
	INIT_LIST_HEAD(&r->list);
	err = nft_blob_from(tb[NFTA_RULE_USERDATA], NFT_UDATA, &r->udata);
	if (!err)
		err = nla_opt32(tb[NFTA_RULE_ID], &r->id);
	if (!err)
		err = compat_proto(c, tb[NFTA_RULE_COMPAT]);
	if (!err)
		err = fill(c, r, tb[NFTA_RULE_EXPRESSIONS]);
	if (!err)
		return r;
	nft_rule_deactivate(r);
	nft_rule_free(c->net, r);
	return ERR_PTR(err);
}

/*
 * Inserts a rule into its chain: in place of @old, after or before @at, or without both at the end
 * or the beginning.
 */
static int place(struct nft_ctx *c, struct nft_rule *r, struct nft_rule *old, struct nft_rule *at)
{
	bool append = c->r->h->nlmsg_flags & NLM_F_APPEND;
	int err = old ? nft_rule_delete(c->nn, old) : 0;

	if (!err)
		err = nft_log(c->nn, T_RULE, false, r);
	if (err)
		return err;
	spin_lock(&c->nn->lock);
	if (old)
		list_add(&r->list, &old->list);
	else if (at && append)
		list_add(&r->list, &at->list);
	else if (at)
		list_add_tail(&r->list, &at->list);
	else if (append)
		list_add_tail(&r->list, &c->chain->rules);
	else
		list_add(&r->list, &c->chain->rules);
	spin_unlock(&c->nn->lock);
	return 0;
}

int nft_new_rule(struct nft_ctx *c)
{
	nla_t tb[NFTA_RULE_MAX + 1];
	struct nft_rule *r, *old, *at = NULL;
	u16 flags = c->r->h->nlmsg_flags;
	int err;

	nla_parse(tb, NFTA_RULE_MAX, c->r->attrs, c->r->len);
	c->table = nft_table_get(c, tb[NFTA_RULE_TABLE]);
	if (IS_ERR(c->table))
		return PTR_ERR(c->table);
	if (!tb[NFTA_RULE_CHAIN])
		return tb[NFTA_RULE_CHAIN_ID] ? -EOPNOTSUPP : -EINVAL;
	c->chain = nft_chain_find(c->table, tb[NFTA_RULE_CHAIN]);
	if (!c->chain)
		return nfnl_bad(c->r, tb[NFTA_RULE_CHAIN], -ENOENT);
	old = find(c, tb[NFTA_RULE_HANDLE], NULL, false);
	if (IS_ERR(old))
		return PTR_ERR(old);
	if (old && flags & NLM_F_EXCL)
		return nfnl_bad(c->r, tb[NFTA_RULE_HANDLE], -EEXIST);
	if (old && !(flags & NLM_F_REPLACE))
		return -EOPNOTSUPP;
	if (!old && (!(flags & NLM_F_CREATE) || flags & NLM_F_REPLACE))
		return -EINVAL;
	if (!old)
		at = find(c, tb[NFTA_RULE_POSITION], tb[NFTA_RULE_POSITION_ID], true);
	if (IS_ERR(at))
		return PTR_ERR(at);
	r = make(c, tb);
	if (IS_ERR(r))
		return PTR_ERR(r);
	r->handle = old ? old->handle : ++c->table->handles;
	err = place(c, r, old, at);
	if (err) {
		nft_rule_deactivate(r);
		nft_rule_free(c->net, r);
		return err;
	}
	return no_visit(r) ? 0 : nft_validate(c->table);
}

int nft_del_rule(struct nft_ctx *c)
{
	nla_t tb[NFTA_RULE_MAX + 1];
	struct nft_chain *ch;
	struct nft_rule *r;
	int err = 0;

	nla_parse(tb, NFTA_RULE_MAX, c->r->attrs, c->r->len);
	c->table = nft_table_get(c, tb[NFTA_RULE_TABLE]);
	if (IS_ERR(c->table))
		return PTR_ERR(c->table);
	if (!tb[NFTA_RULE_CHAIN]) {
		list_for_each_entry(ch, &c->table->chains, list)
			if (!err && !(ch->pend & NFT_DEL))
				err = nft_chain_flush(c->nn, ch);
		return err;
	}
	c->chain = nft_chain_find(c->table, tb[NFTA_RULE_CHAIN]);
	if (!c->chain)
		return nfnl_bad(c->r, tb[NFTA_RULE_CHAIN], -ENOENT);
	r = find(c, tb[NFTA_RULE_HANDLE], tb[NFTA_RULE_ID], false);
	if (IS_ERR(r))
		return PTR_ERR(r);
	return r ? nft_rule_delete(c->nn, r) : nft_chain_flush(c->nn, c->chain);
}

/* ---- messages ---- */

static const struct nft_rule *before(const struct nft_rule *r)
{
	const struct list_head *head = &r->chain->rules;

	return list_empty(&r->list) || r->list.prev == head ? NULL : list_prev_entry(r, list);
}

void nft_put_rule(struct nfb *b, const struct nfb_to *to, u8 type, const struct nft_rule *r)
{
	const struct nft_table *t = r->chain->table;
	const struct nft_rule *prev = before(r);
	u32 nest;

	nfb_begin(b, to, (u16)(NFNL_SUBSYS_NFTABLES << 8 | type), t->family, (u16)t->nn->genid);
	nfb_text(b, NFTA_RULE_TABLE, t->name);
	nfb_text(b, NFTA_RULE_CHAIN, r->chain->name);
	nfb_be64(b, NFTA_RULE_HANDLE, r->handle);
	if (prev && type == NFT_MSG_NEWRULE)
		nfb_be64(b, NFTA_RULE_POSITION, prev->handle);
	nest = nfb_nest(b, NFTA_RULE_EXPRESSIONS);
	for (u32 i = 0; i < r->n; i++)
		nft_expr_put(b, NFTA_LIST_ELEM, r->exprs[i]);
	nfb_nest_end(b, nest);
	nft_put_blob(b, NFTA_RULE_USERDATA, r->udata);
	nfb_end(b);
}

static void reset(struct nft_ctx *c, struct nft_rule *r)
{
	if (c->r->type != NFT_MSG_GETRULE_RESET_)
		return;
	spin_lock(&c->nn->lock);
	for (u32 i = 0; i < r->n; i++)
		if (r->exprs[i]->type->reset)
			r->exprs[i]->type->reset(r->exprs[i]);
	spin_unlock(&c->nn->lock);
}

static int dump_chain(
	struct nft_ctx *c, struct nft_chain *ch, const struct nfb_to *to, struct nfb *b)
{
	struct nft_rule *r;
	int err = 0;

	list_for_each_entry(r, &ch->rules, list) {
		if (err)
			break;
		nft_put_rule(b, to, NFT_MSG_NEWRULE, r);
		reset(c, r);
		err = nfnl_dump(c->r, b);
	}
	return err;
}

int nft_get_rule(struct nft_ctx *c)
{
	struct nfb_to to = nfnl_to(c->r);
	nla_t tb[NFTA_RULE_MAX + 1];
	struct nfb b = { 0 };
	struct nft_table *t;
	struct nft_chain *ch;
	struct nft_rule *r;
	int err = 0;

	nla_parse(tb, NFTA_RULE_MAX, c->r->attrs, c->r->len);
	if (!(c->r->h->nlmsg_flags & NLM_F_DUMP)) {
		t = nft_table_get(c, tb[NFTA_RULE_TABLE]);
		if (IS_ERR(t))
			return PTR_ERR(t);
		c->chain = nft_chain_find(t, tb[NFTA_RULE_CHAIN]);
		if (!c->chain)
			return nfnl_bad(c->r, tb[NFTA_RULE_CHAIN], -ENOENT);
		r = find(c, tb[NFTA_RULE_HANDLE], NULL, false);
		if (IS_ERR_OR_NULL(r))
			return r ? PTR_ERR(r) : -EINVAL;
		nft_put_rule(&b, &to, NFT_MSG_NEWRULE, r);
		reset(c, r);
		return nfnl_answer(c->r, &b);
	}
	to.flags = NLM_F_MULTI;
	list_for_each_entry(t, &c->nn->tables, list) {
		if ((c->r->family && c->r->family != t->family) ||
			(tb[NFTA_RULE_TABLE] && !nla_is(tb[NFTA_RULE_TABLE], t->name)))
			continue;
		list_for_each_entry(ch, &t->chains, list)
			if (!err && (!tb[NFTA_RULE_CHAIN] || nla_is(tb[NFTA_RULE_CHAIN], ch->name)))
				err = dump_chain(c, ch, &to, &b);
	}
	nfb_free(&b);
	return err ? err : nfnl_done(c->r);
}
