/* SPDX-License-Identifier: MIT */
/*
 * tproxy: routes of type local, which make whole networks local, by the local table and by a policy
 * rule; packets to foreign addresses that TPROXY delivers to a socket here, which nft's "socket"
 * and iptables' match then find. Duplicates for another host (TEE, dup), labels of connections,
 * network prefixes (NETMAP). The host's side prints what Linux's nf_tables does; the routes are
 * compared.
 */
#include "guest.h"
#include "netns.h"
#include "nft.h"

#include <linux/fib_rules.h>
#include <linux/if_ether.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_TEE.h>
#include <linux/netfilter/xt_TPROXY.h>
#include <linux/netfilter/xt_connlabel.h>
#include <linux/netfilter/xt_socket.h>
#include <linux/netfilter_ipv6/ip6t_NPT.h>

#ifndef IP_RECVORIGDSTADDR
#define IP_RECVORIGDSTADDR IP_ORIGDSTADDR
#endif

/* ---- routes ---- */

static int local_way(int type, const char *to, int prefix, const char *dev, int table, int scope)
{
	struct nl_msg m = nl_route(to, prefix);
	struct rtmsg *r = NLMSG_DATA(&m.h);

	m.h.nlmsg_type = (unsigned short)type;
	m.h.nlmsg_flags = type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_EXCL : 0;
	r->rtm_table = (unsigned char)table;
	r->rtm_type = RTN_LOCAL;
	r->rtm_scope = (unsigned char)scope;
	if (dev)
		nl_add(&m, RTA_OIF, &(int){ (int)if_nametoindex(dev) }, 4);
	return nl_do(&m);
}

static int mark_rule(int family)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWRULE,
				    .nlmsg_flags = NLM_F_CREATE,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct fib_rule_hdr)) } };
	struct fib_rule_hdr *h = NLMSG_DATA(&m.h);

	h->family = (unsigned char)family;
	h->table = 100;
	h->action = FR_ACT_TO_TBL;
	nl_add(&m, FRA_FWMARK, &(unsigned){ 1 }, 4);
	nl_add(&m, FRA_PRIORITY, &(unsigned){ 100 }, 4);
	return nl_do(&m);
}

static int may_bind(const char *to)
{
	struct sockaddr_in a = at(to, 0);
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	int r = bind(fd, SA(&a), sizeof(a));

	close(fd);
	return r;
}

/* Makes a connection to @to, where sockets are bound to ports only. */
static void speak(const char *to)
{
	struct sockaddr_in a = at("0.0.0.0", 0), b;
	socklen_t len = sizeof(a);
	int l = NEED(socket(AF_INET, SOCK_STREAM, 0)), c = NEED(socket(AF_INET, SOCK_STREAM, 0)), s;
	char text[INET_ADDRSTRLEN];

	NEED(bind(l, SA(&a), sizeof(a)));
	NEED(listen(l, 1));
	NEED(getsockname(l, SA(&a), &len));
	inet_pton(AF_INET, to, &a.sin_addr);
	if (T(connect(c, SA(&a), sizeof(a))) == 0) {
		s = NEED(accept(l, SA(&b), &len));
		say("from %s", inet_ntop(AF_INET, &b.sin_addr, text, sizeof(text)));
		NEED(getsockname(s, SA(&b), &len));
		say("to %s", inet_ntop(AF_INET, &b.sin_addr, text, sizeof(text)));
		close(s);
	}
	close(l);
	close(c);
}

static void routes(void)
{
	T(may_bind("192.0.2.5"));
	T(local_way(RTM_NEWROUTE, "192.0.2.0", 24, "lo", RT_TABLE_LOCAL, RT_SCOPE_HOST));
	T(local_way(RTM_NEWROUTE, "192.0.2.0", 24, "lo", RT_TABLE_LOCAL, RT_SCOPE_HOST));
	T(local_way(RTM_NEWROUTE, "192.0.3.0", 24, "lo", RT_TABLE_LOCAL, RT_SCOPE_LINK));
	T(local_way(RTM_NEWROUTE, "192.0.3.0", 24, NULL, RT_TABLE_LOCAL, RT_SCOPE_HOST));
	T(may_bind("192.0.2.5"));
	T(may_bind("192.0.3.5"));
	speak("192.0.2.7");
	T(local_way(RTM_DELROUTE, "192.0.2.0", 24, "lo", RT_TABLE_LOCAL, RT_SCOPE_HOST));
	T(may_bind("192.0.2.5"));
	T(local_way(RTM_NEWROUTE, "192.0.2.0", 24, "lo", RT_TABLE_MAIN, RT_SCOPE_HOST));
	T(may_bind("192.0.2.5"));
	speak("192.0.2.7");
	T(mark_rule(AF_INET));
	/* only the local table has our addresses now */
	T(may_bind("192.0.2.5"));
	T(local_way(RTM_DELROUTE, "192.0.2.0", 24, "lo", RT_TABLE_MAIN, RT_SCOPE_HOST));
}

