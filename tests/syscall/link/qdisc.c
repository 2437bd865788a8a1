/* SPDX-License-Identifier: MIT */
/*
 * qdisc: queueing disciplines. The answers of rtnetlink are compared with the host's. The behaviour
 * is tested in guests only, since hosts may lack the kinds. The rates let nothing leave by time (a
 * byte a second), so slowness of the machine changes no count.
 */
#include "netns.h"
#include "guest.h"
#include <linux/pkt_sched.h>

#define OWN 0x88b5 /* a protocol for experiments */
#define ROOT TC_H_ROOT
#define SLOW 1U
#define FAST 1000000000U

static int qa, out, in;

static void begin(struct nl_msg *m, int type, int flags, unsigned parent, unsigned handle)
{
	*m = (struct nl_msg){ .h = { .nlmsg_type = (unsigned short)type,
				      .nlmsg_flags = (unsigned short)flags,
				      .nlmsg_len = NLMSG_LENGTH(sizeof(struct tcmsg)) } };
	*(struct tcmsg *)NLMSG_DATA(&m->h) =
		(struct tcmsg){ .tcm_ifindex = qa, .tcm_handle = handle, .tcm_parent = parent };
}

static void kind(struct nl_msg *m, const char *name)
{
	nl_add(m, TCA_KIND, name, (unsigned)strlen(name) + 1);
}

#define NEW (NLM_F_CREATE | NLM_F_EXCL)
#define PUT (NLM_F_CREATE | NLM_F_REPLACE)

/* Requests a qdisc whose options are a structure, or none. */
static int plain(int flags, unsigned parent, unsigned handle, const char *name, const void *opt,
	unsigned len)
{
	struct nl_msg m;

	begin(&m, RTM_NEWQDISC, flags, parent, handle);
	if (name)
		kind(&m, name);
	if (opt)
		nl_add(&m, TCA_OPTIONS, opt, len);
	return nl_do(&m);
}

static int del(unsigned parent, unsigned handle, const char *name)
{
	struct nl_msg m;

	begin(&m, RTM_DELQDISC, 0, parent, handle);
	if (name)
		kind(&m, name);
	return nl_do(&m);
}

/* ---- as the host answers ---- */

static void requests(void)
{
	const unsigned seven = 7;
	struct nl_msg m;

	say("no kind: %d", plain(NEW, ROOT, 0, NULL, NULL, 0));
	say("no such kind: %d", plain(NEW, ROOT, 0, "nosuchkind", NULL, 0));
	say("no place: %d", plain(NEW, 0, 0, "pfifo", NULL, 0));
	say("not made: %d", plain(0, ROOT, 0, "pfifo", NULL, 0));
	say("under nobody: %d", plain(NEW, 0x20001, 0, "pfifo", NULL, 0));
	say("a class's number: %d", plain(NEW, ROOT, 0x10001, "pfifo", NULL, 0));
	say("options too short: %d", plain(NEW, ROOT, 0, "pfifo", "xy", 2));
	say("the default goes: %d", del(ROOT, 0, NULL));
	say("made: %d", plain(NEW, ROOT, 0x10000, "pfifo", NULL, 0));
	say("again: %d", plain(NEW, ROOT, 0x10000, "pfifo", NULL, 0));
	say("again, unnamed: %d", plain(NEW, ROOT, 0, "pfifo", NULL, 0));
	say("another, not in its place: %d", plain(NEW, ROOT, 0x20000, "pfifo", NULL, 0));
	say("changed: %d", plain(0, ROOT, 0x10000, "pfifo", &seven, 4));
	say("changed without a kind: %d", plain(0, ROOT, 0x10000, NULL, &seven, 4));
	say("changed by its number: %d", plain(0, 0, 0x10000, "pfifo", &seven, 4));
	say("of another kind: %d", plain(0, ROOT, 0x10000, "bfifo", &seven, 4));
	say("replaced, the same number: %d", plain(PUT, ROOT, 0x10000, "bfifo", NULL, 0));
	say("replaced, unnamed: %d", plain(PUT, ROOT, 0, "bfifo", NULL, 0));
	say("replaced by a number: %d", plain(PUT, ROOT, 0x50000, "bfifo", NULL, 0));
	say("under one without classes: %d", plain(NEW, 0x50001, 0x60000, "pfifo", NULL, 0));
	say("another goes: %d", del(ROOT, 0x90000, NULL));
	say("of another kind goes: %d", del(ROOT, 0x50000, "pfifo"));
	say("one goes without a place: %d", del(0, 0x50000, NULL));
	say("it goes: %d", del(ROOT, 0x50000, "bfifo"));
	say("it has gone: %d", del(ROOT, 0, NULL));
	begin(&m, RTM_NEWQDISC, NEW, ROOT, 0);
	((struct tcmsg *)NLMSG_DATA(&m.h))->tcm_ifindex = 99999;
	kind(&m, "pfifo");
	say("no device: %d", nl_do(&m));
}

