/* SPDX-License-Identifier: MIT */
/*
 * tcp_reroute: a connection whose own address goes sends nothing at once, not only from its next
 * timeout on, and goes on when the address has come back.
 */
#include "inet.h"
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>

static void set_address(const char *name)
{
	struct ifreq r = { .ifr_name = "lo" };
	struct sockaddr_in a = at(name, 0);
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	memcpy(&r.ifr_addr, &a, sizeof(a));
	NEED(ioctl(fd, SIOCSIFADDR, &r));
	close(fd);
}

static void hear(int fd, const char *what, int ms)
{
	char text[16] = "";
	int ready = poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, ms);

	if (ready > 0)
		NEED(recv(fd, text, sizeof(text) - 1, 0));
	say("%s: %s", what, ready > 0 ? text : "nothing");
}

TEST(tcp_reroute)
{
	struct sockaddr_in a = at("10.9.9.1", 4000);
	int listener, fd, peer;

	if (unshare(CLONE_NEWNET)) {
		say("no namespace");
		return;
	}
	lo_up();
	set_address("10.9.9.1");
	listener = NEED(socket(AF_INET, SOCK_STREAM, 0));
	NEED0(bind(listener, SA(&a), sizeof(a)));
	NEED0(listen(listener, 1));
	fd = NEED(socket(AF_INET, SOCK_STREAM, 0));
	NEED0(connect(fd, SA(&a), sizeof(a)));
	peer = NEED(accept(listener, NULL, NULL));
	T(send(fd, "one", 3, 0));
	hear(peer, "with its address", 100000);
	set_address("192.168.7.1");
	T(send(fd, "two", 3, 0));
	hear(peer, "without", 100);
	set_address("10.9.9.1");
	hear(peer, "with it again", 100000);
	T(send(peer, "three", 5, 0));
	hear(fd, "and back", 100000);
	close(fd);
	close(peer);
	close(listener);
}
