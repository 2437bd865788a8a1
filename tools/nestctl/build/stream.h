/* SPDX-License-Identifier: MIT */
/*
 * stream.h: files as a stream of bytes between nestctl and the agent of a build. Both run on one
 * machine and are built together, so numbers have native byte order.
 *
 * An entry is a head, then its path, its target and its extended attributes, not terminated. The
 * data of a regular file follows in pieces, each behind a struct stream_piece. A piece of no bytes
 * ends the data. Bytes outside the pieces are zeros. A head of the kind STREAM_END ends the stream.
 */
#ifndef NESTLING_NESTCTL_BUILD_STREAM_H
#define NESTLING_NESTCTL_BUILD_STREAM_H

#include <assert.h>
#include <stdint.h>

#define STREAM_MAGIC 0x6e737462
#define STREAM_PATH_MAX 4096
#define STREAM_XATTRS_MAX (128 << 10)
#define STREAM_PIECE_MAX (256 << 10)

enum stream_kind {
	STREAM_END,
	/* a file, folder, link, device, pipe or socket, by its mode */
	STREAM_ENTRY,
	/* a hard link to the earlier entry whose path is the target */
	STREAM_LINK,
};

/* A flag: the entry is its source's only file, and may get the target's name. */
#define STREAM_SINGLE 1

struct stream_head {
	uint32_t magic, kind, flags;
	uint32_t mode, uid, gid; /* of stat(2), @mode with the type */
	uint32_t major, minor;   /* of a device */
	/* seconds since 1970 */
	int64_t mtime;
	/* bytes of a regular file */
	uint64_t size;
	/* nanoseconds of @mtime and @ctime */
	uint32_t mtime_nsec, ctime_nsec;
	/* seconds since 1970; this, its nanoseconds and @ino only in listings (agent's "list") */
	int64_t ctime;
	uint64_t ino; /* inode number */
	/*
	 * sizes in bytes of path, target and attributes. An attribute is NAME, a NUL, the value's
	 * size as a uint32_t, and the value.
	 */
	uint32_t path, target, xattrs, unused;
};
static_assert(sizeof(struct stream_head) == 88, "no padding");

/* The head of @size bytes of data, at byte @offset of the file. */
struct stream_piece {
	uint64_t offset;
	uint32_t size, unused;
};
static_assert(sizeof(struct stream_piece) == 16, "no padding");

#endif
