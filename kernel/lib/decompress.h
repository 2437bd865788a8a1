/* SPDX-License-Identifier: MIT */
/*
 * decompress.h: decompresses blocks with libraries of the host, for image file systems such as
 * squashfs.
 *
 * The libraries are in the host world (drivers/decompress), which is linked with those libraries
 * that the build found. A call does not sleep and occupies the vCPU for its duration: a block is at
 * most a MiB.
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

/* drivers/decompress fills the table with the bodies of the two functions below. */
struct decompress_ops {
	bool (*has)(u32 kind);
	long (*block)(u32 kind, void *out, size_t size, const void *in, size_t n);
};
extern const struct decompress_ops decompress_ops;

/* True if @kind is built in. */
static inline bool decompress_has(u32 kind)
{
	return decompress_ops.has(kind);
}
/*
 * Decompresses the whole of @in, @n bytes, one stream of @kind, into @out. Returns the bytes, at
 * most @size. -EINVAL: damaged, or longer than @size; -ENOMEM; -EOPNOTSUPP: not built in. Both
 * buffers lie in the direct map. The part of @out behind the result, or all of it on failure, is
 * undefined.
 */
static inline long decompress_block(u32 kind, void *out, size_t size, const void *in, size_t n)
{
	return decompress_ops.block(kind, out, size, in, n);
}

#endif
