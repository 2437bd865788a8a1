/* SPDX-License-Identifier: MIT */
/* terminal.c: see terminal.h. */
#include "tools/nestctl/core/terminal.h"

#include <stdlib.h>
#include <termios.h>

static struct termios before;
static bool raw;
static int when; /* restored */

void terminal_restore(void)
{
	if (raw)
		tcsetattr(0, when, &before);
	raw = false;
}

bool terminal_raw(bool drop)
{
	struct termios t;

	if (tcgetattr(0, &before))
		return false;
	t = before;
	cfmakeraw(&t);
	when = drop ? TCSAFLUSH : TCSADRAIN;
	raw = !tcsetattr(0, TCSADRAIN, &t);
	atexit(terminal_restore);
	return raw;
}
