/* SPDX-License-Identifier: MIT */
/*
 * screen.h: the terminal as one screen that is drawn again and again, for `nestctl top`, `stats`
 * and `watch`. It is put back on every way out: screen_leave(), die(), exit(), the signals that end
 * a program; and while the program is stopped (SIGTSTP).
 *
 *      if (screen_enter())
 *              while (!screen_ended() && (key = screen_key(seconds)) != 'q')
 *                      screen_draw(text);
 *      screen_leave();
 */
#ifndef NESTLING_NESTCTL_SCREEN_H
#define NESTLING_NESTCTL_SCREEN_H

#include <stdbool.h>

/* Takes the terminal. False without one on standard input and output. */
bool screen_enter(void);
/* Gives the terminal back; may be called again. */
void screen_leave(void);
/* Lets screen_ended() notice ending signals, which screen_enter() does too. */
void screen_notice_signals(void);
/* Returns the signal that asked the program to end, or 0. */
int screen_ended(void);
/* Gives the terminal back and dies of the signal that screen_ended() says, if there is one. */
void screen_die_of_signal(void);

/* What screen_key() returns besides characters. */
enum { KEY_TIME = 0, KEY_GONE = -1, KEY_REDRAW = -2, KEY_UP = 256, KEY_DOWN, KEY_LEFT, KEY_RIGHT };
/*
 * Waits @seconds at most for a key. Returns the character (Enter is '\r', Escape 27), a key above,
 * KEY_TIME when the time is over, KEY_GONE if the terminal is gone or the program shall end,
 * KEY_REDRAW after a change of size and after SIGCONT. Without a screen it only waits.
 */
int screen_key(double seconds);
/* The size now; 80 by 24 without a terminal. */
void screen_size(int *columns, int *rows);
/* Draws lines, which end in '\n', from the top; what does not fit is cut. False on an error. */
bool screen_draw(const char *text);

#endif
