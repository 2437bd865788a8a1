/* SPDX-License-Identifier: MIT */
/*
 * TCP over loopback: connect, listen and accept with their errors, data both ways, ends of all
 * kinds, urgent data. tcp(7).
 */
#include "inet.h"
#include <netinet/tcp.h>
#include <semaphore.h>
#include <linux/sockios.h>

static char buf[300000];

static void setup(void)
{
	struct sockaddr_in a, six = { .sin_family = AF_INET6 };
	socklen_t n = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), s;

	T(accept(l, NULL, NULL));
	T(send(c, "x", 1, MSG_NOSIGNAL));
	T(recv(c, buf, 1, 0));
	T(shutdown(c, SHUT_WR));
	T(events(c));
	T(getpeername(c, SA(&a), &n));
	T(listen(l, 2));
	T(port_of(l) > 1024);
	T(events(l));
	T(number(l, SOL_SOCKET, SO_ACCEPTCONN));
	T(reach(l, port_of(l)));
	T(connect(c, SA(&six), sizeof(six)));
	T(connect(c, SA(&a), 1));
	T(reach(c, port_of(l)));
	T(reach(c, port_of(l)));
	T(events(l));
	n = sizeof(a);
	s = OK(accept4(l, SA(&a), &n, SOCK_NONBLOCK | SOCK_CLOEXEC));
	say("from %s len %u\n", inet_ntoa(a.sin_addr), n);
	T(ntohs(a.sin_port) == port_of(c));
	T(fcntl(s, F_GETFL));
	T(fcntl(s, F_GETFD));
	T(recv(s, buf, 1, 0));
	T(bind(s, SA(&a), sizeof(a)));
	T(listen(s, 1));
	close(s);
	close(c);
	c = socket(AF_INET, SOCK_STREAM, 0);
	s = port_of(l);
	close(l);
	T(reach(c, s));
	T(number(c, SOL_SOCKET, SO_ERROR));
	T(reach(c, s));
	fcntl(c, F_SETFL, O_NONBLOCK);
	l = listener(1);
	T(reach(c, port_of(l)));
	T(await(c, POLLOUT));
	T(number(c, SOL_SOCKET, SO_ERROR));
	T(reach(c, port_of(l)));
	close(l);
	close(c);
}

static void data(void)
{
	int p[2], n = -1;

	tcp_pair(p);
	T(events(p[0]));
	T(write(p[0], "hello world", 11));
	T(await(p[1], POLLIN));
	T(ioctl(p[1], FIONREAD, &n));
	T(n);
	T(recv(p[1], buf, 5, MSG_PEEK));
	T(read(p[1], buf, 5));
	T(recv(p[1], buf, 100, MSG_DONTWAIT));
	say("%.6s\n", buf);
	T(recv(p[1], buf, 100, MSG_DONTWAIT));
	T(write(p[1], "abcdef", 6));
	T(recv(p[0], buf, 3, MSG_TRUNC));
	T(recv(p[0], buf, 3, MSG_WAITALL));
	say("%.3s\n", buf);
	T(send(p[0], "x", 1, MSG_MORE));
	T(send(p[0], "y", 1, 0));
	T(recv(p[1], buf, 2, MSG_WAITALL));
	T(set(p[0], IPPROTO_TCP, TCP_CORK, 1));
	T(write(p[0], "1234", 4));
	T(events(p[1]) & POLLIN);
	T(set(p[0], IPPROTO_TCP, TCP_CORK, 0));
	T(recv(p[1], buf, 4, MSG_WAITALL));
	T(read(p[0], buf, 0));
	T(write(p[0], NULL, 0));
	T(write(p[0], BAD, 5));
	close(p[0]);
	close(p[1]);
}

