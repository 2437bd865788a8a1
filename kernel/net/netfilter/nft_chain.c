/* SPDX-License-Identifier: MIT */
/*
 * nft_chain.c: chains: requests and messages, and the check that jumps end. nft_validate() gives
 * each chain a height: 0 without jumps, else one more than the highest chain it jumps to. It
 * refuses loops, and base chains whose height is too large. It takes time linear in the number of
 * rules, since it measures each chain once.
 */
#include "kernel/lib/printk.h"
#include "kernel/net/netfilter/nft.h"

/* ---- hooks ---- */

static void each_family(struct net *net, struct nft_chain *ch, bool on, int *err)
{
	u8 family = ch->table->family;

	for (int v6 = 0; v6 < 2; v6++) {
		struct nf_hook_ops ops = {
			.fn = ch->nat ? nft_run_nat : nft_run,
			.priv = ch,
			.priority = ch->priority,
			.hook = ch->hook,
			.v6 = v6,
			.nat = ch->nat,
		};

		if (family == (v6 ? NFPROTO_IPV4 : NFPROTO_IPV6))
			continue;
		if (!on)
			nf_unregister(net, &ops);
		else if (!*err)
			*err = nf_register(net, &ops);
	}
}

bool nft_chain_unregister(struct net *net, struct nft_chain *ch)
{
	int err = 0;

	if (!ch->registered)
		return false;
	each_family(net, ch, false, &err);
	ch->registered = false;
	if (ch->nat)
		nf_nat_put(net);
	return true;
}

/* Registers the chain's hooks. If it fails, no packet can still be in the chain or enter it. */
static int hook_up(struct net *net, struct nft_chain *ch)
{
	int err = ch->nat ? nf_nat_get(net) : 0;

	if (err)
		return err;
	each_family(net, ch, true, &err);
	ch->registered = true;
	if (err) {
		nft_chain_unregister(net, ch);
		synchronize_rcu();
	}
	return err;
}

/* ---- jumps ---- */

static u32 epoch;

/*
 * Sets ch->height, the number of jumps on the longest path from @ch. While it runs, highest[depth]
 * has the maximum so far. Returns 0, -ELOOP or -EMLINK.
 */
static int measure(struct nft_chain *ch, u32 depth);
static u32 highest[NFT_DEPTH + 2];

static int visit(struct nft_chain *to, u32 depth)
{
	int err = measure(to, depth + 1);

	if (!err)
		highest[depth] = max(highest[depth], to->height + 1);
	return err;
}

static int measure(struct nft_chain *ch, u32 depth)
{
	struct nft_rule *r;
	int err = 0;

	if (ch->visiting)
		return -ELOOP;
	if (depth > NFT_DEPTH)
		return -EMLINK;
	if (ch->mark == epoch)
		return 0;
	ch->visiting = true;
	highest[depth] = 0;
	list_for_each_entry(r, &ch->rules, list) {
		for (u32 i = 0; !err && !(r->pend & NFT_DEL) && i < r->n; i++)
			err = nft_expr_jumps(r->exprs[i], visit, depth);
		cond_resched();
	}
	ch->visiting = false;
	if (err)
		return err;
	ch->height = highest[depth];
	ch->mark = epoch;
	return depth + ch->height > NFT_DEPTH ? -EMLINK : 0;
}

/*
 * Measures all chains that base chains reach, each once. A base chain has depth 0. Since its height
 * includes those of the chains that it reaches, the check of its height covers every path.
 */
int nft_validate(struct nft_table *t)
{
	struct nft_chain *ch;
	int err = 0;

	epoch++;
	list_for_each_entry(ch, &t->chains, list) {
		if (err || !(ch->flags & NFT_CHAIN_BASE) || ch->pend & NFT_DEL)
			continue;
		err = measure(ch, 0);
		if (!err && ch->height >= NFT_DEPTH)
			err = -EMLINK;
	}
	return err == -ELOOP ? -EMLINK : err;
}

