/* SPDX-License-Identifier: MIT */
/*
 * ip_options_on: options of IPv4 packets that this machine forwards: what it writes into them,
 * which fragments have them, and which packets it drops.
 */
#include "netns.h"
#include <linux/if_tun.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>

static int tun(const char *name, const char *addr)
{
	struct ifreq r = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = NEED(open("/dev/net/tun", O_RDWR));

	strcpy(r.ifr_name, name);
	NEED(ioctl(fd, TUNSETIFF, &r));
	set_up(name, 1);
	add_addr(name, AF_INET, addr, 24);
	return fd;
}

static uint16_t sum(const unsigned char *p, unsigned n)
{
	uint32_t s = 0;

	for (unsigned i = 0; i < n; i++)
		s += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

/* Sends a UDP packet with @n bytes of options and @len bytes after the IP header. */
static void send_in(int fd, const unsigned char *o, unsigned n, unsigned len, const char *to)
{
	unsigned char p[2000] = { 0 };
	struct iphdr *h = (void *)p;
	unsigned hlen = 20 + n;

	*h = (struct iphdr){ .version = 4,
		.ihl = (hlen / 4) & 15,
		.tot_len = htons((uint16_t)(hlen + len)),
		.id = htons(7),
		.ttl = 9,
		.protocol = IPPROTO_UDP,
		.saddr = inet_addr("10.7.0.2"),
		.daddr = inet_addr(to) };
	memcpy(p + 20, o, n);
	h->check = htons(sum(p, hlen));
	say("sent %d", (int)NEED(write(fd, p, hlen + len)));
}

/* the identification of the two packets of send_last() */
#define LAST 99

/* Sends the last packets: one to the other side, and an echo request that is answered. */
static void send_last(int fd)
{
	struct {
		struct iphdr ip;
		struct icmphdr icmp;
	} p = { .ip = { .version = 4,
			.ihl = 5,
			.tot_len = htons(sizeof(p)),
			.id = htons(LAST),
			.ttl = 9,
			.protocol = IPPROTO_ICMP,
			.saddr = inet_addr("10.7.0.2"),
			.daddr = inet_addr("10.8.0.2") },
		.icmp = { .type = ICMP_ECHO, .un.echo.id = htons(LAST) } };

	p.icmp.checksum = htons(sum((void *)&p.icmp, sizeof(p.icmp)));
	p.ip.check = htons(sum((void *)&p.ip, sizeof(p.ip)));
	NEED(write(fd, &p, sizeof(p)));
	p.ip.daddr = inet_addr("10.7.0.1");
	p.ip.check = 0;
	p.ip.check = htons(sum((void *)&p.ip, sizeof(p.ip)));
	NEED(write(fd, &p, sizeof(p)));
}

/*
 * Prints all IPv4 packets that come out before those of send_last(), without times of timestamps.
 */
static void show_out(int fd)
{
	unsigned char p[2000];

	while (poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 10000) == 1) {
		int n = (int)NEED(read(fd, p, sizeof(p)));
		unsigned hlen = (p[0] & 15) * 4U;
		char text[3 * 40 + 1] = "";

		if (p[0] >> 4 != 4)
			continue;
		if (p[9] == IPPROTO_ICMP && (p[hlen] == ICMP_ECHO || p[hlen] == ICMP_ECHOREPLY) &&
			p[hlen + 5] == LAST)
			return;
		if (hlen > 20 && p[20] == 68)
			memset(p + 20 + p[21] - 4, 0xee, 4);
		else if (sum(p, hlen))
			say("  the sum is wrong");
		for (unsigned k = 20; k < hlen; k++)
			sprintf(text + 3 * (k - 20), " %02x", p[k]);
		say("  protocol %d, %d bytes, ttl %d, piece %04x, options%s", p[9], n, p[8],
			p[6] << 8 | p[7], text);
		if (p[9] == IPPROTO_ICMP)
			say("  type %d code %d at %d", p[hlen], p[hlen + 1], p[hlen + 4]);
	}
	say("nothing comes any more");
}

TEST(ip_options_on)
{
	static const unsigned char rr[] = { 7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 1 },
				   full[] = { 7, 7, 8, 1, 2, 3, 4, 0 },
				   ts[] = { 68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0 },
				   other[] = { 68, 12, 5, 3, 10, 9, 9, 9, 0, 0, 0, 0 },
				   alert[] = { 148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 1 },
				   unknown[] = { 222, 4, 1, 2 },
				   bad[] = { 1, 7, 11, 3, 0, 0, 0, 0, 0, 0, 0, 0 },
				   past[] = { 1, 1, 7, 11 },
				   over[] = { 68, 8, 9, 0xf0, 0, 0, 0, 0 },
				   route[] = { 131, 7, 4, 10, 9, 9, 9, 0 };
	int in, out;

	NEED(unshare(CLONE_NEWNET));
	in = tun("tun0", "10.7.0.1");
	out = tun("tun1", "10.8.0.1");
	set_mtu("tun1", 600);
	put_text("/proc/sys/net/ipv4/ip_forward", "1");
	send_last(in);
	show_out(in);
	show_out(out);
#define THROUGH(o, len)                                                                            \
	(say("%s", #o), send_in(in, o, sizeof(o), len, "10.8.0.2"), send_last(in), show_out(out),  \
		show_out(in))
	THROUGH(rr, 8);
	THROUGH(full, 8);
	THROUGH(ts, 8);
	THROUGH(other, 8);
	THROUGH(alert, 8);
	THROUGH(unknown, 8);
	THROUGH(alert, 1400);
	THROUGH(bad, 8);
	THROUGH(past, 8);
	THROUGH(over, 8);
	THROUGH(route, 8);
	say("to this machine");
	send_in(in, bad, sizeof(bad), 8, "10.7.0.1");
	send_last(in);
	show_out(in);
	send_in(in, route, sizeof(route), 8, "10.7.0.1");
	send_last(in);
	show_out(in);
}
