/* SPDX-License-Identifier: MIT */
/*
 * cpio.h: a reader of cpio archives in the "newc" format (magic 070701, and 070702 with a checksum,
 * which is ignored). It takes its input piece by piece and hands entries to the operations of its
 * caller.
 *
 * The format: a header of 110 bytes of text, which are the magic and thirteen eight-digit
 * hexadecimal numbers; the name with its terminator, padded so that header and name together are a
 * multiple of four bytes; the contents, padded to four bytes. "TRAILER!!!" ends the archive.
 */
#ifndef NESTLING_FS_CPIO_H
#define NESTLING_FS_CPIO_H

#include "kernel/lib/types.h"

#define CPIO_HEADER 110
#define CPIO_NAME_MAX 4096

/* The numbers of a header: @size in bytes, @mtime in seconds. */
struct cpio_entry {
	u32 ino, mode, uid, gid, nlink, mtime, size;
	u32 major, minor, rmajor, rminor;
	const char *name; /* NUL-terminated */
};

/*
 * Operations of the caller: entry() after header and name, whose @e and name are valid until it
 * returns; data() for each piece of the contents; end() after the contents. If one of them returns
 * a result other than 0, the reader stops, and cpio_feed() returns that result. trailer() at the
 * end of an archive.
 */
struct cpio_ops {
	int (*entry)(void *arg, const struct cpio_entry *e);
	int (*data)(void *arg, const u8 *data, size_t n);
	int (*end)(void *arg);
	void (*trailer)(void *arg);
};

struct cpio {
	const struct cpio_ops *ops;
	void *arg;
	enum { CPIO_SKIP, CPIO_HEAD, CPIO_NAME, CPIO_DATA } state;
	struct cpio_entry e;
	u64 at;   /* bytes consumed since the entry began */
	u32 have; /* bytes in @buf */
	/* length in bytes of the whole header or name */
	u32 want;
	u32 left; /* bytes of contents still to come */
	bool trailer;
	char buf[CPIO_NAME_MAX + 4];
};
/* Starts a reader. It allocates nothing, so nothing need be freed at its end. */
void cpio_begin(struct cpio *c, const struct cpio_ops *ops, void *arg);
/*
 * Consumes the next @n bytes. Returns 0, -EINVAL (not an archive), or the result of an operation
 * that stopped the reader. Zeros between archives are skipped.
 */
int cpio_feed(struct cpio *c, const u8 *data, size_t n);
/* Does what cpio_feed() does, but stops behind the end of an archive. *used: bytes consumed. */
int cpio_feed_one(struct cpio *c, const u8 *data, size_t n, size_t *used);
/* Ends the input. Returns 0, or -EINVAL if the input ended in the middle of an entry. */
int cpio_finish(const struct cpio *c);

#endif
