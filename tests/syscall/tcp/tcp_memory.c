/* SPDX-License-Identifier: MIT */
/*
 * tcp_memory: unread data takes about as much memory as it has bytes, if it was written in large
 * pieces. Guests only: on the host other programs take and free memory, too.
 */
#include "t.h"
#include "guest.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define PAIRS 24
#define PIECE 32768
#define ENOUGH (2 << 20) /* of a pair */

static char piece[PIECE];

static long free_bytes(void)
{
	char line[200];
	FILE *f = fopen("/proc/meminfo", "r");
	long kib = -1;

	while (f && kib < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "MemFree: %ld", &kib);
	if (f)
		fclose(f);
	return kib * 1024;
}

/* Makes a connection through listener @l; p[] gets both ends. */
static void connect_pair(int l, const struct sockaddr_in *a, int *p)
{
	p[0] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	NEED(p[0]);
	connect(p[0], (const struct sockaddr *)a, sizeof(*a));
	p[1] = accept(l, NULL, NULL);
	NEED(p[1]);
}

static long fill(int fd)
{
	long sum = 0;
	ssize_t n;

	T_WAIT((n = write(fd, piece, PIECE)) > 0);
	do
		sum += n;
	while (sum < ENOUGH && (n = write(fd, piece, PIECE)) > 0);
	return sum;
}

TEST(tcp_memory)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int l = socket(AF_INET, SOCK_STREAM, 0), p[PAIRS][2];
	socklen_t len = sizeof(a);
	long before, taken, sum = 0;

	NEED(bind(l, (struct sockaddr *)&a, sizeof(a)));
	NEED(listen(l, PAIRS));
	NEED(getsockname(l, (struct sockaddr *)&a, &len));
	for (int i = 0; i < PAIRS; i++)
		connect_pair(l, &a, p[i]);
	before = free_bytes();
	for (int i = 0; i < PAIRS; i++)
		sum += fill(p[i][0]);
	taken = before - free_bytes();
	say("all have some: %d", sum >= (long)PAIRS * PIECE);
	say("it takes half as much again at the most: %d",
		!in_guest() || taken <= sum + sum / 2 + (1 << 20));
	if (getenv("TCP_MEMORY"))
		fprintf(stderr, "%ld bytes, %ld of memory\n", sum, taken);
}
