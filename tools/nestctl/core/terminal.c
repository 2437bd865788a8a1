/* SPDX-License-Identifier: MIT */
/* terminal.c: see terminal.h. */
#include "tools/nestctl/core/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>

static struct termios before;
static bool raw;
static int when; /* tcsetattr()'s action for the restore */

void terminal_restore(void)
{
	if (raw)
		tcsetattr(0, when, &before);
	raw = false;
}

bool terminal_await(void)
{
	int err;

	/* tcdrain() stops a process in the background, and changes nothing. */
	while ((err = tcdrain(0)) && errno == EINTR)
		;
	return !err;
}

/* Makes the terminal raw, when this process is in the foreground. */
static bool take(void)
{
	struct termios t;

	/* Until then the modes are those of the program in the foreground, such as a shell. */
	if (!terminal_await() || tcgetattr(0, &before))
		return false;
	t = before;
	cfmakeraw(&t);
	raw = !tcsetattr(0, TCSADRAIN, &t);
	return raw;
}

bool terminal_raw(bool drop)
{
	when = drop ? TCSAFLUSH : TCSADRAIN;
	atexit(terminal_restore);
	return take();
}

void terminal_stop(void)
{
	const bool again = raw;

	terminal_restore();
	raise(SIGSTOP);
	if (again)
		take();
}
