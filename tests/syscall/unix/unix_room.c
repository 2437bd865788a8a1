/* SPDX-License-Identifier: MIT */
/*
 * unix_room: AF_UNIX: how much fits before EAGAIN and until POLLOUT goes, in messages of which
 * size, what SIOCOUTQ reports, and how room comes back; which socket is charged, which waiters are
 * woken, and what a waiter for room gets.
 */
#include "t.h"

#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static char bytes[300000];

static int outq(int fd)
{
	int n = -1;

	ioctl(fd, SIOCOUTQ, &n);
	return n;
}

static bool writable(int fd)
{
	struct pollfd p = { fd, POLLOUT, 0 };

	return poll(&p, 1, 0) == 1;
}

static void fill(const char *name, int type, size_t size)
{
	int s[2], buf = 100000, one = -1, first_full = 0, n = 0;

	NEED(socketpair(AF_UNIX, type, 0, s));
	NEED(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &buf, sizeof(buf)));
	while (send(s[0], bytes, size, MSG_DONTWAIT) == (ssize_t)size) {
		if (!n++)
			one = outq(s[0]);
		if (!first_full && !writable(s[0]))
			first_full = n;
	}
	say("%s of %zu: %s after %d, not writable from %d on; one is %d, all are %d", name, size,
		t_errno(errno), n, first_full, one, outq(s[0]));
	if (n) {
		OK(read(s[1], bytes, size));
		say("one is read: %d, writable %d", outq(s[0]), writable(s[0]));
		OK(send(s[0], bytes, 1, MSG_DONTWAIT));
	}
	close(s[0]);
	close(s[1]);
}

/* A stream's message counts until its last byte is read. */
static void in_parts(void)
{
	int s[2], left;

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	NEED(write(s[0], bytes, 3000));
	OK(read(s[1], bytes, 2999));
	NEED(ioctl(s[1], FIONREAD, &left));
	say("left %d, counts %d", left, outq(s[0]));
	OK(read(s[1], bytes, 2999));
	say("counts %d", outq(s[0]));
	close(s[0]);
	close(s[1]);
}

/*
 * A receiver takes as many datagrams from other senders as the system's limit says, and one more.
 */
static void strangers(void)
{
	struct sockaddr_un a = { AF_UNIX, "room" };
	int to = NEED(socket(AF_UNIX, SOCK_DGRAM, 0)), from = NEED(socket(AF_UNIX, SOCK_DGRAM, 0)),
	    buf = 10000000, n = 0, most = 0;
	FILE *f = fopen("/proc/sys/net/unix/max_dgram_qlen", "r");

	if (f && fscanf(f, "%d", &most) != 1)
		most = -1;
	setsockopt(from, SOL_SOCKET, SO_SNDBUFFORCE, &buf, sizeof(buf));
	setsockopt(from, SOL_SOCKET, SO_SNDBUF, &buf, sizeof(buf));
	NEED(bind(to, (void *)&a, sizeof(a)));
	while (sendto(from, "x", 1, MSG_DONTWAIT, (void *)&a, sizeof(a)) == 1)
		n++;
	say("%d more than the limit, then %s", n - most, t_errno(errno));
}

static int named(const char *name, struct sockaddr_un *a)
{
	int fd = NEED(socket(AF_UNIX, SOCK_DGRAM, 0));

	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	strcpy(a->sun_path, name);
	NEED(bind(fd, (void *)a, sizeof(*a)));
	return fd;
}

static int sender(int buf)
{
	int fd = NEED(socket(AF_UNIX, SOCK_DGRAM, 0));

	NEED(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buf, sizeof(buf)));
	return fd;
}

static int send_all(int fd, const struct sockaddr_un *to, size_t size)
{
	int n = 0;

	while (sendto(fd, bytes, size, MSG_DONTWAIT, (const void *)to, to ? sizeof(*to) : 0) > 0)
		n++;
	say("%d of %zu, then %s", n, size, t_errno(errno));
	return n;
}

/*
 * Sent data is charged to its sender, whichever socket will read it: each sender has its own room.
 */
