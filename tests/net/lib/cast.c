/* SPDX-License-Identifier: MIT */
/*
 * cast N PAUSE: sends N datagrams to all on 10.9.9.0/24, PAUSE microseconds apart, with calls in
 * between that do nothing. Prints how many microseconds one took on average.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	int on = 1, s = socket(AF_INET, SOCK_DGRAM, 0);
	long n = argc > 2 ? atol(argv[1]) : 0, pause, start, last;

	to.sin_addr.s_addr = inet_addr("10.9.9.255");
	if (!n || s < 0 || setsockopt(s, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)))
		return 1;
	pause = 1000 * atol(argv[2]);
	start = now();
	for (long i = 0; i < n; i++) {
		last = now();
		if (sendto(s, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) != 1)
			return 1;
		do
			syscall(SYS_getpgrp);
		while (now() - last < pause);
	}
	printf("%ld\n", (now() - start) / n / 1000);
	return 0;
}
