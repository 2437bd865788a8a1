/* SPDX-License-Identifier: MIT */
/*
 * sock_shutdown: results of poll(2), an edge-triggered epoll(7), recv(2), send(2) and SO_ERROR for
 * sockets of each kind while they are shut down, closed, reset, refused and connected again:
 * shutdown(2), connect(2), tcp(7), unix(7).
 */
#include "inet.h"
#include <linux/sockios.h>
#include <pthread.h>
#include <sys/un.h>

enum { TCP, UNIX, SEQ, DGRAM, UDP, KINDS };
static const char *const kind_names[] = { "tcp", "unix", "seqpacket", "dgram", "udp" };
static char buf[4096];
static int edges = -1;

/* True if the other side has taken, or refused, all that @fd sent, its end included. */
static bool is_settled(int fd)
{
	struct tcp_info t = { 0 };
	socklen_t len = sizeof(t);
	int queued = 0;

	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &t, &len);
	ioctl(fd, SIOCOUTQ, &queued);
	switch (t.tcpi_state) {
	case TCP_CLOSE: return true;
	case TCP_SYN_SENT:
	case TCP_FIN_WAIT1:
	case TCP_CLOSING:
	case TCP_LAST_ACK: return false;
	default: return !queued;
	}
}

/* Waits until sent data has arrived: TCP reports that, the others deliver at once. */
static void settle(const int s[2])
{
	if (number(s[0], SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP)
		T_WAIT(is_settled(s[0]) && is_settled(s[1]));
}

static int make(int kind)
{
	static const int types[] = { SOCK_STREAM, SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM,
		SOCK_DGRAM };

	return socket(
		kind == TCP || kind == UDP ? AF_INET : AF_UNIX, types[kind] | SOCK_NONBLOCK, 0);
}

static void pair_of(int kind, int s[2])
{
	if (kind == TCP) {
		tcp_pair(s);
	} else if (kind == UDP) {
		s[0] = bound(SOCK_DGRAM, "127.0.0.1");
		s[1] = bound(SOCK_DGRAM, "127.0.0.1");
		reach(s[0], port_of(s[1]));
		reach(s[1], port_of(s[0]));
	} else {
		socketpair(AF_UNIX,
			kind == UNIX ? SOCK_STREAM :
			kind == SEQ  ? SOCK_SEQPACKET :
				       SOCK_DGRAM,
			0, s);
	}
	for (int i = 0; i < 2; i++)
		fcntl(s[i], F_SETFL, O_NONBLOCK);
}

static void look(const char *what, int fd)
{
	struct pollfd p = { fd, POLLIN | POLLPRI | POLLOUT | POLLRDHUP | POLLRDNORM | POLLWRNORM,
		0 };

	poll(&p, 1, 0);
	say("  %s: %x\n", what, (unsigned)p.revents);
}

static void watch(int fd)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };

	if (edges >= 0)
		close(edges);
	edges = epoll_create1(0);
	epoll_ctl(edges, EPOLL_CTL_ADD, fd, &e);
	epoll_wait(edges, &e, 1, 0);
}

static void edge(const char *what)
{
	struct epoll_event e = { 0 };
	int n = epoll_wait(edges, &e, 1, 0);

	say("  edge, %s: %x\n", what, n > 0 ? e.events : 0);
}

static void both(const int s[2])
{
	look("a", s[0]);
	look("b", s[1]);
}

static void error_of(int fd)
{
	int e = number(fd, SOL_SOCKET, SO_ERROR);

	say("  error %s\n", e ? t_errno(e) : "none");
}

/* ---- shut down, by how and whether something waits to be read ---- */

static void never_connected(int kind)
{
	int fd = make(kind);

	look("fresh", fd);
	for (int how = 0; how < 3; how++) {
		T(shutdown(fd, how));
		look("then", fd);
		T(recv(fd, buf, 10, 0));
		T(send(fd, buf, 10, 0));
	}
	error_of(fd);
	close(fd);
}

