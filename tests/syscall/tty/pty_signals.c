/* SPDX-License-Identifier: MIT */
/*
 * pty_signals: many keys that send a signal, in one write to a pseudo terminal: each sends its own,
 * and bytes between them are read or flushed.
 */
#include "t.h"
#include <termios.h>

static int master, slave;

static void keys(const char *what, const char *text, size_t each)
{
	static char buf[4096];
	char got[64];

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = text[i % each];
	say("%s", what);
	T(write(master, buf, 1024) > 0);
	tcflush(slave, TCIFLUSH);
	tcflush(master, TCIFLUSH);
	NEED(write(master, "end\n", 4));
	T(read(slave, got, sizeof(got)));
	tcflush(master, TCIFLUSH);
}

TEST(pty_signals)
{
	struct termios t;

	master = NEED(posix_openpt(O_RDWR | O_NOCTTY));
	NEED(grantpt(master) | unlockpt(master));
	slave = NEED(open(ptsname(master), O_RDWR | O_NOCTTY));
	NEED(tcgetattr(slave, &t));
	t.c_lflag &= ~(tcflag_t)ECHO;
	NEED(tcsetattr(slave, TCSANOW, &t));
	keys("interrupts", "\3", 1);
	keys("quits", "\34", 1);
	keys("interrupts and letters", "\3a", 2);
	t.c_lflag |= NOFLSH;
	NEED(tcsetattr(slave, TCSANOW, &t));
	keys("without a flush", "\3", 1);
	close(slave);
	close(master);
}
