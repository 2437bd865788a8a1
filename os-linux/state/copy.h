/* SPDX-License-Identifier: MIT */
/*
 * copy.h: keeps copies of data that is to be written to a file later. Copying a page takes a
 * tenth of the time of writing it to a file, and the instance is stopped only for the copy
 * (copy.c).
 */
#ifndef NESTLING_OS_STATE_COPY_H
#define NESTLING_OS_STATE_COPY_H

#include <stddef.h>
#include <stdint.h>

/*
 * Allocates memory for @bytes, of which @at_once will certainly be needed; less, or none, if the
 * host has little memory. Memory that an earlier call has left is used again.
 */
void copy_prepare(uint64_t bytes, uint64_t at_once);
/*
 * Keeps @n bytes that are to be written to @fd at offset @at; without memory for them, writes them
 * now. Returns 0 or -errno.
 */
int copy_put(int fd, const void *from, size_t n, uint64_t at);
/* Writes @n bytes at once. Returns 0 or -errno. */
int copy_write(int fd, const void *from, size_t n, uint64_t at);
/*
 * Copies data only to bring it and the memory into the CPU's caches; copy_again() follows. Returns
 * 0, or -ENOSPC if the memory is too small.
 */
int copy_rehearse(const void *from, size_t n);
/* Forgets the copied data and keeps the memory. */
void copy_again(void);
/* Writes all copied data to @fd and frees the memory, also on failure. Returns 0 or -errno. */
int copy_flush(int fd);
/* Frees the memory without writing it. */
void copy_drop(void);

#endif