/* ---- requests ---- */

struct nft_chain *nft_chain_find(const struct nft_table *t, nla_t name)
{
	struct nft_chain *ch;

	list_for_each_entry(ch, &t->chains, list)
		if (!(ch->pend & NFT_DEL) && nla_is(name, ch->name))
			return ch;
	return NULL;
}

static struct nft_chain *by_handle(const struct nft_table *t, nla_t a)
{
	struct nft_chain *ch;
	u64 handle;

	if (!nla_be64(a, &handle))
		list_for_each_entry(ch, &t->chains, list)
			if (!(ch->pend & NFT_DEL) && ch->handle == handle)
				return ch;
	return NULL;
}

struct hook_wanted {
	u32 hook, priority;
	const char *type;
};

/*
 * Reads hook, priority and type of a base chain. @type may be NULL: "filter". Returns 0, -EINVAL,
 * -ENOENT for an unknown type, or -EOPNOTSUPP.
 */
static int parse_hook(nla_t hook, nla_t type, struct hook_wanted *w)
{
	static const struct {
		const char *name;
		u32 hooks;
	} types[] = {
		{ "filter", 0x1f },
		{ "route", 1 << NF_INET_LOCAL_OUT },
		{ "nat", 0x1f & ~(1 << NF_INET_FORWARD) },
	};
	nla_t tb[NFTA_HOOK_MAX + 1];
	u32 i;

	nla_parse_nested(tb, NFTA_HOOK_MAX, hook);
	if (nla_be32(tb[NFTA_HOOK_HOOKNUM], &w->hook) ||
		nla_be32(tb[NFTA_HOOK_PRIORITY], &w->priority))
		return -EINVAL;
	w->type = types[0].name;
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		if (type ? nla_is(type, types[i].name) : !i) {
			w->type = types[i].name;
			if (w->hook >= NF_INET_NUMHOOKS || !(types[i].hooks >> w->hook & 1))
				return -EOPNOTSUPP;
			/*
			 * NAT needs the packet's connection, which conntrack attaches at
			 * NF_PRI_CONNTRACK
			 */
			return i == 2 && (int)w->priority <= NF_PRI_CONNTRACK ? -EOPNOTSUPP : 0;
		}
	}
	return -ENOENT;
}

static int parse_counters(nla_t a, u64 *packets, u64 *bytes)
{
	nla_t tb[NFTA_COUNTER_MAX + 1];

	nla_parse_nested(tb, NFTA_COUNTER_MAX, a);
	return nla_be64(tb[NFTA_COUNTER_PACKETS], packets) ||
			       nla_be64(tb[NFTA_COUNTER_BYTES], bytes) ?
		       -EINVAL :
		       0;
}

/*
 * Makes a chain for NFT_MSG_NEWCHAIN, and hooks a base chain up. Packets do not see it before the
 * commit. Returns 0 or -errno.
 */
