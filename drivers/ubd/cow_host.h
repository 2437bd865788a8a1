/* SPDX-License-Identifier: MIT */
/*
 * cow_host.h: UML's copy-on-write file, version 3, as Debian's uml_mkcow and uml_moo read and write it. Host world: the ubd driver's
 * back end and nestctl use it.
 *
 * The file: a header of 4128 bytes (big-endian numbers), from the next multiple of `alignment` a bitmap with one bit a sector (little-endian
 * bit order: sector n is bit n%8 of byte n/8), from the next multiple the data, at the same offsets as in the backing file. A sector
 * whose bit is 0 is the backing file's.
 */
#ifndef NESTLING_UBD_COW_HOST_H
#define NESTLING_UBD_COW_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COW_SECTOR 512
#define COW_PATH_MAX 4096

struct cow_info {
	char backing[COW_PATH_MAX]; /* as the header names it */
	uint32_t mtime;             /* of the backing file, seconds, 32 bits */
	uint64_t size;              /* of the backing file, bytes */
	uint64_t bitmap_off, bitmap_len, data_off;
};

/*
 * All: 0 or -errno with one line in @err (which names no file; the caller does).
 */

/* Reads and checks the header of an open file. -EINVAL: not a COW file that we understand. */
int cow_read_header(int fd, struct cow_info *info, char *err, size_t errsize);
/* Is there a COW header at all (magic)? */
bool cow_is_cow(int fd);
/* Does @backing_fd hold what the header was made for (size and time)? -EINVAL */
int cow_check_backing(const struct cow_info *info, int backing_fd, char *err, size_t errsize);
/* Makes @path (it must not exist) over the backing file; the file appears under its name complete or not at all. An open fd. */
int cow_create(const char *path, const char *backing, int backing_fd, char *err, size_t errsize);
/* Changes the name of the backing file in the header. */
int cow_rename_backing(int fd, const char *backing, char *err, size_t errsize);

#endif
