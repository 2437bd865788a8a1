/* SPDX-License-Identifier: MIT */
/*
 * flow_labels: IPV6_FLOWLABEL_MGR: leases of flow labels, which sockets may share them and send
 * with them; IPV6_FLOWINFO_SEND and IPV6_FLOWINFO of a message.
 */
#include "netns.h"
#include <linux/in6.h>
#include <sys/wait.h>

static int v6(int type)
{
	return NEED(socket(AF_INET6, type, 0));
}

static struct sockaddr_in6 at6(const char *addr, int port, unsigned flowinfo)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)port),
		.sin6_flowinfo = htonl(flowinfo) };

	inet_pton(AF_INET6, addr, &a.sin6_addr);
	return a;
}

static struct in6_flowlabel_req request(int action, unsigned label, int share, int flags)
{
	struct in6_flowlabel_req r = { .flr_label = htonl(label),
		.flr_action = (uint8_t)action,
		.flr_share = (uint8_t)share,
		.flr_flags = (uint16_t)flags };

	r.flr_dst.s6_addr[15] = 1;
	return r;
}

static int ask(int fd, int action, unsigned label, int share, int flags)
{
	struct in6_flowlabel_req r = request(action, label, share, flags);

	return setsockopt(fd, SOL_IPV6, IPV6_FLOWLABEL_MGR, &r, sizeof(r));
}
#define GET(fd, label, share, flags) ask(fd, IPV6_FL_A_GET, label, share, flags)
#define PUT(fd, label) ask(fd, IPV6_FL_A_PUT, label, 0, 0)
#define NEW IPV6_FL_F_CREATE
#define ONLY (IPV6_FL_F_CREATE | IPV6_FL_F_EXCL)

static void basics(void)
{
	int fd = v6(SOCK_DGRAM), other = v6(SOCK_DGRAM);

	say("basics");
	T(GET(fd, 5, IPV6_FL_S_ANY, 0));
	T(GET(fd, 5, IPV6_FL_S_ANY, NEW));
	T(GET(fd, 5, IPV6_FL_S_ANY, 0));
	T(GET(fd, 5, IPV6_FL_S_ANY, ONLY));
	T(GET(other, 5, IPV6_FL_S_ANY, 0));
	T(GET(other, 5, IPV6_FL_S_ANY, NEW));
	T(GET(other, 5, IPV6_FL_S_ANY, ONLY));
	T(GET(other, 5, IPV6_FL_S_EXCL, 0));
	T(PUT(other, 5));
	T(PUT(other, 5));
	T(PUT(other, 5));
	T(PUT(fd, 5));
	T(PUT(fd, 5));
	T(PUT(fd, 5));
	T(GET(other, 5, IPV6_FL_S_ANY, 0));
	T(GET(other, 5, IPV6_FL_S_EXCL, NEW));
	T(GET(other, 5, IPV6_FL_S_ANY, NEW));
	T(GET(other, 0x100000, IPV6_FL_S_ANY, NEW));
	T(GET(other, 0x80001, IPV6_FL_S_ANY, NEW));
	T(GET(other, 0x7ffff, 7, NEW));
	T(GET(other, 0x7ffff, IPV6_FL_S_NONE, NEW));
	T(ask(other, 3, 5, IPV6_FL_S_ANY, 0));
	T(ask(other, IPV6_FL_A_RENEW, 5, 0, 0));
	T(ask(other, IPV6_FL_A_RENEW, 6, 0, 0));
	T(ask(fd, IPV6_FL_A_RENEW, 5, 0, 0));
	T(ask(fd, IPV6_FL_A_RENEW, 5, 1, 0));
	close(fd);
	close(other);
}

