/* SPDX-License-Identifier: MIT */
/*
 * sendmsg(2), recvmsg(2), sendto(2), recvfrom(2), sendmmsg(2), recvmmsg(2): vectors, flags,
 * credentials, errors.
 */
#include "t.h"
#include <sys/socket.h>

static void streams(void)
{
	struct iovec out[2] = { { "hello ", 6 }, { "world", 5 } }, in[2];
	struct msghdr m = { .msg_iov = out, .msg_iovlen = 2 };
	char a[4] = "", b[16] = "";
	int s[2];

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	T(sendmsg(s[0], &m, 0));
	in[0] = (struct iovec){ a, 3 };
	in[1] = (struct iovec){ b, 15 };
	m = (struct msghdr){ .msg_iov = in, .msg_iovlen = 2, .msg_flags = -1 };
	T(recvmsg(s[1], &m, 0));
	say("'%s' '%s' flags %#x", a, b, m.msg_flags);
	T(send(s[0], "abcdef", 6, 0));
	T(recv(s[1], b, 3, MSG_PEEK));
	T(recv(s[1], b, 3, 0));
	T(recv(s[1], b, 15, 0));
	T(recv(s[1], b, 15, MSG_DONTWAIT));
	T(send(s[0], "ab", 2, 0));
	CHILD({
		sleep_ms(30);
		NEED(send(s[0], "cd", 2, 0));
	});
	T(recv(s[1], b, 4, MSG_WAITALL));
	T(recvfrom(s[1], b, 4, MSG_DONTWAIT, NULL, NULL));
	T(sendto(s[0], "x", 1, 0, (void *)&m, sizeof(m)));
	T(sendmsg(s[0], BAD, 0));
	T(recvmsg(s[1], BAD, 0));
	m = (struct msghdr){ .msg_iov = BAD, .msg_iovlen = 1 };
	T(sendmsg(s[0], &m, 0));
	m = (struct msghdr){ .msg_iov = out, .msg_iovlen = 2000 };
	T(sendmsg(s[0], &m, 0));
	T(send(1, "x", 1, 0));
	T(send(s[0], BAD, 5, 0));
	T(send(s[0], "", 0, 0));
	T(shutdown(s[0], 5));
	T(shutdown(s[0], SHUT_WR));
	T(send(s[0], "x", 1, MSG_NOSIGNAL));
	CHILD(send(s[0], "x", 1, 0));
	while (recv(s[1], b, 15, MSG_DONTWAIT) > 0)
		;
	T(recv(s[1], b, 15, 0));
	T(shutdown(s[1], SHUT_RD));
	T(shutdown(1, SHUT_RD));
}

static void full(void)
{
	static char big[1 << 20];
	int s[2], n, total = 0;

	NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s));
	while ((n = send(s[0], big, sizeof(big), 0)) > 0)
		total += n;
	say("filled: %s, something %d", t_errno(errno), total > 4096);
	while ((n = recv(s[1], big, sizeof(big), 0)) > 0)
		total -= n;
	say("all came: %d", total);
	NEED(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, s));
	T(send(s[0], big, sizeof(big), 0));
	for (n = 0; send(s[0], "x", 1, 0) == 1; n++)
		;
	say("datagrams fill up: %s", t_errno(errno));
	{
		int p[2];

		NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
		{
			pid_t pid = SPAWN({
				long sum = 0;

				close(p[0]);
				while ((n = read(p[1], big, 5000)) > 0)
					sum += n;
				_exit(sum == sizeof(big) ? 0 : 1);
			});
			close(p[1]);
			T(write(p[0], big, sizeof(big)));
			close(p[0]);
			t_wait("reader", pid);
		}
	}
}

