/* SPDX-License-Identifier: MIT */
/*
 * nflog: packets that rules log to groups (nft's `log group`, iptables' NFLOG), and what programs
 * receive: which of them may bind a group, the attributes of a message, how much of the packet it
 * has. The host's side prints what Linux does.
 */
#include "guest.h"
#include "inet.h"
#include "nft.h"

#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netfilter/xt_NFLOG.h>

static unsigned new_rule(const char *chain)
{
	return nft_rule("t", chain);
}

static void be16(int type, uint16_t v)
{
	v = htons(v);
	attr(type, &v, 2);
}

/* Adds a rule that logs to @group. @snap, @level: further attributes, if not 0. */
static int log_to(int group, int snap, int level)
{
	unsigned x, d, e;

	start();
	x = new_rule("out");
	e = expr("log", &d);
	be16(NFTA_LOG_GROUP, group);
	text(NFTA_LOG_PREFIX, "hi there");
	if (snap)
		be32(NFTA_LOG_SNAPLEN, snap);
	if (level)
		be32(NFTA_LOG_LEVEL, level);
	end(d);
	end(e);
	end(x);
	return finish();
}

static int nflog_to(int group, int flags)
{
	struct xt_nflog_info m = { .group = group, .len = 30, .flags = flags, .prefix = "old" };
	unsigned x, d, e;

	start();
	x = new_rule("in");
	e = expr("target", &d);
	text(NFTA_TARGET_NAME, "NFLOG");
	be32(NFTA_TARGET_REV, 0);
	attr(NFTA_TARGET_INFO, &m, sizeof(m));
	end(d);
	end(e);
	end(x);
	return finish();
}

static void new_chain(const char *name, int hook)
{
	nft_chain("t", name, "filter", hook, 0);
}

static int new_table(void)
{
	start();
	nft_table("t");
	new_chain("out", NF_INET_LOCAL_OUT);
	new_chain("in", NF_INET_LOCAL_IN);
	return finish();
}

/* ---- groups ---- */

static int listener1, listener2;

/* Sends a request about @group, with an attribute @type of @n bytes. */
static int config(int fd, int group, int type, const void *data, unsigned n)
{
	char buf[512];
	struct nlmsghdr *h = (void *)buf;

	len = 0;
	begin(NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG, NLM_F_ACK, AF_INET, group);
	if (type)
		attr(type, data, n);
	send(fd, out, len, 0);
	if (recv(fd, buf, sizeof(buf), 0) < (int)NLMSG_SPACE(sizeof(struct nlmsgerr)))
		return -2;
	errno = h->nlmsg_type == NLMSG_ERROR ? -((struct nlmsgerr *)NLMSG_DATA(h))->error : 0;
	return errno ? -1 : 0;
}

static int command(int fd, int group, int cmd)
{
	struct nfulnl_msg_config_cmd c = { cmd };

	return config(fd, group, NFULA_CFG_CMD, &c, sizeof(c));
}

static int mode(int fd, int group, int what, unsigned range)
{
	struct nfulnl_msg_config_mode m = { htonl(range), what, 0 };

	return config(fd, group, NFULA_CFG_MODE, &m, sizeof(m));
}

static int flags(int fd, int group, int v)
{
	uint16_t be = htons(v);

	return config(fd, group, NFULA_CFG_FLAGS, &be, 2);
}

static int set_number(int fd, int group, int type, unsigned v)
{
	v = htonl(v);
	return config(fd, group, type, &v, 4);
}

static void bindings(void)
{
	G(command(listener1, 0, NFULNL_CFG_CMD_PF_BIND), "0");
	G(command(listener1, 5, NFULNL_CFG_CMD_UNBIND), "-1 ENODEV");
	G(mode(listener1, 5, NFULNL_COPY_META, 0), "-1 ENODEV");
	G(command(listener1, 5, NFULNL_CFG_CMD_BIND), "0");
	G(command(listener1, 5, NFULNL_CFG_CMD_BIND), "-1 EBUSY");
	G(command(listener2, 5, NFULNL_CFG_CMD_BIND), "-1 EPERM");
	G(mode(listener2, 5, NFULNL_COPY_META, 0), "-1 EPERM");
	G(mode(listener1, 5, 3, 0), "0"); /* it stays as it was */
	G(set_number(listener1, 5, NFULA_CFG_QTHRESH, 1), "0");
	G(set_number(listener1, 5, NFULA_CFG_NLBUFSIZ, 1 << 18), "0");
	G(set_number(listener1, 5, NFULA_CFG_NLBUFSIZ, 1 << 16), "0");
}

/* ---- packets ---- */

