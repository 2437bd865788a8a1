/* SPDX-License-Identifier: MIT */
/* space_internal.h: between space.c and space_trace.c. */
#ifndef NESTLING_OS_SPACE_INTERNAL_H
#define NESTLING_OS_SPACE_INTERNAL_H

#include <sys/types.h>

pid_t os_space_pid(int task);
void os_space_set_traced(int task); /* deaths of it are ours to see first */

#endif
