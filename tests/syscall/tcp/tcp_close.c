/* SPDX-License-Identifier: MIT */
/*
 * tcp_close: what closing a connection leaves behind, and how long it takes: SO_LINGER, and
 * connections in TIME_WAIT, which are not counted as orphans. tcp(7).
 */
#include "inet.h"

#define CLOSED 300

static void linger(int fd, int on, int secs)
{
	struct linger l = { on, secs };
	socklen_t n = sizeof(l);

	NEED(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	l = (struct linger){ 7, 7 };
	NEED(getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &n));
	say("linger %d %d: %d %d", on, secs, l.l_onoff, secs < 0 ? 0 : l.l_linger);
}

static void options(void)
{
	int fd = NEED(socket(AF_INET, SOCK_STREAM, 0));

	linger(fd, 0, 5);
	linger(fd, 1, 3);
	linger(fd, 0, 5);
	linger(fd, 1, 0);
	linger(fd, 1, -1);
	close(fd);
}

/* Sends until the other side, which does not read, takes no more. */
static void fill(int fd)
{
	static char much[65536];

	NEED(fcntl(fd, F_SETFL, O_NONBLOCK));
	while (send(fd, much, sizeof(much), 0) > 0)
		;
}

/* A process that exits does not linger for its open sockets. */
static void at_exit(void)
{
	long began = now_ms();

	CHILD({
		int s[2];

		tcp_pair(s);
		linger(s[0], 1, 100);
		fill(s[0]);
	});
	IS(now_ms() - began < 50000);
}

/* A time below zero is a very long one, and no reset. */
static void for_ever(void)
{
	char c[65536];
	long all = 0, n;
	int s[2];

	tcp_pair(s);
	linger(s[0], 1, -1);
	NEED(send(s[0], "all of it", 9, 0));
	T(close(s[0]));
	while ((n = recv(s[1], c, sizeof(c), 0)) > 0)
		all += n;
	say("read %ld, then %s", all, n ? strerror(errno) : "the end");
	close(s[1]);
}

static int orphans(void)
{
	FILE *f = fopen("/proc/net/sockstat", "r");
	char line[256], *at;
	int n = -1;

	while (f && fgets(line, sizeof(line), f))
		if ((at = strstr(line, "orphan ")))
			n = atoi(at + 7);
	if (f)
		fclose(f);
	return n;
}

static void waiting_out(void)
{
	int s[2], l = listener(8);

	for (int k = 0; k < CLOSED; k++) {
		s[0] = NEED(socket(AF_INET, SOCK_STREAM, 0));
		NEED(reach(s[0], port_of(l)));
		s[1] = NEED(accept(l, NULL, NULL));
		close(s[0]);
		close(s[1]);
	}
	close(l);
	T_WAIT(orphans() < CLOSED / 2);
	IS(orphans() >= 0);
}

/*
 * Prints what a program sees that still has a socket open after an orderly end: only the end, in
 * TIME_WAIT or not.
 */
static void look(const char *who, int fd)
{
	struct sockaddr_in a;
	struct tcp_info t = { 0 };
	socklen_t n = sizeof(t);
	char buf[16];
	int queued = -1;

	T_WAIT(!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &t, &n) && t.tcpi_state == TCP_CLOSE);
	say("%s: state %d, events %x", who, t.tcpi_state, events(fd));
	n = sizeof(a);
	T(getpeername(fd, SA(&a), &n));
	T(ioctl(fd, FIONREAD, &queued));
	say("queued %d", queued);
	T(shutdown(fd, SHUT_WR));
	T(recv(fd, buf, sizeof(buf), 0));
	T(recv(fd, buf, sizeof(buf), 0));
	T(send(fd, "x", 1, MSG_NOSIGNAL));
}

static void ended(void)
{
	int s[2];

	tcp_pair(s);
	NEED(send(s[0], "hello", 5, 0));
	NEED(send(s[1], "world", 5, 0));
	T(shutdown(s[0], SHUT_WR));
	T_WAIT(events(s[1]) & POLLRDHUP);
	T(shutdown(s[1], SHUT_WR));
	look("the end that closed first", s[0]);
	look("the other", s[1]);
	close(s[0]);
	close(s[1]);
}

TEST(tcp_close)
{
	lo_up();
	options();
	at_exit();
	for_ever();
	waiting_out();
	ended();
}
