/* SPDX-License-Identifier: MIT */
/* nft_set.c: sets and maps: requests and messages. nft_elem.c handles their elements. */
#include "kernel/lib/printk.h"
#include "kernel/net/netfilter/nft.h"

#define ANONYMOUS_MAX 32768 /* most anonymous sets of a table */
#define SET_FLAGS                                                                                  \
	(NFT_SET_ANONYMOUS | NFT_SET_CONSTANT | NFT_SET_INTERVAL | NFT_SET_MAP | NFT_SET_TIMEOUT | \
		NFT_SET_EVAL | NFT_SET_OBJECT | NFT_SET_CONCAT | NFT_SET_EXPR)

struct nft_set *nft_set_find(const struct nft_table *t, nla_t name)
{
	struct nft_set *s;

	list_for_each_entry(s, &t->sets, list)
		if (!(s->pend & NFT_DEL) && nla_is(name, s->name))
			return s;
	return NULL;
}

/*
 * Finds a set by its name, or by its id if this batch has made the set: the sender does not know
 * the name that choose_name() has chosen.
 */
struct nft_set *nft_set_get(const struct nft_table *t, nla_t name, nla_t id)
{
	struct nft_set *s = name ? nft_set_find(t, name) : NULL;
	u32 n;

	if (s || !id || nla_be32(id, &n))
		return s ? s : ERR_PTR(-ENOENT);
	list_for_each_entry(s, &t->sets, list)
		if (s->pend == NFT_NEW && s->id == n)
			return s;
	return ERR_PTR(-ENOENT);
}

/* Returns the number that follows @prefix in @name; -1 if @name has another form. */
static s64 number_in(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);
	s64 v;

	return strncmp(name, prefix, n) || kstrtos64(name + n, 10, &v) ? -1 : v;
}

/*
 * Chooses the set's name: "%d" at the end of the requested name becomes the lowest free number.
 * Returns 0, -EINVAL, -ERANGE for a name that is too long, or -ENFILE if all numbers are taken.
 */
static int choose_name(const struct nft_table *t, struct nft_set *s, nla_t name)
{
	static u64 taken[ANONYMOUS_MAX / 64]; /* protected by nfnl_mutex */
	char pattern[NFT_NAME], *at;
	struct nft_set *o;
	s64 i;
	int err = nla_text(name, pattern, sizeof(pattern));

	if (err)
		return err;
	at = strchr(pattern, '%');
	if (!at) {
		strscpy(s->name, pattern, sizeof(s->name));
		return 0;
	}
	if (strcmp(at, "%d") || strlen(pattern) > 16)
		return -EINVAL;
	*at = 0;
	memset(taken, 0, sizeof(taken));
	list_for_each_entry(o, &t->sets, list) {
		i = number_in(o->name, pattern);
		if (i >= 0 && i < ANONYMOUS_MAX)
			taken[i / 64] |= 1UL << (i % 64);
	}
	for (i = 0; i < ANONYMOUS_MAX && taken[i / 64] >> (i % 64) & 1;)
		i++;
	snprintf(s->name, sizeof(s->name), "%s%u", pattern, (u32)i);
	return i < ANONYMOUS_MAX ? 0 : -ENFILE;
}

static int parse_fields(struct nft_set *s, nla_t list)
{
	u32 words = 0;
	nla_t a;

	nla_for_each(a, list)
	{
		nla_t tb[NFTA_SET_FIELD_MAX + 1];
		u32 len;

		nla_parse_nested(tb, NFTA_SET_FIELD_MAX, a);
		if (nla_be32(tb[NFTA_SET_FIELD_LEN], &len) || !len || len > 16)
			return -EINVAL;
		if (s->fields == ARRAY_SIZE(s->field_len))
			return -E2BIG;
		s->field_len[s->fields++] = len;
		words += (len + 3) / 4;
	}
	return words * 4 > s->key_len ? -EINVAL : 0;
}

static int parse_desc(struct nft_set *s, nla_t desc)
{
	nla_t tb[NFTA_SET_DESC_MAX + 1];
	int err;

	if (!desc)
		return 0;
	nla_parse_nested(tb, NFTA_SET_DESC_MAX, desc);
	err = nla_opt32(tb[NFTA_SET_DESC_SIZE], &s->max);
	if (!err && tb[NFTA_SET_DESC_CONCAT])
		err = parse_fields(s, tb[NFTA_SET_DESC_CONCAT]);
	return err;
}