/* ---- rules ---- */

static void immediate(const void *value, unsigned n)
{
	nft_immediate(NFT_REG_1, value, n);
}

static void meta(int key, bool set)
{
	unsigned d, e = expr("meta", &d);

	be32(NFTA_META_KEY, key);
	be32(set ? NFTA_META_SREG : NFTA_META_DREG, NFT_REG_1);
	end(d);
	end(e);
}

static void is_for(unsigned char proto, unsigned short port)
{
	meta(NFT_META_L4PROTO, false);
	equal(&proto, 1);
	nft_load(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	port = htons(port);
	equal(&port, 2);
}

static void tproxy(int family, unsigned short port)
{
	unsigned d, e;

	port = htons(port);
	immediate(&port, 2);
	e = expr("tproxy", &d);
	be32(NFTA_TPROXY_FAMILY, family);
	be32(NFTA_TPROXY_REG_PORT, NFT_REG_1);
	end(d);
	end(e);
	immediate(&(unsigned){ 1 }, 4);
	meta(NFT_META_MARK, true);
}

static void new_chain(const char *name, int hook)
{
	nft_table("mangle");
	nft_chain("mangle", name, "filter", hook, 0xffffff6a);
}

static unsigned new_rule(const char *chain)
{
	return nft_rule("mangle", chain);
}

/* Sends a rule with TPROXY at @hook, for @proto. Returns 0, or -1 with errno. */
static int with_target(int hook, int proto)
{
	struct xt_tproxy_target_info_v1 t = {
		.mark_mask = ~0U, .mark_value = 1, .lport = htons(5002)
	};
	unsigned x, c;

	start();
	new_chain("odd", hook);
	x = new_rule("odd");
	compat("target", "TPROXY", 1, &t, sizeof(t));
	end(x);
	c = nest(NFTA_RULE_COMPAT);
	be32(NFTA_RULE_COMPAT_PROTO, proto);
	be32(NFTA_RULE_COMPAT_FLAGS, 0);
	end(c);
	return finish();
}

static int with_tproxy(int hook, int family)
{
	unsigned x;

	start();
	new_chain("odd", hook);
	x = new_rule("odd");
	tproxy(family, 1);
	end(x);
	return finish();
}

static int with_match(int rev, unsigned char flags)
{
	unsigned x;

	start();
	new_chain("odd", NF_INET_PRE_ROUTING);
	x = new_rule("odd");
	compat("match", "socket", rev, &flags, 1);
	end(x);
	return finish();
}

/*
 * Makes rules: TCP goes from port 80 to 5000, from 81 to 5002 (by iptables) and from 82 to 5003,
 * whose socket is not transparent; UDP goes from port 53 to 5001. A packet that a transparent
 * socket already gets is only marked.
 */
static int rules(void)
{
	struct xt_tproxy_target_info_v1 t = {
		.mark_mask = ~0U, .mark_value = 1, .lport = htons(5002)
	};
	unsigned d, e, x, c;

	start();
	new_chain("in", NF_INET_PRE_ROUTING);
	x = new_rule("in");
	e = expr("socket", &d);
	be32(NFTA_SOCKET_KEY, NFT_SOCKET_TRANSPARENT);
	be32(NFTA_SOCKET_DREG, NFT_REG_1);
	end(d);
	end(e);
	equal("\1", 1);
	immediate(&(unsigned){ 1 }, 4);
	meta(NFT_META_MARK, true);
	end(x);
	x = new_rule("in");
	is_for(IPPROTO_TCP, 80);
	tproxy(NFPROTO_IPV4, 5000);
	end(x);
	x = new_rule("in");
	is_for(IPPROTO_TCP, 82);
	tproxy(NFPROTO_IPV4, 5003);
	end(x);
	x = new_rule("in");
	is_for(IPPROTO_UDP, 53);
	tproxy(NFPROTO_IPV4, 5001);
	end(x);
	x = new_rule("in");
	is_for(IPPROTO_TCP, 81);
	compat("target", "TPROXY", 1, &t, sizeof(t));
	end(x);
	c = nest(NFTA_RULE_COMPAT);
	be32(NFTA_RULE_COMPAT_PROTO, IPPROTO_TCP);
	be32(NFTA_RULE_COMPAT_FLAGS, 0);
	end(c);
	return finish();
}

/* ---- packets ---- */

static int server(int type, unsigned short port, int transparent)
{
	struct sockaddr_in a = at("0.0.0.0", port);
	int fd = NEED(socket(AF_INET, type, 0));

	NEED(setsockopt(fd, SOL_IP, IP_TRANSPARENT, &transparent, sizeof(int)));
	NEED(bind(fd, SA(&a), sizeof(a)));
	if (type == SOCK_STREAM)
		NEED(listen(fd, 4));
	return fd;
}

/* Accepts a connection, and sends the address to which it was to go. */
static void serve_stream(int l)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	int s = NEED(accept(l, NULL, NULL));

	NEED(getsockname(s, SA(&a), &len));
	NEED(send(s, &a, sizeof(a), 0));
	close(s);
}

