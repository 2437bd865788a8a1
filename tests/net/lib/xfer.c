/* SPDX-License-Identifier: MIT */
/*
 * xfer.c: bulk data over TCP, each byte of which is known to both ends; for a guest and for the
 * host.
 *
 *	xfer serve PORT			connections of both families, for ever
 *	xfer sink PORT			datagrams of both families, for ever, to nobody
 *	xfer up|down|both ADDRESS PORT BYTES	prints "intact SECONDS" or what was wrong; both: at
 *                                              once, over one connection;
 *					CC in the environment: the congestion control
 *
 * A connection begins with twelve bytes, the way and how many; the end of the data is a FIN. An end
 * that sees no progress for LIMIT seconds prints "hangs".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LIMIT 60
#define CHUNK 65536

struct way {
	uint64_t total, done;
};

static unsigned char table[1 << 20];

static void fill_table(void)
{
	uint64_t x = 0x2545f4914f6cdd1dU;

	for (size_t i = 0; i < sizeof(table); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		table[i] = (unsigned char)(x >> 11);
	}
}

/*
 * Returns byte @i of the stream. It has no short period, which could hide a lost or doubled
 * segment.
 */
static unsigned char byte_at(uint64_t i)
{
	return table[i % sizeof(table)] ^ (unsigned char)(i / sizeof(table) * 37);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/*
 * Sends what the socket takes, up to a chunk, and FIN after the last byte. Returns NULL, or the
 * error.
 */
static const char *send_some(int fd, struct way *w)
{
	static unsigned char buf[CHUNK];
	uint64_t n = w->total - w->done < CHUNK ? w->total - w->done : CHUNK;
	ssize_t put;

	for (uint64_t i = 0; i < n; i++)
		buf[i] = byte_at(w->done + i);
	put = send(fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (put < 0)
		return errno == EAGAIN ? NULL : strerror(errno);
	w->done += (uint64_t)put;
	if (w->done == w->total)
		shutdown(fd, SHUT_WR);
	return NULL;
}

/* Reads what has come and compares it. *@end = 1 at the FIN. Returns NULL, or what is wrong. */
static const char *take_some(int fd, struct way *w, int *end)
{
	static unsigned char buf[CHUNK];
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN ? NULL : strerror(errno);
	if (!n) {
		*end = 1;
		return w->done == w->total ? NULL : "short";
	}
	for (ssize_t i = 0; i < n; i++)
		if (buf[i] != byte_at(w->done + (uint64_t)i))
			return "damaged";
	w->done += (uint64_t)n;
	return w->done > w->total ? "too long" : NULL;
}

static const char *run(int fd, uint64_t out, uint64_t in)
{
	struct way to = { .total = out }, from = { .total = in };
	const char *err = NULL;
	int end = 0;

	if (!out)
		shutdown(fd, SHUT_WR);
	while (!err && (!end || to.done < to.total)) {
		struct pollfd p = { .fd = fd,
			.events =
				(short)((end ? 0 : POLLIN) | (to.done < to.total ? POLLOUT : 0)) };

		if (poll(&p, 1, LIMIT * 1000) <= 0)
			return "hangs";
		if (to.done < to.total && p.revents & (POLLOUT | POLLERR | POLLHUP))
			err = send_some(fd, &to);
		if (!err && !end && p.revents & (POLLIN | POLLERR | POLLHUP))
			err = take_some(fd, &from, &end);
	}
	return err;
}

static int reach(const char *addr, int port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int is_six = inet_pton(AF_INET6, addr, &six.sin6_addr) == 1, fd;

	inet_pton(AF_INET, addr, &four.sin_addr);
	for (int i = 0; i < 200; i++) {
		fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
		if (!connect(fd, is_six ? (void *)&six : (void *)&four,
			    is_six ? sizeof(six) : sizeof(four)))
			return fd;
		close(fd);
		usleep(50000);
	}
	return -1;
}

static void serve_one(int fd)
{
	uint32_t head[3];
	uint64_t n;

	if (recv(fd, head, sizeof(head), MSG_WAITALL) != sizeof(head))
		return;
	n = (uint64_t)head[2] << 32 | head[1];
	run(fd, head[0] & 2 ? n : 0, head[0] & 1 ? n : 0);
}

static int serve(int port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	int l = socket(AF_INET6, SOCK_STREAM, 0), on = 1, off = 0, fd;

	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(l, IPPROTO_IPV6, 26 /* IPV6_V6ONLY */, &off, sizeof(off));
	if (bind(l, (struct sockaddr *)&a, sizeof(a)) || listen(l, 16))
		return perror("xfer"), 1;
	signal(SIGCHLD, SIG_IGN);
	while ((fd = accept(l, NULL, NULL)) >= 0 || errno == EINTR || errno == ECONNABORTED) {
		if (fd >= 0 && !fork()) {
			close(l);
			serve_one(fd);
			_exit(0);
		}
		close(fd);
	}
	return 1;
}

static int sink(int port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0), off = 0;
	char buf[256];

	setsockopt(fd, IPPROTO_IPV6, 26 /* IPV6_V6ONLY */, &off, sizeof(off));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)))
		return perror("xfer"), 1;
	while (recv(fd, buf, sizeof(buf), 0) >= 0 || errno == EINTR)
		;
	return 1;
}

int main(int argc, char **argv)
{
	uint32_t head[3];
	uint64_t n;
	const char *err;
	double began;
	int fd;

	fill_table();
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(atoi(argv[2]));
	if (argc == 3 && !strcmp(argv[1], "sink"))
		return sink(atoi(argv[2]));
	if (argc != 5)
		return 2;
	n = strtoull(argv[4], NULL, 10);
	head[0] = !strcmp(argv[1], "up") ? 1 : !strcmp(argv[1], "down") ? 2 : 3;
	head[1] = (uint32_t)n;
	head[2] = (uint32_t)(n >> 32);
	fd = reach(argv[2], atoi(argv[3]));
	if (fd >= 0 && getenv("CC"))
		setsockopt(fd, IPPROTO_TCP, 13 /* TCP_CONGESTION */, getenv("CC"),
			(socklen_t)strlen(getenv("CC")));
	began = now();
	if (fd < 0)
		err = "no connection";
	else
		err = send(fd, head, sizeof(head), 0) == sizeof(head) ?
			      run(fd, head[0] & 1 ? n : 0, head[0] & 2 ? n : 0) :
			      strerror(errno);
	if (err)
		return printf("%s: %s\n", argv[1], err), 1;
	return printf("intact %.2f\n", now() - began), 0;
}