static void packets(void)
{
	struct iovec v[2];
	struct mmsghdr mm[4];
	struct msghdr m;
	char b[4][8];
	int s[2], i;

	NEED(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
	T(send(s[0], "record", 6, 0));
	v[0] = (struct iovec){ b[0], 4 };
	m = (struct msghdr){ .msg_iov = v, .msg_iovlen = 1 };
	T(recvmsg(s[1], &m, 0));
	say("flags %#x", m.msg_flags);
	T(recv(s[1], b[0], 8, MSG_DONTWAIT));
	close(s[0]);
	T(recv(s[1], b[0], 8, 0));
	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
	memset(mm, 0, sizeof(mm));
	v[0] = (struct iovec){ "one", 3 };
	v[1] = (struct iovec){ "three", 5 };
	mm[0].msg_hdr = (struct msghdr){ .msg_iov = v, .msg_iovlen = 1 };
	mm[1].msg_hdr = (struct msghdr){ .msg_iov = v + 1, .msg_iovlen = 1 };
	T(sendmmsg(s[0], mm, 2, 0));
	say("%u %u", mm[0].msg_len, mm[1].msg_len);
	{
		struct iovec r[4];
		struct timespec ts = { 1000, 0 };

		for (i = 0; i < 4; i++) {
			r[i] = (struct iovec){ b[i], 8 };
			mm[i].msg_hdr = (struct msghdr){ .msg_iov = &r[i], .msg_iovlen = 1 };
			mm[i].msg_len = 99;
		}
		T(recvmmsg(s[1], mm, 4, MSG_DONTWAIT, NULL));
		say("%u %u %.3s %.5s", mm[0].msg_len, mm[1].msg_len, b[0], b[1]);
		T(recvmmsg(s[1], mm, 4, MSG_DONTWAIT, NULL));
		NEED(send(s[0], "x", 1, 0));
		T(recvmmsg(s[1], mm, 4, MSG_WAITFORONE, NULL));
		NEED(send(s[0], "x", 1, 0));
		NEED(send(s[0], "y", 1, 0));
		T(recvmmsg(s[1], mm, 2, 0, &ts));
		ts.tv_nsec = -1;
		T(recvmmsg(s[1], mm, 2, 0, &ts));
		T(recvmmsg(-1, mm, 2, 0, NULL));
		T(sendmmsg(s[0], BAD, 2, 0));
		T(sendmmsg(s[0], mm, 0, 0));
	}
}

/* Receives up to two of three messages, with a limit of time, which is set to what remains. */
static void limited(long sec, long nsec)
{
	struct timespec ts = { sec, nsec };
	struct mmsghdr mm[2] = { 0 };
	struct iovec v[2];
	char b[2][8];
	int s[2];

	for (int i = 0; i < 2; i++) {
		v[i] = (struct iovec){ b[i], 8 };
		mm[i].msg_hdr = (struct msghdr){ .msg_iov = &v[i], .msg_iovlen = 1 };
	}
	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
	for (int i = 0; i < 3; i++)
		NEED(send(s[0], "x", 1, 0));
	T(recvmmsg(s[1], mm, 2, 0, &ts));
	if (sec)
		say("less than the limit remains: %d, but not nothing: %d",
			ts.tv_sec < sec || (ts.tv_sec == sec && ts.tv_nsec < nsec), ts.tv_sec > 0);
	else
		say("%ld.%09ld remains", (long)ts.tv_sec, ts.tv_nsec);
	T(recvmmsg(s[1], mm, 1, 0, mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
	T(recvmmsg(s[1], mm, 2, MSG_DONTWAIT, NULL));
	ts = (struct timespec){ 50, 1 };
	T(recvmmsg(s[1], mm, 2, MSG_DONTWAIT, &ts));
	say("of one that has failed, %ld.%09ld", (long)ts.tv_sec, ts.tv_nsec);
	close(s[0]);
	close(s[1]);
}

static void credentials(void)
{
	char control[256], b[8];
	struct iovec v = { b, 8 };
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	struct ucred uc;
	socklen_t n = sizeof(uc);
	int s[2], on = 1;

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	T(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &uc, &n));
	say("peer: me %d uid %d gid %d", uc.pid == getpid(), (int)uc.uid, (int)uc.gid);
	T(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	NEED(send(s[0], "x", 1, 0));
	T(recvmsg(s[1], &m, 0));
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_type == SCM_CREDENTIALS) {
		memcpy(&uc, CMSG_DATA(c), sizeof(uc));
		say("passed: me %d uid %d", uc.pid == getpid(), (int)uc.uid);
	}
	/* a sender other than root must tell its own ids */
	CHILD({
		char cc[CMSG_SPACE(sizeof(uc))] = { 0 };

		m = (struct msghdr){ .msg_iov = &v,
			.msg_iovlen = 1,
			.msg_control = cc,
			.msg_controllen = sizeof(cc) };
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_CREDENTIALS;
		c->cmsg_len = CMSG_LEN(sizeof(uc));
		uc = (struct ucred){ getpid(), 1234, 5678 };
		memcpy(CMSG_DATA(c), &uc, sizeof(uc));
		T(sendmsg(s[0], &m, 0));
		NEED(setuid(65534));
		T(sendmsg(s[0], &m, 0));
	});
}

TEST(sendmsg)
{
	streams();
	full();
	packets();
	limited(0, 0);
	limited(0, 1);
	limited(1000, 0);
	limited(18446744073, 709551616); /* 2^64 ns */
	limited(LONG_MAX, 999999999);
	credentials();
}
