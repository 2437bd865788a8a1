/* SPDX-License-Identifier: MIT */
/*
 * recvmmsg_err: recvmmsg(2): an error after the first message is kept for the next call, and an
 * error that the socket has already comes before its data.
 */
#include "inet.h"
#include "t.h"

#define SLOTS 4

static char bytes[SLOTS][16];
static struct iovec vec[SLOTS];
static struct mmsghdr slots[SLOTS];

static void prepare(void)
{
	for (int i = 0; i < SLOTS; i++) {
		vec[i] = (struct iovec){ bytes[i], sizeof(bytes[i]) };
		slots[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &vec[i], .msg_iovlen = 1 } };
	}
}

static void error_of(int s)
{
	socklen_t len = sizeof(int);
	int err = -1;

	getsockopt(s, SOL_SOCKET, SO_ERROR, &err, &len);
	say(" SO_ERROR: %s", err ? t_errno(err) : "0");
}

static void pair(int type, int p[2])
{
	NEED(socketpair(AF_UNIX, type, 0, p));
	for (int i = 0; i < 3; i++)
		NEED(send(p[0], "abc", 3, 0));
	prepare();
}

/* Places that the kernel cannot write to or read from. */
static void bad_memory(int type)
{
	int p[2];

	say("type %d", type);
	pair(type, p);
	vec[1].iov_base = BAD;
	T(recvmmsg(p[1], slots, SLOTS, MSG_DONTWAIT, NULL));
	prepare();
	T(recvmmsg(p[1], slots, SLOTS, MSG_DONTWAIT, NULL));
	T(recvmmsg(p[1], slots, SLOTS, MSG_DONTWAIT, NULL));
	error_of(p[1]);
	close(p[0]);
	close(p[1]);
	pair(type, p);
	slots[1].msg_hdr.msg_iov = BAD;
	T(recvmmsg(p[1], slots, SLOTS, MSG_DONTWAIT, NULL));
	error_of(p[1]);
	prepare();
	T(recvmmsg(p[1], slots, SLOTS, MSG_DONTWAIT, NULL));
	close(p[0]);
	close(p[1]);
	pair(type, p);
	slots[1].msg_hdr.msg_iovlen = 2000;
	T(recvmmsg(p[1], slots, SLOTS, MSG_DONTWAIT, NULL));
	T(recv(p[1], bytes[0], 16, MSG_DONTWAIT));
	T(recv(p[1], bytes[0], 16, MSG_DONTWAIT));
	error_of(p[1]);
	close(p[0]);
	close(p[1]);
}

/* An error that is pending before the call. */
static void pending(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int s = NEED(socket(AF_INET, SOCK_DGRAM, 0)), c = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	NEED(bind(s, (void *)&a, sizeof(a)));
	NEED(getsockname(s, (void *)&a, &len));
	NEED(connect(c, (void *)&a, sizeof(a)));
	len = sizeof(a);
	NEED(getsockname(c, (void *)&a, &len));
	NEED(sendto(s, "data", 4, 0, (void *)&a, sizeof(a)));
	close(s);
	NEED(send(c, "lost", 4, 0));
	prepare();
	T(recvmmsg(c, slots, SLOTS, MSG_DONTWAIT, NULL));
	T(recvmmsg(c, slots, SLOTS, MSG_DONTWAIT, NULL));
	T(recvmmsg(c, slots, SLOTS, MSG_DONTWAIT, NULL));
	NEED(send(c, "lost", 4, 0));
	T(recvmmsg(c, slots, SLOTS, MSG_DONTWAIT | MSG_ERRQUEUE, NULL));
	T(recvmmsg(c, slots, 0, 0, NULL));
	error_of(c);
	T(recvmmsg(c, slots, 0, 0, NULL));
	close(c);
}

/* A stream that ends, and one that was reset. */
static void streams(void)
{
	int p[2];

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	NEED(send(p[0], "abc", 3, 0));
	NEED(send(p[1], "unread", 6, 0));
	close(p[0]);
	prepare();
	vec[0].iov_len = 2;
	T(recvmmsg(p[1], slots, SLOTS, 0, NULL));
	T(recvmmsg(p[1], slots, SLOTS, 0, NULL));
	T(recvmmsg(p[1], slots, SLOTS, 0, NULL));
	error_of(p[1]);
	close(p[1]);
}

/* Out-of-band data is the last message of a call. The time that is left is returned. */
static void out_of_band(void)
{
	struct timespec left = { 100, 0 };
	int p[2];

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	NEED(send(p[0], "ab", 2, MSG_OOB));
	prepare();
	T(recvmmsg(p[1], slots, SLOTS, MSG_DONTWAIT | MSG_OOB, &left));
	say(" less time is left: %d", left.tv_sec < 100);
	say(" length %u flags %#x byte %c", slots[0].msg_len, slots[0].msg_hdr.msg_flags,
		bytes[0][0]);
	error_of(p[1]);
	T(recvmmsg(p[1], slots, SLOTS, MSG_DONTWAIT, NULL));
	close(p[0]);
	close(p[1]);
}

TEST(recvmmsg_err)
{
	bad_memory(SOCK_STREAM);
	bad_memory(SOCK_DGRAM);
	bad_memory(SOCK_SEQPACKET);
	pending();
	streams();
	out_of_band();
}
