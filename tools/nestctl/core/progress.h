/* SPDX-License-Identifier: MIT */
/* progress.h: a line on standard error, where that is a terminal and something has taken a second. die() and warn() wipe it away. */
#ifndef NESTLING_NESTCTL_PROGRESS_H
#define NESTLING_NESTCTL_PROGRESS_H

#include <stdint.h>

/* A bar: @done of @total. */
void progress(const char *what, uint64_t done, uint64_t total);
/* Where nobody knows how much there will be. */
void progress_count(const char *what, uint64_t files, uint64_t bytes);
/* Wipes it away. */
void progress_end(void);

#endif
