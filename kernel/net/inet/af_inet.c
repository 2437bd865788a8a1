/* SPDX-License-Identifier: MIT */
/*
 * af_inet.c: sockets of AF_INET and AF_INET6: their creation, socket addresses, bind(2) and
 * getsockname(2). The protocols are in udp.c, raw.c and tcp.c.
 * Sources: ip(7), ipv6(7), RFC 3493.
 */
#include <asm/errno.h>
#include <linux/in6.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/socket/errqueue.h"
#include "kernel/net/packet/filter.h"
#include "kernel/net/inet/inet.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"

struct sockaddr_v4 {
	u16 family, port;
	u32 addr;
	u8 zero[8];
};
struct sockaddr_v6 {
	u16 family, port;
	u32 flowinfo;
	ip_addr addr;
	u32 scope;
};

/* ---- creation and release ---- */

void inet_init_sock(struct inet_sock *i, const struct socket *s, int family, int type, int protocol,
	struct port_table *table)
{
	sock_init_common(&i->c, (u16)family, (u16)type, (u32)protocol);
	atomic_set(&i->refs, 1);
	mutex_init(&i->op);
	mutex_init(&i->queue.read_mutex);
	INIT_LIST_HEAD(&i->queue.rq);
	INIT_LIST_HEAD(&i->mc.members);
	inet_init_ports(i);
	i->net = net_get(i->c.net);
	i->table = table;
	i->v6 = family == AF_INET6;
	i->opts.v6only = i->v6 && READ_ONCE(i->net->ports.v6only);
	i->uid = current_euid();
	i->gid = current_egid();
	i->opts.ttl = i->opts.hops = i->mc.hops = -1;
	i->mc.ttl = 1;
	i->raw.csum_at = i->v6 && protocol == IPPROTO_ICMPV6 ? 2 : -1;
	i->mc.loop = i->mc.loop6 = i->mc.all6 = true;
	i->mc.all = !i->v6;
	i->opts.pmtudisc = i->opts.pmtudisc6 = 1; /* IP_PMTUDISC_WANT */
}

void inet_put(struct inet_sock *i)
{
	if (!atomic_dec_and_test(&i->refs))
		return;
	skb_free_list(&i->queue.rq);
	errq_free(&i->c);
	inet_mc_drop(i);
	flowlabel_drop(i);
	kfree(i->cork.data);
	ip6_ext_put(i->cork.flow.ext);
	ip6_ext_put(i->ext6);
	ip4_opts_put(i->cork.flow.opts);
	ip4_opts_put(i->opts4);
	filter_put(i->c.filter);
	ports_drop_group(i);
	net_put(i->net);
	if (i->free)
		i->free(i);
	else
		kfree(i);
}

void inet_sigio(struct inet_sock *i, int band)
{
	if (unlikely(!fasync_none(&i->c.async)))
		kill_fasync_list(&i->c.async, band);
}

/* ---- addresses ---- */

static int read_v6(const struct sockaddr_buf *a, ip_addr *addr, u16 *port, int *scope)
{
	struct sockaddr_v6 v6 = { 0 };

	if (a->len < SOCKADDR_V6_MIN)
		return -EINVAL;
	memcpy(&v6, a->data, min((u32)sizeof(v6), a->len));
	if (v6.family != AF_INET6)
		return -EAFNOSUPPORT;
	*addr = v6.addr;
	*port = ntohs(v6.port);
	*scope = ip_is_linklocal(addr) || ip_is_multicast(addr) ? (int)v6.scope : 0;
	return 0;
}

int inet_read_addr(const struct inet_sock *i, const struct sockaddr_buf *a, ip_addr *addr,
	u16 *port, int *scope)
{
	const struct sockaddr_v4 *v4 = (const void *)a->data;

	*scope = 0;
	if (i->v6)
		return read_v6(a, addr, port, scope);
	if (a->len < sizeof(*v4))
		return -EINVAL;
	if (v4->family != AF_INET)
		return -EAFNOSUPPORT;
	*addr = ip_v4(v4->addr);
	*port = ntohs(v4->port);
	return 0;
}

int inet_read_peer(const struct inet_sock *i, const struct sockaddr_buf *a, ip_addr *addr,
	u16 *port, int *scope)
{
	const struct sockaddr_v4 *v4 = (const void *)a->data;

	if (!i->v6 || a->len < sizeof(u16) || a->family != AF_INET ||
		(i->c.protocol != IPPROTO_UDP && i->c.protocol != IPPROTO_UDPLITE))
		return inet_read_addr(i, a, addr, port, scope);
	if (a->len < sizeof(*v4))
		return -EINVAL;
	*addr = ip_v4(v4->addr);
	*port = ntohs(v4->port);
	*scope = 0;
	return 0;
}

