/* SPDX-License-Identifier: MIT */
/*
 * progress.h: a line on standard error, if that is a terminal and the work has taken a second.
 * die() and warn() erase it.
 */
#ifndef NESTLING_NESTCTL_PROGRESS_H
#define NESTLING_NESTCTL_PROGRESS_H

#include <stdint.h>

/* Shows a bar: @done of @total. */
void progress(const char *what, uint64_t done, uint64_t total);
/* Shows counts if the total is unknown. */
void progress_count(const char *what, uint64_t files, uint64_t bytes);
/* Erases the line. */
void progress_end(void);

#endif
