/* SPDX-License-Identifier: MIT */
/*
 * snapshot_host.h: two conditions on the host that end a snapshot: a timer, and a descriptor whose
 * other end is closed. One snapshot at a time.
 */
#ifndef NESTLING_MCONSOLE_SNAPSHOT_HOST_H
#define NESTLING_MCONSOLE_SNAPSHOT_HOST_H

#include <stdint.h>

enum { SNAPSHOT_GOES_ON, SNAPSHOT_TIME, SNAPSHOT_LEFT };

/*
 * Raises @irq after @seconds, or when the other end of the pipe or socket @fd is closed (-1: none).
 * Consumes @fd, also on failure. Returns 0 or -errno: -EPERM for a file that cannot be polled.
 */
int snapshot_host_begin(int fd, uint32_t seconds, int irq);
/* Returns SNAPSHOT_GOES_ON, or which of the two conditions has ended the snapshot. */
int snapshot_host_look(void);
/* Drops both conditions and closes the descriptor. */
void snapshot_host_end(void);

#endif
