/* SPDX-License-Identifier: MIT */
/*
 * zerocopy: SO_ZEROCOPY and MSG_ZEROCOPY: which sockets may have it, what the error queue reports
 * (ranges that grow, SO_EE_CODE_ZEROCOPY_COPIED over lo), which sends have a number (not empty
 * ones, not failed ones), what is charged to net.core.optmem_max; io_uring's SEND_ZC and SENDMSG_ZC
 * beside them. networking/msg_zerocopy.rst.
 */
#include "inet.h"
#include "uring.h"
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <linux/sock_diag.h>
#include <linux/if_packet.h>
#include <netinet/udp.h>

#define ZC MSG_ZEROCOPY

static void show_record(const struct msghdr *m, const struct cmsghdr *c)
{
	struct sock_extended_err e;
	uint16_t family = 0;

	memcpy(&e, CMSG_DATA(c), sizeof(e));
	if (c->cmsg_len >= CMSG_LEN(sizeof(e) + 2))
		memcpy(&family, CMSG_DATA(c) + sizeof(e), 2);
	if (e.ee_origin == SO_EE_ORIGIN_TIMESTAMPING) {
		say("  a time");
		return;
	}
	say("  %d %d of %zu: errno %u origin %u type %u code %u, %u to %u, offender's family %d, "
	    "name %u, flags %x",
		c->cmsg_level, c->cmsg_type, (size_t)c->cmsg_len, e.ee_errno, e.ee_origin,
		e.ee_type, e.ee_code, e.ee_info, e.ee_data, family, m->msg_namelen, m->msg_flags);
}

/* Takes one record from the error queue, and prints it unless @quiet. Returns 0 or -errno. */
static int take_one(int fd, int flags, bool quiet)
{
	struct sockaddr_storage a;
	char ctl[512], buf[64];
	struct iovec v = { buf, sizeof(buf) };
	struct msghdr m = { &a, sizeof(a), &v, 1, ctl, sizeof(ctl), 0 };
	ssize_t n = recvmsg(fd, &m, flags | MSG_ERRQUEUE);

	if (n < 0)
		return -errno;
	if (quiet)
		return 0;
	if (n)
		say("  %zd bytes", n);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if ((c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) ||
			(c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR))
			show_record(&m, c);
	return 0;
}

static unsigned optmem(int fd)
{
	uint32_t n[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(n);

	NEED(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, n, &len));
	return n[SK_MEMINFO_OPTMEM];
}

static void drain(const char *what, int fd)
{
	lo_settled();
	say("%s: events %x, memory %u", what, events(fd) & (POLLERR | POLLPRI), optmem(fd));
	while (!take_one(fd, 0, false))
		;
	say("  then %x, memory %u, error %d", events(fd) & (POLLERR | POLLPRI), optmem(fd),
		number(fd, SOL_SOCKET, SO_ERROR));
}

/* Makes two sockets, of which fds[0] is connected to fds[1]. */
static void make_pair(int family, int type, int fds[2])
{
	struct sockaddr_storage a = { .ss_family = (sa_family_t)family };
	socklen_t n = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	int l = NEED(socket(family, type, 0));

	if (family == AF_INET)
		((struct sockaddr_in *)&a)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		((struct sockaddr_in6 *)&a)->sin6_addr = in6addr_loopback;
	NEED(bind(l, SA(&a), n));
	NEED(getsockname(l, SA(&a), &n));
	fds[0] = NEED(socket(family, type, 0));
	if (type == SOCK_STREAM)
		NEED(listen(l, 1));
	NEED(connect(fds[0], SA(&a), n));
	fds[1] = l;
	if (type == SOCK_STREAM) {
		fds[1] = NEED(accept(l, NULL, NULL));
		close(l);
	}
}