static void serve_datagram(int fd)
{
	char buf[64], c[128];
	struct sockaddr_in from, to = { 0 };
	struct iovec v = { buf, sizeof(buf) };
	struct msghdr m = { &from, sizeof(from), &v, 1, c, sizeof(c), 0 };
	int n = NEED(recvmsg(fd, &m, 0)), back = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	if (h && h->cmsg_level == SOL_IP && h->cmsg_type == IP_ORIGDSTADDR)
		memcpy(&to, CMSG_DATA(h), sizeof(to));
	NEED(setsockopt(back, SOL_IP, IP_TRANSPARENT, &(int){ 1 }, sizeof(int)));
	NEED(bind(back, SA(&to), sizeof(to)));
	NEED(sendto(back, buf, n, 0, SA(&from), sizeof(from)));
	close(back);
}

/* Connects to a TCP port of @to. Returns the address that the server sends, or the error. */
static const char *asked(const char *to, unsigned short port)
{
	static char s[64];
	struct sockaddr_in a = at(to, port), b = { 0 };
	int fd = NEED(socket(AF_INET, SOCK_STREAM, 0));
	char text[INET_ADDRSTRLEN];

	NEED(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){ .tv_sec = 2 },
		sizeof(struct timeval)));
	if (connect(fd, SA(&a), sizeof(a))) {
		close(fd);
		return t_errno(errno);
	}
	NEED(recv(fd, &b, sizeof(b), MSG_WAITALL));
	snprintf(s, sizeof(s), "%s %d", inet_ntop(AF_INET, &b.sin_addr, text, sizeof(text)),
		ntohs(b.sin_port));
	close(fd);
	return s;
}

static const char *datagram(const char *to, unsigned short port)
{
	struct sockaddr_in a = at(to, port);
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	static char buf[16];

	memset(buf, 0, sizeof(buf));
	NEED(connect(fd, SA(&a), sizeof(a)));
	NEED(send(fd, "hello", 5, 0));
	if (recv(fd, buf, sizeof(buf) - 1, 0) < 0)
		return t_errno(errno);
	close(fd);
	return buf;
}

/* Runs as the other side, in a network namespace with vb0. */
static void client(int go)
{
	char c;

	NEED(read(go, &c, 1));
	set_mac("vb0", 2);
	set_up("vb0", 1);
	add_addr("vb0", AF_INET, "10.9.0.2", 24);
	nl_add_route("0.0.0.0", 0, "10.9.0.1", NULL);
	GT(asked("198.51.100.7", 80), "198.51.100.7 80");
	GT(asked("198.51.100.7", 81), "198.51.100.7 81");
	GT(asked("198.51.100.7", 82), "ENETUNREACH");
	GT(asked("10.9.0.1", 80), "10.9.0.1 80");
	GT(datagram("203.0.113.9", 53), "hello");
}

static void give_away(const char *dev, pid_t pid)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWLINK,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) } };

	((struct ifinfomsg *)NLMSG_DATA(&m.h))->ifi_index = (int)if_nametoindex(dev);
	nl_add(&m, IFLA_NET_NS_PID, &pid, sizeof(pid));
	NEED0(nl_do(&m));
}

