/* SPDX-License-Identifier: MIT */
/*
 * nft_elem.c: elements of sets: requests and messages, elements that packets add (dynset), and
 * timeouts. nft_tree.c finds elements.
 */
#include "kernel/lib/printk.h"
#include "kernel/net/netfilter/nft.h"

#define CHUNK 16000U /* bytes of elements in one message */

/*
 * Allocates an element. An expired element stays until nft_set_gc(), a new element that needs its
 * place, or a dynset for its key removes it, or until its set is freed.
 */
static struct nft_elem *elem_alloc(struct nft_net *nn, gfp_t gfp)
{
	struct nft_elem *e;

	if (nft_count(nn))
		return ERR_PTR(-ENOSPC);
	e = kzalloc(sizeof(*e), gfp);
	if (!e)
		nft_uncount(nn);
	return e ? e : ERR_PTR(-ENOMEM);
}

void nft_elem_free(struct net *net, struct nft_elem *e)
{
	for (u32 i = 0; i < e->n_exprs; i++)
		nft_expr_free(net, e->exprs[i]);
	nft_uncount(e->set->table->nn);
	kfree(e->udata);
	kfree(e->data);
	kfree(e);
}

void nft_elem_deactivate(struct nft_elem *e)
{
	if (e->data && e->data->is_verdict)
		nft_verdict_drop(&e->data->v);
	if (e->obj)
		e->obj->use--;
}

void nft_elem_activate(struct nft_elem *e)
{
	if (e->data && e->data->is_verdict)
		nft_verdict_hold(&e->data->v);
	if (e->obj)
		e->obj->use++;
}

/* ---- parsing ---- */

static int parse_key(struct nft_ctx *c, const struct nft_set *s, nla_t a, u8 *key)
{
	struct nft_data d;
	int err = nft_data_get(c, a, &d);

	if (err)
		return err;
	if (d.is_verdict || d.len != s->key_len) {
		if (d.is_verdict)
			nft_verdict_drop(&d.v);
		return -EINVAL;
	}
	memcpy(key, d.w, d.len);
	return 0;
}

static int parse_data(struct nft_ctx *c, const struct nft_set *s, struct nft_elem *e, nla_t a)
{
	int err;

	if (!(s->flags & NFT_SET_MAP))
		return a ? -EINVAL : 0;
	if (e->end || !a)
		return a ? -EINVAL : (e->end ? 0 : -EINVAL);
	e->data = kzalloc(sizeof(*e->data), NFT_GFP);
	if (!e->data)
		return -ENOMEM;
	err = nft_data_get(c, a, e->data);
	if (err)
		return err;
	if (e->data->is_verdict != (s->data_type == NFT_DATA_VERDICT) ||
		(!e->data->is_verdict && e->data->len != s->data_len))
		return -EINVAL;
	return 0;
}

static int parse_times(const struct nft_set *s, struct nft_elem *e, nla_t *tb)
{
	u64 ms = s->timeout, left;

	if (e->end)
		return 0;
	if (tb[NFTA_SET_ELEM_TIMEOUT] &&
		(!(s->flags & NFT_SET_TIMEOUT) || nla_be64(tb[NFTA_SET_ELEM_TIMEOUT], &ms)))
		return -EINVAL;
	left = ms;
	if (tb[NFTA_SET_ELEM_EXPIRATION] &&
		(!(s->flags & NFT_SET_TIMEOUT) || nla_be64(tb[NFTA_SET_ELEM_EXPIRATION], &left) ||
			left > ms))
		return -EINVAL;
	if (ms > ~0UL / NSEC_PER_MSEC / 4)
		return -ERANGE;
	e->timeout = ms * NSEC_PER_MSEC;
	e->expires = ms ? ktime_get() + left * NSEC_PER_MSEC : 0;
	return 0;
}

/*
 * Makes the expressions of an element: those in its message, else copies of the set's expressions.
 */