static void odd(void)
{
	struct in6_flowlabel_req r = request(IPV6_FL_A_GET, 9, IPV6_FL_S_ANY, NEW);
	int fd = v6(SOCK_DGRAM), tcp = v6(SOCK_STREAM);
	socklen_t n = sizeof(r);

	say("odd");
	T(setsockopt(fd, SOL_IPV6, IPV6_FLOWLABEL_MGR, &r, sizeof(r) - 1));
	memset(&r.flr_dst, 0, 16);
	T(setsockopt(fd, SOL_IPV6, IPV6_FLOWLABEL_MGR, &r, sizeof(r)));
	r.flr_dst.s6_addr[10] = r.flr_dst.s6_addr[11] = 0xff;
	T(setsockopt(fd, SOL_IPV6, IPV6_FLOWLABEL_MGR, &r, sizeof(r)));
	r = request(IPV6_FL_A_GET, 0, IPV6_FL_S_ANY, NEW);
	T(setsockopt(fd, SOL_IPV6, IPV6_FLOWLABEL_MGR, &r, sizeof(r)));
	say("a label of its own: %d", r.flr_label && !(ntohl(r.flr_label) >> 20));
	T(GET(fd, ntohl(r.flr_label), IPV6_FL_S_ANY, 0));
	r = request(IPV6_FL_A_GET, 0, IPV6_FL_S_ANY, 0);
	T(setsockopt(fd, SOL_IPV6, IPV6_FLOWLABEL_MGR, &r, sizeof(r)));
	T(getsockopt(fd, SOL_IPV6, IPV6_FLOWLABEL_MGR, &r, &n));
	r.flr_action = IPV6_FL_A_PUT;
	T(getsockopt(fd, SOL_IPV6, IPV6_FLOWLABEL_MGR, &r, &n));
	n = 8;
	T(getsockopt(fd, SOL_IPV6, IPV6_FLOWLABEL_MGR, &r, &n));
	T(ask(fd, IPV6_FL_A_GET, 0, 0, IPV6_FL_F_REFLECT));
	T(ask(tcp, IPV6_FL_A_PUT, 0, 0, IPV6_FL_F_REFLECT));
	T(ask(tcp, IPV6_FL_A_GET, 0, 0, IPV6_FL_F_REFLECT));
	T(ask(tcp, IPV6_FL_A_PUT, 0, 0, IPV6_FL_F_REFLECT));
	r = request(IPV6_FL_A_GET, 0x1234, IPV6_FL_S_ANY, NEW);
	r.flr_linger = 1000;
	T(setsockopt(fd, SOL_IPV6, IPV6_FLOWLABEL_MGR, &r, sizeof(r)));
	close(fd);
	close(tcp);
}

static void in_child(void (*fn)(int), int fd)
{
	pid_t pid = NEED(fork());
	int status;

	if (!pid) {
		fn(fd);
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
}

static void asks(int unused)
{
	int fd = v6(SOCK_DGRAM);

	T(GET(fd, 21, IPV6_FL_S_PROCESS, 0));
	T(GET(fd, 22, IPV6_FL_S_USER, 0));
	T(GET(fd, 23, IPV6_FL_S_EXCL, 0));
	T(GET(fd, 22, IPV6_FL_S_PROCESS, 0));
	close(fd);
}

static void asks_as_nobody(int unused)
{
	NEED(seteuid(12));
	asks(0);
}

static void sharing(void)
{
	int fd = v6(SOCK_DGRAM);

	say("sharing");
	T(GET(fd, 21, IPV6_FL_S_PROCESS, NEW));
	T(GET(fd, 22, IPV6_FL_S_USER, NEW));
	T(GET(fd, 23, IPV6_FL_S_EXCL, NEW));
	asks(0);
	in_child(asks, 0);
	in_child(asks_as_nobody, 0);
	T(PUT(fd, 21));
	T(PUT(fd, 23));
	in_child(asks, 0);
	close(fd);
}

/* Reads a message. Returns its flow label, 1 for a label of the kernel's choice, 0xdead if none. */
static unsigned heard(int fd)
{
	union {
		struct cmsghdr h;
		char room[64];
	} c;
	char b[8];
	struct iovec v = { b, sizeof(b) };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)
	};
	unsigned info = 0;

	lo_settled();
	if (recvmsg(fd, &m, MSG_DONTWAIT) < 0)
		return 0xdead;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
		if (h->cmsg_type == IPV6_FLOWINFO)
			memcpy(&info, CMSG_DATA(h), 4);
	info = ntohl(info);
	return (info & 0xfffff) > 0x50 ? 1 : info; /* one of the kernel's own: any */
}

static void send_named(int fd, unsigned flowinfo)
{
	struct sockaddr_in6 to = at6("::1", 4300, flowinfo);

	say("%x: %d", flowinfo, T(sendto(fd, "x", 1, 0, SA(&to), sizeof(to))) == 1);
}

static void send_told(int fd, unsigned flowinfo, unsigned len)
{
	struct sockaddr_in6 to = at6("::1", 4300, 0);
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(4)];
	} c = { .h = { CMSG_LEN(len), SOL_IPV6, IPV6_FLOWINFO } };
	struct iovec v = { "x", 1 };
	struct msghdr m = { &to, sizeof(to), &v, 1, &c, sizeof(c), 0 };

	flowinfo = htonl(flowinfo);
	memcpy(CMSG_DATA(&c.h), &flowinfo, 4);
	T(sendmsg(fd, &m, 0));
}