/* Adds an expression of which each element gets a copy. */
static int add_expr(struct nft_ctx *c, struct nft_set *s, nla_t a)
{
	struct nft_expr *e;

	if (s->n_exprs == ARRAY_SIZE(s->exprs))
		return -E2BIG;
	e = nft_stateful_new(c, a);
	if (IS_ERR(e))
		return PTR_ERR(e);
	s->exprs[s->n_exprs++] = e;
	return 0;
}

static int parse_exprs(struct nft_ctx *c, struct nft_set *s, nla_t *tb)
{
	int err = tb[NFTA_SET_EXPR] ? add_expr(c, s, tb[NFTA_SET_EXPR]) : 0;
	nla_t a;

	if (!err && tb[NFTA_SET_EXPRESSIONS])
		nla_for_each(a, tb[NFTA_SET_EXPRESSIONS]) if (!err) err = add_expr(c, s, a);
	return err;
}

/* Reads the properties of a new set. Returns 0 or -errno; the caller frees what @s holds. */
static int parse(struct nft_ctx *c, struct nft_set *s, nla_t *tb)
{
	int err;

	if (nla_be32(tb[NFTA_SET_KEY_LEN], &s->key_len) ||
		nla_opt32(tb[NFTA_SET_KEY_TYPE], &s->key_type) ||
		nla_opt32(tb[NFTA_SET_FLAGS], &s->flags) ||
		nla_opt32(tb[NFTA_SET_DATA_TYPE], &s->data_type) ||
		nla_opt32(tb[NFTA_SET_DATA_LEN], &s->data_len) ||
		nla_opt32(tb[NFTA_SET_OBJ_TYPE], &s->obj_type) ||
		nla_opt32(tb[NFTA_SET_POLICY], &s->policy) || nla_be32(tb[NFTA_SET_ID], &s->id) ||
		nla_opt32(tb[NFTA_SET_GC_INTERVAL], &s->gc_interval))
		return -EINVAL;
	if (!s->key_len || s->key_len > NFT_KEY_MAX)
		return -EINVAL;
	if (s->flags & ~(u32)SET_FLAGS || (s->flags & NFT_SET_MAP && s->flags & NFT_SET_OBJECT))
		return -EOPNOTSUPP;
	if (s->flags & NFT_SET_MAP) {
		if (s->data_type == NFT_DATA_VERDICT)
			s->data_len = sizeof(struct nft_verdict);
		else if (!s->data_len || s->data_len > NFT_KEY_MAX)
			return -EINVAL;
	} else if (tb[NFTA_SET_DATA_TYPE]) {
		return -EINVAL;
	}
	if (tb[NFTA_SET_TIMEOUT]) {
		if (!(s->flags & NFT_SET_TIMEOUT) || nla_be64(tb[NFTA_SET_TIMEOUT], &s->timeout))
			return -EINVAL;
	}
	err = parse_desc(s, tb[NFTA_SET_DESC]);
	if (!err)
		err = nft_blob_from(tb[NFTA_SET_USERDATA], NFT_UDATA, &s->udata);
	return err ? err : parse_exprs(c, s, tb);
}

static void free_parts(struct net *net, struct nft_set *s)
{
	for (u32 i = 0; i < s->n_exprs; i++)
		nft_expr_free(net, s->exprs[i]);
	kfree(s->udata);
	kfree(s);
}

