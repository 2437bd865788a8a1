/* SPDX-License-Identifier: MIT */
/*
 * udp_segment: many datagrams in a single call (UDP_SEGMENT) and in a single read (UDP_GRO): over
 * loopback, over a veth pair, and what is refused.
 */
#include "netns.h"
#include <netinet/udp.h>

#define SEGMENT 103
#define GRO 104

static char big[65536];

static void fill(void)
{
	for (unsigned k = 0; k < sizeof(big); k++)
		big[k] = (char)(k * 7 + (k >> 8));
}

/*
 * Prints the datagrams that have arrived: lengths, whether the bytes are in sequence, and the
 * ancillary size.
 */
static void drain(int fd)
{
	static char got[65536];
	size_t off = 0;

	for (;;) {
		char control[64];
		struct iovec v = { got, sizeof(got) };
		struct msghdr m = { .msg_iov = &v,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control) };
		struct cmsghdr *c;
		ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

		if (n < 0)
			break;
		c = CMSG_FIRSTHDR(&m);
		say("  %zd %s, told %d", n, memcmp(got, big + off, (size_t)n) ? "wrong" : "right",
			c ? *(int *)CMSG_DATA(c) : -1);
		off += (size_t)n;
	}
}

static ssize_t send_with(int fd, const struct sockaddr *to, socklen_t tolen, size_t n, uint16_t seg)
{
	char control[CMSG_SPACE(sizeof(seg))] = { 0 };
	struct iovec v = { big, n };
	struct msghdr m = { .msg_name = (void *)(uintptr_t)to,
		.msg_namelen = tolen,
		.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_UDP;
	c->cmsg_type = SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(seg));
	memcpy(CMSG_DATA(c), &seg, sizeof(seg));
	return sendmsg(fd, &m, 0);
}

static void on_loopback(int family)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in a4 = at("127.0.0.1", 0);
	struct sockaddr *a = family == AF_INET ? SA(&a4) : SA(&a6);
	socklen_t n = family == AF_INET ? sizeof(a4) : sizeof(a6);
	int in = NEED(socket(family, SOCK_DGRAM, 0)), out = NEED(socket(family, SOCK_DGRAM, 0));

	NEED(bind(in, a, n));
	NEED(getsockname(in, a, &n));
	T(set(out, SOL_UDP, SEGMENT, 1000));
	T(number(out, SOL_UDP, SEGMENT));
	T(sendto(out, big, 4500, 0, a, n));
	drain(in);
	T(set(in, SOL_UDP, GRO, 1));
	T(sendto(out, big, 4500, 0, a, n));
	drain(in);
	T(sendto(out, big, 1000, 0, a, n));
	drain(in);
	T(send_with(out, a, n, 4500, 1500));
	drain(in);
	T(send_with(out, a, n, 4500, 0));
	drain(in);
	T(set(in, SOL_UDP, GRO, 0));
	T(set(out, SOL_UDP, SEGMENT, 0));
	T(send_with(out, a, n, 3000, 1400));
	drain(in);
	T(set(out, SOL_UDP, SEGMENT, 10));
	T(sendto(out, big, 10 * 200, 0, a, n));
	T(set(out, SOL_UDP, SEGMENT, 1000));
	T(set(out, SOL_SOCKET, SO_NO_CHECK, 1));
	T(family == AF_INET ? sendto(out, big, 4500, 0, a, n) : -1);
	T(set(out, SOL_UDP, SEGMENT, -1));
	T(set(out, SOL_UDP, SEGMENT, 65536));
	close(in);
	close(out);
}

static void move_to(pid_t child)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWLINK,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) } };
	struct ifinfomsg *i = NLMSG_DATA(&m.h);

	i->ifi_index = (int)if_nametoindex("vb0");
	nl_add(&m, IFLA_NET_NS_PID, &child, sizeof(child));
	NEED0(nl_do(&m));
}

/* To another namespace, where a socket without UDP_GRO gets them one by one. */
static void over_a_wire(int family)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(7000) };
	struct sockaddr_in a4 = at("10.9.0.2", 7000);
	struct sockaddr *a = family == AF_INET ? SA(&a4) : SA(&a6);
	socklen_t n = family == AF_INET ? sizeof(a4) : sizeof(a6);
	int out = NEED(socket(family, SOCK_DGRAM, 0)), ready[2], go[2];
	pid_t child;
	char c;

	inet_pton(AF_INET6, "fd0a::2", &a6.sin6_addr);
	NEED(pipe(ready));
	NEED(pipe(go));
	child = NEED(fork());
	if (!child) {
		int in;

		NEED(unshare(CLONE_NEWNET));
		NEED(write(ready[1], "x", 1));
		NEED(read(go[0], &c, 1)); /* vb0 has come */
		set_up("lo", 1);
		set_up("vb0", 1);
		add_addr("vb0", AF_INET, "10.9.0.2", 24);
		add_addr("vb0", AF_INET6, "fd0a::2", 64);
		in = NEED(socket(family, SOCK_DGRAM, 0));
		NEED(bind(in, a, n));
		NEED(write(ready[1], "x", 1));
		NEED(read(go[0], &c, 1)); /* all is sent */
		for (int k = 0; k < 5; k++) {
			struct pollfd p = { in, POLLIN, 0 };

			if (poll(&p, 1, 20000) == 1)
				say("  %zd", recv(in, big, sizeof(big), 0));
		}
		_exit(0);
	}
	NEED(read(ready[0], &c, 1));
	move_to(child);
	NEED(write(go[1], "x", 1));
	NEED(read(ready[0], &c, 1));
	T(set(out, SOL_UDP, SEGMENT, 1400));
	T(sendto(out, big, 5000, 0, a, n));
	T(set(out, SOL_UDP, SEGMENT, 1500));
	T(sendto(out, big, 100, 0, a, n));
	NEED(write(go[1], "x", 1));
	wait(NULL);
	close(out);
}

TEST(udp_segment)
{
	fill();
	own_net();
	on_loopback(AF_INET);
	on_loopback(AF_INET6);
	over_a_wire(AF_INET);
	veth_pair("va1", "vb0"); /* the old pair ended with its netns */
	set_up("va1", 1);
	set_up("vb0", 1);
	add_addr("va1", AF_INET6, "fd0a::1", 64);
	over_a_wire(AF_INET6);
}
