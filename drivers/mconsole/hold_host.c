/* SPDX-License-Identifier: MIT */
/* hold_host.c: the channel of a client that holds the machine (hold_host.h). */
#include "drivers/mconsole/hold_host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os-linux/calls.h"

static int channel = -1;

int hold_host_take(struct mconsole_packet *p)
{
	socklen_t size = sizeof(int);
	int fd, type;

	if (channel >= 0)
		return -EBUSY;
	fd = mconsole_host_take(p, 0);
	if (fd < 0)
		return -EINVAL;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) || type != SOCK_STREAM ||
		host_no_wait(fd)) {
		close(fd);
		return -EINVAL;
	}
	channel = fd;
	return 0;
}

/* True if all bytes were written. A client that does not read counts as gone. */
static bool say(const char *text, size_t n)
{
	ssize_t done;

	do {
		done = write(channel, text, n);
	} while (done < 0 && errno == EINTR);
	return done == (ssize_t)n;
}

/* Returns the next letter from the client, or -1 at the end of the channel. */
static int hear(void)
{
	for (;;) {
		struct pollfd p = { .fd = channel, .events = POLLIN };
		char letter;
		ssize_t n;

		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return -1;
		n = host_recv(channel, &letter, 1, MSG_DONTWAIT);
		if (n == 1)
			return letter;
		if (n == 0 || (errno != EINTR && errno != EAGAIN))
			return -1;
	}
}

int hold_host_wait(uint64_t ns)
{
	bool committed = false;
	char text[40];
	int n = snprintf(text, sizeof(text), "h %llu\n", (unsigned long long)ns);

	if (!say(text, (size_t)n))
		return HOLD_GO;
	for (;;)
		switch (hear()) {
		case 'g': return HOLD_GO;
		case 'c':
			/* A client that did not get this reply starts no other process. */
			if (!say("c", 1))
				return HOLD_GO;
			committed = true;
			break;
		case -1: return committed ? HOLD_LOST : HOLD_GO;
		default: break;
		}
}

void hold_host_end(void)
{
	if (channel >= 0)
		close(channel);
	channel = -1;
}
