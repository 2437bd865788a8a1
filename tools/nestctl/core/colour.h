/* SPDX-License-Identifier: MIT */
/* colour.h: colours and sizes for output that people read. */
#ifndef NESTLING_NESTCTL_COLOUR_H
#define NESTLING_NESTCTL_COLOUR_H

#include <stdint.h>
#include <stdio.h>

enum colour { COLOUR_NONE, COLOUR_BOLD, COLOUR_DIM, COLOUR_RED, COLOUR_YELLOW, COLOUR_GREEN };
/*
 * Returns the sequence that switches standard output to a colour, or "" if it is no terminal, TERM
 * is dumb, or NO_COLOR is set.
 */
const char *colour(enum colour c);
/*
 * Prints text of a guest's programs as dmesg(1) does: characters that control a terminal, and
 * invalid UTF-8, as a number (\x1b). Lines and tabs stay.
 */
void put_plain(FILE *out, const char *text);
/* Returns bytes as "1.5MB", for columns of listings; never freed. */
const char *size_text(double bytes);
/*
 * Returns bytes as "1.5M", for narrow columns; the text is overwritten by the sixteenth later call.
 */
const char *short_size(double bytes);

#endif
