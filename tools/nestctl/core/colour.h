/* SPDX-License-Identifier: MIT */
/* colour.h: colours and sizes for output that people read. */
#ifndef NESTLING_NESTCTL_COLOUR_H
#define NESTLING_NESTCTL_COLOUR_H

#include <stdint.h>
#include <stdio.h>

enum colour { COLOUR_NONE, COLOUR_BOLD, COLOUR_DIM, COLOUR_RED, COLOUR_YELLOW, COLOUR_GREEN };
/*
 * Returns the escape sequence that switches standard output to a colour, in constant memory.
 * COLOUR_NONE ends all others. Returns "" if standard output is no terminal, TERM is missing or
 * "dumb", or NO_COLOR is set and not empty. The first call decides this for all later ones.
 */
const char *colour(enum colour c);
/*
 * Prints text from a guest's programs as dmesg(1) does: invalid UTF-8, and characters that control
 * a terminal, appear as numbers (\x1b). Newlines and tabs stay.
 */
void put_plain(FILE *out, const char *text);
/*
 * Returns a size as "1.5MB", or "12B" below 1000 bytes, for columns of listings. K, M, G and T are
 * powers of 1024. The text is never freed.
 */
const char *size_text(double bytes);
/*
 * Returns a size as "1.5M" or "12B", for narrow columns. The sixteenth call after this one
 * overwrites the text.
 */
const char *short_size(double bytes);

#endif
