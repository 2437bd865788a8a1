/* SPDX-License-Identifier: MIT */
/*
 * AF_UNIX under load: many clients of one server, descriptors in flight, back pressure, wake-ups by
 * shutdown and close.
 */
#include "t.h"
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un addr = { AF_UNIX, "server" };

static void client(int me)
{
	int i, fd, reply;

	for (i = 0; i < 50; i++) {
		fd = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
		NEED(connect(fd, (void *)&addr, sizeof(addr)));
		reply = me * 1000 + i;
		NEED(write(fd, &reply, sizeof(reply)));
		NEED(read(fd, &reply, sizeof(reply)) == sizeof(reply) ? 0 : -1);
		if (reply != -(me * 1000 + i))
			_exit(1);
		close(fd);
	}
}

static void server(void)
{
	int l = NEED(socket(AF_UNIX, SOCK_STREAM, 0)), i, c, v, status, bad = 0;

	NEED(bind(l, (void *)&addr, sizeof(addr)));
	NEED(listen(l, 4));
	for (i = 0; i < 6; i++)
		SPAWN(client(i + 1));
	for (i = 0; i < 6 * 50; i++) {
		c = NEED(accept(l, NULL, NULL));
		NEED(read(c, &v, sizeof(v)) == sizeof(v) ? 0 : -1);
		v = -v;
		NEED(write(c, &v, sizeof(v)));
		close(c);
	}
	while (wait(&status) > 0)
		bad += status != 0;
	say("clients that failed: %d", bad);
	close(l);
	T(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&addr, sizeof(addr)));
	NEED(unlink("server"));
}

static void *blocked(void *arg)
{
	char buf[16];
	long n = recv(*(int *)arg, buf, sizeof(buf), 0);

	return (void *)(n == -1 ? -(long)errno : n);
}

static void *acceptor(void *arg)
{
	long n = accept(*(int *)arg, NULL, NULL);

	return (void *)(n == -1 ? -(long)errno : 0);
}

static void wakes(void)
{
	pthread_t t;
	void *r;
	int s[2], l;
	struct sockaddr_un a = { AF_UNIX, "wakes" };

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	NEED0(pthread_create(&t, NULL, blocked, &s[0]));
	sleep_ms(30);
	NEED(shutdown(s[0], SHUT_RD));
	pthread_join(t, &r);
	say("own shutdown wakes: %ld", (long)r);
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	NEED0(pthread_create(&t, NULL, blocked, &s[0]));
	sleep_ms(30);
	close(s[1]);
	pthread_join(t, &r);
	say("the peer's end wakes: %ld", (long)r);
	l = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	NEED(bind(l, (void *)&a, sizeof(a)));
	NEED(listen(l, 4));
	NEED0(pthread_create(&t, NULL, acceptor, &l));
	sleep_ms(30);
	NEED(shutdown(l, SHUT_RDWR));
	pthread_join(t, &r);
	say("accept after shutdown: %s", t_errno(-(int)(long)r));
	NEED(unlink("wakes"));
}

/* Sends datagrams of 1000 bytes from three writers to three readers of one socket. */
static void datagrams(void)
{
	int s[2], i, n, status, *count, bad = 0;
	char buf[1000];

	count = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
	for (n = 0; n < 3; n++) {
		SPAWN({
			for (i = 0; i < 200; i++) {
				memset(buf, 'a' + n, sizeof(buf));
				NEED(send(s[0], buf, sizeof(buf), 0));
			}
		});
		SPAWN({
			for (;;) {
				int r = NEED(recv(s[1], buf, sizeof(buf), 0));

				if (r == 1)
					break;
				for (i = 1; i < r; i++)
					if (buf[i] != buf[0])
						_exit(1);
				__atomic_add_fetch(count, r, __ATOMIC_SEQ_CST);
			}
		});
	}
	/* readers end by a one-byte message */
	while (__atomic_load_n(count, __ATOMIC_SEQ_CST) < 3 * 200 * 1000)
		usleep(1000);
	for (i = 0; i < 3; i++)
		NEED(send(s[0], "e", 1, 0));
	while (wait(&status) > 0)
		bad += status != 0;
	say("datagrams: %d bytes, failed %d", *count, bad);
}

/* Passes descriptors round in a ring of processes. */
static void passing(void)
{
	int ring[5][2], i, n, fd, status, bad = 0;
	char text[8] = "";

	t_text("f", "0123456789");
	for (i = 0; i < 5; i++)
		NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ring[i]));
	for (i = 0; i < 4; i++)
		SPAWN({
			for (n = 0; n < 50; n++) {
				char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte;
				struct iovec v = { &byte, 1 };
				struct msghdr m = { .msg_iov = &v,
					.msg_iovlen = 1,
					.msg_control = control,
					.msg_controllen = sizeof(control) };

				NEED(recvmsg(ring[i][1], &m, 0));
				memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
				NEED(lseek(fd, 1, SEEK_CUR));
				NEED(sendmsg(ring[i + 1][0], &m, 0));
				close(fd);
			}
		});
	for (n = 0; n < 50; n++) {
		char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 'x';
		struct iovec v = { &byte, 1 };
		struct msghdr m = { .msg_iov = &v,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control) };
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);

		fd = NEED(open("f", O_RDONLY));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
		NEED(sendmsg(ring[0][0], &m, 0));
		close(fd);
		NEED(recvmsg(ring[4][1], &m, 0));
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
		NEED(read(fd, text, 1));
		/* four processes have moved the one position */
		bad += text[0] != '4';
		close(fd);
	}
	while (wait(&status) > 0)
		bad += status != 0;
	say("passed round: %d bad", bad);
}

TEST(unix_stress)
{
	server();
	wakes();
	datagrams();
	passing();
}
