/* SPDX-License-Identifier: MIT */
/*
 * sock_names: names of sockets: the attribute with the protocol's name, the peer's name on a
 * connection, and the list of netlink sockets.
 */
#include "guest.h"
#include <linux/netlink.h>
#include <linux/netlink_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#define NAME "system.sockprotoname"

static void attribute(int family, int type, int protocol)
{
	int fd = socket(family, type, protocol);
	char buf[64] = "", path[64];
	ssize_t n;

	if (fd < 0) {
		say("socket %d %d %d: %s", family, type, protocol, t_errno(errno));
		return;
	}
	n = fgetxattr(fd, NAME, buf, sizeof(buf));
	say("%d %d %d: %zd '%s'", family, type, protocol, n, buf);
	T(fgetxattr(fd, NAME, NULL, 0));
	T(fgetxattr(fd, NAME, buf, 3));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	memset(buf, 0, sizeof(buf));
	n = getxattr(path, NAME, buf, sizeof(buf));
	say("by its link: %zd '%s'", n, buf);
	T(fgetxattr(fd, NAME "x", buf, sizeof(buf)));
	T(fgetxattr(fd, "system.other", buf, sizeof(buf)));
	T(fsetxattr(fd, NAME, "x", 1, 0));
	T(fremovexattr(fd, NAME));
	memset(buf, 0, sizeof(buf));
	n = flistxattr(fd, buf, sizeof(buf));
	say("list: %zd '%s'", n, buf);
	T(flistxattr(fd, NULL, 0));
	T(flistxattr(fd, buf, 5));
	close(fd);
}

/* Returns the name of a new socket, of a kind that a host may give to root only. */
static const char *name_of(int family, int type, int protocol)
{
	static char buf[64];
	int fd = NEED(socket(family, type, protocol));

	memset(buf, 0, sizeof(buf));
	NEED(fgetxattr(fd, NAME, buf, sizeof(buf)));
	close(fd);
	return buf;
}

static void attributes(void)
{
	static const int kinds[][3] = {
		{ AF_UNIX, SOCK_STREAM, 0 },
		{ AF_UNIX, SOCK_DGRAM, 0 },
		{ AF_UNIX, SOCK_SEQPACKET, 0 },
		{ AF_INET, SOCK_STREAM, 0 },
		{ AF_INET, SOCK_DGRAM, 0 },
		{ AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE },
		{ AF_INET6, SOCK_STREAM, 0 },
		{ AF_INET6, SOCK_DGRAM, 0 },
		{ AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE },
		{ AF_NETLINK, SOCK_RAW, NETLINK_ROUTE },
		{ AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG },
	};
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "file" };
	char buf[64];
	int fd = NEED(socket(AF_UNIX, SOCK_STREAM, 0));

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		attribute(kinds[i][0], kinds[i][1], kinds[i][2]);
	GT(name_of(AF_INET, SOCK_RAW, IPPROTO_ICMP), "RAW");
	GT(name_of(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6), "RAWv6");
	GT(name_of(AF_PACKET, SOCK_RAW, 0), "PACKET");
	GT(name_of(AF_PACKET, SOCK_DGRAM, 0), "PACKET");
	/* a socket's file is not the socket */
	NEED(bind(fd, (struct sockaddr *)&a, sizeof(a)));
	T(getxattr("file", NAME, buf, sizeof(buf)));
	close(fd);
}

static void from(const char *what, int fd, int flags)
{
	struct sockaddr_un a;
	struct iovec v = { .iov_base = (char[8]){ 0 }, .iov_len = 1 };
	struct msghdr m = {
		.msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &v, .msg_iovlen = 1
	};
	ssize_t n;

	memset(&a, 0, sizeof(a));
	n = recvmsg(fd, &m, flags | MSG_DONTWAIT);
	say("%s: %zd from %u '%s'", what, n, n < 0 ? 0 : m.msg_namelen,
		n < 0 || !m.msg_namelen ? "" : a.sun_path);
}

static void senders(int type)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "listener" },
			   b = { .sun_family = AF_UNIX, .sun_path = "caller" };
	struct msghdr m = { .msg_namelen = 7 };
	int l = NEED(socket(AF_UNIX, type, 0)), c = NEED(socket(AF_UNIX, type, 0)), s, p[2];

	say("type %d", type);
	unlink(a.sun_path);
	unlink(b.sun_path);
	NEED(bind(l, (struct sockaddr *)&a, sizeof(a)));
	NEED(listen(l, 1));
	NEED(connect(c, (struct sockaddr *)&a, sizeof(a)));
	s = NEED(accept(l, NULL, NULL));
	NEED(send(c, "1", 1, 0));
	from("without a name", s, 0);
	NEED(bind(c, (struct sockaddr *)&b, sizeof(b)));
	NEED(send(c, "2", 1, 0));
	from("peek", s, MSG_PEEK);
	from("named", s, 0);
	NEED(send(s, "3", 1, 0));
	from("the other way", c, 0);
	from("nothing", c, 0);
	NEED(send(c, "4", 1, 0));
	close(c);
	from("gone", s, 0);
	from("end", s, 0);
	close(s);
	close(l);
	NEED(socketpair(AF_UNIX, type, 0, p));
	NEED(send(p[0], "5", 1, 0));
	from("pair", p[1], 0);
	NEED(send(p[0], "6", 1, 0));
	m.msg_iov = &(struct iovec){ .iov_base = &c, .iov_len = 1 };
	m.msg_iovlen = 1;
	T(recvmsg(p[1], &m, 0));
	say("no name wanted: %u", m.msg_namelen);
	close(p[0]);
	close(p[1]);
}

