/* SPDX-License-Identifier: MIT */
/*
 * frames.c: random and hostile Ethernet frames for a guest's card (eth0=fd,3), and floods.
 *
 *	frames KIND NUMBER SEED COMMAND
 *
 *	KIND	fuzz    frames of all protocols up to TCP, mostly well formed, with bits turned, cut
 *              short, lengths that lie
 *		arp, nd, fragments, fragments6, syn, mixed	floods from ever new addresses
 *
 * COMMAND is the guest, with 10.7.0.2 and fd07::2 on a card with the address 02:00:00:00:00:02, a
 * TCP listener at port 7, and a datagram socket at 9; it says "ready" on its output, and gets a
 * line on its input when all is sent. Its output is passed on. The status is the command's, 97 if a
 * signal ended it, or 98 when the guest does not answer a ping at the end. The same SEED makes the
 * same frames but for what the guest's answers change.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX 1514

static unsigned char f[MAX + 64]; /* the frame that is built */
static size_t len;
static uint64_t state;
static int card, in_fd, out_fd;
/* of the last TCP segment from the guest, for answers to it */
static uint32_t their_seq, their_ack;
static uint16_t their_port = 4000;
static int ponged;

static uint32_t r(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return n ? (uint32_t)(state >> 16) % n : (uint32_t)(state >> 16);
}

static void put8(uint32_t v)
{
	if (len < MAX)
		f[len++] = (unsigned char)v;
}
static void put16(uint32_t v)
{
	put8(v >> 8);
	put8(v);
}
static void put32(uint32_t v)
{
	put16(v >> 16);
	put16(v);
}
static void put(const char *hex)
{
	for (unsigned v; sscanf(hex, "%2x", &v) == 1; hex += 2)
		put8(v);
}
static void fill(size_t n)
{
	while (n--)
		put8(r(256));
}

static uint32_t sum(const unsigned char *p, size_t n, uint32_t s)
{
	for (size_t i = 0; i < n; i++)
		s += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}
static void set16(size_t at, uint32_t v)
{
	f[at] = (unsigned char)(v >> 8);
	f[at + 1] = (unsigned char)v;
}

/* ---- layers ---- */

static void ether(uint32_t type, int to_all)
{
	len = 0;
	put(to_all ? "ffffffffffff" : "020000000002");
	put("020000000001");
	put16(type);
}

static int wild; /* source addresses are random */

static void ip4(uint32_t proto, uint32_t frag, uint32_t id)
{
	ether(0x0800, 0);
	put(r(40) ? "4500" : "4700"); /* sometimes with options */
	put16(0);
	put16(id);
	put16(frag);
	put8(r(60) ? 64 : r(3));
	put8(proto);
	put16(0);
	put32(wild ? 0x0a070000 + 3 + r(250) : 0x0a070001);
	put32(r(50) ? 0x0a070002 : r(2) ? 0xe0000001 : 0x0a0700ff);
	for (uint32_t i = 20; i < (f[14] & 15U) * 4; i++)
		put8(r(3) ? 1 : r(256));
}
static void ip6(uint32_t next)
{
	ether(0x86dd, 0);
	put("60000000");
	put16(0);
	put8(next);
	put8(255);
	put("fd070000000000000000000000");
	put8(wild ? r(256) : 0);
	put16(wild ? r(0) : 1);
	put(r(40) ? "fd070000000000000000000000000002" : "ff020000000000000000000000000001");
}

/*
 * Writes the lengths and checksums of the frame. @l4: offset of the transport header. @csum: offset
 * of the checksum in it, or -1 for none.
 */
static void finish(size_t l4, int csum)
{
	int six = f[12] == 0x86;
	size_t n = len - l4;

	if (six)
		set16(18, (uint32_t)(len - 54));
	else {
		set16(16, (uint32_t)(len - 14));
		set16(24, ~sum(f + 14, (f[14] & 15U) * 4, 0) & 0xffff);
	}
	if (csum >= 0) {
		uint32_t proto = six ? f[20] : f[23];
		uint32_t s = (six || proto != 1 ? (uint32_t)n + proto : 0);

		if (six)
			s = sum(f + 22, 32, s);
		else if (proto != 1)
			s = sum(f + 26, 8, s);
		set16(l4 + (size_t)csum, 0);
		set16(l4 + (size_t)csum, ~sum(f + l4, n, s) & 0xffff);
	}
}

