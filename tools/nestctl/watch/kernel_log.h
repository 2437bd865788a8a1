/* SPDX-License-Identifier: MIT */
/* kernel_log.h: an instance's kernel log. */
#ifndef NESTLING_NESTCTL_KERNEL_LOG_H
#define NESTLING_NESTCTL_KERNEL_LOG_H

#include <stdbool.h>

/*
 * Prints the log of a running instance (NULL: of the only one), as lines or as JSON objects.
 * @follow: new lines too, until it ends. Returns the exit status of nestctl. Dies on an error.
 */
int kernel_log(const char *name, bool follow, bool json);

#endif
