/* SPDX-License-Identifier: MIT */
/*
 * uring_sendmsg: io_uring: SENDMSG that meets a full socket sends all of it later; with MSG_WAITALL
 * descriptors go with the first piece, and once. Without a reader, or beyond a limit, it is an
 * error, and no signal.
 */
#include "uring.h"
#include <sys/socket.h>

#define MUCH (1 << 20)

static int fd[2];

static void *reads(void *arg)
{
	static char data[65536], control[1024];
	long bytes = 0, files = 0, n;
	struct iovec v = { data, sizeof(data) };
	struct cmsghdr *c;

	while (bytes < MUCH) {
		struct msghdr h = { .msg_iov = &v,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control) };

		n = NEED(recvmsg(fd[1], &h, 0));
		if (!n)
			break;
		bytes += n;
		for (c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c))
			files += c->cmsg_type == SCM_RIGHTS ?
					 (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) :
					 0;
	}
	say("%ld bytes, %ld descriptors", bytes, files);
	return NULL;
}

static void all_of_much(void)
{
	static char data[MUCH];
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { data, MUCH };
	struct msghdr h = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	pthread_t t;

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd[0], sizeof(int));
	open_ring(4, 0, 0);
	add(IORING_OP_SENDMSG, fd[0], &h, 1, 0, 1)->msg_flags = MSG_WAITALL;
	NEED(enter(1, 0, 0)); /* a part goes before anybody reads */
	NEED0(pthread_create(&t, NULL, reads, NULL));
	NEED(enter(0, 1, IORING_ENTER_GETEVENTS));
	NEED0(pthread_join(t, NULL));
	reap("sent");
	close_ring();
}

static void to_who_is_full(int type)
{
	static char data[4096], text[] = "0123456789";
	struct iovec v = { text, 10 };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1 };
	long n;

	NEED(socketpair(AF_UNIX, type, 0, fd));
	while (send(fd[0], data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	open_ring(4, 0, 0);
	add(IORING_OP_SENDMSG, fd[0], &h, 1, 0, 2);
	NEED(enter(1, 0, 0));
	do
		n = NEED(recv(fd[1], data, sizeof(data), 0));
	while (n == sizeof(data));
	NEED(enter(0, 1, IORING_ENTER_GETEVENTS));
	say("the last: %ld %.10s", n, data);
	reap("sent");
	close_ring();
}

static void to_nobody(void)
{
	struct iovec v = { "x", 1 };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1 };
	struct rlimit limit = { 1 << 24, 1 << 24 };
	struct io_uring_sqe *s;
	int from[2], to[2];

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	close(fd[1]);
	open_ring(4, 0, 0);
	add(IORING_OP_SENDMSG, fd[0], &h, 1, 0, 3);
	go("sent", 1);
	add(IORING_OP_SEND, fd[0], "x", 1, 0, 4);
	go("sent", 1);
	NEED(pipe(from));
	NEED(pipe(to));
	close(to[0]);
	NEED(write(from[1], "x", 1));
	s = add(IORING_OP_SPLICE, to[1], NULL, 1, -1, 5);
	s->splice_fd_in = from[0];
	s->splice_off_in = -1;
	go("spliced", 1);
	add(IORING_OP_WRITE, NEED(open("f", O_WRONLY | O_CREAT, 0600)), "x", 1, limit.rlim_cur, 6);
	NEED(setrlimit(RLIMIT_FSIZE, &limit));
	go("written", 1);
	close_ring();
}

TEST(uring_sendmsg)
{
	if (refused()) {
		say("%d bytes, 1 descriptors", MUCH);
		say("sent: 1: %d", MUCH);
		for (int i = 0; i < 2; i++) {
			say("the last: 10 0123456789");
			say("sent: 2: 10");
		}
		say("sent: 3: EPIPE");
		say("sent: 4: EPIPE");
		say("spliced: 5: EPIPE");
		say("written: 6: EFBIG");
		return;
	}
	all_of_much();
	to_who_is_full(SOCK_SEQPACKET);
	to_who_is_full(SOCK_DGRAM);
	to_nobody();
}
