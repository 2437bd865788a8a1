/* SPDX-License-Identifier: MIT */
/*
 * nft_trans.c: the log of a batch, whose changes are either all committed or all aborted.
 *
 * Each request appends its steps to the log. Commit walks the log with nn->lock held, so that a
 * packet sees either all or nothing of the batch. Then it walks the log without the lock, to notify
 * listeners (nft monitor) and to free objects. Abort walks the log backwards.
 */
#include "kernel/lib/printk.h"
#include "kernel/net/netfilter/conntrack.h"
#include "kernel/net/netfilter/nft.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/pid_ns.h"

struct nft_net *nft_net(struct net *net)
{
	struct nft_net *nn = net->nf.nft;

	if (nn)
		return nn;
	nn = kzalloc(sizeof(*nn), NFT_GFP);
	if (!nn)
		return NULL;
	spin_lock_init(&nn->lock);
	INIT_LIST_HEAD(&nn->tables);
	INIT_LIST_HEAD(&nn->trans);
	INIT_LIST_HEAD(&nn->recent);
	INIT_LIST_HEAD(&nn->limits);
	INIT_LIST_HEAD(&nn->loggers);
	nn->genid = 1;
	return net->nf.nft = nn;
}

int nft_count(struct nft_net *nn)
{
	if ((u32)atomic_inc_return(&nn->objects) <= NFT_OBJECTS)
		return 0;
	atomic_dec(&nn->objects);
	return -ENOSPC;
}

void nft_uncount(struct nft_net *nn)
{
	atomic_dec(&nn->objects);
}

int nft_blob_from(nla_t a, u32 max, struct nft_blob **out)
{
	struct nft_blob *u;

	*out = NULL;
	if (!a || !nla_len(a))
		return 0;
	if (nla_len(a) > max)
		return -EINVAL;
	u = kmalloc(sizeof(*u) + nla_len(a), NFT_GFP);
	if (!u)
		return -ENOMEM;
	u->len = nla_len(a);
	memcpy(u->data, nla_data(a), u->len);
	*out = u;
	return 0;
}

/* ---- the log ---- */

int nft_log_update(struct nft_net *nn, enum nft_trans_type type, void *what, u64 value, u64 value2,
	const char *text)
{
	struct nft_trans *t = kzalloc(sizeof(*t), NFT_GFP);

	if (!t)
		return -ENOMEM;
	t->type = type;
	t->what = what;
	t->value = value;
	t->value2 = value2;
	t->seq = nn->req->nlmsg_seq;
	t->flags =
		nn->req->nlmsg_flags & (NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND | NLM_F_REPLACE);
	t->echo = nn->req->nlmsg_flags & NLM_F_ECHO;
	if (text) {
		t->text = kmemdup(text, strlen(text) + 1, NFT_GFP);
		if (!t->text) {
			kfree(t);
			return -ENOMEM;
		}
	}
	list_add_tail(&t->list, &nn->trans);
	return 0;
}

static u8 *pend_of(enum nft_trans_type type, void *what)
{
	switch (type) {
	case T_TABLE: return &((struct nft_table *)what)->pend;
	case T_CHAIN: return &((struct nft_chain *)what)->pend;
	case T_RULE: return &((struct nft_rule *)what)->pend;
	case T_SET: return &((struct nft_set *)what)->pend;
	case T_ELEM: return &((struct nft_elem *)what)->pend;
	case T_OBJ: return &((struct nft_obj *)what)->pend;
	default: return NULL;
	}
}

int nft_log(struct nft_net *nn, enum nft_trans_type type, bool del, void *what)
{
	int err = nft_log_update(nn, type, what, 0, 0, NULL);

	if (err)
		return err;
	list_last_entry(&nn->trans, struct nft_trans, list)->del = del;
	*pend_of(type, what) |= del ? NFT_DEL : NFT_NEW;
	return 0;
}

int nft_batch_begin(struct net *net, u32 genid)
{
	struct nft_net *nn = nft_net(net);

	if (!nn)
		return -ENOMEM;
	BUG_ON(!list_empty(&nn->trans));
	return genid && genid != nn->genid ? -ERESTART : 0;
}

/* ---- commit ---- */

static void unlink_it(struct nft_trans *t)
{
	switch (t->type) {
	case T_TABLE: list_del_init(&((struct nft_table *)t->what)->list); break;
	case T_CHAIN: list_del_init(&((struct nft_chain *)t->what)->list); break;
	case T_RULE: list_del_init(&((struct nft_rule *)t->what)->list); break;
	case T_SET: list_del_init(&((struct nft_set *)t->what)->list); break;
	case T_OBJ: list_del_init(&((struct nft_obj *)t->what)->list); break;
	case T_ELEM: nft_elem_unlink(t->what); break;
	default: break;
	}
}

