/* SPDX-License-Identifier: MIT */
/*
 * switch.c: `nestctl switch PATH`, an Ethernet switch for instances with eth0=switch,PATH. Each connection to the seqpacket socket PATH
 * is a port; a message is a frame.
 *
 * It learns which MAC address is behind which port, forgets it when the port closes, and sends to all others what it does not know.
 * Ports have a VLAN each if --vlan says so (the N-th connection is in the N-th of them): frames stay within. A port that does not take its
 * frames loses them; it holds up nobody.
 * Bounds: PORTS_MAX ports, MACS_MAX addresses (a hash of its own slot each: a newer one takes the place of an older).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/nestctl/nestctl.h"

#define PORTS_MAX 64
#define MACS_MAX 4096
#define BATCH 32
#define FRAME_MAX 65550
#define SOCKET_BUFFER (4 << 20)

struct mac_entry {
	uint8_t mac[6];
	int port; /* + 1; 0: free */
	int vlan;
};

static struct pollfd fds[PORTS_MAX + 1]; /* the last is the listener */
static int vlan_of[PORTS_MAX];
static struct mac_entry macs[MACS_MAX];
static uint8_t frames[BATCH][FRAME_MAX];
static const char *socket_path;
static FILE *capture;
static double loss; /* 0 to 1 */
static int vlans[PORTS_MAX], nr_vlans, nr_connected;

/* ---- the table ---- */

static struct mac_entry *slot_of(const uint8_t *mac, int vlan)
{
	uint32_t h = 2166136261U ^ (uint32_t)vlan;

	for (int i = 0; i < 6; i++)
		h = (h ^ mac[i]) * 16777619U;
	return &macs[(h ^ h >> 15) % MACS_MAX];
}

static void learn(const uint8_t *mac, int port)
{
	struct mac_entry *e = slot_of(mac, vlan_of[port]);

	if (mac[0] & 1)
		return;
	memcpy(e->mac, mac, 6);
	e->vlan = vlan_of[port];
	e->port = port + 1;
}

/* The port behind which it is, or -1. */
static int lookup(const uint8_t *mac, int vlan)
{
	const struct mac_entry *e = slot_of(mac, vlan);

	return !(mac[0] & 1) && e->port && e->vlan == vlan && !memcmp(e->mac, mac, 6) ?
		       e->port - 1 :
		       -1;
}

static void forget_port(int port)
{
	for (int i = 0; i < MACS_MAX; i++)
		if (macs[i].port == port + 1)
			macs[i].port = 0;
}

/* ---- capture: pcap, link type 1 (Ethernet) ---- */

static void capture_begin(const char *path)
{
	static const uint32_t head[] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, FRAME_MAX, 1 };

	capture = fopen(path, "we");
	if (!capture || fwrite(head, sizeof(head), 1, capture) != 1 || fflush(capture))
		die("--pcap %s: %s", path, strerror(errno));
}

static void capture_frame(const uint8_t *frame, uint32_t len)
{
	struct timeval now;
	uint32_t head[4];

	gettimeofday(&now, NULL);
	head[0] = (uint32_t)now.tv_sec;
	head[1] = (uint32_t)now.tv_usec;
	head[2] = head[3] = len;
	fwrite(head, sizeof(head), 1, capture);
	fwrite(frame, len, 1, capture);
}

/* ---- ports ---- */

static void close_port(int port)
{
	close(fds[port].fd);
	fds[port].fd = -1;
	forget_port(port);
	warn("port %d closed", port);
}

static void open_port(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), size = SOCKET_BUFFER;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	for (int i = 0; i < PORTS_MAX; i++) {
		if (fds[i].fd >= 0)
			continue;
		fds[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
		vlan_of[i] = nr_connected < nr_vlans ? vlans[nr_connected] : 1;
		nr_connected++;
		warn("port %d open", i);
		return;
	}
	warn("all %d ports are taken", PORTS_MAX);
	close(fd);
}

