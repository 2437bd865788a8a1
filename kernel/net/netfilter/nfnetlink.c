/* SPDX-License-Identifier: MIT */
/*
 * nfnetlink.c: NETLINK_NETFILTER: requests to subsystems, and batches: either all messages between
 * NFNL_MSG_BATCH_BEGIN and _END take effect, or none. Errors of all messages of a batch are
 * reported; a single error, or a missing end, aborts the batch.
 * Source: <linux/netfilter/nfnetlink.h>, what nft(8) sends.
 */
#include "kernel/mm/mm.h"
#include "kernel/net/netfilter/nfnetlink.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"

#define GROUPS 32
#define NLMSG_ERROR_ROOM 128U

static DEFINE_MUTEX(nfnl_mutex);

/* ---- parsing ---- */

nla_t nla_next(const void *data, u32 len, nla_t at)
{
	const u8 *p = data;
	u32 off = at ? (u32)((const u8 *)at - p) + NLA_ALIGN(at->nla_len) : 0;
	nla_t a = (nla_t)(p + off);

	if (off >= len || len - off < NLA_HDRLEN || a->nla_len < NLA_HDRLEN ||
		a->nla_len > len - off)
		return NULL;
	return a;
}

int nla_parse(nla_t *tb, u32 max, const void *data, u32 len)
{
	nla_t a = NULL;

	memset(tb, 0, (max + 1) * sizeof(*tb));
	while ((a = nla_next(data, len, a)))
		if (nla_type(a) <= max)
			tb[nla_type(a)] = a;
	return 0;
}

int nla_u8(nla_t a, u8 *v)
{
	if (!a || nla_len(a) < 1)
		return -EINVAL;
	*v = *(const u8 *)nla_data(a);
	return 0;
}

int nla_be16(nla_t a, u16 *v)
{
	u16 be;

	if (!a || nla_len(a) < 2)
		return -EINVAL;
	memcpy(&be, nla_data(a), 2);
	*v = ntohs(be);
	return 0;
}

int nla_be32(nla_t a, u32 *v)
{
	u32 be;

	if (!a || nla_len(a) < 4)
		return -EINVAL;
	memcpy(&be, nla_data(a), 4);
	*v = ntohl(be);
	return 0;
}

int nla_opt32(nla_t a, u32 *v)
{
	return a ? nla_be32(a, v) : 0;
}

int nla_be64(nla_t a, u64 *v)
{
	u64 be;

	if (!a || nla_len(a) < 8)
		return -EINVAL;
	memcpy(&be, nla_data(a), 8);
	*v = __builtin_bswap64(be);
	return 0;
}

int nla_text(nla_t a, char *to, u32 size)
{
	u32 n;

	if (!a)
		return -EINVAL;
	n = (u32)strnlen(nla_data(a), nla_len(a));
	if (!n || n >= size)
		return n ? -ERANGE : -EINVAL;
	memcpy(to, nla_data(a), n);
	to[n] = 0;
	return 0;
}

bool nla_is(nla_t a, const char *text)
{
	u32 n = (u32)strlen(text);

	return a && strnlen(nla_data(a), nla_len(a)) == n && !memcmp(nla_data(a), text, n);
}

/* ---- writing ---- */

/*
 * Returns a pointer to @n more bytes of the message; NULL if this or an earlier allocation failed.
 */
static void *nfb_room(struct nfb *b, u32 n)
{
	u32 need = b->len + (u32)NLA_ALIGN(n);
	void *at;

	if (!b->failed && need > b->cap) {
		u32 cap = max(b->cap * 2, max(need, 1024U));
		u8 *to = cap <= 1U << 20 ? kmalloc(cap, GFP_ATOMIC) : NULL;

		b->failed = !to;
		if (to) {
			if (b->buf)
				memcpy(to, b->buf, b->len);
			kfree(b->buf);
			b->buf = to;
			b->cap = cap;
		}
	}
	if (b->failed)
		return NULL;
	at = b->buf + b->len;
	memset(at, 0, NLA_ALIGN(n));
	b->len = need;
	return at;
}

void nfb_begin(struct nfb *b, const struct nfb_to *to, u16 type, u8 family, u16 res_id)
{
	struct nlmsghdr *h;
	struct nfgenmsg *g;

	b->msg = b->len;
	h = nfb_room(b, NLMSG_SPACE(sizeof(*g)));
	if (!h)
		return;
	h->nlmsg_type = type;
	h->nlmsg_flags = to->flags;
	h->nlmsg_seq = to->seq;
	h->nlmsg_pid = to->portid;
	g = NLMSG_DATA(h);
	g->nfgen_family = family;
	g->res_id = htons(res_id);
}