static int create(struct nft_ctx *c, nla_t *tb, u32 flags, u32 policy)
{
	struct nft_table *t = c->table;
	struct hook_wanted w = { 0 };
	struct nft_chain *ch;
	int err;

	if (tb[NFTA_CHAIN_HOOK]) {
		err = parse_hook(tb[NFTA_CHAIN_HOOK], tb[NFTA_CHAIN_TYPE], &w);
		if (err)
			return err == -ENOENT ? nfnl_bad(c->r, tb[NFTA_CHAIN_TYPE], err) : err;
		flags |= NFT_CHAIN_BASE;
	} else if (flags & NFT_CHAIN_BASE) {
		return -EINVAL;
	}
	if (nft_count(c->nn))
		return -ENOSPC;
	ch = kzalloc(sizeof(*ch), NFT_GFP);
	err = ch ? nla_text(tb[NFTA_CHAIN_NAME], ch->name, sizeof(ch->name)) : -ENOMEM;
	if (!err)
		err = nft_blob_from(tb[NFTA_CHAIN_USERDATA], NFT_UDATA, &ch->udata);
	if (!err && tb[NFTA_CHAIN_COUNTERS]) {
		err = parse_counters(tb[NFTA_CHAIN_COUNTERS], &ch->packets, &ch->bytes);
		ch->counted = true;
	}
	if (err)
		goto err_free;
	INIT_LIST_HEAD(&ch->rules);
	ch->table = t;
	ch->flags = flags;
	ch->policy = (u8)policy;
	ch->hook = (u8)w.hook;
	ch->priority = (int)w.priority;
	ch->type = w.type;
	ch->nat = w.type && w.type[0] == 'n';
	ch->handle = ++t->handles;
	ch->pend = NFT_NEW;
	err = flags & NFT_CHAIN_BASE ? hook_up(c->net, ch) : 0;
	if (err)
		goto err_free;
	err = nft_log(c->nn, T_CHAIN, false, ch);
	if (err)
		goto err_unhook;
	t->use++;
	list_add_tail(&ch->list, &t->chains);
	return 0;
err_unhook:
	if (nft_chain_unregister(c->net, ch))
		/*
		 * no step of the log refers to the chain, so commit or abort would not wait for
		 * packets in it
		 */
		synchronize_rcu();
err_free:
	if (ch)
		kfree(ch->udata);
	kfree(ch);
	nft_uncount(c->nn);
	return err;
}

/*
 * True if a request of this batch renames another chain to this name, which takes effect at commit.
 */
static bool is_promised(const struct nft_ctx *c, nla_t name)
{
	const struct nft_trans *t;

	list_for_each_entry(t, &c->nn->trans, list) {
		const struct nft_chain *ch = t->what;

		if (t->type == T_RENAME && ch->table == c->table && !(ch->pend & NFT_DEL) &&
			nla_is(name, t->text))
			return true;
	}
	return false;
}

static int rename_chain(struct nft_ctx *c, struct nft_chain *ch, nla_t name)
{
	char text[NFT_NAME];
	int err = nla_text(name, text, sizeof(text));

	if (err)
		return err;
	if (nft_chain_find(ch->table, name) || is_promised(c, name))
		return nfnl_bad(c->r, name, -EEXIST);
	return nft_log_update(c->nn, T_RENAME, ch, 0, 0, text);
}

/* Logs the changes of an existing chain: its name, or counters and policy. Returns 0 or -errno. */
static int change(struct nft_ctx *c, struct nft_chain *ch, nla_t *tb, bool has_policy, u32 policy)
{
	bool base = ch->flags & NFT_CHAIN_BASE;
	struct hook_wanted w;
	u64 packets, bytes;
	int err = 0;

	if (tb[NFTA_CHAIN_HOOK]) {
		if (!base)
			return nfnl_bad(c->r, tb[NFTA_CHAIN_HOOK], -EEXIST);
		err = parse_hook(tb[NFTA_CHAIN_HOOK], tb[NFTA_CHAIN_TYPE], &w);
		if (err)
			return err;
		if (w.hook != ch->hook || (int)w.priority != ch->priority || w.type != ch->type)
			return nfnl_bad(c->r, tb[NFTA_CHAIN_HOOK], -EEXIST);
	}
	if (tb[NFTA_CHAIN_HANDLE] && tb[NFTA_CHAIN_NAME] && !nla_is(tb[NFTA_CHAIN_NAME], ch->name))
		return rename_chain(c, ch, tb[NFTA_CHAIN_NAME]);
	if (tb[NFTA_CHAIN_COUNTERS]) {
		if (!base)
			return -EOPNOTSUPP;
		err = parse_counters(tb[NFTA_CHAIN_COUNTERS], &packets, &bytes);
		if (!err)
			err = nft_log_update(c->nn, T_COUNTERS, ch, packets, bytes, NULL);
	}
	if (!err && has_policy)
		err = nft_log_update(c->nn, T_POLICY, ch, policy, 0, NULL);
	return err;
}

