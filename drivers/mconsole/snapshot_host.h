/* SPDX-License-Identifier: MIT */
/* snapshot_host.h: what ends a snapshot from outside: the host's time, and a descriptor whose other end is closed. One at a time. */
#ifndef NESTLING_MCONSOLE_SNAPSHOT_HOST_H
#define NESTLING_MCONSOLE_SNAPSHOT_HOST_H

#include <stdint.h>

enum { SNAPSHOT_GOES_ON, SNAPSHOT_TIME, SNAPSHOT_LEFT };

/*
 * Raises @irq after @seconds, and when nobody is at the other end of the pipe or socket @fd (-1: there is none), which is ours when this succeeds.
 * 0 or -errno: -EPERM for a file that cannot be waited for.
 */
int snapshot_host_begin(int fd, uint32_t seconds, int irq);
/* Has one of the two come? */
int snapshot_host_look(void);
void snapshot_host_end(void);

#endif