void nfb_attr(struct nfb *b, u16 type, const void *data, u32 n)
{
	struct nlattr *a = nfb_room(b, NLA_HDRLEN + n);

	if (!a)
		return;
	a->nla_type = type;
	a->nla_len = (u16)(NLA_HDRLEN + n);
	if (n)
		memcpy((u8 *)a + NLA_HDRLEN, data, n);
}

void nfb_raw(struct nfb *b, const void *data, u32 n)
{
	void *to = nfb_room(b, n);

	if (to)
		memcpy(to, data, n);
}

void nfb_u8(struct nfb *b, u16 type, u8 v)
{
	nfb_attr(b, type, &v, 1);
}

void nfb_be16(struct nfb *b, u16 type, u16 v)
{
	v = htons(v);
	nfb_attr(b, type, &v, 2);
}

void nfb_be32(struct nfb *b, u16 type, u32 v)
{
	v = htonl(v);
	nfb_attr(b, type, &v, 4);
}

void nfb_be64(struct nfb *b, u16 type, u64 v)
{
	v = __builtin_bswap64(v);
	nfb_attr(b, type, &v, 8);
}

void nfb_text(struct nfb *b, u16 type, const char *s)
{
	nfb_attr(b, type, s, (u32)strlen(s) + 1);
}

u32 nfb_nest(struct nfb *b, u16 type)
{
	u32 at = b->len;

	nfb_attr(b, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void nfb_nest_end(struct nfb *b, u32 at)
{
	if (!b->failed)
		((struct nlattr *)(b->buf + at))->nla_len = (u16)(b->len - at);
}

void nfb_end(struct nfb *b)
{
	if (!b->failed)
		((struct nlmsghdr *)(b->buf + b->msg))->nlmsg_len = b->len - b->msg;
}

void nfb_free(struct nfb *b)
{
	kfree(b->buf);
	*b = (struct nfb){ 0 };
}

/* ---- answers ---- */

int nfnl_dump(struct nfnl_req *r, struct nfb *b)
{
	int err = b->failed ? -ENOMEM : 0;

	if (!err && b->len)
		err = nl_queue_bytes(r->n, b->buf, b->len, true);
	b->len = 0;
	b->failed = false;
	return err;
}

int nfnl_answer(struct nfnl_req *r, struct nfb *b)
{
	int err = nfnl_dump(r, b);

	nfb_free(b);
	if (err)
		return err;
	return r->h->nlmsg_flags & NLM_F_ACK ? 0 : 1;
}

int nfnl_done(struct nfnl_req *r)
{
	int err = nl_done(r->n, r->h);

	return err ? err : 1;
}

void nfnl_notify(struct net *net, u32 group, struct nfb *b, struct nl_sock *echo)
{
	if (b->failed)
		nl_broadcast_lost(net, NETLINK_NETFILTER, group);
	else if (b->len) {
		nl_broadcast_but(net, NETLINK_NETFILTER, group, b->buf, b->len, echo);
		if (echo)
			nl_queue_bytes(echo, b->buf, b->len, false);
	}
	nfb_free(b);
}

/* ---- requests ---- */

static int prepare(struct nfnl_req *r, struct nl_sock *n, const struct nlmsghdr *h)
{
	const struct nfgenmsg *g = NLMSG_DATA(h);

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*g)))
		return -EINVAL;
	*r = (struct nfnl_req){
		.n = n,
		.net = n->c.net,
		.h = h,
		.type = (u8)NFNL_MSG_TYPE(h->nlmsg_type),
		.family = g->nfgen_family,
		.res_id = ntohs(g->res_id),
		.attrs = (const u8 *)h + NLMSG_SPACE(sizeof(*g)),
		.len = h->nlmsg_len - min(h->nlmsg_len, (u32)NLMSG_SPACE(sizeof(*g))),
	};
	return 0;
}

/* Sends an error message with the attribute and text of @r; with @err 0 an acknowledgement. */
static int report_err(
	struct nl_sock *n, const struct nlmsghdr *h, int err, const struct nfnl_req *r)
{
	u32 off = r && r->bad ? (u32)((const u8 *)r->bad - (const u8 *)h) : 0;

	return nl_error(n, h, err, r ? r->why : NULL, off < h->nlmsg_len ? off : 0);
}

static int dispatch(struct nfnl_req *r)
{
	switch (NFNL_SUBSYS_ID(r->h->nlmsg_type)) {
	case NFNL_SUBSYS_NFTABLES: return nft_serve(r);
	case NFNL_SUBSYS_CTNETLINK: return ctnl_serve(r);
	case NFNL_SUBSYS_NFT_COMPAT: return compat_serve(r);
	case NFNL_SUBSYS_ULOG: return nflog_serve(r);
	default: return -EINVAL;
	}
}

