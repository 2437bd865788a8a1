/* SPDX-License-Identifier: MIT */
/*
 * nflog.c: sends packets that rules log to programs (iptables' NFLOG, nft's `log group`; ulogd,
 * tcpdump -i nflog): NFNL_SUBSYS_ULOG.
 *
 * A program binds groups to its netlink socket. It gets a message for each packet that a rule logs
 * to one of its groups, at once: the limits for collecting messages by number, time or size
 * (NFULA_CFG_QTHRESH, _TIMEOUT, _NLBUFSIZ) are upper bounds, and not used. If there is no memory
 * for a message, or no room in the socket's queue, the message is lost, and the sequence number
 * shows the gap.
 *
 * States: bound (by one socket) -> gone (unbound, or the socket is closed).
 * Invariant: the socket of a group is open, since nl_release() ends its groups before the socket is
 * freed.
 * Locks: nn->lock for the list and its groups. Requests hold nfnl_mutex, so that a group of the
 * requesting socket stays in the list while they are handled.
 */
#include <linux/netfilter/nfnetlink_log.h>

#include "kernel/net/netfilter/conntrack.h"
#include "kernel/net/netfilter/nft.h"
#include "kernel/ident/cred.h"

#define RANGE_MAX (0xffffU - NLA_HDRLEN)

struct nflog_group {
	struct list_head list;
	struct nl_sock *n;
	u16 group, flags; /* NFULNL_CFG_F_* */
	u8 mode;          /* NFULNL_COPY_* */
	u32 range, seq;
};

static struct nflog_group *find_group(struct nft_net *nn, u16 group)
{
	struct nflog_group *g;

	list_for_each_entry(g, &nn->loggers, list)
		if (g->group == group)
			return g;
	return NULL;
}

/* ---- packets ---- */

/*
 * Adds the device by which the packet came, and its link header. Loopback has no link header; it is
 * reported as zeros, as packet sockets see it.
 */
static void put_link(struct nfb *b, const struct nf_state *s)
{
	u8 lo[ETH_HLEN] = { [12] = (u8)(s->skb->protocol >> 8), [13] = (u8)s->skb->protocol };
	struct nfulnl_msg_packet_hw hw = { .hw_addrlen = htons(ETH_ALEN) };
	u8 mac_len = s->skb->mac_len;
	const u8 *mac = lo;

	if (!s->in)
		return;
	if (s->in->flags & IFF_LOOPBACK)
		mac_len = ETH_HLEN;
	else if (mac_len < ETH_HLEN || skb_headlen(s->skb))
		return;
	else
		mac = skb_payload(s->skb) - mac_len;
	memcpy(hw.hw_addr, mac + ETH_ALEN, ETH_ALEN);
	nfb_attr(b, NFULA_HWADDR, &hw, sizeof(hw));
	nfb_be16(b, NFULA_HWTYPE, s->in->type);
	nfb_be16(b, NFULA_HWLEN, mac_len);
	nfb_attr(b, NFULA_HWHEADER, mac, mac_len);
}

static void put_meta(struct nfb *b, const struct nf_state *s, const char *prefix)
{
	struct nfulnl_msg_packet_hdr h = { htons(s->skb->protocol), s->hook, 0 };
	struct nfulnl_msg_packet_timestamp t = { __builtin_bswap64(s->skb->stamp / NSEC_PER_SEC),
		__builtin_bswap64(s->skb->stamp % NSEC_PER_SEC / 1000) };

	nfb_attr(b, NFULA_PACKET_HDR, &h, sizeof(h));
	if (prefix[0])
		nfb_text(b, NFULA_PREFIX, prefix);
	if (s->in)
		nfb_be32(b, NFULA_IFINDEX_INDEV, (u32)s->in->ifindex);
	if (s->out)
		nfb_be32(b, NFULA_IFINDEX_OUTDEV, (u32)s->out->ifindex);
	if (s->skb->mark)
		nfb_be32(b, NFULA_MARK, s->skb->mark);
	put_link(b, s);
	if (s->hook <= NF_INET_FORWARD && s->skb->stamp)
		nfb_attr(b, NFULA_TIMESTAMP, &t, sizeof(t));
	if (s->skb->owned) {
		nfb_be32(b, NFULA_UID, from_kuid_munged(s->net->ns.owner, s->skb->uid));
		nfb_be32(b, NFULA_GID, from_kgid_munged(s->net->ns.owner, s->skb->gid));
	}
}

