/* SPDX-License-Identifier: MIT */
/* run.h: the parts of `nestctl run`. */
#ifndef NESTLING_NESTCTL_RUN_H
#define NESTLING_NESTCTL_RUN_H

#include <stdbool.h>

/* initrd.c: a memory file with the initial archive: the built-in init, its devices and its job.  Inherited by children. */
int initrd_make(bool terminal, const char *hostname, char *const *command);

/*
 * pump.c: carries a terminal's bytes through a pipe, by a thread.  pump_start() gives the pipe's other end, for the kernel;
 * with `input` from the terminal into the pipe, else from the pipe to the terminal.  Once the kernel has its ends,
 * pump_kernel_started() closes ours, and pump_finish() waits until all output has arrived.
 */
int pump_start(int fd, bool input);
void pump_kernel_started(const int fds[3]);
void pump_finish(void);

#endif