/* ---- protocols ---- */

static void arp(void)
{
	ether(0x0806, r(2));
	put("0001080006040001");
	f[21] = (unsigned char)(1 + r(2));
	put("0200000000");
	put8(wild ? r(256) : 1);
	put32(wild ? 0x0a070000 + r(65536) : 0x0a070001);
	put("000000000000");
	put32(r(8) ? 0x0a070002 : r(0));
	if (r(2))
		fill(18);
}

static void icmp(void)
{
	size_t at;

	ip4(1, 0, r(65536));
	at = len;
	put8(r(3) ? (unsigned char)"\x08\x03\x0b\x05\x0c\x00"[r(6)] : r(256));
	put8(r(6));
	put16(0);
	put32(r(4) ? 1280 : r(0));
	if (r(2)) { /* about a packet of the guest's */
		put("450000280000000040060000");
		put32(0x0a070002);
		put32(0x0a070001);
		put16(7);
		put16(their_port);
		put32(their_seq + r(3));
		fill(r(12));
	} else
		fill(r(200));
	finish(at, 2);
}

static void icmp6(void)
{
	size_t at;

	ip6(58);
	at = len;
	put8(r(5) ? (unsigned char)"\x80\x87\x88\x86\x85\x01\x02\x82\x8f"[r(9)] : r(256));
	put8(r(20) ? 0 : r(256));
	put16(0);
	put32(r(2) ? 0x60000000 : r(0));
	if (r(3)) {
		put("fd0700000000000000000000000000");
		put8(wild ? r(256) : r(3));
	}
	for (uint32_t i = r(4); i--;) { /* options */
		uint32_t words = r(20) ? 1 + r(4) : r(256);

		put8(1 + r(5));
		put8(words);
		fill(words * 8 - 2 < 200 ? words * 8 - 2 : 8);
	}
	finish(at, 2);
}

static void udp(void)
{
	size_t at;

	if (r(2))
		ip4(17, 0, r(65536));
	else
		ip6(17);
	at = len;
	put16(r(3000));
	put16(r(4) ? 9 : r(65536));
	put16(r(10) ? 108 : r(2000));
	put16(0);
	fill(100);
	finish(at, 6);
}

static void tcp_options(void)
{
	for (uint32_t i = r(5); i--;) {
		switch (r(7)) {
		case 0: put("020405b4"); break;
		case 1:
			put("0101080a");
			put32(r(0));
			put32(r(0));
			break;
		case 2:
			put("0101050a");
			put32(their_ack + r(4000));
			put32(their_ack + r(9000));
			break;
		case 3: put("01030307"); break;
		case 4: put("01010402"); break;
		case 5:
			put8(r(256));
			put8(r(12));
			put16(r(0));
			break;
		default: put("01010101");
		}
	}
}

static void tcp(int syn)
{
	static const unsigned char flags[] = { 0x10, 0x18, 0x11, 0x02, 0x12, 0x14, 0x04, 0x38, 0x00,
		0x29, 0xd0, 0xc2 };
	size_t at, h;

	if (r(2))
		ip4(6, 0x4000, r(65536));
	else
		ip6(6);
	at = len;
	put16(syn ? 1024 + r(60000) : r(8) ? their_port : 3000 + r(3000));
	put16(r(30) ? 7 : r(100));
	put32(r(3) ? their_ack : their_ack + r(70000) - 3000);
	put32(r(3) ? their_seq : their_seq + r(3000) - 1500);
	put8(0x50);
	put8(syn ? 2 : r(3) ? flags[r(4)] : r(2) ? flags[r(sizeof(flags))] : r(256));
	put16(r(6) ? 65535 : r(65536));
	put16(0);
	put16(r(3) ? 0 : r(2000));
	h = len;
	tcp_options();
	f[at + 12] = (unsigned char)((5 + (len - h) / 4) << 4);
	if (!syn && r(2))
		fill(r(5) ? r(100) : 1300);
	finish(at, 16);
}

