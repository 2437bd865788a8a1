/* SPDX-License-Identifier: MIT */
/*
 * pty_echo: special cases of a terminal's echo: letters of Latin 1, newlines in raw mode, erasing
 * with ECHOPRT, keys on an empty line, echo that a signal's key discards; and which processes may
 * restart stopped output.
 */
#include "t.h"
#include <sys/ioctl.h>
#include <termios.h>

static int master, slave;
static struct termios t;

static void set(tcflag_t iflag, tcflag_t oflag, tcflag_t lflag)
{
	t.c_iflag = iflag;
	t.c_oflag = oflag;
	t.c_lflag = lflag;
	NEED(tcsetattr(slave, TCSANOW, &t));
}

static void pair(void)
{
	master = NEED(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK));
	NEED(grantpt(master));
	NEED(unlockpt(master));
	slave = NEED(open(ptsname(master), O_RDWR | O_NOCTTY | O_NONBLOCK));
	NEED(tcgetattr(slave, &t));
}

/* Prints the output of @fd up to a full stop or a newline. */
static void comes(const char *what, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char out[1000], c = 0;
	int at = 0;

	while (c != '.' && at < 900 && poll(&p, 1, 100000) == 1 && read(fd, &c, 1) == 1)
		at += sprintf(out + at, c > ' ' && c < 0x7f ? "%c" : "<%02x>", (unsigned char)c);
	say("%s: %.*s", what, at, out);
}

static void shown(const char *what, const char *s)
{
	NEED(write(master, s, strlen(s)));
	comes(what, master);
}

static void letters(void)
{
	set(IUCLC, 0, IEXTEN);
	NEED(write(master, "Az\xc0\xd6\xd7\xde\xdf.", 8));
	comes("small", slave);
	set(0, OPOST | OLCUC, 0);
	NEED(write(slave, "Az\xde\xdf\xe0\xf7\xff.", 8));
	comes("capital", master);
	set(0, OPOST | OLCUC, ECHO);
	shown("capital echo", "Az\xde\xe0\xff.");
	comes("typed", slave);
	set(0, 0, ICANON | IEXTEN);
	NEED(write(master, "a \xe4\xe4 \xb5\xb5\027.\n", 10));
	comes("a word", slave);
	tcflush(slave, TCIOFLUSH);
}

static void newlines(void)
{
	set(0, OPOST | ONLCR, ECHO | ECHOCTL);
	shown("raw", "a\nb\r.");
	set(ICRNL, OPOST | ONLCR, ECHO | ECHOCTL);
	shown("raw, of a return", "a\nb\r.");
	set(0, OPOST | ONLCR, ECHO | ECHOCTL | ICANON | IEXTEN);
	shown("quoted", "a\026\nb.");
	tcflush(slave, TCIOFLUSH);
}

static void erasing(void)
{
	set(IUTF8, OPOST, ICANON | ECHO | ECHOE | ECHOPRT | ECHOCTL | IEXTEN);
	shown("all of a line", "ab\177\177c.");
	tcflush(slave, TCIOFLUSH);
	shown("UTF-8", "a\xc3\xa9\177c.");
	tcflush(slave, TCIOFLUSH);
	set(0, OPOST, ICANON | ECHO | ECHOK | ECHOCTL);
	shown("an empty line killed", "\025.");
	shown("one that is not", "\025.");
	tcflush(slave, TCIOFLUSH);
}

static void thrown_away(void)
{
	int on = 1;
	char c = 0;
	struct pollfd p = { .fd = master, .events = POLLIN };

	set(0, OPOST | XTABS | ONLCR, ICANON | ECHO | ISIG | ECHOCTL);
	NEED(write(slave, "\r\n.", 3));
	comes("begins", master);
	NEED(ioctl(master, TIOCPKT, &on));
	NEED(write(master, "abc\003\t.", 6));
	NEED(poll(&p, 1, 100000));
	NEED(read(master, &c, 1));
	say("packet of %x", c);
	on = 0;
	NEED(ioctl(master, TIOCPKT, &on));
	comes("without what it flushed", master);
	tcflush(slave, TCIOFLUSH);
}

/* Types @s, which stops or restarts the slave's output, and waits until it has arrived. */
static void typed(const char *s)
{
	char c;
	struct pollfd p = { .fd = slave, .events = POLLIN };

	NEED(write(master, s, strlen(s)));
	NEED(poll(&p, 1, 100000));
	NEED(read(slave, &c, 1));
}

static void stopped(void)
{
	set(IXON, 0, 0);
	typed("\023x");
	T(write(slave, "a", 1));
	T(tcflow(slave, TCOON));
	T(write(slave, "b", 1));
	T(tcflow(slave, TCION));
	NEED(poll(&(struct pollfd){ .fd = master, .events = POLLIN }, 1, 100000));
	T(read(master, &(char){ 0 }, 1));
	T(tcflow(slave, TCOOFF));
	typed("\021x");
	T(write(slave, "c", 1));
	T(tcflow(slave, TCOON));
	T(write(slave, "d.", 2));
	comes("then", master);
	typed("\023x");
	T(write(slave, "e", 1));
	typed("\021x");
	T(write(slave, "f.", 2));
	comes("and then", master);
}

TEST(pty_echo)
{
	pair();
	letters();
	newlines();
	erasing();
	thrown_away();
	stopped();
}
