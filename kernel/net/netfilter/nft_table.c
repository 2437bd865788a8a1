/* SPDX-License-Identifier: MIT */
/* nft_table.c: tables: requests and messages. Deleting a table deletes everything in it. */
#include "kernel/net/netfilter/nft.h"

#define TABLES_MAX 4096

struct nft_table *nft_table_find(struct nft_net *nn, u8 family, nla_t name)
{
	struct nft_table *t;

	list_for_each_entry(t, &nn->tables, list)
		if (t->family == family && !(t->pend & NFT_DEL) && nla_is(name, t->name))
			return t;
	return NULL;
}

struct nft_table *nft_table_get(struct nft_ctx *c, nla_t name)
{
	struct nft_table *t;

	if (!name)
		return ERR_PTR(-EINVAL);
	t = nft_table_find(c->nn, c->r->family, name);
	return t ? t : ERR_PTR(nfnl_bad(c->r, name, -ENOENT));
}

static int change_flags(struct nft_ctx *c, struct nft_table *t, u32 flags)
{
	if (flags == t->flags)
		return 0;
	return nft_log_update(c->nn, T_FLAGS, t, flags, 0, NULL);
}

int nft_new_table(struct nft_ctx *c)
{
	nla_t tb[NFTA_TABLE_MAX + 1], name;
	struct nft_table *t;
	u32 flags = 0;
	u8 family = c->r->family;
	int err;

	nla_parse(tb, NFTA_TABLE_MAX, c->r->attrs, c->r->len);
	name = tb[NFTA_TABLE_NAME];
	if (!name || nla_opt32(tb[NFTA_TABLE_FLAGS], &flags))
		return -EINVAL;
	if (family != NFPROTO_IPV4 && family != NFPROTO_IPV6 && family != NFPROTO_INET)
		return -EOPNOTSUPP;
	if (flags & ~(u32)NFT_TABLE_F_DORMANT)
		return -EOPNOTSUPP;
	t = nft_table_find(c->nn, family, name);
	if (t) {
		if (c->r->h->nlmsg_flags & NLM_F_EXCL)
			return nfnl_bad(c->r, name, -EEXIST);
		if (c->r->h->nlmsg_flags & NLM_F_REPLACE)
			return -EOPNOTSUPP;
		return change_flags(c, t, flags);
	}
	if (nft_count(c->nn))
		return -ENOSPC;
	t = kzalloc(sizeof(*t), NFT_GFP);
	err = t ? nla_text(name, t->name, sizeof(t->name)) : -ENOMEM;
	if (!err)
		err = nft_blob_from(tb[NFTA_TABLE_USERDATA], NFT_UDATA, &t->udata);
	if (err)
		goto err_free;
	t->nn = c->nn;
	t->family = family;
	t->flags = flags;
	t->handle = ++c->nn->handles;
	INIT_LIST_HEAD(&t->chains);
	INIT_LIST_HEAD(&t->sets);
	INIT_LIST_HEAD(&t->objs);
	err = nft_log(c->nn, T_TABLE, false, t);
	if (err)
		goto err_udata;
	list_add_tail(&t->list, &c->nn->tables);
	return 0;
err_udata:
	kfree(t->udata);
err_free:
	kfree(t);
	nft_uncount(c->nn);
	return err;
}

/* Deletes a table and everything in it: users before the objects that they use. */
static int delete (struct nft_net *nn, struct nft_table *t)
{
	struct nft_chain *ch;
	struct nft_set *s;
	struct nft_obj *o;
	int err = 0;

	list_for_each_entry(ch, &t->chains, list)
		if (!err && !(ch->pend & NFT_DEL))
			err = nft_chain_flush(nn, ch);
	list_for_each_entry(s, &t->sets, list)
		if (!err && !(s->pend & NFT_DEL) && !(s->flags & NFT_SET_ANONYMOUS && s->bound))
			err = nft_set_delete(nn, s);
	list_for_each_entry(o, &t->objs, list) {
		if (err || o->pend & NFT_DEL)
			continue;
		err = nft_log(nn, T_OBJ, true, o);
		if (!err)
			t->use--;
	}
	list_for_each_entry(ch, &t->chains, list) {
		if (err || ch->pend & NFT_DEL)
			continue;
		err = nft_log(nn, T_CHAIN, true, ch);
		if (!err)
			t->use--;
	}
	return err ? err : nft_log(nn, T_TABLE, true, t);
}

