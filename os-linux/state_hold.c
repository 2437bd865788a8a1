/* SPDX-License-Identifier: MIT */
/*
 * state_hold.c: restore=DIR hold=FD: the memory is there, and nothing runs yet. FD is a socket, to
 * which "r" is written. The instance goes on when "g" comes. If the other end is closed before,
 * this process ends: the instance runs elsewhere.
 *
 * hold=FD,early: the files of DIR are not there yet. This process says "w", and reads them when "s"
 * has come. So the time that its start takes is none in which the instance stands still.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os-linux/internal.h"

static int channel = -1;

/* Says a letter and waits for the other end's. */
static bool exchange(char say, char want)
{
	char letter = say;
	ssize_t n;

	if (write(channel, &letter, 1) != 1)
		return false;
	do {
		n = host_recv(channel, &letter, 1, 0);
	} while (n < 0 && errno == EINTR);
	return n == 1 && letter == want;
}

bool state_hold_files(const char *hold)
{
	char *end;
	long fd = strtol(hold, &end, 10);

	if (end == hold || fd < 0 || fd > 1 << 20 || (*end && strcmp(end, ",early") != 0))
		return false;
	channel = (int)fd;
	return !*end || exchange('w', 's');
}

bool state_hold(void)
{
	bool goes_on = exchange('r', 'g');

	close(channel);
	return goes_on;
}
