/* SPDX-License-Identifier: MIT */
/* width.h: how many columns of a terminal a text takes, and texts that are cut to columns. */
#ifndef NESTLING_NESTCTL_WIDTH_H
#define NESTLING_NESTCTL_WIDTH_H

#include <stdio.h>

/* Returns the columns of a UTF-8 text; a byte that is invalid or controls a terminal has 1. */
int text_width(const char *text);
/*
 * Prints at most @width columns of @text, the last one an ellipsis if there is more, and '?' for
 * each byte that is invalid or controls a terminal. Returns the columns printed.
 */
int put_cut(FILE *out, const char *text, int width);
/* Prints a cut text and blanks up to @width columns; the blanks first if @width is negative. */
void put_padded(FILE *out, const char *text, int width);
/* Returns the columns of the terminal that is standard output, or 0 without one. */
int terminal_columns(void);

#endif