static int parse_exprs(struct nft_ctx *c, const struct nft_set *s, struct nft_elem *e, nla_t *tb)
{
	nla_t a, list = tb[NFTA_SET_ELEM_EXPRESSIONS];
	struct nft_expr *x;

	if (e->end)
		return 0;
	if (tb[NFTA_SET_ELEM_EXPR]) {
		x = nft_stateful_new(c, tb[NFTA_SET_ELEM_EXPR]);
		if (IS_ERR(x))
			return PTR_ERR(x);
		e->exprs[e->n_exprs++] = x;
	} else if (list) {
		nla_for_each(a, list)
		{
			x = e->n_exprs < ARRAY_SIZE(e->exprs) ? nft_stateful_new(c, a) :
								ERR_PTR(-E2BIG);
			if (IS_ERR(x))
				return PTR_ERR(x);
			e->exprs[e->n_exprs++] = x;
		}
	} else {
		for (u32 i = 0; i < s->n_exprs; i++) {
			x = kmemdup(s->exprs[i], sizeof(*x) + s->exprs[i]->type->size, NFT_GFP);
			if (!x)
				return -ENOMEM;
			e->exprs[e->n_exprs++] = x;
		}
	}
	return 0;
}

/*
 * Reads an element from a message into the new @e. Also after an error the caller deactivates and
 * frees @e. Returns 0 or -errno.
 */
static int parse_elem(struct nft_ctx *c, struct nft_set *s, nla_t nest, struct nft_elem *e)
{
	nla_t tb[NFTA_SET_ELEM_MAX + 1];
	u32 flags = 0;
	int err;

	nla_parse_nested(tb, NFTA_SET_ELEM_MAX, nest);
	if (nla_opt32(tb[NFTA_SET_ELEM_FLAGS], &flags) ||
		flags & ~(u32)(NFT_SET_ELEM_INTERVAL_END | NFT_SET_ELEM_CATCHALL))
		return -EINVAL;
	e->set = s;
	e->end = flags & NFT_SET_ELEM_INTERVAL_END;
	e->catchall = flags & NFT_SET_ELEM_CATCHALL;
	if ((e->end && !(s->flags & NFT_SET_INTERVAL)) || e->catchall == !!tb[NFTA_SET_ELEM_KEY])
		return -EINVAL;
	if (tb[NFTA_SET_ELEM_KEY]) {
		err = parse_key(c, s, tb[NFTA_SET_ELEM_KEY], e->key);
		if (err)
			return err;
		memcpy(e->key_end, e->key, sizeof(e->key_end));
	}
	if (tb[NFTA_SET_ELEM_KEY_END]) {
		err = parse_key(c, s, tb[NFTA_SET_ELEM_KEY_END], e->key_end);
		if (err)
			return err;
		e->has_key_end = true;
	}
	if (c->r->type == NFT_MSG_DELSETELEM || c->r->type == NFT_MSG_GETSETELEM)
		return 0;
	err = parse_times(s, e, tb);
	if (!err && tb[NFTA_SET_ELEM_OBJREF]) {
		e->obj = s->flags & NFT_SET_OBJECT ?
				 nft_obj_find(s->table, tb[NFTA_SET_ELEM_OBJREF], s->obj_type) :
				 NULL;
		if (!e->obj)
			return nfnl_bad(c->r, tb[NFTA_SET_ELEM_OBJREF], -ENOENT);
		e->obj->use++;
	}
	if (!err)
		err = nft_blob_from(tb[NFTA_SET_ELEM_USERDATA], NFT_UDATA, &e->udata);
	if (!err)
		err = parse_exprs(c, s, e, tb);
	return err ? err : parse_data(c, s, e, tb[NFTA_SET_ELEM_DATA]);
}

static bool same_data(const struct nft_elem *a, const struct nft_elem *b)
{
	if (!a->data || !b->data)
		return !a->data && !b->data && a->obj == b->obj;
	return a->data->is_verdict ?
		       a->data->v.code == b->data->v.code && a->data->v.chain == b->data->v.chain :
		       !memcmp(a->data->w, b->data->w, a->data->len);
}

/*
 * Returns the result of adding an element that exists: -EBUSY if the data differs, -EEXIST with
 * NLM_F_EXCL, else 0.
 */
static int exists(struct nft_ctx *c, struct nft_set *s, const struct nft_elem *e)
{
	const struct nft_elem *o =
		e->catchall ? s->catchall : nft_elem_find_next(s, e->key, e->key_end, e->end);

	if (!o || !same_data(o, e))
		return -EBUSY;
	return c->r->h->nlmsg_flags & NLM_F_EXCL ? -EEXIST : 0;
}

