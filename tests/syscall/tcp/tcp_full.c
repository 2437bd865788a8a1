/* SPDX-License-Identifier: MIT */
/*
 * tcp_full: connections that fill all memory of TCP, both ways each, and a reader that takes a
 * block of one way, then of the other. Segments get lost both ways, so full ones have SACK blocks
 * to tell. Each reader gets all, in hundredths of a second as a rule.
 */
#include "t.h"
#include "guest.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define PAIRS 2
#define BLOCK 60000
#define ROUNDS 1500
#define LIMITS "600 800 1200"

static char block[BLOCK];

static void connect_pair(int *p)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0);

	NEED(bind(l, (struct sockaddr *)&a, sizeof(a)));
	NEED(listen(l, 1));
	NEED(getsockname(l, (struct sockaddr *)&a, &len));
	p[0] = socket(AF_INET, SOCK_STREAM, 0);
	NEED(p[0]);
	NEED(connect(p[0], (struct sockaddr *)&a, len));
	p[1] = accept(l, NULL, NULL);
	NEED(p[1]);
	close(l);
}

/* Starts a child that writes until the peer goes. */
static pid_t feed(int fd)
{
	pid_t pid = fork();

	NEED(pid);
	if (pid)
		return pid;
	while (send(fd, block, BLOCK, MSG_NOSIGNAL) > 0)
		;
	_exit(0);
}

static bool take(int fd)
{
	return recv(fd, block, BLOCK, MSG_WAITALL) == BLOCK;
}

/* Returns TcpExt's counter of timeouts of this network. */
static long timeouts(void)
{
	char names[8192], values[8192], *n, *v, *ns, *vs;
	FILE *f = fopen("/proc/net/netstat", "r");
	long found = -1;

	if (!f || !fgets(names, sizeof(names), f) || !fgets(values, sizeof(values), f))
		return -1;
	fclose(f);
	n = strtok_r(names, " \n", &ns);
	v = strtok_r(values, " \n", &vs);
	for (; n && v; n = strtok_r(NULL, " \n", &ns), v = strtok_r(NULL, " \n", &vs))
		if (!strcmp(n, "TCPTimeouts"))
			found = atol(v);
	return found;
}

/* Limits the TCP memory of the guest. That of a host is shared with other programs. */
static void limit(const char *limits)
{
	FILE *f = in_guest() ? fopen("/proc/sys/net/ipv4/tcp_mem", "w") : NULL;

	if (f)
		fprintf(f, "%s\n", limits);
	NEED(f ? fclose(f) : 0);
}

TEST(tcp_full)
{
	char before[100] = "";
	FILE *f = fopen("/proc/sys/net/ipv4/tcp_mem", "r");
	int p[PAIRS][2], done = 0;
	pid_t feeders[PAIRS][2];
	long had;

	NEED(f && fgets(before, sizeof(before), f) ? fclose(f) : -1);
	limit(LIMITS);
	had = timeouts();
	for (int i = 0; i < PAIRS; i++) {
		connect_pair(p[i]);
		feeders[i][0] = feed(p[i][0]);
		feeders[i][1] = feed(p[i][1]);
	}
	for (int i = 0; i < PAIRS; i++) {
		pid_t reader = fork();

		NEED(reader);
		if (reader)
			continue;
		while (done < ROUNDS && take(p[i][0]) && take(p[i][1]))
			done++;
		_exit(done == ROUNDS ? 0 : 1);
	}
	for (int i = 0, status; i < PAIRS; i++) {
		pid_t pid = wait(&status);

		say("a reader gets all: %d", pid > 0 && !status);
	}
	say("few timeouts: %d", !in_guest() || timeouts() - had < 100);
	if (getenv("TCP_FULL"))
		fprintf(stderr, "%ld timeouts\n", timeouts() - had);
	for (int i = 0; i < PAIRS; i++)
		for (int k = 0; k < 2; k++) {
			kill(feeders[i][k], SIGKILL);
			waitpid(feeders[i][k], NULL, 0);
		}
	limit(before);
}