static void update(struct nft_trans *t)
{
	struct nft_chain *ch = t->what;

	if (t->type == T_POLICY)
		ch->policy = (u8)t->value;
	else if (t->type == T_FLAGS)
		((struct nft_table *)t->what)->flags = (u32)t->value;
	else if (t->type == T_RENAME)
		strscpy(ch->name, t->text, sizeof(ch->name));
	else if (t->type == T_COUNTERS) {
		ch->counted = true;
		ch->packets = t->value;
		ch->bytes = t->value2;
	}
}

/* True for a new element that will be reported to listeners, and must not be freed before that. */
static bool pinned(const struct nft_trans *t, bool heard)
{
	return t->type == T_ELEM && !t->del && (heard || t->echo);
}

/* Makes a step of the log visible to packets. nn->lock held. */
static void apply(struct nft_trans *t, bool heard)
{
	u8 *pend = pend_of(t->type, t->what);

	if (!pend)
		update(t);
	else if (t->del)
		unlink_it(t);
	else
		*pend &= (u8)~NFT_NEW;
	if (pinned(t, heard))
		*pend |= NFT_UNREPORTED;
}

/*
 * Allows packets to free an element, after it was reported to listeners. If it has expired
 * meanwhile, frees it; in a set with ends, the collector frees it together with its end.
 */
static void let_go(struct net *net, struct nft_elem *e)
{
	spin_lock(&net->nf.nft->lock);
	e->pend &= (u8)~NFT_UNREPORTED;
	if (!e->pend && !(e->set->pend & NFT_DEL) && nft_elem_expired(e) &&
		!nft_set_has_ends(e->set))
		nft_elem_end(net, e);
	spin_unlock(&net->nf.nft->lock);
}

static void free_it(struct net *net, enum nft_trans_type type, void *what)
{
	switch (type) {
	case T_TABLE: nft_table_free(net, what); break;
	case T_CHAIN: nft_chain_free(net, what); break;
	case T_RULE: nft_rule_free(net, what); break;
	case T_SET: nft_set_free(net, what); break;
	case T_ELEM: nft_elem_free(net, what); break;
	case T_OBJ: nft_obj_free(net, what); break;
	default: break;
	}
}

static void put_it(struct nfb *b, const struct nfb_to *to, const struct nft_trans *t)
{
	switch (t->type) {
	case T_TABLE:
		nft_put_table(b, to, t->del ? NFT_MSG_DELTABLE : NFT_MSG_NEWTABLE, t->what);
		break;
	case T_FLAGS: nft_put_table(b, to, NFT_MSG_NEWTABLE, t->what); break;
	case T_POLICY:
	case T_COUNTERS:
	case T_RENAME: nft_put_chain(b, to, NFT_MSG_NEWCHAIN, t->what); break;
	case T_CHAIN:
		nft_put_chain(b, to, t->del ? NFT_MSG_DELCHAIN : NFT_MSG_NEWCHAIN, t->what);
		break;
	case T_RULE:
		nft_put_rule(b, to, t->del ? NFT_MSG_DELRULE : NFT_MSG_NEWRULE, t->what);
		break;
	case T_SET: nft_put_set(b, to, t->del ? NFT_MSG_DELSET : NFT_MSG_NEWSET, t->what); break;
	case T_ELEM:
		nft_put_elem_msg(b, to, t->del ? NFT_MSG_DELSETELEM : NFT_MSG_NEWSETELEM, t->what);
		break;
	case T_OBJ: nft_put_obj(b, to, t->del ? NFT_MSG_DELOBJ : NFT_MSG_NEWOBJ, t->what); break;
	}
}

/* Notifies listeners of a step. As on Linux, anonymous sets and their elements are reported too. */
static void notify_step(struct net *net, const struct nft_trans *t, struct nl_sock *n, bool heard)
{
	struct nfb_to to = { n->portid, t->seq, t->del ? 0 : t->flags };
	struct nfb b = { 0 };

	if (!heard && !t->echo)
		return;
	put_it(&b, &to, t);
	nfnl_notify(net, NFNLGRP_NFTABLES, &b, t->echo ? n : NULL);
}

static void notify_generation(struct net *net, struct nl_sock *n, const struct nlmsghdr *begin)
{
	struct nfb_to to = { n->portid, begin->nlmsg_seq, 0 };
	struct nfb b = { 0 };

	nfb_begin(&b, &to, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN, AF_UNSPEC,
		(u16)net->nf.nft->genid);
	nfb_be32(&b, NFTA_GEN_ID, net->nf.nft->genid);
	nfb_be32(&b, NFTA_GEN_PROC_PID, (u32)task_tgid_vnr(current));
	nfb_text(&b, NFTA_GEN_PROC_NAME, current->comm);
	nfb_end(&b);
	nfnl_notify(net, NFNLGRP_NFTABLES, &b, begin->nlmsg_flags & NLM_F_ECHO ? n : NULL);
}