/*
 * Adds one element of a message. Takes nn->lock. Returns 0, also for an equal element unless
 * NLM_F_EXCL is set, -EBUSY if the element exists with other data, or another -errno.
 */
static int add_one(struct nft_ctx *c, struct nft_set *s, nla_t nest)
{
	struct nft_elem *e = elem_alloc(c->nn, NFT_GFP);
	int err;

	if (IS_ERR(e))
		return PTR_ERR(e);
	err = parse_elem(c, s, nest, e);
	e->set = s;
	if (err)
		goto out;
	spin_lock(&c->nn->lock);
	nft_set_gc(c->net, s);
	e->pend = NFT_NEW;
	err = nft_elem_insert(c->net, s, e);
	if (err == -EEXIST) {
		err = exists(c, s, e);
		spin_unlock(&c->nn->lock);
		goto out;
	}
	spin_unlock(&c->nn->lock);
	if (err)
		goto out;
	err = nft_log(c->nn, T_ELEM, false, e);
	if (!err)
		return 0;
	spin_lock(&c->nn->lock);
	nft_elem_unlink(e);
	spin_unlock(&c->nn->lock);
out:
	nft_elem_deactivate(e);
	nft_elem_free(c->net, e);
	return err;
}

/*
 * Marks @e for removal by this batch. Returns false if @e is NULL, or the batch has removed it
 * already. nn->lock held.
 */
static bool pin(struct nft_elem *e)
{
	if (!e || e->pend & NFT_DEL)
		return false;
	e->pend |= NFT_DEL;
	return true;
}

static int del_pinned(struct nft_ctx *c, struct nft_elem *e)
{
	int err = nft_log(c->nn, T_ELEM, true, e);

	if (!err) {
		nft_elem_deactivate(e);
		return 0;
	}
	spin_lock(&c->nn->lock);
	e->pend &= (u8)~NFT_DEL;
	spin_unlock(&c->nn->lock);
	return err;
}

static int del_one(struct nft_ctx *c, struct nft_set *s, nla_t nest)
{
	struct nft_elem want = { 0 }, *e;
	int err = parse_elem(c, s, nest, &want);

	if (err)
		return err;
	spin_lock(&c->nn->lock);
	e = want.catchall ? s->catchall : nft_elem_find_next(s, want.key, want.key_end, want.end);
	if (!pin(e))
		e = NULL;
	spin_unlock(&c->nn->lock);
	return e ? del_pinned(c, e) : -ENOENT;
}

/*
 * Deletes all elements. Since nn->lock is released between two elements, packets may add elements
 * meanwhile, and remove those that are not marked.
 */
static int flush(struct nft_ctx *c, struct nft_set *s)
{
	struct nft_elem *e;
	struct rb_node *n;
	int err = 0;

	spin_lock(&c->nn->lock);
	for (n = rb_first(&s->elems); n && !err; n = rb_next(n)) {
		e = rb_entry(n, struct nft_elem, node);
		if (!pin(e))
			continue;
		spin_unlock(&c->nn->lock);
		err = del_pinned(c, e);
		cond_resched();
		spin_lock(&c->nn->lock);
		/*
		 * on failure del_pinned() has cleared NFT_DEL, so packets may free the element:
		 * stop the walk
		 */
		if (err)
			break;
	}
	e = !err && pin(s->catchall) ? s->catchall : NULL;
	spin_unlock(&c->nn->lock);
	return e ? del_pinned(c, e) : err;
}

static struct nft_set *find_set(struct nft_ctx *c, nla_t *tb)
{
	struct nft_set *s;

	nla_parse(tb, NFTA_SET_ELEM_LIST_MAX, c->r->attrs, c->r->len);
	c->table = nft_table_get(c, tb[NFTA_SET_ELEM_LIST_TABLE]);
	if (IS_ERR(c->table))
		return (struct nft_set *)c->table;
	if (!tb[NFTA_SET_ELEM_LIST_SET])
		return ERR_PTR(-EINVAL);
	s = nft_set_get(c->table, tb[NFTA_SET_ELEM_LIST_SET], tb[NFTA_SET_ELEM_LIST_SET_ID]);
	if (IS_ERR(s))
		nfnl_bad(c->r, tb[NFTA_SET_ELEM_LIST_SET], -ENOENT);
	return s;
}

