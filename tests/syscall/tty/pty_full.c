/* SPDX-License-Identifier: MIT */
/*
 * pty_full: a terminal with a slow reader: written data waits, and none is lost, also where a byte
 * takes two places.
 */
#include "t.h"
#include <termios.h>

/* Writes @n bytes. @make returns byte I. */
static void writer(int fd, int n, unsigned char (*make)(int))
{
	unsigned char buf[1000];

	for (int at = 0; at < n;) {
		int k = 0;

		for (; k < (int)sizeof(buf) && at + k < n; k++)
			buf[k] = make(at + k);
		at += (int)NEED(write(fd, buf, (size_t)k));
	}
}

static unsigned char lines(int n)
{
	return n % 11 == 10 ? '\n' : (unsigned char)('a' + n / 11 % 26);
}

static unsigned char marks(int n)
{
	return n ? 0xff : 'a';
}

/* Reads slowly what writer() writes. @places: how many bytes each byte but the first becomes. */
static void slow(const char *what, tcflag_t iflag, tcflag_t lflag, int n,
	unsigned char (*make)(int), int places)
{
	int m = NEED(posix_openpt(O_RDWR | O_NOCTTY)), s, got = 0, wrong = 0,
	    want = places * (n - 1) + 1;
	struct termios t;
	unsigned char buf[700];
	pid_t pid;

	NEED(grantpt(m));
	NEED(unlockpt(m));
	s = NEED(open(ptsname(m), O_RDWR | O_NOCTTY));
	NEED(tcgetattr(s, &t));
	t.c_iflag = iflag;
	t.c_oflag = 0;
	t.c_lflag = lflag;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	NEED(tcsetattr(s, TCSANOW, &t));
	pid = SPAWN(writer(m, n, make));
	usleep(300000);
	alarm(200);
	while (got < want) {
		struct pollfd p = { .fd = s, .events = POLLIN };
		int k = poll(&p, 1, 60000) == 1 ? (int)NEED(read(s, buf, sizeof(buf))) : 0;

		if (!k)
			break;
		for (int i = 0; i < k; i++)
			wrong += buf[i] != make((got + i + places - 1) / places);
		got += k;
	}
	alarm(0);
	say("%s: %d of %d, wrong %d", what, got, want, wrong);
	if (got != want)
		kill(pid, SIGKILL);
	t_wait("writer", pid);
	close(m);
	close(s);
}

TEST(pty_full)
{
	slow("lines", 0, ICANON, 11 * 2000, lines, 1);
	slow("bytes", 0, 0, 20000, lines, 1);
	slow("marked", PARMRK, 0, 20000, marks, 2);
	slow("lines, marked", PARMRK, ICANON, 11 * 2000, lines, 1);
}
