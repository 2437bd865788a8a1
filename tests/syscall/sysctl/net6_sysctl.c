/* SPDX-License-Identifier: MIT */
/*
 * net6_sysctl: numbers of /proc/sys/net/ipv6 that belong to a namespace: flow labels, echo replies,
 * limits of options, routes.
 */
#include "nd.h"
#include <linux/neighbour.h>

#define IPV6 "/proc/sys/net/ipv6/"
#define US "2001:db8::1"
#define HIM "2001:db8::9"
#define AUTOFLOWLABEL 70

static void put6(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), IPV6 "%s", name);
	put_text(path, value);
}

static void words(void)
{
	static const char *const names[] = { "icmp/ratemask", "icmp/echo_ignore_multicast",
		"auto_flowlabels", "flowlabel_state_ranges", "flowlabel_reflect",
		"max_hbh_opts_number", "max_dst_opts_number", "max_hbh_length",
		"max_dst_opts_length", "route/min_adv_mss", "route/mtu_expires",
		"route/skip_notify_on_dev_down" };
	static const char *const values[] = { "-1", "0", "1", "3", "8", "255", "256", "x" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[128], line[256] = "", was[64] = "";
		int fd;

		snprintf(path, sizeof(path), IPV6 "%s", names[i]);
		fd = NEED(open(path, O_RDONLY));
		NEED(read(fd, was, sizeof(was) - 1));
		close(fd);
		was[strcspn(was, "\n")] = 0;
		for (int v = 0; v < 8; v++) {
			ssize_t n;

			fd = NEED(open(path, O_WRONLY));
			n = write(fd, values[v], strlen(values[v]));
			sprintf(line + strlen(line), " %s", n < 0 ? t_errno(errno) : "ok");
			close(fd);
		}
		say("%s: %s%s", names[i], was, line);
		put6(names[i], was);
	}
	put6("icmp/ratemask", "7,1-3,255");
	show_file(IPV6 "icmp/ratemask", NULL);
	put6("icmp/ratemask", "0-1,3-127");
}

/* Makes the neighbour's link address known. */
static void know_him(void)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWNEIGH,
				    .nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ndmsg)) } };
	struct ndmsg *d = NLMSG_DATA(&m.h);
	unsigned char bin[16];

	*d = (struct ndmsg){ .ndm_family = AF_INET6,
		.ndm_ifindex = (int)if_nametoindex("va0"),
		.ndm_state = NUD_PERMANENT };
	inet_pton(AF_INET6, HIM, bin);
	nl_add(&m, NDA_DST, bin, 16);
	nl_add(&m, NDA_LLADDR, "\2\0\0\0\0\x9", 6);
	NEED0(nl_do(&m));
}

static unsigned label_of(const unsigned char *p)
{
	return (p[1] & 15U) << 16 | (unsigned)p[2] << 8 | p[3];
}

static void labels(void)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	unsigned char p[256];

	inet_pton(AF_INET6, HIM, &to.sin6_addr);
	for (int mode = 0; mode < 4; mode++) {
		put6("auto_flowlabels", (char[]){ (char)('0' + mode), 0 });
		for (int by = -1; by < 2; by++) {
			int fd = NEED(socket(AF_INET6, SOCK_DGRAM, 0)), v = 0;
			socklen_t len = sizeof(v);

			if (by >= 0)
				NEED(setsockopt(fd, IPPROTO_IPV6, AUTOFLOWLABEL, &by, sizeof(by)));
			NEED(getsockopt(fd, IPPROTO_IPV6, AUTOFLOWLABEL, &v, &len));
			nd_drain();
			NEED(sendto(fd, "x", 1, 0, SA(&to), sizeof(to)));
			nd_get(17, 0, p, sizeof(p), 5000);
			say("mode %d, socket %d: %d, %s", mode, by, v,
				label_of(p) ? "one" : "none");
			close(fd);
		}
	}
	put6("flowlabel_state_ranges", "1");
	for (int k = 0; k < 8; k++) {
		int fd = NEED(socket(AF_INET6, SOCK_DGRAM, 0));

		NEED(sendto(fd, "x", 1, 0, SA(&to), sizeof(to)));
		nd_get(17, 0, p, sizeof(p), 5000);
		IS(label_of(p) & 0x80000);
		close(fd);
	}
	put6("auto_flowlabels", "0");
}

/*
 * Returns the flow label of the answer to the peer's packet with the label 0x12345 and @n bytes at
 * @p + PACKET_AT.
 */
