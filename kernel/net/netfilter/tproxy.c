/* SPDX-License-Identifier: MIT */
/*
 * tproxy.c: finds the local socket of a packet before the packet is routed: iptables' match
 * "socket" and target TPROXY, nft's expressions "socket" and "tproxy".
 *
 * A packet that TPROXY redirects keeps its destination. The address and port of the listener are
 * stored in skb->proxy, for the later lookup of its socket (inet_lookup_packet()). A policy rule
 * and a route of type local then deliver the packet to this machine. TPROXY itself looks up the
 * socket too: it redirects a packet only if there is a socket with IP_TRANSPARENT.
 * Source: Linux's Documentation/networking/tproxy.rst, <linux/netfilter/xt_TPROXY.h>, xt_socket.h.
 */
#include <linux/netfilter/xt_TPROXY.h>
#include <linux/netfilter/xt_socket.h>

#include "kernel/net/inet/inet.h"
#include "kernel/net/netfilter/conntrack.h"
#include "kernel/net/netfilter/nft_expr.h"
#include "kernel/net/netfilter/xt.h"

/* Addresses and ports of a packet, and the table to look them up in. */
struct ends {
	struct port_table *table;
	ip_addr src, dst;
	u16 sport, dport;
	int ifindex;
};

/* Properties of a socket that a match tests. */
struct found {
	bool transparent, wildcard;
	u32 mark;
};

static bool read_ends(const struct nft_pkt *p, struct ends *e)
{
	u8 h[4];

	e->table = p->proto == IPPROTO_TCP ? &tcp_ports :
		   p->proto == IPPROTO_UDP ? &udp_ports :
					     NULL;
	if (!e->table || !xt_read_l4(p, h, sizeof(h)))
		return false;
	nf_addrs(p->skb, p->v6, &e->src, &e->dst);
	e->sport = (u16)(h[0] << 8 | h[1]);
	e->dport = (u16)(h[2] << 8 | h[3]);
	e->ifindex = p->s->in ? p->s->in->ifindex : 0;
	return true;
}

/*
 * Finds the socket that is connected between exactly these addresses and ports. Returns it with a
 * reference, or NULL.
 */
static struct inet_sock *connected(const struct nft_pkt *p, const struct ends *e)
{
	struct inet_sock *i;

	if (e->table == &tcp_ports)
		return inet_lookup_peer(
			e->table, p->net, &e->dst, e->dport, &e->src, e->sport, e->ifindex);
	i = inet_lookup_port(e->table, p->net, &e->dst, e->dport, &e->src, e->sport, e->ifindex);
	if (i && (!i->rport || ip_is_any(&i->laddr))) {
		inet_put(i);
		i = NULL;
	}
	return i;
}

/*
 * Finds the listener, or the UDP socket without peer, for packets to @at and @port. Returns it with
 * a reference, or NULL.
 */
static struct inet_sock *listener(
	const struct nft_pkt *p, const struct ends *e, const ip_addr *at, u16 port)
{
	struct inet_sock *i =
		inet_lookup_port(e->table, p->net, at, port, &e->src, e->sport, e->ifindex);

	if (i && e->table == &udp_ports && i->rport) {
		inet_put(i);
		i = NULL;
	}
	return i;
}

/* ---- TPROXY ---- */

/*
 * Chooses the listener's address: @want unless that is any, else the address of the device by which
 * the packet came, else the packet's destination.
 */
static ip_addr proxy_addr(const struct nft_pkt *p, const ip_addr *want, const struct ends *e)
{
	ip_addr a = IP_ANY;

	if (!ip_is_any(want))
		return *want;
	if (p->s->in)
		addr_source(p->s->in, &e->src, &a);
	return ip_is_any(&a) ? e->dst : a;
}

/*
 * Redirects the packet to the socket that is connected to its sender, else to a listener at @want
 * (any: proxy_addr() chooses) and @port (0: the packet's own). Returns false, and changes nothing,
 * if that socket is missing or not transparent.
 */
static bool take_over(struct nft_pkt *p, const ip_addr *want, u16 port)
{
	struct inet_sock *i;
	struct ends e;
	bool ok;
	ip_addr at;

	if (p->s->hook != NF_INET_PRE_ROUTING ||
		!read_ends(p, &e)) /* a jump may come from another hook */
		return false;
	i = connected(p, &e);
	at = i ? e.dst : proxy_addr(p, want, &e);
	port = i ? e.dport : port ? port : e.dport;
	if (!i)
		i = listener(p, &e, &at, port);
	ok = i && READ_ONCE(i->opts.transparent);
	if (i)
		inet_put(i);
	if (ok) {
		p->skb->proxy = at;
		p->skb->proxy_port = port;
	}
	return ok;
}