/* Returns the contents of a packet's message, as text. */
static const char *heard(int fd)
{
	static char s[512];
	unsigned char buf[8192];
	struct nlmsghdr *h = (void *)buf;
	struct nfgenmsg *g = NLMSG_DATA(h);
	struct pollfd p = { fd, POLLIN, 0 };
	int n = poll(&p, 1, 100000) ? recv(fd, buf, sizeof(buf), 0) : -1, k;
	struct nlattr *a = (void *)(buf + NLMSG_SPACE(sizeof(*g)));

	if (n <= 0)
		return "nothing";
	k = sprintf(s, "%x %d %d:", h->nlmsg_type, g->nfgen_family, ntohs(g->res_id));
	for (; (unsigned char *)a < buf + h->nlmsg_len;
		a = (void *)((char *)a + NLA_ALIGN(a->nla_len))) {
		const unsigned char *d = (void *)(a + 1);
		unsigned size = a->nla_len - NLA_HDRLEN;

		if (a->nla_type == NFULA_TIMESTAMP || a->nla_type == NFULA_HWHEADER)
			/* the first packet once timestamps are on */
			continue;
		k += sprintf(s + k, " %d(%u)", a->nla_type, size);
		for (unsigned i = 0; i < 4 && i < size; i++)
			k += sprintf(s + k, "%s%02x", i ? "" : "=", d[i]);
		if (a->nla_type == NFULA_PAYLOAD)
			k += sprintf(s + k, "..%02x", d[size - 1]);
	}
	return s;
}

static const char *hear(int fd)
{
	struct sockaddr_in a = at("127.0.0.1", 2000);
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	sendto(s, "0123456789abcdef", 16, 0, SA(&a), sizeof(a));
	close(s);
	return heard(fd);
}

static void packets(void)
{
	G(log_to(5, 0, 0), "0");
	G(log_to(6, 0, 3), "-1 EINVAL");
	GT(hear(listener1),
		"400 2 5: 1(4)=08000300 10(9)=68692074 5(4)=00000001 11(4)=00000000 14(4)=00000000 "
		"9(44)=4500002c..66");
	G(mode(listener1, 5, NFULNL_COPY_PACKET, 20), "0");
	GT(hear(listener1),
		"400 2 5: 1(4)=08000300 10(9)=68692074 5(4)=00000001 11(4)=00000000 14(4)=00000000 "
		"9(20)=4500002c..01");
	G(mode(listener1, 5, NFULNL_COPY_META, 0), "0");
	G(flags(listener1, 5, NFULNL_CFG_F_SEQ), "0");
	GT(hear(listener1),
		"400 2 5: 1(4)=08000300 10(9)=68692074 5(4)=00000001 11(4)=00000000 14(4)=00000000 "
		"12(4)=00000000");
	GT(hear(listener1),
		"400 2 5: 1(4)=08000300 10(9)=68692074 5(4)=00000001 11(4)=00000000 14(4)=00000000 "
		"12(4)=00000001");
	G(command(listener2, 7, NFULNL_CFG_CMD_BIND), "0");
	G(nflog_to(7, XT_NFLOG_F_COPY_LEN), "0");
	G(nflog_to(7, 2), "-1 EINVAL");
	GT(hear(listener2),
		"400 2 7: 1(4)=08000100 10(4)=6f6c6400 4(4)=00000001 8(12)=00060000 15(2)=0304 "
		"17(2)=000e 9(30)=4500002c..31");
	GT(heard(listener1),
		"400 2 5: 1(4)=08000300 10(9)=68692074 5(4)=00000001 11(4)=00000000 14(4)=00000000 "
		"12(4)=00000002");
	G(command(listener1, 5, NFULNL_CFG_CMD_UNBIND), "0");
	G(command(listener2, 5, NFULNL_CFG_CMD_BIND), "0");
	if (in_guest())
		close(listener2);
	G(command(listener1, 5, NFULNL_CFG_CMD_BIND), "0");
	G(command(listener1, 7, NFULNL_CFG_CMD_BIND), "0");
}

/* The mark of an echo request is not copied to the answer. */
static void marks(void)
{
	static const unsigned char ping[8] = { 8, 0, 0xf7, 0xfe, 0, 1, 0, 0 };
	struct sockaddr_in a = at("127.0.0.1", 0);
	int fd = GNEED(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));

	G(command(listener1, 7, NFULNL_CFG_CMD_UNBIND), "0");
	G(mode(listener1, 5, NFULNL_COPY_META, 0), "0");
	G(set_number(listener1, 5, NFULA_CFG_QTHRESH, 1), "0");
	GNEED(setsockopt(fd, SOL_SOCKET, SO_MARK, &(int){ 42 }, sizeof(int)));
	GNEED(sendto(fd, ping, sizeof(ping), 0, SA(&a), sizeof(a)));
	GT(heard(listener1), "400 2 5: 1(4)=08000300 10(9)=68692074 5(4)=00000001 2(4)=0000002a "
			     "11(4)=00000000 14(4)=00000000");
	GT(heard(listener1), "400 2 5: 1(4)=08000300 10(9)=68692074 5(4)=00000001");
}

TEST(nflog)
{
	struct sockaddr_in any = at("0.0.0.0", 2000);

	if (in_guest()) {
		NEED(unshare(CLONE_NEWNET));
		lo_up();
		nl = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
		listener1 = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
		listener2 = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
		NEED(bind(NEED(socket(AF_INET, SOCK_DGRAM, 0)), SA(&any), sizeof(any)));
	}
	G(new_table(), "0");
	bindings();
	packets();
	marks();
}