static int answer(unsigned char *p, unsigned n, int proto, int type, const char *to, int ms)
{
	nd_head(p, HIM, to, n, proto, 64);
	p[1] = 1;
	p[2] = 0x23;
	p[3] = 0x45;
	nd_check(p, PACKET_AT, n, proto == 6 ? 6 : proto);
	nd_drain();
	nd_put(p, PACKET_AT + n, !strncmp(to, "ff", 2));
	memset(p, 0, PACKET_AT);
	return nd_get(proto, type, p, 256, ms);
}

static int ping(const char *to, unsigned char *p, int ms)
{
	memset(p + PACKET_AT, 0, 16);
	p[PACKET_AT] = 128;
	return answer(p, 16, 58, 129, to, ms);
}

/* Sends a SYN to @port. Returns the length of the answer in @p. */
static int syn(unsigned char *p, int port)
{
	unsigned char *h = p + PACKET_AT;
	unsigned sum;

	memset(h, 0, 20);
	h[0] = 0x30;
	h[2] = (unsigned char)(port >> 8);
	h[3] = (unsigned char)port;
	h[12] = 5 << 4;
	h[13] = 2;
	nd_head(p, HIM, US, 20, 6, 64);
	p[1] = 1;
	p[2] = 0x23;
	p[3] = 0x45;
	sum = nd_sum(h, 20, nd_sum(p + 8, 32, 20 + 6));
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	h[16] = (unsigned char)(~sum >> 8);
	h[17] = (unsigned char)~sum;
	nd_drain();
	nd_put(p, PACKET_AT + 20, 0);
	return nd_get(6, 0, p, 256, 5000);
}

static void reflections(void)
{
	static const char *const what[] = { "0", "1", "2", "4" };
	unsigned char p[256];

	for (int k = 0; k < 4; k++) {
		struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(80 + k) };
		int fd;

		put6("flowlabel_reflect", what[k]);
		fd = NEED(socket(AF_INET6, SOCK_STREAM, 0));
		NEED(bind(fd, SA(&a), sizeof(a)));
		NEED(listen(fd, 5));
		say("reflect %s:", what[k]);
		ping(US, p, 5000);
		say("  echo %x", label_of(p));
		syn(p, 9);
		say("  reset (%x) %x", p[PACKET_AT + 13], label_of(p));
		syn(p, 80 + k);
		say("  flow (%x) %x", p[PACKET_AT + 13], label_of(p));
		close(fd);
	}
	put6("flowlabel_reflect", "0");
}

static void echoes(void)
{
	unsigned char p[256];

	say("of all: %d", ping("ff02::1", p, 5000) != 0);
	put6("icmp/echo_ignore_multicast", "1");
	say("ignored: %d", ping("ff02::1", p, 300) != 0);
	say("of one: %d", ping(US, p, 5000) != 0);
	put6("icmp/echo_ignore_multicast", "0");
}

/* Returns how many errors @n datagrams to a closed port cause. */
static int errors(int n)
{
	unsigned char p[256];
	int got = 0;

	nd_drain();
	for (int k = 0; k < n; k++) {
		nd_head(p, HIM, US, 9, 17, 64);
		memcpy(p + PACKET_AT, (unsigned char[]){ 0, 9, 1, 1, 0, 9, 0, 0, 'x' }, 9);
		nd_check(p, PACKET_AT, 9, 17);
		nd_put(p, PACKET_AT + 9, 0);
	}
	while (got < n && nd_get(58, 1, p, sizeof(p), got ? 300 : 5000))
		got++;
	return got;
}

static void limits(void)
{
	IS(errors(30) < 30);
	put6("icmp/ratemask", "2,4");
	IS(errors(30) == 30);
	put6("icmp/ratemask", "0-1,3-127");
	IS(errors(30) < 30);
}

/*
 * Sends a datagram with @n times @option in a header of @kind (0: hop by hop; 60: for the
 * destination). True if it arrives.
 */
