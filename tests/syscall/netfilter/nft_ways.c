/* SPDX-License-Identifier: MIT */
/*
 * nft_ways: the path of packets through the filter: two connections that a translation would give
 * the same tuple, ports translated in tables of both families, fragments that are shown separately
 * unless connections are tracked, `meta iif` of forwarded packets at output, and `fib` of forwarded
 * packets with policy rules by input device.
 */
#include "guest.h"
#include "netns.h"
#include "nft.h"

#include <linux/fib_rules.h>
#include <linux/if_ether.h>
#include <linux/netfilter/nf_conntrack_common.h>

static const char *const table = "t";

static void new_table(int family)
{
	nft_family = family;
	start();
	nft_table(table);
}

static void chain(const char *name, const char *type, int hook, int prio)
{
	nft_chain(table, name, type, hook, prio);
}

static unsigned rule(const char *c)
{
	return nft_rule(table, c);
}

static int no_table(void)
{
	start();
	nft_no_table(table);
	return finish();
}

static void dnat(int family, int addr_reg, int port_reg)
{
	unsigned d, e = expr("nat", &d);

	be32(NFTA_NAT_TYPE, NFT_NAT_DNAT);
	be32(NFTA_NAT_FAMILY, family);
	if (addr_reg)
		be32(NFTA_NAT_REG_ADDR_MIN, addr_reg);
	be32(NFTA_NAT_REG_PROTO_MIN, port_reg);
	end(d);
	end(e);
}

/* ---- translation ---- */

static int udp_at(const char *addr, int port)
{
	struct sockaddr_in a = at(addr, port);
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	NEED(bind(fd, SA(&a), sizeof(a)));
	return fd;
}

static int send_to(int fd, const char *addr, int port)
{
	struct sockaddr_in a = at(addr, port);

	return (int)sendto(fd, "x", 1, 0, SA(&a), sizeof(a));
}

/* Returns the sender of the packet that arrives, or -1 if none does. */
static int heard(int fd, struct sockaddr_in *from)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	socklen_t n = sizeof(*from);
	char c;

	if (poll(&p, 1, 5000) != 1 || recvfrom(fd, &c, 1, 0, SA(from), &n) != 1)
		return -1;
	return ntohs(from->sin_port);
}

/* Packets for 127.0.0.5 are translated to port 5201 of 127.0.0.1. */
static int to_5201(void)
{
	unsigned x;

	new_table(NFPROTO_IPV4);
	chain("out", "nat", NF_INET_LOCAL_OUT, -100);
	x = rule("out");
	nft_load(NFT_PAYLOAD_NETWORK_HEADER, 16, 4);
	equal("\x7f\0\0\5", 4);
	nft_immediate(NFT_REG_1, "\x7f\0\0\1", 4);
	nft_immediate(NFT_REG_2, "\x14\x51", 2);
	dnat(NFPROTO_IPV4, NFT_REG_1, NFT_REG_2);
	end(x);
	return finish();
}

static void same_numbers(void)
{
	struct sockaddr_in a = { 0 };
	int client = -1, server = -1, port;

	if (in_guest()) {
		client = udp_at("127.0.0.1", 10000);
		server = udp_at("127.0.0.1", 5201);
	}
	G(to_5201(), "0");
	G(send_to(client, "127.0.0.1", 5201), "1");
	G(heard(server, &a), "10000");
	G(send_to(client, "127.0.0.5", 443), "1");
	port = in_guest() ? heard(server, &a) : 0;
	GIS(port > 0 && port != 10000);
	G(send_to(server, "127.0.0.1", port), "1");
	G(heard(client, &a), "443");
	GIS(ntohl(a.sin_addr.s_addr) == 0x7f000005);
	G(no_table(), "0");
	if (in_guest()) {
		close(client);
		close(server);
	}
}