bool inet_needs_link(const ip_addr *addr)
{
	u32 of_group = ntohl(addr->w[0]) >> 16 & 0xf;

	return ip_is_linklocal(addr) ||
	       (!ip_is_v4(addr) && ip_is_multicast(addr) && (of_group == 1 || of_group == 2));
}

int inet_link_of(const struct inet_sock *i, const ip_addr *to, int scope, int *link)
{
	*link = 0;
	if (!inet_needs_link(to))
		return 0;
	if (scope && i->bound_if && scope != i->bound_if)
		return -EINVAL;
	*link = scope ? scope : i->bound_if;
	if (!*link && ip_is_multicast(to))
		*link = i->mc.ifindex;
	return *link ? 0 : -EINVAL;
}

void inet_write_addr(
	const struct inet_sock *i, struct sockaddr_buf *a, const ip_addr *addr, u16 port, int scope)
{
	struct sockaddr_v4 v4 = { .family = AF_INET, .port = htons(port), .addr = addr->w[3] };
	struct sockaddr_v6 v6 = { .family = AF_INET6, .port = htons(port), .addr = *addr };

	if (i->v6) {
		if (inet_needs_link(addr))
			v6.scope = (u32)scope;
		memcpy(a->data, &v6, sizeof(v6));
		a->len = sizeof(v6);
	} else {
		memcpy(a->data, &v4, sizeof(v4));
		a->len = sizeof(v4);
	}
}

/* Writes an address to *@a. The any-address gets the form of the socket's family. */
static void write_name(
	const struct inet_sock *i, struct sockaddr_buf *a, const ip_addr *addr, u16 port)
{
	ip_addr shown = *addr;

	if (ip_is_any(addr) && !i->v6)
		shown = IP_ANY;
	inet_write_addr(i, a, &shown, port, inet_scope(i));
}

static void write_peer(struct inet_sock *i, struct sockaddr_buf *a)
{
	write_name(i, a, &i->raddr, i->rport);
	if (i->v6 && i->opts.sends_flowinfo)
		((struct sockaddr_in6 *)(void *)a->data)->sin6_flowinfo = htonl(i->opts.flowinfo);
}

int inet_accept_name(struct socket *s, struct sockaddr_buf *a)
{
	if (!INET(s)->rport)
		return -ENOTCONN;
	write_peer(INET(s), a);
	return 0;
}

int inet_getname(struct socket *s, struct sockaddr_buf *a, bool peer)
{
	struct inet_sock *i = INET(s);

	if (peer && (!i->rport || (i->c.type == SOCK_STREAM && !tcp_has_peer(i))))
		return -ENOTCONN;
	if (peer)
		write_peer(i, a);
	else
		write_name(i, a, &i->saddr, i->lport ? i->lport : i->in.old_port);
	return 0;
}

#define LABEL_MASK 0xfffffU
/* With the sysctl label_ranges, labels with this bit are automatic and cannot be leased. */
#define LABEL_STATELESS 0x80000

bool inet_autolabel(const struct inet_sock *i)
{
	int by_default = READ_ONCE(i->net->ipv6.auto_labels);

	if (i->opts.autolabel_set)
		return i->opts.autolabel;
	return by_default == LABELS_ON || by_default == LABELS_FORCED;
}

/*
 * Returns the label for all packets of a socket to an address. The label reveals neither the socket
 * nor the address (RFC 6437).
 */
u32 inet_flow_label(const struct inet_sock *i, const ip_addr *daddr)
{
	int labels = READ_ONCE(i->net->ipv6.auto_labels);
	static u32 secret;
	u32 h;

	if (ip_is_v4(daddr) || !labels || (labels != LABELS_FORCED && !inet_autolabel(i)))
		return 0;
	while (!READ_ONCE(secret))
		arch_random(&secret, sizeof(secret));
	h = (ip_hash(daddr) ^ (u32)((u64)i >> 6)) * 0x85ebca6bU ^ secret;
	h = (h ^ h >> 15) * 0x9e3779b1U;
	return (h >> 12) | 1 | (READ_ONCE(i->net->ipv6.label_ranges) ? LABEL_STATELESS : 0);
}

static bool no_source(const struct inet_sock *i, const ip_addr *addr)
{
	return unlikely(i->bound_to_many) && ip_equal(addr, &i->laddr);
}

ip_addr inet_source(const struct inet_sock *i)
{
	return no_source(i, &i->laddr) ? IP_ANY : i->laddr;
}