static bool options(int fd, int kind, int n, int option)
{
	unsigned char p[512], *h = p + PACKET_AT, *u;
	unsigned len = (unsigned)(2 + 3 * n + 7) / 8 * 8, pad = len - 2 - 3 * (unsigned)n;
	unsigned char b[8];

	nd_head(p, HIM, US, 9, 17, 64);
	memset(h, 0, len);
	h[0] = 17;
	h[1] = (unsigned char)(len / 8 - 1);
	for (int k = 0; k < n; k++) {
		h[2 + 3 * k] = (unsigned char)option;
		h[3 + 3 * k] = 1;
	}
	if (pad >= 2) {
		h[len - pad] = 1;
		h[len - pad + 1] = (unsigned char)(pad - 2);
	}
	u = h + len;
	memcpy(u, (unsigned char[]){ 0, 9, 7777 >> 8, 7777 & 255, 0, 9, 0, 0, 'x' }, 9);
	nd_check(p, PACKET_AT + len, 9, 17);
	p[6] = (unsigned char)kind;
	p[5] = (unsigned char)(len + 9);
	nd_drain();
	nd_put(p, PACKET_AT + len + 9, 0);
	nd_settle(HIM, US);
	return recv(fd, b, 8, MSG_DONTWAIT) > 0;
}

static void headers(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(7777) };
	int fd = NEED(socket(AF_INET6, SOCK_DGRAM, 0));
	unsigned char p[512];

	NEED(bind(fd, SA(&a), sizeof(a)));
	for (int dst = 0; dst < 2; dst++) {
		const char *number = dst ? "max_dst_opts_number" : "max_hbh_opts_number";
		const char *length = dst ? "max_dst_opts_length" : "max_hbh_length";
		int kind = dst ? 60 : 0;

		say("%s:", dst ? "for the destination" : "hop by hop");
		say("8: %d, 9: %d", options(fd, kind, 8, 0x1e), options(fd, kind, 9, 0x1e));
		put6(number, "9");
		say("of 9: %d, 10: %d", options(fd, kind, 9, 0x1e), options(fd, kind, 10, 0x1e));
		put6(number, "-5");
		say("known ones alone: %d, none: %d", options(fd, kind, 1, 0x1e),
			options(fd, kind, 0, 0));
		put6(number, "8");
		put6(length, "16");
		say("16 bytes: %d, 24: %d", options(fd, kind, 4, 0x1e), options(fd, kind, 6, 0x1e));
		put6(length, "2147483647");
		say("to be dropped: %d", options(fd, kind, 1, 0x5e));
		say("to be told: %d", options(fd, kind, 1, 0x9e));
		memset(p, 0, sizeof(p));
		nd_get(58, 4, p, sizeof(p), 5000);
		say("  type %d code %d at %d, of %d", p[PACKET_AT], p[PACKET_AT + 1],
			p[PACKET_AT + 7], p[PACKET_AT + 8 + 6]);
	}
	close(fd);
}

/* Returns the MSS in the answer to a SYN. */
static int mss(void)
{
	unsigned char p[256];
	int n = syn(p, 90);
	const unsigned char *o = p + PACKET_AT + 20;

	return n >= PACKET_AT + 24 && o[0] == 2 ? o[2] << 8 | o[3] : 0;
}

static void least_mss(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(90) };
	int fd = NEED(socket(AF_INET6, SOCK_STREAM, 0));

	NEED(bind(fd, SA(&a), sizeof(a)));
	NEED(listen(fd, 5));
	say("MSS %d", mss());
	close(fd); /* and with it the connection */
	put6("route/min_adv_mss", "1450");
	fd = NEED(socket(AF_INET6, SOCK_STREAM, 0));
	NEED(bind(fd, SA(&a), sizeof(a)));
	NEED(listen(fd, 5));
	say("at least 1450: %d", mss());
	close(fd);
	put6("route/min_adv_mss", "1220");
}

static void gone_routes(void)
{
	for (int k = 0; k < 2; k++) {
		struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV6_ROUTE };
		int fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)), told = 0, n;
		char b[4096];

		nl_add_route("2001:db8:77::", 48, NULL, "va0");
		put6("route/skip_notify_on_dev_down", k ? "1" : "0");
		NEED(bind(fd, SA(&a), sizeof(a)));
		set_up("va0", 0);
		while ((n = (int)recv(fd, b, sizeof(b), MSG_DONTWAIT)) > 0)
			for (struct nlmsghdr *h = (void *)b; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
				struct rtmsg *g = NLMSG_DATA(h);

				told += h->nlmsg_type == RTM_DELROUTE && g->rtm_dst_len == 48 &&
					g->rtm_protocol == RTPROT_STATIC;
			}
		say("silent %d: told of %d", k, told);
		close(fd);
		set_up("va0", 1);
	}
}

TEST(net6_sysctl)
{
	own_net();
	words();
	nd_open();
	nd_ready();
	add_addr("va0", AF_INET6, US, 64);
	know_him();
	labels();
	reflections();
	echoes();
	headers();
	limits();
	least_mss();
	gone_routes();
}
