/* SPDX-License-Identifier: MIT */
/*
 * screen.h: the terminal as one screen that is drawn again and again, for `nestctl top`, `stats`
 * and `watch`. screen_leave(), die(), exit() and signals that end the program restore the terminal.
 * It is also restored while the program is stopped (SIGTSTP).
 *
 *      if (screen_enter())
 *              while (!screen_ended() && (key = screen_key(seconds)) != 'q')
 *                      screen_draw(text);
 *      screen_leave();
 */
#ifndef NESTLING_NESTCTL_SCREEN_H
#define NESTLING_NESTCTL_SCREEN_H

#include <stdbool.h>

/*
 * Takes the terminal: switches to the alternate screen, and delivers keys at once and without echo.
 * Sets SIGPIPE to be ignored. Returns true on success. Changes nothing and returns false unless
 * standard input and output are terminals.
 */
bool screen_enter(void);
/* Restores the terminal. May be called again. */
void screen_leave(void);
/*
 * Makes screen_ended() notice SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGUSR2 and SIGALRM, and SIGHUP
 * unless it is ignored. screen_enter() calls this function.
 */
void screen_notice_signals(void);
/* Returns the number of the signal that asked the program to end, or 0. */
int screen_ended(void);
/*
 * Restores the terminal, and dies of the signal that screen_ended() returns. Returns if there was
 * none.
 */
void screen_die_of_signal(void);

/* Results of screen_key() besides characters. */
enum { KEY_TIME = 0, KEY_GONE = -1, KEY_REDRAW = -2, KEY_UP = 256, KEY_DOWN, KEY_LEFT, KEY_RIGHT };
/*
 * Waits at most @seconds (fractions count) for a key. Returns the byte (Enter is '\r', Escape 27),
 * a key above, KEY_TIME after @seconds, KEY_GONE if the terminal is gone or the program must end,
 * or KEY_REDRAW after SIGCONT or a change of size. Reads no keys if no screen was entered.
 */
int screen_key(double seconds);
/* Returns the size of the terminal on standard output; without a terminal 80 by 24. */
void screen_size(int *columns, int *rows);
/*
 * Draws lines, each of which ends in '\n', from the top. Cuts long lines at the right edge, and
 * leaves out lines below the bottom edge. True if the output could be written.
 */
bool screen_draw(const char *text);

#endif
