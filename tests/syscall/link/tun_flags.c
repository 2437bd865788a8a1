/* SPDX-License-Identifier: MIT */
/*
 * tuntap: the flags that TUNSETIFF takes and TUNGETIFF gives, names with a pattern, a read of
 * nothing.
 */
#include "t.h"
#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>

static void attach(int flags, const char *name)
{
	struct ifreq r = { .ifr_flags = (short)flags };
	int fd = NEED(open("/dev/net/tun", O_RDWR));

	strncpy(r.ifr_name, name, IFNAMSIZ - 1);
	TN(name, ioctl(fd, TUNSETIFF, &r));
	say(" name %s flags %x", r.ifr_name, (unsigned short)r.ifr_flags);
	memset(&r, 0, sizeof(r));
	TN(" asked", ioctl(fd, TUNGETIFF, &r));
	say(" name %s flags %x", r.ifr_name, (unsigned short)r.ifr_flags);
	close(fd);
}

static void carrier(int flags)
{
	struct ifreq r = { .ifr_name = "lineless", .ifr_flags = (short)(IFF_TAP | flags) };
	struct ethtool_value link = { ETHTOOL_GLINK, 7 };
	int fd = NEED(open("/dev/net/tun", O_RDWR)), s = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	NEED(ioctl(fd, TUNSETIFF, &r));
	r.ifr_flags = IFF_UP;
	NEED(ioctl(s, SIOCSIFFLAGS, &r));
	r.ifr_data = (char *)&link;
	NEED(ioctl(s, SIOCETHTOOL, &r));
	say("%x: link %u", flags, link.data);
	close(s);
	close(fd);
}

static void nothing(void)
{
	struct ifreq r = { .ifr_name = "tun0", .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = NEED(open("/dev/net/tun", O_RDWR));
	char c;

	NEED(ioctl(fd, TUNSETIFF, &r));
	alarm(100);
	T(read(fd, &c, 0));
	alarm(0);
	close(fd);
}

/* A packet socket reports no link address for a device that has none. */
static void seen(void)
{
	struct ifreq r = { .ifr_name = "tun0", .ifr_flags = IFF_TUN | IFF_NO_PI };
	unsigned char packet[20] = { 0x45, 0, 0, 20, 0, 0, 0, 0, 64, 253 }, got[64];
	struct sockaddr_ll from = { 0 };
	socklen_t n = sizeof(from);
	int fd = NEED(open("/dev/net/tun", O_RDWR));
	int s = NEED(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP)));

	NEED(ioctl(fd, TUNSETIFF, &r));
	r.ifr_flags = IFF_UP;
	NEED(ioctl(s, SIOCSIFFLAGS, &r));
	T(write(fd, packet, sizeof(packet)));
	alarm(100);
	T(recvfrom(s, got, sizeof(got), 0, (struct sockaddr *)&from, &n));
	alarm(0);
	say("address of %d, device of %x", from.sll_halen, from.sll_hatype);
	close(s);
	close(fd);
}

static void all(void)
{
	static const int flags[] = { 0, IFF_TUN | IFF_TAP, IFF_TAP | IFF_NO_PI, IFF_TUN | 0x8000,
		IFF_TUN | IFF_ONE_QUEUE, IFF_TAP | IFF_ATTACH_QUEUE, IFF_TAP | IFF_VNET_HDR };
	static const char *const names[] = { "a%d", "a%d%d", "b%s", "c%", "%dd", "e%df", "f/%d",
		"%d/g", "../h%d", "i %d", "j:%d", "k\n%d", ".", "l%dmnopqrstuvwx" };

	NEED(unshare(CLONE_NEWNET));
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		attach(flags[i], "x");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		attach(IFF_TAP, names[i]);
	carrier(0);
	carrier(0x40); /* IFF_NO_CARRIER */
	nothing();
	seen();
}

TEST(tun_flags)
{
	CHILD(all());
}