static void packets(void)
{
	int ready[2], go[2], s80, s81, s82, udp;
	pid_t pid;
	char c;

	NEED(pipe(ready));
	NEED(pipe(go));
	pid = NEED(fork());
	if (!pid) {
		NEED(unshare(CLONE_NEWNET));
		NEED(write(ready[1], "", 1));
		client(go[0]);
		_exit(0);
	}
	NEED(read(ready[0], &c, 1));
	give_away("vb0", pid);
	put_text("/proc/sys/net/ipv4/ip_forward", "1");
	s80 = server(SOCK_STREAM, 5000, 1);
	s81 = server(SOCK_STREAM, 5002, 1);
	s82 = server(SOCK_STREAM, 5003, 0);
	udp = server(SOCK_DGRAM, 5001, 1);
	NEED(setsockopt(udp, SOL_IP, IP_RECVORIGDSTADDR, &(int){ 1 }, sizeof(int)));
	NEED(write(go[1], "", 1));
	if (in_guest()) {
		serve_stream(s80);
		serve_stream(s81);
		serve_stream(s80);
		serve_datagram(udp);
	}
	t_wait("client", pid);
	close(s82);
}

/* ---- copies ---- */

static int tee_rule(int hook, const char *gateway, const char *dev)
{
	struct xt_tee_tginfo t = { 0 };
	unsigned x;

	inet_pton(AF_INET, gateway, &t.gw.ip);
	memcpy(t.oif, dev, strnlen(dev, sizeof(t.oif)));
	start();
	new_chain("copy", hook);
	x = new_rule("copy");
	compat("target", "TEE", 1, &t, sizeof(t));
	end(x);
	return finish();
}

static int dup_rule(int hook, const char *gateway)
{
	struct in_addr gw;
	unsigned d, e, x;

	inet_pton(AF_INET, gateway, &gw);
	start();
	new_chain("copy", hook);
	x = new_rule("copy");
	if (*gateway)
		immediate(&gw, sizeof(gw));
	e = expr("dup", &d);
	if (*gateway)
		be32(NFTA_DUP_SREG_ADDR, NFT_REG_1);
	end(d);
	end(e);
	end(x);
	return finish();
}

/* Adds a rule that writes a longer header length than the packet has, and duplicates the packet. */
static int longer_rule(const char *gateway)
{
	struct in_addr gw;
	unsigned d, e, x;

	inet_pton(AF_INET, gateway, &gw);
	start();
	new_chain("copy", NF_INET_LOCAL_OUT);
	x = new_rule("copy");
	immediate("\x4f", 1);
	nft_store(NFT_PAYLOAD_NETWORK_HEADER, 0, 1);
	immediate(&gw, sizeof(gw));
	e = expr("dup", &d);
	be32(NFTA_DUP_SREG_ADDR, NFT_REG_1);
	end(d);
	end(e);
	end(x);
	return finish();
}

static void no_table(void)
{
	start();
	nft_no_table("mangle");
	finish();
}

/*
 * Returns what arrives by vb1 after a datagram from 127.0.0.2 to 127.0.0.1: its TTL, DF, addresses
 * and port.
 */
static const char *copied(int tap)
{
	static char s[128];
	struct sockaddr_in from = at("127.0.0.2", 0), to = at("127.0.0.1", 4242);
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0)), n;
	char a[INET_ADDRSTRLEN], b[INET_ADDRSTRLEN];
	unsigned char p[256];

	NEED(bind(fd, SA(&from), sizeof(from)));
	NEED(setsockopt(fd, SOL_IP, IP_MTU_DISCOVER, &(int){ IP_PMTUDISC_DONT }, sizeof(int)));
	sendto(fd, "copy", 4, 0, SA(&to), sizeof(to));
	close(fd);
	for (;;) {
		n = recv(tap, p, sizeof(p), 0);
		if (n < 0)
			return t_errno(errno);
		if (n >= 32 && p[9] == IPPROTO_UDP && p[22] == 4242 >> 8 && p[23] == (4242 & 255))
			break;
	}
	snprintf(s, sizeof(s), "ttl %d DF %d %s %s %d bytes", p[8], p[6] >> 6,
		inet_ntop(AF_INET, p + 12, a, sizeof(a)), inet_ntop(AF_INET, p + 16, b, sizeof(b)),
		n);
	return s;
}