/* True if netlink socket @ask finds the socket @fd in a dump. */
static bool listed(int ask, int fd)
{
	struct {
		struct nlmsghdr h;
		struct netlink_diag_req r;
	} q = { { .nlmsg_len = sizeof(q),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		{ .sdiag_family = AF_NETLINK, .sdiag_protocol = NDIAG_PROTO_ALL } };
	static char buf[65536];
	bool found = false;
	struct stat st;

	NEED(fstat(fd, &st));
	NEED(send(ask, &q, sizeof(q), 0));
	for (;;) {
		int n = (int)NEED(recv(ask, buf, sizeof(buf), 0));

		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, (unsigned)n);
			h = NLMSG_NEXT(h, n)) {
			const struct netlink_diag_msg *d = NLMSG_DATA(h);

			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
				return found;
			found |= d->ndiag_ino == st.st_ino;
		}
	}
}

static void netlink_lists(void)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK };
	int ask = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG));
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));

	say("not bound: %d", listed(ask, fd));
	NEED(bind(fd, (struct sockaddr *)&a, sizeof(a)));
	say("bound: %d", listed(ask, fd));
	close(fd);
	close(ask);
}

/* Returns the state of a socket in the list @path. */
static const char *state_in(const char *path, int fd)
{
	static char state[8];
	char line[512], *word, *save;
	struct stat st;
	FILE *f = fopen(path, "r");

	NEED(fstat(fd, &st));
	strcpy(state, "none");
	while (f && fgets(line, sizeof(line), f)) {
		char got[8] = "";
		int n = 0;

		for (word = strtok_r(line, " ", &save); word;
			word = strtok_r(NULL, " ", &save), n++) {
			if (n == 3)
				snprintf(got, sizeof(got), "%.2s", word);
			if (n == 9 && strtoull(word, NULL, 10) == st.st_ino)
				strcpy(state, got);
		}
	}
	if (f)
		fclose(f);
	return state;
}

static void states(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	NEED(bind(fd, (struct sockaddr *)&a, sizeof(a)));
	say("udp: %s", state_in("/proc/net/udp", fd));
	NEED(connect(fd, (struct sockaddr *)&a, sizeof(a))); /* to port 0 */
	say("connected: %s", state_in("/proc/net/udp", fd));
	NEED(connect(fd, &none, sizeof(none)));
	say("no more: %s", state_in("/proc/net/udp", fd));
	close(fd);
	fd = GNEED(socket(AF_INET, SOCK_RAW, 61));
	GT(state_in("/proc/net/raw", fd), "07");
	GNEED(connect(fd, (struct sockaddr *)&a, sizeof(a)));
	GT(state_in("/proc/net/raw", fd), "01");
}

static socklen_t abstract(struct sockaddr_un *a, const char *name)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "sock_names %d %s", getpid(), name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(a->sun_path + 1));
}

/* A socket with SO_PASSCRED gets a name when it begins to send, so that it can be answered. */
static void names_asked(void)
{
	static const char *const how[] = { "sends", "connects", "connects a stream" };
	struct sockaddr_un to, own, from;
	int on = 1;

	for (int asks = 0; asks < 2; asks++)
		for (int k = 0; k < 3; k++) {
			int type = k == 2 ? SOCK_STREAM : SOCK_DGRAM,
			    l = NEED(socket(AF_UNIX, type, 0)), fd = NEED(socket(AF_UNIX, type, 0));
			socklen_t n = abstract(&to, "to"), len = sizeof(own);
			char c;

			NEED(bind(l, (struct sockaddr *)&to, n));
			NEED(k == 2 ? listen(l, 1) : 0);
			NEED(asks ? setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) : 0);
			NEED(k ? connect(fd, (struct sockaddr *)&to, n) :
				 sendto(fd, "x", 1, 0, (struct sockaddr *)&to, n));
			NEED(getsockname(fd, (struct sockaddr *)&own, &len));
			say("%s %s: %d", asks ? "asks and" : "only", how[k], (int)len);
			if (!k) {
				n = sizeof(from);
				NEED(recvfrom(l, &c, 1, 0, (struct sockaddr *)&from, &n));
				say("the receiver is told: %d", (int)n);
				T(n ? sendto(l, "y", 1, 0, (struct sockaddr *)&from, n) : -2);
			}
			close(l);
			close(fd);
		}
}

/* A socket that is connected takes nothing from others, and they cannot connect to it. */
static void others(void)
{
	int a = NEED(socket(AF_UNIX, SOCK_DGRAM, 0)), b = NEED(socket(AF_UNIX, SOCK_DGRAM, 0)),
	    c = NEED(socket(AF_UNIX, SOCK_DGRAM, 0));
	struct sockaddr_un at_a, at_b;
	socklen_t n = abstract(&at_a, "a"), m = abstract(&at_b, "b");

	NEED(bind(a, (struct sockaddr *)&at_a, n));
	NEED(bind(b, (struct sockaddr *)&at_b, m));
	T(connect(a, (struct sockaddr *)&at_b, m));
	T(connect(c, (struct sockaddr *)&at_a, n));
	T(send(c, "x", 1, 0));
	T(connect(c, (struct sockaddr *)&at_b, m));
	T(connect(b, (struct sockaddr *)&at_a, n));
	T(connect(a, (struct sockaddr *)&at_a, n));
	close(a);
	close(b);
	close(c);
}

TEST(sock_names)
{
	attributes();
	senders(SOCK_STREAM);
	senders(SOCK_SEQPACKET);
	netlink_lists();
	states();
	names_asked();
	others();
}
