/* SPDX-License-Identifier: MIT */
/*
 * cow_host.h: headers of UML's copy-on-write files, versions 1 to 3, as Debian's uml_mkcow and
 * uml_moo read and write them.
 *
 * The file: a header, from the next multiple of `alignment` (versions 1 and 2: at once) a bitmap
 * with one bit for each unit, usually a sector (unit n is bit n % 8 of byte n / 8). From the next
 * multiple of `alignment` (versions 1 and 2: of a unit) follows the data, at its offsets in the
 * backing file. A unit whose bit is 0 is read from the backing file. docs/cow.md has the headers.
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
	/* bytes that a bit covers: 512 or a larger power of two */
	uint32_t unit;
	/* true: version 3 as some 64-bit hosts once wrote it, with an mtime of 64 bits */
	bool wide_mtime;
};

enum { COW_NONE, COW_UML, COW_NESTLING };

/*
 * Unless their comment says otherwise, functions return 0 or -errno; those with @err then set it to
 * one line, to which the caller adds the file's name. Descriptors stay the caller's.
 */

/* Reads and checks the header of an open file. -EINVAL: not a known COW file. */
int cow_read_header(int fd, struct cow_info *info, char *err, size_t errsize);
/*
 * Returns which kind of COW header (magic) the file has: COW_NONE, also if it cannot be read,
 * COW_UML, or COW_NESTLING (version 4, see cow4_host.h).
 */
int cow_kind(int fd);
/* Returns 0 if @backing_fd has the size and time in the header, or -EINVAL. */
int cow_check_backing(const struct cow_info *info, int backing_fd, char *err, size_t errsize);
/*
 * Makes @path, which must not exist, over the backing file. Where the host has O_TMPFILE, the file
 * appears complete under its name or not at all. Returns an open descriptor, which the caller owns,
 * or -errno with a line in @err.
 */
int cow_create(const char *path, const char *backing, int backing_fd, char *err, size_t errsize);
/*
 * Puts another backing file (of equal size) into the header and into @info. The header is synced to
 * the disk when the call returns. -EOPNOTSUPP: only files of version 3 with an mtime of 32 bits can
 * be changed.
 */
int cow_set_backing(int fd, struct cow_info *info, const char *backing, int backing_fd);
/*
 * Writes the header and the empty bitmap of version 3 into an empty file, which may have no name,
 * for a backing file of @size bytes.
 */
int cow_init(int fd, const char *backing, int backing_fd, uint64_t size);
/*
 * As cow_init(), for a part of a disk's changes (part_host.h). Its header names no file: the caller
 * that opens the part provides the files below it.
 */
int cow_init_part(int fd, uint64_t size);

#endif