static void show_one(const struct nlmsghdr *h)
{
	const struct tcmsg *t = NLMSG_DATA(h);
	int left = (int)h->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*t));

	say("qdisc %x under %x", t->tcm_handle, t->tcm_parent);
	for (const struct rtattr *a = (const void *)(t + 1); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == TCA_KIND)
			say("  %s", (char *)RTA_DATA(a));
		else if (a->rta_type == TCA_OPTIONS)
			say("  options of %u bytes, the first %u", (unsigned)RTA_PAYLOAD(a),
				*(unsigned *)RTA_DATA(a));
		else
			say("  attribute %d of %u bytes", a->rta_type, (unsigned)RTA_PAYLOAD(a));
}

static void show_all(void)
{
	struct nl_msg m;
	static char room[16384];
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)), n;
	bool more = true;

	begin(&m, RTM_GETQDISC, NLM_F_REQUEST | NLM_F_DUMP, 0, 0);
	NEED(send(fd, &m, m.h.nlmsg_len, 0));
	while (more) {
		n = NEED(recv(fd, room, sizeof(room), 0));
		for (struct nlmsghdr *h = (void *)room; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			more &= h->nlmsg_type == RTM_NEWQDISC;
			if (more && ((struct tcmsg *)NLMSG_DATA(h))->tcm_ifindex == qa)
				show_one(h);
		}
	}
	close(fd);
}

static void shown(void)
{
	static const char *const kinds[] = { "pfifo", "bfifo", "pfifo_fast", "noqueue" };

	for (unsigned i = 0; i < 4; i++) {
		say("%s: %d", kinds[i], plain(PUT, ROOT, (i + 1) << 16, kinds[i], NULL, 0));
		show_all();
	}
	say("gone: %d", del(ROOT, 0, NULL));
}

/* ---- what they do ---- */

static void none(void)
{
	if (in_guest())
		del(ROOT, 0, NULL);
}

static int frames(const char *dev)
{
	int fd = NEED(socket(AF_PACKET, SOCK_RAW, htons(OWN)));
	struct sockaddr_ll a = { .sll_family = AF_PACKET,
		.sll_protocol = htons(OWN),
		.sll_ifindex = (int)if_nametoindex(dev) };

	NEED(bind(fd, SA(&a), sizeof(a)));
	return fd;
}

/* Sends a frame of @len bytes that begins with @tag. */
static int put(char tag, size_t len)
{
	static const unsigned char head[14] = { 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1,
		OWN >> 8, OWN & 255 };
	char buf[1514] = { 0 };

	memcpy(buf, head, sizeof(head));
	buf[14] = tag;
	return send(out, buf, len, 0) == (ssize_t)len ? 0 : -errno;
}

static void put_many(const char *tags, size_t len, int *refused)
{
	for (; in_guest() && *tags; tags++)
		if (put(*tags, len) == -ENOBUFS && refused)
			++*refused;
}

static void priority(unsigned n)
{
	if (in_guest())
		NEED(setsockopt(out, SOL_SOCKET, SO_PRIORITY, &n, sizeof(n)));
}

static void put_in(unsigned class, const char *tags)
{
	priority(class);
	put_many(tags, 60, NULL);
}

