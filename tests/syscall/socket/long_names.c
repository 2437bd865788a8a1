/* SPDX-License-Identifier: MIT */
/*
 * long_names: addresses that are longer than any. sendto(2), bind(2) and connect(2) refuse them,
 * the headers of sendmsg(2) and sendmmsg(2) are cut.
 */
#include "inet.h"

static struct {
	struct sockaddr_in a;
	char more[300];
} to;

static void header(int fd, int len)
{
	struct iovec v = { "abc", 3 };
	struct mmsghdr m = { .msg_hdr = { .msg_name = &to,
				     .msg_namelen = (socklen_t)len,
				     .msg_iov = &v,
				     .msg_iovlen = 1 } };

	say("length %d", len);
	T(sendmsg(fd, &m.msg_hdr, 0));
	T(sendmmsg(fd, &m, 1, 0));
	T(sendto(fd, "abc", 3, 0, SA(&to), (socklen_t)len));
	m.msg_hdr.msg_name = BAD;
	T(sendmsg(fd, &m.msg_hdr, 0));
	m.msg_hdr.msg_name = NULL;
	T(sendmsg(fd, &m.msg_hdr, 0));
}

TEST(long_names)
{
	int in, out;

	lo_up();
	in = bound(SOCK_DGRAM, "127.0.0.1");
	out = bound(SOCK_DGRAM, "127.0.0.1");
	to.a = at("127.0.0.1", port_of(in));
	header(out, 16);
	header(out, 128);
	header(out, 129);
	header(out, 200);
	header(out, INT_MAX);
	header(out, -1);
	header(out, 15);
	T(bind(out, SA(&to), 129));
	T(connect(out, SA(&to), 129));
	T(connect(out, SA(&to), 128));
}