static void fragment(int six)
{
	uint32_t id = wild ? r(0) : r(8), off = r(4) * 64, more = r(3) > 0;
	size_t at;

	if (six) {
		ip6(44);
		put8(r(2) ? 17 : 58);
		put8(0);
		put16(off << 3 | more);
		put32(id);
		at = len;
		fill(r(5) ? 512 : r(1200));
		finish(at, -1);
	} else {
		ip4(17, more << 13 | off, id);
		at = len;
		fill(r(5) ? 512 : r(1200));
		finish(at, -1);
	}
}

/* Makes a frame with several extension headers, some with a wrong length. */
static void extensions(void)
{
	static const unsigned char kinds[] = { 0, 43, 60, 44, 51, 59, 17, 6, 58 };
	uint32_t next = kinds[r(4)];

	ip6(next);
	for (uint32_t i = r(6); i--;) {
		next = kinds[r(sizeof(kinds))];
		put8(next);
		put8(r(10) ? 0 : r(256));
		put("010400000000");
	}
	fill(r(60));
	finish(54, -1);
}

static void igmp(void)
{
	size_t at;

	ip4(2, 0, r(65536));
	at = len;
	put8("\x11\x12\x16\x17\x22"[r(5)]);
	put8(r(256));
	put16(0);
	put32(r(2) ? 0xe0000001 : r(0));
	fill(r(3) ? 0 : r(40));
	finish(at, -1);
	set16(at + 2, ~sum(f + at, len - at, 0) & 0xffff);
}

static void mutate(void)
{
	if (len <= 14)
		return;
	for (uint32_t i = r(4); i--;)
		f[14 + r((uint32_t)len - 14)] ^= (unsigned char)(1 << r(8));
	if (!r(4))
		len = 1 + r((uint32_t)len);
	if (!r(8))
		f[16 + r(4)] = (unsigned char)r(256);
}

static void make(const char *kind)
{
	uint32_t which = r(100);

	wild = strcmp(kind, "fuzz") != 0 || !r(10);
	if (!strcmp(kind, "mixed"))
		kind = (const char *[]){ "arp", "nd", "fragments", "fragments6", "syn" }[r(5)];
	if (!strcmp(kind, "arp"))
		arp();
	else if (!strcmp(kind, "nd"))
		icmp6();
	else if (!strcmp(kind, "syn"))
		tcp(1);
	else if (!strncmp(kind, "fragments", 9))
		fragment(kind[9] == '6');
	else if (which < 40)
		tcp(!r(10));
	else if (which < 48)
		arp();
	else if (which < 56)
		icmp();
	else if (which < 70)
		icmp6();
	else if (which < 78)
		udp();
	else if (which < 88)
		fragment((int)r(2));
	else if (which < 94)
		extensions();
	else if (which < 98)
		igmp();
	else {
		ether(r(65536), (int)r(2));
		fill(r(300));
	}
	if (!strcmp(kind, "fuzz") && !r(3))
		mutate();
}

/* ---- the guest ---- */

static void answer_arp(const unsigned char *b)
{
	static const unsigned char us[6] = { 2, 0, 0, 0, 0, 1 };
	unsigned char a[42];

	memcpy(a, b, 42);
	memcpy(a, b + 6, 6);
	memcpy(a + 6, us, 6);
	a[21] = 2;
	memcpy(a + 22, us, 6);
	memcpy(a + 28, b + 38, 4);
	memcpy(a + 32, b + 22, 10);
	if (write(card, a, 42) < 0)
		return;
}

