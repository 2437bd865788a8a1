/* SPDX-License-Identifier: MIT */
/*
 * pty_line: line editing: what erasing shows of tabs, control characters and UTF-8; and that
 * erasing or reprinting a long line does not take so long that other tasks of that CPU starve.
 */
#include "t.h"
#include <sys/ioctl.h>
#include <termios.h>

static int master, slave;

static void pair(tcflag_t iflag)
{
	struct termios t;

	master = NEED(posix_openpt(O_RDWR | O_NOCTTY));
	NEED(grantpt(master));
	NEED(unlockpt(master));
	slave = NEED(open(ptsname(master), O_RDWR | O_NOCTTY));
	NEED(tcgetattr(slave, &t));
	t.c_iflag = iflag;
	t.c_oflag = OPOST | ONLCR;
	t.c_lflag = ICANON | IEXTEN | ECHO | ECHOE | ECHOK | ECHOKE | ECHOCTL;
	t.c_cc[VKILL] = 'U' & 31;
	t.c_cc[VERASE] = 'H' & 31;
	t.c_cc[VWERASE] = 'W' & 31;
	t.c_cc[VREPRINT] = 'R' & 31;
	NEED(tcsetattr(slave, TCSANOW, &t));
}

static void unpair(void)
{
	close(slave);
	close(master);
}

/* Prints the echo of @s, with unprintable bytes as numbers. */
static void shown(const char *what, const char *s)
{
	char buf[1024], out[3200];
	int n = 0, at = 0;
	struct pollfd p = { .fd = master, .events = POLLIN };

	NEED(write(master, s, strlen(s)));
	/* each text ends with a newline, which is echoed last */
	while (n < (int)sizeof(buf) && poll(&p, 1, n && buf[n - 1] == '\n' ? 100 : 100000) == 1)
		n += (int)NEED(read(master, buf + n, sizeof(buf) - (size_t)n));
	for (int i = 0; i < n; i++)
		at += snprintf(out + at, sizeof(out) - (size_t)at,
			buf[i] > ' ' && buf[i] < 0x7f ? "%c" : "<%02x>", (unsigned char)buf[i]);
	say("%s: %.*s", what, at, out);
}

static void texts(void)
{
	pair(IUTF8);
	shown("tab at the start", "\t\b\n");
	shown("tab behind 3", "abc\t\b\n");
	shown("tab behind 8", "abcdefgh\t\b\n");
	shown("two tabs", "a\t\t\b\b\b\n");
	shown("tab, letters, tab", "a\tbcd\t\b\b\b\b\b\b\n");
	shown("control characters", "a\001\002\t\b\b\b\b\n");
	shown("UTF-8", "\303\244\303\266\t\b\b\b\n");
	shown("word", "one two\tthree\027\027\n");
	shown("kill", "ab\tc\001d\t\tx\025\n");
	shown("erased and typed again", "ab\t\b\tc\b\b\td\b\b\b\b\b\n");
	shown("reprint", "ab\tc\001d\022\b\b\b\b\n");
	NEED(write(slave, "12345", 5));
	shown("behind a prompt", "a\tb\b\b\b\n");
	shown("behind a prompt that is gone", "a\tb\b\b\b\n");
	unpair();
	pair(0);
	shown("UTF-8 without the flag", "\303\244\303\266\t\b\b\b\n");
	unpair();
}

/* Discards the echo, and the line. */
static void drain(void)
{
	char buf[4096];
	struct pollfd p = { .fd = master, .events = POLLIN };

	NEED(tcflush(slave, TCIOFLUSH));
	while (poll(&p, 1, 0) == 1)
		NEED(read(master, buf, sizeof(buf)));
}

/*
 * Types @n bytes of @line, and then @keys over and over, @times bytes in one write. Prints whether
 * the shortest of ten such writes took less than 4 ms.
 */
static void timed(const char *what, const char *line, int n, const char *keys, int times)
{
	static char buf[4096], more[4096];
	double best = 1e9;

	for (int i = 0; i < n; i++)
		buf[i] = line[i % (int)strlen(line)];
	for (int i = 0; i < times; i++)
		more[i] = keys[i % (int)strlen(keys)];
	for (int k = 0; k < 10; k++) {
		double t;

		pair(0);
		for (int i = 0; i < n; i += 500) {
			NEED(write(master, buf + i, (size_t)(n - i < 500 ? n - i : 500)));
			for (struct pollfd p = { .fd = master, .events = POLLIN };
				poll(&p, 1, 2) == 1;) {
				char echo[4096];

				NEED(read(master, echo, sizeof(echo)));
			}
		}
		t = now_us() / 1e6;
		NEED(write(master, more, (size_t)times));
		t = now_us() / 1e6 - t;
		best = t < best ? t : best;
		drain();
		unpair();
	}
	if (getenv("SHOW"))
		fprintf(stderr, "%s: %.3f ms\n", what, best * 1e3);
	say("%s: %s", what, best < 0.004 ? "at once" : "slow");
}

TEST(pty_line)
{
	texts();
	timed("kill of letters", "x", 4000, "\025", 1);
	timed("kill of tabs", "\t", 4000, "\025", 1);
	timed("word of letters", "x", 4000, "\027", 1);
	timed("tabs behind letters", "x", 3900, "\t\b", 64);
	timed("reprints", "x", 4000, "\022", 64);
	timed("erasing", "x", 4000, "\b", 64);
}
