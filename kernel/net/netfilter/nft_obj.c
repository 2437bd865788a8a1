/* SPDX-License-Identifier: MIT */
/*
 * nft_obj.c: named counters, quotas and limits: an expression with a name, which rules and maps use
 * (objref).
 */
#include "kernel/lib/printk.h"
#include "kernel/net/netfilter/nft.h"

static const struct {
	u32 type;
	const char *name;
} kinds[] = {
	{ NFT_OBJECT_COUNTER, "counter" },
	{ NFT_OBJECT_QUOTA, "quota" },
	{ NFT_OBJECT_LIMIT, "limit" },
};

struct nft_obj *nft_obj_find(const struct nft_table *t, nla_t name, u32 type)
{
	struct nft_obj *o;

	list_for_each_entry(o, &t->objs, list)
		if (!(o->pend & NFT_DEL) && o->type == type && nla_is(name, o->name))
			return o;
	return NULL;
}

/* Makes the expression of a named object of type @kind, NFT_OBJECT_*. Returns it, or an ERR_PTR. */
static struct nft_expr *make(struct nft_ctx *c, u32 kind, nla_t data)
{
	nla_t attrs[NFT_EXPR_ATTRS + 1];
	struct {
		struct nlattr a;
		char name[12];
	} name = { 0 };
	const struct nft_expr_type *type;
	struct nft_expr *e;
	u32 i = 0;
	int err;

	while (i < ARRAY_SIZE(kinds) && kinds[i].type != kind)
		i++;
	if (i == ARRAY_SIZE(kinds))
		return ERR_PTR(-EOPNOTSUPP);
	strscpy(name.name, kinds[i].name, sizeof(name.name));
	name.a.nla_len = (u16)(NLA_HDRLEN + strlen(kinds[i].name) + 1);
	type = nft_expr_type(&name.a);
	memset(attrs, 0, sizeof(attrs));
	if (data)
		nla_parse_nested(attrs, min(type->max, (u32)NFT_EXPR_ATTRS), data);
	e = kzalloc(sizeof(*e) + type->size, NFT_GFP);
	if (!e)
		return ERR_PTR(-ENOMEM);
	e->type = type;
	err = type->init(c, e, attrs);
	if (!err)
		return e;
	kfree(e);
	return ERR_PTR(err);
}

int nft_new_obj(struct nft_ctx *c)
{
	nla_t tb[NFTA_OBJ_MAX + 1], name;
	struct nft_obj *o;
	u32 type;
	int err;

	nla_parse(tb, NFTA_OBJ_MAX, c->r->attrs, c->r->len);
	name = tb[NFTA_OBJ_NAME];
	if (!name || nla_be32(tb[NFTA_OBJ_TYPE], &type) || !tb[NFTA_OBJ_DATA])
		return -EINVAL;
	c->table = nft_table_get(c, tb[NFTA_OBJ_TABLE]);
	if (IS_ERR(c->table))
		return PTR_ERR(c->table);
	if (nft_obj_find(c->table, name, type))
		return c->r->h->nlmsg_flags & NLM_F_EXCL ? nfnl_bad(c->r, name, -EEXIST) : 0;
	if (nft_count(c->nn))
		return -ENOSPC;
	o = kzalloc(sizeof(*o), NFT_GFP);
	err = o ? nla_text(name, o->name, sizeof(o->name)) : -ENOMEM;
	if (err)
		goto err_free;
	o->e = make(c, type, tb[NFTA_OBJ_DATA]);
	err = IS_ERR(o->e) ? PTR_ERR(o->e) :
			     nft_blob_from(tb[NFTA_OBJ_USERDATA], NFT_UDATA, &o->udata);
	if (err)
		goto err_expr;
	o->table = c->table;
	o->type = type;
	o->handle = ++c->table->handles;
	err = nft_log(c->nn, T_OBJ, false, o);
	if (err)
		goto err_expr;
	c->table->use++;
	list_add_tail(&o->list, &c->table->objs);
	return 0;
err_expr:
	if (!IS_ERR(o->e))
		kfree(o->e);
	kfree(o->udata);
err_free:
	kfree(o);
	nft_uncount(c->nn);
	return err;
}