/* Frames of one batch that go to one port, in one call. */
static void deliver(int port, struct mmsghdr *out, unsigned n)
{
	unsigned done = 0;

	while (done < n) {
		int sent =
			sendmmsg(fds[port].fd, out + done, n - done, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return; /* it does not take them: they are lost */
		done += (unsigned)sent;
	}
}

static bool goes_to(int from, int to, const uint8_t *frame)
{
	int known;

	if (to == from || fds[to].fd < 0 || vlan_of[to] != vlan_of[from])
		return false;
	known = lookup(frame, vlan_of[from]);
	return known < 0 || known == to;
}

static void forward(int from, struct mmsghdr *in, int n)
{
	struct mmsghdr out[BATCH];
	bool dropped[BATCH];

	for (int i = 0; i < n; i++) {
		dropped[i] = in[i].msg_len < 14 || in[i].msg_len > FRAME_MAX ||
			     (loss > 0 && drand48() < loss);
		if (!dropped[i])
			learn(frames[i] + 6, from);
		if (!dropped[i] && capture)
			capture_frame(frames[i], in[i].msg_len);
		in[i].msg_hdr.msg_iov->iov_len = in[i].msg_len;
	}
	for (int to = 0; to < PORTS_MAX; to++) {
		unsigned k = 0;

		for (int i = 0; i < n; i++)
			if (!dropped[i] && goes_to(from, to, frames[i]))
				out[k++] = in[i];
		if (k)
			deliver(to, out, k);
	}
	if (capture)
		fflush(capture);
}

static void serve(int port)
{
	struct mmsghdr in[BATCH];
	struct iovec iov[BATCH];
	int n;

	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ frames[i], FRAME_MAX };
		in[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &iov[i], .msg_iovlen = 1 } };
	}
	n = recvmmsg(fds[port].fd, in, BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	for (int i = 0; i < n; i++)
		if (!in[i].msg_len) /* the end of the connection */
			n = i ? i : -1;
	if (n <= 0)
		close_port(port);
	else
		forward(port, in, n);
}

/* ---- start ---- */

static void on_signal(int sig)
{
	unlink(socket_path);
	_exit(0);
}

static int listen_at(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(a.sun_path))
		die("%s: the path is too long", path);
	strcpy(a.sun_path, path);
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die("%s: a switch is there already", path);
	if (errno == ECONNREFUSED)
		unlink(path); /* of one that was killed */
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, PORTS_MAX))
		die("%s: %s", path, strerror(errno));
	return fd;
}

static void parse_vlans(const char *text)
{
	char *end;

	do {
		long v = strtol(text, &end, 10);

		if (end == text || v < 1 || v > 4094 || nr_vlans == PORTS_MAX ||
			(*end && *end != ','))
			die("--vlan: wants numbers from 1 to 4094 with commas, not '%s'", text);
		vlans[nr_vlans++] = (int)v;
		text = end + 1;
	} while (*end);
}

static const char *parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "pcap", required_argument, NULL, 'p' },
		{ "loss", required_argument, NULL, 'l' },
		{ "vlan", required_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'p': capture_begin(optarg); break;
		case 'l':
			loss = strtod(optarg, &end) / 100;
			if (*end || loss < 0 || loss > 1)
				die("--loss: wants 0 to 100 (percent), not '%s'", optarg);
			break;
		case 'v': parse_vlans(optarg); break;
		default: exit(1);
		}
	}
	if (optind != argc - 1)
		die("switch: wants one PATH for its socket");
	return argv[optind];
}

int switch_command(int argc, char **argv)
{
	struct pollfd *listener = &fds[PORTS_MAX];

	socket_path = parse(argc, argv);
	for (int i = 0; i < PORTS_MAX; i++)
		fds[i].fd = -1;
	*listener = (struct pollfd){ .fd = listen_at(socket_path), .events = POLLIN };
	for (const int *sig = (const int[]){ SIGINT, SIGTERM, SIGHUP, 0 }; *sig; sig++)
		signal(*sig, on_signal);
	for (;;) {
		if (poll(fds, PORTS_MAX + 1, -1) < 0)
			continue;
		for (int i = 0; i < PORTS_MAX; i++)
			if (fds[i].fd >= 0 && fds[i].revents)
				serve(i);
		if (listener->revents)
			open_port(listener->fd);
	}
}