static int tproxy(struct nft_pkt *p, const ip_addr *at, u16 port, u32 mask, u32 value)
{
	if (!take_over(p, at, port))
		return NF_DROP;
	p->skb->mark = (p->skb->mark & ~mask) ^ value;
	return NF_ACCEPT;
}

static int target_tproxy0(struct nft_pkt *p, const void *i)
{
	const struct xt_tproxy_target_info *m = i;
	ip_addr at = ip_v4(m->laddr);

	return tproxy(p, &at, ntohs(m->lport), m->mark_mask, m->mark_value);
}

static int target_tproxy1(struct nft_pkt *p, const void *i)
{
	const struct xt_tproxy_target_info_v1 *m = i;
	ip_addr at = ip_v4(m->laddr.ip);

	if (p->v6)
		memcpy(&at, &m->laddr, sizeof(at));
	return tproxy(p, &at, ntohs(m->lport), m->mark_mask, m->mark_value);
}

#define PRE_ROUTING (1U << NF_INET_PRE_ROUTING)

const struct xt_kind xt_proxy_targets[] = {
	{ "TPROXY", 0, NFPROTO_IPV4, sizeof(struct xt_tproxy_target_info), .target = target_tproxy0,
		.table = "mangle", .hooks = PRE_ROUTING, .ports = true, .whole = true },
	{ "TPROXY", 1, 0, sizeof(struct xt_tproxy_target_info_v1), .target = target_tproxy1,
		.table = "mangle", .hooks = PRE_ROUTING, .ports = true, .whole = true },
	{ NULL },
};

/* ---- socket ---- */

/*
 * Replaces the destination of a reply to a connection with SNAT by the connection's original
 * source, which is the address of the local socket.
 */
static void undo_nat(const struct nft_pkt *p, struct ends *e)
{
	int info;
	const struct nf_conn *ct = nf_ct_get(p->skb, &info);

	if (!ct || info != IP_CT_ESTABLISHED_REPLY || !(ct->status & IPS_SRC_NAT))
		return;
	e->dst = ct->dir[IP_CT_DIR_ORIGINAL].t.src;
	e->dport = ntohs(ct->dir[IP_CT_DIR_ORIGINAL].t.sport);
}

static bool find_socket(const struct nft_pkt *p, struct found *to)
{
	struct inet_sock *i;
	struct ends e;

	if (!read_ends(p, &e))
		return false;
	undo_nat(p, &e);
	i = connected(p, &e);
	if (!i)
		i = inet_lookup_port(e.table, p->net, &e.dst, e.dport, &e.src, e.sport, e.ifindex);
	if (!i)
		return false;
	to->transparent = READ_ONCE(i->opts.transparent);
	to->wildcard = ip_is_any(&i->laddr) && !i->accepted;
	to->mark = READ_ONCE(i->c.mark);
	inet_put(i);
	return true;
}

static bool match_socket(const struct nft_pkt *p, const void *i)
{
	u8 flags = ((const struct xt_socket_mtinfo1 *)i)->flags;
	struct found f;

	if (!find_socket(p, &f) || (f.wildcard && !(flags & XT_SOCKET_NOWILDCARD)) ||
		(flags & XT_SOCKET_TRANSPARENT && !f.transparent))
		return false;
	if (flags & XT_SOCKET_RESTORESKMARK)
		p->skb->mark = f.mark;
	return true;
}

static int check_socket(const void *i, u8 known)
{
	return ((const struct xt_socket_mtinfo1 *)i)->flags & ~known ? -EINVAL : 0;
}

static int check_socket1(const void *i)
{
	return check_socket(i, XT_SOCKET_FLAGS_V1);
}

static int check_socket2(const void *i)
{
	return check_socket(i, XT_SOCKET_FLAGS_V2);
}

static int check_socket3(const void *i)
{
	return check_socket(i, XT_SOCKET_FLAGS_V3);
}

#define INWARDS (PRE_ROUTING | 1U << NF_INET_LOCAL_IN)

const struct xt_kind xt_socket_matches[] = {
	{ "socket", 1, 0, sizeof(struct xt_socket_mtinfo1), .check = check_socket1,
		.match = match_socket, .hooks = INWARDS, .whole = true },
	{ "socket", 2, 0, sizeof(struct xt_socket_mtinfo1), .check = check_socket2,
		.match = match_socket, .hooks = INWARDS, .whole = true },
	{ "socket", 3, 0, sizeof(struct xt_socket_mtinfo1), .check = check_socket3,
		.match = match_socket, .hooks = INWARDS, .whole = true },
	{ NULL },
};

/* ---- nft's tproxy and socket ---- */

struct nft_tproxy_expr {
	u8 addr, port, family; /* addr, port: indices of registers */
	bool has_addr, has_port;
};