static bool sets_bound(const struct nft_net *nn)
{
	const struct nft_trans *t;

	list_for_each_entry(t, &nn->trans, list) {
		const struct nft_set *s = t->what;

		if (t->type == T_SET && !t->del && s->flags & NFT_SET_ANONYMOUS && !s->bound)
			return false;
	}
	return true;
}

static void forget(struct nft_trans *t)
{
	list_del(&t->list);
	kfree(t->text);
	kfree(t);
}

int nft_commit(struct net *net, struct nl_sock *n, const struct nlmsghdr *begin)
{
	struct nft_net *nn = net->nf.nft;
	struct nft_trans *t, *next;
	bool unhooked = false, heard = nl_has_listeners(net, NETLINK_NETFILTER, NFNLGRP_NFTABLES);

	if (list_empty(&nn->trans))
		return 0;
	if (!sets_bound(nn)) {
		nft_abort(net);
		return -EINVAL;
	}
	spin_lock(&nn->lock);
	list_for_each_entry(t, &nn->trans, list)
		apply(t, heard);
	if (!++nn->genid)
		nn->genid++;
	spin_unlock(&nn->lock);
	list_for_each_entry(t, &nn->trans, list) {
		if (t->type == T_CHAIN && t->del)
			unhooked |= nft_chain_unregister(net, t->what);
		notify_step(net, t, n, heard);
		if (pinned(t, heard))
			let_go(net, t->what);
		cond_resched();
	}
	notify_generation(net, n, begin);
	if (unhooked)
		/* wait, since a packet may still be in a chain, and read its table */
		synchronize_rcu();
	list_for_each_entry_safe(t, next, &nn->trans, list) {
		if (t->del)
			free_it(net, t->type, t->what);
		forget(t);
		cond_resched();
	}
	return 0;
}

/* ---- abort ---- */

/* Reverts a deletion. NFT_DEL is cleared last, since from then on a packet may free an element. */
static void undelete(struct nft_net *nn, struct nft_trans *t)
{
	struct nft_table *table = NULL;

	switch (t->type) {
	case T_CHAIN: table = ((struct nft_chain *)t->what)->table; break;
	case T_SET:
		table = ((struct nft_set *)t->what)->table;
		nft_set_activate(t->what);
		break;
	case T_OBJ: table = ((struct nft_obj *)t->what)->table; break;
	case T_RULE: nft_rule_activate(t->what); break;
	case T_ELEM: nft_elem_activate(t->what); break;
	default: break;
	}
	if (table)
		table->use++;
	spin_lock(&nn->lock);
	*pend_of(t->type, t->what) &= (u8)~NFT_DEL;
	spin_unlock(&nn->lock);
}

/* Reverts a creation. Returns true if packets may still enter the object, a chain. */
static bool unmake(struct net *net, struct nft_trans *t)
{
	bool unhooked = false;

	switch (t->type) {
	case T_CHAIN:
		unhooked = nft_chain_unregister(net, t->what);
		((struct nft_chain *)t->what)->table->use--;
		break;
	case T_SET:
		nft_set_deactivate(t->what);
		((struct nft_set *)t->what)->table->use--;
		break;
	case T_OBJ: ((struct nft_obj *)t->what)->table->use--; break;
	case T_RULE: nft_rule_deactivate(t->what); break;
	case T_ELEM: nft_elem_deactivate(t->what); break;
	default: break;
	}
	spin_lock(&net->nf.nft->lock);
	unlink_it(t);
	spin_unlock(&net->nf.nft->lock);
	return unhooked;
}

/*
 * Reverts the steps of a batch in reverse order. Frees the objects only at the end, since other
 * steps may refer to them.
 */
void nft_abort(struct net *net)
{
	struct nft_net *nn = net->nf.nft;
	struct nft_trans *t, *next;
	bool unhooked = false;

	list_for_each_entry_reverse(t, &nn->trans, list) {
		if (!pend_of(t->type, t->what))
			continue;
		if (t->del)
			undelete(nn, t);
		else
			unhooked |= unmake(net, t);
		cond_resched();
	}
	if (unhooked)
		synchronize_rcu();
	while (!list_empty(&nn->trans)) {
		t = next = list_last_entry(&nn->trans, struct nft_trans, list);
		if (pend_of(t->type, t->what) && !t->del)
			free_it(net, t->type, t->what);
		forget(next);
		cond_resched();
	}
}

/* ---- the namespace ends ---- */

void nft_net_end(struct net *net)
{
	struct nft_net *nn = net->nf.nft;

	if (!nn)
		return;
	while (!list_empty(&nn->tables)) {
		struct nft_table *t = list_first_entry(&nn->tables, struct nft_table, list);
		struct nft_chain *ch;

		list_del_init(&t->list);
		list_for_each_entry(ch, &t->chains, list)
			nft_chain_unregister(net, ch);
		synchronize_rcu();
		nft_table_free(net, t);
	}
	net->nf.nft = NULL;
	kfree(nn);
}