static void sends(const char *name, int family, int type)
{
	struct iovec v[2] = { { "one", 3 }, { "two", 3 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };
	int fds[2];

	say("%s:", name);
	make_pair(family, type, fds);
	say("zerocopy %d", number(fds[0], SOL_SOCKET, SO_ZEROCOPY));
	T(send(fds[0], "not asked", 9, ZC));
	drain("not asked", fds[0]);
	T(set(fds[0], SOL_SOCKET, SO_ZEROCOPY, 1));
	say("zerocopy %d", number(fds[0], SOL_SOCKET, SO_ZEROCOPY));
	T(send(fds[0], "x", 1, 0));
	drain("no flag", fds[0]);
	T(send(fds[0], "x", 1, ZC));
	drain("one", fds[0]);
	for (int k = 0; k < 5; k++)
		T(send(fds[0], "many", 4, ZC));
	drain("five", fds[0]);
	T(send(fds[0], "", 0, ZC));
	drain("an empty one", fds[0]);
	T(send(fds[0], BAD, 10, ZC));
	drain("one that failed", fds[0]);
	T(sendmsg(fds[0], &m, ZC));
	drain("vectors", fds[0]);
	T(send(fds[0], "more", 4, ZC | MSG_MORE));
	T(send(fds[0], "end", 3, ZC));
	drain("more", fds[0]);
	T(set(fds[0], SOL_SOCKET, SO_ZEROCOPY, 0));
	T(send(fds[0], "off", 3, ZC));
	drain("off", fds[0]);
	T(set(fds[0], SOL_SOCKET, SO_ZEROCOPY, 1));
	T(send(fds[0], "on", 2, ZC));
	T(set(fds[0], SOL_IP, IP_RECVERR, 1));
	T(set(fds[0], SOL_IP, IP_RECVERR, 0));
	drain("kept when errors are dropped", fds[0]);
	close(fds[0]);
	close(fds[1]);
}

/* Checks that a waiter is woken, and that edges come again although the record only grows. */
static void waits(int type)
{
	struct epoll_event e = { .events = EPOLLET | EPOLLERR }, got = { 0 };
	int fds[2], ep = NEED(epoll_create1(0));

	make_pair(AF_INET, type, fds);
	set(fds[0], SOL_SOCKET, SO_ZEROCOPY, 1);
	NEED(epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &e));
	T(epoll_wait(ep, &got, 1, 0));
	for (int k = 0; k < 3; k++) {
		NEED(send(fds[0], "x", 1, ZC));
		lo_settled();
		TN("an edge", epoll_wait(ep, &got, 1, 0));
		IS(got.events == EPOLLERR);
	}
	T(epoll_wait(ep, &got, 1, 0));
	drain("edges", fds[0]);
	T(recv(fds[0], &e, 1, MSG_DONTWAIT));
	T(take_one(fds[0], MSG_DONTWAIT, true));
	T(take_one(fds[0], 0, true));
	close(ep);
	close(fds[0]);
	close(fds[1]);
}

/*
 * Makes a notice for each call, since a timestamp comes in between, until the memory for notices is
 * used up.
 */
static void exhausted(void)
{
	int fds[2], n = 0, taken = 0, err;

	make_pair(AF_INET, SOCK_DGRAM, fds);
	set(fds[0], SOL_SOCKET, SO_ZEROCOPY, 1);
	NEED(set(fds[0], SOL_SOCKET, SO_TIMESTAMPING,
		SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY |
			SOF_TIMESTAMPING_SOFTWARE));
	lo_settled();
	while (n < 10000 && send(fds[0], "x", 1, ZC) == 1)
		n++;
	err = errno;
	say("sent %d, then %s, memory %u", n, t_errno(err), optmem(fds[0]));
	T(send(fds[0], "x", 1, 0));
	T(send(fds[0], "", 0, ZC));
	T(take_one(fds[0], 0, true));
	T(take_one(fds[0], 0, true));
	T(send(fds[0], "x", 1, ZC));
	T(send(fds[0], "x", 1, ZC));
	while (!take_one(fds[0], MSG_DONTWAIT, true))
		taken++;
	say("taken %d, memory %u", taken, optmem(fds[0]));
	close(fds[0]);
	close(fds[1]);
}