/*
 * Adds or deletes (@add false) the elements of a request. Without a list all are deleted. Returns 0
 * or -errno; the abort reverts what was done before an error.
 */
static int each(struct nft_ctx *c, bool add)
{
	nla_t tb[NFTA_SET_ELEM_LIST_MAX + 1], a, list;
	struct nft_set *s = find_set(c, tb);
	bool leads =
		add && !IS_ERR(s) && s->flags & NFT_SET_MAP && s->data_type == NFT_DATA_VERDICT;
	int err = 0;

	if (IS_ERR(s))
		return PTR_ERR(s);
	list = tb[NFTA_SET_ELEM_LIST_ELEMENTS];
	if (add && s->bound && s->flags & NFT_SET_CONSTANT)
		return -EBUSY;
	if (!list)
		return add ? -EINVAL : flush(c, s);
	nla_for_each(a, list)
	{
		err = add ? add_one(c, s, a) : del_one(c, s, a);
		if (err)
			return c->r->bad ? err : nfnl_bad(c->r, a, err);
		cond_resched();
	}
	/* check jumps once, after the last element, as packets do not see the new elements yet */
	return leads ? nft_validate(s->table) : 0;
}

int nft_new_elem(struct nft_ctx *c)
{
	return each(c, true);
}

int nft_del_elem(struct nft_ctx *c)
{
	return each(c, false);
}

/* ---- elements added by packets ---- */

struct nft_elem *nft_elem_dyn(
	struct net *net, struct nft_set *s, const void *key, const u32 *data, u64 timeout)
{
	struct nft_elem *e = elem_alloc(s->table->nn, GFP_ATOMIC);

	if (IS_ERR(e))
		return NULL;
	e->set = s;
	memcpy(e->key, key, s->key_len);
	memcpy(e->key_end, key, s->key_len);
	e->timeout = timeout;
	e->expires = timeout ? ktime_get() + timeout : 0;
	if (s->flags & NFT_SET_MAP) {
		e->data = kzalloc(sizeof(*e->data), GFP_ATOMIC);
		if (!e->data || !data)
			goto err_free;
		e->data->len = s->data_len;
		memcpy(e->data->w, data, s->data_len);
	}
	for (u32 i = 0; i < s->n_exprs; i++) {
		e->exprs[i] = kmemdup(
			s->exprs[i], sizeof(struct nft_expr) + s->exprs[i]->type->size, GFP_ATOMIC);
		if (!e->exprs[i])
			goto err_free;
		e->n_exprs++;
	}
	if (!nft_elem_insert(net, s, e))
		return e;
err_free:
	nft_elem_free(net, e);
	return NULL;
}

/* ---- messages ---- */

static void put_elem(struct nfb *b, const struct nft_elem *e)
{
	const struct nft_set *s = e->set;
	u32 nest = nfb_nest(b, NFTA_LIST_ELEM), list;
	u32 flags = (e->end ? NFT_SET_ELEM_INTERVAL_END : 0) |
		    (e->catchall ? NFT_SET_ELEM_CATCHALL : 0);
	u64 now = ktime_get();

	if (!e->catchall)
		nft_value_put(b, NFTA_SET_ELEM_KEY, e->key, s->key_len);
	if (e->has_key_end)
		nft_value_put(b, NFTA_SET_ELEM_KEY_END, e->key_end, s->key_len);
	if (e->data)
		nft_data_put(b, NFTA_SET_ELEM_DATA, e->data);
	if (e->n_exprs == 1) {
		nft_expr_put(b, NFTA_SET_ELEM_EXPR, e->exprs[0]);
	} else if (e->n_exprs) {
		list = nfb_nest(b, NFTA_SET_ELEM_EXPRESSIONS);
		for (u32 i = 0; i < e->n_exprs; i++)
			nft_expr_put(b, NFTA_LIST_ELEM, e->exprs[i]);
		nfb_nest_end(b, list);
	}
	if (e->obj)
		nfb_text(b, NFTA_SET_ELEM_OBJREF, e->obj->name);
	if (flags)
		nfb_be32(b, NFTA_SET_ELEM_FLAGS, flags);
	if (e->timeout && e->timeout != s->timeout * NSEC_PER_MSEC)
		nfb_be64(b, NFTA_SET_ELEM_TIMEOUT, e->timeout / NSEC_PER_MSEC);
	if (e->expires)
		nfb_be64(b, NFTA_SET_ELEM_EXPIRATION,
			e->expires > now ? (e->expires - now) / NSEC_PER_MSEC : 0);
	nft_put_blob(b, NFTA_SET_ELEM_USERDATA, e->udata);
	nfb_nest_end(b, nest);
}