int nft_del_table(struct nft_ctx *c)
{
	nla_t tb[NFTA_TABLE_MAX + 1], name;
	struct nft_table *t;
	u64 handle = 0;
	int err = -ENOENT;

	nla_parse(tb, NFTA_TABLE_MAX, c->r->attrs, c->r->len);
	name = tb[NFTA_TABLE_NAME];
	if (name) {
		t = nft_table_get(c, name);
		return IS_ERR(t) ? PTR_ERR(t) : delete (c->nn, t);
	}
	if (tb[NFTA_TABLE_HANDLE] && nla_be64(tb[NFTA_TABLE_HANDLE], &handle))
		return -EINVAL;
	if (!handle)
		/* no name: deletes all tables of the request's family; family 0: of all families */
		err = 0;
	list_for_each_entry(t, &c->nn->tables, list) {
		if (t->pend & NFT_DEL || (c->r->family && c->r->family != t->family) ||
			(handle && t->handle != handle))
			continue;
		err = delete (c->nn, t);
		if (err || handle)
			return err;
	}
	return handle && err ? nfnl_bad(c->r, tb[NFTA_TABLE_HANDLE], err) : err;
}

void nft_put_table(struct nfb *b, const struct nfb_to *to, u8 type, const struct nft_table *t)
{
	nfb_begin(b, to, (u16)(NFNL_SUBSYS_NFTABLES << 8 | type), t->family, (u16)t->nn->genid);
	nfb_text(b, NFTA_TABLE_NAME, t->name);
	nfb_be32(b, NFTA_TABLE_USE, t->use);
	nfb_be64(b, NFTA_TABLE_HANDLE, t->handle);
	nfb_be32(b, NFTA_TABLE_FLAGS, t->flags);
	nft_put_blob(b, NFTA_TABLE_USERDATA, t->udata);
	nfb_end(b);
}

int nft_get_table(struct nft_ctx *c)
{
	struct nfb_to to = nfnl_to(c->r);
	nla_t tb[NFTA_TABLE_MAX + 1];
	struct nfb b = { 0 };
	struct nft_table *t;
	int err = 0;

	if (!(c->r->h->nlmsg_flags & NLM_F_DUMP)) {
		nla_parse(tb, NFTA_TABLE_MAX, c->r->attrs, c->r->len);
		t = nft_table_get(c, tb[NFTA_TABLE_NAME]);
		if (IS_ERR(t))
			return PTR_ERR(t);
		nft_put_table(&b, &to, NFT_MSG_NEWTABLE, t);
		return nfnl_answer(c->r, &b);
	}
	to.flags = NLM_F_MULTI;
	list_for_each_entry(t, &c->nn->tables, list) {
		if (err || (c->r->family && c->r->family != t->family))
			continue;
		nft_put_table(&b, &to, NFT_MSG_NEWTABLE, t);
		err = nfnl_dump(c->r, &b);
	}
	nfb_free(&b);
	return err ? err : nfnl_done(c->r);
}

/*
 * Frees a table, and what is left in it if its namespace ends. (A batch deletes what is in it
 * first.)
 */
void nft_table_free(struct net *net, struct nft_table *t)
{
	struct nft_chain *ch, *nch;
	struct nft_rule *r, *nr;
	struct nft_set *s, *ns;
	struct nft_obj *o, *no;

	list_for_each_entry(ch, &t->chains, list)
		list_for_each_entry_safe(r, nr, &ch->rules, list) {
			list_del_init(&r->list);
			nft_rule_free(net, r);
		}
	list_for_each_entry_safe(s, ns, &t->sets, list)
		nft_set_free(net, s);
	list_for_each_entry_safe(o, no, &t->objs, list)
		nft_obj_free(net, o);
	list_for_each_entry_safe(ch, nch, &t->chains, list)
		nft_chain_free(net, ch);
	nft_uncount(t->nn);
	kfree(t->udata);
	kfree(t);
}
