/* SPDX-License-Identifier: MIT */
/* attach.h: shows a kept instance's output, and passes this process's input to it (attach.c). */
#ifndef NESTLING_NESTCTL_ATTACH_H
#define NESTLING_NESTCTL_ATTACH_H

#include <stdbool.h>

struct attach_options {
	bool input;       /* pass on standard input */
	bool no_signals;  /* signals end nestctl, not the command */
	const char *keys; /* keys that detach; NULL: ctrl-p,ctrl-q */
};
/*
 * Starts the kept instance @name, unless it runs already, and attaches to it. No output of a start
 * is missed. Returns the command's exit status, 1 if output cannot be written, or 0 once detached:
 * by keys, by SIGHUP, or by a signal that no supervisor took. Dies on any other error.
 */
int attach_started(const char *name, const struct attach_options *how);

#endif
