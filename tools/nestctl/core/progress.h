/* SPDX-License-Identifier: MIT */
/*
 * progress.h: a line on standard error that shows how far the work is. It appears if standard error
 * is a terminal and the work has taken a second. die() and warn() erase it.
 */
#ifndef NESTLING_NESTCTL_PROGRESS_H
#define NESTLING_NESTCTL_PROGRESS_H

#include <stdint.h>

/*
 * Shows the verb, the last part of @path (or nothing for NULL) and a bar of @done in @total, which
 * are in one unit of the caller's choice: progress("import", "/tmp/a.tar", ...) prints "import
 * a.tar" and the bar.
 */
void progress(const char *verb, const char *path, uint64_t done, uint64_t total);
/* Shows @what and the counts of files and bytes in place of a bar, if the total is unknown. */
void progress_count(const char *what, uint64_t files, uint64_t bytes);
/* Shows nothing from now on. */
void progress_off(void);
/* Erases the line. A later call of progress() may show it again. */
void progress_end(void);

#endif