static void neighbour(const char *dev, const char *addr)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWNEIGH,
				    .nlmsg_flags = NLM_F_CREATE,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ndmsg)) } };
	struct ndmsg *n = NLMSG_DATA(&m.h);
	char bin[4];

	n->ndm_family = AF_INET;
	n->ndm_ifindex = (int)if_nametoindex(dev);
	n->ndm_state = NUD_PERMANENT;
	inet_pton(AF_INET, addr, bin);
	nl_add(&m, NDA_DST, bin, 4);
	nl_add(&m, NDA_LLADDR, "\2\0\0\0\0\2", 6);
	NEED0(nl_do(&m));
}

static void copies(void)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	int tap = GNEED(socket(AF_PACKET, SOCK_DGRAM, 0));

	veth_pair("va1", "vb1");
	set_up("va1", 1);
	set_up("vb1", 1);
	add_addr("va1", AF_INET, "10.7.0.1", 24);
	neighbour("va1", "10.7.0.2");
	a.sll_ifindex = (int)if_nametoindex("vb1");
	GNEED(bind(tap, SA(&a), sizeof(a)));
	if (in_guest())
		setsockopt(tap, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ .tv_sec = 100 },
			sizeof(struct timeval));
	G(tee_rule(NF_INET_LOCAL_OUT, "0.0.0.0", ""), "-1 EINVAL");
	G(tee_rule(NF_INET_LOCAL_OUT, "10.7.0.2", "a_name_of_16_byt"), "-1 EINVAL");
	G(tee_rule(NF_INET_LOCAL_OUT, "10.7.0.2", ""), "0");
	GT(copied(tap), "ttl 64 DF 1 127.0.0.2 127.0.0.1 32 bytes");
	if (in_guest())
		no_table();
	G(tee_rule(NF_INET_PRE_ROUTING, "10.7.0.2", "va1"), "0");
	GT(copied(tap), "ttl 63 DF 1 127.0.0.2 127.0.0.1 32 bytes");
	if (in_guest())
		no_table();
	G(dup_rule(NF_INET_LOCAL_IN, ""), "-1 EINVAL");
	G(dup_rule(NF_INET_LOCAL_IN, "10.7.0.2"), "0");
	GT(copied(tap), "ttl 63 DF 1 127.0.0.2 127.0.0.1 32 bytes");
	if (in_guest())
		no_table();
	G(longer_rule("10.7.0.2"), "0");
	/* nothing is expected of the packet, only that the kernel lives */
	if (in_guest()) {
		struct sockaddr_in to = at("127.0.0.1", 4242);
		int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

		sendto(fd, "", 0, 0, SA(&to), sizeof(to));
		close(fd);
	}
}

/* ---- labels, prefixes ---- */

/*
 * Adds rules that drop packets of connections with label @bit and set the label for all others, if
 * @set.
 */
static int label_rules(int bit, int options, bool set)
{
	struct xt_connlabel_mtinfo is = { (unsigned short)bit, 0 },
				   becomes = { (unsigned short)bit, (unsigned short)options };
	unsigned x;

	start();
	new_chain("label", NF_INET_LOCAL_OUT);
	x = new_rule("label");
	compat("match", "connlabel", 0, &is, sizeof(is));
	drop_it();
	end(x);
	if (set) {
		x = new_rule("label");
		compat("match", "connlabel", 0, &becomes, sizeof(becomes));
		end(x);
	}
	return finish();
}

static void labels(void)
{
	struct sockaddr_in a = at("127.0.0.1", 4243);
	int to = GNEED(socket(AF_INET, SOCK_DGRAM, 0)), fd = GNEED(socket(AF_INET, SOCK_DGRAM, 0));

	G(label_rules(128, XT_CONNLABEL_OP_SET, true), "-1 ERANGE");
	G(label_rules(127, 4, true), "-1 EINVAL");
	GNEED(bind(to, SA(&a), sizeof(a)));
	GNEED(connect(fd, SA(&a), sizeof(a)));
	G(label_rules(127, 0, false), "0");
	G(send(fd, "1", 1, 0), "1");
	G(label_rules(127, XT_CONNLABEL_OP_SET, true), "0");
	G(send(fd, "2", 1, 0), "1");
	G(send(fd, "3", 1, 0), "-1 EPERM");
	if (in_guest())
		no_table();
	close(to);
	close(fd);
}

static int prefix_rule(const char *name, int hook, const char *from, int len, const char *to)
{
	struct ip6t_npt_tginfo t = { .src_pfx_len = (unsigned char)len,
		.dst_pfx_len = (unsigned char)len };
	unsigned x;

	inet_pton(AF_INET6, from, &t.src_pfx);
	inet_pton(AF_INET6, to, &t.dst_pfx);
	start();
	new_chain("prefix", hook);
	x = new_rule("prefix");
	compat("target", name, 0, &t, sizeof(t));
	end(x);
	return finish();
}

