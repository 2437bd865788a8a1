/* SPDX-License-Identifier: MIT */
/*
 * /proc/net/protocols and sockstat: how many sockets of a protocol the namespace has, and which
 * calls it takes.
 */
#include "inet.h"
#include <netinet/udp.h>
#include <sched.h>
#include <sys/un.h>

static const char *const names[] = { "TCP", "TCPv6", "UDP", "UDPv6", "UDP-Lite", "RAW", "RAWv6",
	"UNIX", "UNIX-STREAM" };

/* Prints the columns that do not depend on the kernel's structures. */
static void counts(const char *when)
{
	char line[256], name[32], press[8], slab[8], module[32];
	FILE *f = fopen("/proc/net/protocols", "r");
	int size, n, memory, header, at;

	say("%s:", when);
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%31s %d %d %d %7s %d %7s %31s%n", name, &size, &n, &memory, press,
			    &header, slab, module, &at) != 8)
			continue;
		for (unsigned k = 0; k < sizeof(names) / sizeof(names[0]); k++)
			if (!strcmp(name, names[k]))
				say("  %s: %d, %s, %s %s, size %d, calls%.*s", name, n, press, slab,
					module, size > 0, (int)strcspn(line + at, "\n"), line + at);
	}
	if (f)
		fclose(f);
	f = fopen("/proc/net/sockstat", "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "TCP: inuse %d orphan %*d tw %d", &n, &size) == 2)
			say("  TCP: %d in use, %d wait", n, size);
		if (sscanf(line, "UDP: inuse %d", &n) == 1)
			say("  UDP: %d in use", n);
		if (sscanf(line, "RAW: inuse %d", &n) == 1)
			say("  RAW: %d in use", n);
	}
	if (f)
		fclose(f);
}

TEST(net_protocols)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	int fd[12], p[2];

	if (unshare(CLONE_NEWNET))
		NEED(unshare(CLONE_NEWUSER | CLONE_NEWNET));
	lo_up();
	counts("at first");
	fd[0] = bound(SOCK_STREAM, "127.0.0.1");
	NEED(listen(fd[0], 1));
	fd[1] = bound(SOCK_DGRAM, "127.0.0.1");
	fd[2] = bound(SOCK_DGRAM, "127.0.0.1");
	fd[3] = NEED(socket(AF_INET6, SOCK_STREAM, 0));
	NEED(bind(fd[3], SA(&any), sizeof(any)));
	NEED(listen(fd[3], 1));
	fd[4] = NEED(socket(AF_INET6, SOCK_DGRAM, 0));
	NEED(bind(fd[4], SA(&any), sizeof(any)));
	fd[5] = NEED(socket(AF_INET, SOCK_RAW, 200));
	fd[6] = NEED(socket(AF_INET6, SOCK_RAW, 200));
	fd[7] = NEED(socket(AF_UNIX, SOCK_DGRAM, 0));
	fd[8] = NEED(socket(AF_UNIX, SOCK_SEQPACKET, 0));
	fd[9] = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	counts("with some");
	for (int i = 0; i < 10; i++)
		close(fd[i]);
	close(p[0]);
	close(p[1]);
	counts("at last");
}
