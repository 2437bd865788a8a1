/* SPDX-License-Identifier: MIT */
/*
 * cow_host.h: headers of UML's copy-on-write files, versions 1 to 3, as Debian's uml_mkcow and uml_moo read and write them.
 *
 * The file: a header, from the next multiple of `alignment` (versions 1 and 2: at once) a bitmap with one bit a unit, usually a sector
 * (unit n is bit n % 8 of byte n / 8), from the next multiple (of a sector) the data, at the same offsets as in the backing file. A unit
 * whose bit is 0 is the backing file's. docs/cow.md has the headers.
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
	uint32_t version, alignment;
	uint32_t unit;   /* bytes of a bit: 512 or a larger power of two */
	bool wide_mtime; /* version 3 as some 64-bit hosts wrote it once, with an mtime of 64 bits */
};

enum { COW_NONE, COW_UML, COW_NESTLING };

/*
 * All: 0 or -errno with one line in @err (which names no file; the caller does).
 */

/* Reads and checks the header of an open file. -EINVAL: not a COW file that we understand. */
int cow_read_header(int fd, struct cow_info *info, char *err, size_t errsize);
/* Is there a COW header at all (magic), and whose? COW_NESTLING: version 4, see cow4_host.h. */
int cow_kind(int fd);
/* Does @backing_fd hold what the header was made for (size and time)? -EINVAL */
int cow_check_backing(const struct cow_info *info, int backing_fd, char *err, size_t errsize);
/* Makes @path (it must not exist) over the backing file; the file appears under its name complete or not at all. An open fd. */
int cow_create(const char *path, const char *backing, int backing_fd, char *err, size_t errsize);
/* Puts another backing file (of the same size) into the header, and into @info. It is on the disk when it returns. */
int cow_set_backing(int fd, struct cow_info *info, const char *backing, int backing_fd);
/* The header and the empty bitmap of version 3 into an empty file, which may have no name; 0 or -errno. */
int cow_init(int fd, const char *backing, int backing_fd, uint64_t size);

#endif
