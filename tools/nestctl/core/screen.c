/* SPDX-License-Identifier: MIT */
/* screen.c: see screen.h. */
#include "tools/nestctl/core/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"

/* the terminal's settings, and those of the screen */
static struct termios before, raw;
/*
 * @taken: the terminal is in use as a screen. @ended: the signal that asks for the end. @changed:
 * the screen must be drawn again.
 */
static volatile sig_atomic_t taken, ended, changed;

/*
 * Enters the screen (@ours) or restores the terminal. Lines that are too long end at the edge.
 * Async-signal-safe.
 */
static void switch_to(bool ours)
{
	static const char enter[] = "\033[?1049h\033[?25l\033[?7l\033[2J",
			  leave[] = "\033[0m\033[?7h\033[?25h\033[?1049l";

	tcsetattr(0, TCSANOW, ours ? &raw : &before);
	if (write(1, ours ? enter : leave, ours ? sizeof(enter) - 1 : sizeof(leave) - 1) < 0)
		return;
}

static void on_end(int sig)
{
	ended = sig;
}

static void on_resize(int sig)
{
	(void)sig;
	changed = 1;
}

static void on_stop(int sig)
{
	const int err = errno;

	(void)sig;
	switch_to(false);
	kill(getpid(), SIGSTOP);
	switch_to(true);
	changed = 1;
	errno = err;
}

/* Restores the terminal and dies of the signal at once: a fault cannot wait for the main loop. */
static void on_fault(int sig)
{
	switch_to(false);
	raise(sig);
}

void screen_leave(void)
{
	if (taken)
		switch_to(false);
	taken = 0;
}

void screen_notice_signals(void)
{
	static const int others[] = { SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM };

	on_ending_signals(on_end);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		signal(others[i], on_end);
}

static void notice_faults(void)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP };
	const struct sigaction fault = { .sa_handler = on_fault,
		.sa_flags = (int)SA_RESETHAND | SA_NODEFER };

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigaction(faults[i], &fault, NULL);
}

bool screen_enter(void)
{
	const struct sigaction stop = { .sa_handler = on_stop };
	const struct sigaction resize = { .sa_handler = on_resize };

	if (!isatty(1) || tcgetattr(0, &before))
		return false;
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_iflag &= ~(tcflag_t)ICRNL;
	screen_notice_signals();
	/*
	 * If the reader goes away, write(2) must return an error, since SIGPIPE would leave the
	 * terminal as a screen.
	 */
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGTSTP, &stop, NULL);
	sigaction(SIGWINCH, &resize, NULL);
	notice_faults();
	atexit(screen_leave);
	taken = 1;
	switch_to(true);
	return true;
}

int screen_ended(void)
{
	return ended;
}

void screen_die_of_signal(void)
{
	screen_leave();
	if (!ended)
		return;
	signal(ended, SIG_DFL);
	raise(ended);
}

/* Reads the bytes after an escape character. Returns an arrow key, or 27 for Escape itself. */
static int escape_key(void)
{
	struct pollfd p = { .fd = 0, .events = POLLIN };
	char c[2] = { 0 };

	for (int i = 0; i < 2; i++)
		if (poll(&p, 1, 50) <= 0 || read(0, &c[i], 1) != 1)
			return 27;
	switch (c[1]) {
	case 'A': return KEY_UP;
	case 'B': return KEY_DOWN;
	case 'C': return KEY_RIGHT;
	case 'D': return KEY_LEFT;
	default: return 27;
	}
}

/* Reads the key that is available. See screen_key(). */
static int read_key(void)
{
	char c;

	if (read(0, &c, 1) != 1)
		return KEY_GONE;
	return c == 27 ? escape_key() : c == '\n' ? '\r' : (unsigned char)c;
}

/*
 * The signals of noticed[] are blocked except in ppoll(), so that a signal between the check and
 * the wait is not missed.
 */
int screen_key(double seconds)
{
	struct timespec t = { (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9) };
	static const int noticed[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP, SIGQUIT, SIGUSR1,
		SIGUSR2, SIGALRM };
	struct pollfd p = { .fd = taken ? 0 : -1, .events = POLLIN };
	sigset_t held, usual;
	int n;

	sigemptyset(&held);
	for (size_t i = 0; i < sizeof(noticed) / sizeof(noticed[0]); i++)
		sigaddset(&held, noticed[i]);
	sigprocmask(SIG_BLOCK, &held, &usual);
	n = ended || changed ? 0 : ppoll(&p, 1, &t, &usual);
	sigprocmask(SIG_SETMASK, &usual, NULL);
	if (ended)
		return KEY_GONE;
	if (changed || (n < 0 && errno == EINTR)) {
		changed = 0;
		return KEY_REDRAW;
	}
	if (n <= 0)
		return KEY_TIME;
	return read_key();
}

void screen_size(int *columns, int *rows)
{
	struct winsize ws;
	const bool known = isatty(1) && !ioctl(1, TIOCGWINSZ, &ws) && ws.ws_col && ws.ws_row;

	*columns = known ? ws.ws_col : 80;
	*rows = known ? ws.ws_row : 24;
}

bool screen_draw(const char *text)
{
	int columns, rows;

	screen_size(&columns, &rows);
	fputs("\033[H", stdout);
	for (int row = 0; row < rows && *text; row++) {
		const size_t n = strcspn(text, "\n");

		if (row)
			fputs("\r\n", stdout);
		fwrite(text, 1, n, stdout);
		fputs("\033[K", stdout);
		text += n + (text[n] == '\n');
	}
	fputs("\033[J", stdout);
	return !fflush(stdout);
}
