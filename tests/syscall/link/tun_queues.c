/* SPDX-License-Identifier: MIT */
/*
 * tun_queues: /dev/net/tun with several queues: IFF_MULTI_QUEUE, TUNSETQUEUE, which queue a flow
 * has, and what remains when queues or the device go.
 */
#include "t.h"
#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <linux/udp.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include "netns.h"

#define SHAPE (IFF_TUN | IFF_NO_PI)
#define MANY (SHAPE | IFF_MULTI_QUEUE)
#define FLOWS 8

static int tun(void)
{
	return NEED(open("/dev/net/tun", O_RDWR | O_NONBLOCK));
}

static int set_iff(int fd, const char *name, int flags)
{
	struct ifreq r = { .ifr_flags = (short)flags };

	strncpy(r.ifr_name, name, IFNAMSIZ - 1);
	return ioctl(fd, TUNSETIFF, &r);
}

static int queue(const char *name)
{
	int fd = tun();

	NEED(set_iff(fd, name, MANY));
	return fd;
}

static int set_queue(int fd, int flags)
{
	struct ifreq r = { .ifr_flags = (short)flags };

	return ioctl(fd, TUNSETQUEUE, &r);
}

static void asked(const char *what, int fd)
{
	struct ifreq r = { 0 };

	TN(what, ioctl(fd, TUNGETIFF, &r));
	say(" %s %x", r.ifr_name, (unsigned short)r.ifr_flags);
}

/* ---- as rtnetlink tells it ---- */

static unsigned word(const struct rtattr *a)
{
	unsigned n = 0;

	memcpy(&n, RTA_DATA(a), RTA_PAYLOAD(a) < sizeof(n) ? RTA_PAYLOAD(a) : sizeof(n));
	return n;
}

static void show_data(const struct rtattr *a)
{
	int len = (int)RTA_PAYLOAD(a);

	for (a = RTA_DATA(a); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == IFLA_TUN_MULTI_QUEUE)
			say("  multi_queue %u", word(a));
		if (a->rta_type == IFLA_TUN_NUM_QUEUES)
			say("  queues %u", word(a));
		if (a->rta_type == IFLA_TUN_NUM_DISABLED_QUEUES)
			say("  disabled %u", word(a));
	}
}

static void show_info(const struct rtattr *a)
{
	int len = (int)RTA_PAYLOAD(a);

	for (a = RTA_DATA(a); RTA_OK(a, len); a = RTA_NEXT(a, len))
		if ((a->rta_type & NLA_TYPE_MASK) == IFLA_INFO_DATA)
			show_data(a);
}

static void link_of(const char *what, const char *name)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
	} m = { { sizeof(m), RTM_GETLINK, NLM_F_REQUEST, 1, 0 },
		{ .ifi_index = (int)if_nametoindex(name) } };
	static char buf[32768];
	int s = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)), len;
	struct nlmsghdr *h = (void *)buf;
	struct rtattr *a;

	say("%s: %s %s", what, name, m.i.ifi_index ? "is there" : "has gone");
	if (m.i.ifi_index) {
		NEED(send(s, &m, sizeof(m), 0));
		NEED(recv(s, buf, sizeof(buf), 0));
		a = (void *)((char *)NLMSG_DATA(h) + NLMSG_ALIGN(sizeof(m.i)));
		len = (int)(h->nlmsg_len - NLMSG_LENGTH(sizeof(m.i)));
		for (; RTA_OK(a, len); a = RTA_NEXT(a, len)) {
			int type = a->rta_type & NLA_TYPE_MASK;

			if (type == IFLA_NUM_TX_QUEUES || type == IFLA_NUM_RX_QUEUES)
				say("  %s of %u", type == IFLA_NUM_TX_QUEUES ? "tx" : "rx",
					word(a));
			if (type == IFLA_LINKINFO)
				show_info(a);
		}
	}
	close(s);
}

/* ---- permissions ---- */

static void one_queue(void)
{
	int a = tun(), b = tun();
	unsigned features = 0;

	NEED(ioctl(a, TUNGETFEATURES, &features));
	say("several queues are a feature: %d", !!(features & IFF_MULTI_QUEUE));
	T(set_queue(a, IFF_ATTACH_QUEUE));
	T(set_queue(a, IFF_DETACH_QUEUE));
	T(set_queue(a, 0));
	T(ioctl(a, TUNSETQUEUE, (void *)8));
	T(set_iff(a, "t0", SHAPE));
	T(set_iff(b, "t0", SHAPE));
	T(set_iff(b, "t0", MANY));
	T(set_queue(a, IFF_DETACH_QUEUE));
	T(set_queue(a, IFF_ATTACH_QUEUE));
	T(set_queue(b, IFF_ATTACH_QUEUE));
	link_of("one", "t0");
	close(a);
	link_of("closed", "t0");
	close(b);
}