/* Tests what an accepted connection inherits, a large write, and a peer that closes. */
static void streams(void)
{
	static char big[3 << 20];
	struct sockaddr_in a;
	int fds[2], l = listener(1);
	size_t all = 0;
	char c;

	set(l, SOL_SOCKET, SO_ZEROCOPY, 1);
	a = at("127.0.0.1", port_of(l));
	fds[0] = NEED(socket(AF_INET, SOCK_STREAM, 0));
	T(set(fds[0], SOL_SOCKET, SO_ZEROCOPY, 1));
	T(send(fds[0], "x", 1, ZC | MSG_NOSIGNAL));
	drain("before it is connected", fds[0]);
	NEED(connect(fds[0], SA(&a), sizeof(a)));
	fds[1] = NEED(accept(l, NULL, NULL));
	say("accepted: %d", number(fds[1], SOL_SOCKET, SO_ZEROCOPY));
	T(send(fds[1], "answer", 6, ZC));
	drain("accepted", fds[1]);
	SPAWN({
		close(fds[1]);
		NEED(send(fds[0], big, sizeof(big), ZC) == (ssize_t)sizeof(big) ? 0 : -1);
		while (events(fds[0]) >= 0 && !(events(fds[0]) & POLLERR))
			usleep(1000);
		lo_settled();
		while (!take_one(fds[0], 0, false))
			;
	});
	while (all < sizeof(big)) {
		ssize_t n = recv(fds[1], big, sizeof(big), 0);

		if (n <= 0)
			break;
		all += (size_t)n;
	}
	wait(NULL);
	say("%zu came", all);
	T(shutdown(fds[0], SHUT_WR));
	T(send(fds[0], &c, 1, ZC | MSG_NOSIGNAL));
	T(send(fds[0], &c, 0, ZC | MSG_NOSIGNAL));
	while (!take_one(fds[0], 0, true))
		;
	drain("after the end", fds[0]);
	close(fds[0]);
	close(fds[1]);
	close(l);
}

/* Datagrams: corked and pushed, truncated, too long, without a receiver. */
static void datagrams(void)
{
	static char big[70000];
	struct sockaddr_in a;
	int fds[2], fd, port;

	make_pair(AF_INET, SOCK_DGRAM, fds);
	set(fds[0], SOL_SOCKET, SO_ZEROCOPY, 1);
	T(set(fds[0], SOL_UDP, UDP_CORK, 1));
	T(send(fds[0], "a", 1, ZC));
	T(send(fds[0], "b", 1, ZC));
	T(send(fds[0], "c", 1, 0));
	T(send(fds[0], "", 0, ZC));
	T(set(fds[0], SOL_UDP, UDP_CORK, 0));
	drain("corked", fds[0]);
	T(recv(fds[1], big, sizeof(big), MSG_DONTWAIT));
	T(send(fds[0], big, 65508, ZC));
	T(send(fds[0], big, 66000, ZC));
	drain("too long", fds[0]);
	T(set(fds[0], SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO));
	T(set(fds[0], SOL_UDP, UDP_SEGMENT, 1000));
	T(send(fds[0], big, 10000, ZC));
	drain("cut", fds[0]);
	T(send(fds[0], big, 65507, ZC));
	T(send(fds[0], big, 65507, ZC));
	drain("cut, more", fds[0]);
	close(fds[1]);
	fd = bound(SOCK_DGRAM, "127.0.0.1");
	port = port_of(fd);
	close(fd);
	a = at("127.0.0.1", port);
	fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	set(fd, SOL_SOCKET, SO_ZEROCOPY, 1);
	T(send(fd, "x", 1, ZC));
	NEED(connect(fd, SA(&a), sizeof(a)));
	T(send(fd, "x", 1, ZC));
	lo_settled();
	T(send(fd, "x", 1, ZC));
	T(send(fd, "x", 1, ZC));
	drain("refused", fd);
	close(fd);
	close(fds[0]);
}

static void others(void)
{
	static const struct {
		const char *name;
		int family, type, protocol;
	} kinds[] = {
		{ "unix", AF_UNIX, SOCK_STREAM, 0 },
		{ "unix datagrams", AF_UNIX, SOCK_DGRAM, 0 },
		{ "raw", AF_INET, SOCK_RAW, IPPROTO_UDP },
		{ "raw6", AF_INET6, SOCK_RAW, 17 },
		{ "udplite", AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE },
		{ "packet", AF_PACKET, SOCK_DGRAM, 0 },
		{ "netlink", AF_NETLINK, SOCK_RAW, 0 },
	};
	int sv[2];
	char b[8];

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		int fd = socket(kinds[k].family, kinds[k].type, kinds[k].protocol);

		if (fd < 0)
			continue;
		say("%s:", kinds[k].name);
		for (int v = -1; v < 3; v++)
			T(set(fd, SOL_SOCKET, SO_ZEROCOPY, v));
		T(number(fd, SOL_SOCKET, SO_ZEROCOPY));
		close(fd);
	}
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	T(send(sv[0], "x", 1, ZC));
	T(recv(sv[1], b, sizeof(b), MSG_DONTWAIT));
	T(recv(sv[0], b, sizeof(b), MSG_ERRQUEUE | MSG_DONTWAIT));
}