static struct sockaddr_in6 at6(const char *addr, int port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	inet_pton(AF_INET6, addr, &a.sin6_addr);
	return a;
}

/* Sends a datagram to @to that arrives at @real, an address of lo. Returns the source it shows. */
static const char *arrives(const char *to, const char *real)
{
	static char s[INET6_ADDRSTRLEN];
	struct sockaddr_in6 a = at6(to, 4244), b = at6(real, 4244), from;
	socklen_t len = sizeof(from);
	int in = NEED(socket(AF_INET6, SOCK_DGRAM, 0)), fd = NEED(socket(AF_INET6, SOCK_DGRAM, 0));
	char c;

	NEED(setsockopt(in, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ .tv_sec = 100 },
		sizeof(struct timeval)));
	NEED(bind(in, SA(&b), sizeof(b)));
	b = at6("fd01:203:405:1::99", 0);
	NEED(bind(fd, SA(&b), sizeof(b)));
	NEED(sendto(fd, "x", 1, 0, SA(&a), sizeof(a)));
	if (recvfrom(in, &c, 1, 0, SA(&from), &len) < 0)
		return t_errno(errno);
	close(in);
	close(fd);
	return inet_ntop(AF_INET6, &from.sin6_addr, s, sizeof(s));
}

/* The addresses are those of RFC 6296's example. */
static void prefixes(void)
{
	nft_family = NFPROTO_IPV6;
	add_addr("lo", AF_INET6, "fd01:203:405:1::1234", 128);
	add_addr("lo", AF_INET6, "fd01:203:405:1::99", 128);
	G(prefix_rule("DNPT", NF_INET_POST_ROUTING, "2001:db8:1::", 48, "fd01:203:405::"),
		"-1 EINVAL");
	G(prefix_rule("DNPT", NF_INET_LOCAL_OUT, "2001:db8:1::", 65, "fd01:203:405::"),
		"-1 EINVAL");
	G(prefix_rule("DNPT", NF_INET_LOCAL_OUT, "2001:db8:1:1::", 48, "fd01:203:405::"),
		"-1 EINVAL");
	G(prefix_rule("DNPT", NF_INET_LOCAL_OUT, "2001:db8:1::", 48, "fd01:203:405::"), "0");
	if (in_guest())
		no_table();
	G(prefix_rule("SNPT", NF_INET_POST_ROUTING, "fd01:203:405::", 48, "2001:db8:1::"), "0");
	GT(arrives("fd01:203:405:1::1234", "fd01:203:405:1::1234"), "2001:db8:1:d550::99");
	if (in_guest())
		no_table();
	G(prefix_rule("SNPT", NF_INET_POST_ROUTING, "fd01:203:405:1::", 64, "2001:db8:1:2::"), "0");
	GT(arrives("fd01:203:405:1::1234", "fd01:203:405:1::1234"), "2001:db8:1:2:d54e::99");
}

TEST(tproxy)
{
	own_net();
	routes();
	T(local_way(RTM_NEWROUTE, "0.0.0.0", 0, "lo", 100, RT_SCOPE_HOST));
	GNEED(nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
	G(with_target(NF_INET_PRE_ROUTING, 0), "-1 EINVAL");
	G(with_target(NF_INET_PRE_ROUTING, IPPROTO_ICMP), "-1 EINVAL");
	G(with_target(NF_INET_LOCAL_IN, IPPROTO_TCP), "-1 EINVAL");
	G(with_tproxy(NF_INET_LOCAL_IN, NFPROTO_IPV4), "-1 EOPNOTSUPP");
	G(with_tproxy(NF_INET_PRE_ROUTING, NFPROTO_IPV6), "-1 EINVAL");
	G(with_tproxy(NF_INET_PRE_ROUTING, NFPROTO_UNSPEC), "-1 EINVAL");
	G(with_match(1, XT_SOCKET_NOWILDCARD), "-1 EINVAL");
	G(with_match(3, 8), "-1 EINVAL");
	G(with_match(3, XT_SOCKET_TRANSPARENT), "0");
	G(rules(), "0");
	packets();
	if (in_guest())
		no_table();
	copies();
	if (in_guest())
		no_table();
	labels();
	prefixes();
}
