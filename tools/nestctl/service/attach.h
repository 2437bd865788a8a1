/* SPDX-License-Identifier: MIT */
/* attach.h: shows a kept instance's output, and sends it this process's input (attach.c). */
#ifndef NESTLING_NESTCTL_ATTACH_H
#define NESTLING_NESTCTL_ATTACH_H

#include <stdbool.h>

struct attach_options {
	bool input;       /* pass on standard input */
	bool no_signals;  /* signals end nestctl, not the command */
	const char *keys; /* that end it; NULL: ctrl-p,ctrl-q */
};
/*
 * Starts the kept instance and attaches to it, so that no output is missed; attaches to one that
 * runs already. Returns the command's exit status, or 0 once detached.
 */
int attach_started(const char *name, const struct attach_options *how);

#endif
