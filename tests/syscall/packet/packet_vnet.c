/* SPDX-License-Identifier: MIT */
/*
 * packet_vnet: packets that AF_PACKET sends over lo and between two cards: checksums that are left
 * to the card, priority tags, and a datagram that leaves in fragments (VIRTIO_NET_HDR_GSO_UDP), as
 * captured and as received.
 */
#include "netns.h"
#include <linux/if_ether.h>
#include <linux/virtio_net.h>

#define PORT 4000

struct vframe {
	struct virtio_net_hdr v;
	unsigned char eth[14], rest[66000];
} __attribute__((packed));
static struct vframe f;
static unsigned char got[70000];
static unsigned char mac; /* the last byte of the receiver's */

static unsigned sum_of(const unsigned char *p, size_t n, unsigned sum)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (unsigned)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void put16(unsigned char *p, unsigned v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
}

/*
 * Builds a frame with a datagram of @len bytes from 172.17.0.2 to @dst, after @tag bytes of a tag.
 * Returns the frame's length.
 */
static unsigned build(const char *dst, unsigned tag, unsigned len)
{
	static const unsigned char head[16] = { 0x45, 0, 0, 0, 5, 57, 0, 0, 64, 17, 0, 0, 172, 17,
		0, 2 };
	unsigned char *ip = f.rest + tag, *udp = ip + 20;

	memset(&f, 0, sizeof(f));
	f.eth[0] = mac;
	f.eth[5] = mac;
	f.eth[6] = 2;
	f.eth[11] = 1;
	f.eth[12] = ETH_P_IP >> 8;
	if (tag) {
		put16(f.eth + 12, ETH_P_8021Q);
		put16(f.rest + 2, ETH_P_IP);
	}
	memcpy(ip, head, 16);
	inet_pton(AF_INET, dst, ip + 16);
	put16(ip + 2, 28 + len);
	put16(ip + 10, ~sum_of(ip, 20, 0) & 0xffff);
	put16(udp, 9);
	put16(udp + 2, PORT);
	put16(udp + 4, 8 + len);
	memset(udp + 8, 'a', len);
	f.v.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	f.v.csum_start = (unsigned short)(34 + tag);
	f.v.csum_offset = 6;
	put16(udp + 6, sum_of(ip + 12, 8, 17 + 8 + len));
	return 42 + tag + len;
}

/* Prints the length of the received datagram, the first three captured frames, and their number. */
static void seen(int tap, int to)
{
	unsigned all = 0;
	ssize_t n;

	await(to, POLLIN);
	T(recv(to, got, sizeof(got), MSG_DONTWAIT));
	while ((n = recv(tap, got, sizeof(got), MSG_DONTWAIT)) >= 0)
		if (all++ < 3)
			say("  %zd, to %02x, type %02x%02x, id %02x%02x, fragment %02x%02x, sum "
			    "%02x%02x",
				n, got[5], got[12], got[13], got[18], got[19], got[20], got[21],
				got[40], got[41]);
	say("  frames: %u", all);
}

static void in_fragments(
	int out, int tap, int to, const char *dst, unsigned tag, unsigned len, unsigned size)
{
	unsigned n = build(dst, tag, len);

	say("%u in fragments of %u%s", len, size, tag ? ", with a tag" : "");
	if (tag)
		/* a priority; read as a header it is one of IPv6 */
		put16(f.rest, 0x6000);
	f.v.gso_type = VIRTIO_NET_HDR_GSO_UDP;
	f.v.gso_size = (unsigned short)size;
	if (T(send(out, &f, sizeof(f.v) + n, 0)) > 0)
		seen(tap, to);
}

static void over(const char *dev, const char *to_dev, const char *dst)
{
	int out = packet_socket(dev, SOCK_RAW, 0), tap = packet_socket(to_dev, SOCK_RAW, ETH_P_IP),
	    to = NEED(socket(AF_INET, SOCK_DGRAM, 0)), plain = packet_socket(dev, SOCK_RAW, 0);
	struct sockaddr_in a = at(dst, PORT);
	unsigned n;

	say("over %s to %s", dev, to_dev);
	mac = dev[0] == 'l' ? 0 : 2;
	NEED(bind(to, SA(&a), sizeof(a)));
	NEED(set(out, SOL_PACKET, PACKET_VNET_HDR, 1));

	say("a sum that is left");
	n = build(dst, 0, 100);
	T(send(out, &f, sizeof(f.v) + n, 0));
	seen(tap, to);
	n = build(dst, 0, 100);
	f.v.flags = 0;
	put16(f.rest + 26, 0);
	T(send(out, &f, sizeof(f.v) + n, 0));
	seen(tap, to);

	say("tags");
	n = build(dst, 4, 60);
	put16(f.rest + 4 + 26, 0);
	put16(f.rest, 5); /* of a missing VLAN */
	T(send(plain, f.eth, n, 0));
	n = build(dst, 4, 50);
	put16(f.rest + 4 + 26, 0);
	T(send(plain, f.eth, n, 0));
	seen(tap, to);

	in_fragments(out, tap, to, dst, 0, 1990, 0);
	in_fragments(out, tap, to, dst, 0, 1990, 800);
	in_fragments(out, tap, to, dst, 0, 1990, 1000);
	in_fragments(out, tap, to, dst, 0, 1990, 1480);
	in_fragments(out, tap, to, dst, 0, 100, 1480);
	in_fragments(out, tap, to, dst, 0, 1473, 1480);
	if (dev[0] != 'l') /* docs/net.md */
		in_fragments(out, tap, to, dst, 4, 1990, 1000);
	close(out);
	close(plain);
	close(tap);
	close(to);
}

TEST(packet_vnet)
{
	own_net();
	set_mtu("lo", 1500);
	add_addr("lo", AF_INET, "172.17.0.1", 32);
	put_text("/proc/sys/net/ipv4/conf/lo/accept_local", "1");
	put_text("/proc/sys/net/ipv4/conf/vb0/accept_local", "1");
	put_text("/proc/sys/net/ipv4/conf/all/rp_filter", "0");
	put_text("/proc/sys/net/ipv4/conf/lo/rp_filter", "0");
	put_text("/proc/sys/net/ipv4/conf/vb0/rp_filter", "0");
	add_addr("vb0", AF_INET, "172.17.1.1", 24);
	nl_add_route("172.17.0.2", 32, NULL, "vb0");
	over("lo", "lo", "172.17.0.1");
	over("va0", "vb0", "172.17.1.1");
}
