/* SPDX-License-Identifier: MIT */
/* colour.h: colours and sizes of what is printed for people. */
#ifndef NESTLING_NESTCTL_COLOUR_H
#define NESTLING_NESTCTL_COLOUR_H

#include <stdint.h>

enum colour { COLOUR_NONE, COLOUR_BOLD, COLOUR_DIM, COLOUR_RED, COLOUR_YELLOW, COLOUR_GREEN };
/* What switches standard output to it, or "": it is no terminal, TERM is dumb, or NO_COLOR is set. */
const char *colour(enum colour c);
/* "1.5M" of bytes, until sixteen more have been asked for. */
const char *short_size(double bytes);

#endif
