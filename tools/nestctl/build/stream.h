/* SPDX-License-Identifier: MIT */
/*
 * stream.h: files as a stream of bytes between nestctl and the agent of a build. Both run on one
 * machine and are built together, so numbers have the machine's order.
 *
 * An entry is a head, then its path, its target and its attributes without ends. Data of a regular
 * file follows in pieces, each with a struct stream_piece before it; a piece of no bytes ends it,
 * and what lies in no piece is zeros. A head of the kind STREAM_END ends the stream.
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
	/* a file, folder, link, device, pipe or socket, as its mode says */
	STREAM_ENTRY,
	/* another name of the earlier entry whose path is the target */
	STREAM_LINK,
};

/* It is the only file of its source: it may get another name. */
#define STREAM_SINGLE 1

struct stream_head {
	uint32_t magic, kind, flags;
	uint32_t mode, uid, gid;
	uint32_t major, minor;
	int64_t mtime;
	uint64_t size;
	/* ns; of listings (agent's "list") the time and the number of the inode too */
	uint32_t mtime_nsec, ctime_nsec;
	int64_t ctime;
	uint64_t ino;
	/* bytes; attributes are NAME, a NUL, a uint32_t with the value's size, the value */
	uint32_t path, target, xattrs, unused;
};
static_assert(sizeof(struct stream_head) == 88, "no padding");

struct stream_piece {
	uint64_t offset;
	uint32_t size, unused;
};
static_assert(sizeof(struct stream_piece) == 16, "no padding");

#endif