static void listen_to_guest(void)
{
	unsigned char b[65536 + 14];
	ssize_t n;

	while ((n = recv(card, b, sizeof(b), MSG_DONTWAIT)) > 0) {
		const unsigned char *t = b + (b[12] == 0x86 ? 54 : 34);

		if (n >= 42 && b[12] == 8 && b[13] == 6 && b[21] == 1)
			answer_arp(b);
		if (n >= 42 && b[12] == 8 && !b[13] && b[23] == 1 && !b[34] && b[38] == 0x77)
			ponged = 1;
		if (n < 74 - 20 || (b[12] == 8 ? b[23] : b[20]) != 6 || t + 20 > b + n)
			continue;
		their_port = (uint16_t)(t[2] << 8 | t[3]);
		their_seq =
			((uint32_t)t[4] << 24 | (uint32_t)t[5] << 16 | (uint32_t)t[6] << 8 | t[7]) +
			!!(t[13] & 3);
		their_ack =
			(uint32_t)t[8] << 24 | (uint32_t)t[9] << 16 | (uint32_t)t[10] << 8 | t[11];
	}
}

static int send_frame(void)
{
	struct pollfd p = { .fd = card, .events = POLLOUT };

	while (send(card, f, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		if (errno != EAGAIN)
			return 0;
		listen_to_guest();
		if (poll(&p, 1, 100000) <= 0)
			return 0;
	}
	return 1;
}

static int alive(void)
{
	time_t end = time(NULL) + 100;

	while (!ponged && time(NULL) < end) {
		struct pollfd p = { .fd = card, .events = POLLIN };
		size_t at;

		wild = 0;
		do
			ip4(1, 0, 1);
		while (f[14] != 0x45 || f[33] != 2 || f[22] != 64);
		at = len;
		put("08000000");
		put("7700000000000000");
		finish(at, 2);
		if (!send_frame())
			return 0;
		for (int i = 0; i < 20 && !ponged && poll(&p, 1, 100) > 0; i++)
			listen_to_guest();
	}
	return ponged;
}

static pid_t start(const char *command)
{
	int pair[2], in[2], out[2], size = 1 << 20;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) || pipe2(in, O_CLOEXEC) ||
		pipe2(out, O_CLOEXEC))
		exit(99);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	pid = fork();
	if (!pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		if (pair[1] == 3)
			fcntl(3, F_SETFD, 0);
		else
			dup2(pair[1], 3);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(99);
	}
	close(pair[1]);
	close(in[0]);
	close(out[1]);
	card = pair[0];
	in_fd = in[1];
	out_fd = out[0];
	return pid;
}

/* Prints the guest's output up to a line that begins with @word, or to its end. */
static void pass_on(const char *word)
{
	char line[1024];
	size_t n = 0;

	while (n < sizeof(line) - 1 && read(out_fd, line + n, 1) == 1) {
		if (line[n++] != '\n')
			continue;
		line[n] = 0;
		if (word && !strncmp(line, word, strlen(word)))
			return;
		fputs(line, stdout);
		n = 0;
	}
}

int main(int argc, char **argv)
{
	struct timespec a, b;
	int status, good;
	long sent = 0, n;
	pid_t pid;

	if (argc != 5)
		return 2;
	n = atol(argv[2]);
	state = 88172645463325252U + (uint64_t)atoll(argv[3]) * 0x9e3779b97f4a7c15U;
	signal(SIGPIPE, SIG_IGN);
	pid = start(argv[4]);
	pass_on("ready");
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (good = 1; good && sent < n; sent++) {
		make(argv[1]);
		good = !len || send_frame();
		if (!(sent % 16))
			listen_to_guest();
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	good = good && alive();
	printf("# %ld frames, %.1f s\n", sent,
		(double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9);
	fflush(stdout);
	if (write(in_fd, "end\n", 4) < 0 || !good)
		kill(pid, SIGTERM);
	close(in_fd);
	pass_on(NULL);
	waitpid(pid, &status, 0);
	return !good ? 98 : WIFEXITED(status) ? WEXITSTATUS(status) : 97;
}
