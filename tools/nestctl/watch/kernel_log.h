/* SPDX-License-Identifier: MIT */
/* kernel_log.h: an instance's kernel log. */
#ifndef NESTLING_NESTCTL_KERNEL_LOG_H
#define NESTLING_NESTCTL_KERNEL_LOG_H

#include <stdbool.h>

/*
 * Prints the kernel log of a running instance (NULL: of the only one), as lines or as JSON objects.
 * @follow: also prints new lines until the instance ends. Returns nestctl's exit status. Dies on an
 * error.
 */
int kernel_log(const char *name, bool follow, bool json);

#endif
