/* SPDX-License-Identifier: MIT */
/*
 * A bridge follows the MTU of its ports while the link of one of them comes and goes; and what the
 * administrator has set of a bridge stays.
 */
#include "netns.h"

#include "guest.h"
#include <linux/sockios.h>

#define ROUNDS 3000

static volatile int over;

static void *flaps(void *arg)
{
	while (!over) {
		set_up("vb0", 0);
		set_up("vb0", 1);
	}
	return arg;
}

static int mtu(int s, const char *dev, int set)
{
	struct ifreq r = { .ifr_mtu = set };

	strncpy(r.ifr_name, dev, IFNAMSIZ - 1);
	NEED(ioctl(s, set ? SIOCSIFMTU : SIOCGIFMTU, &r));
	return r.ifr_mtu;
}

static int last_of_mac(int s, const char *dev)
{
	struct ifreq r = { .ifr_name = "" };

	strncpy(r.ifr_name, dev, IFNAMSIZ - 1);
	NEED(ioctl(s, SIOCGIFHWADDR, &r));
	return r.ifr_hwaddr.sa_data[5];
}

static void with_bridge(int s, long call)
{
	struct ifreq r = { .ifr_name = "br7", .ifr_ifindex = (int)if_nametoindex("va0") };

	NEED(ioctl(s, call, &r));
}

/* Returns after how many changes of a port's MTU the bridge does not have it. */
static int mtus(int s)
{
	int other = 0;

	for (int i = 0; i < ROUNDS; i++) {
		mtu(s, "va0", 1300 + i % 7);
		other += mtu(s, "br7", 0) != 1300 + i % 7;
	}
	return other;
}

/* Returns how often an address that was set for the bridge changes with the ports' addresses. */
static int addresses(int s)
{
	int other = 0;

	for (int i = 0; i < ROUNDS / 10; i++) {
		NEED(ioctl(s, SIOCBRADDBR, "br7"));
		set_up("br7", 1);
		with_bridge(s, SIOCBRADDIF);
		set_mac("br7", 9);
		set_mac("va0", 1);
		other += last_of_mac(s, "br7") != 9;
		set_up("br7", 0);
		NEED(ioctl(s, SIOCBRDELBR, "br7"));
	}
	return other;
}

TEST(race_bridge_follows)
{
	pthread_t flapper;
	int s;

	own_net();
	s = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	if (ioctl(s, SIOCBRADDBR, "br7") && !in_guest()) { /* a host without bridges */
		say("MTUs not followed: 0");
		say("addresses not kept: 0");
		return;
	}
	set_up("br7", 1);
	with_bridge(s, SIOCBRADDIF);
	NEED0(pthread_create(&flapper, NULL, flaps, NULL));
	say("MTUs not followed: %d", mtus(s));
	set_up("br7", 0);
	NEED(ioctl(s, SIOCBRDELBR, "br7"));
	say("addresses not kept: %d", addresses(s));
	over = 1;
	pthread_join(flapper, NULL);
}
