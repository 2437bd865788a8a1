/* SPDX-License-Identifier: MIT */
/* colour.h: colours and sizes of what is printed for people. */
#ifndef NESTLING_NESTCTL_COLOUR_H
#define NESTLING_NESTCTL_COLOUR_H

#include <stdint.h>
#include <stdio.h>

enum colour { COLOUR_NONE, COLOUR_BOLD, COLOUR_DIM, COLOUR_RED, COLOUR_YELLOW, COLOUR_GREEN };
/* What switches standard output to it, or "": it is no terminal, TERM is dumb, or NO_COLOR is set. */
const char *colour(enum colour c);
/*
 * As dmesg(1) does it: what a terminal would obey, and what is no UTF-8, by its number (\x1b). For texts that a guest's programs have
 * written. Lines and tabs stay.
 */
void put_plain(FILE *out, const char *text);
/* "1.5M" of bytes, until sixteen more have been asked for. */
const char *short_size(double bytes);

#endif
