/* SPDX-License-Identifier: MIT */
/*
 * tcp_fast: options of fast open, deferred accepts, counts of unread and unsent bytes, and what is
 * refused; writes that begin a connection.
 */
#include "inet.h"
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>

#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif

static struct sockaddr_in where;
static char buf[100000];

static int listen_any(void)
{
	socklen_t n = sizeof(where);
	int s = socket(AF_INET, SOCK_STREAM, 0);

	where = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	bind(s, (struct sockaddr *)&where, n);
	listen(s, 5);
	getsockname(s, (struct sockaddr *)&where, &n);
	return s;
}

static void round_trip(int s, int opt, int value)
{
	int n = -1;
	socklen_t len = sizeof(n);
	int err = setsockopt(s, SOL_TCP, opt, &value, sizeof(value)) ? errno : 0;

	getsockopt(s, SOL_TCP, opt, &n, &len);
	say("%d to %d: %s, %d\n", opt, value, err ? strerrorname_np(err) : "ok", n);
}

static void options(void)
{
	int s = socket(AF_INET, SOCK_STREAM, 0), l = listen_any(),
	    c = socket(AF_INET, SOCK_STREAM, 0);
	static const int values[] = { 0, 1, 2, 5, 100, -1 };

	connect(c, (struct sockaddr *)&where, sizeof(where));
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		round_trip(s, TCP_FASTOPEN, values[i]);
		round_trip(l, TCP_FASTOPEN, values[i]);
		round_trip(c, TCP_FASTOPEN, values[i]);
		round_trip(s, TCP_FASTOPEN_CONNECT, values[i]);
		round_trip(c, TCP_FASTOPEN_CONNECT, values[i]);
		round_trip(s, TCP_INQ, values[i]);
		round_trip(s, TCP_DEFER_ACCEPT, values[i]);
		round_trip(s, TCP_NOTSENT_LOWAT, values[i]);
	}
	T(setsockopt(s, SOL_TCP, TCP_CONGESTION, "nonsense", 8));
	T(setsockopt(s, SOL_TCP, TCP_CONGESTION, "reno", 4));
	T(setsockopt(s, SOL_TCP, TCP_ULP, "nonsense", 8));
	close(s);
	close(l);
	close(c);
}

static void send_first(const char *name, size_t n)
{
	int l = listen_any(), s = socket(AF_INET, SOCK_STREAM, 0), c;
	size_t got = 0;
	ssize_t r;

	say("%s\n", name);
	T(sendto(s, buf, n, MSG_FASTOPEN, (struct sockaddr *)&where, sizeof(where)));
	T(sendto(s, buf, n, MSG_FASTOPEN, (struct sockaddr *)&where, sizeof(where)));
	shutdown(s, SHUT_WR);
	c = accept(l, NULL, NULL);
	while ((r = read(c, buf, sizeof(buf))) > 0)
		got += (size_t)r;
	say("%zu came\n", got);
	close(c);
	close(s);
	close(l);
}

static void refused(void)
{
	int l = listen_any(), s = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	T(send(s, buf, 10, MSG_FASTOPEN));
	T(sendto(s, buf, 10, MSG_FASTOPEN, &none, sizeof(none)));
	close(l);
	T(sendto(s, buf, 10, MSG_FASTOPEN, (struct sockaddr *)&where, sizeof(where)));
	close(s);
}

static void connect_first(void)
{
	int l = listen_any(), s = socket(AF_INET, SOCK_STREAM, 0), c, one = 1;

	T(setsockopt(s, SOL_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one)));
	T(connect(s, (struct sockaddr *)&where, sizeof(where)));
	T(connect(s, (struct sockaddr *)&where, sizeof(where)));
	T(write(s, buf, 100));
	c = accept(l, NULL, NULL);
	T(read(c, buf, sizeof(buf)));
	close(c);
	close(s);
	close(l);
}