/* Waits for at least @n frames. Returns the tags of all frames that have come. */
static const char *come(int n)
{
	static char tags[256];
	char buf[1514];
	struct pollfd p = { .fd = in, .events = POLLIN };
	int got = 0;

	while (got < 255 && poll(&p, 1, got < n ? 100000 : 0) == 1 && recv(in, buf, 1514, 0) > 14)
		tags[got++] = buf[14];
	tags[got] = 0;
	return tags;
}

static struct tc_ratespec rate_of(unsigned rate)
{
	return (struct tc_ratespec){ .linklayer = TC_LINKLAYER_ETHERNET, .rate = rate };
}

static int tbf(int flags, unsigned parent, unsigned handle, unsigned rate, unsigned burst)
{
	struct tc_tbf_qopt o = { .rate = rate_of(rate), .limit = rate == SLOW ? 3000 : 100000 };
	struct nl_msg m;
	struct rtattr *opt;

	begin(&m, RTM_NEWQDISC, flags, parent, handle);
	kind(&m, "tbf");
	opt = nl_add(&m, TCA_OPTIONS, NULL, 0);
	nl_add(&m, TCA_TBF_PARMS, &o, sizeof(o));
	nl_add(&m, TCA_TBF_BURST, &burst, 4);
	nl_nested(&m, opt);
	return nl_do(&m);
}

#define CHECK(what, e) say("%s: %s", what, !in_guest() || (e) ? "yes" : "no")

static bool is(const char *a, const char *b)
{
	if (strcmp(a, b))
		fprintf(stderr, "'%s', not '%s'\n", a, b);
	return !strcmp(a, b);
}

static void bypass(int on)
{
	if (in_guest())
		NEED(setsockopt(out, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)));
}

static void bucket(void)
{
	int refused = 0;

	CHECK("tbf", !tbf(NEW, ROOT, 0x10000, SLOW, 1000));
	put_many("abcdefghij", 500, &refused);
	CHECK("a burst of two, a queue of six", is(come(2), "ab") && refused == 2);
	bypass(1);
	put_many("z", 500, NULL);
	bypass(0);
	CHECK("one that does not queue overtakes", is(come(1), "z"));
	CHECK("longer than the burst", put('x', 1001) == -ENOBUFS);
	CHECK("faster", !tbf(0, ROOT, 0x10000, FAST, 100000));
	put('k', 100);
	CHECK("all leave in order", is(come(7), "cdefghk"));
}

/* Checks that a band of high priority goes first, below a bucket that holds packets back. */
static void bands(void)
{
	struct tc_prio_qopt o = { .bands = 3, .priomap = { 1, 2, 2, 2, 1, 2, 0, 0 } };

	CHECK("slow", !tbf(PUT, ROOT, 0x20000, SLOW, 60));
	CHECK("prio", !plain(NEW, 0x20001, 0x30000, "prio", &o, sizeof(o)));
	put_many("abc", 60, NULL);
	put_in(6, "xy");
	put_in(2, "z");
	priority(0);
	CHECK("faster", !tbf(0, ROOT, 0x20000, FAST, 100000));
	put_many("d", 60, NULL);
	/* b was looked at before the others came */
	CHECK("by priority", is(come(7), "abxycdz"));
	CHECK("fq_codel below", !plain(NEW, 0x30002, 0x40000, "fq_codel", NULL, 0));
	put_many("abcde", 60, NULL);
	CHECK("passes", is(come(5), "abcde"));
	CHECK("no such band", plain(NEW, 0x30004, 0x40000, "pfifo", NULL, 0) == -ENOENT);
	CHECK("in two places", plain(PUT, 0x30001, 0x40000, "fq_codel", NULL, 0) == -EOPNOTSUPP);
	CHECK("goes", !del(0x30002, 0x40000, NULL));
	put_many("ef", 60, NULL);
	CHECK("a plain one is there", is(come(2), "ef"));
}

static int netem(const struct tc_netem_qopt *o, int type, const void *more, unsigned len)
{
	struct nl_msg m;
	struct rtattr *opt;

	begin(&m, RTM_NEWQDISC, PUT, ROOT, 0x70000);
	kind(&m, "netem");
	opt = nl_add(&m, TCA_OPTIONS, o, sizeof(*o));
	if (more)
		nl_add(&m, type, more, len);
	nl_nested(&m, opt);
	return nl_do(&m);
}