static void reap_all(const char *what)
{
	for (unsigned n = ready(); n; n--) {
		struct io_uring_cqe *c = &cqes[*cq_head & (p.cq_entries - 1)];

		say("%s: %llu: %s %d flags %x", what, (unsigned long long)c->user_data,
			c->res < 0 && !(c->flags & IORING_CQE_F_NOTIF) ? t_errno(-c->res) : "",
			c->res < 0 ? -1 : c->res, c->flags);
		__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	}
}

/* Submits one request, and waits for @n completions. */
static void one(const char *what, unsigned n)
{
	enter(1, n, IORING_ENTER_GETEVENTS);
	reap_all(what);
}

/*
 * io_uring and the socket have separate notices: MSG_ZEROCOPY of a plain SEND makes one of the
 * socket, SEND_ZC never does.
 */
static void by_uring(int type)
{
	static char buf[4096];
	struct iovec v = { buf, sizeof(buf) }, w = { "vector", 6 };
	struct msghdr m = { .msg_iov = &w, .msg_iovlen = 1 };
	struct io_uring_sqe *s;
	int fds[2];

	make_pair(AF_INET, type, fds);
	set(fds[0], SOL_SOCKET, SO_ZEROCOPY, 1);
	open_ring(8, 0, 0);
	NEED(reg(IORING_REGISTER_BUFFERS, &v, 1));
	s = add(IORING_OP_SEND_ZC, fds[0], "x", 1, 0, 1);
	s->ioprio = IORING_SEND_ZC_REPORT_USAGE;
	one("send_zc", 2);
	s = add(IORING_OP_SEND_ZC, fds[0], buf + 100, 50, 0, 2);
	s->ioprio = IORING_RECVSEND_FIXED_BUF | IORING_SEND_ZC_REPORT_USAGE;
	s->msg_flags = ZC;
	one("fixed", 2);
	s = add(IORING_OP_SENDMSG_ZC, fds[0], &m, 1, 0, 3);
	s->ioprio = IORING_SEND_ZC_REPORT_USAGE;
	one("sendmsg_zc", 2);
	drain("nothing of these", fds[0]);
	s = add(IORING_OP_SEND, fds[0], "y", 1, 0, 4);
	s->msg_flags = ZC;
	one("send", 1);
	drain("of send", fds[0]);
	close_ring();
	close(fds[0]);
	close(fds[1]);
}

/* Prints whether SEND_ZC takes a socket of this kind. */
static void uring_kind(const char *name, int type, int protocol)
{
	struct sockaddr_in to = at("127.0.0.1", 9);
	int fd = socket(AF_INET, type, protocol);
	struct io_uring_sqe *s;

	if (fd < 0)
		return;
	open_ring(8, 0, 0);
	s = add(IORING_OP_SEND_ZC, fd, "x", 1, 0, 1);
	s->addr2 = (uintptr_t)&to;
	s->addr_len = sizeof(to);
	one(name, 2);
	close(fd);
	close_ring();
}

TEST(zerocopy)
{
	lo_up();
	sends("udp", AF_INET, SOCK_DGRAM);
	sends("udp6", AF_INET6, SOCK_DGRAM);
	sends("tcp", AF_INET, SOCK_STREAM);
	sends("tcp6", AF_INET6, SOCK_STREAM);
	waits(SOCK_DGRAM);
	waits(SOCK_STREAM);
	exhausted();
	streams();
	datagrams();
	others();
	if (refused())
		return;
	by_uring(SOCK_DGRAM);
	by_uring(SOCK_STREAM);
	uring_kind("raw", SOCK_RAW, 253);
	uring_kind("udplite", SOCK_DGRAM, IPPROTO_UDPLITE);
}