static void ends(void)
{
	int p[2];
	struct linger lin = { 1, 0 };

	tcp_pair(p);
	T(write(p[0], "last", 4));
	T(shutdown(p[0], SHUT_WR));
	T(send(p[0], "x", 1, MSG_NOSIGNAL));
	T(await(p[1], POLLIN | POLLRDHUP));
	T(read(p[1], buf, 10));
	T(read(p[1], buf, 10));
	T(write(p[1], "answer", 6));
	T(recv(p[0], buf, 6, MSG_WAITALL));
	T(shutdown(p[1], SHUT_WR));
	T(await(p[0], POLLHUP));
	T(read(p[0], buf, 1));
	T(shutdown(p[0], SHUT_RDWR));
	close(p[0]);
	close(p[1]);

	tcp_pair(p); /* unread data: the other side is reset */
	T(write(p[0], "unread", 6));
	await(p[1], POLLIN);
	close(p[1]);
	T(await(p[0], POLLERR | POLLHUP));
	T(read(p[0], buf, 1));
	T(read(p[0], buf, 1));
	T(send(p[0], "x", 1, MSG_NOSIGNAL));
	close(p[0]);

	tcp_pair(p); /* no lingering: reset */
	setsockopt(p[1], SOL_SOCKET, SO_LINGER, &lin, sizeof(lin));
	close(p[1]);
	await(p[0], POLLERR);
	T(send(p[0], "x", 1, MSG_NOSIGNAL));
	T(send(p[0], "x", 1, MSG_NOSIGNAL));
	T(read(p[0], buf, 1));
	close(p[0]);

	/* The peer has closed: the first write succeeds, then the reset arrives. */
	tcp_pair(p);
	close(p[1]);
	await(p[0], POLLRDHUP);
	T(write(p[0], "x", 1));
	T(await(p[0], POLLERR));
	T(number(p[0], SOL_SOCKET, SO_ERROR));
	T(send(p[0], "x", 1, MSG_NOSIGNAL));
	close(p[0]);

	/* The end, and then a reset: a read returns 0, and a write gets the error. */
	tcp_pair(p);
	close(p[1]);
	await(p[0], POLLRDHUP);
	T(write(p[0], "x", 1));
	await(p[0], POLLERR);
	T(read(p[0], buf, 1));
	T(recv(p[0], buf, 1, MSG_PEEK));
	T(number(p[0], SOL_SOCKET, SO_ERROR));
	T(read(p[0], buf, 1));
	close(p[0]);
}

static sem_t full_once;

/* Begins when the writer has nowhere to write to. */
static void *slow_reader(void *arg)
{
	int fd = *(int *)arg;
	uint64_t sum = 0, n = 0;
	static char in[70000];
	ssize_t got;

	sem_wait(&full_once);
	while ((got = read(fd, in, sizeof(in))) > 0)
		for (ssize_t i = 0; i < got; i++, n++)
			sum = sum * 31 + (unsigned char)in[i];
	say("read %llu sum %llx\n", (unsigned long long)n, (unsigned long long)sum);
	return NULL;
}

/* Sends more than any buffer holds, in odd pieces. A non-blocking write meets EAGAIN on the way. */
static void bulk(void)
{
	uint64_t sum = 0;
	size_t done = 0, total = 8 << 20;
	bool full = false;
	pthread_t t;
	uint32_t x = 1;
	int p[2];

	tcp_pair(p);
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (char)((x = x * 1103515245 + 12345) >> 16);
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	sem_init(&full_once, 0, 0);
	pthread_create(&t, NULL, slow_reader, &p[1]);
	while (done < total) {
		size_t off = done % sizeof(buf), n = (done * 7919) % 100000 + 1;
		ssize_t w;

		if (n > sizeof(buf) - off)
			n = sizeof(buf) - off;
		if (n > total - done)
			n = total - done;
		w = write(p[0], buf + off, n);
		if (w < 0) {
			if (errno == EAGAIN && !full)
				sem_post(&full_once);
			full |= errno == EAGAIN;
			await(p[0], POLLOUT);
			continue;
		}
		for (ssize_t i = 0; i < w; i++)
			sum = sum * 31 + (unsigned char)buf[off + (size_t)i];
		done += (size_t)w;
	}
	T(full);
	if (!full)
		sem_post(&full_once);
	shutdown(p[0], SHUT_WR);
	pthread_join(t, NULL);
	say("sent %zu sum %llx\n", done, (unsigned long long)sum);
	close(p[0]);
	close(p[1]);
}