static void shut_one(int kind, int how, bool data)
{
	int s[2];

	say("%s, shutdown(%d)%s\n", kind_names[kind], how, data ? ", with data" : "");
	pair_of(kind, s);
	if (data) {
		send(s[0], "abc", 3, 0);
		send(s[1], "defg", 4, 0);
		settle(s);
	}
	watch(s[1]);
	T(shutdown(s[0], how));
	settle(s);
	edge("shut");
	both(s);
	T(send(s[0], "x", 1, 0));
	settle(s);
	T(send(s[1], "y", 1, 0));
	settle(s);
	T(send(s[1], "y", 1, 0));
	settle(s);
	edge("sent");
	both(s);
	for (int i = 0; i < 3; i++)
		T(recv(s[0], buf, 100, 0));
	for (int i = 0; i < 2; i++)
		T(recv(s[1], buf, 100, 0));
	both(s);
	error_of(s[0]);
	error_of(s[1]);
	T(shutdown(s[1], SHUT_WR));
	settle(s);
	both(s);
	T(shutdown(s[0], SHUT_RDWR));
	settle(s);
	both(s);
	T(recv(s[0], buf, 100, 0));
	T(recv(s[1], buf, 100, 0));
	T(send(s[1], "x", 1, 0));
	close(s[0]);
	look("closed", s[1]);
	T(recv(s[1], buf, 9, 0));
	T(send(s[1], "x", 1, 0));
	error_of(s[1]);
	T(shutdown(s[1], SHUT_RDWR));
	close(s[1]);
}

/* ---- one side is closed ---- */

enum { NOTHING_LEFT, UNREAD_LEFT, RESET };