/* TCP_INQ: how many bytes are left after a read. */
static void unread(void)
{
	int l = listen_any(), s = socket(AF_INET, SOCK_STREAM, 0), c, one = 1;
	char control[64];
	struct iovec v = { buf, 30 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	connect(s, (struct sockaddr *)&where, sizeof(where));
	c = accept(l, NULL, NULL);
	T(setsockopt(c, SOL_TCP, TCP_INQ, &one, sizeof(one)));
	T(write(s, buf, 100));
	close(s);
	while (poll(&(struct pollfd){ c, POLLRDHUP, 0 }, 1, 1000) != 1)
		;
	for (int i = 0; i < 5; i++) {
		struct cmsghdr *h;

		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		T(recvmsg(c, &m, 0));
		h = CMSG_FIRSTHDR(&m);
		if (h)
			say("level %d type %d left %d\n", h->cmsg_level, h->cmsg_type,
				*(int *)CMSG_DATA(h));
	}
	close(c);
	close(l);
}

/* TCP_NOTSENT_LOWAT: the writer does not fill its buffer for a slow reader. */
static void unsent(void)
{
	int l = listen_any(), s = socket(AF_INET, SOCK_STREAM, 0), c, low = 16384, small = 4096;
	size_t all = 0;
	ssize_t n;

	setsockopt(l, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	connect(s, (struct sockaddr *)&where, sizeof(where));
	c = accept(l, NULL, NULL);
	T(setsockopt(s, SOL_TCP, TCP_NOTSENT_LOWAT, &low, sizeof(low)));
	fcntl(s, F_SETFL, O_NONBLOCK);
	while ((n = write(s, buf, 1000)) > 0)
		all += (size_t)n;
	say("%d %s\n", all < 65536, n < 0 && errno == EAGAIN ? "EAGAIN" : "?");
	T(poll(&(struct pollfd){ s, POLLOUT, 0 }, 1, 0));
	close(c);
	close(s);
	close(l);
}

/*
 * A writer that finds no room leaves no unsent byte: neither TCP_CORK nor Nagle's algorithm may
 * hold it back.
 */
static void no_room(int cork)
{
	int l = listen_any(), s = socket(AF_INET, SOCK_STREAM, 0), c, small = 8192, left = -1;
	size_t all = 0;
	ssize_t n = 0;

	setsockopt(s, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	connect(s, (struct sockaddr *)&where, sizeof(where));
	c = accept(l, NULL, NULL);
	setsockopt(s, SOL_TCP, TCP_CORK, &cork, sizeof(cork));
	fcntl(s, F_SETFL, O_NONBLOCK);
	/*
	 * the peer's window takes as much; whether the buffer does depends on its acknowledgements
	 */
	for (; all < 30000 && n >= 0; all += n > 0 ? (size_t)n : 0)
		n = write(s, buf, 1000);
	ioctl(s, SIOCOUTQNSD, &left);
	IS(n >= 0 || (errno == EAGAIN && !left));
	close(c);
	close(s);
	close(l);
}

/* Sets one key or two of a listener (TCP_FASTOPEN_KEY). */
static void keys(void)
{
	static const unsigned sizes[] = { 0, 15, 16, 17, 31, 32, 33 };
	unsigned char key[33], got[64];
	int l = listen_any();

	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (unsigned char)(i + 1);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (unsigned k = 0; k < sizeof(sizes) / sizeof(*sizes); k++) {
			socklen_t n = sizes[k];
			int err =
				setsockopt(l, SOL_TCP, TCP_FASTOPEN_KEY, key, sizes[i]) ? errno : 0;

			memset(got, 0, sizeof(got));
			key[0]++;
			if (getsockopt(l, SOL_TCP, TCP_FASTOPEN_KEY, got, &n))
				n = 1000;
			/* without its own key the namespace's is used */
			say("%u: %s, of %u %d: %d\n", sizes[i], err ? strerrorname_np(err) : "ok",
				sizes[k], i < 2 ? 0 : (int)n, i < 2 ? 0 : got[0]);
		}
	close(l);
}

TEST(tcp_fast)
{
	lo_up();
	signal(SIGPIPE, SIG_IGN);
	options();
	send_first("a little", 100);
	send_first("much", sizeof(buf) / 2);
	refused();
	connect_first();
	unread();
	unsent();
	no_room(1);
	no_room(0);
	keys();
}