int nft_new_set(struct nft_ctx *c)
{
	nla_t tb[NFTA_SET_MAX + 1], name;
	struct nft_set *s;
	int err;

	nla_parse(tb, NFTA_SET_MAX, c->r->attrs, c->r->len);
	name = tb[NFTA_SET_NAME];
	if (!tb[NFTA_SET_TABLE] || !name || !tb[NFTA_SET_KEY_LEN] || !tb[NFTA_SET_ID])
		return -EINVAL;
	c->table = nft_table_get(c, tb[NFTA_SET_TABLE]);
	if (IS_ERR(c->table))
		return PTR_ERR(c->table);
	if (nft_set_find(c->table, name)) {
		if (c->r->h->nlmsg_flags & NLM_F_EXCL)
			return nfnl_bad(c->r, name, -EEXIST);
		return c->r->h->nlmsg_flags & NLM_F_REPLACE ? -EOPNOTSUPP : 0;
	}
	if (!(c->r->h->nlmsg_flags & NLM_F_CREATE))
		return -ENOENT;
	if (nft_count(c->nn))
		return -ENOSPC;
	s = kzalloc(sizeof(*s), NFT_GFP);
	if (!s) {
		nft_uncount(c->nn);
		return -ENOMEM;
	}
	s->table = c->table;
	err = choose_name(c->table, s, name);
	if (!err)
		err = parse(c, s, tb);
	if (!err) {
		s->handle = ++c->table->handles;
		err = nft_log(c->nn, T_SET, false, s);
	}
	if (err) {
		free_parts(c->net, s);
		nft_uncount(c->nn);
		return err;
	}
	c->table->use++;
	list_add_tail(&s->list, &c->table->sets);
	return 0;
}

int nft_set_delete(struct nft_net *nn, struct nft_set *s)
{
	int err = nft_log(nn, T_SET, true, s);

	if (err)
		return err;
	nft_set_deactivate(s);
	s->table->use--;
	return 0;
}

static struct nft_set *by_handle(const struct nft_table *t, nla_t a)
{
	struct nft_set *s;
	u64 handle;

	if (!nla_be64(a, &handle))
		list_for_each_entry(s, &t->sets, list)
			if (!(s->pend & NFT_DEL) && s->handle == handle)
				return s;
	return NULL;
}

int nft_del_set(struct nft_ctx *c)
{
	nla_t tb[NFTA_SET_MAX + 1], by;
	struct nft_set *s;

	nla_parse(tb, NFTA_SET_MAX, c->r->attrs, c->r->len);
	c->table = nft_table_get(c, tb[NFTA_SET_TABLE]);
	if (IS_ERR(c->table))
		return PTR_ERR(c->table);
	by = tb[NFTA_SET_HANDLE] ? tb[NFTA_SET_HANDLE] : tb[NFTA_SET_NAME];
	if (!by)
		return -EINVAL;
	s = tb[NFTA_SET_HANDLE] ? by_handle(c->table, by) : nft_set_find(c->table, by);
	if (!s)
		return nfnl_bad(c->r, by, -ENOENT);
	if (s->use)
		return nfnl_bad(c->r, by, -EBUSY);
	return nft_set_delete(c->nn, s);
}

/* ---- messages ---- */

static void put_desc(struct nfb *b, const struct nft_set *s)
{
	u32 desc, list, one;

	desc = nfb_nest(b, NFTA_SET_DESC);
	if (s->max)
		nfb_be32(b, NFTA_SET_DESC_SIZE, s->max);
	if (s->fields) {
		list = nfb_nest(b, NFTA_SET_DESC_CONCAT);
		for (u32 i = 0; i < s->fields; i++) {
			one = nfb_nest(b, NFTA_LIST_ELEM);
			nfb_be32(b, NFTA_SET_FIELD_LEN, s->field_len[i]);
			nfb_nest_end(b, one);
		}
		nfb_nest_end(b, list);
	}
	nfb_nest_end(b, desc);
}

