/* SPDX-License-Identifier: MIT */
/* width.h: how many columns of a terminal a text takes, and texts cut to a number of columns. */
#ifndef NESTLING_NESTCTL_WIDTH_H
#define NESTLING_NESTCTL_WIDTH_H

#include <stdio.h>

/* Returns the columns of a UTF-8 text. An invalid byte or control character counts as 1. */
int text_width(const char *text);
/*
 * Prints at most @width columns of @text, the last of which is an ellipsis if text is left. Prints
 * '?' for each invalid byte, control character, and embedding or override of the direction (U+202A
 * to U+202E). Returns the columns printed.
 */
int put_cut(FILE *out, const char *text, int width);
/*
 * Prints the cut text, then blanks up to @width columns. The blanks come first if @width is
 * negative.
 */
void put_padded(FILE *out, const char *text, int width);
/*
 * Returns the columns of the terminal on standard output, or 0 if that is no terminal or its width
 * is unknown.
 */
int terminal_columns(void);

#endif