static void line(void)
{
	struct tc_netem_qopt o = { .limit = 100, .loss = ~0U };
	struct tc_netem_corrupt corrupt = { .probability = ~0U };
	struct tc_netem_reorder reorder = { .probability = ~0U };
	long long hour = 3600000000000, soon = 20000000;
	long before;
	int refused = 0;

	none();
	CHECK("netem", !netem(&o, 0, NULL, 0));
	put_many("ab", 60, &refused);
	o = (struct tc_netem_qopt){ .limit = 100, .duplicate = ~0U };
	CHECK("twice", !netem(&o, 0, NULL, 0));
	put_many("ab", 60, NULL);
	CHECK("all lost, then all twice", !refused && is(come(4), "aabb"));
	o.duplicate = 0;
	CHECK("late", !netem(&o, TCA_NETEM_LATENCY64, &soon, 8));
	before = now_ms();
	put_many("abc", 60, NULL);
	CHECK("in order", is(come(3), "abc") && now_ms() - before >= 19);
	CHECK("corrupt", !netem(&o, TCA_NETEM_CORRUPT, &corrupt, sizeof(corrupt)));
	put_many("abc", 60, NULL);
	none();
	o.gap = 3;
	CHECK("overtaking", !netem(&o, TCA_NETEM_REORDER, &reorder, sizeof(reorder)));
	CHECK("by an hour", !netem(&o, TCA_NETEM_LATENCY64, &hour, 8));
	put_many("abcd", 60, NULL);
	CHECK("the third", strchr(come(1), 'c')); /* of those before it some look well, too */
	o.limit = 4;
	CHECK("no room", !netem(&o, TCA_NETEM_LATENCY64, &hour, 8));
	put_many("ef", 60, &refused);
	CHECK("refused", refused == 1);
}

static int htb_class(unsigned parent, unsigned id, unsigned rate, unsigned ceil, unsigned burst)
{
	struct tc_htb_opt o = {
		.rate = rate_of(rate), .ceil = rate_of(ceil), .buffer = burst, .cbuffer = burst
	};
	struct nl_msg m;
	struct rtattr *opt;

	begin(&m, RTM_NEWTCLASS, NEW, parent, id);
	kind(&m, "htb");
	opt = nl_add(&m, TCA_OPTIONS, NULL, 0);
	nl_add(&m, TCA_HTB_PARMS, &o, sizeof(o));
	nl_nested(&m, opt);
	return nl_do(&m);
}

static int no_class(unsigned id)
{
	struct nl_msg m;

	begin(&m, RTM_DELTCLASS, 0, 0, id);
	return nl_do(&m);
}

static void hierarchy(void)
{
	struct tc_htb_glob g = { .version = 3, .rate2quantum = 10, .defcls = 0x20 };
	/* of 64 ns: 0.064 bytes at a byte a second */
	const unsigned ticks = 1000000;
	struct nl_msg m;
	struct rtattr *opt;
	unsigned n = 0;

	none();
	begin(&m, RTM_NEWQDISC, NEW, ROOT, 0x10000);
	kind(&m, "htb");
	opt = nl_add(&m, TCA_OPTIONS, NULL, 0);
	nl_add(&m, TCA_HTB_INIT, &g, sizeof(g));
	nl_nested(&m, opt);
	CHECK("htb", !nl_do(&m));
	put_in(0, "a");
	CHECK("direct", is(come(1), "a"));
	CHECK("1:1", !htb_class(ROOT, 0x10001, FAST, FAST, ticks));
	CHECK("1:10", !htb_class(0x10001, 0x10010, SLOW, FAST, ticks));
	CHECK("1:20", !htb_class(0x10001, 0x10020, SLOW, SLOW, ticks));
	CHECK("again", htb_class(0x10001, 0x10020, SLOW, SLOW, ticks) == -EEXIST);
	CHECK("no rate", htb_class(0x10001, 0x10030, 0, SLOW, ticks) == -EINVAL);
	put_in(0, "bcd"); /* the first goes into debt */
	put_in(0x10010, "efg");
	CHECK("borrowed", is(come(4), "befg"));
	CHECK("in use", no_class(0x10001) == -EBUSY);
	CHECK("goes with its packets", !no_class(0x10020));
	put_in(0, "h");
	CHECK("direct again", is(come(1), "h"));
	while (in_guest() && !htb_class(0x10001, 0x10100 + n, SLOW, SLOW, ticks))
		n++;
	CHECK("so many and no more", n > 100 && n < 5000);
}

