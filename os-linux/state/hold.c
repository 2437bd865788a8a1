/* SPDX-License-Identifier: MIT */
/*
 * hold.c: restore=DIR hold=FD holds a restored instance back. FD is a socket. When the memory
 * is mapped and no vCPU runs yet, this process writes "r" to the socket, and the instance runs when
 * "g" arrives. If the other end is closed earlier, this process ends: the instance then runs on
 * another host or in another process.
 *
 * hold=FD,early: the files of DIR do not exist yet. This process writes "w", and reads the files
 * when "s" has arrived. So the saved instance need not be stopped while this process starts.
 *
 * hold=console is not handled here (restore.c, drivers/mconsole/mconsole.c): the instance waits
 * later, with its devices made and its jail closed, until a client sends "state go".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os-linux/internal.h"

static int channel = -1;

/*
 * Sends the letter @say and waits until the other end sends @want. Returns false if the other end
 * is closed, or sends another letter.
 */
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