int nft_del_obj(struct nft_ctx *c)
{
	nla_t tb[NFTA_OBJ_MAX + 1], by;
	struct nft_obj *o = NULL, *i;
	u64 handle;
	u32 type;
	int err;

	nla_parse(tb, NFTA_OBJ_MAX, c->r->attrs, c->r->len);
	by = tb[NFTA_OBJ_HANDLE] ? tb[NFTA_OBJ_HANDLE] : tb[NFTA_OBJ_NAME];
	if (nla_be32(tb[NFTA_OBJ_TYPE], &type) || !by)
		return -EINVAL;
	c->table = nft_table_get(c, tb[NFTA_OBJ_TABLE]);
	if (IS_ERR(c->table))
		return PTR_ERR(c->table);
	if (!tb[NFTA_OBJ_HANDLE])
		o = nft_obj_find(c->table, by, type);
	else if (!nla_be64(by, &handle))
		list_for_each_entry(i, &c->table->objs, list)
			if (!(i->pend & NFT_DEL) && i->type == type && i->handle == handle)
				o = i;
	if (!o)
		return nfnl_bad(c->r, by, -ENOENT);
	if (o->use)
		return nfnl_bad(c->r, by, -EBUSY);
	err = nft_log(c->nn, T_OBJ, true, o);
	if (!err)
		c->table->use--;
	return err;
}

void nft_put_obj(struct nfb *b, const struct nfb_to *to, u8 type, const struct nft_obj *o)
{
	u32 data;

	nfb_begin(b, to, (u16)(NFNL_SUBSYS_NFTABLES << 8 | type), o->table->family,
		(u16)o->table->nn->genid);
	nfb_text(b, NFTA_OBJ_TABLE, o->table->name);
	nfb_text(b, NFTA_OBJ_NAME, o->name);
	nfb_be32(b, NFTA_OBJ_TYPE, o->type);
	nfb_be64(b, NFTA_OBJ_HANDLE, o->handle);
	nfb_be32(b, NFTA_OBJ_USE, o->use);
	data = nfb_nest(b, NFTA_OBJ_DATA);
	o->e->type->dump(o->e, b);
	nfb_nest_end(b, data);
	nft_put_blob(b, NFTA_OBJ_USERDATA, o->udata);
	nfb_end(b);
}

static void reset(struct nft_ctx *c, struct nft_obj *o)
{
	if (c->r->type != NFT_MSG_GETOBJ_RESET || !o->e->type->reset)
		return;
	spin_lock(&c->nn->lock);
	o->e->type->reset(o->e);
	spin_unlock(&c->nn->lock);
}

int nft_get_obj(struct nft_ctx *c)
{
	struct nfb_to to = nfnl_to(c->r);
	nla_t tb[NFTA_OBJ_MAX + 1];
	struct nfb b = { 0 };
	struct nft_table *t;
	struct nft_obj *o;
	u32 type = 0;
	int err = 0;

	nla_parse(tb, NFTA_OBJ_MAX, c->r->attrs, c->r->len);
	if (nla_opt32(tb[NFTA_OBJ_TYPE], &type))
		return -EINVAL;
	if (!(c->r->h->nlmsg_flags & NLM_F_DUMP)) {
		t = nft_table_get(c, tb[NFTA_OBJ_TABLE]);
		if (IS_ERR(t))
			return PTR_ERR(t);
		o = nft_obj_find(t, tb[NFTA_OBJ_NAME], type);
		if (!o)
			return nfnl_bad(c->r, tb[NFTA_OBJ_NAME], -ENOENT);
		nft_put_obj(&b, &to, NFT_MSG_NEWOBJ, o);
		reset(c, o);
		return nfnl_answer(c->r, &b);
	}
	to.flags = NLM_F_MULTI;
	list_for_each_entry(t, &c->nn->tables, list) {
		if ((c->r->family && c->r->family != t->family) ||
			(tb[NFTA_OBJ_TABLE] && !nla_is(tb[NFTA_OBJ_TABLE], t->name)))
			continue;
		list_for_each_entry(o, &t->objs, list) {
			if (err || (type && type != o->type))
				continue;
			nft_put_obj(&b, &to, NFT_MSG_NEWOBJ, o);
			reset(c, o);
			err = nfnl_dump(c->r, &b);
		}
	}
	nfb_free(&b);
	return err ? err : nfnl_done(c->r);
}

void nft_obj_free(struct net *net, struct nft_obj *o)
{
	nft_expr_free(net, o->e);
	nft_uncount(o->table->nn);
	kfree(o->udata);
	kfree(o);
}