static void put_payload(struct nfb *b, const struct nf_state *s, u32 n)
{
	u8 chunk[256];
	u32 at = b->len;

	nfb_attr(b, NFULA_PAYLOAD, NULL, 0);
	for (u32 off = 0, some; off < n; off += some) {
		some = min(n - off, (u32)sizeof(chunk));
		skb_copy(s->skb, off, chunk, some);
		nfb_raw(b, chunk, some);
	}
	if (!b->failed)
		((struct nlattr *)(b->buf + at))->nla_len = (u16)(NLA_HDRLEN + n);
}

void nflog_packet(const struct nft_pkt *p, u16 group, const char *prefix, u32 snap)
{
	struct nflog_group *g = find_group(p->net->nf.nft, group);
	u32 n = min(min(skb_len(p->skb), snap), g ? g->range : 0);
	struct nfb_to to = { 0 };
	struct nfb b = { 0 };

	if (!g || g->mode == NFULNL_COPY_NONE)
		return;
	nfb_begin(&b, &to, NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET,
		p->v6 ? NFPROTO_IPV6 : NFPROTO_IPV4, group);
	put_meta(&b, p->s, prefix);
	if (g->flags & NFULNL_CFG_F_SEQ)
		nfb_be32(&b, NFULA_SEQ, g->seq++);
	if (g->flags & NFULNL_CFG_F_SEQ_GLOBAL)
		nfb_be32(&b, NFULA_SEQ_GLOBAL, p->net->nf.nft->log_seq++);
	if (g->mode == NFULNL_COPY_PACKET && n)
		put_payload(&b, p->s, n);
	nfb_end(&b);
	if (!b.failed)
		nl_notify(g->n, b.buf, b.len);
	p->s->work += 8 + n / 64;
	nfb_free(&b);
}

/* ---- requests ---- */

static struct nflog_group *bind_group(struct nfnl_req *r, struct nft_net *nn, u16 group)
{
	struct nflog_group *g;

	if (nft_count(nn))
		return ERR_PTR(-ENOSPC);
	g = kzalloc(sizeof(*g), NFT_GFP);
	if (!g) {
		nft_uncount(nn);
		return ERR_PTR(-ENOMEM);
	}
	*g = (struct nflog_group){
		.n = r->n, .group = group, .mode = NFULNL_COPY_PACKET, .range = RANGE_MAX
	};
	spin_lock(&nn->lock);
	list_add_tail(&g->list, &nn->loggers);
	spin_unlock(&nn->lock);
	return g;
}

/* Unbinds group @group of socket @n, or all its groups if @group is -1. */
static void end_groups(struct nft_net *nn, const struct nl_sock *n, int group)
{
	struct nflog_group *g, *next;
	LIST_HEAD(gone);

	spin_lock(&nn->lock);
	list_for_each_entry_safe(g, next, &nn->loggers, list)
		if (g->n == n && (group < 0 || g->group == group))
			list_move_tail(&g->list, &gone);
	spin_unlock(&nn->lock);
	list_for_each_entry_safe(g, next, &gone, list) {
		kfree(g);
		nft_uncount(nn);
	}
}

void nflog_sock_end(struct nl_sock *n)
{
	struct nft_net *nn = READ_ONCE(n->c.net->nf.nft);

	if (nn)
		end_groups(nn, n, -1);
}