static void whose(void)
{
	struct sockaddr_un a, b;
	int x = named("x", &a), y = named("y", &b), one = sender(8000), two = sender(8000);

	send_all(one, &a, 3000);
	say("one: %d, writable %d", outq(one), writable(one));
	send_all(one, &b, 3000); /* has no data yet */
	send_all(two, &a, 1000);
	send_all(two, &b, 3000);
	say("two: %d", outq(two));
	OK(close(x)); /* frees the data queued there */
	say("one: %d, writable %d; two: %d, writable %d", outq(one), writable(one), outq(two),
		writable(two));
	OK(sendto(one, "x", 1, MSG_DONTWAIT, (void *)&b, sizeof(b)));
	/* its message stays, and its memory with it */
	close(one);
	OK(recv(y, bytes, sizeof(bytes), MSG_DONTWAIT));
	T(recv(y, bytes, sizeof(bytes), MSG_DONTWAIT));
	close(two);
	close(y);
	unlink("x");
	unlink("y");
}

/*
 * A full queue of datagrams: which sockets poll(2) reports as writable, and that a socket may send
 * to itself.
 */
static void full_queue(void)
{
	struct sockaddr_un a, me;
	int to = named("q", &a), strange = sender(400000), known = sender(400000), self, one;

	NEED(connect(known, (void *)&a, sizeof(a)));
	say("writable: %d %d", writable(strange), writable(known));
	do
		/* each a little of its memory; it goes, its message stays */
		one = sender(400000);
	while (sendto(one, "x", 1, MSG_DONTWAIT, (void *)&a, sizeof(a)) == 1 && !close(one));
	close(one);
	say("full: %d %d", writable(strange), writable(known));
	T(send(known, "x", 1, MSG_DONTWAIT));
	OK(recv(to, bytes, 1, 0));
	say("one is read: %d %d", writable(strange), writable(known));
	OK(send(known, "x", 1, MSG_DONTWAIT));
	say("full: %d", writable(known));
	NEED(shutdown(to, SHUT_RD));
	say("not to be read: %d", writable(known));
	T(send(known, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL));
	close(to);
	say("gone: %d", writable(known));
	T(send(known, "x", 1, MSG_DONTWAIT));
	self = named("self", &me);
	IS(send_all(self, &me, 1) > 100); /* its memory is the limit, not its queue */
	close(self);
	close(strange);
	close(known);
	unlink("q");
	unlink("self");
}

struct writing {
	int fd, err;
	ssize_t n;
	bool named;
	struct sockaddr_un to;
};

static void *write_much(void *arg)
{
	struct writing *w = arg;

	do
		w->n = w->named ? sendto(w->fd, bytes, 1000, MSG_NOSIGNAL, (void *)&w->to,
					  sizeof(w->to)) :
				  send(w->fd, bytes, 1000, MSG_NOSIGNAL);
	while (w->n > 0);
	w->err = errno;
	return NULL;
}

static bool asleep(int fd)
{
	int was = -1;

	while (was != outq(fd)) {
		was = outq(fd);
		usleep(50000);
	}
	return was > 0;
}

