/* SPDX-License-Identifier: MIT */
/* A socket joins and leaves a group while packets to that group come. */
#include "inet.h"

static volatile int stop;

static void *sender(void *arg)
{
	struct sockaddr_in to = at("239.1.2.3", *(int *)arg);
	struct ip_mreqn lo = { .imr_ifindex = (int)if_nametoindex("lo") };
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	long sent = 0;

	NEED(setsockopt(fd, SOL_IP, IP_MULTICAST_IF, &lo, sizeof(lo)));
	do
		sent += sendto(fd, "x", 1, MSG_DONTWAIT, SA(&to), sizeof(to)) == 1;
	while (!stop);
	close(fd);
	return (void *)(long)(sent > 0);
}

TEST(race_multicast)
{
	struct ip_mreqn group = { .imr_multiaddr.s_addr = inet_addr("239.1.2.3") };
	int fd = bound(SOCK_DGRAM, "0.0.0.0"), port = port_of(fd), bad = 0;
	long end = now_ms() + 150;
	pthread_t t;
	void *sent;
	char buf[16];

	lo_up();
	group.imr_ifindex = (int)if_nametoindex("lo");
	NEED0(pthread_create(&t, NULL, sender, &port));
	while (now_ms() < end) {
		bad += setsockopt(fd, SOL_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)) != 0;
		bad += setsockopt(fd, SOL_IP, IP_DROP_MEMBERSHIP, &group, sizeof(group)) != 0;
		while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
	}
	stop = 1;
	pthread_join(t, &sent);
	say("%d bad, sent %d", bad, sent != NULL);
}