static void opens(void)
{
	int a = tun(), b = tun(), c = tun();

	T(set_iff(a, "t0", MANY));
	asked("first", a);
	link_of("first", "t0");
	T(set_iff(b, "t0", SHAPE));
	T(set_iff(b, "t0", IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE));
	T(set_iff(b, "t0", MANY | IFF_TUN_EXCL));
	T(set_iff(b, "t0", IFF_TUN | IFF_MULTI_QUEUE)); /* the device's shape stays */
	asked("second", b);
	T(set_iff(b, "t0", MANY));
	T(set_iff(c, "t0", MANY));
	link_of("three", "t0");
	T(set_queue(c, 0));
	T(set_queue(c, IFF_ATTACH_QUEUE));
	T(set_queue(c, IFF_DETACH_QUEUE));
	T(set_queue(c, IFF_DETACH_QUEUE));
	asked("disabled", c);
	T(set_iff(c, "t0", MANY));
	T(set_iff(c, "t1", MANY));
	link_of("one is disabled", "t0");
	T(set_queue(c, IFF_ATTACH_QUEUE | IFF_DETACH_QUEUE));
	asked("enabled", c);
	close(b);
	link_of("the second is closed", "t0");
	T(set_queue(a, IFF_DETACH_QUEUE));
	T(set_queue(c, IFF_DETACH_QUEUE));
	link_of("all are disabled", "t0");
	close(a);
	link_of("a disabled one is closed", "t0");
	T(set_queue(c, IFF_ATTACH_QUEUE));
	T(set_queue(c, IFF_DETACH_QUEUE));
	close(c);
	link_of("the last one is closed", "t0");
}

static void stays(void)
{
	int a = queue("t0"), b = queue("t0"), n = 12;

	T(ioctl(a, TUNSETPERSIST, 1));
	close(a);
	close(b);
	link_of("nobody", "t0");
	a = tun();
	T(set_iff(a, "t0", SHAPE));
	T(set_iff(a, "t0", MANY));
	b = queue("t0");
	T(ioctl(b, TUNSETVNETHDRSZ, &n));
	n = 0;
	T(ioctl(a, TUNGETVNETHDRSZ, &n));
	say(" %d", n);
	T(set_queue(a, IFF_DETACH_QUEUE));
	T(ioctl(a, TUNGETVNETHDRSZ, &n));
	n = 20;
	T(ioctl(a, TUNSETVNETHDRSZ, &n));
	T(ioctl(b, TUNGETVNETHDRSZ, &n));
	say(" %d", n);
	T(ioctl(a, TUNSETPERSIST, 0));
	close(b);
	close(a);
	link_of("no longer", "t0");
}

static void as_many(void)
{
	struct rlimit r = { 300, 300 };
	int n = 0, fd, last;

	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max < 300 ? r.rlim_max : 300;
	NEED(setrlimit(RLIMIT_NOFILE, &r));
	do {
		last = tun();
		fd = set_iff(last, "t0", MANY);
		n += !fd;
	} while (!fd && n < 270);
	say("%d queues, then %s", n, strerror(errno));
	T(set_queue(last - 1, IFF_DETACH_QUEUE));
	T(set_iff(last, "t0", MANY));
	T(set_queue(last - 1, IFF_ATTACH_QUEUE));
	link_of("all", "t0");
}

/* ---- packets ---- */

static void put_udp(int fd, int from, int to)
{
	struct {
		struct iphdr ip;
		struct udphdr udp;
		char data[4];
	} p = {
		{ .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP },
		{ .source = htons((unsigned short)from), .dest = htons((unsigned short)to) },
		"abc",
	};
	unsigned sum = 0;

	p.ip.tot_len = htons(sizeof(p));
	p.udp.len = htons(sizeof(p) - sizeof(p.ip));
	inet_pton(AF_INET, "10.7.0.2", &p.ip.saddr);
	inet_pton(AF_INET, "10.7.0.1", &p.ip.daddr);
	for (int i = 0; i < 10; i++)
		sum += ((unsigned short *)&p)[i];
	sum = (sum & 0xffff) + (sum >> 16);
	p.ip.check = (unsigned short)~(sum + (sum >> 16));
	if (write(fd, &p, sizeof(p)) != sizeof(p))
		say("write: %s", strerror(errno));
}

/*
 * Empties the queues. Returns the index of the queue that had a single packet, to @port; -1 without
 * a packet, -2 for other or more packets.
 */
static int which(const int *q, int n, int port)
{
	int found = -1;

	for (int i = 0; i < n; i++) {
		unsigned char p[2000];
		ssize_t len;

		while ((len = read(q[i], p, sizeof(p))) > 0)
			found = found == -1 && p[9] == IPPROTO_UDP && p[22] * 256 + p[23] == port ?
					i :
					-2;
	}
	return found;
}

static int udp_socket(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((unsigned short)port) };
	int s = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	inet_pton(AF_INET, "10.7.0.1", &a.sin_addr);
	NEED(bind(s, (struct sockaddr *)&a, sizeof(a)));
	return s;
}

static void send_to(int s, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((unsigned short)port) };

	inet_pton(AF_INET, "10.7.0.2", &a.sin_addr);
	NEED(sendto(s, "x", 1, 0, (struct sockaddr *)&a, sizeof(a)));
}