/*
 * Tests a packet that is longer than a bucket that has shrunk, a quantum that overflows 32 bits,
 * and which processes learn of a full queue.
 */
static void extremes(void)
{
	const unsigned nothing = 0;
	struct pollfd p = { .events = POLLIN };
	int at_qa = qa, on = 1;

	none();
	CHECK("a bucket", !tbf(NEW, ROOT, 0x10000, SLOW, 1000));
	put_many("abc", 500, NULL);
	CHECK("two leave", is(come(2), "ab"));
	CHECK("a smaller one", !tbf(0, ROOT, 0x10000, SLOW, 60));
	put_many("d", 60, NULL);
	CHECK("the third leaves when it is full", is(come(1), "c"));
	none();
	qa = (int)if_nametoindex("lo");
	if (in_guest()) {
		set_mtu("lo", 0x7ffffff2);
		p.fd = bound(SOCK_DGRAM, "127.0.0.1");
		NEED(reach(p.fd, port_of(p.fd)));
	}
	CHECK("fq_codel", !plain(NEW, ROOT, 0x10000, "fq_codel", NULL, 0));
	CHECK("passes what is sent",
		send(p.fd, "x", 1, 0) == 1 && poll(&p, 1, 100000) == 1 && !del(ROOT, 0, NULL));
	CHECK("a queue of nothing", !plain(NEW, ROOT, 0x10000, "bfifo", &nothing, 4));
	CHECK("UDP does not hear of it", send(p.fd, "x", 1, 0) == 1);
	if (in_guest())
		NEED(setsockopt(p.fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)));
	CHECK("unless it asks", send(p.fd, "x", 1, 0) == -1 && errno == ENOBUFS);
	none();
	if (in_guest())
		set_mtu("lo", 65536);
	qa = at_qa;
}

/* Devices and namespaces end with packets in their queues. */
static void ends(void)
{
	struct tc_netem_qopt o = { .limit = 100, .duplicate = ~0U };
	struct nl_msg m = { .h = { .nlmsg_type = RTM_DELLINK,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) } };
	long long hour = 3600000000000;

	none();
	CHECK("late", !netem(&o, TCA_NETEM_LATENCY64, &hour, 8));
	put_in(0, "abc");
	if (in_guest()) {
		set_up("qa", 0);
		set_up("qa", 1);
	}
	put_in(0, "abc");
	CHECK("changed under way", !netem(&o, TCA_NETEM_LATENCY64, &hour, 8));
	((struct ifinfomsg *)NLMSG_DATA(&m.h))->ifi_index = qa;
	CHECK("the device goes", !nl_do(&m));
	qa = (int)if_nametoindex("lo");
	CHECK("lo", !netem(&o, TCA_NETEM_LATENCY64, &hour, 8));
	if (in_guest()) {
		out = bound(SOCK_DGRAM, "127.0.0.1");
		NEED(reach(out, port_of(out)));
		NEED(send(out, "x", 1, 0));
	}
}

static void setup(void)
{
	if (unshare(CLONE_NEWNET))
		NEED(unshare(CLONE_NEWUSER | CLONE_NEWNET));
	veth_pair("qa", "qb");
	put_text("/proc/sys/net/ipv6/conf/qa/disable_ipv6", "1");
	put_text("/proc/sys/net/ipv6/conf/qb/disable_ipv6", "1");
	set_up("lo", 1);
	set_up("qa", 1);
	set_up("qb", 1);
	qa = (int)if_nametoindex("qa");
	out = frames("qa");
	in = frames("qb");
}

TEST(qdisc)
{
	CHILD({
		setup();
		requests();
		shown();
	});
	CHILD({
		if (in_guest())
			setup();
		bucket();
		bands();
		line();
		hierarchy();
		extremes();
		ends();
	});
}
