/* SPDX-License-Identifier: MIT */
/*
 * frag_odd: forwarded datagrams that are fragmented although they are odd: one with a partial
 * checksum, and one whose length field a rule of the packet filter has overwritten.
 */
#include "guest.h"
#include "netns.h"
#include "nft.h"

#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if_arp.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

#define LEN 1400U

static uint32_t sum(const void *p, unsigned n, uint32_t s)
{
	const unsigned char *b = p;

	for (unsigned i = 0; i < n; i++)
		s += i & 1 ? b[i] : (uint32_t)b[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

static uint32_t pseudo(const struct iphdr *h, unsigned len)
{
	return sum(&h->saddr, 8, IPPROTO_UDP + len);
}

static void no_arp(const char *dev, const char *who)
{
	struct arpreq r = { .arp_flags = ATF_COM | ATF_PERM,
		.arp_ha.sa_data = { 2, 0, 0, 0, 0, 9 } };
	struct sockaddr_in a = at(who, 0);
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	memcpy(&r.arp_pa, &a, sizeof(a));
	strcpy(r.arp_dev, dev);
	NEED(ioctl(fd, SIOCSARP, &r));
	close(fd);
}

/* ---- a partial checksum ---- */

static unsigned char packet[10 + 20 + 8 + LEN]; /* virtio_net_hdr, IP, UDP */

static void make_packet(void)
{
	struct virtio_net_hdr *v = (void *)packet;
	struct iphdr *h = (void *)(packet + 10);
	struct udphdr *u = (void *)(h + 1);

	*h = (struct iphdr){ .version = 4,
		.ihl = 5,
		.tot_len = htons(28 + LEN),
		.id = htons(7),
		.ttl = 9,
		.protocol = IPPROTO_UDP,
		.saddr = inet_addr("10.7.0.2"),
		.daddr = inet_addr("10.8.0.2") };
	h->check = htons((uint16_t)~sum(h, 20, 0));
	u->source = u->dest = htons(777);
	u->len = htons(8 + LEN);
	for (unsigned i = 0; i < LEN; i++)
		packet[sizeof(packet) - LEN + i] = (unsigned char)(i * 7 + i / 256);
	u->check = htons((uint16_t)pseudo(h, 8 + LEN));
	v->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	v->csum_start = 20;
	v->csum_offset = 6;
}

static int tun(const char *name, int flags, const char *addr)
{
	struct ifreq r = { .ifr_flags = (short)(IFF_TUN | IFF_NO_PI | flags) };
	int fd = NEED(open("/dev/net/tun", O_RDWR));

	strcpy(r.ifr_name, name);
	NEED(ioctl(fd, TUNSETIFF, &r));
	set_up(name, 1);
	add_addr(name, AF_INET, addr, 24);
	return fd;
}

/* Forwards a packet with a partial checksum to a device with a smaller MTU. */
static void owed(void)
{
	static unsigned char got[8 + LEN], p[2000];
	const struct iphdr *h = (void *)p;
	int s, r, n;

	NEED(unshare(CLONE_NEWNET));
	s = tun("tun0", IFF_VNET_HDR, "10.7.0.1");
	r = tun("tun1", 0, "10.8.0.1");
	set_mtu("tun1", 600);
	put_text("/proc/sys/net/ipv4/ip_forward", "1");
	make_packet();
	say("sent %d", (int)NEED(write(s, packet, sizeof(packet))));
	for (int i = 0; i < 3; i++) {
		do
			n = (int)NEED(read(r, p, sizeof(p))) - 20;
		while (h->version != 4);
		unsigned from = (ntohs(h->frag_off) & 0x1fff) * 8U;

		say("piece: %d bytes from %u%s", n, from,
			ntohs(h->frag_off) & 0x2000 ? ", more" : "");
		if (n > 0 && from + (unsigned)n <= sizeof(got))
			memcpy(got + from, p + 20, (size_t)n);
	}
	say("content %s",
		memcmp(got + 8, packet + sizeof(packet) - LEN, LEN) ? "other" : "the same");
	say("sum %s", sum(got, sizeof(got), pseudo(h, sizeof(got))) == 0xffff ? "right" : "wrong");
}

/* ---- a rule has written the length of the header ---- */

static void write_first_byte(unsigned char v)
{
	unsigned x;

	x = nft_rule("t", "c");
	nft_immediate(NFT_REG_1, &v, 1);
	nft_store(NFT_PAYLOAD_NETWORK_HEADER, 0, 1);
	end(x);
}

static int filter(unsigned char first_byte)
{
	start();
	nft_table("t");
	nft_chain("t", "c", "filter", NF_INET_POST_ROUTING, 0);
	write_first_byte(first_byte);
	return finish();
}

static void header_lengths(void)
{
	static const unsigned char bytes[] = { 0x40, 0x41, 0x44 };
	static char data[LEN], p[2000];
	struct sockaddr_in to = at("10.9.0.2", 7);
	int s, r;

	own_net();
	nl = GNEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
	no_arp("va0", "10.9.0.2");
	set_mtu("va0", 600);
	s = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	r = packet_socket("vb0", SOCK_RAW, 0x800);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		GNEED(filter(bytes[i]));
		G(sendto(s, data, sizeof(data), 0, SA(&to), sizeof(to)), "-1 EMSGSIZE");
		G(recv(r, p, sizeof(p), MSG_DONTWAIT), "-1 EAGAIN");
	}
}

TEST(frag_odd)
{
	CHILD(owed());
	CHILD(header_lengths()); /* no host is asked whether it looks */
}
