/* SPDX-License-Identifier: MIT */
/*
 * audit_host.h: the descriptor to which the audit's lines are written. The kernel and
 * nestling-slirp, which has a copy of the descriptor, write to it: each line is one write of at
 * most PIPE_BUF bytes.
 */
#ifndef NESTLING_AUDIT_HOST_H
#define NESTLING_AUDIT_HOST_H

#include <stddef.h>

/*
 * Uses a copy of the inherited descriptor @fd for the audit. A pipe or a socket becomes
 * non-blocking. Returns 0 or -errno; -EBADF: it is not open for writing, or this process's own.
 * Called at the start, before audit_host_add().
 */
int audit_host_open(int fd);
/* Returns the descriptor, or -1. It is closed on exec, except in the broker of a jail. */
int audit_host_fd(void);
/*
 * Writes one line: the time and @text, which begins with a key and ends with '}'. If the pipe or
 * socket has no room, the line is counted as lost, and a line "lost" with the count precedes the
 * next line. Never waits for a reader; a file may wait for its disk. Callable from any thread, as
 * audit_host_lose(). @n is bytes.
 */
void audit_host_add(const char *text, size_t n);
/* Counts a line as lost that could not be composed. */
void audit_host_lose(void);

#endif