void inet_flow(const struct inet_sock *i, const ip_addr *daddr, struct flow *f)
{
	bool v4 = ip_is_v4(daddr), mc = ip_is_multicast(daddr), ports = inet_has_ports(i);
	int ttl = v4 ? (mc ? i->mc.ttl : i->opts.ttl) : (mc ? i->mc.hops : i->opts.hops);

	*f = (struct flow){
		.saddr = no_source(i, &i->saddr) ? IP_ANY : i->saddr,
		.daddr = *daddr,
		.oif = i->bound_if,
		.proto = (u8)i->c.protocol,
		.tos = v4 ? i->opts.tos : i->opts.tclass,
		.ttl = (u8)(ttl < 0 ? (mc ? 1 : 0) : ttl),
		.no_fragment = (v4 ? i->opts.pmtudisc : i->opts.pmtudisc6) >= 2 &&
			       (v4 ? i->opts.pmtudisc : i->opts.pmtudisc6) <= 4,
		.dont_fragment = v4 && i->opts.pmtudisc >= 1 && i->opts.pmtudisc != 4,
		.dontroute = i->c.dontroute,
		.mark = i->c.mark,
		.sport = ports ? i->lport : 0,
		.dport = ports ? i->rport : 0,
		.loop = i->v6 ? i->mc.loop6 : i->mc.loop,
		.stays = mc && !ttl,
		.uid = i->uid,
		.gid = i->gid,
		.owned = true,
		.classid = READ_ONCE(i->c.classid),
		.prioidx = READ_ONCE(i->c.prioidx),
		.label = inet_flow_label(i, daddr),
	};
	if (!v4 && i->opts.flowinfo & LABEL_MASK && ip_equal(daddr, &i->raddr))
		f->label = i->opts.flowinfo & LABEL_MASK;
	if (mc && i->mc.ifindex && !f->oif)
		f->oif = i->mc.ifindex;
	if (!mc && !f->oif && i->c.type != SOCK_STREAM)
		f->oif = v4 ? i->opts.ucast_if : i->opts.ucast_if6;
	if (!v4 && i->link_if && !f->oif && ip_equal(daddr, &i->raddr))
		f->oif = i->link_if;
	if (!v4 && i->opts.sticky_if && !f->oif)
		f->oif = i->opts.sticky_if;
	if (!v4 && i->opts.dontfrag6 && i->c.type != SOCK_STREAM)
		f->no_fragment = true;
	if (mc && ip_is_any(&f->saddr) && !ip_is_any(&i->mc.addr))
		f->saddr = i->mc.addr;
	if (!ip_is_any(&f->saddr) && ip_is_v4(&f->saddr) != v4)
		f->saddr = IP_ANY;
}

/* ---- bind ---- */

/*
 * Checks whether the socket may be bound to @addr. Returns 0, -EINVAL, -ENODEV or -EADDRNOTAVAIL.
 */
static int check_local(struct inet_sock *i, const ip_addr *addr, int scope)
{
	if (i->v6 && i->opts.v6only && ip_is_v4(addr))
		return -EINVAL;
	if (ip_is_any(addr))
		return 0;
	if (inet_needs_link(addr) && !scope && !i->bound_if)
		return -EINVAL;
	if (inet_needs_link(addr) && !netdev_find_index(i->net, scope ? scope : i->bound_if))
		return -ENODEV;
	if (ip_is_multicast(addr) || addr_is_broadcast(i->net, addr))
		return i->c.type == SOCK_STREAM && !ip_is_v4(addr) ? -EINVAL : 0;
	if (inet_may_have(i, addr) || addr_is_local(i->net, addr, scope))
		return 0;
	return -EADDRNOTAVAIL;
}

/*
 * True if the socket can be bound to a port. First drops the port of a connection that has ended,
 * unless the program had bound it.
 */
static bool is_free(struct inet_sock *i)
{
	bool closed = i->c.type != SOCK_STREAM || tcp_state_of(i) == TCP_CLOSE;

	if (closed && i->c.type == SOCK_STREAM && i->lport && i->rport &&
		!(i->in.by_user && !i->accepted))
		inet_forget_peer(i);
	return closed && !i->lport;
}

/*
 * Binds the socket. As on Linux, IPv4 checks the address before the socket's state, IPv6 after it.
 */