static bool only_there(const struct nft_ctx *c, u32 hooks)
{
	return !c->chain || !(c->chain->flags & NFT_CHAIN_BASE) || hooks >> c->chain->hook & 1;
}

static int tproxy_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct nft_tproxy_expr *x = nft_priv(e);
	u32 family;
	int err = 0;

	if (nla_be32(tb[NFTA_TPROXY_FAMILY], &family) ||
		(!tb[NFTA_TPROXY_REG_ADDR] && !tb[NFTA_TPROXY_REG_PORT]))
		return -EINVAL;
	if (!only_there(c, PRE_ROUTING))
		return -EOPNOTSUPP;
	if (c->table->family != NFPROTO_INET && family != c->table->family)
		return -EINVAL;
	/* an address needs a family */
	if (family == NFPROTO_UNSPEC && tb[NFTA_TPROXY_REG_ADDR])
		return -EINVAL;
	if (family != NFPROTO_UNSPEC && family != NFPROTO_IPV4 && family != NFPROTO_IPV6)
		return -EOPNOTSUPP;
	x->family = (u8)family;
	x->has_addr = tb[NFTA_TPROXY_REG_ADDR];
	x->has_port = tb[NFTA_TPROXY_REG_PORT];
	if (x->has_addr)
		err = nft_reg_load(
			tb[NFTA_TPROXY_REG_ADDR], &x->addr, family == NFPROTO_IPV6 ? 16 : 4);
	if (!err && x->has_port)
		err = nft_reg_load(tb[NFTA_TPROXY_REG_PORT], &x->port, 2);
	if (!err)
		WRITE_ONCE(c->net->nf.whole, true);
	return err;
}

static void tproxy_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct nft_tproxy_expr *x = nft_priv(e);
	ip_addr at = IP_ANY;
	u16 port = 0;

	if (x->family != NFPROTO_UNSPEC && (x->family == NFPROTO_IPV6) != p->v6) {
		r->code = NFT_BREAK;
		return;
	}
	if (x->has_addr && p->v6)
		memcpy(&at, &r->data[x->addr], sizeof(at));
	else if (x->has_addr)
		at = ip_v4(r->data[x->addr]);
	if (x->has_port)
		memcpy(&port, &r->data[x->port], sizeof(port));
	if (!take_over(p, &at, ntohs(port)))
		r->code = NFT_BREAK;
}

static void tproxy_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct nft_tproxy_expr *x = nft_priv(e);

	nfb_be32(b, NFTA_TPROXY_FAMILY, x->family);
	if (x->has_addr)
		nft_reg_put(b, NFTA_TPROXY_REG_ADDR, x->addr);
	if (x->has_port)
		nft_reg_put(b, NFTA_TPROXY_REG_PORT, x->port);
}

const struct nft_expr_type nft_tproxy = { .name = "tproxy",
	.size = sizeof(struct nft_tproxy_expr),
	.max = NFTA_TPROXY_MAX,
	.init = tproxy_init,
	.eval = tproxy_eval,
	.dump = tproxy_dump };

struct socket_expr {
	u32 key;
	u8 reg;
};

static int socket_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct socket_expr *x = nft_priv(e);
	int err;

	if (!tb[NFTA_SOCKET_DREG] || nla_be32(tb[NFTA_SOCKET_KEY], &x->key))
		return -EINVAL;
	if (x->key > NFT_SOCKET_WILDCARD)
		return -EOPNOTSUPP;
	if (!only_there(c, INWARDS | 1U << NF_INET_LOCAL_OUT))
		return -EOPNOTSUPP;
	err = nft_reg_store(tb[NFTA_SOCKET_DREG], &x->reg, x->key == NFT_SOCKET_MARK ? 4 : 1);
	if (!err)
		WRITE_ONCE(c->net->nf.whole, true);
	return err;
}

static void socket_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct socket_expr *x = nft_priv(e);
	u32 *to = &r->data[x->reg];
	struct found f;

	if (!p->s->in || !find_socket(p, &f)) {
		r->code = NFT_BREAK;
		return;
	}
	*to = x->key == NFT_SOCKET_MARK        ? f.mark :
	      x->key == NFT_SOCKET_TRANSPARENT ? f.transparent :
						 f.wildcard;
}

static void socket_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct socket_expr *x = nft_priv(e);

	nfb_be32(b, NFTA_SOCKET_KEY, x->key);
	nft_reg_put(b, NFTA_SOCKET_DREG, x->reg);
}

const struct nft_expr_type nft_socket = { .name = "socket",
	.size = sizeof(struct socket_expr),
	.max = NFTA_SOCKET_MAX,
	.init = socket_init,
	.eval = socket_eval,
	.dump = socket_dump };
