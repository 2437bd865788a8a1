/* SPDX-License-Identifier: MIT */
/*
 * terminal.h: standard input as a raw terminal whose keys are for a guest's program: exec, attach,
 * console. screen.h is for screens that nestctl draws itself.
 */
#ifndef NESTLING_NESTCTL_TERMINAL_H
#define NESTLING_NESTCTL_TERMINAL_H

#include <stdbool.h>

/*
 * Stops this process (SIGTTOU) if it is in the background, until it is in the foreground. Then
 * waits until the terminal has its output. Returns false if standard input is no terminal, or the
 * process cannot come to the foreground.
 */
bool terminal_await(void);
/*
 * Calls terminal_await(), then makes the terminal raw until terminal_restore() or exit(). Keys that
 * were typed earlier stay queued. True if standard input is a terminal. @drop: terminal_restore()
 * discards keys that no program has read.
 */
bool terminal_raw(bool drop);
/* Restores the terminal. May be called again. */
void terminal_restore(void);
/*
 * Restores the terminal and stops this process, as SIGTSTP does. When the process continues, takes
 * the terminal again and returns.
 */
void terminal_stop(void);

#endif
