/* SPDX-License-Identifier: MIT */
/* run.h: the parts of `nestctl run`. */
#ifndef NESTLING_NESTCTL_RUN_H
#define NESTLING_NESTCTL_RUN_H

#include <stdbool.h>

/* A folder of the host (its real path) that the instance sees at @guest. */
struct volume {
	char *host;
	const char *guest; /* NULL ends a list */
	bool rdonly;
};

/* initrd.c: a memory file with the initial archive: the built-in init, its devices and its job.  Inherited by children. */
int initrd_make(
	bool terminal, const char *hostname, const struct volume *volumes, char *const *command);

/*
 * pump.c: threads that carry a stream through a pipe; what is given back is the pipe's other end, for the kernel.  Input flows
 * once `ready` has said something (or ended).  Once the kernel has its ends, pump_kernel_started() closes ours and starts the
 * threads; pump_finish() waits until all output has arrived.
 */
int pump_input(int fd, int ready);
int pump_output(int fd);
void pump_kernel_started(const int fds[3]);
void pump_finish(void);

#endif
