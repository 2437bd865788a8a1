/* SPDX-License-Identifier: MIT */
/*
 * decompress.h: decompresses with libraries of the host: blocks of image file systems such as
 * squashfs, and the streams of initrd=.
 *
 * drivers/decompress calls the libraries, and is linked with those that the build found. A call
 * does not sleep and occupies the vCPU for its duration. So callers request at most a MiB of output
 * from a block or a step.
 */
#ifndef NESTLING_LIB_DECOMPRESS_H
#define NESTLING_LIB_DECOMPRESS_H

#include "kernel/lib/types.h"

enum {
	DECOMPRESS_ZLIB,
	DECOMPRESS_ZSTD,
	DECOMPRESS_XZ,
	DECOMPRESS_LZ4,
	DECOMPRESS_LZO,
	DECOMPRESS_KINDS
};

/* A step of a stream. */
struct decompress_piece {
	/* input, and its length in bytes */
	const void *in;
	size_t n;
	/* output buffer, and its size in bytes */
	void *out;
	size_t room;
	/* results: bytes read from @in, and written to @out */
	size_t used, made;
};

/* drivers/decompress fills the table with the bodies of the functions below. */
struct decompress_ops {
	bool (*has)(u32 kind);
	long (*block)(u32 kind, void *out, size_t size, const void *in, size_t n);
	void *(*begin)(u32 kind);
	int (*step)(void *stream, struct decompress_piece *p);
	void (*end)(void *stream);
};
extern const struct decompress_ops decompress_ops;

/* True if @kind is built in. */
static inline bool decompress_has(u32 kind)
{
	return decompress_ops.has(kind);
}
/*
 * Decompresses @in, @n bytes that are one stream of @kind, into @out. Returns the number of bytes
 * written, at most @size. Errors: -EINVAL (damaged, or longer than @size), -ENOMEM, or -EOPNOTSUPP
 * (not built in). Both buffers lie in the direct map. Bytes of @out behind the result are
 * undefined, and after an error all bytes are.
 */
static inline long decompress_block(u32 kind, void *out, size_t size, const void *in, size_t n)
{
	return decompress_ops.block(kind, out, size, in, n);
}

/*
 * Begins a stream of @kind: ZLIB (in gzip's format), ZSTD or XZ. Returns it, for decompress_end(),
 * or NULL: no memory, or not built in.
 */
static inline void *decompress_begin(u32 kind)
{
	return decompress_ops.begin(kind);
}
/*
 * Decompresses the next piece of a stream. Returns 1 if the stream has ended, 0 if it has not,
 * -EINVAL if it is damaged or truncated, or -ENOMEM. A window above 128 MiB is refused: with
 * -EINVAL by zstd, with -ENOMEM by xz. p->used and p->made are set in all cases.
 */
static inline int decompress_step(void *stream, struct decompress_piece *p)
{
	return decompress_ops.step(stream, p);
}
static inline void decompress_end(void *stream)
{
	decompress_ops.end(stream);
}

#endif
