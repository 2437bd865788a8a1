/* SPDX-License-Identifier: MIT */
/*
 * tcp_shut_rd: what arrives after shutdown(2) for reading, and after close(2), before and after the
 * peer knows: data, its end, and what the sender gets.
 */
#include "inet.h"
#include <signal.h>

/* Whether the peer's kernel has acknowledged an end (FIN_WAIT2) is a matter of time. */
static void state(const char *what, int fd)
{
	struct tcp_info i;
	socklen_t n = sizeof(i);

	memset(&i, 0, sizeof(i));
	getsockopt(fd, SOL_TCP, TCP_INFO, &i, &n);
	say("  %s: state %d, events %x, error %d", what,
		i.tcpi_state - (i.tcpi_state == TCP_FIN_WAIT2), events(fd),
		number(fd, SOL_SOCKET, SO_ERROR));
}

static void read_some(const char *what, int fd)
{
	char b[64];
	ssize_t n;

	errno = 0;
	n = recv(fd, b, sizeof(b), MSG_DONTWAIT);
	say("  %s: read %zd %s", what, n, n < 0 ? strerrorname_np(errno) : "");
}

/*
 * Sends data to a receiver that shuts down as @first says before it and as @then says after it,
 * reads @reads times, and closes. @before: some data has come before all that.
 */
static void way(const char *what, int before, int first, int then, int reads)
{
	int s[2], pending = 0;

	say("%s", what);
	tcp_pair(s);
	NEED(set(s[0], SOL_TCP, TCP_NODELAY, 1));
	if (before)
		NEED(send(s[0], "before", 6, MSG_NOSIGNAL));
	lo_settled();
	if (first >= 0)
		T(shutdown(s[1], first));
	lo_settled();
	state("sender", s[0]);
	T(send(s[0], "after", 5, MSG_NOSIGNAL));
	lo_settled();
	ioctl(s[1], FIONREAD, &pending);
	say("  %d bytes wait", pending);
	if (then >= 0)
		T(shutdown(s[1], then));
	lo_settled();
	state("sender", s[0]);
	state("receiver", s[1]);
	for (int k = 0; k < reads; k++)
		read_some("receiver", s[1]);
	T(send(s[0], "more", 4, MSG_NOSIGNAL));
	lo_settled();
	state("sender", s[0]);
	state("receiver", s[1]);
	T(send(s[1], "back", 4, MSG_NOSIGNAL));
	lo_settled();
	if (reads)
		read_some("sender", s[0]);
	close(s[1]);
	lo_settled();
	state("sender", s[0]);
	T(send(s[0], "last", 4, MSG_NOSIGNAL));
	lo_settled();
	state("sender", s[0]);
	read_some("sender", s[0]);
	read_some("sender", s[0]);
	close(s[0]);
}

static const struct {
	const char *name;
	int how;
} hows[] = { { "nothing", -1 }, { "read", SHUT_RD }, { "write", SHUT_WR }, { "both", SHUT_RDWR } };

TEST(tcp_shut_rd)
{
	lo_up();
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < 4; k++)
			for (int m = 0; m < 6; m++) {
				char what[80];

				snprintf(what, sizeof(what), "%s, then %s,%s %d reads",
					hows[i].name, hows[k].name,
					m & 1 ? " something waits," : "", m / 2);
				way(what, m & 1, hows[i].how, hows[k].how, m / 2);
			}
}