static void close_one(int kind, int how)
{
	struct linger now = { 1, 0 };
	int s[2];

	say("%s, closed %d\n", kind_names[kind], how);
	pair_of(kind, s);
	if (how == UNREAD_LEFT)
		send(s[1], "abc", 3, 0);
	if (how == RESET) {
		setsockopt(s[0], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		send(s[0], "zz", 2, 0);
	}
	settle(s);
	watch(s[1]);
	close(s[0]);
	if (kind == TCP)
		await(s[1], POLLRDHUP);
	edge("closed");
	look("b", s[1]);
	T(recv(s[1], buf, 1, MSG_PEEK));
	T(send(s[1], "q", 1, 0));
	if (kind == TCP || kind == UDP)
		await(s[1], kind == TCP ? POLLHUP : POLLERR); /* the error of a closed port */
	edge("sent");
	look("b", s[1]);
	T(recv(s[1], buf, 100, 0));
	look("b", s[1]);
	error_of(s[1]);
	T(send(s[1], "q", 1, 0));
	look("b", s[1]);
	error_of(s[1]);
	T(shutdown(s[1], SHUT_WR));
	close(s[1]);
}

/* ---- connect(2) tells how it went ---- */

static void wait_for(int fd)
{
	struct pollfd p = { fd, POLLOUT, 0 };

	poll(&p, 1, 20000);
}

static void connecting(void)
{
	int fd = make(TCP), l = bound(SOCK_STREAM, "127.0.0.1"), port = port_of(l);
	struct sockaddr none = { AF_UNSPEC };

	watch(fd);
	T(reach(fd, port));
	wait_for(fd);
	edge("refused");
	look("refused", fd);
	T(recv(fd, buf, 1, 0));
	look("told", fd);
	T(recv(fd, buf, 1, 0));
	T(reach(fd, port)); /* that there is no error left is one, too */
	look("told again", fd);
	T(send(fd, buf, 1, 0));
	T(recv(fd, buf, 1, 0));
	T(reach(fd, port));
	wait_for(fd);
	T(reach(fd, port)); /* the error itself */
	T(reach(fd, port));
	wait_for(fd);
	T(connect(fd, &none, sizeof(none)));
	error_of(fd); /* stays */
	listen(l, 3);
	T(reach(fd, port));
	wait_for(fd);
	T(reach(fd, port));
	T(reach(fd, port));
	look("connected", fd);
	T(connect(fd, &none, sizeof(none)));
	look("disconnected", fd);
	error_of(fd);
	T(reach(fd, port));
	T(shutdown(l, SHUT_WR));
	look("listener", l);
	T(shutdown(l, SHUT_RD));
	look("listener", l);
	T(accept4(l, NULL, NULL, SOCK_NONBLOCK));
	await(fd, POLLHUP);
	look("its client", fd);
	T(reach(fd, port));
	close(fd);
	close(l);
}

/* What is shut down before there is a connection stays so. */
static void shut_first(int how)
{
	int l = listener(5), a, fd = socket(AF_INET, SOCK_STREAM, 0);

	T(shutdown(fd, how));
	T(reach(fd, port_of(l)));
	a = accept(l, NULL, NULL);
	look("before", fd);
	T(send(fd, "x", 1, 0));
	T(recv(fd, buf, 1, MSG_DONTWAIT));
	close(a);
	close(l);
	close(fd);
}

/* A shutdown of a pending connect ends it, and the socket may connect again. */
static void shut_attempt(int how)
{
	int l = listener(0), other = listener(1), fd[8], n = 0;

	/* until one is not heard, for the queue is full */
	do {
		fd[n] = make(TCP);
		reach(fd[n], port_of(l));
	} while (poll(&(struct pollfd){ fd[n], POLLOUT, 0 }, 1, 0) == 1 && ++n < 8);
	say("%s\n", n < 8 ? "under way" : "all were heard");
	n -= n == 8;
	T(shutdown(fd[n], how));
	look("shut", fd[n]);
	T(reach(fd[n], port_of(other)) && errno != EINPROGRESS);
	wait_for(fd[n]);
	look("again", fd[n]);
	for (; n >= 0; n--)
		close(fd[n]);
	close(l);
	close(other);
}

struct sender {
	int fd;
	_Atomic pid_t tid;
};

static void *send_on(void *arg)
{
	struct sender *s = arg;
	ssize_t r;

	s->tid = gettid();
	do
		r = send(s->fd, buf, sizeof(buf), 0);
	while (r > 0);
	return (void *)(long)errno;
}

/* A writer that waits for room wakes up when its own side is shut down meanwhile. */
static void shut_sender(int kind)
{
	struct sender sender = { 0 };
	void *err;
	pthread_t t;
	int s[2];

	pair_of(kind, s);
	fcntl(s[0], F_SETFL, 0);
	sender.fd = s[0];
	pthread_create(&t, NULL, send_on, &sender);
	T_WAIT(sender.tid && t_state(sender.tid) == 'S');
	T(shutdown(s[0], SHUT_WR));
	pthread_join(t, &err);
	say("%s: the sender is told %s\n", kind_names[kind], t_errno((int)(long)err));
	close(s[0]);
	close(s[1]);
}

static void keeps_port(void)
{
	struct sockaddr none = { AF_UNSPEC };
	int l = listener(1), fd = bound(SOCK_STREAM, "127.0.0.1"), port = port_of(fd);
	struct sockaddr_in a = at("127.0.0.1", port);

	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	T(bind(fd, SA(&a), sizeof(a)));
	T(reach(fd, port_of(l)));
	T(connect(fd, &none, sizeof(none)));
	T(port_of(fd) == port);
	T(listen(fd, 1));
	T(port_of(fd) == port);
	T(connect(fd, &none, sizeof(none)));
	T(port_of(fd) == port);
	close(fd);
	close(l);
}

/* ---- AF_UNIX ---- */

static int named(const char *name, int listens)
{
	struct sockaddr_un a = { AF_UNIX, "" };
	int fd = socket(AF_UNIX, (listens ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0);

	snprintf(a.sun_path + 1, 20, "shut%d%s", getpid(), name);
	if (bind(fd, SA(&a), sizeof(a)) || (listens && listen(fd, 5)))
		say("bind %s\n", strerror(errno));
	return fd;
}

static int to_name(int fd, const char *name)
{
	struct sockaddr_un a = { AF_UNIX, "" };

	snprintf(a.sun_path + 1, 20, "shut%d%s", getpid(), name);
	return connect(fd, SA(&a), sizeof(a));
}

static void unix_listener(void)
{
	int l = named("l", 1), c = make(UNIX), d = make(UNIX);

	T(to_name(c, "l"));
	watch(l);
	T(shutdown(l, SHUT_WR));
	edge("shut");
	look("listener", l);
	T(shutdown(l, SHUT_RD));
	edge("shut");
	look("listener", l);
	T(to_name(d, "l"));
	watch(c);
	close(l);
	edge("gone");
	look("client", c);
	T(recv(c, buf, 9, 0));
	T(recv(c, buf, 9, 0));
	close(c);
	close(d);
}

/*
 * A datagram socket that connects elsewhere loses its received messages, and the old peer gets an
 * error.
 */
static void unix_leaving(void)
{
	struct sockaddr none = { AF_UNSPEC };
	int a = named("a", 0), b = named("b", 0), c = named("c", 0);

	T(to_name(a, "b"));
	T(to_name(b, "a"));
	T(send(a, "1", 1, 0));
	T(send(b, "2", 1, 0));
	watch(b);
	T(to_name(a, "c"));
	edge("left");
	look("a", a);
	look("b", b);
	T(recv(a, buf, 1, 0));
	T(send(b, "3", 1, 0));
	T(send(b, "3", 1, 0));
	T(recv(b, buf, 1, 0));
	T(recv(b, buf, 1, 0));
	T(to_name(a, "b"));
	T(connect(a, &none, sizeof(none)));
	T(recv(b, buf, 1, 0));
	T(connect(b, &none, sizeof(none)));
	error_of(a);
	error_of(c);
	close(a);
	close(b);
	close(c);
}

/* A poller for urgent data alone wakes up, too. */
static void urgent(int kind)
{
	struct epoll_event e = { .events = EPOLLPRI };
	int s[2], ep = epoll_create1(0);

	pair_of(kind, s);
	epoll_ctl(ep, EPOLL_CTL_ADD, s[1], &e);
	T(epoll_wait(ep, &e, 1, 0));
	T(send(s[0], "u", 1, MSG_OOB));
	T(epoll_wait(ep, &e, 1, 20000));
	T(recv(s[1], buf, 1, MSG_OOB));
	T(epoll_wait(ep, &e, 1, 0));
	close(s[0]);
	close(s[1]);
	close(ep);
}

/* ---- how much is enough; when there is room ---- */

static void low_marks(int kind)
{
	int s[2], five = 5, n;

	pair_of(kind, s);
	T(setsockopt(s[1], SOL_SOCKET, SO_RCVLOWAT, &five, sizeof(five)));
	watch(s[1]);
	T(send(s[0], "abc", 3, 0));
	settle(s);
	edge("three");
	look("b", s[1]);
	T(send(s[0], "de", 2, 0));
	settle(s);
	edge("five");
	look("b", s[1]);
	T(recv(s[1], buf, 0, MSG_DONTWAIT));
	while ((n = (int)recv(s[1], buf, 2, 0)) > 0)
		say("  took %d\n", n);
	T(recv(s[1], buf, 0, MSG_DONTWAIT));
	n = 4096;
	T(setsockopt(s[1], SOL_SOCKET, SO_RCVBUF, &n, sizeof(n)));
	n = -1;
	T(setsockopt(s[1], SOL_SOCKET, SO_RCVLOWAT, &n, sizeof(n)));
	T(number(s[1], SOL_SOCKET, SO_RCVLOWAT));
	close(s[0]);
	close(s[1]);
}

static bool fill(int fd)
{
	bool any = false;

	while (send(fd, buf, sizeof(buf), 0) > 0)
		any = true;
	return any;
}

/* True if nothing is in flight: what is left to send waits for the reader's window. */
static bool is_stuck(int fd)
{
	struct tcp_info t = { 0 };
	socklen_t len = sizeof(t);

	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &t, &len);
	return !t.tcpi_unacked;
}

static void room(int kind)
{
	int s[2], left;

	pair_of(kind, s);
	watch(s[0]);
	while (fill(s[0]))
		if (kind == TCP)
			T_WAIT(is_stuck(s[0]));
	look("full", s[0]);
	watch(s[0]);
	edge("full");
	for (;;) {
		while (recv(s[1], buf, sizeof(buf), 0) > 0)
			;
		left = 0;
		ioctl(s[0], SIOCOUTQ, &left);
		if (!left)
			break;
		await(s[1], POLLIN);
	}
	edge("read");
	look("a", s[0]);
	close(s[0]);
	close(s[1]);
}

TEST(sock_shutdown)
{
	signal(SIGPIPE, SIG_IGN);
	lo_up();
	for (int kind = 0; kind < KINDS; kind++) {
		never_connected(kind);
		for (int how = 0; how < 3; how++) {
			shut_one(kind, how, false);
			shut_one(kind, how, true);
		}
		for (int how = 0; how < 3; how++)
			close_one(kind, how);
		low_marks(kind);
	}
	urgent(TCP);
	urgent(UNIX);
	room(TCP);
	room(UNIX);
	connecting();
	for (int how = 0; how < 3; how++)
		shut_first(how);
	for (int how = 0; how < 3; how++)
		shut_attempt(how);
	for (int kind = UNIX; kind <= DGRAM; kind++)
		shut_sender(kind);
	keeps_port();
	unix_listener();
	unix_leaving();
}
