/* SPDX-License-Identifier: MIT */
/*
 * tcp_loss: TCP over a bad line: the guest's lo loses, duplicates, delays and reorders packets
 * (net.nestling). All data arrives, in order, within a bounded time, and connections end. The
 * host's side prints what is expected.
 */
#include "guest.h"
#include "inet.h"

static void sysctl(const char *path, const char *text)
{
	int fd;

	if (!in_guest())
		return;
	fd = NEED(open(path, O_WRONLY));
	NEED(write(fd, text, strlen(text)));
	close(fd);
}

static void knob(const char *name, int v)
{
	char path[64], text[16];

	snprintf(path, sizeof(path), "/proc/sys/net/nestling/%s", name);
	snprintf(text, sizeof(text), "%d", v);
	sysctl(path, text);
}

static unsigned char at_pos(size_t i)
{
	return (unsigned char)(i * 7 + (i >> 8) * 13 + (i >> 16));
}

#define CHUNK 8192

static void *sender(void *arg)
{
	int fd = ((int *)arg)[0];
	size_t total = (size_t)((int *)arg)[1], done = 0;
	unsigned char buf[CHUNK];

	while (done < total) {
		size_t n = total - done < CHUNK ? total - done : CHUNK;
		ssize_t put;

		for (size_t i = 0; i < n; i++)
			buf[i] = at_pos(done + i);
		put = write(fd, buf, n);
		if (put <= 0)
			break;
		done += put;
	}
	shutdown(fd, SHUT_WR);
	return NULL;
}

static int lossy; /* percent, while data goes */

/* Sends @total bytes through a lossy connection. Returns "whole", or what is wrong. */
static const char *transfer(size_t total, int mss, const char *cc)
{
	struct timeval limit = { 100, 0 }; /* seven losses in a row: 25 s of silence */
	unsigned char buf[CHUNK];
	const char *how = "short";
	int l = socket(AF_INET, SOCK_STREAM, 0), fd, arg[2];
	struct sockaddr_in a = at("127.0.0.1", 0);
	size_t done = 0;
	pthread_t t;

	bind(l, SA(&a), sizeof(a));
	set(l, IPPROTO_TCP, TCP_MAXSEG, mss);
	listen(l, 1);
	arg[0] = socket(AF_INET, SOCK_STREAM, 0);
	arg[1] = (int)total;
	set(arg[0], IPPROTO_TCP, TCP_MAXSEG, mss);
	setsockopt(arg[0], IPPROTO_TCP, TCP_CONGESTION, cc, strlen(cc));
	if (reach(arg[0], port_of(l)))
		return "no connection";
	fd = accept(l, NULL, NULL);
	/* not before: a SYN that is lost costs a second */
	knob("loss", lossy);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	pthread_create(&t, NULL, sender, arg);
	for (;;) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n < 0)
			how = "hangs";
		else if (!n && done == total)
			how = "whole";
		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != at_pos(done + i))
				how = "wrong";
		done += n;
		if (!strcmp(how, "wrong"))
			break;
	}
	close(fd);
	pthread_join(t, NULL);
	close(arg[0]);
	close(l);
	knob("loss", 0);
	return how;
}

static const struct {
	int loss, duplicate, reorder, delay, mss;
	size_t total;
	const char *cc;
} lines[] = {
	{ 0, 0, 0, 1000, 1400, 400000, "cubic" },
	{ 0, 20, 0, 500, 1400, 300000, "cubic" },
	{ 0, 0, 20, 1000, 1400, 300000, "cubic" },
	{ 2, 0, 0, 1000, 1400, 400000, "cubic" },
	{ 2, 5, 5, 1000, 1400, 200000, "reno" },
	{ 10, 0, 0, 500, 1400, 100000, "cubic" },
	{ 10, 10, 10, 500, 1400, 100000, "reno" },
	{ 15, 0, 0, 500, 1400, 100000, "cubic" },
};

/* Returns how many connections have begun with a cookie. */
static int recalled(void)
{
	unsigned long sent = 0, good = 0;
	FILE *f = fopen("/proc/net/netstat", "r");

	fscanf(f, "TcpExt: %*[^\n]\nTcpExt: %lu %lu", &sent, &good);
	fclose(f);
	return (int)good;
}

/*
 * A listener that kept no state of the SYN (a cookie) cannot wait for data (TCP_DEFER_ACCEPT): the
 * connection can be accepted at once.
 */
