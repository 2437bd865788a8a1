/* SPDX-License-Identifier: MIT */
/*
 * progress.h: a line on standard error, if that is a terminal and the work has taken a second.
 * die() and warn() erase it.
 */
#ifndef NESTLING_NESTCTL_PROGRESS_H
#define NESTLING_NESTCTL_PROGRESS_H

#include <stdint.h>

/*
 * Shows a bar, @done of @total, behind what is being done and to which thing: progress("import",
 * "/tmp/a.tar", ...) says "import a.tar". @path: its last part is shown; or NULL.
 */
void progress(const char *verb, const char *path, uint64_t done, uint64_t total);
/* Shows counts if the total is unknown. */
void progress_count(const char *what, uint64_t files, uint64_t bytes);
/* Shows nothing from now on. */
void progress_off(void);
/* Erases the line. */
void progress_end(void);

#endif
