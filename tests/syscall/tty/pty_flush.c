/* SPDX-License-Identifier: MIT */
/*
 * pty_flush: a writer that sleeps because the other end of a pseudo terminal is full wakes up when
 * that end is flushed.
 */
#include "t.h"
#include <termios.h>

static void forget(const char *what, bool raw, bool by_master, int how)
{
	int m = NEED(posix_openpt(O_RDWR | O_NOCTTY)), s;
	unsigned long *written =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct termios t;
	pid_t pid;

	say("%s", what);
	NEED(grantpt(m) | unlockpt(m));
	s = NEED(open(ptsname(m), O_RDWR | O_NOCTTY));
	NEED(tcgetattr(s, &t));
	if (raw)
		cfmakeraw(&t);
	t.c_lflag &= ~(tcflag_t)ECHO;
	NEED(tcsetattr(s, TCSANOW, &t));
	pid = SPAWN({
		for (;; ++*written)
			NEED(write(by_master ? m : s, "a line of it\n", 13));
	});
	for (int i = 0; i < 3; i++) {
		unsigned long before;

		/* what lies behind the line's buffer may still be on its way */
		do {
			before = *(volatile unsigned long *)written;
			sleep_ms(20);
			t_until(pid, 'S');
		} while (*(volatile unsigned long *)written != before);
		NEED(tcflush(by_master ? s : m, how));
		T_WAIT(*(volatile unsigned long *)written > before);
	}
	kill(pid, SIGKILL);
	t_wait("writer", pid);
	close(m);
	close(s);
}

TEST(pty_flush)
{
	forget("master writes, lines", false, true, TCIFLUSH);
	forget("master writes, raw", true, true, TCIFLUSH);
	forget("slave writes", false, false, TCIFLUSH);
	forget("slave writes, raw", true, false, TCIFLUSH);
	forget("master writes, both flushed", false, true, TCIOFLUSH);
	forget("slave writes, both flushed", false, false, TCIOFLUSH);
}