static void undeferred(void)
{
	int l = listener(1), secs = 5, fd = socket(AF_INET, SOCK_STREAM, 0);
	struct pollfd p = { .fd = l, .events = POLLIN };

	NEED(setsockopt(l, IPPROTO_TCP, TCP_DEFER_ACCEPT, &secs, sizeof(secs)));
	NEED(reach(fd, port_of(l)));
	GIS(poll(&p, 1, 100000) == 1);
	close(fd);
	close(l);
}

/* Every connection begins with a cookie: with the options of the SYN, and with none. */
static void cookies(void)
{
	sysctl("/proc/sys/net/ipv4/tcp_syncookies", "2");
	GT(transfer(300000, 1400, "cubic"), "whole");
	lossy = 5;
	GT(transfer(100000, 1400, "cubic"), "whole");
	lossy = 0;
	sysctl("/proc/sys/net/ipv4/tcp_timestamps", "0");
	GT(transfer(300000, 32000, "reno"), "whole");
	sysctl("/proc/sys/net/ipv4/tcp_timestamps", "1");
	sysctl("/proc/sys/net/ipv4/tcp_syncookies", "1");
	GIS(recalled() == 3);
	GT(transfer(1000, 1400, "cubic"), "whole");
	GIS(recalled() == 3);
	sysctl("/proc/sys/net/ipv4/tcp_syncookies", "2");
	undeferred();
	sysctl("/proc/sys/net/ipv4/tcp_syncookies", "1");
}

/*
 * Connections that both sides mark as capable: marks make the sender slower, and nothing goes
 * twice.
 */
static void congestion(void)
{
	static const char *const asks[] = { "0", "1", "2" };
	struct tcp_info i[2];
	socklen_t n;
	int fds[2];

	for (int k = 0; k < 3; k++) {
		sysctl("/proc/sys/net/ipv4/tcp_ecn", asks[k]);
		knob("mark", 100);
		tcp_pair(fds);
		for (int turn = 0; turn < 4; turn++) {
			static char buf[20000];

			NEED(send(fds[0], buf, sizeof(buf), 0));
			NEED(recv(fds[1], buf, sizeof(buf), MSG_WAITALL));
		}
		for (int s = 0; s < 2; s++) {
			n = sizeof(i[s]);
			NEED(getsockopt(fds[s], IPPROTO_TCP, TCP_INFO, &i[s], &n));
		}
		knob("mark", 0);
		say("tcp_ecn %s", asks[k]);
		GIS(!(i[0].tcpi_options & TCPI_OPT_ECN) == (k != 1));
		GIS(!(i[1].tcpi_options & TCPI_OPT_ECN) == (k != 1));
		GIS(!(i[1].tcpi_options & 16) == (k != 1)); /* TCPI_OPT_ECN_SEEN */
		GIS((i[0].tcpi_snd_cwnd < 10) == (k == 1));
		GIS(!i[0].tcpi_total_retrans);
		close(fds[0]);
		close(fds[1]);
	}
	sysctl("/proc/sys/net/ipv4/tcp_ecn", "1");
	knob("mark", 5);
	GT(transfer(500000, 1400, "cubic"), "whole");
	lossy = 2;
	GT(transfer(100000, 1400, "reno"), "whole");
	lossy = 0;
	knob("mark", 0);
	sysctl("/proc/sys/net/ipv4/tcp_ecn", "2");
}

TEST(tcp_loss)
{
	lo_up();
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *how = "whole";
		long began = now_ms();

		lossy = lines[i].loss;
		knob("duplicate", lines[i].duplicate);
		knob("reorder", lines[i].reorder);
		knob("delay_us", lines[i].delay);
		if (in_guest())
			how = transfer(lines[i].total, lines[i].mss, lines[i].cc);
		say("loss %d duplicate %d reorder %d delay %d mss %d %s: %s", lines[i].loss,
			lines[i].duplicate, lines[i].reorder, lines[i].delay, lines[i].mss,
			lines[i].cc, how);
		if (getenv("TIMES"))
			say(" %ld ms", now_ms() - began);
	}
	lossy = 0;
	knob("duplicate", 0);
	knob("reorder", 0);
	knob("delay_us", 0);
	cookies();
	congestion();
	GIS(!strcmp(transfer(1000000, 1400, "cubic"), "whole"));
}