int nft_new_chain(struct nft_ctx *c)
{
	nla_t tb[NFTA_CHAIN_MAX + 1], id;
	struct nft_chain *ch;
	u32 flags = 0, policy = NF_ACCEPT;

	nla_parse(tb, NFTA_CHAIN_MAX, c->r->attrs, c->r->len);
	c->table = nft_table_get(c, tb[NFTA_CHAIN_TABLE]);
	if (IS_ERR(c->table))
		return PTR_ERR(c->table);
	id = tb[NFTA_CHAIN_HANDLE];
	if (!id && !tb[NFTA_CHAIN_NAME])
		return tb[NFTA_CHAIN_ID] ? -EOPNOTSUPP : -EINVAL;
	ch = id ? by_handle(c->table, id) : nft_chain_find(c->table, tb[NFTA_CHAIN_NAME]);
	if (id && !ch)
		return nfnl_bad(c->r, id, -ENOENT);
	if (nla_opt32(tb[NFTA_CHAIN_FLAGS], &flags) || nla_opt32(tb[NFTA_CHAIN_POLICY], &policy))
		return -EINVAL;
	if (flags & ~(u32)NFT_CHAIN_BASE)
		return -EOPNOTSUPP;
	if (tb[NFTA_CHAIN_POLICY] &&
		((ch && !(ch->flags & NFT_CHAIN_BASE)) || (!ch && !tb[NFTA_CHAIN_HOOK])))
		return nfnl_bad(c->r, tb[NFTA_CHAIN_POLICY], -EOPNOTSUPP);
	if (policy != NF_ACCEPT && policy != NF_DROP)
		return -EINVAL;
	if (!ch && is_promised(c, tb[NFTA_CHAIN_NAME]))
		return nfnl_bad(c->r, tb[NFTA_CHAIN_NAME], -EEXIST);
	if (!ch)
		return create(c, tb, flags, policy);
	if (c->r->h->nlmsg_flags & NLM_F_EXCL)
		return nfnl_bad(c->r, id ? id : tb[NFTA_CHAIN_NAME], -EEXIST);
	if (c->r->h->nlmsg_flags & NLM_F_REPLACE)
		return -EOPNOTSUPP;
	return change(c, ch, tb, tb[NFTA_CHAIN_POLICY], policy);
}

int nft_chain_flush(struct nft_net *nn, struct nft_chain *ch)
{
	struct nft_rule *r;
	int err = 0;

	list_for_each_entry(r, &ch->rules, list)
		if (!err && !(r->pend & NFT_DEL))
			err = nft_rule_delete(nn, r);
	return err;
}

int nft_del_chain(struct nft_ctx *c)
{
	nla_t tb[NFTA_CHAIN_MAX + 1], by;
	struct nft_chain *ch;
	int err;

	nla_parse(tb, NFTA_CHAIN_MAX, c->r->attrs, c->r->len);
	c->table = nft_table_get(c, tb[NFTA_CHAIN_TABLE]);
	if (IS_ERR(c->table))
		return PTR_ERR(c->table);
	by = tb[NFTA_CHAIN_HANDLE] ? tb[NFTA_CHAIN_HANDLE] : tb[NFTA_CHAIN_NAME];
	if (!by)
		return -EINVAL;
	ch = tb[NFTA_CHAIN_HANDLE] ? by_handle(c->table, by) : nft_chain_find(c->table, by);
	if (!ch)
		return nfnl_bad(c->r, by, -ENOENT);
	if (c->r->h->nlmsg_flags & NLM_F_NONREC && !list_empty(&ch->rules)) {
		struct nft_rule *r;

		list_for_each_entry(r, &ch->rules, list)
			if (!(r->pend & NFT_DEL))
				return -EBUSY;
	}
	err = nft_chain_flush(c->nn, ch);
	if (err)
		return err;
	if (ch->use)
		return nfnl_bad(c->r, by, -EBUSY);
	err = nft_log(c->nn, T_CHAIN, true, ch);
	if (!err)
		c->table->use--;
	return err;
}