/* Makes a table of family @of_table that translates port 443 to 5201. */
static int port_rule(int of_table, int family, int addr_reg)
{
	unsigned x;

	new_table(of_table);
	chain("out", "nat", NF_INET_LOCAL_OUT, -100);
	x = rule("out");
	nft_load(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	equal("\1\xbb", 2);
	nft_immediate(NFT_REG_2, "\x14\x51", 2);
	dnat(family, addr_reg, NFT_REG_2);
	end(x);
	return finish();
}

static void ports(void)
{
	struct sockaddr_in a;
	int client = -1, server = -1;

	if (in_guest()) {
		client = udp_at("127.0.0.1", 10001);
		server = udp_at("127.0.0.1", 5201);
	}
	G(port_rule(NFPROTO_IPV4, NFPROTO_INET, 0), "-1 EOPNOTSUPP");
	G(port_rule(NFPROTO_INET, NFPROTO_INET, NFT_REG_3), "-1 EAFNOSUPPORT");
	G(port_rule(NFPROTO_INET, NFPROTO_INET, 0), "0");
	G(send_to(client, "127.0.0.1", 443), "1");
	G(heard(server, &a), "10001");
	G(no_table(), "0");
	if (in_guest()) {
		close(client);
		close(server);
	}
}

/* ---- fragments ---- */

/* Adds a rule that drops later fragments of datagrams. @ct: it also tracks connections. */
static int no_later_piece(bool ct)
{
	unsigned x, d, e, w;

	new_table(NFPROTO_IPV4);
	chain("pre", "filter", NF_INET_PRE_ROUTING, -150);
	x = rule("pre");
	nft_load(NFT_PAYLOAD_NETWORK_HEADER, 6, 2);
	e = expr("bitwise", &d);
	be32(NFTA_BITWISE_SREG, NFT_REG_1);
	be32(NFTA_BITWISE_DREG, NFT_REG_1);
	be32(NFTA_BITWISE_LEN, 2);
	w = nest(NFTA_BITWISE_MASK);
	attr(NFTA_DATA_VALUE, "\x1f\xff", 2);
	end(w);
	w = nest(NFTA_BITWISE_XOR);
	attr(NFTA_DATA_VALUE, "\0\0", 2);
	end(w);
	end(d);
	end(e);
	e = expr("cmp", &d);
	be32(NFTA_CMP_SREG, NFT_REG_1);
	be32(NFTA_CMP_OP, NFT_CMP_NEQ);
	w = nest(NFTA_CMP_DATA);
	attr(NFTA_DATA_VALUE, "\0\0", 2);
	end(w);
	end(d);
	end(e);
	drop_it();
	end(x);
	if (ct) {
		x = rule("pre");
		e = expr("ct", &d);
		be32(NFTA_CT_DREG, NFT_REG_1);
		be32(NFTA_CT_KEY, NFT_CT_STATE);
		end(d);
		end(e);
		end(x);
	}
	return finish();
}

static int send_long(int fd, char mark)
{
	static char buf[3000];
	struct sockaddr_in a = at("127.0.0.1", 5202);

	memset(buf, mark, sizeof(buf));
	return (int)sendto(fd, buf, mark == 's' ? 1 : sizeof(buf), 0, SA(&a), sizeof(a));
}

/* Returns the first byte of the next message, or -1. */
static int next_mark(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c = 0;

	return poll(&p, 1, 5000) == 1 && recv(fd, &c, 1, 0) == 1 ? c : -1;
}

static void fragments(void)
{
	int fd = -1;

	if (in_guest())
		fd = udp_at("127.0.0.1", 5202);
	G(no_later_piece(false), "0");
	G(send_long(fd, 'a'), "3000");
	G(send_long(fd, 's'), "1");
	G(next_mark(fd), "115");
	G(no_table(), "0");
	G(no_later_piece(true), "0");
	G(send_long(fd, 'b'), "3000");
	G(next_mark(fd), "98");
	G(no_table(), "0");
	G(send_long(fd, 'c'), "3000");
	G(next_mark(fd), "99");
	if (in_guest())
		close(fd);
}

/* ---- through this machine ---- */

static int wire = -1, far = -1;

static void routes(void)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWRULE,
				    .nlmsg_flags = NLM_F_CREATE,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct fib_rule_hdr)) } };
	int idx = (int)if_nametoindex("vb0");

	*(struct fib_rule_hdr *)NLMSG_DATA(&m.h) =
		(struct fib_rule_hdr){ .family = AF_INET, .table = 129, .action = FR_ACT_TO_TBL };
	nl_add(&m, FRA_IIFNAME, "vc0", 4);
	NEED0(nl_do(&m));
	m = nl_route("10.9.0.0", 24);
	((struct rtmsg *)NLMSG_DATA(&m.h))->rtm_table = 129;
	((struct rtmsg *)NLMSG_DATA(&m.h))->rtm_scope = RT_SCOPE_LINK;
	nl_add(&m, RTA_OIF, &idx, 4);
	NEED0(nl_do(&m));
}

