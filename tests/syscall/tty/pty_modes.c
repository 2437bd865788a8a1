/* SPDX-License-Identifier: MIT */
/*
 * pty_modes: a change of mode with typed input, the bytes of UTF-8 and of broken parity, and
 * buffers of which a part is not there.
 */
#include "t.h"
#include <sys/ioctl.h>
#include <termios.h>

static int m, s;

static void pair(tcflag_t iflag, tcflag_t lflag)
{
	char name[64];
	int n, zero = 0;
	struct termios t;

	m = NEED(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK));
	NEED(ioctl(m, TIOCSPTLCK, &zero));
	NEED(ioctl(m, TIOCGPTN, &n));
	snprintf(name, sizeof(name), "/dev/pts/%d", n);
	s = NEED(open(name, O_RDWR | O_NOCTTY | O_NONBLOCK));
	NEED(tcgetattr(s, &t));
	t.c_iflag = iflag;
	t.c_lflag = lflag;
	NEED(tcsetattr(s, TCSANOW, &t));
}

static void unpair(void)
{
	close(s);
	close(m);
}

static void mode(tcflag_t lflag)
{
	struct termios t;

	NEED(tcgetattr(s, &t));
	t.c_lflag = lflag;
	NEED(tcsetattr(s, TCSANOW, &t));
}

static void type(const char *keys, size_t n)
{
	struct pollfd p = { s, POLLIN, 0 };

	NEED(write(m, keys, n));
	/* Linux hands it over in a thread: where nothing is there yet this waits for it */
	poll(&p, 1, 0);
	sleep_ms(20);
}

static void shown(void)
{
	char buf[64], text[300] = "";
	ssize_t n = read(s, buf, sizeof(buf));

	for (ssize_t i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			buf[i] < ' ' ? "\\%03o" : "%c", (unsigned char)buf[i]);
	say(" %zd %s", n, n < 0 ? t_errno(errno) : text);
}

/* Erasing takes nothing where no character begins. */
static void erased(void)
{
	pair(IUTF8, ICANON | IEXTEN);
	type("\200\177\n", 3);
	shown();
	type("a\303\244\177\n", 5);
	shown();
	type("\200\27\n", 3);
	shown();
	unpair();
}

static void parity(void)
{
	pair(PARMRK, ICANON);
	type("a\377b\n", 4);
	shown();
	unpair();
	pair(0, ICANON);
	type("a\377b\n", 4);
	shown();
	unpair();
	pair(PARMRK, 0);
	type("\377", 1);
	shown();
	unpair();
}

/* Lines that were typed are one to the next canonical mode. */
static void changes(void)
{
	int n;

	pair(0, 0);
	type("one\ntwo\nrest", 12);
	mode(ICANON);
	T(ioctl(s, FIONREAD, &n));
	say("%d", n);
	shown();
	shown();
	unpair();
	pair(0, ICANON);
	type("one\ntwo\nrest", 12);
	shown();
	mode(0);
	T(ioctl(s, FIONREAD, &n));
	say("%d", n);
	mode(ICANON);
	shown();
	shown();
	type("more\n", 5);
	shown();
	unpair();
}

/* Reads and writes with a buffer of which only the first byte is mapped. */
static void in_part(void)
{
	char *p = NEED(mmap(NULL, 2L * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0)) +
		  PAGE - 1;

	NEED(munmap(p + 1, PAGE));
	pair(0, 0);
	type("abcdef", 6);
	T(read(s, p, 6));
	say("%c", *p);
	T(read(s, BAD, 6));
	T(write(s, p, 6));
	T(write(m, p, 6));
	T(write(m, p, 1));
	unpair();
	munmap(p + 1 - PAGE, PAGE);
}

TEST(pty_modes)
{
	erased();
	parity();
	changes();
	in_part();
}