static int set_mode(struct nft_net *nn, struct nflog_group *g, nla_t a)
{
	struct nfulnl_msg_config_mode m;
	u32 range;

	if (nla_len(a) < sizeof(m))
		return -EINVAL;
	memcpy(&m, nla_data(a), sizeof(m));
	if (m.copy_mode > NFULNL_COPY_PACKET)
		return 0; /* as on Linux, an unknown mode is ignored */
	range = ntohl(m.copy_range);
	spin_lock(&nn->lock);
	g->mode = m.copy_mode;
	g->range = m.copy_mode != NFULNL_COPY_PACKET ? 0 :
		   range                             ? min(range, RANGE_MAX) :
						       RANGE_MAX;
	spin_unlock(&nn->lock);
	return 0;
}

static int set_flags(struct nft_net *nn, struct nflog_group *g, nla_t a)
{
	u16 flags;

	if (nla_be16(a, &flags))
		return -EINVAL;
	if (flags & ~(NFULNL_CFG_F_SEQ | NFULNL_CFG_F_SEQ_GLOBAL))
		return -EOPNOTSUPP; /* connection data is not supported */
	spin_lock(&nn->lock);
	g->flags = flags;
	spin_unlock(&nn->lock);
	return 0;
}

/*
 * Handles a command of NFULA_CFG_CMD. Returns 1 if the request ends with this command. BIND and
 * UNBIND of a family (group 0) would choose the listener for packets that no rule has logged; there
 * are no such packets.
 */
static int command(struct nfnl_req *r, struct nft_net *nn, struct nflog_group **g, u8 cmd)
{
	switch (cmd) {
	case NFULNL_CFG_CMD_PF_BIND:
	case NFULNL_CFG_CMD_PF_UNBIND:
		return r->family == NFPROTO_IPV4 || r->family == NFPROTO_IPV6 ? 1 : -EOPNOTSUPP;
	case NFULNL_CFG_CMD_BIND:
		if (*g)
			return -EBUSY;
		*g = bind_group(r, nn, r->res_id);
		return IS_ERR(*g) ? PTR_ERR(*g) : 0;
	case NFULNL_CFG_CMD_UNBIND:
		if (!*g)
			return -ENODEV;
		end_groups(nn, r->n, r->res_id);
		return 1;
	default: return -EOPNOTSUPP;
	}
}

/*
 * Serves NFULNL_MSG_CONFIG. nfnl_mutex held. Returns 0, -EPERM (the group has another listener),
 * -ENODEV (it has none), -EINVAL or the errors of command(), set_mode() and set_flags().
 */
static int configure(struct nfnl_req *r, struct nft_net *nn, nla_t *tb)
{
	struct nflog_group *g;
	bool others;
	u32 v;
	int err = 0;
	u8 cmd;

	spin_lock(&nn->lock);
	g = find_group(nn, r->res_id);
	others = g && g->n != r->n;
	spin_unlock(&nn->lock);
	if (others)
		return -EPERM;
	if (tb[NFULA_CFG_CMD])
		err = nla_u8(tb[NFULA_CFG_CMD], &cmd) ? -EINVAL : command(r, nn, &g, cmd);
	if (err)
		return min(err, 0);
	if (!g)
		return -ENODEV;
	if (tb[NFULA_CFG_MODE])
		err = set_mode(nn, g, tb[NFULA_CFG_MODE]);
	if (!err && tb[NFULA_CFG_FLAGS])
		err = set_flags(nn, g, tb[NFULA_CFG_FLAGS]);
	for (u32 k = NFULA_CFG_NLBUFSIZ; !err && k <= NFULA_CFG_QTHRESH; k++)
		if (tb[k] && nla_be32(tb[k], &v))
			err = -EINVAL;
	return err;
}

int nflog_serve(struct nfnl_req *r)
{
	nla_t tb[NFULA_CFG_MAX + 1];
	struct nft_net *nn = nft_net(r->net);

	if (r->type != NFULNL_MSG_CONFIG)
		return r->type == NFULNL_MSG_PACKET ? -EOPNOTSUPP : -EINVAL;
	if (!nn)
		return -ENOMEM;
	nla_parse(tb, NFULA_CFG_MAX, r->attrs, r->len);
	return configure(r, nn, tb);
}