static void sending(int exclusive)
{
	struct sockaddr_in6 me = at6("::1", 4300, 0), peer = at6("::1", 4300, 0x1200021), name;
	int in = v6(SOCK_DGRAM), fd = v6(SOCK_DGRAM), holder = v6(SOCK_DGRAM), tcp, l;
	socklen_t n = sizeof(name);

	say("sending, %s", exclusive ? "some are held alone" : "none is");
	NEED(bind(in, SA(&me), sizeof(me)));
	NEED(set(in, SOL_IPV6, IPV6_FLOWINFO, 1));
	if (exclusive)
		T(GET(holder, 0x33, IPV6_FL_S_EXCL, NEW));
	T(number(fd, SOL_IPV6, IPV6_FLOWINFO_SEND));
	send_named(fd, 0x21);
	say("  %x", heard(in));
	T(set(fd, SOL_IPV6, IPV6_FLOWINFO_SEND, 1));
	T(number(fd, SOL_IPV6, IPV6_FLOWINFO_SEND));
	send_named(fd, 0x21);
	say("  %x", heard(in));
	send_named(fd, 0x33);
	say("  %x", heard(in));
	send_named(fd, 0);
	say("  %x", heard(in));
	T(GET(fd, 0x21, IPV6_FL_S_ANY, NEW));
	send_named(fd, 0x21);
	say("  %x", heard(in));
	send_named(fd, 0xff00021);
	say("  %x", heard(in));
	send_told(fd, 0x21, 4);
	say("  %x", heard(in));
	send_told(fd, 0x22, 4);
	say("  %x", heard(in));
	send_told(fd, 0x21, 3);
	T(connect(fd, SA(&peer), sizeof(peer)));
	NEED(getpeername(fd, SA(&name), &n));
	say("peer %x", ntohl(name.sin6_flowinfo));
	T(send(fd, "x", 1, 0));
	say("  %x", heard(in));
	send_told(fd, 0x21, 4);
	say("  %x", heard(in));
	T(PUT(fd, 0x21));
	T(send(fd, "x", 1, 0));
	say("  %x", heard(in));
	l = v6(SOCK_STREAM);
	tcp = v6(SOCK_STREAM);
	NEED(bind(l, SA(&me), sizeof(me)));
	NEED(listen(l, 5));
	NEED(set(tcp, SOL_IPV6, IPV6_FLOWINFO_SEND, 1));
	T(connect(tcp, SA(&peer), sizeof(peer)));
	T(GET(tcp, 0x21, IPV6_FL_S_ANY, NEW));
	if (exclusive)
		T(connect(tcp, SA(&peer), sizeof(peer)));
	n = sizeof(name);
	T(getpeername(tcp, SA(&name), &n));
	say("peer %x", ntohl(name.sin6_flowinfo));
	close(tcp);
	close(l);
	close(in);
	close(fd);
	close(holder);
}

static void reflecting(void)
{
	struct sockaddr_in6 me = at6("::1", 4301, 0), peer = at6("::1", 4301, 0x44);
	int l = v6(SOCK_STREAM), c = v6(SOCK_STREAM), a;
	struct in6_flowlabel_req r = request(IPV6_FL_A_GET, 0, 0, IPV6_FL_F_REMOTE);
	socklen_t n = sizeof(r);

	say("reflecting");
	T(ask(l, IPV6_FL_A_GET, 0, 0, IPV6_FL_F_REFLECT));
	put_text("/proc/sys/net/ipv6/flowlabel_consistency", "0");
	NEED(bind(l, SA(&me), sizeof(me)));
	NEED(listen(l, 5));
	T(ask(l, IPV6_FL_A_GET, 0, 0, IPV6_FL_F_REFLECT));
	NEED(set(c, SOL_IPV6, IPV6_FLOWINFO_SEND, 1));
	T(GET(c, 0x44, IPV6_FL_S_ANY, NEW));
	T(connect(c, SA(&peer), sizeof(peer)));
	a = NEED(accept(l, NULL, NULL));
	T(getsockopt(a, SOL_IPV6, IPV6_FLOWLABEL_MGR, &r, &n));
	say("remote %x", ntohl(r.flr_label));
	r = request(IPV6_FL_A_GET, 0, 0, 0);
	T(getsockopt(a, SOL_IPV6, IPV6_FLOWLABEL_MGR, &r, &n));
	say("own %x", ntohl(r.flr_label));
	T(getsockopt(c, SOL_IPV6, IPV6_FLOWLABEL_MGR, &r, &n));
	say("lease %x share %x linger %u expires %u", ntohl(r.flr_label), r.flr_share, r.flr_linger,
		(r.flr_expires + 1) / 2);
	close(a);
	close(c);
	close(l);
}

static void bounds(void)
{
	int fd = v6(SOCK_DGRAM), n = 0;

	say("bounds");
	while (n < 5000 && !GET(fd, 0x1000u + (unsigned)n, IPV6_FL_S_ANY, NEW))
		n++;
	say("of root: %s", n > 3000 ? "thousands" : "few");
	close(fd);
}

TEST(flow_labels)
{
	own_net();
	basics();
	odd();
	sharing();
	sending(1);
	own_net();
	sending(0);
	reflecting();
	bounds();
}
