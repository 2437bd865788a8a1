/* SPDX-License-Identifier: MIT */
/*
 * flows.c: counts datagrams that came after one that was sent later, and shows the queues of a
 * card; for a guest and for the host.
 *
 *	flows serve PORT		answers each datagram, for ever
 *	flows run ADDRESS PORT FLOWS COUNT
 *					FLOWS flows (64 at most) at once, each of COUNT datagrams,
 *					of which every eighth is cut into fragments; prints
 *					"turned THERE HERE", how many came out of order at each
 *					end, and on stderr how many came
 *	flows channels DEVICE [N]	as ethtool -l, -L: "MAX NOW", or the error
 *
 * Lost datagrams do not count. A server knows flows by the sender's port.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define FLOWS 64
#define LARGE 4000
#define BURST 8
#define QUIET_MS 500

struct head {
	uint32_t report, seq, turned, came;
};

static uint32_t highest[65536], answers[65536];

static int serve(int port)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0), size = 8 << 20;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) }, from;
	uint32_t turned = 0, came = 0;
	char data[LARGE];

	setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(s, (struct sockaddr *)&a, sizeof(a)))
		return perror("bind"), 1;
	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(s, data, sizeof(data), 0, (struct sockaddr *)&from, &len);
		uint16_t p = from.sin_port;
		struct head h;

		if (n < (ssize_t)sizeof(h))
			continue;
		memcpy(&h, data, sizeof(h));
		if (h.seq == 1) /* a new flow */
			highest[p] = answers[p] = 0;
		if (!h.report) {
			came++;
			turned += h.seq < highest[p];
			if (h.seq > highest[p])
				highest[p] = h.seq;
			h.seq = ++answers[p];
		}
		h.turned = turned;
		h.came = came;
		sendto(s, &h, sizeof(h), 0, (struct sockaddr *)&from, len);
	}
}

static int fds[FLOWS];
static uint32_t seen[FLOWS], turned_here, came_here;

/* Waits at most @ms for datagrams of the @flows flows and counts them. Returns how many came. */
static int take(int flows, int ms)
{
	struct pollfd p[FLOWS];
	int n = 0;

	for (int i = 0; i < flows; i++)
		p[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	poll(p, (nfds_t)flows, ms);
	for (int i = 0; i < flows; i++) {
		struct head h;

		while (recv(fds[i], &h, sizeof(h), MSG_DONTWAIT) == sizeof(h)) {
			if (h.report)
				continue;
			n++;
			came_here++;
			turned_here += h.seq < seen[i];
			if (h.seq > seen[i])
				seen[i] = h.seq;
		}
	}
	return n;
}

/* Returns what the server has counted so far. Asks again until it answers. */
static struct head ask(void)
{
	struct head h = { .report = 1 };
	struct pollfd p = { .fd = fds[0], .events = POLLIN };

	for (;;) {
		h = (struct head){ .report = 1 };
		send(fds[0], &h, sizeof(h), 0);
		while (poll(&p, 1, 500) > 0)
			if (recv(fds[0], &h, sizeof(h), MSG_DONTWAIT) == sizeof(h) && h.report)
				return h;
	}
}

/*
 * Sends a datagram on each flow until all are answered. A tap device learns the queue of a flow
 * only after it has passed on the first datagram, and the answer may be sent before.
 */
static void begin(int flows)
{
	const struct head h = { .seq = 1 };
	int answered;

	do {
		answered = 0;
		for (int i = 0; i < flows; i++)
			if (!seen[i])
				send(fds[i], &h, sizeof(h), 0);
		take(flows, 500);
		for (int i = 0; i < flows; i++)
			answered += seen[i] > 0;
	} while (answered < flows);
}

static int run(const char *address, int port, int flows, uint32_t count)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	char data[LARGE] = { 0 };
	int size = 4 << 20;
	struct head h, before;

	inet_pton(AF_INET, address, &a.sin_addr);
	for (int i = 0; i < flows; i++) {
		fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
		setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		if (connect(fds[i], (struct sockaddr *)&a, sizeof(a)))
			return perror("connect"), 1;
	}
	begin(flows);
	before = ask();
	for (uint32_t seq = 2; seq <= count;) {
		for (int b = 0; b < BURST; b++, seq++) {
			h = (struct head){ .seq = seq };
			memcpy(data, &h, sizeof(h));
			for (int i = 0; i < flows; i++)
				send(fds[i], data, b ? sizeof(h) : LARGE, 0);
		}
		take(flows, 1);
	}
	while (take(flows, QUIET_MS))
		;
	h = ask();
	printf("turned %u %u\n", h.turned - before.turned, turned_here);
	fprintf(stderr, "came %u %u of %u\n", h.came - before.came, came_here,
		count * (uint32_t)flows);
	return 0;
}

static int channels(const char *device, const char *wanted)
{
	struct ethtool_channels c = { .cmd = ETHTOOL_GCHANNELS };
	struct ifreq r = { .ifr_data = (char *)&c };
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", device);
	if (ioctl(s, SIOCETHTOOL, &r))
		return printf("%s\n", strerror(errno)), 1;
	if (wanted) {
		c.cmd = ETHTOOL_SCHANNELS;
		c.combined_count = (uint32_t)atoi(wanted);
		if (ioctl(s, SIOCETHTOOL, &r))
			return printf("%s\n", strerror(errno)), 1;
		c.cmd = ETHTOOL_GCHANNELS;
		ioctl(s, SIOCETHTOOL, &r);
	}
	printf("%u %u\n", c.max_combined, c.combined_count);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(atoi(argv[2]));
	if (argc == 6 && !strcmp(argv[1], "run") && atoi(argv[4]) <= FLOWS)
		return run(argv[2], atoi(argv[3]), atoi(argv[4]), (uint32_t)atoi(argv[5]));
	if (argc >= 3 && !strcmp(argv[1], "channels"))
		return channels(argv[2], argv[3]);
	fprintf(stderr, "usage: see flows.c\n");
	return 2;
}