/* A writer that waits for memory gets the error of an event that happens meanwhile. */
static void ends(const char *name, int type, int end)
{
	struct writing w = { .n = 0 };
	pthread_t t;
	int s[2];

	NEED(socketpair(AF_UNIX, type, 0, s));
	w.fd = s[0];
	NEED0(pthread_create(&t, NULL, write_much, &w));
	IS(asleep(s[0]));
	if (end < 0)
		close(s[1]);
	else
		NEED(shutdown(s[end], end ? SHUT_RD : SHUT_WR));
	/* this wakes no writer that waits for memory */
	if (end >= 0 && type == SOCK_DGRAM && end) {
		while (recv(s[1], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
			;
	}
	pthread_join(t, NULL);
	say("%s, end %d: %s", name, end, t_errno(w.err));
	close(s[0]);
	if (end >= 0)
		close(s[1]);
}

/* Two senders wait for their own memory, which one reader gives back. */
static void two_wait(void)
{
	struct writing w[2] = { { .named = true }, { .named = true } };
	int to = named("t", &w[0].to), n = 0;
	pthread_t t[2];

	w[1].to = w[0].to;
	for (int i = 0; i < 2; i++) {
		w[i].fd = sender(20000);
		NEED0(pthread_create(&t[i], NULL, write_much, &w[i]));
	}
	IS(asleep(w[0].fd) && asleep(w[1].fd));
	while (n < 1000)
		n += recv(to, bytes, sizeof(bytes), 0) == 1000;
	IS(asleep(w[0].fd) && asleep(w[1].fd));
	close(to);
	for (int i = 0; i < 2; i++) {
		pthread_join(t[i], NULL);
		say("it ends with %s", t_errno(w[i].err));
		close(w[i].fd);
	}
	unlink("t");
}

static volatile int sigios;

static void on_sigio(int sig)
{
	sigios++;
}

/*
 * SIGIO and an edge of epoll come once there is much room again, and only for a sender that got
 * EAGAIN.
 */
static void told(int type)
{
	struct epoll_event e = { .events = EPOLLOUT | EPOLLET };
	int s[2], ep = NEED(epoll_create1(0)), n = 0;

	signal(SIGIO, on_sigio);
	NEED(socketpair(AF_UNIX, type, 0, s));
	NEED(fcntl(s[0], F_SETOWN, getpid()));
	NEED(fcntl(s[0], F_SETFL, O_ASYNC | O_NONBLOCK));
	NEED(epoll_ctl(ep, EPOLL_CTL_ADD, s[0], &e));
	say("edge %d", epoll_wait(ep, &e, 1, 0));
	sigios = 0;
	NEED(write(s[0], bytes, 1000));
	NEED(read(s[1], bytes, 1000));
	say("one: %d signals, edge %d", sigios, epoll_wait(ep, &e, 1, 0));
	while (write(s[0], bytes, 1000) == 1000)
		n++;
	say("full: %d signals, edge %d", sigios, epoll_wait(ep, &e, 1, 0));
	for (int i = 0; i < n && !sigios; i++) {
		NEED(read(s[1], bytes, 1000));
		if (sigios)
			say("after %d of %d: %d signals, edge %d", i + 1, n, sigios,
				epoll_wait(ep, &e, 1, 0));
	}
	NEED(read(s[1], bytes, 1000));
	say("one more: %d signals, edge %d", sigios, epoll_wait(ep, &e, 1, 0));
	signal(SIGIO, SIG_DFL);
	close(s[0]);
	close(s[1]);
	close(ep);
}

/* Prints at how many bytes of unread data the socket becomes writable again. */
static void quarter(void)
{
	struct pollfd p = { .events = POLLOUT };
	int s[2], n = 0;

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	p.fd = s[0];
	NEED(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &(int){ 3072 }, sizeof(int)));
	while (send(s[0], bytes, 1, MSG_DONTWAIT) == 1)
		n++;
	say("%d, %d", n, outq(s[0]));
	while (!poll(&p, 1, 0) && recv(s[1], bytes, 1, MSG_DONTWAIT) == 1)
		;
	say("writable at %d", outq(s[0]));
	close(s[0]);
	close(s[1]);
}

/* A larger SO_SNDBUF gives room to a writer that waits. */
static void more_room(void)
{
	struct writing w = { .n = 0 };
	int s[2], buf = 200000;
	pthread_t t;

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	w.fd = s[0];
	NEED(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &(int){ 10000 }, sizeof(int)));
	NEED0(pthread_create(&t, NULL, write_much, &w));
	IS(asleep(s[0]));
	say("%d", outq(s[0]));
	NEED(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &buf, sizeof(buf)));
	IS(asleep(s[0]));
	say("%d", outq(s[0]));
	NEED(shutdown(s[0], SHUT_WR));
	pthread_join(t, NULL);
	close(s[0]);
	close(s[1]);
}

TEST(unix_room)
{
	static const size_t sizes[] = { 1, 192, 193, 704, 705, 1728, 1729, 3776, 3777, 4096, 5000,
		8192, 16064, 16065, 32768, 36544, 65536, 99000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fill("stream", SOCK_STREAM, sizes[i]);
		fill("dgram", SOCK_DGRAM, sizes[i]);
		fill("seqpacket", SOCK_SEQPACKET, sizes[i]);
	}
	in_parts();
	strangers();
	whose();
	full_queue();
	for (int end = -1; end < 2; end++) {
		ends("stream", SOCK_STREAM, end);
		ends("seqpacket", SOCK_SEQPACKET, end);
		ends("dgram", SOCK_DGRAM, end);
	}
	two_wait();
	told(SOCK_STREAM);
	told(SOCK_DGRAM);
	more_room();
	quarter();
}
