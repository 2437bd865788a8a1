/* SPDX-License-Identifier: MIT */
/*
 * terminal.h: standard input as a raw terminal whose keys are for a guest's program: exec, attach,
 * console. screen.h is for screens that nestctl draws itself.
 */
#ifndef NESTLING_NESTCTL_TERMINAL_H
#define NESTLING_NESTCTL_TERMINAL_H

#include <stdbool.h>

/*
 * Makes the terminal raw until terminal_restore() or exit(); keys that were typed before stay.
 * Returns false if standard input is no terminal. @drop: terminal_restore() drops keys that nothing
 * has read.
 */
bool terminal_raw(bool drop);
/* Gives the terminal back; may be called again. */
void terminal_restore(void);
/*
 * Stops this process, as SIGTSTP does, with the terminal given back meanwhile. Returns once the
 * process continues, with the terminal taken again.
 */
void terminal_stop(void);

#endif