static void urgent(void)
{
	int p[2], mark = -1;

	tcp_pair(p);
	T(recv(p[1], buf, 1, MSG_OOB));
	T(send(p[0], "abc", 3, MSG_OOB));
	T(await(p[1], POLLPRI));
	T(recv(p[1], buf, 10, MSG_OOB));
	say("%c\n", buf[0]);
	T(recv(p[1], buf, 10, MSG_OOB));
	T(read(p[1], buf, 10));
	T(ioctl(p[1], SIOCATMARK, &mark));
	T(mark);
	T(write(p[0], "de", 2));
	T(read(p[1], buf, 10));
	T(set(p[1], SOL_SOCKET, SO_OOBINLINE, 1));
	T(send(p[0], "fg", 2, MSG_OOB));
	await(p[1], POLLIN | POLLPRI);
	T(read(p[1], buf, 10));
	T(read(p[1], buf, 10));
	close(p[0]);
	close(p[1]);
}

/* A full queue of connections, and connections that ended before they were accepted. */
static void queue(void)
{
	int l = listener(2), c[3], s;

	for (int i = 0; i < 3; i++) {
		c[i] = socket(AF_INET, SOCK_STREAM, 0);
		T(reach(c[i], port_of(l)));
	}
	close(c[0]);
	T(write(c[1], "early", 5));
	s = accept(l, NULL, NULL);
	T(read(s, buf, 9));
	close(s);
	s = accept(l, NULL, NULL);
	T(read(s, buf, 9));
	close(s);
	close(l); /* c[2] was never accepted */
	T(await(c[2], POLLERR) & (POLLERR | POLLHUP));
	T(read(c[2], buf, 9));
	close(c[1]);
	close(c[2]);
}

static void blocking(void)
{
	struct timeval tv = { 0, 20000 };
	int p[2];

	tcp_pair(p);
	setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	T(read(p[0], buf, 1));
	if (!fork()) {
		t_until(getppid(), 'S');
		close(p[0]);
		write(p[1], "late", 4);
		_exit(0);
	}
	close(p[1]);
	tv.tv_usec = 0;
	setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	T(recv(p[0], buf, 4, MSG_WAITALL));
	T(recv(p[0], buf, 4, MSG_WAITALL));
	wait(NULL);
	close(p[0]);
}

static int bind6(const char *text, int port, int only)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	socklen_t n = sizeof(a);
	char name[64] = "";

	inet_pton(AF_INET6, text, &a.sin6_addr);
	set(fd, SOL_IPV6, IPV6_V6ONLY, only);
	say("%s%s: %s", text, only ? " alone" : "",
		bind(fd, SA(&a), sizeof(a)) ? t_errno(errno) : "bound");
	getsockname(fd, SA(&a), &n);
	say(" %s\n", inet_ntop(AF_INET6, &a.sin6_addr, name, sizeof(name)));
	return fd;
}

/* The IPv4 any-address, bound by an IPv6 socket, means IPv4 only. */
static void mapped_any(void)
{
	static const char *const six[] = { "::", "::1", "::ffff:0.0.0.0", "::ffff:127.0.0.1" };
	int other = bound(SOCK_STREAM, "127.0.0.1"), port = port_of(other);

	for (int i = 0; i < 8; i++)
		close(bind6(six[i / 2], port, i % 2));
	close(other);
	for (int i = 0; i < 4; i++) {
		int fd = bind6(six[i], port, 0);
		struct sockaddr_in a = at("127.0.0.1", port);

		other = socket(AF_INET, SOCK_STREAM, 0);
		T(bind(other, SA(&a), sizeof(a)));
		close(other);
		for (int k = 0; k < 8; k++)
			close(bind6(six[k / 2], port, k % 2));
		T(listen(fd, 3));
		other = socket(AF_INET, SOCK_STREAM, 0);
		T(connect(other, SA(&a), sizeof(a)));
		close(other);
		other = socket(AF_INET6, SOCK_STREAM, 0);
		T(connect(other,
			SA(&((struct sockaddr_in6){ .sin6_family = AF_INET6,
				.sin6_port = htons((uint16_t)port),
				.sin6_addr = IN6ADDR_LOOPBACK_INIT })),
			sizeof(struct sockaddr_in6)));
		close(other);
		close(fd);
	}
}

TEST(inet_tcp)
{
	lo_up();
	signal(SIGPIPE, SIG_IGN);
	setup();
	data();
	ends();
	bulk();
	urgent();
	queue();
	blocking();
	mapped_any();
}