static int do_bind(struct inet_sock *i, const ip_addr *addr, u16 port, int scope)
{
	bool stream = i->c.type == SOCK_STREAM, only = i->opts.v6only;
	ip_addr mine = *addr;
	int err = i->v6 ? 0 : check_local(i, addr, scope);

	if (i->v6 && stream && ip_is_multicast(addr) && !ip_is_v4(addr))
		err = -EINVAL;
	if (err)
		return err;
	if (port && port < READ_ONCE(i->net->ports.free) && i->c.type != SOCK_RAW &&
		!net_capable(i->net, CAP_NET_BIND_SERVICE))
		return -EACCES;
	if (!is_free(i))
		return -EINVAL;
	err = i->v6 ? check_local(i, addr, scope) : 0;
	if (err)
		return err;
	if (scope)
		i->bound_if = scope;
	if (ip_is_any(addr))
		mine = ip_is_v4(addr) && i->v6 ? *addr : IP_ANY;
	i->bound_to_many =
		!ip_is_any(&mine) && (ip_is_multicast(&mine) || addr_is_broadcast(i->net, &mine));
	i->opts.v6only |= i->v6 && !ip_is_any(&mine) && !ip_is_v4(&mine);
	if (!port && i->opts.bind_no_port) {
		i->laddr = i->saddr = mine;
		i->in.old_port = 0;
		return 0;
	}
	err = inet_get_port(i, &mine, port, port != 0);
	if (err)
		i->opts.v6only = only;
	return err;
}

int inet_bind(struct socket *s, struct sockaddr_buf *a)
{
	struct inet_sock *i = INET(s);
	ip_addr addr;
	u16 port;
	int err, scope;

	/* AF_UNSPEC with the any-address means AF_INET, for old programs */
	if (!i->v6 && a->len >= 16 && a->family == AF_UNSPEC) {
		const struct sockaddr_v4 *v4 = (const void *)a->data;

		if (v4->addr)
			return -EAFNOSUPPORT;
		a->family = AF_INET;
	}
	err = inet_read_addr(i, a, &addr, &port, &scope);
	if (err)
		return err;
	mutex_lock(&i->op);
	err = do_bind(i, &addr, port, scope);
	mutex_unlock(&i->op);
	return err;
}

/* ---- from IPv6 to IPv4 (IPV6_ADDRFORM, RFC 2133) ---- */

bool inet_has_peer(struct inet_sock *i)
{
	if (inet_is_tcp(&i->c))
		return READ_ONCE(TCP(i)->state) == TCP_ESTABLISHED;
	return !ip_is_any(&i->raddr);
}

int inet_become_v4(struct inet_sock *i, int family)
{
	if (family != AF_INET)
		return -EINVAL;
	if (i->c.type == SOCK_RAW || !inet_has_ports(i))
		return -ENOPROTOOPT;
	if (i->cork.data)
		return -EBUSY;
	if (!inet_has_peer(i))
		return -ENOTCONN;
	if (i->opts.v6only || !ip_is_v4(&i->raddr))
		return -EADDRNOTAVAIL;
	/* leave IPv6 groups now, since setsockopt(2) of an IPv4 socket cannot leave them */
	inet_mc_drop_v6(i);
	spin_lock(&i->c.lock);
	inet_change_begin(i);
	i->v6 = false;
	i->c.family = AF_INET;
	inet_change_end(i);
	spin_unlock(&i->c.lock);
	return 0;
}

/* ---- creation by type and protocol ---- */

static const struct {
	int type, protocol;
	bool any; /* accepts any protocol of this type */
	int (*create)(struct socket *s, int family, int type, int protocol);
} kinds[] = {
	{ SOCK_STREAM, IPPROTO_TCP, false, tcp_create },
	{ SOCK_DGRAM, IPPROTO_UDP, false, udp_create },
	{ SOCK_DGRAM, IPPROTO_UDPLITE, false, udp_create },
	{ SOCK_DGRAM, IPPROTO_ICMP, false, ping_create },
	{ SOCK_DGRAM, IPPROTO_ICMPV6, false, ping_create },
	{ SOCK_RAW, 0, true, raw_create },
};

static int create(struct socket *s, int family, int type, int protocol)
{
	bool type_known = false;

	if (protocol < 0 || protocol > 262)
		return -EINVAL;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		if (kinds[k].type != type)
			continue;
		type_known = true;
		if (kinds[k].any || protocol == kinds[k].protocol || (!protocol && k < 2))
			return kinds[k].create(
				s, family, type, protocol ? protocol : kinds[k].protocol);
	}
	return type_known ? -EPROTONOSUPPORT : -ESOCKTNOSUPPORT;
}

static int inet_create(struct socket *s, int type, int protocol)
{
	return create(s, AF_INET, type, protocol);
}

static int inet6_create(struct socket *s, int type, int protocol)
{
	return create(s, AF_INET6, type, protocol);
}

static int inet_init(void)
{
	sock_register(AF_INET, inet_create);
	sock_register(AF_INET6, inet6_create);
	return 0;
}
INITCALL(2, inet_init);
