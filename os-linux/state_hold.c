/* SPDX-License-Identifier: MIT */
/*
 * state_hold.c: restore=DIR hold=FD: the memory is there, and nothing runs yet. FD is a socket, to
 * which "r" is written. The instance goes on when "g" comes. If the other end is closed before,
 * this process ends: the instance runs elsewhere.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os-linux/internal.h"

bool state_hold(const char *number)
{
	char *end, letter = 'r';
	long fd = strtol(number, &end, 10);
	ssize_t n;

	if (!*number || *end || fd < 0 || fd > 1 << 20)
		return false;
	if (send((int)fd, &letter, 1, MSG_NOSIGNAL) != 1)
		return false;
	do {
		n = recv((int)fd, &letter, 1, 0);
	} while (n < 0 && errno == EINTR);
	close((int)fd);
	return n == 1 && letter == 'g';
}