static int nfnl_serve(struct nl_sock *n, const struct nlmsghdr *h)
{
	struct nfnl_req r = { 0 };
	int err = net_capable(n->c.net, CAP_NET_ADMIN) ? prepare(&r, n, h) : -EPERM;

	if (!err) {
		mutex_lock(&nfnl_mutex);
		err = dispatch(&r);
		mutex_unlock(&nfnl_mutex);
	}
	if (err >= 0)
		return err;
	report_err(n, h, err, &r);
	return 1;
}

static bool good(const u8 *buf, u32 len, u32 off)
{
	const struct nlmsghdr *h = (const void *)(buf + off);

	return off < len && len - off >= sizeof(*h) && h->nlmsg_len >= sizeof(*h) &&
	       h->nlmsg_len <= len - off;
}

/* Returns the generation of rules that the sender of a batch has seen; 0: any. */
static u32 batch_genid(const struct nfnl_req *r)
{
	nla_t tb[NFNL_BATCH_GENID + 1];
	u32 id = 0;

	nla_parse(tb, NFNL_BATCH_GENID, r->attrs, r->len);
	nla_opt32(tb[NFNL_BATCH_GENID], &id);
	return id;
}

/*
 * Runs the messages of a batch from offset @off on. Returns the offset behind its end. *@err: the
 * first error; *@ended: the end message was found.
 */
static u32 run_batch(struct nl_sock *n, const u8 *buf, u32 len, u32 off, int *err, bool *ended)
{
	while (good(buf, len, off)) {
		const struct nlmsghdr *h = (const void *)(buf + off);
		struct nfnl_req r = { 0 };
		int e = 0;

		off += min(len - off, (u32)NLMSG_ALIGN(h->nlmsg_len));
		if (h->nlmsg_type == NFNL_MSG_BATCH_END) {
			*ended = true;
			return off;
		}
		if (!(h->nlmsg_flags & NLM_F_REQUEST) || h->nlmsg_type < NLMSG_MIN_TYPE)
			e = -EINVAL;
		else
			e = prepare(&r, n, h);
		if (!e)
			e = NFNL_SUBSYS_ID(h->nlmsg_type) == NFNL_SUBSYS_NFTABLES ?
				    nft_batch_one(&r) :
				    -EINVAL;
		if (e < 0 && !*err)
			*err = e;
		if (e < 0 || (!e && h->nlmsg_flags & NLM_F_ACK))
			report_err(n, h, e, &r);
		cond_resched();
	}
	return off;
}

/* Runs the batch whose first message is at @off. Returns the offset of the next message. */
static u32 batch(struct nl_sock *n, const u8 *buf, u32 len, u32 off)
{
	const struct nlmsghdr *h = (const void *)(buf + off);
	struct nfnl_req r;
	bool ended = false;
	int err, first = 0;

	err = net_capable(n->c.net, CAP_NET_ADMIN) ? prepare(&r, n, h) : -EPERM;
	if (!err && r.res_id != NFNL_SUBSYS_NFTABLES)
		err = -EOPNOTSUPP;
	off += min(len - off, (u32)NLMSG_ALIGN(h->nlmsg_len));
	mutex_lock(&nfnl_mutex);
	if (!err)
		err = nft_batch_begin(n->c.net, batch_genid(&r));
	if (err) {
		mutex_unlock(&nfnl_mutex);
		report_err(n, h, err, NULL);
		return len;
	}
	off = run_batch(n, buf, len, off, &first, &ended);
	if (!first && ended) {
		err = nft_commit(n->c.net, n, h);
		if (err)
			report_err(n, h, err, NULL);
	} else {
		nft_abort(n->c.net);
	}
	mutex_unlock(&nfnl_mutex);
	return off;
}

static u32 nfnl_serve_batch(struct nl_sock *n, const void *buf, u32 len, u32 off)
{
	const struct nlmsghdr *h = (const void *)((const u8 *)buf + off);

	if (h->nlmsg_type != NFNL_MSG_BATCH_BEGIN || !(h->nlmsg_flags & NLM_F_REQUEST))
		return off;
	return batch(n, buf, len, off);
}

const struct nl_proto nl_netfilter = {
	.protocol = NETLINK_NETFILTER,
	.groups = GROUPS,
	.all_recv = true,
	.serve = nfnl_serve,
	.serve_batch = nfnl_serve_batch,
	.release = nflog_sock_end,
};
