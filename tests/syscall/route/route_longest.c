/* SPDX-License-Identifier: MIT */
/*
 * route_longest: many random nested routes, some of which come and go: a lookup finds the longest
 * prefix, and within a prefix the lowest metric.
 */
#include "netns.h"

#define ROUTES 250
#define ASKED 150

static unsigned seed = 27;

static unsigned chance(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

struct way {
	char to[64];
	int prefix, gateway, metric;
};

/*
 * Makes a random network from few numbers, so that networks contain each other. The bits after the
 * prefix are 0.
 */
static void some_net(int v6, struct way *w)
{
	unsigned char a[16] = { 0 };
	int from = v6 ? 16 : 8, bits = v6 ? 128 : 32;

	a[0] = v6 ? 0x20 : 60;
	a[1] = v6 ? 0x05 : 0;
	w->prefix = from + (int)chance((unsigned)(bits - from + 1));
	for (int i = from; i < w->prefix; i++)
		if (!chance(6))
			a[i / 8] |= 0x80 >> i % 8;
	inet_ntop(v6 ? AF_INET6 : AF_INET, a, w->to, sizeof(w->to));
	w->gateway = 2 + (int)chance(100);
	w->metric = v6 ? 10 + (int)chance(10000) :
			 10 + (int)chance(3); /* else they are ways of a route */
}

static int change(int v6, const struct way *w, int type)
{
	struct nl_msg m = nl_route(w->to, w->prefix);
	unsigned char gw[16] = { 10, 9, 0, (unsigned char)w->gateway };
	unsigned metric = (unsigned)w->metric;

	if (v6)
		memcpy(gw, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0", 15);
	gw[15] = v6 ? (unsigned char)w->gateway : 0;
	m.h.nlmsg_type = (unsigned short)type;
	nl_add(&m, RTA_GATEWAY, gw, v6 ? 16 : 4);
	nl_add(&m, RTA_PRIORITY, &metric, 4);
	return nl_do(&m);
}

/* Returns the last byte of the gateway by which @to is reached: 0 without one, or -errno. */
static int asked(int v6, const void *to)
{
	struct {
		struct nlmsghdr h;
		struct rtmsg r;
		char more[512];
	} r;
	struct nl_msg m = { .h = { .nlmsg_type = RTM_GETROUTE,
				    .nlmsg_flags = NLM_F_REQUEST,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)) } };
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)), n, got = 0;

	((struct rtmsg *)NLMSG_DATA(&m.h))->rtm_family = v6 ? AF_INET6 : AF_INET;
	nl_add(&m, RTA_DST, to, v6 ? 16 : 4);
	NEED(send(fd, &m, m.h.nlmsg_len, 0));
	n = NEED(recv(fd, &r, sizeof(r), 0));
	close(fd);
	if (r.h.nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)NLMSG_DATA(&r.h))->error;
	n -= (int)NLMSG_LENGTH(sizeof(struct rtmsg));
	for (struct rtattr *a = (void *)r.more; RTA_OK(a, n); a = RTA_NEXT(a, n))
		if (a->rta_type == RTA_GATEWAY)
			got = ((unsigned char *)RTA_DATA(a))[v6 ? 15 : 3];
	return got;
}

static void ask_some(int v6)
{
	char line[1024] = "";

	for (int k = 0; k < ASKED; k++) {
		struct way w;
		unsigned char to[16];

		some_net(v6, &w);
		inet_pton(v6 ? AF_INET6 : AF_INET, w.to, to);
		to[v6 ? 15 : 3] |= (unsigned char)(1 + chance(3));
		snprintf(line + strlen(line), sizeof(line) - strlen(line), " %d", asked(v6, to));
	}
	say("%s:%s", v6 ? "IPv6" : "IPv4", line);
}

static void family(int v6)
{
	static struct way all[ROUTES];
	static int in[ROUTES];
	unsigned made = 0, gone = 0;

	for (int k = 0; k < ROUTES; k++) {
		some_net(v6, &all[k]);
		in[k] = !change(v6, &all[k], RTM_NEWROUTE);
		made += (unsigned)in[k];
	}
	say("%u", made);
	ask_some(v6);
	for (int k = 0; k < ROUTES; k++)
		if (chance(2) && in[k])
			gone += !change(v6, &all[k], RTM_DELROUTE);
	say("%u", gone);
	ask_some(v6);
}

TEST(route_longest)
{
	own_net();
	family(0);
	add_addr("va0", AF_INET6, "2001:db8::1", 64);
	family(1);
}