static void setup(void)
{
	own_net();
	set_mtu("lo", 1500);
	veth_pair("vc0", "vd0");
	set_up("vc0", 1);
	set_up("vd0", 1);
	add_addr("vc0", AF_INET, "10.8.0.1", 24);
	put_text("/proc/sys/net/ipv4/ip_forward", "1");
	put_text("/proc/sys/net/ipv4/conf/all/rp_filter", "0");
	put_text("/proc/sys/net/ipv4/conf/vb0/rp_filter", "0");
	routes();
	wire = packet_socket("va0", SOCK_RAW, 0);
	far = packet_socket("vd0", SOCK_RAW, ETH_P_ARP);
	nl = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
}

/* Sends a packet from 10.9.0.77, by vb0, to 10.8.0.@last_byte. */
static int pass(int last_byte)
{
	unsigned char f[60] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 28, 0, 1, 0,
		0, 64, 17, 0, 0, 10, 9, 0, 77, 10, 8, 0, (unsigned char)last_byte, 0, 9, 0, 9, 0,
		8 };
	unsigned sum = 0;

	for (int i = 14; i < 34; i += 2)
		sum += (unsigned)f[i] << 8 | f[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	f[24] = (unsigned char)(~sum >> 8);
	f[25] = (unsigned char)~sum;
	return (int)send(wire, f, sizeof(f), 0);
}

/* Returns the address that the next neighbour solicitation behind vc0 is for. */
static int asked_for(void)
{
	struct pollfd p = { .fd = far, .events = POLLIN };
	unsigned char f[60] = { 0 };

	return poll(&p, 1, 5000) == 1 && recv(far, f, sizeof(f), 0) > 41 ? f[41] : -1;
}

/* Returns the address of the next solicitation that is not for @old, which may be repeated. */
static int asked_for_but(int old)
{
	int now;

	do {
		now = asked_for();
	} while (now == old);
	return now;
}

/* Adds a rule that drops packets that came by vb0, at the end of their way. */
static int not_from_vb0(void)
{
	int idx = (int)if_nametoindex("vb0");
	unsigned x;

	new_table(NFPROTO_IPV4);
	chain("post", "filter", NF_INET_POST_ROUTING, 0);
	x = rule("post");
	nft_meta(NFT_META_IIF);
	equal(&idx, 4);
	drop_it();
	end(x);
	return finish();
}

/* Adds a rule that drops forwarded packets whose answers would have no route. */
static int only_with_a_way_back(void)
{
	unsigned x, d, e;

	new_table(NFPROTO_IPV4);
	chain("fwd", "filter", NF_INET_FORWARD, 0);
	x = rule("fwd");
	e = expr("fib", &d);
	be32(NFTA_FIB_DREG, NFT_REG_1);
	be32(NFTA_FIB_RESULT, NFT_FIB_RESULT_OIF);
	be32(NFTA_FIB_FLAGS, NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF);
	end(d);
	end(e);
	equal("\0\0\0\0", 4);
	drop_it();
	end(x);
	return finish();
}

static void through(void)
{
	G(not_from_vb0(), "0");
	G(pass(20), "60");
	G(no_table(), "0");
	G(pass(21), "60");
	G(asked_for(), "21");
	G(only_with_a_way_back(), "0");
	G(pass(22), "60");
	G(asked_for_but(21), "22");
	G(no_table(), "0");
}

TEST(nft_ways)
{
	if (in_guest())
		setup();
	/* first: Linux does not forget at once that connections were asked for */
	fragments();
	same_numbers();
	ports();
	through();
}
