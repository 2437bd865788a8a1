/* SPDX-License-Identifier: MIT */
/*
 * nft_api.c: NFNL_SUBSYS_NFTABLES: the function for each type of message. Messages that change
 * something are accepted only in batches, messages that read something only outside of batches.
 * Flow tables are not supported, so their dump is empty.
 */
#include "kernel/net/netfilter/nft.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/pid_ns.h"

static int get_gen(struct nft_ctx *c)
{
	struct nfb_to to = nfnl_to(c->r);
	struct nfb b = { 0 };

	nfb_begin(
		&b, &to, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN, AF_UNSPEC, (u16)c->nn->genid);
	nfb_be32(&b, NFTA_GEN_ID, c->nn->genid);
	nfb_be32(&b, NFTA_GEN_PROC_PID, (u32)task_tgid_vnr(current));
	nfb_text(&b, NFTA_GEN_PROC_NAME, current->comm);
	nfb_end(&b);
	return nfnl_answer(c->r, &b);
}

static int get_flowtable(struct nft_ctx *c)
{
	return c->r->h->nlmsg_flags & NLM_F_DUMP ? nfnl_done(c->r) : -ENOENT;
}

static int no_flowtable(struct nft_ctx *c)
{
	return -EOPNOTSUPP;
}

/*
 * The function for each type of message, NULL for an unknown type. @batch: the message is accepted
 * only in a batch, else only outside of batches.
 */
static const struct {
	bool batch;
	int (*fn)(struct nft_ctx *c);
} calls[NFT_MSG_GETRULE_RESET_ + 1] = {
	[NFT_MSG_NEWTABLE] = { true, nft_new_table },
	[NFT_MSG_DELTABLE] = { true, nft_del_table },
	[NFT_MSG_GETTABLE] = { false, nft_get_table },
	[NFT_MSG_NEWCHAIN] = { true, nft_new_chain },
	[NFT_MSG_DELCHAIN] = { true, nft_del_chain },
	[NFT_MSG_GETCHAIN] = { false, nft_get_chain },
	[NFT_MSG_NEWRULE] = { true, nft_new_rule },
	[NFT_MSG_DELRULE] = { true, nft_del_rule },
	[NFT_MSG_GETRULE] = { false, nft_get_rule },
	[NFT_MSG_GETRULE_RESET_] = { false, nft_get_rule },
	[NFT_MSG_NEWSET] = { true, nft_new_set },
	[NFT_MSG_DELSET] = { true, nft_del_set },
	[NFT_MSG_GETSET] = { false, nft_get_set },
	[NFT_MSG_NEWSETELEM] = { true, nft_new_elem },
	[NFT_MSG_DELSETELEM] = { true, nft_del_elem },
	[NFT_MSG_GETSETELEM] = { false, nft_get_elem },
	[NFT_MSG_NEWOBJ] = { true, nft_new_obj },
	[NFT_MSG_DELOBJ] = { true, nft_del_obj },
	[NFT_MSG_GETOBJ] = { false, nft_get_obj },
	[NFT_MSG_GETOBJ_RESET] = { false, nft_get_obj },
	[NFT_MSG_GETGEN] = { false, get_gen },
	[NFT_MSG_NEWFLOWTABLE] = { true, no_flowtable },
	[NFT_MSG_DELFLOWTABLE] = { true, no_flowtable },
	[NFT_MSG_GETFLOWTABLE] = { false, get_flowtable },
};

static int call(struct nfnl_req *r, bool batch)
{
	struct nft_ctx c = { .r = r, .net = r->net, .nn = nft_net(r->net) };

	if (!c.nn)
		return -ENOMEM;
	if (r->type >= ARRAY_SIZE(calls) || !calls[r->type].fn || calls[r->type].batch != batch)
		return -EINVAL;
	c.nn->req = r->h;
	return calls[r->type].fn(&c);
}

int nft_serve(struct nfnl_req *r)
{
	return call(r, false);
}

int nft_batch_one(struct nfnl_req *r)
{
	return call(r, true);
}