/* ---- messages ---- */

void nft_put_chain(struct nfb *b, const struct nfb_to *to, u8 type, const struct nft_chain *ch)
{
	u32 nest, use = ch->use;
	const struct nft_rule *r;

	list_for_each_entry(r, &ch->rules, list)
		use++;
	nfb_begin(b, to, (u16)(NFNL_SUBSYS_NFTABLES << 8 | type), ch->table->family,
		(u16)ch->table->nn->genid);
	nfb_text(b, NFTA_CHAIN_TABLE, ch->table->name);
	nfb_text(b, NFTA_CHAIN_NAME, ch->name);
	nfb_be64(b, NFTA_CHAIN_HANDLE, ch->handle);
	if (ch->flags & NFT_CHAIN_BASE) {
		nest = nfb_nest(b, NFTA_CHAIN_HOOK);
		nfb_be32(b, NFTA_HOOK_HOOKNUM, ch->hook);
		nfb_be32(b, NFTA_HOOK_PRIORITY, (u32)ch->priority);
		nfb_nest_end(b, nest);
		nfb_be32(b, NFTA_CHAIN_POLICY, ch->policy);
		nfb_text(b, NFTA_CHAIN_TYPE, ch->type);
	}
	if (ch->counted) {
		nest = nfb_nest(b, NFTA_CHAIN_COUNTERS);
		nfb_be64(b, NFTA_COUNTER_PACKETS, ch->packets);
		nfb_be64(b, NFTA_COUNTER_BYTES, ch->bytes);
		nfb_nest_end(b, nest);
	}
	if (ch->flags)
		nfb_be32(b, NFTA_CHAIN_FLAGS, ch->flags);
	nfb_be32(b, NFTA_CHAIN_USE, use);
	nft_put_blob(b, NFTA_CHAIN_USERDATA, ch->udata);
	nfb_end(b);
}

int nft_get_chain(struct nft_ctx *c)
{
	struct nfb_to to = nfnl_to(c->r);
	nla_t tb[NFTA_CHAIN_MAX + 1];
	struct nfb b = { 0 };
	struct nft_table *t;
	struct nft_chain *ch;
	int err = 0;

	nla_parse(tb, NFTA_CHAIN_MAX, c->r->attrs, c->r->len);
	if (!(c->r->h->nlmsg_flags & NLM_F_DUMP)) {
		t = nft_table_get(c, tb[NFTA_CHAIN_TABLE]);
		if (IS_ERR(t))
			return PTR_ERR(t);
		ch = nft_chain_find(t, tb[NFTA_CHAIN_NAME]);
		if (!ch)
			return nfnl_bad(c->r, tb[NFTA_CHAIN_NAME], -ENOENT);
		nft_put_chain(&b, &to, NFT_MSG_NEWCHAIN, ch);
		return nfnl_answer(c->r, &b);
	}
	to.flags = NLM_F_MULTI;
	list_for_each_entry(t, &c->nn->tables, list) {
		if (c->r->family && c->r->family != t->family)
			continue;
		list_for_each_entry(ch, &t->chains, list) {
			if (err)
				break;
			nft_put_chain(&b, &to, NFT_MSG_NEWCHAIN, ch);
			err = nfnl_dump(c->r, &b);
		}
	}
	nfb_free(&b);
	return err ? err : nfnl_done(c->r);
}

/* ---- freeing ---- */

static void free_rcu(struct rcu_head *h)
{
	struct nft_chain *ch = container_of(h, struct nft_chain, rcu);

	kfree(ch->udata);
	kfree(ch);
}

/* Frees the chain after a grace period, since a packet may still enter it. */
void nft_chain_free(struct net *net, struct nft_chain *ch)
{
	nft_uncount(ch->table->nn);
	INIT_LIST_HEAD(&ch->rules);
	call_rcu(&ch->rcu, free_rcu);
}