static void device_up(int *q, int n)
{
	put_text("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	for (int i = 0; i < n; i++)
		q[i] = queue("t0");
	set_up("t0", 1);
	add_addr("t0", AF_INET, "10.7.0.1", 24);
}

/* The answers to a flow come to the queue to which the program has written the flow. */
static void learns(void)
{
	int q[4], s, right = 0;
	char c[8];

	device_up(q, 4);
	s = udp_socket(700);
	for (int i = 0; i < 4 * FLOWS; i++) {
		put_udp(q[i % 4], 1000 + i, 700);
		T_UNUSED ssize_t n = recv(s, c, sizeof(c), 0);
		send_to(s, 1000 + i);
		right += which(q, 4, 1000 + i) == i % 4;
	}
	say("%d of %d answers where the question came from", right, 4 * FLOWS);
	for (int i = 0; i < 4; i++) { /* another queue */
		put_udp(q[(i + 1) % 4], 1000 + i, 700);
		T_UNUSED ssize_t n = recv(s, c, sizeof(c), 0);
		send_to(s, 1000 + i);
		say("the flow of queue %d goes over to %d", i, which(q, 4, 1000 + i));
	}
	close(s);
	for (int i = 0; i < 4; i++)
		close(q[i]);
}

/* The packets of a flow stay in the same queue if nothing is transmitted. */
static void stick(void)
{
	int q[4], s, used = 0, moved = 0;

	device_up(q, 4);
	s = udp_socket(701);
	for (int i = 0; i < 64; i++) {
		int first = -3;

		for (int k = 0; k < 3; k++) {
			int w;

			send_to(s, 2000 + i);
			w = which(q, 4, 2000 + i);
			if (k && w != first)
				moved++;
			first = w;
		}
		if (first >= 0)
			used |= 1 << first;
	}
	say("moved %d, several queues are used: %d", moved, !!(used & (used - 1)));
	/* a disabled queue gets nothing, and loses its packets */
	for (int i = 0; i < 64; i++)
		send_to(s, 2000 + i);
	T(set_queue(q[0], IFF_DETACH_QUEUE));
	say("in the disabled one: %d", which(q, 1, 0));
	for (int i = 1; i < 4; i++)
		which(q + i, 1, 0);
	for (int i = 0, lost = 0; i < 64; i++) {
		send_to(s, 2000 + i);
		lost += which(q + 1, 3, 2000 + i) < 0;
		if (i == 63)
			say("lost %d, in the disabled one: %d", lost, which(q, 1, 0));
	}
	for (int i = 1; i < 4; i++)
		T(set_queue(q[i], IFF_DETACH_QUEUE));
	send_to(s, 2000);
	say("all are disabled: %d", which(q, 4, 2000));
	T(set_queue(q[2], IFF_ATTACH_QUEUE));
	send_to(s, 2000);
	say("one is not: %d", which(q, 4, 2000));
	close(q[2]);
	T(set_queue(q[3], IFF_ATTACH_QUEUE));
	send_to(s, 2000);
	say("it is closed, another is not: %d", which(q + 3, 1, 2000));
	close(s);
	close(q[0]);
	close(q[1]);
	close(q[3]);
}

/* A disabled queue can be written to, and polled. */
static void disabled(void)
{
	struct pollfd p = { .events = POLLIN | POLLOUT };
	int q[2], s;
	char c[8];

	device_up(q, 2);
	s = udp_socket(702);
	p.fd = q[1];
	T(set_queue(q[1], IFF_DETACH_QUEUE));
	T(read(q[1], c, sizeof(c)));
	NEED(poll(&p, 1, 0));
	say("events %x", p.revents);
	put_udp(q[1], 3000, 702);
	T(recv(s, c, sizeof(c), 0));
	close(q[0]);
	put_udp(q[1], 3000, 702);
	T(recv(s, c, sizeof(c), 0));
	close(s);
	close(q[1]);
	link_of("both are closed", "t0");
}

static void goes(void)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
	} m = { { sizeof(m), RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0 }, { 0 } };
	int q[2] = { queue("t0"), queue("t0") },
	    s = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	char buf[512], c;
	struct ifreq r = { 0 };

	T(set_queue(q[1], IFF_DETACH_QUEUE));
	m.i.ifi_index = (int)if_nametoindex("t0");
	NEED(send(s, &m, sizeof(m), 0));
	NEED(recv(s, buf, sizeof(buf), 0));
	for (int i = 0; i < 2; i++) {
		T(read(q[i], &c, 1));
		T(write(q[i], &c, 1));
		T(ioctl(q[i], TUNGETIFF, &r));
		T(set_queue(q[i], IFF_ATTACH_QUEUE));
		T(set_queue(q[i], IFF_DETACH_QUEUE));
	}
	T(set_iff(q[0], "t2", MANY));
	link_of("another", "t2");
	close(q[0]);
	close(q[1]);
	close(s);
}

static void all(void)
{
	NEED(unshare(CLONE_NEWNET));
	alarm(200);
	one_queue();
	opens();
	stays();
	learns();
	stick();
	disabled();
	goes();
	as_many();
}

TEST(tun_queues)
{
	CHILD(all());
}