static u32 begin(struct nfb *b, const struct nfb_to *to, u8 type, const struct nft_set *s)
{
	nfb_begin(b, to, (u16)(NFNL_SUBSYS_NFTABLES << 8 | type), s->table->family,
		(u16)s->table->nn->genid);
	nfb_text(b, NFTA_SET_ELEM_LIST_TABLE, s->table->name);
	nfb_text(b, NFTA_SET_ELEM_LIST_SET, s->name);
	return nfb_nest(b, NFTA_SET_ELEM_LIST_ELEMENTS);
}

void nft_put_elem_msg(struct nfb *b, const struct nfb_to *to, u8 type, const struct nft_elem *e)
{
	u32 list = begin(b, to, type, e->set);

	put_elem(b, e);
	nfb_nest_end(b, list);
	nfb_end(b);
}

/*
 * Adds as many elements as fit into one message. *@skip: elements in earlier messages. Returns true
 * if there are no more.
 */
static bool put_some(struct nfb *b, const struct nfb_to *to, struct nft_set *s, u32 *skip)
{
	u32 list = begin(b, to, NFT_MSG_NEWSETELEM, s), at = 0;
	bool all = true;

	spin_lock(&s->table->nn->lock);
	for (struct rb_node *n = rb_first(&s->elems); n; n = rb_next(n), at++) {
		const struct nft_elem *e = rb_entry(n, struct nft_elem, node);

		if (at < *skip || nft_elem_expired(e))
			continue;
		if (b->len > CHUNK || b->failed) {
			all = b->failed;
			break;
		}
		put_elem(b, e);
	}
	if (all && s->catchall)
		put_elem(b, s->catchall);
	spin_unlock(&s->table->nn->lock);
	*skip = at;
	nfb_nest_end(b, list);
	nfb_end(b);
	return all;
}

static int dump(struct nft_ctx *c, struct nft_set *s)
{
	struct nfb_to to = nfnl_to(c->r);
	struct nfb b = { 0 };
	u32 skip = 0;
	bool all = false;
	int err = 0;

	to.flags = NLM_F_MULTI;
	while (!all && !err) {
		all = put_some(&b, &to, s, &skip);
		err = nfnl_dump(c->r, &b);
		cond_resched();
	}
	nfb_free(&b);
	return err ? err : nfnl_done(c->r);
}

/* Answers with the element for a key. */
static int get_one(struct nft_ctx *c, struct nft_set *s, nla_t nest)
{
	struct nft_elem want = { 0 }, *e;
	struct nfb_to to = nfnl_to(c->r);
	struct nfb b = { 0 };
	int err = parse_elem(c, s, nest, &want);

	if (err)
		return err;
	spin_lock(&c->nn->lock);
	e = nft_elem_find(s, want.key, want.key_end, want.end);
	if (!e && !want.end)
		e = nft_set_lookup(s, want.key);
	if (e)
		nft_put_elem_msg(&b, &to, NFT_MSG_NEWSETELEM, e);
	spin_unlock(&c->nn->lock);
	err = e ? nfnl_dump(c->r, &b) : -ENOENT;
	nfb_free(&b);
	return err;
}

int nft_get_elem(struct nft_ctx *c)
{
	nla_t tb[NFTA_SET_ELEM_LIST_MAX + 1], a, list;
	struct nft_set *s = find_set(c, tb);
	int err;

	if (IS_ERR(s))
		return PTR_ERR(s);
	if (c->r->h->nlmsg_flags & NLM_F_DUMP)
		return dump(c, s);
	list = tb[NFTA_SET_ELEM_LIST_ELEMENTS];
	if (!list)
		return -EINVAL;
	nla_for_each(a, list)
	{
		err = get_one(c, s, a);
		if (err)
			return nfnl_bad(c->r, a, err);
	}
	return c->r->h->nlmsg_flags & NLM_F_ACK ? 0 : 1;
}