void nft_put_set(struct nfb *b, const struct nfb_to *to, u8 type, const struct nft_set *s)
{
	u32 list;

	nfb_begin(b, to, (u16)(NFNL_SUBSYS_NFTABLES << 8 | type), s->table->family,
		(u16)s->table->nn->genid);
	nfb_text(b, NFTA_SET_TABLE, s->table->name);
	nfb_text(b, NFTA_SET_NAME, s->name);
	nfb_be64(b, NFTA_SET_HANDLE, s->handle);
	if (s->flags)
		nfb_be32(b, NFTA_SET_FLAGS, s->flags);
	nfb_be32(b, NFTA_SET_KEY_TYPE, s->key_type);
	nfb_be32(b, NFTA_SET_KEY_LEN, s->key_len);
	if (s->flags & NFT_SET_MAP) {
		nfb_be32(b, NFTA_SET_DATA_TYPE, s->data_type);
		nfb_be32(b, NFTA_SET_DATA_LEN, s->data_len);
	}
	if (s->flags & NFT_SET_OBJECT)
		nfb_be32(b, NFTA_SET_OBJ_TYPE, s->obj_type);
	if (s->timeout)
		nfb_be64(b, NFTA_SET_TIMEOUT, s->timeout);
	if (s->gc_interval)
		nfb_be32(b, NFTA_SET_GC_INTERVAL, s->gc_interval);
	if (s->policy)
		nfb_be32(b, NFTA_SET_POLICY, s->policy);
	nft_put_blob(b, NFTA_SET_USERDATA, s->udata);
	put_desc(b, s);
	if (s->n_exprs == 1) {
		nft_expr_put(b, NFTA_SET_EXPR, s->exprs[0]);
	} else if (s->n_exprs) {
		list = nfb_nest(b, NFTA_SET_EXPRESSIONS);
		for (u32 i = 0; i < s->n_exprs; i++)
			nft_expr_put(b, NFTA_LIST_ELEM, s->exprs[i]);
		nfb_nest_end(b, list);
	}
	nfb_end(b);
}

int nft_get_set(struct nft_ctx *c)
{
	struct nfb_to to = nfnl_to(c->r);
	nla_t tb[NFTA_SET_MAX + 1];
	struct nfb b = { 0 };
	struct nft_table *t;
	struct nft_set *s;
	int err = 0;

	nla_parse(tb, NFTA_SET_MAX, c->r->attrs, c->r->len);
	if (!(c->r->h->nlmsg_flags & NLM_F_DUMP)) {
		t = nft_table_get(c, tb[NFTA_SET_TABLE]);
		if (IS_ERR(t))
			return PTR_ERR(t);
		s = nft_set_find(t, tb[NFTA_SET_NAME]);
		if (!s)
			return nfnl_bad(c->r, tb[NFTA_SET_NAME], -ENOENT);
		nft_put_set(&b, &to, NFT_MSG_NEWSET, s);
		return nfnl_answer(c->r, &b);
	}
	if (tb[NFTA_SET_TABLE] && IS_ERR(nft_table_get(c, tb[NFTA_SET_TABLE])))
		return -ENOENT;
	to.flags = NLM_F_MULTI;
	list_for_each_entry(t, &c->nn->tables, list) {
		if ((c->r->family && c->r->family != t->family) ||
			(tb[NFTA_SET_TABLE] && !nla_is(tb[NFTA_SET_TABLE], t->name)))
			continue;
		list_for_each_entry(s, &t->sets, list) {
			if (err)
				break;
			nft_put_set(&b, &to, NFT_MSG_NEWSET, s);
			err = nfnl_dump(c->r, &b);
		}
	}
	nfb_free(&b);
	return err ? err : nfnl_done(c->r);
}

/* ---- life of a set ---- */

static void each_elem(struct nft_set *s, void (*fn)(struct nft_elem *e))
{
	for (struct rb_node *n = rb_first(&s->elems); n; n = rb_next(n)) {
		struct nft_elem *e = rb_entry(n, struct nft_elem, node);

		if (!(e->pend & NFT_DEL))
			fn(e);
	}
	if (s->catchall && !(s->catchall->pend & NFT_DEL))
		fn(s->catchall);
}

/*
 * Drops the elements' references to chains and objects. Elements that packets add meanwhile have no
 * references.
 */
void nft_set_deactivate(struct nft_set *s)
{
	spin_lock(&s->table->nn->lock);
	each_elem(s, nft_elem_deactivate);
	spin_unlock(&s->table->nn->lock);
}

void nft_set_activate(struct nft_set *s)
{
	spin_lock(&s->table->nn->lock);
	each_elem(s, nft_elem_activate);
	spin_unlock(&s->table->nn->lock);
}

/* Frees a set that is in no list and is used by no rule. */
void nft_set_free(struct net *net, struct nft_set *s)
{
	struct rb_node *n;

	while ((n = rb_first(&s->elems))) {
		rb_erase(n, &s->elems);
		nft_elem_free(net, rb_entry(n, struct nft_elem, node));
		cond_resched();
	}
	if (s->catchall)
		nft_elem_free(net, s->catchall);
	nft_uncount(s->table->nn);
	free_parts(net, s);
}
