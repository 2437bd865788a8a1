/* SPDX-License-Identifier: MIT */
/*
 * state_copy.h: copies in memory of data that is to be written to a file. To copy a page takes a
 * tenth of the time of writing it to a file, and the instance stands still only for the copy
 * (state_copy.c).
 */
#ifndef NESTLING_OS_STATE_COPY_H
#define NESTLING_OS_STATE_COPY_H

#include <stddef.h>
#include <stdint.h>

/*
 * Gets memory for @bytes, of which @at_once will certainly be needed. Less, if the host has not
 * much.
 */
void copy_prepare(uint64_t bytes, uint64_t at_once);
/* Keeps @n bytes that are to be written to @fd at @at; without memory it writes. 0 or -errno. */
int copy_put(int fd, const void *from, size_t n, uint64_t at);
/* Copies only, so that the memory is in the CPU's caches. -ENOSPC: there is not so much. */
int copy_rehearse(const void *from, size_t n);
/* Forgets what was copied. The memory stays. */
void copy_again(void);
/* Writes all that is kept, and frees the memory. 0 or -errno. */
int copy_flush(int fd);
void copy_drop(void);

#endif
