/* SPDX-License-Identifier: MIT */
/*
 * tun_napi: IFF_NAPI and IFF_NAPI_FRAGS of tuntap: which users may set them, with which other
 * flags, how they are reported, and valid frames of several pieces.
 */
#include "t.h"
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define NAPI 0x10
#define FRAGS 0x20

static int attach(const char *name, int flags)
{
	struct ifreq r = { .ifr_flags = (short)flags };
	int fd = NEED(open("/dev/net/tun", O_RDWR | O_NONBLOCK)), err;

	strncpy(r.ifr_name, name, IFNAMSIZ - 1);
	err = ioctl(fd, TUNSETIFF, &r);
	say("%s %x: %d %s", name, (unsigned)flags, err, err ? strerrorname_np(errno) : "");
	if (err) {
		close(fd);
		return -1;
	}
	memset(&r, 0, sizeof(r));
	NEED(ioctl(fd, TUNGETIFF, &r));
	say("  name %s flags %x", r.ifr_name, (unsigned short)r.ifr_flags);
	return fd;
}

static void end(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void up(const char *name)
{
	struct ifreq r = { .ifr_flags = IFF_UP };
	int s = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	strncpy(r.ifr_name, name, IFNAMSIZ - 1);
	NEED(ioctl(s, SIOCSIFFLAGS, &r));
	close(s);
}

/* Prints what a packet socket sees of a frame in @n pieces of lengths @len. */
static void pieces(int fd, int s, const int *len, int n)
{
	static unsigned char frame[70000];
	struct iovec v[40];
	unsigned char got[70000];
	int at = 0;
	ssize_t all;

	frame[0] = 2;
	frame[12] = 0x88;
	frame[13] = 0xb5;
	for (int k = 14; k < (int)sizeof(frame); k++)
		frame[k] = (unsigned char)(k * 7);
	for (int k = 0; k < n; k++) {
		v[k] = (struct iovec){ frame + at, (size_t)len[k] };
		at += len[k];
	}
	errno = 0;
	all = writev(fd, v, n);
	say("%d pieces, %d bytes: %zd %s", n, at, all, all < 0 ? strerrorname_np(errno) : "");
	if (all > 0)
		poll(&(struct pollfd){ s, POLLIN, 0 }, 1, 5000);
	all = recv(s, got, sizeof(got), MSG_DONTWAIT);
	say("  came %zd, %s", all, all > 0 && !memcmp(got, frame, (size_t)all) ? "the same" : "");
}

static void frames(int flags)
{
	static const int lens[][6] = { { 60 }, { 14 }, { 13 }, { 14, 46 }, { 13, 47 },
		{ 14, 0, 46 }, { 14, 46, 0 }, { 60, 4096 }, { 60, 4097 }, { 60, 4096, 4096, 1000 },
		{ 6, 8, 46 }, { 100, 1, 1, 1 }, { 0, 60 }, { 1400, 114 }, { 60, 4000, 9000 } };
	int many[40], s = NEED(socket(AF_PACKET, SOCK_RAW, htons(0x88b5)));
	int fd = attach("f", flags);

	if (fd < 0)
		return;
	pieces(fd, s, (int[]){ 60 }, 1);
	up("f");
	for (unsigned k = 0; k < sizeof(lens) / sizeof(lens[0]); k++) {
		int n = 0;

		for (int m = 0; m < 6; m++)
			if (lens[k][m])
				n = m + 1;
		pieces(fd, s, lens[k], n);
	}
	for (int k = 0; k < 40; k++)
		many[k] = 50;
	pieces(fd, s, many, 17);
	pieces(fd, s, many, 18);
	pieces(fd, s, many, 19);
	pieces(fd, s, many, 40);
	close(fd);
	close(s);
}

static void queues(void)
{
	int a = attach("q", IFF_TAP | NAPI | IFF_MULTI_QUEUE), b, c;
	struct ifreq r = { .ifr_flags = IFF_DETACH_QUEUE };

	b = attach("q", IFF_TAP | IFF_MULTI_QUEUE);
	c = attach("q", IFF_TAP | NAPI | FRAGS | IFF_MULTI_QUEUE);
	if (a >= 0)
		T(ioctl(a, TUNSETQUEUE, &r));
	r.ifr_flags = IFF_ATTACH_QUEUE;
	if (a >= 0)
		T(ioctl(a, TUNSETQUEUE, &r));
	end(a);
	end(b);
	end(c);
}

static void all(void)
{
	static const int flags[] = { IFF_TUN | NAPI, IFF_TAP | NAPI, IFF_TAP | FRAGS,
		IFF_TUN | NAPI | FRAGS, IFF_TAP | NAPI | FRAGS, IFF_TUN | IFF_TAP | NAPI | FRAGS,
		NAPI };
	unsigned features = 0;
	int fd = NEED(open("/dev/net/tun", O_RDWR));

	NEED(unshare(CLONE_NEWNET));
	NEED(ioctl(fd, TUNGETFEATURES, &features));
	say("features %x", features);
	for (unsigned k = 0; k < sizeof(flags) / sizeof(*flags); k++)
		end(attach("t", flags[k]));
	queues();
	frames(IFF_TAP | IFF_NO_PI);
	frames(IFF_TAP | IFF_NO_PI | NAPI);
	frames(IFF_TAP | IFF_NO_PI | NAPI | FRAGS);
	fd = attach("p", IFF_TAP | NAPI | FRAGS);
	if (fd < 0)
		return;
	NEED(ioctl(fd, TUNSETPERSIST, 1));
	close(fd);
	fd = attach("p", IFF_TAP);
	NEED(ioctl(fd, TUNSETPERSIST, 0));
	close(fd);
}

TEST(tun_napi)
{
	CHILD(all());
}
